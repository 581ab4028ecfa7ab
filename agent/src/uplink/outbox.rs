//! What waits for its ack: in memory, and on disk only when it cannot be delivered.
//!
//! Reports leave in the order of their numbers: the spool first, then memory. One is forgotten by its ack, or set
//! aside as a dead letter when it was refused for good. What is lost to a bound is told in the next report.
//!
//! An ack means only what is in flight: sent on this connection and not answered yet. So whatever else it seems to
//! cover stays: what was refused for now, and what was never sent.

use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use prost::Message as _;
use tenken_proto::ident::{Epoch, Sequence};
use tenken_proto::report::Group;
use tenken_proto::wire;
use tokio::time::Instant;

use crate::spool::{Key, LastValues, Limits, Lost, Spool, SpoolError};
use crate::transport::chain::chain;

/// Reports that wait in memory before the spool is opened for them.
pub const MEMORY_REPORTS_MAX: usize = 64;
/// Bytes of reports that wait in memory before the spool is opened for them.
pub const MEMORY_BYTES_MAX: usize = 1024 * 1024;
/// Reports that are on their way without an ack.
pub const IN_FLIGHT_MAX: usize = 16;
/// Refused reports that are remembered and shown; older ones are only counted.
pub const DEAD_LETTERS_MAX: usize = 16;

/// A report that was refused for good. Its groups are sent again when they change or when all are asked for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeadLetter {
    /// When.
    pub at: Timestamp,
    /// Its number.
    pub sequence: u64,
    /// The groups in it.
    pub groups: Vec<String>,
    /// The collector's code.
    pub reason: String,
    /// The collector's words.
    pub detail: String,
}

/// Everything that is not yet acknowledged.
#[derive(Debug)]
pub struct Outbox {
    data_dir: PathBuf,
    limits: Limits,
    epoch: Epoch,
    next: Sequence,
    memory: VecDeque<Waiting>,
    spool: Option<Spool>,
    spool_problem: Option<String>,
    spool_damaged: bool,
    /// The problem is one that may pass.
    spool_fails: bool,
    lost: Option<(Lost, String)>,
    lost_count: u64,
    /// Sent on this connection and neither acknowledged nor refused.
    in_flight: BTreeSet<Key>,
    /// So many may be in flight: one after a refusal for now, doubled by each ack.
    in_flight_max: usize,
    dead: VecDeque<DeadLetter>,
    dead_count: u64,
}

#[derive(Debug)]
struct Waiting {
    report: wire::Report,
    bytes: usize,
    since: Instant,
}

impl Outbox {
    /// An empty one, or with what an earlier run could not deliver.
    #[must_use]
    pub fn new(data_dir: &Path, limits: Limits, epoch: Epoch, now: Timestamp) -> Self {
        let mut outbox = Self {
            data_dir: data_dir.to_owned(),
            limits,
            epoch,
            next: Sequence(1),
            memory: VecDeque::new(),
            spool: None,
            spool_problem: None,
            spool_damaged: false,
            spool_fails: false,
            lost: None,
            lost_count: 0,
            in_flight: BTreeSet::new(),
            in_flight_max: IN_FLIGHT_MAX,
            dead: VecDeque::new(),
            dead_count: 0,
        };
        if Spool::is_there(data_dir) {
            outbox.open_spool(now);
            outbox.close_drained();
        }
        outbox
    }

    /// Numbers a report of these groups and lets it wait.
    pub fn report(&mut self, groups: Vec<Group>, now: Timestamp, instant: Instant) {
        if !groups.is_empty() {
            self.wait(groups.into_iter().map(wire::Group::from).collect(), instant);
        }
        if self.memory.len() > MEMORY_REPORTS_MAX || self.memory_bytes() > MEMORY_BYTES_MAX {
            self.put_away(now);
        }
    }

