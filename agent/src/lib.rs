//! The agent: observes one machine and reports what it saw.
//!
//! Data goes one way: [`root`] → [`probe`] → [`report`] → [`halves`] → [`spool`] → [`uplink`]. [`watch`] wakes
//! probes whose files changed; [`agent`] is the loop. [`once`], [`check`] and [`notice`] are commands that need
//! none of it. The agent changes nothing on the machine, opens no port and takes no command from the network.

pub mod agent;
pub mod args;
pub mod called;
pub mod check;
pub mod clock;
pub mod config;
pub mod durable;
pub mod exit;
pub mod halves;
pub mod identity;
pub mod logging;
pub mod notice;
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
use called::Called;
use exit::Failure;

/// Runs the command that was asked for.
///
/// # Errors
/// [`Failure`], which carries the exit code.
pub fn run(args: Args) -> Result<(), Failure> {
    let called = Called::new(std::env::args_os().next().as_deref(), &args);
    match &args.command {
        Command::Once(once) => {
            logging::start(tracing_subscriber::filter::LevelFilter::WARN);
            once::run(once)
        }
        Command::Enrol(enrol) => {
            logging::start(tracing_subscriber::filter::LevelFilter::WARN);
            agent::enrol(&config::load(args.config.as_deref(), args.data_dir.as_deref())?, enrol, &called)
        }
        Command::Run(run) => {
            let config = config::load(args.config.as_deref(), args.data_dir.as_deref())?;
            logging::start(config.log_level);
            agent::run(&config, once::open_root(run.root.as_deref())?, &called)
        }
        Command::Check(check) => {
            logging::start(tracing_subscriber::filter::LevelFilter::WARN);
            let file = args.config.clone().unwrap_or_else(paths::config_file);
            check::run(&config::load(args.config.as_deref(), args.data_dir.as_deref())?, &file, check.format, &called)
        }
        Command::Notice(notice) => notice::run(notice),
    }
}
