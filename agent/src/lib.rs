//! The agent: observes one machine and reports what it saw.
//!
//! Data goes one way: [`root`] → [`probe`] → [`report`] → [`halves`] → [`spool`] → [`uplink`]. [`watch`] wakes
//! probes whose files changed; [`agent`] is the loop. The agent changes nothing on the machine, opens no port and takes no command from the network.

pub mod agent;
pub mod args;
pub mod clock;
pub mod config;
pub mod durable;
pub mod exit;
pub mod halves;
pub mod identity;
pub mod logging;
pub mod once;
pub mod paths;
pub mod probe;
pub mod report;
pub mod root;
pub mod screen;
pub mod signals;
pub mod spool;
pub mod transport;
pub mod uplink;
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
        Command::Enrol(enrol) => {
            logging::start(tracing_subscriber::filter::LevelFilter::WARN);
            agent::enrol(&config::load(args.config.as_deref(), args.data_dir.as_deref())?, enrol)
        }
        Command::Run(run) => {
            let config = config::load(args.config.as_deref(), args.data_dir.as_deref())?;
            logging::start(config.log_level);
            agent::run(&config, once::open_root(run.root.as_deref())?)
        }
        Command::Check | Command::Notice(_) => Err(Failure::new(Exit::Usage, "this command is not in this build")),
    }
}
