//! The one place where the observing half (may have privilege, has no network) and the uplink half (has the
//! network, no privilege) meet.
//!
//! They exchange serialised frames of at most [`FRAME_BYTES_MAX`] bytes through two queues of [`FRAMES_MAX`];
//! what arrives is parsed and bounded as if a stranger had sent it. Up go groups, times and a digest. Down go
//! two wishes, *send everything* and *policy*: no path and no command can be said in them. Both halves live in
//! one process; two processes need another carrier beneath [`ObservingEnd`] and [`UplinkEnd`], nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use prost::Message as _;
use tenken_proto::convert::{Malformed, timestamp};
use tenken_proto::fact::GroupName;
use tenken_proto::ident::{Digest, PolicyRevision};
use tenken_proto::report::{GROUPS_MAX, Group, MESSAGE_BYTES_MAX};
use tenken_proto::wire;
use tokio::sync::mpsc;

/// Largest frame.
pub const FRAME_BYTES_MAX: usize = MESSAGE_BYTES_MAX;
/// Frames that wait in each direction. Full means: the sender waits.
pub const FRAMES_MAX: usize = 32;
/// Bytes of groups in one frame, so that a report made of it fits into one message.
const GROUP_BYTES_MAX: usize = FRAME_BYTES_MAX - 8 * 1024;

/// What the observing half tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// Groups to report.
    pub changed: Vec<Group>,
    /// Groups that were looked at again and are as reported.
    pub seen: BTreeMap<GroupName, Timestamp>,
    /// Digest over all groups as reported, this frame included.
    pub total: Option<Digest>,
}

/// What the uplink half wishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The collector lacks something: report every group.
    SendAll,
    /// The collector's settings for this agent.
    Policy(Policy),
}

/// The collector's wishes for intervals and for what is collected. The observing half holds them against the
/// host's own limits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Its version.
    pub revision: PolicyRevision,
    /// Time between signs of life.
    pub heartbeat_interval: Option<Duration>,
    /// Time between scheduled looks.
    pub probe_interval: Option<Duration>,
    /// Groups that are not to be collected.
    pub withheld: BTreeSet<GroupName>,
    /// When people were told what is collected.
    pub notice_given: Option<Timestamp>,
}

impl Policy {
    /// Reads the wire form. Names that are no group names are left out: a wish that this agent does not know.
    ///
    /// # Errors
    /// [`Malformed`] when it names more groups than there can be.
    pub fn from_wire(policy: &wire::Policy) -> Result<Self, Malformed> {
        if policy.withhold.len() > GROUPS_MAX {
            let problem = format!("{} names, allowed {GROUPS_MAX}", policy.withhold.len());
            return Err(Malformed { field: "policy.withhold".to_owned(), problem });
        }
        let seconds = |s: u32| (s > 0).then(|| Duration::from_secs(s.into()));
        let notice = policy.notice_given_unix_ms;
        Ok(Self {
            revision: PolicyRevision(policy.revision),
            heartbeat_interval: seconds(policy.heartbeat_interval_s),
            probe_interval: seconds(policy.probe_interval_s),
            withheld: policy.withhold.iter().filter_map(|name| name.parse().ok()).collect(),
            notice_given: (notice != 0).then(|| timestamp(notice, "policy.notice_given_unix_ms")).transpose()?,
        })
    }
}

/// Makes the two ends.
#[must_use]
pub fn pair() -> (ObservingEnd, UplinkEnd) {
    let (up, told) = mpsc::channel(FRAMES_MAX);
    let (down, wishes) = mpsc::channel(FRAMES_MAX);
    (ObservingEnd { up, wishes }, UplinkEnd { told, down })
}

/// The other half has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other half has ended")]
pub struct Ended;

/// The observing half's end.
#[derive(Debug)]
pub struct ObservingEnd {
    up: mpsc::Sender<Vec<u8>>,
    wishes: mpsc::Receiver<Vec<u8>>,
}

