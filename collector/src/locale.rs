//! The words that a person reads, in Japanese and in English: `locales/{ja,en}/*.ftl`.
//!
//! Six files per language: `glossary.ftl` (the words of the glossary, one word for one thing), `facts.ftl`
//! (names of facts and their fields), `web.ftl` (the pages), `cli.ftl` (the commands), `start.ftl` (the command
//! line, the configuration, `init`, `check` and `serve`) and `import.ftl` (mistakes in imported files). Both
//! languages hold the same keys, each key that is used exists, and the words that a result must never be called
//! by occur nowhere: see the tests. A text that names a command writes `{ $collector }`: the program with the
//! options with which its reader called it, on the pages those with which the collector was started, or else its
//! bare name.
//! Texts of packs (remedies, titles) are not here; packs bring their own in both languages.

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use jiff::Timestamp;
use serde_json::Value as Json;
use tenken_proto::phrase;
use unic_langid::LanguageIdentifier;

use crate::api::v1;

/// The texts of one language, by file name.
type Sources = [(&'static str, &'static str); 6];

const JA: Sources = [
    ("glossary.ftl", include_str!("../locales/ja/glossary.ftl")),
    ("facts.ftl", include_str!("../locales/ja/facts.ftl")),
    ("web.ftl", include_str!("../locales/ja/web.ftl")),
    ("cli.ftl", include_str!("../locales/ja/cli.ftl")),
    ("start.ftl", include_str!("../locales/ja/start.ftl")),
    ("import.ftl", include_str!("../locales/ja/import.ftl")),
];
const EN: Sources = [
    ("glossary.ftl", include_str!("../locales/en/glossary.ftl")),
    ("facts.ftl", include_str!("../locales/en/facts.ftl")),
    ("web.ftl", include_str!("../locales/en/web.ftl")),
    ("cli.ftl", include_str!("../locales/en/cli.ftl")),
    ("start.ftl", include_str!("../locales/en/start.ftl")),
    ("import.ftl", include_str!("../locales/en/import.ftl")),
];

/// The program's name, where nobody knows how it was called.
pub const PROGRAM: &str = "tenken-collector";
/// The argument of texts that name a command.
const COLLECTOR: &str = "collector";

/// Longest `Accept-Language` that is looked at, in bytes; the rest is not read.
const ACCEPT_LANGUAGE_MAX: usize = 256;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Lang {
    /// Japanese.
    #[default]
    Ja,
    /// English.
    En,
}

impl Lang {
    /// All languages, in the order of the switch.
    pub const ALL: [Self; 2] = [Self::Ja, Self::En];

    /// The code in `lang` attributes, cookies and links.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    /// Its own name in itself.
    #[must_use]
    pub fn own_name(self) -> &'static str {
        match self {
            Self::Ja => "日本語",
            Self::En => "English",
        }
    }

    /// The language of a code.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        match code {
            "ja" => Some(Self::Ja),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// What a browser asks for. Who asks for nothing gets Japanese; who asks only for others gets English.
    #[must_use]
    pub fn of_accept(header: &str) -> Self {
        let header = header.get(..ACCEPT_LANGUAGE_MAX).unwrap_or(header);
        let mut best: Option<(u32, Self)> = None;
        let mut others = false;
        for range in header.split(',') {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=").map(weight)).unwrap_or(1000);
            let primary = tag.split('-').next().unwrap_or_default();
            match Self::of_code(primary) {
                Some(lang) if weight > 0 && best.is_none_or(|(so_far, _)| weight > so_far) => {
                    best = Some((weight, lang));
                }
                Some(_) => {}
                None => others |= !primary.is_empty() && primary.bytes().all(|c| c.is_ascii_alphabetic()),
            }
        }
        match best {
            Some((_, lang)) => lang,
            None if others => Self::En,
            None => Self::default(),
        }
    }

    fn identifier(self) -> LanguageIdentifier {
        self.code().parse().unwrap_or_default()
    }

    fn sources(self) -> Sources {
        match self {
            Self::Ja => JA,
            Self::En => EN,
        }
    }
}

/// A quality value in thousandths; what is no number counts nothing.
fn weight(text: &str) -> u32 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse::<u32>()) {
        ("1", _) => 1000,
        ("0", Ok(thousandths)) => thousandths,
        _ => 0,
    }
}

