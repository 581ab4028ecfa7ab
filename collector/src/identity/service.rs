//! The gRPC service of the enrol listener: Enrol, Renew and Time.
//!
//! Parses at the door, asks the desk, and says a refusal in words that a person can act on. Each address has an
//! allowance of calls.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use tenken_proto::ident::AgentId;
use tenken_proto::report::REASON_METADATA;
use tenken_proto::wire;
use tenken_proto::wire::enrolment_server::{Enrolment, EnrolmentServer};
use tonic::{Code, Request, Response, Status};

use super::audit::Note;
use super::bucket::Buckets;
use super::csr::proven_key;
use super::desk::Desk;
use super::enroll::{Enrolled, Leaf};
use super::{Hints, Refusal};
use crate::engine::RegistryError;
use crate::ingest::peer::Peer;

/// Largest message on the enrol listener: a request for a certificate with its hints.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Seconds after which a waiting machine asks again: a quarter of the time that it waited, within these.
const ASK_AGAIN_S: (i64, i64) = (2, 300);

/// The service.
#[derive(Debug)]
pub struct EnrolService {
    desk: Desk,
    report: SocketAddr,
    rate: Mutex<Buckets>,
}

impl EnrolService {
    /// Answers for the desk; agents are sent to the report listener at `report`.
    #[must_use]
    pub fn new(desk: Desk, report: SocketAddr) -> EnrolmentServer<Self> {
        let (burst, per_second) = desk.settings().enrol_rate;
        let rate = Mutex::new(Buckets::new(burst, per_second));
        EnrolmentServer::new(Self { desk, report, rate })
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(tenken_proto::report::MESSAGE_BYTES_MAX)
    }

    fn peer<T>(&self, request: &Request<T>) -> Result<Peer, Status> {
        let peer = Peer::of(request).cloned().ok_or_else(|| Status::internal("the connection is not known"))?;
        let taken = self.rate.lock().unwrap_or_else(PoisonError::into_inner).take(peer.address.ip(), self.desk.now());
        taken.map_err(|retry_after_s| self.refused(&peer, &Refusal::TooOften { retry_after_s }.into()))?;
        Ok(peer)
    }

    /// A refusal as the caller sees it, noted in the audit.
    fn refused(&self, peer: &Peer, error: &RegistryError) -> Status {
        match error {
            RegistryError::Refused(refusal) => {
                self.note(peer, refusal);
                status(refusal)
            }
            RegistryError::Engine(error) => Status::unavailable(error.to_string()),
        }
    }

    fn note(&self, peer: &Peer, refusal: &Refusal) {
        let identity = peer.identity.as_ref();
        let named = !matches!(
            refusal,
            Refusal::TooOften { .. } | Refusal::TokenUnreadable(_) | Refusal::TokenUnknown | Refusal::Request(_)
        );
        self.desk.note(Note {
            reason: refusal.code(),
            detail: refusal.to_string(),
            peer: Some(peer.address.ip()),
            agent: identity.map(|identity| identity.agent),
            serial: identity.map(|identity| identity.serial.to_string()),
            named: named || identity.is_some(),
        });
    }

    fn issued(&self, peer: &Peer, agent: AgentId, leaf: Leaf) -> wire::Issued {
        let authority = self.desk.authority();
        let chain = authority.chain_of(&leaf.issuer).into_iter().map(|der| der.to_vec().into());
        wire::Issued {
            certificate: std::iter::once(leaf.der.into()).chain(chain).collect(),
            agent_id: agent.to_string(),
            report_address: self.report_address(peer),
            trust_root: authority.roots().iter().map(|root| root.der.to_vec().into()).collect(),
        }
    }

    /// The way that the machine found to us is the way that it is sent: its own loopback, the first configured
    /// name, or the address that it reached.
    fn report_address(&self, peer: &Peer) -> String {
        let local = peer.local.ip().to_canonical();
        let host = match self.desk.settings().names.first() {
            Some(name) if !local.is_loopback() => name.clone(),
            Some(_) | None => local.to_string(),
        };
        let port = self.report.port();
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(v6)) => format!("[{v6}]:{port}"),
            Ok(IpAddr::V4(_)) | Err(_) => format!("{host}:{port}"),
        }
    }

    fn server_unix_ms(&self) -> i64 {
        self.desk.now().as_millisecond()
    }
}

