//! One agent's stream from Hello to its end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tenken_proto::convert::timestamp;
use tenken_proto::ident::{Digest, Epoch, HostId, Sequence};
use tenken_proto::report::{GROUPS_MAX, REASON_METADATA, RefusalReason, Report, WIRE_VERSION};
use tenken_proto::wire;
use tenken_proto::wire::down::Message as Down;
use tenken_proto::wire::up::Message as Up;
use tokio::sync::{mpsc, oneshot};
use tonic::metadata::MetadataValue;
use tonic::{Status, Streaming};

use super::peer::{Peer, PeerIdentity};
use super::streams::{CONTROL_MAX, Control};
use super::{
    CLONE_PING_TIMEOUT, HELLO_TIMEOUT, IN_FLIGHT_MAX, LAST_WORD_TIMEOUT, SEND_ALL_EVERY, SIGNS_PER_SECOND,
    SLOW_READER_TIMEOUT, Shared, retry_after,
};
use crate::clock::now;
use crate::engine::{AdmitRequest, Admitted, Looked, Origin, PrepareError, RegistryError};
use crate::identity::Refusal;

/// Longest text of Hello that is kept.
const TEXT_BYTES_MAX: usize = 64;

/// Boxed: a channel holds 32 places at once, and most streams are idle.
pub(super) type Reply = Box<Result<wire::Down, Status>>;
type Outgoing = mpsc::Sender<Reply>;

/// Ends the stream.
struct End;

/// A stream that has said Hello.
struct Stream {
    shared: Arc<Shared>,
    identity: PeerIdentity,
    host: HostId,
    epoch: Epoch,
    clock_offset_ms: i64,
    outgoing: Outgoing,
    in_flight: VecDeque<(Epoch, Sequence, oneshot::Receiver<Admitted>)>,
    ping: Option<(u64, oneshot::Sender<()>)>,
    pings: u64,
    /// The digest of the last heartbeat, to be compared when nothing is in flight any more.
    claimed: Option<Digest>,
    asked_all_at: Option<Instant>,
}

/// Serves one stream until either side ends it. What it waits for when the collector stops is given up: a report
/// without an ack is sent again.
pub(super) async fn serve(
    shared: Arc<Shared>,
    peer: Peer,
    identity: PeerIdentity,
    incoming: Streaming<wire::Up>,
    outgoing: Outgoing,
) {
    let streams = Arc::clone(&shared.streams);
    tokio::select! {
        () = converse(shared, peer, identity, incoming, outgoing.clone()) => {}
        () = streams.closed() => last_word(&outgoing, Status::unavailable("the collector is stopping")).await,
    }
}

async fn converse(
    shared: Arc<Shared>,
    peer: Peer,
    identity: PeerIdentity,
    mut incoming: Streaming<wire::Up>,
    outgoing: Outgoing,
) {
    // Boxed, and gone before the stream idles: idle streams are many.
    let opened = Box::pin(open(shared, peer, identity, &mut incoming, outgoing)).await;
    if let Some((stream, controls, _leave)) = opened {
        stream.run(incoming, controls).await;
    }
}

/// Hello, the identity, and the first replies; none: the stream ends here.
async fn open(
    shared: Arc<Shared>,
    peer: Peer,
    identity: PeerIdentity,
    incoming: &mut Streaming<wire::Up>,
    outgoing: Outgoing,
) -> Option<(Stream, mpsc::Receiver<Control>, Leave)> {
    let hello = hello(incoming, &outgoing).await?;
    let host = match shared.desk.admit(&peer).await {
        Ok(host) => host,
        Err(RegistryError::Refused(refusal)) => {
            turn_away(&outgoing, &refusal).await;
            return None;
        }
        Err(RegistryError::Engine(error)) => {
            last_word(&outgoing, Status::unavailable(error.to_string())).await;
            return None;
        }
    };
    let (control, controls) = mpsc::channel(CONTROL_MAX);
    let entered = shared.streams.enter(identity.agent, control);
    let leave = Leave { shared: Arc::clone(&shared), identity: identity.clone(), host, number: entered.number };
    for other in entered.others {
        tokio::spawn(detect_clone(Arc::clone(&shared), identity.clone(), other));
    }
    let mut stream = Stream::new(shared, identity, host, &hello, outgoing);
    stream.greet(hello).await.is_ok().then_some((stream, controls, leave))
}

