//! `tenken-collector`: reads the command line, runs the command, and turns its end into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenken_collector::start(std::env::args_os().collect())
}
