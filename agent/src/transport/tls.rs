//! Whom the agent trusts and who it is: TLS 1.3 configurations.
//!
//! Two ways to trust: by the pin of a token (before enrolment) or by the roots that enrolment gave. Both verify
//! the chain, the name and the time. There is no trust on first use and no way to switch verification off.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tenken_proto::ident::Digest;

/// Sessions to resume: the collector's two listeners.
const SESSIONS_MAX: usize = 2;

/// A client certificate with its key.
#[derive(Debug)]
pub struct ClientAuth {
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's key.
    pub key: PrivateKeyDer<'static>,
}

/// Trusts the chain that ends at the root with this public key; shows the certificate where one is given.
///
/// # Errors
/// When TLS cannot be set up at all, or the key cannot be used.
pub fn pinned(pin: Digest, auth: Option<ClientAuth>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = provider();
    config(Arc::new(PinnedRoot { pin, provider: Arc::clone(&provider) }), provider, auth)
}

/// Trusts these roots; shows the certificate where one is given.
///
/// # Errors
/// When the roots or the key cannot be used.
pub fn trusting(
    roots: &[CertificateDer<'static>],
    auth: Option<ClientAuth>,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = provider();
    let verifier = verifier(roots, Arc::clone(&provider))?;
    config(verifier, provider, auth)
}

/// SHA-256 of the certificate's public key (SPKI); none when it does not parse.
#[must_use]
pub fn spki_digest(certificate: &CertificateDer<'_>) -> Option<Digest> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(Digest::of(parsed.public_key().raw))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn config(
    verifier: Arc<dyn ServerCertVerifier>,
    provider: Arc<CryptoProvider>,
    auth: Option<ClientAuth>,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        // The name is rustls's: the verifiers here are stricter than the default, not laxer.
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match auth {
        Some(auth) => builder.with_client_auth_cert(auth.chain, auth.key)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
    Ok(Arc::new(config))
}

fn verifier(
    roots: &[CertificateDer<'static>],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone())?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))
}

/// Trusts whatever chain ends at the presented certificate whose public key has the pin.
#[derive(Debug)]
struct PinnedRoot {
    pin: Digest,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedRoot {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let root = intermediates
            .iter()
            .find(|certificate| spki_digest(certificate) == Some(self.pin))
            .ok_or(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        verifier(&[root.clone().into_owned()], Arc::clone(&self.provider))?.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::PeerIncompatible(rustls::PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