    /// The next report to send; it counts as sent.
    pub fn next_unsent(&mut self, instant: Instant) -> Option<wire::Report> {
        if self.in_flight.len() >= self.in_flight_max {
            return None;
        }
        if self.lost.is_some() && self.is_all_sent() {
            // Nothing new happens that could carry the news.
            self.wait(Vec::new(), instant);
        }
        let report = self.unsent()?;
        self.in_flight.insert(key(&report));
        Some(report)
    }

    /// A connection is there; nothing of what waits has been sent on it.
    pub fn connected(&mut self) {
        self.in_flight.clear();
        self.in_flight_max = IN_FLIGHT_MAX;
    }

    /// The collector has durably kept what is in flight of the epoch with these numbers. True when something had
    /// waited for that.
    pub fn acked(&mut self, epoch: Epoch, numbers: RangeInclusive<Sequence>) -> bool {
        let is_acked = |key: &Key| key.0 == epoch && numbers.contains(&key.1);
        let (acked, left): (BTreeSet<Key>, BTreeSet<Key>) =
            std::mem::take(&mut self.in_flight).into_iter().partition(is_acked);
        self.in_flight = left;
        if acked.is_empty() {
            return false;
        }
        self.in_flight_max = (self.in_flight_max * 2).min(IN_FLIGHT_MAX);
        let before = self.memory.len();
        self.memory.retain(|waiting| !acked.contains(&key(&waiting.report)));
        let mut gone = before - self.memory.len();
        if let Some(spool) = &mut self.spool {
            match spool.acked(&acked) {
                Ok(count) => gone += count,
                Err(error) => self.spool_failed(&error),
            }
        }
        self.close_drained();
        gone > 0
    }

    /// The collector refused a report: for good, or for now. For now: it and what follows goes again, one at a time
    /// until the collector takes them.
    pub fn refused(&mut self, refused: &wire::Refused, now: Timestamp) {
        let key = (Epoch(refused.epoch), Sequence(refused.sequence));
        self.in_flight.remove(&key);
        if refused.permanent {
            if let Some(report) = self.take(key) {
                self.bury(&report, refused, now);
            }
            self.close_drained();
            return;
        }
        self.in_flight_max = 1;
        tracing::debug!(sequence = refused.sequence, "Report to be sent again later");
    }

    /// Moves what waits in memory to disk: it cannot be delivered now.
    pub fn put_away(&mut self, now: Timestamp) {
        if self.memory.is_empty() {
            return;
        }
        if self.spool.is_none() {
            self.open_spool(now);
        }
        while let (Some(spool), Some(waiting)) = (&mut self.spool, self.memory.front()) {
            if let Err(error) = spool.push(&waiting.report) {
                self.spool_failed(&error);
                break;
            }
            self.memory.pop_front();
        }
        if self.memory.is_empty() {
            self.spool_works();
            self.keep_bounds(now);
        } else if self.memory.len() > MEMORY_REPORTS_MAX || self.memory_bytes() > MEMORY_BYTES_MAX {
            self.compact_memory();
        }
    }

    /// Keeps the spool's bounds; to be called now and then.
    pub fn keep_bounds(&mut self, now: Timestamp) {
        if std::mem::take(&mut self.spool_damaged) {
            self.replace_spool("a report in it cannot be read".to_owned(), now);
            return;
        }
        // A report that the spool numbers anew has to come after everything in memory.
        if !self.memory.is_empty() {
            return;
        }
        let Some(spool) = &mut self.spool else { return };
        let (epoch, next) = (self.epoch, &mut self.next);
        let number = |groups| {
            let sequence = *next;
            *next = sequence.next();
            wire::Report { epoch: epoch.0, sequence: sequence.0, group: groups, dropped: None }
        };
        match spool.keep_bounds(now, number) {
            Ok(None) => {}
            Ok(Some(lost)) => {
                self.lose(lost, "could not be delivered for too long; the last value of each group is kept")
            }
            Err(error) => self.spool_failed(&error),
        }
    }

