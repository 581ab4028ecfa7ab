//! The commands that speak with a running collector: one command, one file. Each asks API v1 and prints what
//! came as text for people or as the same JSON.
//!
//! Output is written once, whole; a reader that has gone away is no error. Colours only on a terminal and only
//! when `NO_COLOR` is not set. Everything that a host, a file or a person supplied is made visible.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::api::v1::ErrorCode;
use crate::args::{Command, Common, Format, Lang, Output};
use crate::control::client::{Client, ClientError};
use crate::exit::{Exit, Failure};
use crate::locale::Locale;

mod agents;
mod answers;
mod declare;
mod expect;
mod explain;
mod fact;
mod health;
mod host;
mod hosts;
mod json;
mod ledger;
mod open;
mod overview;
mod pack;
mod risk;
mod screen;
mod table;
mod token;

#[cfg(test)]
mod tests;

pub use screen::Screen;

/// Runs a command that needs a running collector, or `pack test`, which needs none.
///
/// # Errors
/// Why it did not do what it was asked, with the exit code.
pub fn run(common: &Common, data_dir: &Path, zone: TimeZone, command: Command) -> Result<(), Failure> {
    let lang = common.lang.unwrap_or_else(|| Lang::from_env(|name| std::env::var(name).ok()));
    let locale = Locale::of(lang.into());
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    let console =
        Console { client: Client::new(data_dir, locale.lang().code()), screen: Screen::new(locale, colour, zone) };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "failed to start the runtime").because(error))?;
    let text = runtime.block_on(console.run(command))?;
    print(&text)
}

/// What a command works with.
struct Console {
    client: Client,
    screen: Screen,
}

impl Console {
    async fn run(&self, command: Command) -> Result<String, Failure> {
        match command {
            Command::Token { command } => token::run(self, command).await,
            Command::Agents { command, output } => agents::run(self, command, output).await,
            Command::Hosts { command, output } => hosts::run(self, command, output).await,
            Command::Host { host, output } => host::run(self, &host, output).await,
            Command::Expect { file, output } => expect::run(self, &file, output).await,
            Command::Overview { output } => overview::run(self, output).await,
            Command::Answers { checklist, output } => answers::run(self, &checklist, output).await,
            Command::Explain { what, checklist, host, output } => {
                explain::run(self, &what, &checklist, host.as_deref(), output).await
            }
            Command::Declare(request) => declare::run(self, request).await,
            Command::Ledger { command } => ledger::run(self, command).await,
            Command::Risk { output } => risk::run(self, output).await,
            Command::Pack { command } => pack::run(self, command).await,
            Command::Open { output } => open::run(self, output).await,
            Command::Health { output } => health::run(self, output).await,
            Command::Init(_) | Command::Serve | Command::Check => {
                Err(Failure::new(Exit::Failed, "this command does not speak with a collector"))
            }
        }
    }

    /// As the caller asked: JSON as it came, or text.
    fn shown<T: Serialize>(
        &self,
        output: Output,
        value: &T,
        text: impl FnOnce(&Screen) -> String,
    ) -> Result<String, Failure> {
        match output.format {
            Format::Text => Ok(text(&self.screen)),
            Format::Json => {
                json::document(value).map_err(|error| Failure::new(Exit::Failed, "failed to write JSON").because(error))
            }
        }
    }

    /// What went wrong, in the caller's language, with the exit code.
    fn failure(&self, error: ClientError) -> Failure {
        let screen = &self.screen;
        match error {
            ClientError::NotRunning { data_dir } => {
                let folder = data_dir.display().to_string();
                Failure::new(Exit::NotReachable, screen.say("cli-not-running", &[("dir", folder.as_str())]))
                    .remedy(screen.say("cli-not-running-remedy", &[("dir", folder.as_str())]))
            }
            ClientError::NotAllowed { path } => {
                let path = path.display().to_string();
                Failure::new(Exit::Refused, screen.say("cli-not-allowed", &[("path", path.as_str())]))
                    .remedy(screen.say("cli-not-allowed-remedy", &[]))
            }
            ClientError::Broken { path, source } => {
                let path = path.display().to_string();
                Failure::new(Exit::NotReachable, screen.say("cli-broken", &[("path", path.as_str())]))
                    .remedy(screen.say("cli-broken-remedy", &[]))
                    .because(source)
            }
            ClientError::Refused(body) => {
                let failure = Failure::new(exit_of(body.code), screen.refusal(&body));
                if body.remedy.is_empty() { failure } else { failure.remedy(body.remedy) }
            }
        }
    }

    /// Reads a file that is to be imported, bounded.
    fn read(&self, path: &Path) -> Result<Vec<u8>, Failure> {
        use std::io::Read as _;
        let max = crate::import::FILE_BYTES_MAX;
        let shown = path.display().to_string();
        let failed = |error: io::Error| {
            Failure::new(Exit::BadInput, self.screen.say("cli-unreadable-file", &[("path", shown.as_str())]))
                .because(error)
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(max as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() > max {
            let max = max.to_string();
            let said = self.screen.say("problem-too_large", &[("max", max.as_str())]);
            return Err(Failure::new(Exit::BadInput, said).remedy(self.screen.say("problem-too_large-remedy", &[])));
        }
        Ok(bytes)
    }
}

/// The exit code of a refusal.
pub(crate) fn exit_of(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::BadRequest => Exit::Usage,
        ErrorCode::Refused => Exit::Refused,
        ErrorCode::NotFound | ErrorCode::BadInput | ErrorCode::TooLarge => Exit::BadInput,
        ErrorCode::Unavailable | ErrorCode::Internal => Exit::Failed,
    }
}

/// The name under which a file is kept: its own, without folder and ending.
fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(|| "ledger".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// Writes it all; a reader that has gone away has seen enough.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, "failed to write the output").because(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
