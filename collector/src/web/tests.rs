//! The pages over a made-up fleet: the door, the guard, both languages, hostile texts, events.

use axum::body::{Body, to_bytes};
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, LOCATION, REFERRER_POLICY,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use regex::Regex;
use tower::ServiceExt as _;

use super::*;
use crate::journal::EntryNumber;

mod sample;

use sample::{HOSTILE, Sample, host_id};

const EVERY_PAGE: [&str; 12] = [
    "/",
    "/hosts",
    "/hosts?show=attention&q=pc&page=1",
    "/hosts/01010101-0101-0101-0101-010101010101",
    "/checklists",
    "/checklists/ipa-self-3",
    "/checklists/tenken-base",
    "/checklists/ipa-self-3/items/1",
    "/checklists/ipa-self-3/items/3",
    "/checklists/ipa-self-3/items/25",
    "/risks",
    "/agents",
];

fn now() -> Timestamp {
    "2026-11-21T02:00:00Z".parse().unwrap()
}

/// How the collector of these tests was called.
const CALLED: &str = "tenken-collector --data-dir '/srv/<点検>'";

fn web(clock: &Clock) -> (Web, Arc<Sample>) {
    let sample = Arc::new(Sample::new(now()));
    let web = Web::new(Setup {
        views: sample.clone(),
        clock: clock.clone(),
        zone: TimeZone::get("Asia/Tokyo").unwrap(),
        names: Names::new([]),
        links: Links::new(clock.clone(), "127.0.0.1:7430".parse().unwrap()),
        collector: CALLED.into(),
    });
    (web, sample)
}

async fn ask(web: &Web, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::get(path).header(HOST, "127.0.0.1:7430");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    web.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 8 << 20).await.unwrap().to_vec()).unwrap()
}

/// The cookie of a session that a link opened.
async fn inside(web: &Web) -> String {
    let link = web.links().new_link().unwrap();
    let path = link.strip_prefix("http://127.0.0.1:7430").unwrap();
    let response = ask(web, path, &[]).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[LOCATION], "/");
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn without_a_session_every_page_says_how_to_get_a_link() {
    let (web, _) = web(&Clock::manual(now()));
    for path in EVERY_PAGE.into_iter().chain(["/events", "/no/such/page"]) {
        let response = ask(&web, path, &[]).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
        let page = text(response).await;
        assert!(page.contains("一回限りのリンク") && page.contains("one-use link"), "{path}: both languages");
        assert!(!page.contains("keiri-pc01"), "{path}");
    }
}

#[tokio::test]
async fn a_link_works_once_and_a_session_ends() {
    let clock = Clock::manual(now());
    let (web, _) = web(&clock);
    let link = web.links().new_link().unwrap();
    let path = link.strip_prefix("http://127.0.0.1:7430").unwrap();
    let first = ask(&web, path, &[]).await;
    assert_eq!(first.status(), StatusCode::SEE_OTHER);
    let cookie = first.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(ask(&web, path, &[]).await.status(), StatusCode::FORBIDDEN, "used");
    assert_eq!(ask(&web, "/open/aaaaaaaaaaaaaaaaaaaaaaaaaa", &[]).await.status(), StatusCode::FORBIDDEN, "unknown");
    assert_eq!(ask(&web, "/", &[("cookie", &cookie)]).await.status(), StatusCode::OK);
    clock.set(now() + jiff::SignedDuration::from_secs(session::SESSION_TTL_S));
    assert_eq!(ask(&web, "/", &[("cookie", &cookie)]).await.status(), StatusCode::FORBIDDEN, "ended");
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let paths = EVERY_PAGE.into_iter().chain(["/no", "/open/x", "/assets/no", &asset::STYLE.path]);
    for (path, cookie) in paths.flat_map(|path| [(path, cookie.as_str()), (path, "")]) {
        let response = ask(&web, path, &[("cookie", cookie)]).await;
        let headers = response.headers();
        assert_eq!(headers[CONTENT_SECURITY_POLICY], guard::CONTENT_SECURITY_POLICY, "{path}");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[REFERRER_POLICY], "no-referrer", "{path}");
        let kept = if path == asset::STYLE.path { "public, max-age=31536000, immutable" } else { "no-store" };
        assert_eq!(headers[CACHE_CONTROL], kept, "{path}");
    }
}

