//! How to speak to the person who called the program: in which language, and how they called it.
//!
//! A hint repeats `--config` and `--data-dir` as they were given, so that it can be copied and run as it stands.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::args::{Common, Lang};
use crate::locale::{Arg, Locale, Message, PROGRAM};
use crate::visible::visible;

/// Options whose value is the next word.
const WITH_VALUE: [&str; 3] = ["--config", "--data-dir", "--lang"];

/// Language of a person, and their way to call the program.
#[derive(Clone)]
pub struct Voice {
    locale: &'static Locale,
    collector: String,
}

impl Voice {
    /// For what was parsed of a command line.
    pub fn of(common: &Common, program: Option<&OsStr>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let lang = common.lang.unwrap_or_else(|| Lang::from_env(variable));
        let mut words = vec![quoted(program.unwrap_or(OsStr::new(PROGRAM)))];
        let options = [("--config", common.config.as_deref()), ("--data-dir", common.data_dir.as_deref())];
        for (option, path) in options.into_iter().filter_map(|(option, path)| path.map(|path| (option, path))) {
            words.push(option.to_owned());
            words.push(quoted(Path::as_os_str(path)));
        }
        Self { locale: Locale::of(lang.into()), collector: words.join(" ") }
    }

    /// For a command line that does not parse: `--lang` is looked for by hand.
    pub fn of_words(words: &[OsString], variable: impl Fn(&str) -> Option<String>) -> Self {
        let lang = value_of("--lang", words).and_then(|value| match value.as_str() {
            "ja" => Some(Lang::Ja),
            "en" => Some(Lang::En),
            _ => None,
        });
        Self::of(&Common { lang, ..Common::default() }, words.first().map(OsString::as_os_str), variable)
    }

    /// For that language and way.
    #[must_use]
    pub fn new(locale: &'static Locale, collector: &str) -> Self {
        Self { locale, collector: collector.to_owned() }
    }

    /// The words of the language.
    #[must_use]
    pub fn locale(&self) -> &'static Locale {
        self.locale
    }

    /// The program with the options that were given.
    #[must_use]
    pub fn collector(&self) -> &str {
        &self.collector
    }

    /// A command for the same configuration and data folder.
    #[must_use]
    pub fn command(&self, rest: &str) -> String {
        format!("{} {rest}", self.collector)
    }

    /// A text without arguments.
    #[must_use]
    pub fn t(&self, key: &str) -> String {
        self.with(key, &[])
    }

    /// A text with arguments.
    #[must_use]
    pub fn with(&self, key: &str, arguments: &[(&'static str, Arg<'_>)]) -> String {
        let mut all = vec![("collector", Arg::Text(self.collector.as_str()))];
        all.extend_from_slice(arguments);
        self.locale.with(key, &all)
    }

    /// A text with arguments that are texts; they are made visible.
    #[must_use]
    pub fn say(&self, key: &str, arguments: &[(&'static str, &str)]) -> String {
        let shown: Vec<(&'static str, String)> = arguments.iter().map(|(name, text)| (*name, visible(text))).collect();
        let arguments: Vec<(&'static str, Arg<'_>)> =
            shown.iter().map(|(name, text)| (*name, Arg::Text(text.as_str()))).collect();
        self.with(key, &arguments)
    }

    /// A message in the person's language.
    #[must_use]
    pub fn tell(&self, message: &Message) -> String {
        message.told(self.locale, &self.collector)
    }
}

/// The words of a command line that are neither options nor their values, without the program.
pub fn plain_words(words: &[OsString]) -> Vec<String> {
    let mut plain = Vec::new();
    let mut rest = words.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = rest.next() {
        if WITH_VALUE.contains(&&*word) {
            rest.next();
        } else if !word.starts_with('-') {
            plain.push(word.into_owned());
        }
    }
    plain
}

fn value_of(option: &str, words: &[OsString]) -> Option<String> {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).take_while(|word| word != "--").collect();
    let joined = words.iter().rev().find_map(|word| word.strip_prefix(option)?.strip_prefix('=').map(str::to_owned));
    let next = || words.windows(2).rev().find(|pair| pair[0] == option).map(|pair| pair[1].clone().into_owned());
    joined.or_else(next)
}

/// One word for a shell, in quotes only where it needs them. A word with a NUL has no such form: left as it is.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    shlex::try_quote(&word).map_or_else(|_| word.to_string(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn hints_repeat_the_options_that_were_given() {
        let common = Common { config: Some("it's.toml".into()), data_dir: Some("/srv/点検".into()), lang: None };
        let voice = Voice::of(&common, Some(OsStr::new("./tenken-collector")), |_| None);
        assert_eq!(voice.command("serve"), r#"./tenken-collector --config "it's.toml" --data-dir '/srv/点検' serve"#);
        let bare = Voice::of(&Common::default(), None, |_| None);
        assert_eq!(bare.command("serve"), "tenken-collector serve");
    }

    #[test]
    fn the_language_is_found_on_a_command_line_that_does_not_parse() {
        let lang = |line: &str| Voice::of_words(&words(line), |_| None).locale().lang();
        for line in ["x --lang ja colect", "x colect --lang=ja", "x --lang en --lang ja"] {
            assert_eq!(lang(line), locale::Lang::Ja, "{line}");
        }
        for line in ["x colect", "x --lang xx", "x --lang", "x -- --lang ja"] {
            assert_eq!(lang(line), locale::Lang::En, "{line}");
        }
        let from_env = Voice::of_words(&words("x"), |name| (name == "LANG").then(|| "ja_JP.UTF-8".to_owned()));
        assert_eq!(from_env.locale().lang(), locale::Lang::Ja);
    }

    #[test]
    fn values_of_options_are_no_commands() {
        assert_eq!(plain_words(&words("x --data-dir answers token --lang ja create --uses")), ["token", "create"]);
    }
}
