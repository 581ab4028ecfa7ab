//! A connection that passed the handshake, as the gRPC server sees it.
//!
//! Everything on it fails once it was cut, and reading when no call began in time or when its life is over. Its seat is
//! given back when it is dropped.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::gate::Seat;
use super::{Listener, Shared};
use crate::ingest::peer::Peer;

/// What others may do to a connection: note that it was used, and cut it.
#[derive(Debug, Default)]
pub struct Line {
    cut: AtomicBool,
    called: AtomicBool,
    waker: AtomicWaker,
}

impl Line {
    /// Ends the connection; its task is woken at once.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether it was cut.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// A call began: from now on it may be silent.
    pub fn note_call(&self) {
        self.called.store(true, Ordering::Release);
    }
}

/// A verified connection.
pub struct Connection {
    tls: TlsStream<TcpStream>,
    peer: Peer,
    /// Until the first call.
    first_call: Option<Pin<Box<Sleep>>>,
    /// Until its end, on the enrol listener.
    life: Option<Pin<Box<Sleep>>>,
    shared: Arc<Shared>,
    _seat: Seat,
}

impl Connection {
    pub(super) fn new(tls: TlsStream<TcpStream>, peer: Peer, seat: Seat, shared: Arc<Shared>) -> Self {
        let first_call = Some(Box::pin(tokio::time::sleep(shared.limits.first_call)));
        let life =
            (shared.listener == Listener::Enrol).then(|| Box::pin(tokio::time::sleep(shared.limits.enrol_connection)));
        Self { tls, peer, first_call, life, shared, _seat: seat }
    }

    /// The connection itself, to be noted as used or cut.
    #[must_use]
    pub fn line(&self) -> Arc<Line> {
        Arc::clone(&self.peer.line)
    }

    /// Also wakes the task when the connection is cut: a peer that reads nothing must not keep it.
    fn not_cut(&self, cx: &Context<'_>) -> io::Result<()> {
        let line = &self.peer.line;
        line.waker.register(cx.waker());
        if line.is_cut() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the collector cut the connection"));
        }
        Ok(())
    }

    fn still_wanted(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.not_cut(cx)?;
        if self.peer.line.called.load(Ordering::Acquire) {
            self.first_call = None;
        }
        if is_over(&mut self.life, cx) {
            self.peer.line.cut();
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the connection has lived as long as it may"));
        }
        if is_over(&mut self.first_call, cx) {
            self.peer.line.cut();
            self.shared.refuse_idle(&self.peer);
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no call was made in time"));
        }
        Ok(())
    }
}

/// Whether the time has come; it comes once.
fn is_over(sleep: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> bool {
    let over = sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready());
    if over {
        *sleep = None;
    }
    over
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Err(error) = self.still_wanted(cx) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.not_cut(cx)?;
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.not_cut(cx)?;
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.not_cut(cx)?;
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.not_cut(cx)?;
        Pin::new(&mut self.tls).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }
}

/// Notes on each call's connection that a call began.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoteCallsLayer;

/// See [`NoteCallsLayer`].
#[derive(Debug, Clone)]
pub struct NoteCalls<S>(S);

impl<S> tower::Layer<S> for NoteCallsLayer {
    type Service = NoteCalls<S>;

    fn layer(&self, inner: S) -> NoteCalls<S> {
        NoteCalls(inner)
    }
}

impl<S, B> tower::Service<http::Request<B>> for NoteCalls<S>
where
    S: tower::Service<http::Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> S::Future {
        if let Some(peer) = request.extensions().get::<Peer>() {
            let line: &Arc<Line> = &peer.line;
            line.note_call();
        }
        self.0.call(request)
    }
}