impl ObservingEnd {
    /// Tells, in as many frames as it takes.
    ///
    /// # Errors
    /// [`Ended`].
    pub async fn tell(&self, told: Told) -> Result<(), Ended> {
        for frame in frames(told) {
            self.up.send(frame).await.map_err(|_| Ended)?;
        }
        Ok(())
    }

    /// The next wish; none when the other half has ended. A frame that cannot be read is skipped.
    pub async fn wish(&mut self) -> Option<Wish> {
        loop {
            let frame = self.wishes.recv().await?;
            match read_wish(&frame) {
                Ok(wish) => return Some(wish),
                Err(problem) => tracing::warn!(%problem, "Unreadable wish of the uplink half"),
            }
        }
    }
}

/// The uplink half's end.
#[derive(Debug)]
pub struct UplinkEnd {
    told: mpsc::Receiver<Vec<u8>>,
    down: mpsc::Sender<Vec<u8>>,
}

impl UplinkEnd {
    /// What is told next; none when the observing half has ended. A frame that cannot be read is skipped.
    pub async fn told(&mut self) -> Option<Told> {
        loop {
            let frame = self.told.recv().await?;
            match read_told(&frame) {
                Ok(told) => return Some(told),
                Err(problem) => tracing::warn!(%problem, "Unreadable frame of the observing half"),
            }
        }
    }

