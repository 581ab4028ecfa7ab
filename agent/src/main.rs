//! `tenken-agent`: reads the command line, runs the command, and turns its end into an exit code.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    tenken_agent::exit::report(tenken_agent::run(tenken_agent::args::Args::parse()))
}
