//! Who this agent is: its key, its certificate, whom it trusts, and where the collector is.
//!
//! Everything lies in `DATA_DIR/identity`, readable by the owner only. A key is made on this host, written
//! durably *before* it is used, and named after its public half; `identity.json` names its key and is replaced
//! as a whole, so that whatever the moment of a crash, a start finds one complete identity or none.
//! Enrolment goes on with the same key until there is a certificate, also with another token; renewal has two phases: `next.json` stands beside until the first
//! success with it, and only then takes the old one's place.

use std::path::{Path, PathBuf};
use std::{fs, io};

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use tenken_proto::ident::{AgentId, Digest};
use tenken_proto::wire;

use self::refused::Refused;
use crate::durable;
use crate::transport::tls::{self, ClientAuth};
use crate::transport::{Address, NotAnAddress};

pub mod enrol;
pub mod refused;
pub mod renew;

/// Largest file here.
const FILE_BYTES_MAX: usize = 64 * 1024;
/// Most certificates of a chain, and most roots.
const CERTIFICATES_MAX: usize = 8;
/// Version of the files' form; a newer one is refused, not guessed.
const VERSION: u32 = 1;

const CURRENT: &str = "identity.json";
const NEXT: &str = "next.json";
const ENROLLING: &str = "enrolling.json";
const REFUSED: &str = "refused.json";

/// What goes wrong with the identity on disk or with what the collector issued.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file system.
    #[error("failed to {action} `{path}`")]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is not what this program writes.
    #[error("`{path}` cannot be used: {problem}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A certificate of the collector that is not for us.
    #[error("what the collector issued cannot be used: {0}")]
    Issued(String),
    /// The key cannot be made or used.
    #[error("failed to make a key and a request for it")]
    Key(#[source] rcgen::Error),
    /// The TLS library does not take it.
    #[error("the identity cannot be used for TLS")]
    Tls(#[source] rustls::Error),
}

/// One certificate with all that belongs to it.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The collector's name for this agent.
    pub agent_id: AgentId,
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// All roots to trust.
    pub roots: Vec<CertificateDer<'static>>,
    /// Where to report.
    pub report: Address,
    /// Where to renew.
    pub enrol: Address,
    /// The certificate is valid from here,
    pub not_before: Timestamp,
    /// to here.
    pub not_after: Timestamp,
    /// Hash of the secret of the token by which it was enrolled.
    token: Option<Digest>,
    issued_at: Timestamp,
    key_file: String,
    key: Vec<u8>,
}

impl Identity {
    /// The certificate as TLS wants it.
    #[must_use]
    pub fn auth(&self) -> ClientAuth {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        ClientAuth { chain: self.chain.clone(), key }
    }

    /// When to renew: at two thirds of the life that was left on arrival, moved by up to a twentieth of it;
    /// `fraction`, from 0 to 1, says how far, and stays the same while this certificate is in use.
    #[must_use]
    pub fn renew_at(&self, fraction: f64) -> Timestamp {
        let from = self.issued_at.clamp(self.not_before, self.not_after);
        let life = self.not_after.duration_since(from).as_secs_f64();
        let share = 2.0 / 3.0 + (fraction.clamp(0.0, 1.0) * 2.0 - 1.0) / 20.0;
        SignedDuration::try_from_secs_f64(life * share)
            .ok()
            .and_then(|after| from.checked_add(after).ok())
            .unwrap_or(self.not_after)
    }

    /// It is of the collector whose root has this pin.
    #[must_use]
    pub fn is_of(&self, root_pin: Digest) -> bool {
        self.roots.iter().any(|root| tls::spki_digest(root) == Some(root_pin))
    }

    /// The certificate has ended at this time.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now > self.not_after
    }
}

/// A key that was written but has no certificate yet.
#[derive(Debug)]
pub struct FreshKey {
    file: String,
    der: Vec<u8>,
    /// It was made for another token: the collector may know it already.
    is_resumed: bool,
}

impl FreshKey {
    /// A request that proves the possession of the key. The collector reads nothing else in it.
    ///
    /// # Errors
    /// [`IdentityError::Key`].
    pub fn request(&self) -> Result<Vec<u8>, IdentityError> {
        let pair =
            rcgen::KeyPair::try_from(&PrivatePkcs8KeyDer::from(self.der.as_slice())).map_err(IdentityError::Key)?;
        let request = rcgen::CertificateParams::default().serialize_request(&pair).map_err(IdentityError::Key)?;
        Ok(request.der().to_vec())
    }
}

