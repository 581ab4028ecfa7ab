//! What was received of an agent: per epoch the highest sequence, what is missing below it, and the contents of
//! the latest reports. Decides whether a report is new, late, a repeat or a fork. Pure.
//!
//! An agent sends again only what it holds no ack for: at most its window below the highest sequence, which is never
//! above [`CONTENTS_MAX`]. What a living run sends from further below was made by another machine with the same
//! identity and run, such as a clone of a virtual machine that was taken while the agent ran.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::ident::{Digest, Epoch, Sequence};

/// Epochs remembered of one agent; the longest unused leaves first.
const EPOCHS_MAX: usize = 16;
/// Contents remembered of the epoch that is in use, to tell a repeat from a fork: not fewer than may be in flight.
pub const CONTENTS_MAX: usize = 64;
/// Contents remembered of each other epoch: only a spool still sends of it.
const FORMER_CONTENTS_MAX: usize = 8;
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
    /// The latest contents, from the highest sequence downwards.
    #[serde(default)]
    pub latest: Contents,
}

/// Contents by their distance from the highest sequence: the first 4 bytes of their digests, 0 for one that was not
/// received. Kept as hexadecimal text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Contents(VecDeque<u32>);

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
    /// Received before with other content, or of a number that its run sends no more.
    Fork,
}

impl AgentMarks {
    /// The epoch's mark.
    #[must_use]
    pub fn epoch(&self, epoch: Epoch) -> Option<&EpochMark> {
        self.epochs.iter().find(|mark| mark.epoch == epoch)
    }

    /// How a report looks; changes nothing. `live`: it was made in the run that sent it.
    #[must_use]
    pub fn sight(&self, epoch: Epoch, sequence: Sequence, content: Digest, live: bool) -> Sight {
        let Some(mark) = self.epoch(epoch) else { return Sight::New { skipped: sequence.0.saturating_sub(1) } };
        if sequence > mark.high {
            return Sight::New { skipped: sequence.0 - mark.high.0 - 1 };
        }
        if mark.missing.iter().any(|(first, last)| (*first..=*last).contains(&sequence.0)) {
            return Sight::Late;
        }
        let below = usize::try_from(mark.high.0 - sequence.0).unwrap_or(usize::MAX);
        match mark.latest.0.get(below) {
            Some(0) => Sight::Late,
            Some(known) if *known != head(content) => Sight::Fork,
            None if live && below >= CONTENTS_MAX => Sight::Fork,
            Some(_) | None => Sight::Repeat,
        }
    }

    /// Notes a report that was taken at that time.
    pub fn note(&mut self, at: Timestamp, epoch: Epoch, sequence: Sequence, content: Digest) {
        let mut mark = match self.epochs.iter().position(|mark| mark.epoch == epoch) {
            Some(index) => self.epochs.remove(index),
            None => EpochMark { epoch, high: Sequence(0), missing: Vec::new(), latest: Contents::default() },
        };
        if sequence > mark.high {
            let skipped = sequence.0 - mark.high.0 - 1;
            mark.latest.raise(skipped, head(content));
            if skipped > 0 {
                self.miss(at, skipped);
                mark.missing.push((mark.high.0 + 1, sequence.0 - 1));
                if mark.missing.len() > MISSING_MAX {
                    mark.missing.remove(0);
                }
            }
            mark.high = sequence;
        } else {
            let below = usize::try_from(mark.high.0 - sequence.0).unwrap_or(usize::MAX);
            let place = mark.latest.0.get_mut(below);
            let before = place.map(|known| std::mem::replace(known, head(content)));
            if mark.take_missing(sequence.0) || before == Some(0) {
                self.arrived_after_all();
            }
        }
        if let Some(former) = self.epochs.last_mut().filter(|former| former.latest.0.len() > FORMER_CONTENTS_MAX) {
            former.latest.0.truncate(FORMER_CONTENTS_MAX);
            former.latest.0.shrink_to_fit();
        }
        if self.epochs.len() == EPOCHS_MAX {
            self.epochs.remove(0);
        }
        self.epochs.push(mark);
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

impl Contents {
    /// A higher sequence came; so many before it did not.
    fn raise(&mut self, skipped: u64, head: u32) {
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX).min(CONTENTS_MAX);
        for head in std::iter::repeat_n(0, skipped).chain([head]) {
            if self.0.len() == CONTENTS_MAX {
                self.0.pop_back();
            }
            self.0.push_front(head);
        }
    }
}

/// Not a row of contents.
#[derive(Debug, thiserror::Error)]
#[error("not contents of at most {CONTENTS_MAX} reports")]
pub struct NotContents;

impl TryFrom<String> for Contents {
    type Error = NotContents;
    fn try_from(text: String) -> Result<Self, NotContents> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| NotContents)?;
        let (heads, []) = bytes.as_chunks::<4>() else { return Err(NotContents) };
        if heads.len() > CONTENTS_MAX {
            return Err(NotContents);
        }
        Ok(Self(heads.iter().map(|head| u32::from_be_bytes(*head)).collect()))
    }
}

