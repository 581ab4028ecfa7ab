//! How the program ends: the exit code, and the last words to the person who called it.

use std::process::ExitCode;

pub use tenken_proto::exit::{Exit, Failure};

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
    eprintln!("tenken-collector: {}", failure.told(printable));
    if let Some(advice) = failure.advice() {
        eprintln!("  {}", printable(advice));
    }
}

/// Texts from files and hosts may hold control characters; a terminal must not obey them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\nb"), "a\u{fffd}[31m\nb");
    }
}
