//! How the program ends: one table, one exhaustive match, the same codes as the agent.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// Every way to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// It failed; the message says why.
    Failed,
    /// The command line or a configuration file is wrong.
    Usage,
    /// The collector does not run, or cannot be reached.
    NotRunning,
    /// An identity, a token or a permission was refused.
    Refused,
    /// A file that was given does not have the form it must have.
    BadInput,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] = [Self::Done, Self::Failed, Self::Usage, Self::NotRunning, Self::Refused, Self::BadInput];

    /// The code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotRunning => 3,
            Self::Refused => 4,
            Self::BadInput => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what it was asked: what was tried on what, what helps, and the cause.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    remedy: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure that ends the program with this code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), remedy: None, source: None }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What caused it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The code it ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// Prints a failure with its causes and its remedy, and gives the exit code.
#[must_use]
pub fn report(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            print_failure(&failure);
            failure.exit().into()
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last words of the program go to the person who called it")]
fn print_failure(failure: &Failure) {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if let Some(remedy) = &failure.remedy {
        text.push_str("\n  ");
        text.push_str(remedy);
    }
    eprintln!("tenken-collector: {}", printable(&text));
}

/// Texts from files and hosts may hold control characters; a terminal must not obey them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_documented_table() {
        let codes: Vec<u8> = Exit::ALL.into_iter().map(Exit::code).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\nb"), "a\u{fffd}[31m\nb");
    }
}
