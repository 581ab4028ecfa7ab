//! How the programs end: one table of exit codes (the README's), one form of failure.
//!
//! Each program prints a failure in its own way; what it means to a shell is the same for all of them.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// Every way to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Tried and failed; the message says why.
    Failed,
    /// The command line or a configuration file is wrong.
    Usage,
    /// The collector does not run, or cannot be reached.
    NotReachable,
    /// An identity, a token or a permission was refused.
    Refused,
    /// A file that was given does not have the form it must have.
    BadInput,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::Failed, Self::Usage, Self::NotReachable, Self::Refused, Self::BadInput];

    /// The number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotReachable => 3,
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

/// A failure whose message is a text.
pub type Failure = Failed<String>;

/// Why a command did not do what it was asked: what was tried on what, what helps, and the cause.
#[derive(Debug)]
pub struct Failed<M> {
    exit: Exit,
    message: M,
    lines: Vec<String>,
    remedy: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl<M> Failed<M> {
    /// A failure that ends the program with this code.
    pub fn new(exit: Exit, message: impl Into<M>) -> Self {
        Self { exit, message: message.into(), lines: Vec::new(), remedy: None, source: None }
    }

    /// One of several things that are wrong, on a line of its own.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
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

    /// What failed.
    #[must_use]
    pub fn message(&self) -> &M {
        &self.message
    }

    /// The several things that are wrong, one each.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What a person can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    /// The message in the words of a language and all its causes on one line, each made fit for a terminal by the
    /// caller's function.
    #[must_use]
    pub fn worded(&self, message: &str, printable: impl Fn(&str) -> String) -> String {
        let mut line = printable(message);
        let mut cause = self.source.as_deref().map(|source| source as &(dyn Error + 'static));
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&printable(&error.to_string()));
            cause = error.source();
        }
        line
    }
}

impl<M: fmt::Display> Failed<M> {
    /// The message and all its causes on one line, each made fit for a terminal by the caller's function.
    #[must_use]
    pub fn told(&self, printable: impl Fn(&str) -> String) -> String {
        self.worded(&self.message.to_string(), printable)
    }
}

impl<M: fmt::Display> fmt::Display for Failed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

impl<M: fmt::Debug + fmt::Display> Error for Failed<M> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_documented_table() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_failure_tells_every_cause() {
        let failure = Failure::new(Exit::Failed, "failed to open x").because(std::io::Error::other("a\nb"));
        assert_eq!(failure.told(|text| text.replace('\n', "?")), "failed to open x: a?b");
        assert_eq!(failure.remedy("look").advice(), Some("look"));
    }
}
