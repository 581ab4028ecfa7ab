//! The routes of API version 1. Handlers parse, ask [`Api`] and answer; nothing is decided here.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Json, Router};
use http::{StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{BODY_BYTES_MAX, REQUEST_TIMEOUT};
use crate::api::v1::{self, ErrorCode};
use crate::api::{Api, Caller, Problem};
use crate::locale::{Lang, Locale, PROGRAM};
use crate::visible::visible;
use crate::voice::Voice;

pub(super) fn router(api: Api) -> Router {
    Router::new()
        .route("/api/v1/overview", get(async |State(api): State<Api>| Json(api.overview())))
        .route("/api/v1/health", get(async |State(api): State<Api>| Json(api.health())))
        .route("/api/v1/hosts", get(async |State(api): State<Api>| Json(api.hosts())))
        .route("/api/v1/hosts/retire", acting(|api, caller, asked| async move { api.retire(caller, asked).await }))
        .route("/api/v1/hosts/{id}", get(host))
        .route("/api/v1/checklists", get(async |State(api): State<Api>| Json(api.checklists())))
        .route("/api/v1/answers", get(answers))
        .route("/api/v1/explain", get(explain))
        .route("/api/v1/risk", get(async |State(api): State<Api>| Json(api.risks())))
        .route("/api/v1/ledger", get(async |State(api): State<Api>| Json(api.ledger())).post(import_ledger))
        .route("/api/v1/agents", get(async |State(api): State<Api>| Json(api.agents())))
        .route("/api/v1/agents/approve", acting(|api, caller, asked| async move { api.approve(caller, asked).await }))
        .route("/api/v1/agents/revoke", acting(|api, caller, asked| async move { api.revoke(caller, asked).await }))
        .route("/api/v1/packs", get(async |State(api): State<Api>| Json(api.packs())))
        .route("/api/v1/declarations", acting(|api, caller, asked| async move { api.declare(caller, asked).await }))
        .route("/api/v1/tokens", acting(|api, caller, asked| async move { api.create_token(caller, asked).await }))
        .route("/api/v1/pages/link", post(page_link))
        .route("/api/v1/expected", post(import_expected))
        .fallback(nowhere)
        .method_not_allowed_fallback(nowhere)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn(bounded_in_time))
        .with_state(api)
}

/// A POST with a JSON body; the caller's request is answered by one method of [`Api`].
fn acting<Asking, Reply, Acting>(
    act: impl Fn(Api, Caller, Asking) -> Acting + Clone + Send + Sync + 'static,
) -> MethodRouter<Api>
where
    Asking: DeserializeOwned + Send + 'static,
    Reply: Serialize + 'static,
    Acting: Future<Output = Result<Reply, Problem>> + Send,
{
    let handler =
        async move |State(api): State<Api>,
                    Extension(caller): Extension<Caller>,
                    reader: Reader,
                    Asked(asked): Asked<Asking>| { reader.answer(act(api, caller, asked).await) };
    post(handler)
}

async fn page_link(State(api): State<Api>, reader: Reader) -> Answer<v1::PageLink> {
    reader.answer(api.page_link())
}

async fn bounded_in_time(request: Request, next: axum::middleware::Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

/// A problem and the language to tell it in.
struct Told(Problem, Voice);

type Answer<T> = Result<Json<T>, Told>;

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        let status = status(self.0.code());
        (status, Json(self.0.told(&self.1))).into_response()
    }
}

/// The status of a refusal.
pub(super) fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Refused => StatusCode::FORBIDDEN,
        ErrorCode::BadInput => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The language that the caller reads, and how they call the program.
struct Reader(Voice);

impl Reader {
    fn of(headers: &http::HeaderMap) -> Self {
        let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("en");
        let called = headers.get(super::CALLED).filter(|value| value.len() <= super::CALLED_BYTES_MAX);
        let called = called.and_then(|value| std::str::from_utf8(value.as_bytes()).ok()).unwrap_or(PROGRAM);
        Self(Voice::new(Locale::of(Lang::of_accept(wanted)), &visible(called)))
    }

    fn told(&self, problem: impl Into<Problem>) -> Told {
        Told(problem.into(), self.0.clone())
    }

    fn answer<T>(&self, outcome: Result<T, impl Into<Problem>>) -> Answer<T> {
        outcome.map(Json).map_err(|problem| self.told(problem))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

/// A JSON body whose mistakes are told like all others.
struct Asked<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Asked<T> {
    type Rejection = Told;
    async fn from_request(request: Request, state: &S) -> Result<Self, Told> {
        let reader = Reader::of(request.headers());
        let body = body(request, state, &reader).await?;
        let mut json = serde_json::Deserializer::from_slice(&body);
        let asked = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| reader.told(Problem::Malformed(format!("{}: {}", error.path(), error.inner()))))?;
        Ok(Self(asked))
    }
}

/// The bytes of a file.
struct File(Vec<u8>);

impl<S: Send + Sync> FromRequest<S> for File {
    type Rejection = Told;
    async fn from_request(request: Request, state: &S) -> Result<Self, Told> {
        let reader = Reader::of(request.headers());
        Ok(Self(body(request, state, &reader).await?.into()))
    }
}

async fn body<S: Send + Sync>(request: Request, state: &S, reader: &Reader) -> Result<Bytes, Told> {
    Bytes::from_request(request, state).await.map_err(|error| {
        let too_large = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
        reader.told(if too_large { Problem::TooLarge(BODY_BYTES_MAX) } else { Problem::Malformed(error.body_text()) })
    })
}

async fn nowhere(reader: Reader, request: Request) -> Told {
    reader.told(Problem::NoRoute(format!("{} {}", request.method(), request.uri().path())))
}

async fn host(State(api): State<Api>, reader: Reader, Path(id): Path<String>) -> Answer<v1::Host> {
    reader.answer(api.host_named(&id))
}

#[derive(Deserialize)]
struct ChecklistQuery {
    checklist: Option<String>,
}

async fn answers(State(api): State<Api>, reader: Reader, Query(query): Query<ChecklistQuery>) -> Answer<v1::Answers> {
    let checklist = query.checklist.as_deref().unwrap_or(crate::args::CHECKLIST_DEFAULT);
    reader.answer(api.answers(checklist))
}

#[derive(Deserialize)]
struct ExplainQuery {
    subject: String,
    checklist: Option<String>,
    host: Option<String>,
}

async fn explain(
    State(api): State<Api>,
    reader: Reader,
    query: Result<Query<ExplainQuery>, axum::extract::rejection::QueryRejection>,
) -> Answer<v1::Explanation> {
    let Query(query) = query.map_err(|error| reader.told(Problem::Malformed(error.body_text())))?;
    let checklist = query.checklist.as_deref().unwrap_or(crate::args::CHECKLIST_DEFAULT);
    reader.answer(api.explain(&query.subject, checklist, query.host.as_deref()))
}

#[derive(Deserialize)]
struct FileQuery {
    name: String,
}

async fn import_ledger(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    reader: Reader,
    Query(query): Query<FileQuery>,
    File(file): File,
) -> Answer<v1::Imported> {
    reader.answer(api.import_ledger(caller, query.name, file, reader.0.locale()).await)
}

async fn import_expected(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    reader: Reader,
    Query(query): Query<FileQuery>,
    File(file): File,
) -> Answer<v1::Imported> {
    reader.answer(api.import_expected(caller, query.name, file).await)
}
