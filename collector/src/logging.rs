//! What the program says while it runs, on standard error.
//!
//! Levels: *error* somebody must act; *warn* worth a look in the morning; *info* what an operator did or would ask
//! for; *debug* the rest. Names of hosts and people stay at debug.

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::time::SystemTime;

/// How much is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Only what somebody must act on.
    Error,
    /// And what is worth a look.
    Warn,
    /// And what an operator would ask for.
    #[default]
    Info,
    /// Everything that helps to find a fault.
    Debug,
}

/// Starts logging. A second call changes nothing.
pub fn start(level: Level) {
    let filter = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let colour = std::env::var_os("NO_COLOR").is_none() && std::io::IsTerminal::is_terminal(&std::io::stderr());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_writer(std::io::stderr)
        .with_timer(SystemTime)
        .with_ansi(colour)
        .with_target(false)
        .finish();
    let _ = tracing::subscriber::set_global_default(subscriber);
}
