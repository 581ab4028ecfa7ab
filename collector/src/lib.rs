//! The collector of Tenken: admits reports, keeps them durably, judges them and shows the result.

pub mod accept;
pub mod api;
pub mod args;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod engine;
pub mod exit;
pub mod identity;
pub mod import;
pub mod ingest;
pub mod journal;
pub mod locale;
pub mod logging;
pub mod recompute;
pub mod seldom;
pub mod serve;
pub mod store;
pub mod view;
pub mod visible;
pub mod web;

use jiff::Timestamp;

use args::{Args, Command};
use config::Config;
use exit::{Exit, Failure};

/// Runs one command.
///
/// # Errors
/// Why it did not do what it was asked, with the exit code.
pub fn run(args: Args) -> Result<(), Failure> {
    let config = || {
        Config::load(args.common.config.as_deref(), args.common.data_dir.as_deref()).map_err(|error| match error {
            config::ConfigError::Mistakes { .. } => Failure::new(Exit::Usage, error.to_string()),
            config::ConfigError::Read { .. } | config::ConfigError::TooLarge { .. } => {
                Failure::new(Exit::Usage, "no configuration").because(error)
            }
        })
    };
    match args.command {
        Command::Serve => {
            let config = config()?;
            logging::start(config.log_level);
            runtime()?.block_on(serve::serve(config))
        }
        Command::Check => serve::check(&config()?),
        Command::Init(init) => serve::init(&config()?, &init.names, now()),
        command @ (Command::Token { .. }
        | Command::Agents { .. }
        | Command::Hosts { .. }
        | Command::Host { .. }
        | Command::Expect { .. }
        | Command::Overview { .. }
        | Command::Answers { .. }
        | Command::Explain { .. }
        | Command::Declare(_)
        | Command::Ledger { .. }
        | Command::Risk { .. }
        | Command::Pack { .. }
        | Command::Open { .. }
        | Command::Health { .. }) => {
            let config = config()?;
            cli::run(&args.common, &config.data_dir, config.time_zone(), command)
        }
    }
}

fn now() -> Timestamp {
    clock::now()
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "failed to start the runtime").because(error))
}
