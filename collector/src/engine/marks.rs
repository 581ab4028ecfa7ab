//! What was received of an agent: per epoch the highest sequence, what is missing below it, and the contents of
//! the latest reports. Decides whether a report is new, late, a repeat or a fork. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::ident::{Digest, Epoch, Sequence};

/// Epochs remembered of one agent; the longest unused leaves first.
const EPOCHS_MAX: usize = 16;
/// Contents remembered of one epoch, to tell a repeat from a fork.
const CONTENTS_MAX: usize = 8;
/// Ranges of missing sequences remembered of one epoch; more are counted, and no longer awaited.
const MISSING_MAX: usize = 16;

/// What was received of one agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMarks {
    /// Its epochs, the latest used last.
    pub epochs: Vec<EpochMark>,
    /// Reports that never arrived, over all epochs; those that the agent dropped are among them.
    pub missing: u64,
    /// When the first of them was missed; none: nothing is missing, or it was not noted.
    #[serde(default)]
    pub missing_since: Option<Timestamp>,
    /// Reports that the agent itself said it dropped.
    pub dropped: u64,
    /// Time of the first observation in what it dropped, where it said so.
    #[serde(default)]
    pub dropped_first: Option<Timestamp>,
    /// Time of the last observation in what it dropped, where it said so.
    #[serde(default)]
    pub dropped_last: Option<Timestamp>,
}

/// What an agent says it dropped before it was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// How many reports.
    pub count: u64,
    /// Time of the first observation in them, where it is known.
    pub first: Option<Timestamp>,
    /// Time of the last observation in them, where it is known.
    pub last: Option<Timestamp>,
}

/// What was received of one epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochMark {
    /// Which run of the agent.
    pub epoch: Epoch,
    /// The highest sequence received.
    pub high: Sequence,
    /// Ranges (first, last) below it that did not arrive.
    pub missing: Vec<(u64, u64)>,
    /// The latest contents, by sequence: the first 8 bytes of their digests.
    pub contents: Vec<(Sequence, [u8; 8])>,
}

/// How a report looks beside what was received before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Higher than all before; so many were skipped.
    New {
        /// Sequences between the last one and this.
        skipped: u64,
    },
    /// One that was missing.
    Late,
    /// Received before.
    Repeat,
    /// Received before with other content.
    Fork,
}

impl AgentMarks {
    /// The epoch's mark.
    #[must_use]
    pub fn epoch(&self, epoch: Epoch) -> Option<&EpochMark> {
        self.epochs.iter().find(|mark| mark.epoch == epoch)
    }

    /// How a report looks; changes nothing.
    #[must_use]
    pub fn sight(&self, epoch: Epoch, sequence: Sequence, content: Digest) -> Sight {
        let Some(mark) = self.epoch(epoch) else { return Sight::New { skipped: sequence.0.saturating_sub(1) } };
        if sequence > mark.high {
            return Sight::New { skipped: sequence.0 - mark.high.0 - 1 };
        }
        if mark.missing.iter().any(|(first, last)| (*first..=*last).contains(&sequence.0)) {
            return Sight::Late;
        }
        match mark.contents.iter().find(|(known, _)| *known == sequence) {
            Some((_, known)) if *known != head(content) => Sight::Fork,
            Some(_) | None => Sight::Repeat,
        }
    }

    /// Notes a report that was taken at that time.
    pub fn note(&mut self, at: Timestamp, epoch: Epoch, sequence: Sequence, content: Digest) {
        let mut mark = match self.epochs.iter().position(|mark| mark.epoch == epoch) {
            Some(index) => self.epochs.remove(index),
            None => EpochMark { epoch, high: Sequence(0), missing: Vec::new(), contents: Vec::new() },
        };
        if sequence > mark.high {
            let skipped = sequence.0 - mark.high.0 - 1;
            if skipped > 0 {
                self.miss(at, skipped);
                mark.missing.push((mark.high.0 + 1, sequence.0 - 1));
                if mark.missing.len() > MISSING_MAX {
                    mark.missing.remove(0);
                }
            }
            mark.high = sequence;
        } else if mark.take_missing(sequence.0) {
            self.arrived_after_all();
        }
        mark.contents.push((sequence, head(content)));
        if mark.contents.len() > CONTENTS_MAX {
            mark.contents.remove(0);
        }
        self.epochs.push(mark);
        if self.epochs.len() > EPOCHS_MAX {
            self.epochs.remove(0);
        }
    }

    /// Notes what the agent says it dropped.
    pub fn note_lost(&mut self, lost: Lost) {
        self.dropped = self.dropped.saturating_add(lost.count);
        self.dropped_first = self.dropped_first.into_iter().chain(lost.first).min();
        self.dropped_last = self.dropped_last.into_iter().chain(lost.last).max();
    }

    fn miss(&mut self, at: Timestamp, skipped: u64) {
        if self.missing == 0 {
            self.missing_since = Some(at);
        }
        self.missing = self.missing.saturating_add(skipped);
    }

    fn arrived_after_all(&mut self) {
        self.missing = self.missing.saturating_sub(1);
        if self.missing == 0 {
            self.missing_since = None;
        }
    }
}

impl EpochMark {
    /// The highest sequence below which none is awaited.
    #[must_use]
    pub fn complete(&self) -> Sequence {
        let awaited = self.missing.iter().map(|(first, _)| *first).min();
        awaited.map_or(self.high, |first| Sequence(first.saturating_sub(1)))
    }

    fn take_missing(&mut self, sequence: u64) -> bool {
        let Some(index) = self.missing.iter().position(|(first, last)| (*first..=*last).contains(&sequence)) else {
            return false;
        };
        let (first, last) = self.missing.remove(index);
        if sequence < last {
            self.missing.insert(index, (sequence + 1, last));
        }
        if first < sequence {
            self.missing.insert(index, (first, sequence - 1));
        }
        true
    }
}

fn head(content: Digest) -> [u8; 8] {
    let mut head = [0; 8];
    head.copy_from_slice(&content.0[..8]);
    head
}