/// The folder in which identities lie.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
}

impl Store {
    /// The store of this data folder; both are made, for their owner only, when they are not there.
    ///
    /// # Errors
    /// [`IdentityError::File`].
    pub fn open(data_dir: &Path) -> Result<Self, IdentityError> {
        let dir = data_dir.join("identity");
        durable::folder(data_dir).map_err(failed("make", data_dir))?;
        durable::folder(&dir).map_err(failed("make", &dir))?;
        Ok(Self { dir })
    }

    /// The identity in use; none before enrolment.
    ///
    /// # Errors
    /// [`IdentityError`] when it is there and cannot be used.
    pub fn current(&self) -> Result<Option<Identity>, IdentityError> {
        self.load(CURRENT)
    }

    /// The renewed identity that has not been used yet.
    ///
    /// # Errors
    /// [`IdentityError`] when it is there and cannot be used.
    pub fn next(&self) -> Result<Option<Identity>, IdentityError> {
        self.load(NEXT)
    }

    /// Puts the renewed identity in the place of the old one: its first use has succeeded.
    ///
    /// # Errors
    /// [`IdentityError::File`]; both are then still there.
    pub fn promote(&self) -> Result<(), IdentityError> {
        let next = self.path(NEXT);
        durable::rename(&next, &self.path(CURRENT)).map_err(failed("rename", &next))?;
        self.sweep();
        Ok(())
    }

    /// Forgets the renewed identity: it was refused.
    ///
    /// # Errors
    /// [`IdentityError::File`].
    pub fn discard_next(&self) -> Result<(), IdentityError> {
        let next = self.path(NEXT);
        durable::remove(&next).map_err(failed("remove", &next))?;
        self.sweep();
        Ok(())
    }

    /// Keeps that the collector refused this agent for good.
    ///
    /// # Errors
    /// [`IdentityError::File`].
    pub fn note_refusal(&self, refused: &Refused) -> Result<(), IdentityError> {
        self.write(REFUSED, refused)
    }

    /// The refusal of the identity in use, or of the machine that has none; one of an earlier identity is past.
    ///
    /// # Errors
    /// [`IdentityError`] when it is there and cannot be read.
    pub fn refused(&self, agent: Option<AgentId>) -> Result<Option<Refused>, IdentityError> {
        let path = self.path(REFUSED);
        let Some(bytes) = durable::read(&path, FILE_BYTES_MAX).map_err(failed("read", &path))? else {
            return Ok(None);
        };
        let refused: Refused = serde_json::from_slice(&bytes)
            .map_err(|error| IdentityError::Damaged { path: path.clone(), problem: error.to_string() })?;
        Ok((refused.agent == agent).then_some(refused))
    }

    /// The collector takes this agent: an earlier refusal is past. A failure leaves a file that a person can read.
    pub fn forget_refusal(&self) {
        let _ = durable::remove(&self.path(REFUSED));
    }

    /// The key for enrolling at this collector: the one of an earlier try that gave no certificate yet, whatever
    /// its token was, or a new one. With another key the machine would wait for approval twice.
    fn enrolling_key(&self, token: Digest, root_pin: Digest) -> Result<FreshKey, IdentityError> {
        let path = self.path(ENROLLING);
        if let Some(bytes) = durable::read(&path, FILE_BYTES_MAX).map_err(failed("read", &path))?
            && let Ok(earlier) = serde_json::from_slice::<Enrolling>(&bytes)
            && (earlier.token == token || earlier.root_pin == Some(root_pin))
            && let Ok(der) = self.read_key(&earlier.key)
        {
            let is_resumed = earlier.token != token;
            let key = FreshKey { file: earlier.key, der, is_resumed };
            if is_resumed {
                self.keep_enrolling(&key, token, root_pin)?;
            }
            return Ok(key);
        }
        self.new_enrolling_key(token, root_pin)
    }

    /// A new key for enrolling; an earlier one is forgotten.
    fn new_enrolling_key(&self, token: Digest, root_pin: Digest) -> Result<FreshKey, IdentityError> {
        let key = self.new_key()?;
        self.keep_enrolling(&key, token, root_pin)?;
        Ok(key)
    }