    /// Puts everything away and closes the spool: the agent ends. Says how many reports are undelivered.
    pub fn close(mut self, now: Timestamp) -> usize {
        if let Some((lost, _)) = &self.lost {
            tracing::debug!(count = lost.count, "The number of lost reports goes to disk with a report");
            self.wait(Vec::new(), Instant::now());
        }
        self.put_away(now);
        if !self.memory.is_empty() {
            // What is true at the next start is observed again; what was in between is gone.
            self.compact_memory();
        }
        let left = self.spool.as_ref().map_or(0, Spool::len);
        if let Some(Err(error)) = self.spool.take().map(Spool::close) {
            tracing::warn!(error = %chain(&error), "Failed to close the spool");
        }
        left
    }

    /// When the oldest report began to wait in memory.
    #[must_use]
    pub fn waiting_since(&self) -> Option<Instant> {
        self.memory.front().map(|waiting| waiting.since)
    }

    /// Reports without an ack.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.memory.len() + self.spool.as_ref().map_or(0, Spool::len)
    }

    /// Nothing waits, and no loss has to be told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting() == 0 && self.lost.is_none()
    }

    /// Reports and bytes in the spool, when it is open.
    #[must_use]
    pub fn spooled(&self) -> Option<(usize, u64)> {
        self.spool.as_ref().map(|spool| (spool.len(), spool.bytes()))
    }

    /// What is wrong with the spool.
    #[must_use]
    pub fn spool_problem(&self) -> Option<&str> {
        self.spool_problem.as_deref()
    }

    /// Reports that went before they were delivered.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost_count
    }

    /// Refused reports, the latest last, and how many there were in all.
    #[must_use]
    pub fn dead_letters(&self) -> (&VecDeque<DeadLetter>, u64) {
        (&self.dead, self.dead_count)
    }

    fn wait(&mut self, group: Vec<wire::Group>, instant: Instant) {
        let dropped = self.lost.take().map(|(lost, reason)| wire::Dropped {
            count: lost.count,
            first_unix_ms: lost.first_unix_ms,
            last_unix_ms: lost.last_unix_ms,
            reason,
        });
        let report = wire::Report { epoch: self.epoch.0, sequence: self.next.0, group, dropped };
        self.next = self.next.next();
        self.memory.push_back(Waiting { bytes: report.encoded_len(), report, since: instant });
    }

    fn unsent(&mut self) -> Option<wire::Report> {
        if let Some(spool) = &self.spool
            && let Some(position) = spool.first_but(&self.in_flight)
        {
            match spool.read(position) {
                Ok(report) => return Some(report),
                Err(error) => self.spool_failed(&error),
            }
        }
        let mut waiting = self.memory.iter().map(|waiting| &waiting.report);
        waiting.find(|report| !self.in_flight.contains(&key(report))).cloned()
    }

    fn is_all_sent(&self) -> bool {
        self.spool.as_ref().is_none_or(|spool| spool.first_but(&self.in_flight).is_none())
            && self.memory.iter().all(|waiting| self.in_flight.contains(&key(&waiting.report)))
    }

    fn take(&mut self, key: Key) -> Option<wire::Report> {
        if let Some(spool) = &mut self.spool
            && let Some(position) = spool.find(key)
        {
            return match spool.take(position) {
                Ok(report) => Some(report),
                Err(error) => {
                    self.spool_failed(&error);
                    None
                }
            };
        }
        let nth = self.memory.iter().position(|waiting| self::key(&waiting.report) == key)?;
        self.memory.remove(nth).map(|waiting| waiting.report)
    }

    fn bury(&mut self, report: &wire::Report, refused: &wire::Refused, now: Timestamp) {
        let bounded = tenken_proto::value::bounded_text;
        let letter = DeadLetter {
            at: now,
            sequence: report.sequence,
            groups: report.group.iter().map(|group| group.name.clone()).collect(),
            reason: bounded(refused.reason.clone()),
            detail: bounded(refused.detail.clone()),
        };
        tracing::warn!(
            sequence = letter.sequence,
            reason = letter.reason,
            detail = letter.detail,
            "Report refused for good"
        );
        if self.dead.len() == DEAD_LETTERS_MAX {
            self.dead.pop_front();
        }
        self.dead.push_back(letter);
        self.dead_count += 1;
    }

    fn memory_bytes(&self) -> usize {
        self.memory.iter().map(|waiting| waiting.bytes).sum()
    }

    /// Memory is full and the disk takes nothing: only the last values stay.
    fn compact_memory(&mut self) {
        let mut values = LastValues::default();
        let since = self.memory.front().map_or_else(Instant::now, |waiting| waiting.since);
        for waiting in self.memory.drain(..) {
            self.in_flight.remove(&key(&waiting.report));
            values.take(waiting.report);
        }
        let (portions, lost) = values.finish();
        if let Some(lost) = lost {
            self.lose(lost, "could not be delivered and the disk took nothing; the last value of each group is kept");
        }
        for groups in portions {
            self.wait(groups, since);
        }
    }

    fn lose(&mut self, lost: Lost, reason: &str) {
        tracing::warn!(count = lost.anew, reason, "Reports lost before delivery");
        self.lost_count = self.lost_count.saturating_add(lost.anew);
        let lost = self.lost.take().map_or(lost, |(earlier, _)| earlier.and(lost));
        self.lost = Some((lost, reason.to_owned()));
    }

    fn open_spool(&mut self, now: Timestamp) {
        match Spool::open(&self.data_dir, self.limits, now) {
            Ok(spool) => {
                self.spool = Some(spool);
                self.spool_problem = None;
            }
            Err(error) if error.is_damage() => self.replace_spool(chain(&error), now),
            Err(error) => self.spool_failed(&error),
        }
    }

    fn replace_spool(&mut self, problem: String, now: Timestamp) {
        let moment = now.as_millisecond();
        let unknown = Lost { count: 1, anew: 1, first_unix_ms: moment, last_unix_ms: moment };
        self.spool = None;
        match Spool::set_aside(&self.data_dir) {
            Ok(aside) => {
                self.spool_problem = Some(format!("{problem}; set aside as `{}`", aside.display()));
                self.lose(unknown, "the disk queue could not be opened and was set aside: at least one report");
                match Spool::open(&self.data_dir, self.limits, now) {
                    Ok(spool) => self.spool = Some(spool),
                    Err(error) => self.spool_problem = Some(chain(&error)),
                }
            }
            Err(error) => self.spool_problem = Some(format!("{problem}; {}", chain(&error))),
        }
        tracing::warn!(problem = self.spool_problem, "Spool is damaged");
    }

    /// The spool does not do what it is there for; memory serves until it does.
    fn spool_failed(&mut self, error: &SpoolError) {
        let problem = chain(error);
        if self.spool_problem.as_deref() != Some(&problem) {
            tracing::warn!(problem, "Spool failed; reports wait in memory");
        }
        self.spool_problem = Some(problem);
        self.spool_fails = true;
        self.spool_damaged |= error.is_damage();
    }

    /// The spool has taken everything.
    fn spool_works(&mut self) {
        if std::mem::take(&mut self.spool_fails) {
            tracing::info!("Spool takes reports again");
            self.spool_problem = None;
        }
    }

    fn close_drained(&mut self) {
        if let Some(spool) = self.spool.take_if(|spool| spool.is_empty()) {
            match spool.close() {
                Ok(()) => tracing::info!("Spool drained and closed"),
                Err(error) => self.spool_failed(&error),
            }
        }
    }
}

fn key(report: &wire::Report) -> Key {
    (Epoch(report.epoch), Sequence(report.sequence))
}

#[cfg(test)]
mod tests;
