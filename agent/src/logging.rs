//! Logs go to standard error, where the service manager keeps them; results go to standard output.
//!
//! Error: the agent cannot do its work. Warn: someone should look. Info: a start, a stop, a state that
//! changed. Debug and below may name hosts and files.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::LevelFilter;

/// Starts logging at this level; a second start changes nothing. A panic is logged where it happens.
pub fn start(level: LevelFilter) {
    let colours = std::io::stderr().is_terminal();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_target(false)
        .finish();
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "A part of the agent failed; this is a defect");
        }));
    }
}
