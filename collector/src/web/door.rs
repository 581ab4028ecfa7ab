//! The door: without a session every page says how to get a link, and a link opens it once.

use axum::extract::{Extension, Path, Request, State};
use axum::http::header::{HeaderValue, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;

use super::Web;
use super::language::cookie;
use super::page;
use super::session::SESSION_TTL_S;
use super::show::Place;
use crate::locale::Lang;

/// Until when the caller's session lasts.
#[derive(Debug, Clone, Copy)]
pub struct OpenUntil(pub Timestamp);

/// Lets a request with a session through; answers every other with how to get a link.
pub async fn door(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let lang = request.extensions().get::<Lang>().copied().unwrap_or_default();
    match web.session(request.headers()) {
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
    if web.session(&headers).is_some() {
        // Opened again by the same browser: it is inside already, and the link stays for another one.
        return to_overview(None);
    }
    let now = web.inner.setup.clock.now();
    match web.sessions(|sessions| sessions.open(&secret, now)) {
        Ok(Some(session)) => to_overview(Some(format!(
            "{}={session}; Path=/; Max-Age={SESSION_TTL_S}; HttpOnly; SameSite=Strict",
            web.inner.cookie
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

impl Web {
    fn session(&self, headers: &HeaderMap) -> Option<Timestamp> {
        let secret = cookie(headers, &self.inner.cookie)?;
        let now = self.inner.setup.clock.now();
        self.sessions(|sessions| sessions.until(secret, now))
    }
}