    /// Wishes; false when the queue is full or the other half has ended. The collector will wish again.
    #[must_use]
    pub fn wish(&self, wish: &Wish) -> bool {
        self.down.try_send(frame_of(wish)).is_ok()
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct ToldFrame {
    #[prost(message, repeated, tag = "1")]
    changed: Vec<wire::Group>,
    #[prost(message, repeated, tag = "2")]
    seen: Vec<wire::GroupSeen>,
    #[prost(bytes = "vec", tag = "3")]
    total: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WishFrame {
    #[prost(bool, tag = "1")]
    send_all: bool,
    #[prost(message, optional, tag = "2")]
    policy: Option<wire::Policy>,
}

/// Cuts what is told into frames that fit; the times and the digest travel in the last one.
fn frames(told: Told) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut frame = ToldFrame::default();
    let mut bytes = 0;
    for group in told.changed {
        let size = group.body.len() + group.name.as_str().len() + 64;
        if bytes > 0 && (bytes + size > GROUP_BYTES_MAX || frame.changed.len() == GROUPS_MAX) {
            frames.push(std::mem::take(&mut frame).encode_to_vec());
            bytes = 0;
        }
        bytes += size;
        frame.changed.push(group.into());
    }
    frame.seen = told
        .seen
        .into_iter()
        .map(|(name, at)| wire::GroupSeen {
            name: name.into(),
            observed_unix_ms: at.as_millisecond(),
            ..wire::GroupSeen::default()
        })
        .collect();
    frame.total = told.total.map(|total| total.0.to_vec()).unwrap_or_default();
    frames.push(frame.encode_to_vec());
    frames
}

fn read_told(bytes: &[u8]) -> Result<Told, Malformed> {
    let frame = bounded(bytes)
        .and_then(|bytes| ToldFrame::decode(bytes).map_err(|error| malformed("frame", error.to_string())))?;
    if frame.changed.len() > GROUPS_MAX || frame.seen.len() > GROUPS_MAX {
        return Err(malformed("frame", format!("more than {GROUPS_MAX} groups")));
    }
    let changed = frame.changed.into_iter().map(Group::try_from).collect::<Result<_, _>>()?;
    let seen = frame.seen.into_iter().map(|seen| {
        let name: GroupName = seen.name.parse().map_err(|_| malformed("seen.name", "no group name"))?;
        Ok((name, timestamp(seen.observed_unix_ms, "seen.observed_unix_ms")?))
    });
    Ok(Told { changed, seen: seen.collect::<Result<_, Malformed>>()?, total: Digest::from_slice(&frame.total) })
}

fn frame_of(wish: &Wish) -> Vec<u8> {
    let frame = match wish {
        Wish::SendAll => WishFrame { send_all: true, policy: None },
        Wish::Policy(policy) => WishFrame { send_all: false, policy: Some(wire_policy(policy)) },
    };
    frame.encode_to_vec()
}

/// The wire form, for the frame and for the copy on disk.
pub(crate) fn wire_policy(policy: &Policy) -> wire::Policy {
    let seconds =
        |time: Option<Duration>| time.map_or(0, |time| u32::try_from(time.as_secs().max(1)).unwrap_or(u32::MAX));
    wire::Policy {
        revision: policy.revision.0,
        heartbeat_interval_s: seconds(policy.heartbeat_interval),
        probe_interval_s: seconds(policy.probe_interval),
        withhold: policy.withheld.iter().map(|name| name.as_str().to_owned()).collect(),
        notice_given_unix_ms: policy.notice_given.map_or(0, Timestamp::as_millisecond),
    }
}

fn read_wish(bytes: &[u8]) -> Result<Wish, Malformed> {
    let frame = bounded(bytes)
        .and_then(|bytes| WishFrame::decode(bytes).map_err(|error| malformed("frame", error.to_string())))?;
    match frame {
        WishFrame { send_all: true, policy: None } => Ok(Wish::SendAll),
        WishFrame { send_all: false, policy: Some(policy) } => Policy::from_wire(&policy).map(Wish::Policy),
        WishFrame { .. } => Err(malformed("frame", "neither of the two wishes")),
    }
}

fn bounded(bytes: &[u8]) -> Result<&[u8], Malformed> {
    if bytes.len() > FRAME_BYTES_MAX {
        return Err(malformed("frame", format!("{} bytes, allowed {FRAME_BYTES_MAX}", bytes.len())));
    }
    Ok(bytes)
}

fn malformed(field: &str, problem: impl Into<String>) -> Malformed {
    Malformed { field: field.to_owned(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, bytes: usize) -> Group {
        Group {
            name: name.parse().expect("a name"),
            schema_version: 1,
            body: vec![7; bytes],
            observed_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn large_groups_travel_in_several_frames_that_fit() {
        let (observing, mut uplink) = pair();
        let changed = vec![group("a", 150_000), group("b", 150_000), group("c", 10)];
        let total = Some(Digest::of(b"total"));
        let seen = BTreeMap::from([("d".parse().expect("a name"), Timestamp::UNIX_EPOCH)]);
        let told = Told { changed: changed.clone(), seen: seen.clone(), total };
        assert!(frames(told.clone()).iter().all(|frame| frame.len() <= FRAME_BYTES_MAX));
        observing.tell(told).await.expect("told");
        let first = uplink.told().await.expect("a frame");
        let second = uplink.told().await.expect("a frame");
        assert_eq!((first.total, second.total), (None, total));
        assert_eq!(second.seen, seen);
        assert_eq!([first.changed, second.changed].concat(), changed);
    }

    #[tokio::test]
    async fn wishes_come_back_as_they_were() {
        let (mut observing, uplink) = pair();
        let policy = Policy {
            revision: PolicyRevision(3),
            heartbeat_interval: Some(Duration::from_secs(60)),
            probe_interval: None,
            withheld: BTreeSet::from(["usb".parse().expect("a name")]),
            notice_given: Some(Timestamp::UNIX_EPOCH.checked_add(Duration::from_secs(5)).expect("a time")),
        };
        for wish in [Wish::SendAll, Wish::Policy(policy)] {
            assert!(uplink.wish(&wish));
            assert_eq!(observing.wish().await, Some(wish));
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        assert!(read_told(&vec![0; FRAME_BYTES_MAX + 1]).is_err());
        assert!(read_told(b"\xff\xff").is_err());
        assert!(read_wish(&[]).is_err(), "no wish at all");
        let both = WishFrame { send_all: true, policy: Some(wire::Policy::default()) };
        assert!(read_wish(&both.encode_to_vec()).is_err());
    }
}
