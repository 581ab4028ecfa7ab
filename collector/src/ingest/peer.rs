//! Who is at the other end of a connection: read from its certificate, never from a message.
//!
//! The acceptor makes a [`Peer`] for each connection; handlers find it in the request's extensions.

use std::net::SocketAddr;

use tenken_proto::Timestamp;
use tenken_proto::ident::{AgentId, Digest, TenantId};

use crate::identity::Serial;

/// One connection's other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where the connection comes from.
    pub address: SocketAddr,
    /// Number of the connection since the collector's start.
    pub connection: u64,
    /// Who it is. Always there on the report listener; on the enrol listener only if a certificate was shown.
    pub identity: Option<PeerIdentity>,
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

impl Peer {
    /// The peer behind a gRPC request.
    #[must_use]
    pub fn of<T>(request: &tonic::Request<T>) -> Option<&Self> {
        request.extensions().get::<Self>()
    }
}
