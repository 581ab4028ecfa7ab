//! Who is connected now: at most [`STREAMS_PER_AGENT_MAX`](super::STREAMS_PER_AGENT_MAX) streams per identity.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tenken_proto::ident::AgentId;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::rate::{Bucket, Rate};
use super::{SIGNS_BURST, SIGNS_PER_SECOND, STREAMS_PER_AGENT_MAX};
use crate::identity::{Event, What};

/// Words to a stream that wait to be read by it.
pub(super) const CONTROL_MAX: usize = 4;

const SIGNS: Rate = Rate { per_second: SIGNS_PER_SECOND, burst: SIGNS_BURST };

/// A word to a live stream.
#[derive(Debug)]
pub(super) enum Control {
    /// Look again whether you may go on.
    LookAgain,
    /// Ask the agent for a sign of life, and tell when it came.
    Ping(oneshot::Sender<()>),
    /// A newer stream has taken over.
    Replaced,
}

/// All live streams.
#[derive(Debug, Default)]
pub struct Streams {
    inner: Mutex<Inner>,
    /// The collector is stopping. No word in a queue: it reaches a stream in whatever it waits, and those to come.
    closing: CancellationToken,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    agents: BTreeMap<AgentId, Vec<Live>>,
    allowances: BTreeMap<AgentId, Allowance>,
}

/// What one identity may send now, over all its streams.
#[derive(Debug)]
struct Allowance {
    reports: Bucket,
    signs: Bucket,
}

#[derive(Debug)]
struct Live {
    number: u64,
    control: mpsc::Sender<Control>,
}

impl Inner {
    /// What the identity has left; all of it when it comes for the first time.
    fn allowance(&mut self, agent: AgentId, reports: Rate, now: Timestamp) -> &mut Allowance {
        let whole = || Allowance { reports: Bucket::full(reports, now), signs: Bucket::full(SIGNS, now) };
        self.allowances.entry(agent).or_insert_with(whole)
    }
}

/// What a newcomer finds.
#[derive(Debug)]
pub(super) struct Entered {
    /// Its number.
    pub(super) number: u64,
    /// Older streams: the same machine before a restart or on a line that is dead, or another machine.
    pub(super) others: Vec<mpsc::Sender<Control>>,
}

impl Streams {
    /// How many streams are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().agents.values().map(Vec::len).sum()
    }

    /// Takes a stream in; the oldest of too many is replaced.
    pub(super) fn enter(&self, agent: AgentId, control: mpsc::Sender<Control>) -> Entered {
        let mut inner = self.lock();
        inner.next += 1;
        let number = inner.next;
        let live = inner.agents.entry(agent).or_default();
        let surplus = (live.len() + 1).saturating_sub(STREAMS_PER_AGENT_MAX);
        for replaced in live.drain(..surplus) {
            let _ = replaced.control.try_send(Control::Replaced);
        }
        let others = live.iter().map(|live| live.control.clone()).collect();
        live.push(Live { number, control });
        Entered { number, others }
    }

    /// A stream has ended.
    pub(super) fn leave(&self, agent: AgentId, number: u64) {
        let mut inner = self.lock();
        if let Some(live) = inner.agents.get_mut(&agent) {
            live.retain(|live| live.number != number);
            if live.is_empty() {
                inner.agents.remove(&agent);
            }
        }
    }

    /// Whether the identity may send one more report now.
    pub(super) fn may_send(&self, agent: AgentId, rate: Rate, now: Timestamp) -> bool {
        self.lock().allowance(agent, rate, now).reports.take(rate, now)
    }

    /// Whether the identity may send one more sign of life now.
    pub(super) fn may_beat(&self, agent: AgentId, rate: Rate, now: Timestamp) -> bool {
        self.lock().allowance(agent, rate, now).signs.take(SIGNS, now)
    }

    /// Has the streams that an identity event concerns look again.
    pub(super) fn look_again_after(&self, event: &Event) {
        match &event.what {
            What::Activated { agent, .. }
            | What::Bound { agent, .. }
            | What::OnHold { agent, .. }
            | What::Revoked { agent, .. }
            | What::Retired { agent, .. } => {
                let inner = self.lock();
                for live in inner.agents.get(agent).into_iter().flatten() {
                    let _ = live.control.try_send(Control::LookAgain);
                }
            }
            What::TokenCreated { .. }
            | What::TokenRevoked { .. }
            | What::TokenOverUsed { .. }
            | What::Requested { .. }
            | What::AskedAgain { .. }
            | What::Approved { .. }
            | What::Issued { .. }
            | What::Released { .. }
            | What::Refused { .. }
            | What::RefusalsDropped { .. } => {}
        }
    }

    /// Has every stream look again.
    pub(super) fn look_again(&self) {
        let inner = self.lock();
        for live in inner.agents.values().flatten() {
            let _ = live.control.try_send(Control::LookAgain);
        }
    }

    /// Ends every stream, also those that have not said Hello and those that open from now on.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Waits until the streams are to end.
    pub(super) async fn closed(&self) {
        self.closing.cancelled().await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
