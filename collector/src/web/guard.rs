//! What every request must pass and every response carries.
//!
//! The pages are read-only: only GET and HEAD are answered. The `Host` header must name this machine or a
//! configured name, whatever the port, so that a foreign page cannot reach the pages by pointing its own name
//! here (DNS rebinding). Requests that another site's page started are refused, links excepted.

use std::collections::BTreeSet;

use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Nothing but our own style sheet, script, images and event stream.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// The names under which the pages may be asked for.
#[derive(Debug, Clone)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// This machine's own names and the configured ones.
    #[must_use]
    pub fn new<'a>(configured: impl IntoIterator<Item = &'a str>) -> Self {
        let own = ["localhost", "127.0.0.1", "[::1]"];
        Self(own.into_iter().chain(configured).map(str::to_ascii_lowercase).collect())
    }

    /// Whether a `Host` header's text names us; the port is not looked at.
    #[must_use]
    pub fn allow(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.find(']').map(|end| &host[..end + 2]),
            None => host.split(':').next(),
        };
        let port = name.map(|name| &host[name.len()..]);
        let port_is_one = port.is_some_and(|port| {
            port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|c| c.is_ascii_digit()))
        });
        port_is_one && name.is_some_and(|name| self.0.contains(&name.to_ascii_lowercase()))
    }
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Method,
    Host,
    OtherSite,
}

/// Lets a request through or refuses it, and puts the headers on whatever is answered.
pub async fn guard(names: Names, request: Request, next: Next) -> Response {
    let mut response = match check(&names, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn check(names: &Names, request: &Request) -> Result<(), Refused> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Err(Refused::Method);
    }
    if !one_host(request).is_some_and(|host| names.allow(host)) {
        return Err(Refused::Host);
    }
    if from_other_site(request.headers()) {
        return Err(Refused::OtherSite);
    }
    Ok(())
}

/// The one host that is asked for: two headers, or a header and another name in the address, are none.
fn one_host(request: &Request) -> Option<&str> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    let header = headers.next().and_then(|value| value.to_str().ok());
    if headers.next().is_some() {
        return None;
    }
    match (header, request.uri().authority()) {
        (Some(header), Some(address)) => (header == address.as_str()).then_some(header),
        (header, None) => header,
        (None, Some(_)) => None,
    }
}

/// A page of another site asks in the background; a person who follows a link is let in.
fn from_other_site(headers: &HeaderMap) -> bool {
    let is = |name: &str, word: &str| headers.get(name).is_some_and(|value| value.as_bytes() == word.as_bytes());
    (is("sec-fetch-site", "cross-site") || is("sec-fetch-site", "same-site")) && !is("sec-fetch-mode", "navigate")
}

impl Refused {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "この画面は閲覧専用です。\nThese pages are read-only.\n"),
            Self::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "この名前ではアクセスできません。http://127.0.0.1:PORT/ を使うか、設定の web.names に名前を加えてください。\n\
                 This name is not served here. Use http://127.0.0.1:PORT/ or add the name to web.names.\n",
            ),
            Self::OtherSite => (
                StatusCode::FORBIDDEN,
                "他のサイトからの読み込みは受け付けません。\nNot answered to pages of other sites.\n",
            ),
        };
        let mut response = (status, text).into_response();
        if self == Self::Method {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_are_answered() {
        let names = Names::new(["Tenken.example.jp"]);
        for good in
            ["127.0.0.1", "127.0.0.1:8443", "localhost:1", "LOCALHOST", "[::1]:80", "[::1]", "tenken.example.jp:443"]
        {
            assert!(names.allow(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "127.0.0.2",
            "[::2]:80",
            "[::1",
            "[::1]evil",
            "127.0.0.1:evil",
            "user@127.0.0.1",
            "localhost:80:80",
        ] {
            assert!(!names.allow(bad), "{bad}");
        }
    }

    #[test]
    fn two_hosts_are_none() {
        let request = |uri: &str, hosts: &[&str]| {
            let mut request = http::Request::get(uri);
            for host in hosts {
                request = request.header(header::HOST, *host);
            }
            request.body(axum::body::Body::empty()).unwrap()
        };
        assert_eq!(one_host(&request("/", &["localhost"])), Some("localhost"));
        assert_eq!(one_host(&request("/", &["localhost", "evil.example"])), None);
        assert_eq!(one_host(&request("http://evil.example/", &["localhost"])), None);
        assert_eq!(one_host(&request("/", &[])), None);
    }

    #[test]
    fn the_policy_allows_nothing_from_elsewhere() {
        assert!(CONTENT_SECURITY_POLICY.starts_with("default-src 'none'"));
        for never in ["unsafe-inline", "unsafe-eval", "http:", "https:", "*"] {
            assert!(!CONTENT_SECURITY_POLICY.contains(never), "{never}");
        }
    }
}