impl From<Contents> for String {
    fn from(contents: Contents) -> Self {
        let bytes: Vec<u8> = contents.0.iter().flat_map(|head| head.to_be_bytes()).collect();
        data_encoding::HEXLOWER.encode(&bytes)
    }
}

/// The first 4 bytes, which are not 0.
fn head(content: Digest) -> u32 {
    let mut head = [0; 4];
    head.copy_from_slice(&content.0[..4]);
    u32::from_be_bytes(head).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch(7);

    fn content(n: u64) -> Digest {
        Digest::of(&n.to_be_bytes())
    }

    fn sight(marks: &AgentMarks, sequence: u64, content_of: u64, live: bool) -> Sight {
        marks.sight(EPOCH, Sequence(sequence), content(content_of), live)
    }

    /// An agent whose reports came in this order, each with the content of its number.
    fn received(sequences: impl IntoIterator<Item = u64>) -> AgentMarks {
        let mut marks = AgentMarks::default();
        for sequence in sequences {
            marks.note(Timestamp::UNIX_EPOCH, EPOCH, Sequence(sequence), content(sequence));
        }
        marks
    }

    #[test]
    fn everything_that_may_be_in_flight_is_told_apart_and_below_it_a_living_run_forks() {
        let marks = received(1..=200);
        for sequence in 137..=200 {
            assert_eq!(sight(&marks, sequence, sequence, true), Sight::Repeat, "{sequence}");
            assert_eq!(sight(&marks, sequence, 999, true), Sight::Fork, "{sequence}");
        }
        for sequence in 1..=136 {
            assert_eq!(sight(&marks, sequence, sequence, true), Sight::Fork, "nobody sends {sequence} again");
            assert_eq!(sight(&marks, sequence, sequence, false), Sight::Repeat, "but a spool after a crash may");
        }
        assert_eq!(sight(&marks, 201, 201, true), Sight::New { skipped: 0 });
    }

    #[test]
    fn a_gap_is_awaited_however_many_there_are() {
        let even = received((1..=40).map(|n| n * 2));
        assert_eq!(even.epochs[0].missing.len(), MISSING_MAX);
        for sequence in (17..80).step_by(2) {
            assert_eq!(sight(&even, sequence, sequence, true), Sight::Late, "{sequence}");
        }
        let filled = received((1..=40).map(|n| n * 2).chain((9..40).map(|n| n * 2 + 1)));
        for sequence in 18..=80 {
            assert_eq!(sight(&filled, sequence, sequence, true), Sight::Repeat, "{sequence}");
            assert_eq!(sight(&filled, sequence, 999, true), Sight::Fork, "{sequence}");
        }
    }

    #[test]
    fn the_ends_of_the_numbers_are_taken() {
        let marks = received([u64::MAX - 1, u64::MAX]);
        assert_eq!(sight(&marks, u64::MAX, 999, true), Sight::Fork);
        assert_eq!(sight(&marks, 1, 1, true), Sight::Late);
        assert_eq!(received([1, u64::MAX]).missing, u64::MAX - 2);
    }

    #[test]
    fn marks_are_small_and_come_back_from_the_store_as_they_were() {
        let mut marks = AgentMarks::default();
        for n in 0..10_000 {
            marks.note(Timestamp::UNIX_EPOCH, Epoch(n / 400), Sequence(n % 400 + 1), content(n));
        }
        let stored = serde_json::to_string(&marks).unwrap();
        assert_eq!(serde_json::from_str::<AgentMarks>(&stored).unwrap(), marks);
        assert!(stored.len() < 4_096, "{} bytes on disk", stored.len());
        let contents: usize = marks.epochs.iter().map(|mark| mark.latest.0.capacity() * size_of::<u32>()).sum();
        let memory = marks.epochs.capacity() * size_of::<EpochMark>() + contents;
        assert!(memory <= 2_048, "{memory} bytes in memory with the most epochs");
        let one = received(1..=200);
        let memory = one.epochs.capacity() * size_of::<EpochMark>() + one.epochs[0].latest.0.capacity() * 4;
        assert!(memory <= 1_024, "{memory} bytes in memory with one epoch");
    }

    #[test]
    fn a_row_of_the_version_before_is_read_and_accuses_nobody() {
        let row = r#"{"epochs":[{"epoch":7,"high":200,"missing":[[3,4]],"contents":[[200,[1,2,3,4,5,6,7,8]]]}],
            "missing":2,"dropped":0}"#;
        let marks: AgentMarks = serde_json::from_str(row).unwrap();
        assert_eq!(sight(&marks, 200, 200, true), Sight::Repeat);
        assert_eq!(sight(&marks, 4, 4, true), Sight::Late);
        assert_eq!(sight(&marks, 201, 201, true), Sight::New { skipped: 0 });
    }
}
