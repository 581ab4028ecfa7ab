//! Refusals on their way into the journal: each is counted, and journalled at a bounded rate.
//!
//! Whoever can knock could otherwise fill the journal. What shows a certificate or a token has an allowance of its
//! own, so that a port scan does not hide it. What goes over is counted, and the count is journalled.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tenken_proto::Timestamp;
use tenken_proto::ident::AgentId;

use super::bucket::Bucket;
use super::{Event, What};

/// Refusals that wait to be journalled. Full: counted only.
pub const WAITING_MAX: usize = 512;
/// Refusals of somebody who showed a certificate or a token, journalled at once and per second.
const NAMED: (f64, f64) = (200.0, 0.2);
/// Refusals of anybody else, journalled at once and per second; with the counts of what was dropped at
/// most 5,760 entries a day.
const NAMELESS: (f64, f64) = (50.0, 1.0 / 30.0);

/// A refusal to be noted.
#[derive(Debug, Clone)]
pub struct Note {
    /// Its code.
    pub reason: &'static str,
    /// What exactly.
    pub detail: String,
    /// Where it came from.
    pub peer: Option<IpAddr>,
    /// Which identity.
    pub agent: Option<AgentId>,
    /// Which certificate.
    pub serial: Option<String>,
    /// A certificate or a token was shown.
    pub named: bool,
}

/// Counts refusals and keeps those that will be journalled.
#[derive(Debug)]
pub struct Audit {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    counts: BTreeMap<&'static str, u64>,
    waiting: VecDeque<Event>,
    dropped: u64,
    named: Bucket,
    nameless: Bucket,
}

impl Default for Audit {
    fn default() -> Self {
        let inner = Inner {
            counts: BTreeMap::new(),
            waiting: VecDeque::new(),
            dropped: 0,
            named: Bucket::full(NAMED.0, NAMED.1),
            nameless: Bucket::full(NAMELESS.0, NAMELESS.1),
        };
        Self { inner: Mutex::new(inner) }
    }
}

impl Audit {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a refusal; logs and keeps it while the rate allows.
    pub fn note(&self, note: Note, now: Timestamp) {
        let mut inner = self.inner();
        let count = inner.counts.entry(note.reason).or_default();
        *count = count.saturating_add(1);
        let bucket = if note.named { &mut inner.named } else { &mut inner.nameless };
        if bucket.take(now).is_err() || inner.waiting.len() >= WAITING_MAX {
            inner.dropped = inner.dropped.saturating_add(1);
            return;
        }
        let (reason, serial) = (note.reason, note.serial.as_deref().unwrap_or_default());
        tracing::warn!(reason, peer = ?note.peer, agent = ?note.agent, serial, detail = note.detail, "Refused");
        let what = What::Refused {
            reason: note.reason.to_owned(),
            detail: super::clean(&note.detail),
            agent: note.agent,
            serial: note.serial,
        };
        inner.waiting.push_back(Event { at: now, peer: note.peer, what });
    }

    /// Keeps an event that somebody outside can cause as often as they like.
    pub fn keep(&self, event: Event) {
        let now = event.at;
        let mut inner = self.inner();
        if inner.named.take(now).is_err() || inner.waiting.len() >= WAITING_MAX {
            inner.dropped = inner.dropped.saturating_add(1);
            return;
        }
        inner.waiting.push_back(event);
    }

    /// What is to be journalled now.
    #[must_use]
    pub fn take(&self, now: Timestamp) -> Vec<Event> {
        let mut inner = self.inner();
        let mut events: Vec<Event> = inner.waiting.drain(..).collect();
        let count = std::mem::take(&mut inner.dropped);
        if count > 0 && events.is_empty() && inner.nameless.take(now).is_err() {
            // Nothing else is written now: the count waits for company.
            inner.dropped = count;
        } else if count > 0 {
            events.push(Event { at: now, peer: None, what: What::RefusalsDropped { count } });
        }
        events
    }

    /// Takes back what could not be journalled, to be tried again before what came meanwhile; what finds no room is
    /// counted.
    pub fn put_back(&self, events: Vec<Event>) {
        let mut inner = self.inner();
        for event in events.into_iter().rev() {
            if let What::RefusalsDropped { count } = event.what {
                inner.dropped = inner.dropped.saturating_add(count);
            } else if inner.waiting.len() >= WAITING_MAX {
                inner.dropped = inner.dropped.saturating_add(1);
            } else {
                inner.waiting.push_front(event);
            }
        }
    }

    /// Refusals by reason since the collector's start.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.inner().counts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn note(named: bool) -> Note {
        let reason = if named { "tls_revoked" } else { "tls_no_certificate" };
        Note { reason, detail: String::new(), peer: None, agent: None, serial: None, named }
    }

    #[test]
    fn a_flood_is_counted_and_does_not_hide_who_showed_a_certificate() {
        let audit = Audit::default();
        for _ in 0..100_000 {
            audit.note(note(false), at(0));
        }
        audit.note(note(true), at(0));
        let events = audit.take(at(1));
        assert_eq!(events.len(), 52);
        assert!(matches!(&events[50].what, What::Refused { reason, .. } if reason == "tls_revoked"));
        assert_eq!(events[51].what, What::RefusalsDropped { count: 99_950 });
        assert_eq!(audit.counts()["tls_no_certificate"], 100_000);
        assert!(audit.take(at(2)).is_empty());
    }

    #[test]
    fn what_could_not_be_journalled_comes_again_in_order_and_what_finds_no_room_is_counted() {
        let audit = Audit::default();
        (0..60).for_each(|_| audit.note(note(false), at(0)));
        (0..200).for_each(|_| audit.note(note(true), at(0)));
        let taken = audit.take(at(1));
        assert_eq!(taken.len(), 251, "250 and the count of 10 that were dropped");
        audit.put_back(taken.clone());
        assert_eq!(audit.take(at(1)), taken);
        audit.put_back(taken.clone());
        audit.put_back(taken.clone());
        audit.put_back(taken.clone());
        let again = audit.take(at(1));
        assert_eq!(again.len(), WAITING_MAX + 1);
        assert_eq!(again[WAITING_MAX].what, What::RefusalsDropped { count: 3 * 10 + 3 * 250 - 512 });
        assert_eq!(again[WAITING_MAX - 250..WAITING_MAX], taken[..250]);
    }

    #[test]
    fn counts_of_what_was_dropped_are_themselves_bounded() {
        let audit = Audit::default();
        let mut written = 0;
        for second in 0..3_600 {
            audit.note(note(false), at(second));
            written += audit.take(at(second)).len();
        }
        assert!(written <= 50 + 2 * 3_600 / 30, "{written}");
    }
}
