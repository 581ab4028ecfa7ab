//! The TLS settings of a listener, made anew whenever certificates, roots or revocation lists change.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use tenken_proto::Timestamp;

use super::Listener;
use super::verify::{AgentVerifier, Denied};
use crate::clock::Clock;
use crate::identity::ca::{ServerIdentity, TrustDomain};

/// Why there are no TLS settings.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates or the key do not fit.
    #[error("failed to build the TLS settings of the {listener} listener")]
    Settings {
        /// Which listener.
        listener: Listener,
        /// Why.
        source: rustls::Error,
    },
    /// The anchors or revocation lists do not fit.
    #[error("failed to build the verifier of the {listener} listener")]
    Verifier {
        /// Which listener.
        listener: Listener,
        /// Why.
        source: rustls::server::VerifierBuilderError,
    },
}

/// What the settings are made of.
#[derive(Clone)]
pub struct TlsParts<'a> {
    /// The collector's own certificate.
    pub server: &'a ServerIdentity,
    /// What agents' certificates must be signed by.
    pub anchors: Vec<CertificateDer<'static>>,
    /// A revocation list of each anchor.
    pub crls: Vec<CertificateRevocationListDer<'static>>,
    /// When the first of these lists is no longer good.
    pub crls_until: Timestamp,
    /// The first part of agents' names.
    pub domain: TrustDomain,
    /// Identities that have ended, asked in each handshake.
    pub denied: Denied,
    /// The clock against which certificates are checked.
    pub clock: Clock,
}

/// The settings in use by a listener.
#[derive(Debug)]
pub struct Tls {
    listener: Listener,
    current: ArcSwap<ServerConfig>,
}

impl Tls {
    /// Settings for a listener.
    ///
    /// # Errors
    /// The parts do not fit together.
    pub fn new(listener: Listener, parts: &TlsParts<'_>) -> Result<Self, TlsError> {
        Ok(Self { listener, current: ArcSwap::from_pointee(build(listener, parts)?) })
    }

    /// Every handshake from now on uses these parts; connections that stand are not touched.
    ///
    /// # Errors
    /// The parts do not fit together; the former settings stay.
    pub fn replace(&self, parts: &TlsParts<'_>) -> Result<(), TlsError> {
        self.current.store(Arc::new(build(self.listener, parts)?));
        Ok(())
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }
}

fn build(listener: Listener, parts: &TlsParts<'_>) -> Result<ServerConfig, TlsError> {
    let failed = |source| TlsError::Settings { listener, source };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let time = Arc::new(ClockProvider(parts.clock.clone()));
    let verifier = verifier(listener, parts, &provider)?;
    let mut config = ServerConfig::builder_with_details(provider, time)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(failed)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(parts.server.chain.clone(), parts.server.key.clone_key())
        .map_err(failed)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

fn verifier(
    listener: Listener,
    parts: &TlsParts<'_>,
    provider: &Arc<CryptoProvider>,
) -> Result<AgentVerifier, TlsError> {
    let mut anchors = RootCertStore::empty();
    for anchor in &parts.anchors {
        anchors.add(anchor.clone()).map_err(|source| TlsError::Settings { listener, source })?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(anchors), Arc::clone(provider))
        .with_crls(parts.crls.iter().cloned())
        .enforce_revocation_expiration();
    let builder = match listener {
        Listener::Enrol => builder.allow_unauthenticated(),
        Listener::Report => builder,
    };
    let inner = builder.build().map_err(|source| TlsError::Verifier { listener, source })?;
    Ok(AgentVerifier {
        inner,
        listener,
        domain: parts.domain.clone(),
        crls_until: parts.crls_until,
        denied: Arc::clone(&parts.denied),
    })
}

struct ClockProvider(Clock);

impl std::fmt::Debug for ClockProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClockProvider")
    }
}

impl TimeProvider for ClockProvider {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}
