//! The check of a client certificate, and the reason when it fails.
//!
//! Chain, validity, purpose and revocation by webpki, with revocation lists that must be there and not too old;
//! then the name, which must be exactly one of ours; then the identities that have ended. On the enrol listener a
//! certificate past its end is let in if all else is right: only Renew will take it.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use tenken_proto::Timestamp;
use tenken_proto::ident::AgentId;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::Listener;
use crate::identity::ca::TrustDomain;
use crate::ingest::peer::{PeerError, PeerIdentity};

/// Certificates beneath the leaf that are looked at.
const CHAIN_MAX: usize = 4;
/// Largest leaf that is looked at.
const LEAF_BYTES_MAX: usize = 8 * 1024;

/// Whether an identity has ended.
pub type Denied = Arc<dyn Fn(AgentId) -> bool + Send + Sync>;

/// Why a connection was turned away before any handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A certificate is needed and none was shown.
    NoCertificate,
    /// Signed by somebody else.
    UnknownIssuer,
    /// Past its end.
    Expired,
    /// Before its beginning: is the clock right?
    NotYetValid,
    /// On the revocation list, or its identity has ended.
    Revoked,
    /// The revocation list is too old: the collector has to sign a new one.
    StaleRevocationList,
    /// No revocation list speaks of its issuer.
    NoRevocationList,
    /// Not for client authentication alone.
    Purpose,
    /// An authority in the place of a leaf, a chain that is too long, or one that its constraints forbid.
    Chain,
    /// The signature is wrong, or the key does not fit the certificate.
    Signature,
    /// It cannot be read, is too large, or has a critical extension that nobody knows.
    Encoding,
    /// No name, more than one, or not one of an agent of this collector.
    Name,
    /// No handshake in time.
    Timeout,
    /// Not TLS 1.3, not HTTP/2, or not TLS at all.
    Protocol,
    /// The client ended the handshake: it may not trust this collector.
    ClientEnded,
    /// The connection broke.
    Io,
    /// Too many connections of this address.
    AddressFull,
    /// Too many connections.
    Full,
    /// The handshake passed, and no call was made in time.
    NoCall,
}

impl Reason {
    /// A stable code for counters and audit.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoCertificate => "tls_no_certificate",
            Self::UnknownIssuer => "tls_unknown_issuer",
            Self::Expired => "tls_expired",
            Self::NotYetValid => "tls_not_yet_valid",
            Self::Revoked => "tls_revoked",
            Self::StaleRevocationList => "tls_stale_revocation_list",
            Self::NoRevocationList => "tls_no_revocation_list",
            Self::Purpose => "tls_purpose",
            Self::Chain => "tls_chain",
            Self::Signature => "tls_signature",
            Self::Encoding => "tls_encoding",
            Self::Name => "tls_name",
            Self::Timeout => "tls_timeout",
            Self::Protocol => "tls_protocol",
            Self::ClientEnded => "tls_client_ended",
            Self::Io => "tls_io",
            Self::AddressFull => "tls_address_full",
            Self::Full => "tls_full",
            Self::NoCall => "http2_no_call",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What a handshake has shown so far; filled by the verifier, which runs inside the handshake's task.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) serial: Option<String>,
    pub(super) agent: Option<AgentId>,
    pub(super) identity: Option<PeerIdentity>,
    pub(super) reason: Option<Reason>,
}

tokio::task_local! {
    pub(super) static SEEN: Arc<Mutex<Seen>>;
}

fn note(change: impl FnOnce(&mut Seen)) {
    // Outside a handshake there is nobody to tell.
    let _ = SEEN.try_with(|seen| change(&mut seen.lock().unwrap_or_else(PoisonError::into_inner)));
}

pub(super) struct AgentVerifier {
    pub(super) inner: Arc<dyn ClientCertVerifier>,
    pub(super) listener: Listener,
    pub(super) domain: TrustDomain,
    pub(super) crls_until: Timestamp,
    pub(super) denied: Denied,
}

impl fmt::Debug for AgentVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentVerifier").field("listener", &self.listener).finish_non_exhaustive()
    }
}

