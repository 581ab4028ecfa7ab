//! The pages: API v1 as a person reads it, read-only, in Japanese and English.
//!
//! Last stage of the data's way. Handlers ask [`Views`] for API v1 types, fill a template and never compute
//! a score. Opened by a one-use link ([`session`]); every request passes the [`guard`]; every text is escaped
//! and made visible ([`escape`]); an open page is kept fresh by events ([`live`]).
//!
//! Bounds: [`CONNECTIONS_MAX`] connections, [`PAGES_AT_ONCE_MAX`] pages being drawn, `live::VIEWERS_MAX`
//! open event streams, and those of the sessions.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use jiff::tz::TimeZone;
use tenken_proto::ident::HostId;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::v1;
use crate::clock::Clock;
use crate::engine::Moved;
use crate::seldom::Seldom;

pub mod asset;
pub mod door;
pub mod escape;
pub mod fact;
pub mod guard;
pub mod language;
pub mod live;
pub mod page;
pub mod session;
pub mod show;
mod state;

pub use door::Links;
pub use guard::Names;
pub use session::NoRandomness;

/// Connections of browsers at one time; the next one waits.
pub const CONNECTIONS_MAX: usize = 256;
/// Pages that are drawn at one time; the next one waits.
pub const PAGES_AT_ONCE_MAX: usize = 4;
/// How long a browser may take to send its request's head.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest head of a request, in bytes.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long open requests may take at the stop.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// Pause after a failed accept (too many open files), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the pages show: API v1, at the moment of the call.
pub trait Views: Send + Sync + 'static {
    /// The overview.
    fn overview(&self) -> v1::Overview;
    /// All hosts.
    fn hosts(&self) -> v1::Hosts;
    /// One host; none when there is no such host.
    fn host(&self, id: HostId) -> Option<v1::Host>;
    /// All agents.
    fn agents(&self) -> v1::Agents;
    /// The checklists as their packs describe them.
    fn checklists(&self) -> Vec<v1::Checklist>;
    /// The answers to one checklist; none when there is no such checklist.
    fn answers(&self, checklist: &str) -> Option<v1::Answers>;
    /// Why an item has its answer; none when there is no such item.
    fn explain(&self, checklist: &str, item: &str) -> Option<v1::ItemExplanation>;
    /// The risks.
    fn risks(&self) -> v1::Risks;
    /// What turns from now on.
    fn moved(&self) -> broadcast::Receiver<Arc<Moved>>;
}

/// What the pages need.
pub struct Setup {
    /// What they show.
    pub views: Arc<dyn Views>,
    /// What time it is.
    pub clock: Clock,
    /// The organisation's time zone.
    pub zone: TimeZone,
    /// Names under which they may be asked for.
    pub names: Names,
    /// The links that open them.
    pub links: Links,
    /// The program with the options that the collector was started with, as hints repeat it.
    pub collector: Arc<str>,
}

/// The pages; cheap to clone.
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

struct Inner {
    setup: Setup,
    viewers: Arc<Semaphore>,
    pages: Semaphore,
    stop: CancellationToken,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").field("links", &self.inner.setup.links).finish_non_exhaustive()
    }
}

impl Web {
    /// The pages, not yet served; nobody can open them before [`Links::new_link`].
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            inner: Arc::new(Inner {
                setup,
                viewers: Arc::new(Semaphore::new(live::VIEWERS_MAX)),
                pages: Semaphore::new(PAGES_AT_ONCE_MAX),
                stop: CancellationToken::new(),
            }),
        }
    }

    /// The links that open the pages.
    #[must_use]
    pub fn links(&self) -> &Links {
        &self.inner.setup.links
    }

    /// The routes with everything that every request passes.
    pub fn router(&self) -> Router {
        let names = self.inner.setup.names.clone();
        Router::new()
            .route("/", get(page::overview))
            .route("/hosts", get(page::hosts))
            .route("/hosts/{id}", get(page::host))
            .route("/checklists", get(page::checklists))
            .route("/checklists/{id}", get(page::checklist))
            .route("/checklists/{id}/items/{item}", get(page::item))
            .route("/risks", get(page::risks))
            .route("/agents", get(page::agents))
            .route("/events", get(live::events))
            .fallback(page::nowhere)
            .layer(from_fn_with_state(self.clone(), door::door))
            .route("/open/{secret}", get(door::open))
            .route("/assets/{name}", get(asset::serve))
            .layer(from_fn(language::language))
            .layer(from_fn(move |request, next| guard::guard(names.clone(), request, next)))
            .with_state(self.clone())
    }

    /// Serves until `stop`; then open requests have a moment to end.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) {
        let router = self.router();
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let (tasks, mut seldom) = (TaskTracker::new(), Seldom::default());
        while let Some(Ok(permit)) = stop.run_until_cancelled(Arc::clone(&connections).acquire_owned()).await {
            match stop.run_until_cancelled(listener.accept()).await {
                None => break,
                Some(Err(error)) => refused_connection(&error, &mut seldom).await,
                Some(Ok((stream, _))) => {
                    let connection = connection(stream, router.clone(), self.inner.stop.clone());
                    tasks.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
            }
        }
        self.inner.stop.cancel();
        tasks.close();
        if tokio::time::timeout(STOP_GRACE, tasks.wait()).await.is_err() {
            tracing::debug!(open = tasks.len(), "Connections of browsers cut at the stop");
        }
    }
}

async fn refused_connection(error: &io::Error, seldom: &mut Seldom) {
    if let Some(before) = seldom.say(Instant::now()) {
        tracing::warn!(%error, before, "Accepting a browser failed; trying again");
    }
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// One browser's connection, until it ends or the pages stop.
async fn connection(stream: TcpStream, router: Router, stop: CancellationToken) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "A browser's connection ended");
    }
}

#[cfg(test)]
mod tests;