/// The words of one language.
pub struct Locale {
    lang: Lang,
    bundle: FluentBundle<FluentResource>,
}

/// The longest first: one may stand within another.
static PHRASES: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let mut phrases = phrase::ALL.to_vec();
    phrases.sort_by_key(|(_, words)| std::cmp::Reverse(words.len()));
    phrases
});

static JA_LOCALE: LazyLock<Locale> = LazyLock::new(|| Locale::load(Lang::Ja));
static EN_LOCALE: LazyLock<Locale> = LazyLock::new(|| Locale::load(Lang::En));

impl Locale {
    /// The words of that language.
    #[must_use]
    pub fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Ja => &JA_LOCALE,
            Lang::En => &EN_LOCALE,
        }
    }

    fn load(lang: Lang) -> Self {
        let mut bundle = FluentBundle::new_concurrent(vec![lang.identifier()]);
        // Direction marks would stand in the way of copying; hostile ones are made visible where text is escaped.
        bundle.set_use_isolating(false);
        for (_, source) in lang.sources() {
            // What does not parse is left out here and found by the test `every_file_parses`.
            let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _)| resource);
            bundle.add_resource_overriding(resource);
        }
        Self { lang, bundle }
    }

    /// Which language this is.
    #[must_use]
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// Whether there is such a text.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.bundle.get_message(key).is_some_and(|message| message.value().is_some())
    }

    /// A text without arguments.
    #[must_use]
    pub fn t(&self, key: &str) -> Cow<'_, str> {
        self.t_called(key, PROGRAM)
    }

    /// A text without arguments, for a reader who calls the program in that way.
    #[must_use]
    pub fn t_called(&self, key: &str, collector: &str) -> Cow<'_, str> {
        let mut args = FluentArgs::with_capacity(1);
        args.set(COLLECTOR, collector);
        self.format(key, &args)
    }

    /// A text with one number, `$n`.
    #[must_use]
    pub fn n(&self, key: &str, n: u64) -> String {
        self.with(key, &[("n", Arg::Number(n))])
    }

    /// A text with arguments.
    #[must_use]
    pub fn with(&self, key: &str, arguments: &[(&'static str, Arg<'_>)]) -> String {
        let mut args = FluentArgs::with_capacity(arguments.len() + 1);
        args.set(COLLECTOR, PROGRAM);
        for (name, argument) in arguments {
            args.set(*name, argument.value());
        }
        self.format(key, &args).into_owned()
    }

    /// A source or a detail of an observation, with its phrases ([`phrase::ALL`]) in this language. Paths and
    /// whatever else stands around them stay as they came.
    #[must_use]
    pub fn observed(&self, words: &str) -> String {
        let mut said = words.to_owned();
        for (key, phrase) in PHRASES.iter().filter(|_| self.lang != Lang::En) {
            if said.contains(phrase) {
                said = said.replace(phrase, &self.t(&format!("phrase-{key}")));
            }
        }
        said
    }

    /// A threshold of API v1 with its unit.
    #[must_use]
    pub fn threshold(&self, of: &v1::Parameter) -> String {
        let key = format!("unit-{}", of.unit);
        let unit = if self.has(&key) { self.n(&key, of.value.unsigned_abs()) } else { of.unit.clone() };
        match self.lang {
            Lang::Ja => format!("{}{unit}", of.value),
            Lang::En => format!("{} {unit}", of.value).trim_end().to_owned(),
        }
    }

    /// How a fact of API v1 was observed (`source`), or why not (`detail`): by its text in both languages where it
    /// has one (`source_text`, `detail_text`), else by its phrases.
    #[must_use]
    pub fn of_fact(&self, fact: &Json, name: &str) -> String {
        let both = fact.get(format!("{name}_text")).and_then(|text| text.get(self.lang.code()));
        match (both.and_then(Json::as_str), fact.get(name).and_then(Json::as_str)) {
            (Some(said), _) => said.to_owned(),
            (None, Some(words)) => self.observed(words),
            (None, None) => String::new(),
        }
    }

    /// Reports that did not arrive; none where all did. `moment` writes a time.
    #[must_use]
    pub fn lost_reports(&self, lost: &v1::LostReports, moment: impl Fn(Timestamp) -> String) -> Option<String> {
        let mut parts = Vec::new();
        match (lost.dropped, lost.dropped_first, lost.dropped_last) {
            (0, _, _) => {}
            (n, Some(first), Some(last)) => {
                let (first, last) = (moment(first), moment(last));
                let arguments = [("n", Arg::Number(n)), ("first", Arg::Text(&first)), ("last", Arg::Text(&last))];
                parts.push(self.with("lost-dropped-between", &arguments));
            }
            (n, _, _) => parts.push(self.n("lost-dropped", n)),
        }
        match (lost.missing, lost.missing_since) {
            (0, _) => {}
            (n, Some(since)) => {
                let since = moment(since);
                parts.push(self.with("lost-missing-since", &[("n", Arg::Number(n)), ("since", Arg::Text(&since))]));
            }
            (n, None) => parts.push(self.n("lost-missing", n)),
        }
        if lost.dropped > 0 && lost.missing > 0 {
            parts.push(self.t("lost-overlap").into_owned());
        }
        (!parts.is_empty()).then(|| parts.join(&self.t("cli-comma")))
    }

    fn format(&self, key: &str, args: &FluentArgs<'_>) -> Cow<'_, str> {
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            return Cow::Owned(format!("[{key}]"));
        };
        let mut errors = Vec::new();
        self.bundle.format_pattern(pattern, Some(args), &mut errors)
    }
}

