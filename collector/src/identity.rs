//! Who may talk to the collector: tokens, agents, certificates, and the authority that signs them.
//!
//! - [`ca`]: roots, intermediates, leaves and the revocation lists; keys in owner-only files.
//! - [`token`]: what lets a machine enrol.
//! - [`registry`]: the pure state machine: decides, and is changed by [`Event`]s only.
//! - [`enroll`], [`renew`], [`revoke`]: the decisions, one file each.
//! - [`csr`]: what is taken from a certificate request; [`bucket`]: allowances; [`audit`]: refusals into the journal.
//! - [`desk`]: joins registry, authority and listeners; [`service`]: the gRPC face of it.
//!
//! Every decision yields events that are journalled before they count; every refusal has a reason, is counted,
//! and is an event as well (at a bounded rate, the rest counted). A caller's identity comes from its certificate.

pub mod audit;
pub mod bucket;
pub mod ca;
pub mod csr;
pub mod desk;
pub mod enroll;
pub mod registry;
pub mod renew;
pub mod revoke;
pub mod service;
pub mod token;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use tenken_proto::Timestamp;
use tenken_proto::ident::{AgentId, Digest, HostId};

pub use registry::{Agent, Certificate, Decision, Registry, Standing};
pub use token::Token;

/// Longest text that a host or a person may put into an event; the rest is cut.
pub const TEXT_CHARS_MAX: usize = 255;

/// What happened to an identity. Journalled; [`Registry::apply`] is its only reader that changes state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was decided.
    pub at: Timestamp,
    /// Where the request came from; none for a command on the collector's own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// The kinds of [`Event`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A person made a token.
    TokenCreated {
        /// The token as it is kept: without its secret.
        token: Token,
    },
    /// A person withdrew a token.
    TokenRevoked {
        /// Hash of its secret.
        token: Digest,
        /// Who did it.
        by: String,
    },
    /// A token that was used up was presented again with another key: it may have leaked.
    TokenOverUsed {
        /// Hash of its secret.
        token: Digest,
        /// The key that came with it.
        key: Digest,
    },
    /// A machine presented a good token with a new key: one use is spent, an agent exists and waits.
    Requested {
        /// The new identity.
        agent: AgentId,
        /// Hash of the token's secret.
        token: Digest,
        /// SHA-256 of the public key.
        key: Digest,
        /// What the machine says about itself; never an identity.
        hints: Hints,
        /// The host whose key was proven with the request; the certificate will be bound to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proven: Option<Proven>,
    },
    /// A machine that has an entry presented another good token with the same key: one use of that token is spent,
    /// the entry stays the one it was.
    AskedAgain {
        /// The identity.
        agent: AgentId,
        /// Hash of the secret of the token that it came with before.
        from: Digest,
        /// Hash of the secret of the token that it comes with now.
        token: Digest,
        /// What the machine says about itself now.
        hints: Hints,
        /// The host whose key was proven with the request, where one was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proven: Option<Proven>,
    },
    /// The agent may have a certificate and is bound to a host.
    Approved {
        /// Which identity.
        agent: AgentId,
        /// The host it speaks for from now on.
        host: HostId,
        /// A person's name, or `token` where the token itself approves.
        by: String,
    },
    /// A certificate was signed. It is staged until its first use.
    Issued {
        /// Which identity.
        agent: AgentId,
        /// The certificate.
        certificate: Certificate,
    },
    /// A certificate was used for the first time: the ones before it are no longer accepted.
    Activated {
        /// Which identity.
        agent: AgentId,
        /// Its serial number.
        serial: Serial,
    },
    /// A person said that this agent speaks for another host than it did.
    Bound {
        /// Which identity.
        agent: AgentId,
        /// The host it spoke for.
        from: HostId,
        /// The host it speaks for from now on.
        host: HostId,
        /// Who said so.
        by: String,
    },
    /// Suspected clone: nothing is taken from this agent until a person releases it.
    OnHold {
        /// Which identity.
        agent: AgentId,
        /// What was seen.
        reason: String,
    },
    /// A person released an agent from hold.
    Released {
        /// Which identity.
        agent: AgentId,
        /// Who did it.
        by: String,
    },
    /// The identity may never return; its host stays known.
    Revoked {
        /// Which identity.
        agent: AgentId,
        /// Who did it.
        by: String,
        /// Why.
        reason: String,
    },
    /// The identity has ended in good order: replaced, or its host was retired.
    Retired {
        /// Which identity.
        agent: AgentId,
        /// Who did it.
        by: String,
        /// Why.
        reason: String,
    },
    /// A request or a handshake was refused.
    Refused {
        /// A code of [`Refusal::code`] or of the acceptor.
        reason: String,
        /// What exactly.
        detail: String,
        /// Which identity, as far as a certificate proves it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentId>,
        /// Which certificate was shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serial: Option<String>,
    },
    /// More was refused than is journalled one by one.
    RefusalsDropped {
        /// How many were only counted.
        count: u64,
    },
}

