//! Who is at the other end of a connection: read from its certificate, never from a message.
//!
//! The acceptor makes a [`Peer`] for each connection; handlers find it in the request's extensions.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use tenken_proto::Timestamp;
use tenken_proto::ident::{AgentId, Digest, TenantId};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::accept::Line;
use crate::identity::Serial;
use crate::identity::ca::TrustDomain;

/// One connection's other end.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where the connection comes from.
    pub address: SocketAddr,
    /// The address of ours that it reached.
    pub local: SocketAddr,
    /// Number of the connection since the collector's start.
    pub connection: u64,
    /// Who it is. Always there on the report listener; on the enrol listener only if a certificate was shown.
    pub identity: Option<PeerIdentity>,
    /// The connection itself, to be noted as used or cut.
    pub line: Arc<Line>,
}

/// An agent, as the certificate says that the handshake verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The organisation.
    pub tenant: TenantId,
    /// The identity.
    pub agent: AgentId,
    /// Serial number of the certificate.
    pub serial: Serial,
    /// SHA-256 of its public key.
    pub spki: Digest,
    /// When the certificate ends. On the enrol listener this may be past.
    pub not_after: Timestamp,
}

/// A certificate that is none of an agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// Not a certificate.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// A certificate of an authority.
    #[error("the certificate is one of an authority")]
    Authority,
    /// Made for something else, or for more.
    #[error("the certificate is not for client authentication alone")]
    Purpose,
    /// The serial number is none of ours.
    #[error("the serial number is not one of this collector")]
    Serial,
    /// No name in it.
    #[error("the certificate names nobody")]
    NoName,
    /// More than one name in it.
    #[error("the certificate has more than one name")]
    Names,
    /// A name that is not an agent's name in this trust domain.
    #[error("the certificate's name is not one of an agent of this collector: {0}")]
    ForeignName(String),
}

impl Peer {
    /// The peer behind a gRPC request.
    #[must_use]
    pub fn of<T>(request: &tonic::Request<T>) -> Option<&Self> {
        request.extensions().get::<Self>()
    }
}

impl PeerIdentity {
    /// Reads a certificate whose chain was verified before.
    ///
    /// # Errors
    /// It is not exactly what this collector issues to agents.
    pub fn from_certificate(der: &CertificateDer<'_>, domain: &TrustDomain) -> Result<Self, PeerError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| PeerError::Unreadable)?;
        if certificate.is_ca() {
            return Err(PeerError::Authority);
        }
        only_client_auth(&certificate)?;
        let serial = Serial::from_slice(certificate.raw_serial()).ok_or(PeerError::Serial)?;
        let uri = only_name(&certificate)?;
        let named = domain.read_uri(uri).ok_or_else(|| PeerError::ForeignName(crate::identity::clean(uri)))?;
        let not_after = certificate.validity().not_after.timestamp();
        Ok(Self {
            tenant: named.0,
            agent: named.1,
            serial,
            spki: Digest::of(certificate.public_key().raw),
            not_after: Timestamp::from_second(not_after).map_err(|_| PeerError::Unreadable)?,
        })
    }
}

fn only_client_auth(certificate: &X509Certificate<'_>) -> Result<(), PeerError> {
    let usage = certificate.extended_key_usage().map_err(|_| PeerError::Purpose)?.ok_or(PeerError::Purpose)?.value;
    let more = usage.any
        || usage.server_auth
        || usage.code_signing
        || usage.email_protection
        || usage.time_stamping
        || usage.ocsp_signing
        || !usage.other.is_empty();
    if usage.client_auth && !more { Ok(()) } else { Err(PeerError::Purpose) }
}

fn only_name<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a str, PeerError> {
    let names = certificate.subject_alternative_name().map_err(|_| PeerError::Names)?.ok_or(PeerError::NoName)?;
    match names.value.general_names.as_slice() {
        [] => Err(PeerError::NoName),
        [GeneralName::URI(uri)] => Ok(uri),
        [other] => Err(PeerError::ForeignName(crate::identity::clean(&format!("{other:?}")))),
        [_, _, ..] => Err(PeerError::Names),
    }
}
