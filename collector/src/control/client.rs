//! The commands' side of the control socket: one request, one answer.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::{CALLED, SOCKET, Short};
use crate::api::v1;

/// Largest answer that is read: all facts of one host, or 200,000 hosts in a list.
const ANSWER_BYTES_MAX: usize = 512 * 1024 * 1024;

/// A client of the collector at one data folder.
#[derive(Debug, Clone)]
pub struct Client {
    data_dir: PathBuf,
    language: &'static str,
    /// How the caller calls the program, so that hints can be run as they stand; none: it cannot be sent.
    called: Option<HeaderValue>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("no collector is running at `{data_dir}`")]
    NotRunning {
        /// The data folder.
        data_dir: PathBuf,
    },
    /// The socket belongs to another account.
    #[error("the control socket `{path}` is only for the account that runs the collector, and for root")]
    NotAllowed {
        /// The socket.
        path: PathBuf,
    },
    /// The request did not reach its end.
    #[error("failed to speak with the collector at `{path}`")]
    Broken {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The collector refused.
    #[error("{}", .0.message)]
    Refused(Box<v1::ErrorBody>),
}

impl Client {
    /// A client that reads its answers in that language (a tag such as `ja`).
    #[must_use]
    pub fn new(data_dir: &Path, language: &'static str) -> Self {
        Self { data_dir: data_dir.to_path_buf(), language, called: None }
    }

    /// Asks for hints that repeat how the program was called.
    #[must_use]
    pub fn called(mut self, collector: &str) -> Self {
        self.called = HeaderValue::from_bytes(collector.as_bytes()).ok();
        self
    }

    /// Reads something.
    ///
    /// # Errors
    /// No collector, no permission, or a refusal.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, ClientError> {
        self.send(Method::GET, &with_query(path, query), Vec::new(), "application/json").await
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// No collector, no permission, or a refusal.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, request: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_vec(request).map_err(|error| self.broken(error))?;
        self.send(Method::POST, path, body, "application/json").await
    }

    /// Hands over a file.
    ///
    /// # Errors
    /// No collector, no permission, or a refusal.
    pub async fn file<T: DeserializeOwned>(&self, path: &str, name: &str, bytes: Vec<u8>) -> Result<T, ClientError> {
        self.send(Method::POST, &with_query(path, &[("name", name)]), bytes, "text/csv").await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        kind: &'static str,
    ) -> Result<T, ClientError> {
        let stream = self.connect().await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        let driver = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "collector")
            .header(header::CONTENT_TYPE, kind)
            .header(header::ACCEPT_LANGUAGE, self.language);
        if let Some(called) = &self.called {
            request = request.header(CALLED, called);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| self.broken(error))?;
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            // The collector closes at once on an account that it does not serve.
            Err(error) if error.is_incomplete_message() || error.is_closed() => {
                return Err(ClientError::NotAllowed { path: self.socket() });
            }
            Err(error) => return Err(self.broken(error)),
        };
        let fine = response.status().is_success();
        let limited = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let bytes = limited.collect().await.map_err(|error| self.broken(error))?.to_bytes();
        driver.abort();
        if fine {
            return serde_json::from_slice(&bytes).map_err(|error| self.broken(error));
        }
        let failure: v1::Failure = serde_json::from_slice(&bytes).map_err(|error| self.broken(error))?;
        Err(ClientError::Refused(Box::new(failure.error)))
    }

    async fn connect(&self) -> Result<UnixStream, ClientError> {
        let not_running = || ClientError::NotRunning { data_dir: self.data_dir.clone() };
        let nobody = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused, io::ErrorKind::NotADirectory];
        let refused = |error: io::Error| {
            if nobody.contains(&error.kind()) {
                not_running()
            } else if error.kind() == io::ErrorKind::PermissionDenied {
                ClientError::NotAllowed { path: self.socket() }
            } else {
                self.broken(error)
            }
        };
        let short = Short::of(&self.data_dir).map_err(refused)?;
        UnixStream::connect(short.path()).await.map_err(refused)
    }

    fn socket(&self) -> PathBuf {
        self.data_dir.join(SOCKET)
    }

    fn broken(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
        ClientError::Broken { path: self.socket(), source: source.into() }
    }
}

/// The path with its query, percent-encoded.
fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Percent-encoded, as one part of a path or a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_survive_every_character() {
        assert_eq!(with_query("/a", &[]), "/a");
        assert_eq!(with_query("/a", &[("x", "a b&c=日"), ("y", "../1")]), "/a?x=a%20b%26c%3D%E6%97%A5&y=..%2F1");
    }
}