    fn keep_enrolling(&self, key: &FreshKey, token: Digest, root_pin: Digest) -> Result<(), IdentityError> {
        self.write(ENROLLING, &Enrolling { token, root_pin: Some(root_pin), key: key.file.clone() })
    }

    /// A new key, on disk.
    fn new_key(&self) -> Result<FreshKey, IdentityError> {
        let pair = rcgen::KeyPair::generate().map_err(IdentityError::Key)?;
        let public = Digest::of(&rcgen::PublicKeyData::subject_public_key_info(&pair)).to_string();
        let file = format!("key-{}.der", &public[..32]);
        let der = pair.serialize_der();
        let path = self.path(&file);
        durable::replace(&path, &der).map_err(failed("write", &path))?;
        Ok(FreshKey { file, der, is_resumed: false })
    }

    fn keep_enrolled(&self, key: &FreshKey, issued: wire::Issued, place: &Place) -> Result<Identity, IdentityError> {
        let identity = accept(key, issued, place)?;
        self.write(CURRENT, &Stored::from(&identity))?;
        let _ = durable::remove(&self.path(NEXT));
        let _ = durable::remove(&self.path(ENROLLING));
        self.forget_refusal();
        self.sweep();
        Ok(identity)
    }

    fn keep_next(&self, key: &FreshKey, issued: wire::Issued, place: &Place) -> Result<Identity, IdentityError> {
        let identity = accept(key, issued, place)?;
        self.write(NEXT, &Stored::from(&identity))?;
        Ok(identity)
    }

    fn load(&self, name: &str) -> Result<Option<Identity>, IdentityError> {
        let path = self.path(name);
        let Some(bytes) = durable::read(&path, FILE_BYTES_MAX).map_err(failed("read", &path))? else {
            return Ok(None);
        };
        let damaged = |problem: String| IdentityError::Damaged { path: path.clone(), problem };
        let stored: Stored = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if stored.version != VERSION {
            return Err(damaged(format!("it has version {}, this program knows {VERSION}", stored.version)));
        }
        let key = self.read_key(&stored.key)?;
        stored.identity(key).map(Some).map_err(damaged)
    }

    /// A key by its name: a plain name in this folder, never a path.
    fn read_key(&self, name: &str) -> Result<Vec<u8>, IdentityError> {
        let path = self.path(name);
        if !is_key_name(name) {
            return Err(IdentityError::Damaged { path, problem: "not the name of a key".to_owned() });
        }
        durable::read(&path, FILE_BYTES_MAX)
            .and_then(|bytes| bytes.ok_or_else(|| io::ErrorKind::NotFound.into()))
            .map_err(failed("read", &path))
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), IdentityError> {
        let path = self.path(name);
        let bytes = serde_json::to_vec_pretty(value).map_err(io::Error::other).map_err(failed("write", &path))?;
        durable::replace(&path, &bytes).map_err(failed("write", &path))
    }

