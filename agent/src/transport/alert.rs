//! What TLS says when it refuses, kept as a type and said in words.
//!
//! HTTP/2 turns an error of the connection into text; so the stream beneath it remembers the first one.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use rustls::{AlertDescription, CertificateError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::identity::refused::NO_CODE;

/// The first TLS error of one connection.
#[derive(Debug, Clone, Default)]
pub struct Alerts(Arc<OnceLock<rustls::Error>>);

impl Alerts {
    /// The stream, watched.
    pub(super) fn watch<S>(stream: S) -> (Watched<S>, Self) {
        let alerts = Self::default();
        (Watched { stream, alerts: alerts.clone() }, alerts)
    }

    /// The alert with which the other side ended the connection.
    #[must_use]
    pub fn received(&self) -> Option<AlertDescription> {
        match self.0.get() {
            Some(rustls::Error::AlertReceived(alert)) => Some(*alert),
            Some(_) | None => None,
        }
    }

    /// The code of a refusal by alert, in the words that the collector uses for its own refusals.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.received() {
            Some(AlertDescription::CertificateRevoked) => "revoked",
            Some(AlertDescription::CertificateExpired) => "expired",
            Some(_) | None => NO_CODE,
        }
    }

    /// What the alert means, for a person.
    #[must_use]
    pub fn meaning(&self) -> Option<String> {
        self.0.get().map(meaning_of)
    }

    fn note(&self, error: &io::Error) {
        if let Some(error) = tls_error(error) {
            // Only the first one says why; those after it are its echo.
            self.0.get_or_init(|| error.clone());
        }
    }
}

/// The TLS error inside an I/O error.
#[must_use]
pub fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// What a failed handshake means, for a person.
pub(super) fn meaning(error: &io::Error) -> String {
    tls_error(error).map_or_else(|| "the handshake was cut off".to_owned(), meaning_of)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "both enums are open; the rest is said as rustls says it")]
fn meaning_of(error: &rustls::Error) -> String {
    let text = match error {
        rustls::Error::InvalidCertificate(problem) => match problem {
            CertificateError::UnknownIssuer => {
                "its certificate does not come from the root that this agent trusts: another collector, or something between that reads along"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for other names: use one of them, or add this one to listen.names in the collector's collector.toml and restart it"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired by this machine's clock: check the clock, then the collector"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet by this machine's clock: check the clock"
            }
            other => return format!("its certificate is not accepted ({other:?})"),
        },
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRevoked => "this agent's certificate has been revoked",
            AlertDescription::CertificateExpired => {
                "the collector says that this agent's certificate is not valid at this time"
            }
            AlertDescription::UnknownCA => "the collector does not know the root of this agent's certificate",
            AlertDescription::CertificateRequired => {
                "the collector wants a client certificate there; is that its report address?"
            }
            AlertDescription::AccessDenied => "the collector denied access",
            AlertDescription::ProtocolVersion => "it does not speak TLS 1.3",
            other => return format!("it ended the handshake ({other:?})"),
        },
        other => return other.to_string(),
    };
    text.to_owned()
}

/// A stream that remembers why it broke.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    alerts: Alerts,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Poll::Ready(Err(error)) = &polled {
            self.alerts.note(error);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Err(error)) = &polled {
            self.alerts.note(error);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revoked_certificate_is_said_in_words() {
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRevoked);
        assert_eq!(meaning_of(&alert), "this agent's certificate has been revoked");
        let alerts = Alerts::default();
        alerts.note(&io::Error::new(io::ErrorKind::InvalidData, alert));
        assert_eq!(alerts.received(), Some(AlertDescription::CertificateRevoked));
        assert_eq!((alerts.code(), Alerts::default().code()), ("revoked", NO_CODE));
        assert!(alerts.meaning().is_some_and(|it| it.contains("revoked")));
    }
}
