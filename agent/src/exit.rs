//! How the program ends: one table of exit codes, one exhaustive match, one form of error message.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// What an exit code means; the same table holds for the collector's commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok,
    /// Tried and failed.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// The collector is not running or not reachable.
    NotReachable,
    /// The collector refused: identity, token, permission.
    Refused,
    /// A file that was given as input is bad.
    BadInput,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotReachable => 3,
            Self::Refused => 4,
            Self::BadInput => 5,
        }
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

    /// What a person can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.remedy.as_deref()
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
        Ok(()) => ExitCode::from(Exit::Ok.code()),
        Err(failure) => {
            print_failure(&failure);
            ExitCode::from(failure.exit().code())
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last words of the program go to the person who called it")]
fn print_failure(failure: &Failure) {
    let mut line = crate::screen::escape(&failure.to_string());
    let mut cause = failure.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&crate::screen::escape(&error.to_string()));
        cause = error.source();
    }
    eprintln!("tenken-agent: {line}");
    if let Some(advice) = failure.advice() {
        eprintln!("  what to do: {}", crate::screen::escape(advice));
    }
}
