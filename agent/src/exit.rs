//! How the program ends: the exit code, and the last words to the person who called it.

use std::process::ExitCode;

pub use tenken_proto::exit::{Exit, Failure};

use crate::screen::escape;

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
    eprintln!("tenken-agent: {}", failure.told(escape));
    for line in failure.lines() {
        eprintln!("  {}", escape(line));
    }
    if let Some(advice) = failure.advice() {
        eprintln!("  what to do: {}", escape(advice));
    }
}
