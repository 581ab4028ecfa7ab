//! The pages: which API v1 type fills which template.
//!
//! A page is drawn on a thread that may block, [`super::PAGES_AT_ONCE_MAX`] at a time: a large fleet's list
//! does not hold up what else the collector does.

use std::fmt;

use askama::Template;
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::Web;
use super::show::{Page, Place};
use crate::locale::Lang;

mod checklist;
mod fleet;
mod overview;
mod risk;

/// The version in the foot of each page.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A page, or none when what was asked for does not exist.
type Drawn = Option<Result<String, askama::Error>>;

/// The overview.
pub async fn overview(State(web): State<Web>, Extension(lang): Extension<Lang>, uri: Uri) -> Response {
    web.draw(lang, Place::Overview, uri, "not-found-title", |web, page| Some(overview::draw(web, page))).await
}

/// The hosts.
pub async fn hosts(
    State(web): State<Web>,
    Extension(lang): Extension<Lang>,
    Query(query): Query<fleet::HostsQuery>,
    uri: Uri,
) -> Response {
    web.draw(lang, Place::Hosts, uri, "not-found-title", move |web, page| Some(fleet::hosts(web, page, query))).await
}

/// One host.
pub async fn host(
    State(web): State<Web>,
    Extension(lang): Extension<Lang>,
    Path(id): Path<String>,
    uri: Uri,
) -> Response {
    web.draw(lang, Place::Hosts, uri, "host-not-found", move |web, page| fleet::host(web, page, &id)).await
}

/// The agents.
pub async fn agents(
    State(web): State<Web>,
    Extension(lang): Extension<Lang>,
    Query(query): Query<Paging>,
    uri: Uri,
) -> Response {
    web.draw(lang, Place::Agents, uri, "not-found-title", move |web, page| Some(fleet::agents(web, page, &query))).await
}

/// The checklists.
pub async fn checklists(State(web): State<Web>, Extension(lang): Extension<Lang>, uri: Uri) -> Response {
    web.draw(lang, Place::Checklists, uri, "not-found-title", |web, page| Some(checklist::all(web, page))).await
}

/// One checklist with its answers.
pub async fn checklist(
    State(web): State<Web>,
    Extension(lang): Extension<Lang>,
    Path(id): Path<String>,
    uri: Uri,
) -> Response {
    web.draw(lang, Place::Checklists, uri, "checklist-not-found", move |web, page| checklist::one(web, page, &id)).await
}

/// One item with why it has its answer.
pub async fn item(
    State(web): State<Web>,
    Extension(lang): Extension<Lang>,
    Path((id, item)): Path<(String, String)>,
    uri: Uri,
) -> Response {
    web.draw(lang, Place::Checklists, uri, "item-not-found", move |web, page| checklist::item(web, page, &id, &item))
        .await
}

/// The risks.
pub async fn risks(State(web): State<Web>, Extension(lang): Extension<Lang>, uri: Uri) -> Response {
    web.draw(lang, Place::Risks, uri, "not-found-title", |web, page| Some(risk::draw(web, page))).await
}

/// No such page.
pub async fn nowhere(State(web): State<Web>, Extension(lang): Extension<Lang>, uri: Uri) -> Response {
    web.draw(lang, Place::Nowhere, uri, "not-found-title", |_, _| None).await
}

/// How to get a link, in both languages; the reader's comes first.
pub(super) fn closed(page: &Page, used: bool) -> Response {
    let mut pages: Vec<Page> = Lang::ALL.iter().map(|lang| page.in_language(*lang)).collect();
    pages.sort_by_key(|it| it.lang() != page.lang());
    let title = if used { "opened-title" } else { "closed-title" };
    html(StatusCode::FORBIDDEN, Closed { p: page, pages, title, used }.render())
}

impl Web {
    /// What a template has at hand.
    pub(super) fn page(&self, lang: Lang, place: Place, uri: &Uri) -> Page {
        let setup = &self.inner.setup;
        let address = uri.path_and_query().map_or("/", |it| it.as_str());
        let page = Page::new(lang, setup.zone.clone(), setup.clock.now(), place, address.to_owned());
        // Who is not inside learns no path of the collector.
        if place == Place::Outside { page } else { page.called(&setup.collector) }
    }

    /// Draws a page where it may block; without one, says that it does not exist.
    async fn draw(
        self,
        lang: Lang,
        place: Place,
        uri: Uri,
        missing: &'static str,
        draw: impl FnOnce(&Self, &Page) -> Drawn + Send + 'static,
    ) -> Response {
        let Ok(_permit) = self.inner.pages.acquire().await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let web = self.clone();
        let drawing = tokio::task::spawn_blocking(move || {
            let page = web.page(lang, place, &uri);
            match draw(&web, &page) {
                Some(drawn) => html(StatusCode::OK, drawn),
                None => html(StatusCode::NOT_FOUND, Missing { p: &page, title: page.t(missing) }.render()),
            }
        });
        drawing.await.unwrap_or_else(|error| failed(&error))
    }
}

fn html(status: StatusCode, drawn: Result<String, askama::Error>) -> Response {
    match drawn {
        Ok(text) => {
            (status, [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], text).into_response()
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn fmt::Display) -> Response {
    tracing::error!(%error, "A page could not be drawn");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing<'a> {
    p: &'a Page,
    title: std::borrow::Cow<'static, str>,
}

#[derive(Template)]
#[template(path = "closed.html")]
struct Closed<'a> {
    p: &'a Page,
    pages: Vec<Page>,
    /// The key of the heading.
    title: &'static str,
    used: bool,
}

/// Which page of a list is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Paging {
    /// From 1; what is no number is the first.
    page: String,
}

/// Rows of a list on one page.
const ROWS_MAX: usize = 100;

/// A part of a list.
struct Range {
    from: u64,
    to: u64,
    total: u64,
    previous: Option<usize>,
    next: Option<usize>,
}

/// The rows of one page of a list; a page after the last is the last.
fn part<'a, T>(rows: &'a [T], page: &str) -> (&'a [T], Range) {
    let last = rows.len().div_ceil(ROWS_MAX).max(1);
    let page = page.parse().unwrap_or(1).clamp(1, last);
    let from = (page - 1) * ROWS_MAX;
    let to = (from + ROWS_MAX).min(rows.len());
    let range = Range {
        from: from as u64 + 1,
        to: to as u64,
        total: rows.len() as u64,
        previous: (page > 1).then(|| page - 1),
        next: (page < last).then_some(page + 1),
    };
    (rows.get(from..to).unwrap_or_default(), range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_parts() {
        let rows: Vec<usize> = (0..250).collect();
        let (first, range) = part(&rows, "");
        assert_eq!((first.len(), range.from, range.to, range.previous, range.next), (100, 1, 100, None, Some(2)));
        let (last, range) = part(&rows, "3");
        assert_eq!((last.len(), range.from, range.to, range.previous, range.next), (50, 201, 250, Some(2), None));
        for odd in ["0", "-1", "x", "99999999999999999999", "4"] {
            assert!(!part(&rows, odd).0.is_empty(), "{odd}");
        }
        assert_eq!(part::<usize>(&[], "7").0.len(), 0);
    }
}
