//! `tenken-collector`: reads the command line, runs the command, and turns its end into an exit code.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    tenken_collector::exit::report(tenken_collector::run(tenken_collector::args::Args::parse()))
}
