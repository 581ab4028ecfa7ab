//! Reports come in here: who sends them ([`peer`]), whether they are taken, and what is said back.
//!
//! One stream per agent. Hello comes first and within [`HELLO_TIMEOUT`]; then reports and heartbeats in any order.
//! A report is decoded and digested in its stream's own task, judged by the engine, and acknowledged after its
//! commit; an ack names the first and the last of its reports. Per stream at most [`IN_FLIGHT_MAX`] reports wait for
//! their commit and [`OUTGOING_MAX`] messages wait for a slow reader, who is cut off after [`SLOW_READER_TIMEOUT`].

pub mod peer;
mod rate;
mod stream;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use tenken_proto::report::RefusalReason;
use tenken_proto::wire;
use tenken_proto::wire::reporting_server::Reporting;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::adapters::Map;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::config::Config;
use crate::engine::Engine;
use crate::identity::desk::Desk;

use peer::Peer;
use rate::Rate;
pub use streams::Streams;

/// Hello must come within this time.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// An older stream that answers a ping within this time is alive, of whatever run: two machines with one identity. An
/// agent gives its stream up before it opens another.
pub const CLONE_PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Reports of one stream that wait for their commit; more are not read.
pub const IN_FLIGHT_MAX: usize = 64;
const _: () = assert!(IN_FLIGHT_MAX <= crate::engine::CONTENTS_MAX, "what may be sent again is told from a fork");
/// Messages that wait for a slow reader.
pub const OUTGOING_MAX: usize = 8;
/// A reader that takes nothing for so long is cut off.
pub const SLOW_READER_TIMEOUT: Duration = Duration::from_secs(30);
/// A reader has so long to make room for the status that ends its stream; shorter than the time to the cut.
pub const LAST_WORD_TIMEOUT: Duration = Duration::from_millis(500);
/// Streams that one identity may have open.
pub const STREAMS_PER_AGENT_MAX: usize = 2;
/// Heartbeats, pongs and empty messages that one identity may send per second, averaged, and at once. An agent sends
/// a heartbeat per interval and a pong per ping; who sends more than this is cut off.
pub const SIGNS_PER_SECOND: u64 = 10;
/// See [`SIGNS_PER_SECOND`].
pub const SIGNS_BURST: u64 = 100;
/// The collector asks for everything at most this often per stream.
pub const SEND_ALL_EVERY: Duration = Duration::from_secs(30);

/// The report listener's service.
#[derive(Debug, Clone)]
pub struct Ingest {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    engine: Engine,
    desk: Desk,
    streams: Arc<Streams>,
    policy: wire::Policy,
    rate: Rate,
}

impl Ingest {
    /// The service over an engine.
    #[must_use]
    pub fn new(engine: Engine, desk: Desk, config: &Config) -> Self {
        let seconds = |duration: jiff::SignedDuration| u32::try_from(duration.as_secs().max(1)).unwrap_or(u32::MAX);
        let policy = wire::Policy {
            // Rises with each start: settings change only there.
            revision: u64::try_from(engine.clock().now().as_millisecond()).unwrap_or_default(),
            heartbeat_interval_s: seconds(config.time.heartbeat_interval),
            probe_interval_s: seconds(config.time.probe_interval),
            withhold: Vec::new(),
            notice_given_unix_ms: 0,
        };
        let rate = Rate { per_second: config.limits.reports_per_second, burst: config.limits.reports_burst };
        let shared = Shared { engine, desk, streams: Arc::new(Streams::default()), policy, rate };
        Self { shared: Arc::new(shared) }
    }

    /// Who is connected now.
    #[must_use]
    pub fn streams(&self) -> &Arc<Streams> {
        &self.shared.streams
    }

    /// Has every stream of an identity look again whether it may go on, as identity events come in.
    pub async fn guard(self, stop: CancellationToken) {
        let mut events = self.shared.engine.identity_events();
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                event = events.recv() => event,
            };
            match event {
                Ok(event) => self.shared.streams.look_again_after(&event),
                Err(RecvError::Lagged(_)) => self.shared.streams.look_again(),
                Err(RecvError::Closed) => return,
            }
        }
    }
}

#[tonic::async_trait]
impl Reporting for Ingest {
    type ReportStream = Map<ReceiverStream<stream::Reply>, fn(stream::Reply) -> Result<wire::Down, Status>>;

    async fn report(&self, request: Request<Streaming<wire::Up>>) -> Result<Response<Self::ReportStream>, Status> {
        let Some(peer) = Peer::of(&request).cloned() else {
            return Err(Status::internal("the connection is not known"));
        };
        let Some(identity) = peer.identity.clone() else {
            return Err(Status::unauthenticated("a client certificate is needed"));
        };
        let (outgoing, incoming) = mpsc::channel(OUTGOING_MAX);
        let shared = Arc::clone(&self.shared);
        tokio::spawn(stream::serve(shared, peer, identity, request.into_inner(), outgoing));
        Ok(Response::new(ReceiverStream::new(incoming).map(unboxed as fn(stream::Reply) -> Result<wire::Down, Status>)))
    }
}

#[expect(clippy::boxed_local, reason = "the channel holds boxes; the stream gives what is in them")]
fn unboxed(reply: stream::Reply) -> Result<wire::Down, Status> {
    *reply
}

/// How long an agent waits before it tries again what was refused.
fn retry_after(reason: RefusalReason) -> Duration {
    match reason {
        RefusalReason::OnHold => Duration::from_secs(60),
        RefusalReason::StoreFull => Duration::from_secs(30),
        RefusalReason::Busy => Duration::from_secs(5),
        RefusalReason::RateLimited => Duration::from_secs(1),
        RefusalReason::Malformed | RefusalReason::Forked | RefusalReason::NoHello | RefusalReason::WireVersion => {
            Duration::ZERO
        }
    }
}
