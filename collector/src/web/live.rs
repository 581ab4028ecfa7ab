//! Events for open pages: one small word when something moved; the page then asks again.
//!
//! Events carry no content beyond a dash (a browser drops one without data), so there is nothing to keep in
//! step. At most [`VIEWERS_MAX`] streams are open; many moves at once are one event; a stream ends with its
//! session, or when the pages stop.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, Stream};
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Web;
use super::door::OpenUntil;
use crate::engine::Moved;

/// Open event streams at one time; the next page stays as it is and tries again.
pub const VIEWERS_MAX: usize = 64;
/// Least time between two events of a stream.
const EVENT_GAP: Duration = Duration::from_millis(200);
/// An event at the latest after this time: times of last contact stay true.
const TICK: Duration = Duration::from_secs(30);

/// Answers with a stream of events.
pub async fn events(State(web): State<Web>, Extension(until): Extension<OpenUntil>) -> Response {
    let Ok(permit) = Arc::clone(&web.inner.viewers).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let now = web.inner.setup.clock.now();
    let left = until.0.duration_since(now).unsigned_abs();
    let viewer = Viewer {
        moved: web.inner.setup.views.moved(),
        stop: web.inner.stop.clone(),
        until: Instant::now() + left,
        greeted: false,
        told: None,
        _permit: permit,
    };
    Sse::new(follow(viewer)).keep_alive(KeepAlive::default()).into_response()
}

struct Viewer {
    moved: broadcast::Receiver<Arc<Moved>>,
    stop: CancellationToken,
    until: Instant,
    greeted: bool,
    told: Option<Instant>,
    _permit: OwnedSemaphorePermit,
}

fn follow(viewer: Viewer) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(viewer, |mut viewer| async move {
        if !viewer.greeted {
            viewer.greeted = true;
            return Some((Ok(Event::default().event("hello").data("-")), viewer));
        }
        viewer.next().await.then(|| (Ok(Event::default().event("moved").data("-")), viewer))
    })
}

impl Viewer {
    /// Waits until the page is to be asked again; false when the stream ends.
    async fn next(&mut self) -> bool {
        tokio::select! {
            moved = self.moved.recv() => match moved {
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return false,
            },
            () = tokio::time::sleep(TICK) => {}
            () = tokio::time::sleep_until(self.until) => return false,
            () = self.stop.cancelled() => return false,
        }
        // The first is told at once; what comes within the gap after it is told by one event.
        if let Some(told) = self.told {
            tokio::select! {
                () = tokio::time::sleep_until(told + EVENT_GAP) => {}
                () = self.stop.cancelled() => return false,
            }
        }
        while matches!(self.moved.try_recv(), Ok(_) | Err(broadcast::error::TryRecvError::Lagged(_))) {}
        self.told = Some(Instant::now());
        true
    }
}