/// What a machine says about itself when it enrols. For a person's eyes, and for suggestions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// Its name.
    pub host_name: String,
    /// Its hardware serial number.
    pub serial_number: String,
    /// `linux`, `windows`, `macos`.
    pub os: String,
    /// Version of the agent.
    pub agent_version: String,
}

impl Hints {
    /// Cuts each text to [`TEXT_CHARS_MAX`] and replaces control characters.
    #[must_use]
    pub fn cleaned(self) -> Self {
        Self {
            host_name: clean(&self.host_name),
            serial_number: clean(&self.serial_number),
            os: clean(&self.os),
            agent_version: clean(&self.agent_version),
        }
    }
}

/// A text from outside, cut and without control characters.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Proof of an older key that came with an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// The identity that held the older key; it is retired when the new certificate is first used.
    pub agent: AgentId,
    /// Its host.
    pub host: HostId,
}

tenken_proto::hex_bytes! {
    /// Serial number of a certificate: 128 random bits, the highest two fixed so that it is positive and of full length.
    Serial, 16
}

impl Serial {
    /// From random bits.
    #[must_use]
    pub fn from_random(mut bits: [u8; 16]) -> Self {
        bits[0] = (bits[0] & 0x3f) | 0x40;
        Self(bits)
    }
}

/// Why a request about an identity was refused. Each text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token's text cannot be read.
    #[error("the token is not readable: {0}; copy it whole, without spaces or line breaks")]
    TokenUnreadable(String),
    /// The token belongs to another collector, or was pruned.
    #[error("the token is not known here: ask the IT department for a new one (tenken-collector token create)")]
    TokenUnknown,
    /// The token is too old.
    #[error("the token expired at {at}: ask the IT department for a new one (tenken-collector token create)")]
    TokenExpired {
        /// When it ended.
        at: Timestamp,
    },
    /// Every use of the token is spent.
    #[error(
        "the uses of the token are spent (allowed: {uses}): ask the IT department for a new one (tenken-collector token create); \
         if nobody else should have used it, it may have leaked"
    )]
    TokenUsedUp {
        /// How many uses it had.
        uses: u32,
    },
    /// A person withdrew the token.
    #[error("the token was withdrawn: ask the IT department for a new one (tenken-collector token create)")]
    TokenWithdrawn,
    /// The token may not be used from there.
    #[error("the token may not be used from {peer}: it is limited to {allowed}")]
    TokenNetwork {
        /// Where the request came from.
        peer: IpAddr,
        /// The networks of the token.
        allowed: String,
    },
    /// A parameter of a new token is out of its limits.
    #[error("a token cannot be made like this: {0}")]
    TokenParameters(String),
    /// The certificate request is not acceptable.
    #[error("the certificate request was refused: {0}; update the agent, or remove its key and enrol again")]
    Request(String),
    /// The key already belongs to an identity.
    #[error("the key is already in use by an identity: remove the agent's key and enrol again; keys are never copied")]
    KeyInUse,
    /// Renewal with the key that is to be replaced.
    #[error("renewal needs a new key: update the agent")]
    KeyReused,
    /// Too many machines wait.
    #[error("{max} machines wait for approval already: approve or revoke some (tenken-collector agents)")]
    WaitingListFull {
        /// The limit.
        max: usize,
    },
    /// No such identity.
    #[error(
        "the identity {0} is not known here: tenken-collector agents lists those that are; a machine enrols with a token (tenken-agent enrol)"
    )]
    AgentUnknown(AgentId),
    /// The identity waits for a person.
    #[error("the identity {0} waits for approval (tenken-collector agents approve {0})")]
    Waiting(AgentId),
    /// The identity is a suspected clone.
    #[error("the identity {agent} is on hold: {reason}; release it with tenken-collector agents approve {agent}")]
    OnHold {
        /// Which one.
        agent: AgentId,
        /// What was seen.
        reason: String,
    },
    /// The identity was revoked.
    #[error("the identity {0} was revoked: enrol again with a new token (tenken-agent enrol)")]
    Revoked(AgentId),
    /// The identity has ended.
    #[error("the identity {0} was retired or replaced: enrol again with a new token (tenken-agent enrol)")]
    Retired(AgentId),
    /// The certificate is not the newest of its identity.
    #[error("the certificate {0} was replaced by a newer one: is this an old copy of the machine?")]
    Superseded(Serial),
    /// The certificate has ended.
    #[error("the certificate {serial} ended at {at}: the agent renews it by itself on the enrol listener")]
    Expired {
        /// Which one.
        serial: Serial,
        /// When it ended.
        at: Timestamp,
    },
    /// The certificate ended too long ago.
    #[error("the certificate ended at {at}, longer ago than the grace of {grace_days} days: enrol again with a token")]
    GraceOver {
        /// When it ended.
        at: Timestamp,
        /// The setting.
        grace_days: i64,
    },
    /// The call needs a client certificate.
    #[error("this call needs the agent's certificate and none was shown")]
    NoCertificate,
    /// Too many requests.
    #[error("too many requests: try again in {retry_after_s} s")]
    TooOften {
        /// How long to wait.
        retry_after_s: u32,
    },
    /// No such host.
    #[error("the host {0} is not known here: see tenken-collector hosts")]
    HostUnknown(HostId),
    /// The command does not fit the state of the identity.
    #[error("nothing to do for {agent}: {state}")]
    NothingToDo {
        /// Which one.
        agent: AgentId,
        /// Why not.
        state: String,
    },
    /// The authority could not sign.
    #[error("the certificate authority could not sign: {0}")]
    Authority(String),
}

