//! The certificate authority: roots, intermediates, and what they sign.
//!
//! `DATA_DIR/ca/` holds `authority.json` (which roots and intermediates there are, and their states) and beside it,
//! owner-only, one `.pem` and one `.key` each. Tokens carry the pin of the active root: SHA-256 of its public key.
//! The active intermediate signs the daily work; `root-ID.key` can be moved to a safe place after `init`, and is
//! needed again only for a new intermediate.
//!
//! Agents are verified against the intermediates in the list themselves: one that is taken out of the list is
//! revoked by that. Roots and intermediates are lists with states (prepare, active, retiring) so that both can be
//! replaced while agents are away.

mod files;
mod profile;

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use rcgen::{Issuer, KeyPair, SubjectPublicKeyInfo};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use tenken_proto::Timestamp;
use tenken_proto::ident::{AgentId, Digest, TenantId};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::registry::RevokedCertificate;
use super::{Certificate, Serial};

pub use files::FileError;
pub use profile::{BACK_DATED, TrustDomain, TrustDomainError};

/// How long an agent's certificate lives when nothing is set.
pub const AGENT_LIFE_DEFAULT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long the collector's own certificate lives when nothing is set.
pub const SERVER_LIFE_DEFAULT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long a revocation list is good; it is signed again hourly and at start.
pub const CRL_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// How often the revocation lists are signed.
pub const CRL_EVERY: SignedDuration = SignedDuration::from_hours(1);

const ROOT_LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
const INTERMEDIATE_LIFE: SignedDuration = SignedDuration::from_hours(5 * 365 * 24);
const INDEX: &str = "authority.json";
const INDEX_VERSION: u32 = 1;
const SERVER: &str = "server.pem";

/// Why the authority cannot be made, opened or used.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A file of its folder.
    #[error("failed to use the folder of the certificate authority")]
    File(#[from] FileError),
    /// `init` where there is one.
    #[error("`{0}` holds a certificate authority already: it is never overwritten; name another --data-dir")]
    Exists(PathBuf),
    /// The index cannot be read.
    #[error("failed to read `{path}`: restore it from the backup")]
    Index {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Written by a later program.
    #[error("`{path}` has version {found} and this program knows {INDEX_VERSION}: use the newer program")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A certificate or key is not what its name says.
    #[error("`{path}` is not usable ({what}): restore it from the backup")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No intermediate can sign.
    #[error("no active intermediate with its key in `{0}`: restore it from the backup")]
    NoIntermediate(PathBuf),
    /// Signing or encoding failed.
    #[error("failed to sign {what}")]
    Sign {
        /// What was to be signed.
        what: &'static str,
        /// Why.
        source: rcgen::Error,
    },
    /// A time that certificates cannot hold.
    #[error("{0} is no time for a certificate: is this machine's clock right?")]
    Time(Timestamp),
    /// A name for the collector's certificate.
    #[error("`{name}` is no host name or address for the collector's certificate")]
    Name {
        /// As configured.
        name: String,
        /// Why.
        source: rcgen::Error,
    },
}

/// Where a root or an intermediate is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaState {
    /// Handed out to agents, does not sign yet.
    Prepare,
    /// Signs.
    Active,
    /// Signs no more, is trusted still.
    Retiring,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    version: u32,
    trust_domain: TrustDomain,
    roots: Vec<Entry>,
    intermediates: Vec<Entry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    state: CaState,
    /// The root that signed it; none for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<String>,
}

/// A root or an intermediate.
#[derive(Debug)]
pub struct CaCertificate {
    /// First 16 hexadecimal digits of its pin.
    pub id: String,
    /// Where it is on its way.
    pub state: CaState,
    /// SHA-256 of its public key.
    pub pin: Digest,
    /// Its bytes.
    pub der: CertificateDer<'static>,
    /// When it ends.
    pub not_after: Timestamp,
}

struct Intermediate {
    certificate: CaCertificate,
    /// None where the key is elsewhere: it is trusted, but signs nothing.
    issuer: Option<Issuer<'static, KeyPair>>,
}

/// The certificate authority of one collector.
pub struct Authority {
    dir: PathBuf,
    trust_domain: TrustDomain,
    roots: Vec<CaCertificate>,
    intermediates: Vec<Intermediate>,
    agent_life: SignedDuration,
    server_life: SignedDuration,
}