/// The first message, which must be a Hello that is spoken here.
async fn hello(incoming: &mut Streaming<wire::Up>, outgoing: &Outgoing) -> Option<wire::Hello> {
    let hello = match tokio::time::timeout(HELLO_TIMEOUT, incoming.message()).await {
        Ok(Ok(Some(wire::Up { message: Some(Up::Hello(hello)) }))) => hello,
        Ok(Ok(Some(_))) => {
            refuse_stream(outgoing, RefusalReason::NoHello, "the first message must be Hello").await;
            return None;
        }
        Ok(Ok(None) | Err(_)) => return None,
        Err(_) => {
            last_word(outgoing, Status::deadline_exceeded("Hello did not come in time")).await;
            return None;
        }
    };
    if hello.wire_version < WIRE_VERSION {
        let told = format!("wire version {} is not spoken here; {WIRE_VERSION} is", hello.wire_version);
        refuse_stream(outgoing, RefusalReason::WireVersion, &told).await;
        return None;
    }
    Some(hello)
}

impl Stream {
    fn new(shared: Arc<Shared>, identity: PeerIdentity, host: HostId, hello: &wire::Hello, outgoing: Outgoing) -> Self {
        Self {
            shared,
            identity,
            host,
            epoch: Epoch(hello.epoch),
            clock_offset_ms: offset(hello.clock_unix_ms, now()),
            outgoing,
            in_flight: VecDeque::new(),
            ping: None,
            pings: 0,
            claimed: None,
            asked_all_at: None,
        }
    }

    async fn greet(&mut self, hello: wire::Hello) -> Result<(), End> {
        let (offset, host) = (self.clock_offset_ms, self.host);
        self.shared.engine.seen(|presence, now| {
            let seen = presence.heard(host, now);
            seen.streams += 1;
            seen.connected_at = Some(now);
            seen.clock_offset_ms = offset;
            seen.agent_version = bounded(hello.agent_version);
        });
        let (high_water, total) = self.shared.engine.read(|state| {
            let marks = state.agents.get(&self.identity.agent).and_then(|marks| marks.epoch(self.epoch));
            let total = state.groups.get(&host).and_then(|groups| groups.total());
            (marks.map_or(0, |mark| mark.complete().0), total)
        });
        self.send(Down::HelloReply(wire::HelloReply {
            wire_version: WIRE_VERSION,
            high_water,
            server_unix_ms: now().as_millisecond(),
            policy_revision: self.shared.policy.revision,
            total_digest: total.map(|digest| digest.0.to_vec().into()).unwrap_or_default(),
        }))
        .await?;
        self.send(Down::Policy(self.shared.policy.clone())).await
    }

    async fn run(mut self, mut incoming: Streaming<wire::Up>, mut controls: mpsc::Receiver<Control>) {
        loop {
            let room = self.in_flight.len() < IN_FLIGHT_MAX;
            // What is done about a word is boxed, so that waiting for one stays small.
            let flow = tokio::select! {
                biased;
                Some(word) = controls.recv() => Box::pin(self.controlled(word)).await,
                admitted = first(&mut self.in_flight) => Box::pin(self.admitted(admitted)).await,
                message = incoming.message(), if room => match message {
                    Ok(Some(wire::Up { message: Some(message) })) => Box::pin(self.received(message)).await,
                    Ok(Some(wire::Up { message: None })) => Box::pin(self.may_beat()).await,
                    Ok(None) | Err(_) => Err(End),
                },
            };
            if flow.is_err() {
                return;
            }
        }
    }

    async fn received(&mut self, message: Up) -> Result<(), End> {
        match message {
            Up::Report(report) => self.report(report).await,
            Up::Heartbeat(heartbeat) => {
                self.may_beat().await?;
                self.heartbeat(heartbeat).await
            }
            Up::Pong(wire::Pong { nonce }) => {
                self.may_beat().await?;
                if self.ping.as_ref().is_some_and(|(asked, _)| *asked == nonce)
                    && let Some((_, alive)) = self.ping.take()
                {
                    let _ = alive.send(());
                }
                Ok(())
            }
            Up::Hello(_) => {
                refuse_stream(&self.outgoing, RefusalReason::NoHello, "Hello came twice").await;
                Err(End)
            }
        }
    }

