//! The command line: commands and their arguments, stable since the first version.

use std::path::PathBuf;

use clap::{Args as ArgGroup, Parser, Subcommand, ValueEnum};

/// Observes this machine and reports what it saw; changes nothing, listens on no port.
#[derive(Debug, Parser)]
#[command(name = "tenken-agent", version, about, max_term_width = 100)]
pub struct Args {
    /// Configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for identity and undelivered reports.
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Observe once and print; sends nothing, needs no set-up.
    Once(OnceArgs),
    /// Get this machine an identity from a collector.
    Enrol(EnrolArgs),
    /// Observe and report until stopped.
    Run(RunArgs),
    /// Check configuration, folders and identity, and end.
    Check(CheckArgs),
    /// Show what leaves this machine, and what never does.
    Notice(NoticeArgs),
}

/// Arguments of `once`.
#[derive(Debug, Clone, ArgGroup)]
pub struct OnceArgs {
    /// Observe a mounted image or a captured tree.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Arguments of `enrol`.
#[derive(Clone, ArgGroup)]
pub struct EnrolArgs {
    /// The collector's enrol address.
    #[arg(long, value_name = "HOST:PORT")]
    pub collector: String,
    /// The token that the collector gave; it carries the pin of the collector's root.
    #[arg(long, value_name = "TOKEN", env = "TENKEN_TOKEN", hide_env_values = true)]
    pub token: String,
    /// Do not wait for a person's approval; ask again later with the same token.
    #[arg(long)]
    pub no_wait: bool,
}

impl std::fmt::Debug for EnrolArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolArgs").field("collector", &self.collector).finish_non_exhaustive()
    }
}

/// Arguments of `run`.
#[derive(Debug, Clone, ArgGroup)]
pub struct RunArgs {
    /// Observe and report a mounted image or a captured tree.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// Arguments of `check`.
#[derive(Debug, Clone, ArgGroup)]
pub struct CheckArgs {
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Arguments of `notice`.
#[derive(Debug, Clone, ArgGroup)]
pub struct NoticeArgs {
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Language; as the environment says when it is not given.
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// A language of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Japanese.
    Ja,
    /// English.
    En,
}