/// The collector's own certificate with its key.
#[derive(Debug)]
pub struct ServerIdentity {
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
    /// When it ends.
    pub not_after: Timestamp,
    /// When it is to be replaced: after two thirds of its life.
    pub renew_at: Timestamp,
}

/// An agent's certificate to be signed.
#[derive(Debug, Clone, Copy)]
pub struct AgentLeaf<'a> {
    /// The organisation.
    pub tenant: TenantId,
    /// The identity.
    pub agent: AgentId,
    /// The serial number.
    pub serial: Serial,
    /// The public key, as a SubjectPublicKeyInfo.
    pub spki_der: &'a [u8],
}

impl Authority {
    /// Makes root and intermediate in `data_dir/ca`: the folder appears whole or not at all.
    ///
    /// # Errors
    /// There is one already, or the folder cannot be written.
    pub fn init(data_dir: &Path, trust_domain: &TrustDomain, now: Timestamp) -> Result<Self, CaError> {
        let dir = data_dir.join("ca");
        if dir.join(INDEX).exists() {
            return Err(CaError::Exists(dir));
        }
        let staging = files::staging(data_dir)?;
        let (root_id, root_key, root) = profile::root(trust_domain, now, ROOT_LIFE)?;
        let root_issuer =
            Issuer::from_ca_cert_der(&root, &root_key).map_err(|source| CaError::Sign { what: "the root", source })?;
        let (id, key, intermediate) = profile::intermediate(trust_domain, &root_issuer, now, INTERMEDIATE_LIFE)?;
        files::write(&staging.join(format!("root-{root_id}.pem")), &files::certificates(&[&root]))?;
        files::write(&staging.join(format!("root-{root_id}.key")), root_key.serialize_pem().as_bytes())?;
        files::write(&staging.join(format!("intermediate-{id}.pem")), &files::certificates(&[&intermediate]))?;
        files::write(&staging.join(format!("intermediate-{id}.key")), key.serialize_pem().as_bytes())?;
        let index = Index {
            version: INDEX_VERSION,
            trust_domain: trust_domain.clone(),
            roots: vec![Entry { id: root_id.clone(), state: CaState::Active, root: None }],
            intermediates: vec![Entry { id, state: CaState::Active, root: Some(root_id) }],
        };
        let text =
            serde_json::to_vec_pretty(&index).map_err(|source| CaError::Index { path: staging.join(INDEX), source })?;
        files::write(&staging.join(INDEX), &text)?;
        files::publish(&staging, &dir)?;
        Self::open(data_dir)
    }

    /// Opens the authority of `data_dir`. Keys that others can read are refused.
    ///
    /// # Errors
    /// A file is missing, damaged, readable for others or of a later version.
    pub fn open(data_dir: &Path) -> Result<Self, CaError> {
        let dir = data_dir.join("ca");
        let path = dir.join(INDEX);
        let bytes = files::read(&path)?;
        let version: IndexVersion =
            serde_json::from_slice(&bytes).map_err(|source| CaError::Index { path: path.clone(), source })?;
        if version.version > INDEX_VERSION {
            return Err(CaError::Newer { path, found: version.version });
        }
        let index: Index =
            serde_json::from_slice(&bytes).map_err(|source| CaError::Index { path: path.clone(), source })?;
        let roots = index.roots.iter().map(|entry| load(&dir, "root", entry)).collect::<Result<_, _>>()?;
        let intermediates = index
            .intermediates
            .iter()
            .map(|entry| {
                let certificate = load(&dir, "intermediate", entry)?;
                let issuer = load_issuer(&dir, &certificate)?;
                Ok(Intermediate { certificate, issuer })
            })
            .collect::<Result<_, CaError>>()?;
        Ok(Self {
            dir,
            trust_domain: index.trust_domain,
            roots,
            intermediates,
            agent_life: AGENT_LIFE_DEFAULT,
            server_life: SERVER_LIFE_DEFAULT,
        })
    }

    /// Sets how long agents' certificates live.
    #[must_use]
    pub fn with_agent_life(mut self, life: SignedDuration) -> Self {
        self.agent_life = life;
        self
    }

    /// Sets how long the collector's own certificate lives.
    #[must_use]
    pub fn with_server_life(mut self, life: SignedDuration) -> Self {
        self.server_life = life;
        self
    }

    /// The trust domain in the agents' names.
    #[must_use]
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The pin that tokens carry: of the active root.
    ///
    /// # Errors
    /// No root is active.
    pub fn pin(&self) -> Result<Digest, CaError> {
        let active = self.roots.iter().find(|root| root.state == CaState::Active);
        active.map(|root| root.pin).ok_or_else(|| CaError::NoIntermediate(self.dir.clone()))
    }