/// An argument of a text.
#[derive(Debug, Clone, Copy)]
pub enum Arg<'a> {
    /// A count; decides singular and plural.
    Number(u64),
    /// A text, put in as it is.
    Text(&'a str),
}

impl Arg<'_> {
    fn value(&self) -> FluentValue<'static> {
        match self {
            // Written by us with its thousands grouped would lose the plural form; counts stay plain numbers.
            Self::Number(n) => FluentValue::from(*n),
            Self::Text(text) => FluentValue::from((*text).to_owned()),
        }
    }
}

impl From<u64> for Arg<'_> {
    fn from(n: u64) -> Self {
        Self::Number(n)
    }
}

impl From<&u64> for Arg<'_> {
    fn from(n: &u64) -> Self {
        Self::Number(*n)
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

/// A text in no language yet: its key and what it mentions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    key: &'static str,
    arguments: Vec<(&'static str, Mentioned)>,
}

/// What a message mentions.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mentioned {
    Count(u64),
    Text(String),
}

impl Message {
    /// The text of that key.
    #[must_use]
    pub fn new(key: &'static str) -> Self {
        Self { key, arguments: Vec::new() }
    }

    /// With something that the text mentions.
    #[must_use]
    pub fn mention(mut self, name: &'static str, value: impl ToString) -> Self {
        self.arguments.push((name, Mentioned::Text(value.to_string())));
        self
    }

    /// With a number by which the text chooses singular or plural.
    #[must_use]
    pub fn count(mut self, name: &'static str, number: u64) -> Self {
        self.arguments.push((name, Mentioned::Count(number)));
        self
    }

    /// What helps, where there is a text for it: the key with `-remedy`, and the same arguments.
    #[must_use]
    pub fn remedy(&self, locale: &Locale, collector: &str) -> Option<String> {
        let key = format!("{}-remedy", self.key);
        locale.has(&key).then(|| self.of(&key, locale, collector))
    }

    /// In a language, for a reader who calls the program so.
    #[must_use]
    pub fn told(&self, locale: &Locale, collector: &str) -> String {
        self.of(self.key, locale, collector)
    }

    fn of(&self, key: &str, locale: &Locale, collector: &str) -> String {
        let mut arguments: Vec<(&'static str, Arg<'_>)> = vec![(COLLECTOR, Arg::Text(collector))];
        arguments.extend(self.arguments.iter().map(|(name, value)| {
            let value = match value {
                Mentioned::Count(number) => Arg::Number(*number),
                Mentioned::Text(text) => Arg::Text(text.as_str()),
            };
            (*name, value)
        }));
        locale.with(key, &arguments)
    }
}

impl std::fmt::Display for Message {
    /// In English: for logs and tests.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.told(Locale::of(Lang::En), PROGRAM))
    }
}

#[cfg(test)]
mod tests;
