//! The agent: observes one machine and reports what it saw.
//!
//! Data goes one way: [`root`] → [`probe`] → report → spool → uplink. [`watch`] wakes probes whose files
//! changed. The agent changes nothing on the machine, opens no port and takes no command from the network.

pub mod args;
pub mod clock;
pub mod config;
pub mod exit;
pub mod logging;
pub mod once;
pub mod paths;
pub mod probe;
pub mod root;
pub mod screen;
pub mod watch;

use args::{Args, Command};
use exit::{Exit, Failure};

/// Runs the command that was asked for.
///
/// # Errors
/// [`Failure`], which carries the exit code.
pub fn run(args: Args) -> Result<(), Failure> {
    match &args.command {
        Command::Once(once) => {
            logging::start(tracing_subscriber::filter::LevelFilter::WARN);
            once::run(once)
        }
        Command::Enrol(_) | Command::Run(_) | Command::Check | Command::Notice(_) => {
            Err(Failure::new(Exit::Usage, "this command is not in this build"))
        }
    }
}
