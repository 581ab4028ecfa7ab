//! What is taken from a certificate request: the public key, once its possession is proven. Nothing else.
//!
//! Subject, names and extensions of the request are not even looked at: the collector writes them itself.

use tenken_proto::ident::Digest;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

use super::Refusal;

/// Largest certificate request that is looked at.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024;

/// SubjectPublicKeyInfo of a P-256 key up to the uncompressed point.
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
const P256_BYTES: usize = 91;
/// SubjectPublicKeyInfo of an Ed25519 key up to the key.
const ED25519: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const ED25519_BYTES: usize = 44;

/// A public key whose private half signed the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenKey {
    /// The SubjectPublicKeyInfo, in the one encoding that is taken.
    pub spki_der: Vec<u8>,
    /// Its SHA-256.
    pub hash: Digest,
}

/// Reads a request and checks that who made it holds the key.
///
/// # Errors
/// Too large, not a request, a key of another kind than P-256 or Ed25519, or a wrong signature.
pub fn proven_key(der: &[u8]) -> Result<ProvenKey, Refusal> {
    let refused = |why: &str| Refusal::Request(why.to_owned());
    if der.len() > REQUEST_BYTES_MAX {
        return Err(Refusal::Request(format!("{} bytes, at most {REQUEST_BYTES_MAX} are read", der.len())));
    }
    let (rest, request) =
        X509CertificationRequest::from_der(der).map_err(|_| refused("it is not a PKCS#10 request"))?;
    if !rest.is_empty() {
        return Err(refused("bytes follow it"));
    }
    let spki = request.certification_request_info.subject_pki.raw;
    let is = |prefix: &[u8], bytes: usize| spki.len() == bytes && spki.starts_with(prefix);
    if !is(P256, P256_BYTES) && !is(ED25519, ED25519_BYTES) {
        return Err(refused("its key is neither P-256 nor Ed25519"));
    }
    request.verify_signature().map_err(|_| refused("it is not signed with its own key"))?;
    Ok(ProvenKey { spki_der: spki.to_vec(), hash: Digest::of(spki) })
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
        PKCS_ED25519, PublicKeyData as _, SanType, SignatureAlgorithm,
    };

    use super::*;

    fn request(alg: &'static SignatureAlgorithm) -> (KeyPair, Vec<u8>) {
        let key = KeyPair::generate_for(alg).unwrap();
        let der = CertificateParams::default().serialize_request(&key).unwrap().der().to_vec();
        (key, der)
    }

    fn why(der: &[u8]) -> String {
        proven_key(der).expect_err("refused").to_string()
    }

    #[test]
    fn the_key_is_taken_and_nothing_else() {
        for alg in [&PKCS_ECDSA_P256_SHA256, &PKCS_ED25519] {
            let key = KeyPair::generate_for(alg).unwrap();
            let mut params = CertificateParams::new(vec!["collector.example".to_owned()]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let foreign = "spiffe://tenken/tenant/1/agent/00000000-0000-0000-0000-000000000001";
            params.subject_alt_names.push(SanType::URI(foreign.try_into().unwrap()));
            let proven = proven_key(params.serialize_request(&key).unwrap().der()).unwrap();
            assert_eq!(proven.spki_der, key.subject_public_key_info());
            assert_eq!(proven.hash, Digest::of(&key.subject_public_key_info()));
        }
    }

    #[test]
    fn other_kinds_of_keys_are_refused() {
        assert!(why(&request(&PKCS_ECDSA_P384_SHA384).1).contains("neither P-256 nor Ed25519"));
    }

    #[test]
    fn someone_elses_key_is_refused() {
        let (_, mut der) = request(&PKCS_ECDSA_P256_SHA256);
        let (other, _) = request(&PKCS_ECDSA_P256_SHA256);
        let other = other.subject_public_key_info();
        let at = der.windows(P256.len()).position(|window| window == P256).unwrap();
        der[at..at + P256_BYTES].copy_from_slice(&other);
        assert!(why(&der).contains("not signed with its own key"));
    }

    #[test]
    fn every_changed_byte_is_refused_or_is_no_part_of_the_key() {
        let (key, der) = request(&PKCS_ECDSA_P256_SHA256);
        for at in 0..der.len() {
            let mut changed = der.clone();
            changed[at] ^= 1;
            if let Ok(proven) = proven_key(&changed) {
                assert_eq!(proven.spki_der, key.subject_public_key_info(), "byte {at}");
            }
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let (_, der) = request(&PKCS_ECDSA_P256_SHA256);
        assert!(why(&[]).contains("not a PKCS#10"));
        assert!(why(b"hello").contains("not a PKCS#10"));
        assert!(why(&der[..der.len() - 1]).contains("not a PKCS#10"));
        assert!(why(&[der.as_slice(), b"x"].concat()).contains("bytes follow"));
        assert!(why(&vec![0x30; 1024 * 1024]).contains("1048576 bytes, at most 4096"));
    }
}
