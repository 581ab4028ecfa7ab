//! Tokens: what lets a machine enrol.
//!
//! The text that a person passes on carries a 128-bit secret and the pin of the root; kept is only the SHA-256 of
//! the secret, which is also the key it is looked up by, so that no comparison depends on the secret's bytes.
//! Default: one use, one hour, approved by its use. For roll-outs: more uses, then a person approves each machine.

use ipnet::IpNet;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tenken_proto::Timestamp;
use tenken_proto::ident::Digest;

use super::{Decision, Event, Refusal, Registry, What, clean};

/// How long a token lives when nothing is said.
pub const TTL_DEFAULT: SignedDuration = SignedDuration::from_hours(1);
/// Longest life of a token.
pub const TTL_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Most uses of a token.
pub const USES_MAX: u32 = 10_000;
/// Most networks of a token.
pub const NETWORKS_MAX: usize = 32;
/// An over-use is shown as an alarm for this long.
pub const ALARM_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// SHA-256 of its secret.
    pub hash: Digest,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it is refused.
    pub expires_at: Timestamp,
    /// How many machines may enrol with it.
    pub uses: u32,
    /// How many did.
    pub used: u32,
    /// Where it may be used from; empty: anywhere.
    pub networks: Vec<IpNet>,
    /// The site of the machines that come with it.
    pub site: Option<String>,
    /// Its use approves the machine.
    pub auto_approve: bool,
    /// Who made it.
    pub by: String,
    /// Who withdrew it.
    pub withdrawn_by: Option<String>,
    /// How often it was presented with a new key after its last use.
    pub over_uses: u32,
    /// When that happened last.
    pub over_used_at: Option<Timestamp>,
}

impl Token {
    /// The short form that people see.
    #[must_use]
    pub fn id(&self) -> String {
        self.hash.to_string().chars().take(12).collect()
    }
}

/// What a person asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenParameters {
    /// `--uses`; none: one.
    pub uses: Option<u32>,
    /// `--ttl`; none: [`TTL_DEFAULT`].
    pub ttl: Option<SignedDuration>,
    /// `--network`.
    pub networks: Vec<IpNet>,
    /// `--site`.
    pub site: Option<String>,
    /// `--auto-approve`; none: yes for one use, no for more.
    pub auto_approve: Option<bool>,
    /// Who asks.
    pub by: String,
}

impl Registry {
    /// A new token whose secret has this hash.
    ///
    /// # Errors
    /// A parameter out of its limits.
    pub fn decide_token(
        &self,
        hash: Digest,
        wanted: &TokenParameters,
        now: Timestamp,
    ) -> Result<Decision<Token>, Refusal> {
        let uses = wanted.uses.unwrap_or(1);
        if uses == 0 || uses > USES_MAX {
            return Err(Refusal::TokenParameters(format!("--uses {uses}: 1 to {USES_MAX}")));
        }
        let ttl = wanted.ttl.unwrap_or(TTL_DEFAULT);
        if ttl <= SignedDuration::ZERO || ttl > TTL_MAX {
            return Err(Refusal::TokenParameters(format!("--ttl {ttl:#}: more than 0 and at most 7 days (7d)")));
        }
        if wanted.networks.len() > NETWORKS_MAX {
            return Err(Refusal::TokenParameters(format!("--network: at most {NETWORKS_MAX}")));
        }
        let expires_at =
            now.checked_add(ttl).map_err(|error| Refusal::TokenParameters(format!("--ttl {ttl:#}: {error}")))?;
        let token = Token {
            hash,
            created_at: now,
            expires_at,
            uses,
            used: 0,
            networks: wanted.networks.clone(),
            site: wanted.site.as_deref().map(clean),
            auto_approve: wanted.auto_approve.unwrap_or(uses == 1),
            by: clean(&wanted.by),
            withdrawn_by: None,
            over_uses: 0,
            over_used_at: None,
        };
        let event = Event { at: now, peer: None, what: What::TokenCreated { token: token.clone() } };
        Ok(Decision { events: vec![event], reply: token })
    }

    /// Withdraws a token, named by the first letters of its hash.
    ///
    /// # Errors
    /// No token or more than one begins like that.
    pub fn decide_withdraw_token(&self, id: &str, by: &str, now: Timestamp) -> Result<Decision<()>, Refusal> {
        let mut found = self.tokens.keys().filter(|hash| id.len() >= 8 && hash.to_string().starts_with(id));
        let (Some(hash), None) = (found.next(), found.next()) else {
            return Err(Refusal::TokenUnknown);
        };
        let what = What::TokenRevoked { token: *hash, by: clean(by) };
        Ok(Decision { events: vec![Event { at: now, peer: None, what }], reply: () })
    }

    /// Tokens that somebody tried to use too often within [`ALARM_FOR`]: the health page names them.
    pub fn over_used(&self, now: Timestamp) -> impl Iterator<Item = &Token> {
        self.tokens
            .values()
            .filter(move |token| token.over_used_at.is_some_and(|at| now.duration_since(at) <= ALARM_FOR))
    }
}
