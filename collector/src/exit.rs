//! How the program ends: the exit code, and the last words to the person who called it.

use std::fmt;
use std::process::ExitCode;

use tenken_proto::exit::Failed;

pub use tenken_proto::exit::Exit;

use crate::locale::{Message, PROGRAM};
use crate::voice::Voice;

/// Why a command did not do what it was asked.
pub type Failure = Failed<Said>;

/// What a failure says.
#[derive(Debug)]
pub enum Said {
    /// In the caller's language already.
    Text(String),
    /// In no language yet; its remedy lies beside it.
    Message(Message),
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Message> for Said {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Message(message) => message.fmt(f),
        }
    }
}

/// Prints a failure with its causes and its remedy, and gives the exit code.
#[must_use]
pub fn report(result: Result<(), Failure>, voice: &Voice) -> ExitCode {
    match result {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            last_words(&text(&failure, voice));
            failure.exit().into()
        }
    }
}

/// What failed with its causes, on one line, and what helps.
pub(crate) fn said(failure: &Failure, voice: &Voice) -> (String, Option<String>) {
    let (said, beside) = match failure.message() {
        Said::Text(text) => (text.clone(), None),
        Said::Message(message) => (voice.tell(message), message.remedy(voice.locale(), voice.collector())),
    };
    (failure.worded(&said, printable), failure.advice().map(str::to_owned).or(beside))
}

/// Everything for the person: what failed and its causes on one line, what helps below.
fn text(failure: &Failure, voice: &Voice) -> String {
    let (mut text, remedy) = said(failure, voice);
    let below = failure.lines().iter().cloned().chain(remedy);
    for line in below {
        text.push_str("\n  ");
        text.push_str(&printable(&line));
    }
    text
}

/// Says why the program ends.
#[expect(clippy::print_stderr, reason = "the last words of the program go to the person who called it")]
pub(crate) fn last_words(text: &str) {
    eprintln!("{PROGRAM}: {text}");
}

/// Texts from files and hosts may hold control characters; a terminal must not obey them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::{Lang, Locale};

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\nb"), "a\u{fffd}[31m\nb");
    }

    #[test]
    fn a_failure_is_told_in_the_callers_language_with_its_causes_and_what_helps() {
        let failure = || Failure::new(Exit::Failed, Message::new("start-no_folder").mention("path", "/srv/x"));
        let told = |failure: &Failure, lang| text(failure, &Voice::new(Locale::of(lang), "./tc --data-dir /srv/x"));
        let told_ja = told(&failure(), Lang::Ja);
        assert_eq!(told_ja, "データの置き場所 /srv/x がありません\n  作るには: ./tc --data-dir /srv/x init");
        let with = failure().because(std::io::Error::other("a\u{7}b")).line("1: x").remedy("do y");
        assert_eq!(told(&with, Lang::En), "there is no data folder /srv/x: a\u{fffd}b\n  1: x\n  do y");
    }
}