    /// Whether one more sign of life is taken. A stream that floods is told why, counted and ended.
    async fn may_beat(&self) -> Result<(), End> {
        let agent = self.identity.agent;
        if self.shared.streams.may_beat(agent, self.shared.rate, now()) {
            return Ok(());
        }
        tracing::warn!(%agent, allowed_per_second = SIGNS_PER_SECOND, "Too many heartbeats; the stream is ended");
        self.shared.engine.count_refused(RefusalReason::RateLimited);
        let told = format!("more than {SIGNS_PER_SECOND} heartbeats, pongs or empty messages a second");
        refuse_stream(&self.outgoing, RefusalReason::RateLimited, &told).await;
        Err(End)
    }

    async fn report(&mut self, report: wire::Report) -> Result<(), End> {
        let (epoch, sequence) = (Epoch(report.epoch), Sequence(report.sequence));
        let now = now();
        self.claimed = None;
        if !self.shared.streams.may_send(self.identity.agent, self.shared.rate, now) {
            return self.turn_back(epoch, sequence, RefusalReason::RateLimited, "too many reports at once").await;
        }
        let origin = Origin {
            agent: self.identity.agent,
            host: self.host,
            received_at: now,
            clock_offset_ms: self.clock_offset_ms,
            live: epoch == self.epoch,
        };
        let prepared = match Report::try_from(report) {
            Ok(report) => AdmitRequest::prepare(origin, report),
            Err(malformed) => Err(PrepareError::Malformed(malformed)),
        };
        match prepared {
            Ok(request) => {
                let answer = self.shared.engine.offer(request);
                self.in_flight.push_back((epoch, sequence, answer));
                Ok(())
            }
            Err(PrepareError::Malformed(malformed)) => {
                self.turn_back(epoch, sequence, RefusalReason::Malformed, &malformed.to_string()).await
            }
            Err(error @ (PrepareError::NoRandom(_) | PrepareError::Event(_))) => {
                self.turn_back(epoch, sequence, RefusalReason::Busy, &error.to_string()).await
            }
        }
    }

    async fn heartbeat(&mut self, heartbeat: wire::Heartbeat) -> Result<(), End> {
        let received = now();
        self.clock_offset_ms = offset(heartbeat.clock_unix_ms, received);
        self.claimed = Digest::from_slice(&heartbeat.total_digest);
        let looked = heartbeat.group_seen.into_iter().take(GROUPS_MAX).filter_map(|seen| {
            let at = timestamp(seen.observed_unix_ms, "group_seen.observed_unix_ms").ok()?;
            Some(Looked { group: seen.name.parse().ok()?, at, digest: Digest::from_slice(&seen.digest) })
        });
        self.shared.engine.beat(self.host, self.clock_offset_ms, self.claimed, looked.collect());
        self.compare().await
    }

    /// Compares the agent's digest with what is held, once nothing is in flight.
    async fn compare(&mut self) -> Result<(), End> {
        if !self.in_flight.is_empty() {
            return Ok(());
        }
        let Some(claimed) = self.claimed.take() else { return Ok(()) };
        let held = self.shared.engine.read(|state| state.groups.get(&self.host).and_then(|groups| groups.total()));
        let lately = self.asked_all_at.is_some_and(|at| at.elapsed() < SEND_ALL_EVERY);
        if held == Some(claimed) || lately {
            return Ok(());
        }
        self.asked_all_at = Some(Instant::now());
        self.send(Down::SendAll(wire::SendAll {})).await
    }

    /// The oldest report in flight was answered; so may be those behind it.
    async fn admitted(&mut self, first: (Epoch, Sequence, Admitted)) -> Result<(), End> {
        let mut ack: Option<wire::Ack> = None;
        let mut next = Some(first);
        while let Some((epoch, sequence, admitted)) = next.take() {
            match admitted {
                Admitted::Acked { .. } => {
                    if let Some(before) = also(&mut ack, epoch, sequence) {
                        self.send(Down::Ack(before)).await?;
                    }
                }
                Admitted::Refused { reason, detail } => {
                    if let Some(before) = ack.take() {
                        self.send(Down::Ack(before)).await?;
                    }
                    self.refuse(epoch, sequence, reason, &detail).await?;
                    self.after_refusal(reason, &detail).await?;
                }
            }
            if let Some((_, _, answer)) = self.in_flight.front_mut()
                && let Ok(admitted) = answer.try_recv()
                && let Some((epoch, sequence, _)) = self.in_flight.pop_front()
            {
                next = Some((epoch, sequence, admitted));
            }
        }
        if let Some(ack) = ack {
            self.send(Down::Ack(ack)).await?;
        }
        self.compare().await
    }