impl AgentVerifier {
    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<PeerIdentity, Error> {
        if leaf.len() > LEAF_BYTES_MAX || chain.len() > CHAIN_MAX {
            return Err(CertificateError::BadEncoding.into());
        }
        match self.inner.verify_client_cert(leaf, chain, now) {
            Err(Error::InvalidCertificate(error)) if self.listener == Listener::Enrol && is_expired(&error) => {
                self.check_at_its_end(leaf, chain, now)?;
            }
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let identity = PeerIdentity::from_certificate(leaf, &self.domain).map_err(not_ours)?;
        if (self.denied)(identity.agent) {
            return Err(CertificateError::Revoked.into());
        }
        Ok(identity)
    }

    /// Everything but the end of its validity, which has passed. The revocation list must be good today.
    fn check_at_its_end(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if i64::try_from(now.as_secs()).unwrap_or(i64::MAX) > self.crls_until.as_second() {
            return Err(CertificateError::ExpiredRevocationList.into());
        }
        let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| CertificateError::BadEncoding)?;
        let end = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        let end = UnixTime::since_unix_epoch(Duration::from_secs(end));
        self.inner.verify_client_cert(leaf, chain, end)?;
        Ok(())
    }
}

impl ClientCertVerifier for AgentVerifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        note(|seen| (seen.serial, seen.agent) = shown(leaf, &self.domain));
        match self.check(leaf, chain, now) {
            Ok(identity) => {
                note(|seen| seen.identity = Some(identity));
                Ok(ClientCertVerified::assertion())
            }
            Err(error) => {
                note(|seen| seen.reason = Some(reason_of_tls(&error)));
                Err(error)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn is_expired(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Expired | CertificateError::ExpiredContext { .. })
}

/// A certificate of our own authority that is not an agent's: the alert says what is wrong with it.
fn not_ours(error: PeerError) -> Error {
    let error = match error {
        PeerError::Unreadable | PeerError::Serial => CertificateError::BadEncoding,
        PeerError::Authority | PeerError::Purpose => CertificateError::InvalidPurpose,
        PeerError::NoName | PeerError::Names | PeerError::ForeignName(_) => CertificateError::NotValidForName,
    };
    error.into()
}

/// Serial number and name of a certificate that is not verified yet, for the audit.
fn shown(leaf: &CertificateDer<'_>, domain: &TrustDomain) -> (Option<String>, Option<AgentId>) {
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return (None, None) };
    let serial = data_encoding::HEXLOWER.encode(certificate.raw_serial());
    let agent = certificate.subject_alternative_name().ok().flatten().and_then(|names| {
        let uris = names.value.general_names.iter();
        uris.filter_map(|name| if let GeneralName::URI(uri) = name { domain.read_uri(uri) } else { None }).next()
    });
    (Some(crate::identity::clean(&serial)), agent.map(|(_, agent)| agent))
}

/// The reason behind a failed handshake, and its text.
pub(super) fn reason_of(error: &io::Error) -> (Reason, String) {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    (tls.map_or(Reason::Io, reason_of_tls), error.to_string())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enums of rustls may grow")]
fn reason_of_tls(error: &Error) -> Reason {
    match error {
        Error::NoCertificatesPresented => Reason::NoCertificate,
        Error::InvalidCertificate(error) => reason_of_certificate(error),
        Error::InvalidCertRevocationList(_) => Reason::NoRevocationList,
        Error::AlertReceived(_) => Reason::ClientEnded,
        _ => Reason::Protocol,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enums of rustls may grow")]
fn reason_of_certificate(error: &CertificateError) -> Reason {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Reason::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Reason::NotYetValid,
        CertificateError::Revoked => Reason::Revoked,
        CertificateError::UnknownIssuer => Reason::UnknownIssuer,
        CertificateError::UnknownRevocationStatus => Reason::NoRevocationList,
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            Reason::StaleRevocationList
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Reason::Purpose,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Reason::Name,
        CertificateError::BadEncoding | CertificateError::UnhandledCriticalExtension => Reason::Encoding,
        CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::UnsupportedCriticalExtension) => Reason::Encoding,
            Some(_) | None => Reason::Chain,
        },
        _ => Reason::Signature,
    }
}
