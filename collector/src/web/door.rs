//! The door: without a session every page says how to get a link, and a link opens it once.
//!
//! [`Links`] is the key cabinet: `serve` and the control socket ask it for links, the pages for sessions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Extension, Path, Request, State};
use axum::http::header::{HeaderValue, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;

use super::Web;
use super::language::cookie;
use super::page;
use super::session::{NoRandomness, SESSION_TTL_S, Sessions};
use super::show::Place;
use crate::locale::Lang;

use crate::clock::Clock;

/// Links to the pages and the sessions that they open; cheap to clone.
#[derive(Debug, Clone)]
pub struct Links {
    sessions: Arc<Mutex<Sessions>>,
    clock: Clock,
    address: SocketAddr,
    cookie: Arc<str>,
}

impl Links {
    /// No links and no sessions yet, for the pages that are served there.
    #[must_use]
    pub fn new(clock: Clock, address: SocketAddr) -> Self {
        // Cookies know no ports: each collector on a machine has a name of its own.
        let cookie = format!("tenken_session_{}", address.port()).into();
        Self { sessions: Arc::default(), clock, address, cookie }
    }

    /// A link that opens the pages once, within [`super::session::LINK_TTL_S`] seconds.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub fn new_link(&self) -> Result<String, NoRandomness> {
        let secret = self.sessions(|sessions| sessions.new_link(self.clock.now()))?;
        Ok(format!("http://{}/open/{secret}", reachable(self.address)))
    }

    /// Until when the caller's session lasts, when there is one.
    fn session(&self, headers: &HeaderMap) -> Option<Timestamp> {
        let secret = cookie(headers, &self.cookie)?;
        self.sessions(|sessions| sessions.until(secret, self.clock.now()))
    }

    fn sessions<T>(&self, f: impl FnOnce(&mut Sessions) -> T) -> T {
        f(&mut self.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An address that a browser on this machine can open.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Until when the caller's session lasts.
#[derive(Debug, Clone, Copy)]
pub struct OpenUntil(pub Timestamp);

/// Lets a request with a session through; answers every other with how to get a link.
pub async fn door(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let lang = request.extensions().get::<Lang>().copied().unwrap_or_default();
    match web.links().session(request.headers()) {
        Some(until) => {
            request.extensions_mut().insert(OpenUntil(until));
            next.run(request).await
        }
        None => page::closed(&web.page(lang, Place::Outside, request.uri()), false),
    }
}

/// Uses a link up: sets the session's cookie and goes to the overview.
pub async fn open(
    State(web): State<Web>,
    Extension(lang): Extension<Lang>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Response {
    let links = web.links();
    if links.session(&headers).is_some() {
        // Opened again by the same browser: it is inside already, and the link stays for another one.
        return to_overview(None);
    }
    match links.sessions(|sessions| sessions.open(&secret, links.clock.now())) {
        Ok(Some(session)) => to_overview(Some(format!(
            "{}={session}; Path=/; Max-Age={SESSION_TTL_S}; HttpOnly; SameSite=Strict",
            links.cookie
        ))),
        Ok(None) => {
            let root = Uri::from_static("/");
            page::closed(&web.page(lang, Place::Outside, &root), true)
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "A link could not be opened");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn to_overview(cookie: Option<String>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    if let Some(value) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}
