//! What a person can see of the uplink: `status.json` in the data folder, and `tenken-agent check`.
//!
//! Written only when something changed and at most every [`WRITE_PAUSE`]; not synced, since the next one is
//! soon there. At most some KiB: the dead letters are bounded.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::ident::AgentId;
use tokio::time::Instant;

use super::outbox::DeadLetter;
use crate::durable;

/// Shortest time between two writes.
pub const WRITE_PAUSE: Duration = Duration::from_secs(2);

/// Largest file that is read.
const STATUS_BYTES_MAX: usize = 256 * 1024;

/// The state of the uplink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What it does.
    pub state: State,
    /// Who this agent is.
    pub agent_id: AgentId,
    /// Where it reports.
    pub collector: String,
    /// End of the certificate.
    pub certificate_until: Timestamp,
    /// Last ack of a report.
    pub last_ack_at: Option<Timestamp>,
    /// How far this machine's clock is ahead of the collector's, in seconds.
    pub clock_ahead_s: Option<i64>,
    /// Reports without an ack, in memory and on disk.
    pub waiting: usize,
    /// Reports and bytes on disk, when the spool is open.
    pub spool: Option<(usize, u64)>,
    /// What is wrong with the spool.
    pub spool_problem: Option<String>,
    /// Reports that this run dropped before they were delivered.
    #[serde(default)]
    pub lost: u64,
    /// Reports that were refused for good, in all.
    pub dead_letters: u64,
    /// The latest of them.
    pub latest_dead_letters: Vec<DeadLetter>,
    /// Version of the collector's settings.
    pub policy_revision: u64,
    /// Why the last connection ended or was not made.
    pub last_problem: Option<String>,
}

/// What the uplink does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waiting before the next try, or trying.
    NotConnected,
    /// On a stream with the collector.
    Connected,
    /// Refused for good.
    Refused,
    /// Ended.
    Stopped,
}

/// Where the state is shown.
#[derive(Debug)]
pub struct Board {
    path: PathBuf,
    shown: Option<Status>,
    written: Option<Instant>,
}

impl Board {
    /// The file of this data folder.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self { path: path(data_dir), shown: None, written: None }
    }

    /// Shows the state, now or when it is due; says when it is due.
    pub fn show(&mut self, status: Status, instant: Instant, at_once: bool) -> Option<Instant> {
        if self.shown.as_ref() == Some(&status) {
            return None;
        }
        if let Some(due) = self.written.map(|written| written + WRITE_PAUSE)
            && due > instant
            && !at_once
        {
            return Some(due);
        }
        self.written = Some(instant);
        if let Ok(text) = tenken_proto::json::document(&status)
            && let Err(error) = durable::replace_unsynced(&self.path, text.as_bytes())
        {
            tracing::debug!(error = &error as &dyn std::error::Error, "Failed to write the status");
        }
        self.shown = Some(status);
        None
    }
}

/// The state as it was shown last; none: nothing that can be read.
#[must_use]
pub fn read(data_dir: &Path) -> Option<Status> {
    let bytes = durable::read(&path(data_dir), STATUS_BYTES_MAX).ok().flatten()?;
    serde_json::from_slice(&bytes).ok()
}

/// The file in this data folder.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("status.json")
}
