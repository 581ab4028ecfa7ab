//! The control socket: API version 1 over HTTP/1.1 on a Unix socket in the data folder, for the commands.
//!
//! The socket is owner-only (0600) and the kernel vouches for who calls: the collector's own account or root,
//! nobody else. At most [`CONNECTIONS_MAX`] connections, [`BODY_BYTES_MAX`] bytes in a body, [`HEAD_TIMEOUT`] for
//! a head and [`REQUEST_TIMEOUT`] for a request; what does not fit is refused and said.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::api::{Api, Caller};
use crate::seldom::Seldom;

pub mod client;
mod routes;
#[cfg(test)]
mod tests;

/// Name of the socket in the data folder.
pub const SOCKET: &str = "control.sock";
/// Connections at one time; the next one waits.
pub const CONNECTIONS_MAX: usize = 64;
/// Header of a request: the words with which its sender calls the program. Hints in the answer repeat them.
pub const CALLED: &str = "tenken-called";
/// Longest such words, in bytes; longer ones are not repeated.
pub const CALLED_BYTES_MAX: usize = 4_096;
/// Largest body: the largest file that is imported.
pub const BODY_BYTES_MAX: usize = crate::import::FILE_BYTES_MAX + 1024;
/// How long a caller may take to send its request's head.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may take, its body included.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long open requests may take at the stop.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// Pause after a failed accept (too many open files), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The socket, bound and waiting.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    owner: u32,
}

/// Why the socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Something that is no socket lies in its place.
    #[error("`{path}` is in the way of the control socket and is no socket")]
    InTheWay {
        /// What is in the way.
        path: PathBuf,
    },
    /// It cannot be bound.
    #[error("failed to open the control socket `{path}`")]
    Bind {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Control {
    /// Binds the socket. The caller holds the lock of the data folder, so a socket that is there is left over.
    ///
    /// # Errors
    /// Something else is in its place, or it cannot be bound.
    pub fn bind(data_dir: &Path) -> Result<Self, ControlError> {
        let path = data_dir.join(SOCKET);
        let failed = |source| ControlError::Bind { path: path.clone(), source };
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.file_type().is_socket() => std::fs::remove_file(&path).map_err(failed)?,
            Ok(_) => return Err(ControlError::InTheWay { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let short = Short::of(data_dir).map_err(failed)?;
        let listener = UnixListener::bind(short.path()).map_err(failed)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let owner = rustix::process::geteuid().as_raw();
        Ok(Self { listener, path, owner })
    }

    /// Serves until told to stop; then lets open requests end, and removes the socket.
    pub async fn serve(self, api: Api, stop: CancellationToken) {
        let router = routes::router(api);
        let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let (connections, mut seldom) = (TaskTracker::new(), Seldom::default());
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = seat_and_accept(&seats, &self.listener) => accepted,
            };
            match accepted {
                Ok((seat, stream)) => {
                    let Some(caller) = caller(&stream, self.owner) else { continue };
                    let (router, stop) = (router.clone(), stop.clone());
                    connections.spawn(async move {
                        connection(stream, caller, router, stop).await;
                        drop(seat);
                    });
                }
                Err(error) => {
                    if let Some(before) = seldom.say(Instant::now()) {
                        tracing::warn!(%error, before, "The control socket does not accept; trying again");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        connections.close();
        if tokio::time::timeout(STOP_GRACE, connections.wait()).await.is_err() {
            tracing::warn!(open = connections.len(), "Commands are still running at the stop");
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn seat_and_accept(
    seats: &Arc<Semaphore>,
    listener: &UnixListener,
) -> io::Result<(tokio::sync::OwnedSemaphorePermit, UnixStream)> {
    let seat = Arc::clone(seats).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((seat, stream))
}

/// Who calls, when it is the collector's own account or root.
fn caller(stream: &UnixStream, owner: u32) -> Option<Caller> {
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == owner || peer.uid() == 0 => Some(Caller { uid: peer.uid() }),
        Ok(peer) => {
            tracing::warn!(uid = peer.uid(), "Refused a caller of the control socket: another account");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "Refused a caller of the control socket: the kernel does not say who it is");
            None
        }
    }
}

async fn connection(stream: UnixStream, caller: Caller, router: axum::Router, stop: CancellationToken) {
    let service = hyper::service::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(caller);
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(64 * 1024);
    let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "A call on the control socket broke off");
    }
}

/// A path that fits into a socket address (108 bytes), however deep the data folder lies.
struct Short {
    path: PathBuf,
    /// Keeps the path valid while it is used.
    _folder: Option<std::fs::File>,
}

/// Longest path of a socket, in bytes.
const SOCKET_PATH_MAX: usize = 100;

impl Short {
    fn of(data_dir: &Path) -> io::Result<Self> {
        use std::os::fd::AsRawFd as _;
        let path = data_dir.join(SOCKET);
        if path.as_os_str().len() <= SOCKET_PATH_MAX {
            return Ok(Self { path, _folder: None });
        }
        let folder = std::fs::File::open(data_dir)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()));
        Ok(Self { path, _folder: Some(folder) })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}
