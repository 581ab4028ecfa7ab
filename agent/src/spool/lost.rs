//! What is left of reports that cannot be kept, and what has to be told about those that went.

use std::collections::BTreeMap;

use tenken_proto::report::MESSAGE_BYTES_MAX;
use tenken_proto::wire;

/// Bytes of groups in one report, so that it fits into one message.
const GROUP_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 8 * 1024;

/// Reports that went before they were delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// How many, with those that the lost ones themselves told of.
    pub count: u64,
    /// How many of them went now.
    pub anew: u64,
    /// Time of the first of them, Unix milliseconds.
    pub first_unix_ms: i64,
    /// Time of the last of them, Unix milliseconds.
    pub last_unix_ms: i64,
}

impl Lost {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            anew: self.anew.saturating_add(other.anew),
            first_unix_ms: self.first_unix_ms.min(other.first_unix_ms),
            last_unix_ms: self.last_unix_ms.max(other.last_unix_ms),
        }
    }

    /// One report, by the times of its groups and by what it said was lost.
    fn of(report: &wire::Report) -> Self {
        let earlier = report.dropped.as_ref().map(|dropped| Self {
            count: dropped.count,
            anew: 0,
            first_unix_ms: dropped.first_unix_ms,
            last_unix_ms: dropped.last_unix_ms,
        });
        let times = || report.group.iter().map(|group| group.observed_unix_ms);
        let this = times().min().zip(times().max());
        let this = this.map(|(first_unix_ms, last_unix_ms)| Self { count: 1, anew: 1, first_unix_ms, last_unix_ms });
        match (this, earlier) {
            (Some(this), Some(earlier)) => this.and(earlier),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => Self { count: 1, anew: 1, first_unix_ms: 0, last_unix_ms: 0 },
        }
    }
}

/// The last values of reports that go, taken one by one, oldest first.
#[derive(Debug, Default)]
pub struct LastValues {
    groups: BTreeMap<String, wire::Group>,
    lost: Option<Lost>,
}

impl LastValues {
    /// This report goes.
    pub fn take(&mut self, report: wire::Report) {
        let lost = Lost::of(&report);
        self.lost = Some(self.lost.map_or(lost, |earlier| earlier.and(lost)));
        for group in report.group {
            self.groups.insert(group.name.clone(), group);
        }
    }

    /// A newer report, which stays, has these groups too.
    pub fn superseded_by(&mut self, report: &wire::Report) {
        for group in &report.group {
            self.groups.remove(&group.name);
        }
    }

    /// The values that must stay, in portions of which each fits into one report; and what is lost.
    #[must_use]
    pub fn finish(self) -> (Vec<Vec<wire::Group>>, Option<Lost>) {
        (portions(self.groups.into_values()), self.lost)
    }
}

fn portions(groups: impl Iterator<Item = wire::Group>) -> Vec<Vec<wire::Group>> {
    let mut portions: Vec<Vec<wire::Group>> = Vec::new();
    let mut bytes = 0;
    for group in groups {
        let size = group.body.len() + group.name.len() + 64;
        match portions.last_mut() {
            Some(portion) if bytes + size <= GROUP_BYTES_MAX => portion.push(group),
            Some(_) | None => {
                portions.push(vec![group]);
                bytes = 0;
            }
        }
        bytes += size;
    }
    portions
}