    async fn after_refusal(&mut self, reason: RefusalReason, detail: &str) -> Result<(), End> {
        match reason {
            RefusalReason::Forked => {
                hold(&self.shared, &self.identity, detail.to_owned()).await;
                Ok(())
            }
            RefusalReason::OnHold => Err(End),
            RefusalReason::Malformed
            | RefusalReason::NoHello
            | RefusalReason::WireVersion
            | RefusalReason::StoreFull
            | RefusalReason::Busy
            | RefusalReason::RateLimited => Ok(()),
        }
    }

    async fn controlled(&mut self, word: Control) -> Result<(), End> {
        match word {
            Control::LookAgain => {
                let admits = self.shared.engine.read(|state| state.registry.admits(&self.identity, now()));
                match admits {
                    Ok(host) if host == self.host => Ok(()),
                    Ok(_) => {
                        last_word(&self.outgoing, Status::aborted("bound to another host; connect again")).await;
                        Err(End)
                    }
                    Err(refusal) => {
                        turn_away(&self.outgoing, &refusal).await;
                        Err(End)
                    }
                }
            }
            Control::Ping(alive) => {
                self.pings += 1;
                self.ping = Some((self.pings, alive));
                self.send(Down::Ping(wire::Ping { nonce: self.pings })).await
            }
            Control::Replaced => {
                last_word(&self.outgoing, Status::aborted("a newer stream has taken over")).await;
                Err(End)
            }
        }
    }

    /// Refuses a report that the engine does not get to see.
    async fn turn_back(
        &self,
        epoch: Epoch,
        sequence: Sequence,
        reason: RefusalReason,
        detail: &str,
    ) -> Result<(), End> {
        self.shared.engine.count_refused(reason);
        self.refuse(epoch, sequence, reason, detail).await
    }

    async fn refuse(&self, epoch: Epoch, sequence: Sequence, reason: RefusalReason, detail: &str) -> Result<(), End> {
        self.send(Down::Refused(refused(epoch, sequence, reason, detail))).await
    }

    async fn send(&self, message: Down) -> Result<(), End> {
        send(&self.outgoing, message).await
    }
}

/// Takes a stream out of the books when it ends, however it ends.
struct Leave {
    shared: Arc<Shared>,
    identity: PeerIdentity,
    host: HostId,
    number: u64,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.shared.streams.leave(self.identity.agent, self.number);
        let host = self.host;
        self.shared.engine.seen(|presence, _| {
            if let Some(seen) = presence.hosts.get_mut(&host) {
                seen.streams = seen.streams.saturating_sub(1);
            }
        });
    }
}

/// An older stream of the same identity is open: if it still answers, there are two machines. Of the same run too: a
/// copy of a machine with its memory goes on as the same run.
async fn detect_clone(shared: Arc<Shared>, identity: PeerIdentity, other: mpsc::Sender<Control>) {
    let (alive, answered) = oneshot::channel();
    if other.send(Control::Ping(alive)).await.is_err() {
        return;
    }
    match tokio::time::timeout(CLONE_PING_TIMEOUT, answered).await {
        Ok(Ok(())) => {
            let seen = "two machines are connected with this identity".to_owned();
            hold(&shared, &identity, seen).await;
        }
        Ok(Err(_)) => {}
        Err(_) => drop(other.try_send(Control::Replaced)),
    }
}

async fn hold(shared: &Shared, identity: &PeerIdentity, seen: String) {
    let agent = identity.agent;
    tracing::warn!(%agent, reason = seen, "Suspected clone: the identity is on hold");
    if let Err(error) = shared.desk.hold(agent, seen).await {
        tracing::error!(%agent, %error, "The identity could not be put on hold");
    }
}