    /// The roots that agents are to trust.
    #[must_use]
    pub fn roots(&self) -> &[CaCertificate] {
        &self.roots
    }

    /// The intermediates against which agents are verified at `now`.
    pub fn client_anchors(&self, now: Timestamp) -> impl Iterator<Item = &CaCertificate> {
        self.intermediates
            .iter()
            .filter(move |i| i.issuer.is_some() && now <= i.certificate.not_after)
            .map(|i| &i.certificate)
    }

    /// Signs a certificate for an agent. Nothing of it is chosen by the agent but the key.
    ///
    /// # Errors
    /// There is no active intermediate, or the key is of a kind that cannot be certified.
    pub fn sign_agent(&self, leaf: &AgentLeaf<'_>, now: Timestamp) -> Result<Certificate, CaError> {
        let (certificate, issuer) = self.signer()?;
        let key = SubjectPublicKeyInfo::from_der(leaf.spki_der)
            .map_err(|source| CaError::Sign { what: "an agent's key", source })?;
        let not_after = end(now, self.agent_life)?.min(certificate.not_after);
        let params = profile::agent(&self.trust_domain, leaf, now, not_after)?;
        let signed = params
            .signed_by(&key, issuer)
            .map_err(|source| CaError::Sign { what: "an agent's certificate", source })?;
        Ok(Certificate {
            serial: leaf.serial,
            key: Digest::of(leaf.spki_der),
            issuer: certificate.id.clone(),
            issued_at: now,
            not_before: profile::back_dated(now),
            not_after,
            der: Some(signed.der().to_vec()),
            first_used: None,
        })
    }

    /// The chain below a leaf of this issuer, for the agent to show.
    #[must_use]
    pub fn chain_of(&self, issuer: &str) -> Vec<CertificateDer<'static>> {
        self.intermediates.iter().filter(|i| i.certificate.id == issuer).map(|i| i.certificate.der.clone()).collect()
    }

    /// A revocation list of each intermediate that can sign, good from `now` for [`CRL_LIFE`].
    ///
    /// # Errors
    /// Signing failed.
    pub fn sign_crls(
        &self,
        revoked: &[(Serial, RevokedCertificate)],
        now: Timestamp,
    ) -> Result<Vec<CertificateRevocationListDer<'static>>, CaError> {
        let mut lists = Vec::new();
        for intermediate in &self.intermediates {
            let Some(issuer) = &intermediate.issuer else { continue };
            let own = revoked.iter().filter(|(_, entry)| entry.issuer == intermediate.certificate.id);
            let params = profile::crl(own, now, end(now, CRL_LIFE)?)?;
            let list =
                params.signed_by(issuer).map_err(|source| CaError::Sign { what: "a revocation list", source })?;
            lists.push(list.der().clone());
        }
        Ok(lists)
    }

    /// The collector's own certificate: the stored one, or a new one where that is missing, due, damaged, signed
    /// by a retired intermediate, made for other names or for longer than is set. An expired one is no obstacle.
    ///
    /// # Errors
    /// A new one could not be signed or stored.
    pub fn server(&self, names: &[String], now: Timestamp) -> Result<ServerIdentity, CaError> {
        let path = self.dir.join(SERVER);
        let names = profile::server_names(names)?;
        let (active, _) = self.signer()?;
        let longest = end(now, self.server_life)?;
        let stored = files::read(&path).ok().and_then(|pem| stored_server(&pem));
        let fits = |stored: &ServerIdentity| {
            now < stored.renew_at
                && stored.not_after <= longest
                && stored.chain.get(1) == Some(&active.der)
                && profile::names_of(&stored.chain[0]).is_some_and(|found| found == names)
        };
        match stored.filter(fits) {
            Some(stored) => Ok(stored),
            None => self.new_server(&path, &names, now),
        }
    }

    fn new_server(&self, path: &Path, names: &profile::Names, now: Timestamp) -> Result<ServerIdentity, CaError> {
        let (certificate, issuer) = self.signer()?;
        let key = profile::key()?;
        let not_after = end(now, self.server_life)?.min(certificate.not_after);
        let leaf = profile::server(names, now, not_after)?
            .signed_by(&key, issuer)
            .map_err(|source| CaError::Sign { what: "the collector's certificate", source })?;
        let mut pem = key.serialize_pem().into_bytes();
        // The root too: an agent that enrols knows only its public key, from the token.
        let mut chain = vec![leaf.der(), &certificate.der];
        chain.extend(self.roots.iter().filter(|root| root.state == CaState::Active).map(|root| &root.der));
        pem.extend(files::certificates(&chain));
        files::write(path, &pem)?;
        stored_server(&pem).ok_or_else(|| CaError::Damaged { path: path.into(), what: "just written".to_owned() })
    }

    fn signer(&self) -> Result<(&CaCertificate, &Issuer<'static, KeyPair>), CaError> {
        self.intermediates
            .iter()
            .filter(|i| i.certificate.state == CaState::Active)
            .find_map(|i| i.issuer.as_ref().map(|issuer| (&i.certificate, issuer)))
            .ok_or_else(|| CaError::NoIntermediate(self.dir.clone()))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("dir", &self.dir).field("roots", &self.roots).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct IndexVersion {
    version: u32,
}

fn end(now: Timestamp, life: SignedDuration) -> Result<Timestamp, CaError> {
    now.checked_add(life).map_err(|_| CaError::Time(now))
}

fn load(dir: &Path, kind: &str, entry: &Entry) -> Result<CaCertificate, CaError> {
    let path = dir.join(format!("{kind}-{}.pem", entry.id));
    let damaged = |what: &str| CaError::Damaged { path: path.clone(), what: what.to_owned() };
    let der = files::first_certificate(&files::read(&path)?).ok_or_else(|| damaged("no certificate in it"))?;
    let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| damaged("not a certificate"))?;
    let pin = Digest::of(parsed.public_key().raw);
    let not_after = profile::timestamp(parsed.validity().not_after.timestamp());
    if profile::id_of(&pin) != entry.id {
        return Err(damaged("another key than its name says"));
    }
    Ok(CaCertificate { id: entry.id.clone(), state: entry.state, pin, der: der.clone(), not_after })
}