impl Refusal {
    /// A stable code for counters, audit and clients.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TokenUnreadable(_) => "token_unreadable",
            Self::TokenUnknown => "token_unknown",
            Self::TokenExpired { .. } => "token_expired",
            Self::TokenUsedUp { .. } => "token_used_up",
            Self::TokenWithdrawn => "token_withdrawn",
            Self::TokenNetwork { .. } => "token_network",
            Self::TokenParameters(_) => "token_parameters",
            Self::Request(_) => "request_refused",
            Self::KeyInUse => "key_in_use",
            Self::KeyReused => "key_reused",
            Self::WaitingListFull { .. } => "waiting_list_full",
            Self::AgentUnknown(_) => "agent_unknown",
            Self::Waiting(_) => "waiting",
            Self::OnHold { .. } => "on_hold",
            Self::Revoked(_) => "revoked",
            Self::Retired(_) => "retired",
            Self::Superseded(_) => "superseded",
            Self::Expired { .. } => "expired",
            Self::GraceOver { .. } => "grace_over",
            Self::NoCertificate => "no_certificate",
            Self::TooOften { .. } => "too_often",
            Self::HostUnknown(_) => "host_unknown",
            Self::NothingToDo { .. } => "nothing_to_do",
            Self::Authority(_) => "authority",
        }
    }

    /// True when asking again with the same request cannot succeed.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Waiting(_)
            | Self::OnHold { .. }
            | Self::TooOften { .. }
            | Self::WaitingListFull { .. }
            | Self::Authority(_) => false,
            Self::TokenUnreadable(_)
            | Self::TokenUnknown
            | Self::TokenExpired { .. }
            | Self::TokenUsedUp { .. }
            | Self::TokenWithdrawn
            | Self::TokenNetwork { .. }
            | Self::TokenParameters(_)
            | Self::Request(_)
            | Self::KeyInUse
            | Self::KeyReused
            | Self::AgentUnknown(_)
            | Self::Revoked(_)
            | Self::Retired(_)
            | Self::Superseded(_)
            | Self::Expired { .. }
            | Self::GraceOver { .. }
            | Self::NoCertificate
            | Self::HostUnknown(_)
            | Self::NothingToDo { .. } => true,
        }
    }
}