/// Tells an identity why it may not report. What passes by itself is a refusal, the rest ends the call.
async fn turn_away(outgoing: &Outgoing, refusal: &Refusal) {
    if refusal.is_permanent() {
        last_word(outgoing, denied(refusal)).await;
    } else {
        refuse_stream(outgoing, RefusalReason::OnHold, &refusal.to_string()).await;
    }
}

/// A permanent refusal as a gRPC status: the text is for a person, the metadata [`REASON_METADATA`] for a program.
fn denied(refusal: &Refusal) -> Status {
    let mut status = Status::permission_denied(refusal.to_string());
    status.metadata_mut().insert(REASON_METADATA, MetadataValue::from_static(refusal.code()));
    status
}

/// Ends the call with a status. A reader who makes no room for it in time is not told.
async fn last_word(outgoing: &Outgoing, status: Status) {
    let _ = outgoing.send_timeout(Box::new(Err(status)), LAST_WORD_TIMEOUT).await;
}

/// Takes a durable report into the ack of those right before it. A report that does not follow them (another epoch, a
/// gap, a repeat) begins another ack, and the one before it is given back.
fn also(ack: &mut Option<wire::Ack>, epoch: Epoch, sequence: Sequence) -> Option<wire::Ack> {
    if let Some(ack) = ack
        && ack.epoch == epoch.0
        && ack.sequence.checked_add(1) == Some(sequence.0)
    {
        ack.sequence = sequence.0;
        return None;
    }
    ack.replace(wire::Ack { epoch: epoch.0, first: sequence.0, sequence: sequence.0 })
}

/// A refusal that concerns no report.
async fn refuse_stream(outgoing: &Outgoing, reason: RefusalReason, detail: &str) {
    let _ = send(outgoing, Down::Refused(refused(Epoch(0), Sequence(0), reason, detail))).await;
}

fn refused(epoch: Epoch, sequence: Sequence, reason: RefusalReason, detail: &str) -> wire::Refused {
    wire::Refused {
        epoch: epoch.0,
        sequence: sequence.0,
        reason: reason.code().to_owned(),
        detail: detail.to_owned(),
        permanent: reason.is_permanent(),
        retry_after_ms: u32::try_from(retry_after(reason).as_millis()).unwrap_or(u32::MAX),
    }
}

async fn send(outgoing: &Outgoing, message: Down) -> Result<(), End> {
    let message = Box::new(Ok(wire::Down { message: Some(message) }));
    match outgoing.send_timeout(message, SLOW_READER_TIMEOUT).await {
        Ok(()) => Ok(()),
        Err(_) => Err(End),
    }
}

/// The oldest report in flight, when it is answered; waits for ever when there is none.
async fn first(
    in_flight: &mut VecDeque<(Epoch, Sequence, oneshot::Receiver<Admitted>)>,
) -> (Epoch, Sequence, Admitted) {
    let Some((epoch, sequence, answer)) = in_flight.front_mut() else { return std::future::pending().await };
    let admitted = answer
        .await
        .unwrap_or(Admitted::Refused { reason: RefusalReason::Busy, detail: "the collector is stopping".to_owned() });
    let key = (*epoch, *sequence);
    in_flight.pop_front();
    (key.0, key.1, admitted)
}

/// What has to be added to the agent's clock to get ours.
fn offset(clock_unix_ms: i64, now: Timestamp) -> i64 {
    now.as_millisecond().saturating_sub(clock_unix_ms)
}

fn bounded(mut text: String) -> String {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_names_no_report_that_it_does_not_mean() {
        let mut ack = None;
        let mut sent = Vec::new();
        for (epoch, sequence) in [(1, 1), (1, 2), (1, 4), (1, 3), (1, 3), (2, 4), (2, 5)] {
            sent.extend(also(&mut ack, Epoch(epoch), Sequence(sequence)));
        }
        sent.extend(ack);
        let meant: Vec<_> = sent.iter().map(|ack| (ack.epoch, ack.first..=ack.sequence)).collect();
        assert_eq!(meant, [(1, 1..=2), (1, 4..=4), (1, 3..=3), (1, 3..=3), (2, 4..=5)]);
        let mut last = Some(wire::Ack { epoch: 1, first: u64::MAX, sequence: u64::MAX });
        assert!(also(&mut last, Epoch(1), Sequence(0)).is_some(), "numbers do not wrap");
    }
}
