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
pub mod file;
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
pub mod usage;
pub mod view;
pub mod visible;
pub mod voice;
pub mod web;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use jiff::Timestamp;

use args::{Args, Command};
use config::Config;
use exit::{Exit, Failure};
use locale::Message;
use voice::Voice;

/// Runs the program with the words of a command line, its own name first.
#[must_use]
pub fn start(words: Vec<OsString>) -> ExitCode {
    let environment = |name: &str| std::env::var(name).ok();
    match Args::try_parse_from(&words) {
        Ok(args) => {
            let voice = Voice::of(&args.common, words.first().map(OsString::as_os_str), environment);
            exit::report(run(args, &voice), &voice)
        }
        Err(error) => usage::report(&error, &words, &Voice::of_words(&words, environment)),
    }
}

/// Runs one command.
///
/// # Errors
/// Why it did not do what it was asked, with the exit code.
pub fn run(args: Args, voice: &Voice) -> Result<(), Failure> {
    let config = || {
        let (file, data_dir) = (args.common.config.as_deref(), args.common.data_dir.as_deref());
        Config::load(file, data_dir).map_err(|error| error.failure(voice))
    };
    match args.command {
        Command::Serve => {
            let config = config()?;
            logging::start(config.log_level);
            runtime()?.block_on(serve::serve(config, voice))
        }
        Command::Check { output } => serve::check(&config()?, output, voice),
        Command::Init(init) => serve::init(&config()?, &init.names, args.common.config.is_some(), now(), voice),
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
            cli::run(voice, &config.data_dir, config.time_zone(), command)
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
        .map_err(|error| Failure::new(Exit::Failed, Message::new("start-runtime")).because(error))
}
