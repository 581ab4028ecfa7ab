//! How the program ends: one table, one exhaustive match, the same codes as the agent.

use std::error::Error;
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

/// An error that ends the program, with the code to end with.
#[derive(Debug)]
pub struct Failure {
    /// How it ends.
    pub exit: Exit,
    /// What a person reads, with its causes.
    pub error: Box<dyn Error + Send + Sync>,
}

impl Failure {
    /// Ends with this code.
    pub fn new(exit: Exit, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit, error: error.into() }
    }

    /// The error and its causes on one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.error.to_string();
        let mut source = self.error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

/// Prints the whole chain of causes and gives the code.
#[must_use]
#[expect(clippy::print_stderr, reason = "the last words of a program go to the terminal, logging or not")]
pub fn report(failure: &Failure) -> ExitCode {
    eprintln!("tenken-collector: {}", failure.chain());
    failure.exit.into()
}