#[tokio::test]
async fn foreign_names_sites_and_methods_are_refused() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    for host in ["evil.example", "evil.example:7430", "127.0.0.1.evil.example"] {
        let request = Request::get("/").header(HOST, host).header(COOKIE, &cookie).body(Body::empty()).unwrap();
        let response = web.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let request = Request::builder().method(method).uri("/").header(HOST, "localhost").header(COOKIE, &cookie);
        let response = web.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    let other = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")];
    assert_eq!(ask(&web, "/", &other).await.status(), StatusCode::FORBIDDEN);
    let link = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    assert_eq!(ask(&web, "/", &link).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn every_page_is_there_in_both_languages_and_complete() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let missing_text = Regex::new(r"\[[a-z]+(-[a-z_]+)+\]").unwrap();
    for path in EVERY_PAGE {
        for (accept, lang) in [("ja", "ja"), ("en-GB,en", "en")] {
            let response = ask(&web, path, &[("cookie", &cookie), ("accept-language", accept)]).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
            let page = text(response).await;
            assert!(page.contains(&format!("<html lang=\"{lang}\">")), "{path}");
            assert!(!missing_text.is_match(&page), "{path}: {:?}", missing_text.find(&page));
            assert_no_inline(path, &page);
            assert_ids_differ(path, &page);
        }
    }
}

fn assert_no_inline(path: &str, page: &str) {
    for never in [" style=", "<style", " onclick", " onload", "javascript:", "http-equiv"] {
        assert!(!page.contains(never), "{path}: {never}");
    }
    assert_eq!(page.matches("<script").count(), 1, "{path}: our one script");
    assert_eq!(page.matches("<h1").count(), 1, "{path}: one heading of the first level");
}

/// An item shows the same facts of several hosts: each list has an id of its own, by which it stays open.
fn assert_ids_differ(path: &str, page: &str) {
    let mut seen = std::collections::BTreeSet::new();
    for id in Regex::new(" id=\"([^\"]+)\"").unwrap().captures_iter(page).map(|it| it[1].to_owned()) {
        assert!(seen.insert(id.clone()), "{path}: {id} twice");
    }
}

#[tokio::test]
async fn a_page_that_does_not_exist_is_no_place_of_the_navigation() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let page = text(ask(&web, "/no", &[("cookie", &cookie)]).await).await;
    assert!(page.contains("<nav") && !page.contains("aria-current=\"page\""), "{page}");
}

#[tokio::test]
async fn an_unanswered_item_has_no_term() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let page = text(ask(&web, "/checklists/ipa-self-3/items/20", &[("cookie", &cookie)]).await).await;
    assert!(!page.contains("期限なし"), "nothing is answered, so nothing stands without end");
    let page = text(ask(&web, "/checklists/ipa-self-3/items/3", &[("cookie", &cookie)]).await).await;
    assert!(page.contains("期限なし"));
}

#[tokio::test]
async fn the_first_sentence_of_the_overview_is_coverage() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let page = text(ask(&web, "/", &[("cookie", &cookie)]).await).await;
    let main = page.split("<main").nth(1).unwrap();
    let first = Regex::new(r"<h1>(.*?)</h1>").unwrap().captures(main).unwrap()[1].to_owned();
    let first = Regex::new("<[^>]*>").unwrap().replace_all(&first, "").into_owned();
    assert_eq!(first, "96台中1台を確認。残り95台は未登録です。");
}

#[tokio::test]
async fn retired_hosts_are_said_beside_the_figures() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    for path in ["/", "/checklists/ipa-self-3", "/checklists/ipa-self-3/items/2", "/risks"] {
        let page = text(ask(&web, path, &[("cookie", &cookie)]).await).await;
        assert!(page.contains("ほかに除外済み 2台（集計の対象外）"), "{path}");
    }
    let page = text(ask(&web, "/checklists/ipa-self-3/items/5", &[("cookie", &cookie)]).await).await;
    assert!(!page.contains("除外済み"), "no figures, nothing beside them");
}

#[tokio::test]
async fn lost_reports_are_said_where_there_are_any() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let host = |n| format!("/hosts/{}", host_id(n));
    for (path, shown) in [("/".to_owned(), true), (host(1), true), (host(2), false)] {
        let page = text(ask(&web, &path, &[("cookie", &cookie)]).await).await;
        assert_eq!(page.contains("エージェントが破棄 12件"), shown, "{path}");
        assert_eq!(page.contains("未着 15件"), shown, "{path}");
    }
}

#[tokio::test]
async fn hints_repeat_how_the_collector_was_called_inside_only() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let called = "tenken-collector --data-dir &#39;/srv/&#60;点検&#62;&#39; ";
    for (path, rest) in [
        ("/checklists/ipa-self-3", "declare"),
        ("/checklists/ipa-self-3/items/25", "declare 25 --checklist ipa-self-3"),
        ("/agents", "agents approve"),
    ] {
        let page = text(ask(&web, path, &[("cookie", &cookie)]).await).await;
        let words = page.replace("<span class=\"word\">", "").replace("</span>", "");
        assert!(words.contains(&format!("{called}{rest}")), "{path}");
    }
    let page = text(ask(&web, "/", &[]).await).await;
    assert!(page.contains("tenken-collector open") && !page.contains("/srv/"), "a stranger learns no path");
}

#[tokio::test]
async fn an_incomplete_checklist_has_parts_and_no_total() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let page = text(ask(&web, "/checklists/ipa-self-3", &[("cookie", &cookie)]).await).await;
    assert!(page.contains("25問中4問に回答"));
    assert!(page.contains("合計点は出しません") && !page.contains("<dt>合計</dt>"));
    assert_eq!(page.matches("<tr role=\"row\" id=\"item-").count(), 25);
    assert!(page.contains("申告と実測の不一致") && page.contains("適合2台／確認済み5台／全96台"));
}

