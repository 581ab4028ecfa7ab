//! `check`: what would keep `serve` from starting, and what is worth knowing before it does. Starts nothing.
//!
//! Beside a running collector everything is looked at but the store, which that one has open; so a changed
//! configuration can be checked before a restart.

use std::path::Path;

use serde::Serialize;

use super::folder::{self, Lock};
use crate::args::{Format, Output};
use crate::config::Config;
use crate::exit::{self, Exit, Failure};
use crate::identity::ca::Authority;
use crate::locale::Message;
use crate::store::space::SpaceWatch;
use crate::voice::Voice;

/// Looks over configuration and data folder.
///
/// # Errors
/// The first thing that would keep `serve` from starting; the others are told with it.
pub fn check(config: &Config, output: Output, voice: &Voice) -> Result<(), Failure> {
    let looked = look(config);
    match output.format {
        Format::Text => tell(&looked, config, voice)?,
        Format::Json => {
            let failed = |error| Failure::new(Exit::Failed, Message::new("cli-output")).because(error);
            let text = tenken_proto::json::document(&Checked::of(&looked, config, voice)).map_err(failed)?;
            folder::say(text.trim_end())?;
        }
    }
    looked.end(voice)
}

/// What was found.
#[derive(Default)]
struct Looked {
    running: bool,
    notes: Vec<Message>,
    problems: Vec<Failure>,
}

impl Looked {
    /// The first problem, with the others on lines of their own.
    fn end(self, voice: &Voice) -> Result<(), Failure> {
        let mut problems = self.problems.into_iter();
        let Some(first) = problems.next() else { return Ok(()) };
        Err(problems.fold(first, |first, other| {
            let (said, remedy) = exit::said(&other, voice);
            first.line(remedy.map_or(said.clone(), |remedy| format!("{said}; {remedy}")))
        }))
    }
}

/// `check --format json`: `{"data_dir", "fit", "running", "findings": [{"mark", "message", "remedy"}]}`.
#[derive(Debug, Serialize)]
struct Checked {
    /// Which data folder.
    data_dir: String,
    /// `serve` could start with it; beside a running collector: once that has stopped.
    fit: bool,
    /// A collector runs there now.
    running: bool,
    /// Notes and problems.
    findings: Vec<Finding>,
}

/// One thing that was found.
#[derive(Debug, Serialize)]
struct Finding {
    /// `note`, or `problem`: keeps `serve` from starting.
    mark: &'static str,
    /// What it is.
    message: String,
    /// What helps; null where the message says it.
    remedy: Option<String>,
}

impl Checked {
    fn of(looked: &Looked, config: &Config, voice: &Voice) -> Self {
        let notes = looked.notes.iter().map(|note| (voice.tell(note), None, "note"));
        let problems = looked.problems.iter().map(|failure| {
            let (said, remedy) = exit::said(failure, voice);
            (said, remedy, "problem")
        });
        Self {
            data_dir: config.data_dir.display().to_string(),
            fit: looked.problems.is_empty(),
            running: looked.running,
            findings: notes.chain(problems).map(|(message, remedy, mark)| Finding { mark, message, remedy }).collect(),
        }
    }
}

fn tell(looked: &Looked, config: &Config, voice: &Voice) -> Result<(), Failure> {
    for note in &looked.notes {
        folder::say(&voice.tell(note))?;
    }
    if looked.problems.is_empty() {
        folder::say(&voice.tell(&Message::new("start-checked").mention("path", config.data_dir.display())))?;
    }
    Ok(())
}

fn look(config: &Config) -> Looked {
    let mut looked = Looked::default();
    let lock = match Lock::take_free(&config.data_dir) {
        Ok(lock) => lock,
        Err(failure) => {
            looked.problems.push(failure);
            return looked;
        }
    };
    looked.running = lock.is_none();
    let checks = [
        folder::trust_domain(config).map(drop),
        authority(&config.data_dir),
        low_water(config),
        folder::check_private(&config.data_dir),
    ];
    looked.problems.extend(checks.into_iter().filter_map(Result::err));
    match &lock {
        Some(_) => looked.problems.extend(super::open_store(config).err()),
        None => looked.notes.push(Message::new("start-checked_running").mention("path", config.data_dir.display())),
    }
    let space = SpaceWatch::of(config.data_dir.clone(), config.store.low_water).space();
    if let (Some(available), true) = (space.available, space.is_low()) {
        let message = Message::new("start-low_space").mention("available", available).mention("kept", space.low_water);
        looked.notes.push(message);
    }
    let plain = |address| Message::new("start-plain_pages").mention("address", address);
    looked.notes.extend(config.web.elsewhere().map(plain));
    looked
}

fn authority(folder: &Path) -> Result<(), Failure> {
    Authority::open(folder).map(drop).map_err(|error| folder::authority_failure(folder, error))
}

/// More than the disk has cannot be kept back: no report would ever be taken.
///
/// # Errors
/// It is set so.
pub(super) fn low_water(config: &Config) -> Result<(), Failure> {
    let disk = crate::store::space::disk_bytes(&config.data_dir);
    match (config.store.low_water, disk) {
        (Some(kept), Some(disk)) if kept >= disk => {
            Err(Failure::new(Exit::Usage, Message::new("start-low_water").mention("kept", kept).mention("disk", disk)))
        }
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}