#[tonic::async_trait]
impl Enrolment for EnrolService {
    async fn enrol(&self, request: Request<wire::EnrolRequest>) -> Result<Response<wire::EnrolReply>, Status> {
        let peer = self.peer(&request)?;
        let wanted = request.into_inner();
        let key = proven_key(&wanted.csr_der).map_err(|refusal| self.refused(&peer, &refusal.into()))?;
        let hints = Hints {
            host_name: wanted.host_name,
            serial_number: wanted.serial_number,
            os: wanted.os,
            agent_version: wanted.agent_version,
        };
        let enrolled = self.desk.enrol(&peer, &wanted.token, key, hints).await;
        let outcome = match enrolled.map_err(|error| self.refused(&peer, &error))? {
            Enrolled::Issued { agent, leaf } => wire::enrol_reply::Outcome::Issued(self.issued(&peer, agent, leaf)),
            Enrolled::Pending { agent, since } => {
                let waited = self.desk.now().duration_since(since).as_secs() / 4;
                let retry_after_s = u32::try_from(waited.clamp(ASK_AGAIN_S.0, ASK_AGAIN_S.1)).unwrap_or(60);
                wire::enrol_reply::Outcome::Pending(wire::Pending { agent_id: agent.to_string(), retry_after_s })
            }
        };
        Ok(Response::new(wire::EnrolReply { outcome: Some(outcome), server_unix_ms: self.server_unix_ms() }))
    }

    async fn renew(&self, request: Request<wire::RenewRequest>) -> Result<Response<wire::RenewReply>, Status> {
        let peer = self.peer(&request)?;
        let key = proven_key(&request.into_inner().csr_der).map_err(|refusal| self.refused(&peer, &refusal.into()))?;
        let renewed = self.desk.renew(&peer, key).await.map_err(|error| self.refused(&peer, &error))?;
        let issued = Some(self.issued(&peer, renewed.agent, renewed.leaf));
        Ok(Response::new(wire::RenewReply { issued, server_unix_ms: self.server_unix_ms() }))
    }

    async fn time(&self, request: Request<wire::TimeRequest>) -> Result<Response<wire::TimeReply>, Status> {
        self.peer(&request)?;
        Ok(Response::new(wire::TimeReply { unix_ms: self.server_unix_ms() }))
    }
}

/// A refusal as a gRPC status: the text is for a person, the metadata [`REASON_METADATA`] for a program. Codes that mean
/// *never again* are used for refusals that are permanent, and only for these.
#[must_use]
pub fn status(refusal: &Refusal) -> Status {
    let code = match refusal {
        Refusal::TokenUnreadable(_) | Refusal::TokenParameters(_) | Refusal::Request(_) | Refusal::KeyReused => {
            Code::InvalidArgument
        }
        Refusal::AgentUnknown(_) | Refusal::HostUnknown(_) => Code::NotFound,
        Refusal::KeyInUse => Code::AlreadyExists,
        Refusal::NothingToDo { .. } => Code::FailedPrecondition,
        Refusal::NoCertificate => Code::Unauthenticated,
        Refusal::TokenUnknown
        | Refusal::TokenExpired { .. }
        | Refusal::TokenUsedUp { .. }
        | Refusal::TokenWithdrawn
        | Refusal::TokenNetwork { .. }
        | Refusal::Revoked(_)
        | Refusal::Retired(_)
        | Refusal::Superseded(_)
        | Refusal::Expired { .. }
        | Refusal::GraceOver { .. } => Code::PermissionDenied,
        Refusal::WaitingListFull { .. } | Refusal::TooOften { .. } => Code::ResourceExhausted,
        Refusal::Waiting(_) | Refusal::OnHold { .. } => Code::Aborted,
        Refusal::Authority(_) => Code::Internal,
    };
    let mut status = Status::new(code, refusal.to_string());
    status.metadata_mut().insert(REASON_METADATA, tonic::metadata::MetadataValue::from_static(refusal.code()));
    status
}