#[tokio::test]
async fn hostile_texts_are_shown_and_do_nothing() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let hosts = format!("/hosts/{}", host_id(6));
    for path in EVERY_PAGE.into_iter().chain([hosts.as_str(), "/hosts?q=%3Cscript%3E%22%E2%80%AE"]) {
        let page = text(ask(&web, path, &[("cookie", &cookie)]).await).await;
        assert!(!page.contains("<script>alert"), "{path}");
        assert!(!page.contains('\u{202E}') && !page.contains('\0') && !page.contains("<b>2026"), "{path}");
    }
    let page = text(ask(&web, &hosts, &[("cookie", &cookie)]).await).await;
    assert!(page.contains("pc⟨U+202E⟩&#60;script&#62;") && !page.contains(HOSTILE));
}

#[tokio::test]
async fn the_switch_of_languages_stays_on_the_page_and_is_remembered() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let page = text(ask(&web, "/hosts?show=silent", &[("cookie", &cookie)]).await).await;
    assert!(page.contains("href=\"/hosts?show=silent&#38;lang=en\""), "the switch keeps the query");
    let response = ask(&web, "/hosts?show=silent&lang=en", &[("cookie", &cookie)]).await;
    let remembered = response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(text(response).await.contains("<html lang=\"en\">"));
    let both = format!("{cookie}; {remembered}");
    let asked = Request::get("/").header(HOST, "localhost").header(COOKIE, both).header(ACCEPT_LANGUAGE, "ja");
    let response = web.router().oneshot(asked.body(Body::empty()).unwrap()).await.unwrap();
    assert!(text(response).await.contains("<html lang=\"en\">"));
    // A path of two slashes would name another host in the switch's link.
    let page = text(ask(&web, "//evil.example/", &[("cookie", &cookie)]).await).await;
    assert!(!page.contains("href=\"//"), "{page}");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    for path in [
        "/no",
        "/hosts/x",
        "/hosts/00000000-0000-0000-0000-000000000000",
        "/checklists/no",
        "/checklists/ipa-self-3/items/26",
        "/checklists/no/items/1",
    ] {
        assert_eq!(ask(&web, path, &[("cookie", &cookie)]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn long_lists_come_in_pages_and_can_be_narrowed() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let rows = |page: &str| page.matches("<tr role=\"row\"><th scope=\"row\"").count();
    let page = text(ask(&web, "/hosts", &[("cookie", &cookie)]).await).await;
    assert_eq!(rows(&page), 100);
    assert!(page.contains("156台中 1〜100台目"));
    let page = text(ask(&web, "/hosts?page=2", &[("cookie", &cookie)]).await).await;
    assert_eq!(rows(&page), 56);
    let page = text(ask(&web, "/hosts?q=PC001", &[("cookie", &cookie)]).await).await;
    assert_eq!(rows(&page), 1);
    let page = text(ask(&web, "/hosts?show=silent", &[("cookie", &cookie)]).await).await;
    assert_eq!(rows(&page), 1);
    let page = text(ask(&web, "/hosts?show=nonsense&page=-1&x=1", &[("cookie", &cookie)]).await).await;
    assert_eq!(rows(&page), 100);
}

#[tokio::test]
async fn an_event_says_that_something_moved_and_streams_are_bounded() {
    let (web, sample) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let mut streams = Vec::new();
    for _ in 0..live::VIEWERS_MAX {
        let response = ask(&web, "/events", &[("cookie", &cookie)]).await;
        assert_eq!(response.status(), StatusCode::OK);
        streams.push(response.into_body());
    }
    assert_eq!(ask(&web, "/events", &[("cookie", &cookie)]).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let mut one = streams.pop().unwrap();
    let frame = async |body: &mut Body| {
        let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.unwrap().unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    };
    assert_eq!(frame(&mut one).await, "event: hello\ndata: -\n\n", "a browser drops an event without data");
    for number in 1..5 {
        let _ = sample.moved.send(Arc::new(Moved { number: EntryNumber(number), moves: Vec::new() }));
    }
    assert_eq!(frame(&mut one).await, "event: moved\ndata: -\n\n");
    drop(one);
    assert_eq!(ask(&web, "/events", &[("cookie", &cookie)]).await.status(), StatusCode::OK, "a place came free");
}

#[tokio::test]
async fn a_stop_ends_connections_and_streams() {
    let (web, _) = web(&Clock::manual(now()));
    let cookie = inside(&web).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let (web, stop) = (web.clone(), stop.clone());
        async move { web.serve(listener, stop).await }
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /events HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let mut read = vec![0; 4096];
    assert!(tokio::io::AsyncReadExt::read(&mut stream, &mut read).await.unwrap() > 0);
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(4), serving).await.unwrap().unwrap();
}
