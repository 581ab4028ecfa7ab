//! How the program was called: what a hint repeats, so that it can be copied and run as it stands.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

use crate::args::Args;

/// The program with the options that every command shares, as the person wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    prefix: String,
}

impl Called {
    /// From the first word of the command line (none: the program's own name) and what was parsed of the rest.
    #[must_use]
    pub fn new(program: Option<&OsStr>, args: &Args) -> Self {
        let mut words = vec![quoted(program.unwrap_or(OsStr::new("tenken-agent")))];
        let options = [("--config", args.config.as_deref()), ("--data-dir", args.data_dir.as_deref())];
        for (option, path) in options.into_iter().filter_map(|(option, path)| path.map(|path| (option, path))) {
            words.push(option.to_owned());
            words.push(quoted(Path::as_os_str(path)));
        }
        Self { prefix: words.join(" ") }
    }

    /// A command of this program for the same configuration and data folder.
    #[must_use]
    pub fn command(&self, rest: &str) -> String {
        format!("{} {rest}", self.prefix)
    }

    /// How this machine gets an identity.
    #[must_use]
    pub fn enrol(&self) -> String {
        self.command("enrol --collector HOST:PORT --token TOKEN")
    }
}

/// One word for a shell, in quotes only where it needs them. A word with a NUL has no such form: left as it is.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    shlex::try_quote(&word).map_or_else(|_| word.to_string(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn called(words: &[&str]) -> Called {
        Called::new(words.first().map(OsStr::new), &Args::parse_from(words))
    }

    #[test]
    fn hints_repeat_the_options_that_were_given() {
        assert_eq!(called(&["tenken-agent", "check"]).command("run"), "tenken-agent run");
        let all = called(&["/opt/tenken-agent", "check", "--data-dir", "/srv/a b", "--config", "it's.toml"]);
        assert_eq!(all.command("run"), r#"/opt/tenken-agent --config "it's.toml" --data-dir '/srv/a b' run"#);
    }
}