fn load_issuer(dir: &Path, certificate: &CaCertificate) -> Result<Option<Issuer<'static, KeyPair>>, CaError> {
    let path = dir.join(format!("intermediate-{}.key", certificate.id));
    if !path.exists() {
        return Ok(None);
    }
    let damaged = |what: String| CaError::Damaged { path: path.clone(), what };
    let pem = String::from_utf8(files::read_secret(&path)?).map_err(|_| damaged("not text".to_owned()))?;
    let key = KeyPair::from_pem(&pem).map_err(|error| damaged(error.to_string()))?;
    if Digest::of(&profile::spki_of(&key)) != certificate.pin {
        return Err(damaged("not the key of its certificate".to_owned()));
    }
    let issuer = Issuer::from_ca_cert_der(&certificate.der, key).map_err(|error| damaged(error.to_string()))?;
    Ok(Some(issuer))
}

fn stored_server(pem: &[u8]) -> Option<ServerIdentity> {
    let (chain, key) = files::chain_and_key(pem)?;
    let (_, leaf) = X509Certificate::from_der(chain.first()?).ok()?;
    let not_before = profile::timestamp(leaf.validity().not_before.timestamp());
    let not_after = profile::timestamp(leaf.validity().not_after.timestamp());
    let renew_at = not_before + not_after.duration_since(not_before) / 3 * 2;
    Some(ServerIdentity { chain, key, not_after, renew_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_life_of_the_collectors_certificate_counts_at_once_and_a_longer_one_at_the_next_renewal() {
        let dir = tempfile::TempDir::new().unwrap();
        let now: Timestamp = "2026-11-21T03:00:00Z".parse().unwrap();
        let day = |days: i64| SignedDuration::from_hours(24 * days);
        Authority::init(dir.path(), &"tenken.example".parse().unwrap(), now).unwrap();
        let ends_after = |life, at| {
            let authority = Authority::open(dir.path()).unwrap().with_server_life(life);
            authority.server(&[], at).unwrap().not_after
        };
        assert_eq!(ends_after(day(90), now), now + day(90));
        assert_eq!(ends_after(day(90), now + day(1)), now + day(90), "the stored one");
        assert_eq!(ends_after(day(9), now + day(1)), now + day(10));
        assert_eq!(ends_after(day(90), now + day(2)), now + day(10));
        assert_eq!(ends_after(day(90), now + day(8)), now + day(98), "due");
    }
}