    /// Removes the keys that nothing names any more. A failure leaves a file that the next sweep takes.
    fn sweep(&self) {
        let mut named: Vec<String> = Vec::new();
        for file in [CURRENT, NEXT, ENROLLING] {
            match durable::read(&self.path(file), FILE_BYTES_MAX) {
                Ok(None) => {}
                Ok(Some(bytes)) => match serde_json::from_slice::<NamesKey>(&bytes) {
                    Ok(names) => named.push(names.key),
                    Err(_) => return,
                },
                Err(_) => return,
            }
        }
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if let Some(name) = name.to_str()
                && is_key_name(name)
                && !named.iter().any(|kept| kept == name)
            {
                let _ = durable::remove(&entry.path());
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Where and by what an identity came to be.
#[derive(Debug, Clone)]
struct Place {
    enrol: Address,
    token: Option<Digest>,
    /// Roots that the answer must contain or leave as they are, when it names none.
    roots: Vec<CertificateDer<'static>>,
    now: Timestamp,
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> IdentityError + 'a {
    move |source| IdentityError::File { action, path: path.to_owned(), source }
}

fn is_key_name(name: &str) -> bool {
    let middle = name.strip_prefix("key-").and_then(|name| name.strip_suffix(".der"));
    middle.is_some_and(|middle| middle.len() == 32 && middle.bytes().all(|c| c.is_ascii_hexdigit()))
}

/// Checks what the collector issued against the key that asked for it.
fn accept(key: &FreshKey, issued: wire::Issued, place: &Place) -> Result<Identity, IdentityError> {
    let wrong = |problem: String| IdentityError::Issued(problem);
    let agent_id = issued.agent_id.parse().map_err(|_| wrong("the agent id is no UUID".to_owned()))?;
    let report = issued.report_address.parse().map_err(|error: NotAnAddress| wrong(error.to_string()))?;
    let chain = certificates(issued.certificate);
    let named = certificates(issued.trust_root);
    let roots = if named.is_empty() { place.roots.clone() } else { named };
    let stored = Stored {
        version: VERSION,
        agent_id,
        key: key.file.clone(),
        report_address: report,
        enrol_address: place.enrol.clone(),
        issued_at: place.now,
        token: place.token,
        certificate: chain.iter().map(|der| BASE64.encode(der)).collect(),
        trust_root: roots.iter().map(|der| BASE64.encode(der)).collect(),
    };
    let identity = stored.identity(key.der.clone()).map_err(wrong)?;
    tls::trusting(&identity.roots, Some(identity.auth())).map_err(IdentityError::Tls)?;
    Ok(identity)
}

fn certificates(der: Vec<impl Into<Vec<u8>>>) -> Vec<CertificateDer<'static>> {
    der.into_iter().map(|der| CertificateDer::from(der.into())).collect()
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    version: u32,
    agent_id: AgentId,
    key: String,
    report_address: Address,
    enrol_address: Address,
    issued_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<Digest>,
    certificate: Vec<String>,
    trust_root: Vec<String>,
}

impl From<&Identity> for Stored {
    fn from(identity: &Identity) -> Self {
        Self {
            version: VERSION,
            agent_id: identity.agent_id,
            key: identity.key_file.clone(),
            report_address: identity.report.clone(),
            enrol_address: identity.enrol.clone(),
            issued_at: identity.issued_at,
            token: identity.token,
            certificate: identity.chain.iter().map(|der| BASE64.encode(der)).collect(),
            trust_root: identity.roots.iter().map(|der| BASE64.encode(der)).collect(),
        }
    }
}

impl Stored {
    fn identity(self, key: Vec<u8>) -> Result<Identity, String> {
        let chain = decoded(self.certificate, "certificate")?;
        let roots = decoded(self.trust_root, "trust_root")?;
        let leaf = chain.first().ok_or("`certificate` is empty")?;
        let (_, parsed) = x509_parser::parse_x509_certificate(leaf).map_err(|_| "the certificate does not parse")?;
        let pair = rcgen::KeyPair::try_from(&PrivatePkcs8KeyDer::from(key.as_slice()))
            .map_err(|_| "the key does not parse")?;
        if parsed.public_key().raw != rcgen::PublicKeyData::subject_public_key_info(&pair) {
            return Err("the certificate is not for this key".to_owned());
        }
        let moment = |time: &x509_parser::time::ASN1Time| {
            Timestamp::from_second(time.timestamp()).map_err(|_| "the certificate's times are out of range")
        };
        Ok(Identity {
            agent_id: self.agent_id,
            not_before: moment(&parsed.validity().not_before)?,
            not_after: moment(&parsed.validity().not_after)?,
            report: self.report_address,
            enrol: self.enrol_address,
            token: self.token,
            issued_at: self.issued_at,
            key_file: self.key,
            key,
            chain,
            roots,
        })
    }
}

fn decoded(texts: Vec<String>, field: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    if texts.is_empty() || texts.len() > CERTIFICATES_MAX {
        return Err(format!("`{field}` has {} certificates, allowed 1 to {CERTIFICATES_MAX}", texts.len()));
    }
    texts
        .iter()
        .map(|text| BASE64.decode(text.as_bytes()).map(CertificateDer::from))
        .collect::<Result<_, _>>()
        .map_err(|error| format!("`{field}`: {error}"))
}

#[derive(Debug, Serialize, Deserialize)]
struct Enrolling {
    /// Hash of the secret of the latest token.
    token: Digest,
    /// Pin of the collector's root; none in files of version 0.1.0, which went on with the same token only.
    #[serde(default)]
    root_pin: Option<Digest>,
    key: String,
}

#[derive(Debug, Deserialize)]
struct NamesKey {
    key: String,
}

#[cfg(test)]
pub(crate) mod tests;
