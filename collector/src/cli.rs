//! The commands that speak with a running collector: one command, one file. Each asks API v1 and prints what
//! came as text for people or as the same JSON.
//!
//! Output is written once, whole; a reader that has gone away is no error. Colours only on a terminal and only
//! when `NO_COLOR` is not set. Everything that a host, a file or a person supplied is made visible.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::api::v1::{self, ErrorCode};
use crate::args::{Command, Format, Output};
use crate::control::client::{Client, ClientError};
use crate::exit::{Exit, Failure};
use crate::file;
use crate::import::FILE_BYTES_MAX;
use crate::locale::Message;
use crate::voice::Voice;

mod agents;
mod answers;
mod declare;
mod expect;
mod explain;
mod fact;
mod health;
mod host;
mod hosts;
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

/// Columns of a terminal that does not say how many it has.
const COLUMNS_UNTOLD: usize = 80;

/// Runs a command that needs a running collector, or `pack test`, which needs none.
///
/// # Errors
/// Why it did not do what it was asked, with the exit code.
pub fn run(voice: &Voice, data_dir: &Path, zone: TimeZone, command: Command) -> Result<(), Failure> {
    let columns = terminal_columns();
    let colour = columns.is_some() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    let client = Client::new(data_dir, voice.locale().lang().code()).called(voice.collector());
    let console = Console { client, screen: Screen::new(voice.clone(), colour, columns, zone) };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, Message::new("start-runtime")).because(error))?;
    let text = runtime.block_on(console.run(command))?;
    print(&text)
}

/// Columns of the terminal that the output goes to; none: it goes elsewhere.
fn terminal_columns() -> Option<usize> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
    Some(size.filter(|columns| *columns > 0).unwrap_or(COLUMNS_UNTOLD))
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
            Command::Init(_) | Command::Serve | Command::Check { .. } => {
                Err(Failure::new(Exit::Failed, Message::new("usage-other")))
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
                let failed = |error| Failure::new(Exit::Failed, Message::new("cli-output")).because(error);
                tenken_proto::json::document(value).map_err(failed)
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

    /// Hands a file over that is to be imported.
    async fn import(&self, path: &Path, to: &str, name: &str) -> Result<v1::Imported, Failure> {
        let bytes = file::read(path, FILE_BYTES_MAX as u64).map_err(|error| error.failure(Exit::BadInput))?;
        self.client.file(to, name, bytes).await.map_err(|error| match error {
            ClientError::Refused(mut body) => {
                let path = path.display().to_string();
                body.message = self.screen.say("cli-in-file", &[("path", &path), ("message", &body.message)]);
                self.failure(ClientError::Refused(body))
            }
            error @ (ClientError::NotRunning { .. } | ClientError::NotAllowed { .. } | ClientError::Broken { .. }) => {
                self.failure(error)
            }
        })
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
            Err(Failure::new(Exit::Failed, Message::new("cli-output")).because(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
