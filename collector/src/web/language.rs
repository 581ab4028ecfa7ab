//! Which language a page is in: `?lang=`, else the cookie, else what the browser asks for.
//!
//! The switch is a link with `?lang=`; it is answered at once in that language and remembered in a cookie.

use axum::extract::Request;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, HeaderMap, HeaderValue, SET_COOKIE, VARY};
use axum::middleware::Next;
use axum::response::Response;

use crate::locale::Lang;

const COOKIE_NAME: &str = "tenken_lang";
/// A year.
const COOKIE_AGE_S: u32 = 31_536_000;

/// Chooses the language, hands it on as an extension, and remembers a switch.
pub async fn language(mut request: Request, next: Next) -> Response {
    let switched = of_query(request.uri().query().unwrap_or_default());
    let lang = switched.unwrap_or_else(|| of_headers(request.headers()));
    request.extensions_mut().insert(lang);
    let mut response = next.run(request).await;
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-language, cookie"));
    let cookie = switched.map(|lang| {
        format!("{COOKIE_NAME}={}; Path=/; Max-Age={COOKIE_AGE_S}; HttpOnly; SameSite=Strict", lang.code())
    });
    if let Some(value) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

fn of_query(query: &str) -> Option<Lang> {
    query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Lang::of_code)
}

fn of_headers(headers: &HeaderMap) -> Lang {
    cookie(headers, COOKIE_NAME).and_then(Lang::of_code).unwrap_or_else(|| {
        Lang::of_accept(headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default())
    })
}

/// A cookie of the request.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_wins_over_the_cookie_and_the_cookie_over_the_browser() {
        assert_eq!(of_query("q=x&lang=en"), Some(Lang::En));
        assert_eq!(of_query("lang=xx"), None);
        let mut headers = HeaderMap::new();
        assert_eq!(of_headers(&headers), Lang::Ja);
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en-GB,en;q=0.9"));
        assert_eq!(of_headers(&headers), Lang::En);
        headers.insert(COOKIE, HeaderValue::from_static("a=b; tenken_lang=ja; c=d"));
        assert_eq!(of_headers(&headers), Lang::Ja);
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("xtenken_lang=en; tenken_langx=en"));
        assert_eq!(cookie(&headers, COOKIE_NAME), None);
    }
}
