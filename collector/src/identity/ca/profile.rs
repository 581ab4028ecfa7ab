//! What our certificates look like: one function for each kind. Every field is set here and nowhere else.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use jiff::SignedDuration;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData as _, RevocationReason, RevokedCertParams, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use tenken_proto::Timestamp;
use tenken_proto::ident::{AgentId, Digest, TenantId};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::{AgentLeaf, CaError};
use crate::identity::Serial;
use crate::identity::registry::RevokedCertificate;

/// Certificates count from this long before they are signed: agents' clocks differ.
pub const BACK_DATED: SignedDuration = SignedDuration::from_mins(10);

/// The first part of the names that agents get; lower-case letters, digits, `-`, `.`, `_`, at most 255.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustDomain(String);

/// A text that is no trust domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no trust domain: use 1 to 255 of a-z, 0-9, `-`, `.`, `_`, for example tenken.example.co.jp")]
pub struct TrustDomainError(String);

impl Default for TrustDomain {
    fn default() -> Self {
        Self("tenken.internal".to_owned())
    }
}

impl FromStr for TrustDomain {
    type Err = TrustDomainError;
    fn from_str(text: &str) -> Result<Self, TrustDomainError> {
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-._".contains(&c);
        if (1..=255).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(TrustDomainError(crate::identity::clean(text)))
    }
}

impl TryFrom<String> for TrustDomain {
    type Error = TrustDomainError;
    fn try_from(text: String) -> Result<Self, TrustDomainError> {
        text.parse()
    }
}

impl From<TrustDomain> for String {
    fn from(domain: TrustDomain) -> Self {
        domain.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TrustDomain {
    /// The name of an agent in its certificate.
    #[must_use]
    pub fn agent_uri(&self, tenant: TenantId, agent: AgentId) -> String {
        format!("spiffe://{self}/tenant/{tenant}/agent/{agent}")
    }

    /// Reads such a name; none if it is not exactly one of ours.
    #[must_use]
    pub fn read_uri(&self, uri: &str) -> Option<(TenantId, AgentId)> {
        let rest = uri.strip_prefix("spiffe://")?.strip_prefix(self.0.as_str())?.strip_prefix("/tenant/")?;
        let (tenant, agent) = rest.split_once("/agent/")?;
        let (tenant, agent) = (TenantId(tenant.parse().ok()?), agent.parse().ok()?);
        (self.agent_uri(tenant, agent) == uri).then_some((tenant, agent))
    }
}

pub(super) fn key() -> Result<KeyPair, CaError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|source| CaError::Sign { what: "a new key", source })
}

pub(super) fn spki_of(key: &KeyPair) -> Vec<u8> {
    key.subject_public_key_info()
}

/// First 16 hexadecimal digits of a pin.
pub(super) fn id_of(pin: &Digest) -> String {
    pin.to_string().chars().take(16).collect()
}

pub(super) fn root(
    domain: &TrustDomain,
    now: Timestamp,
    life: SignedDuration,
) -> Result<(String, KeyPair, CertificateDer<'static>), CaError> {
    let key = key()?;
    let id = id_of(&Digest::of(&spki_of(&key)));
    let params = authority(domain, &format!("Tenken root {id}"), 1, now, life)?;
    let root = params.self_signed(&key).map_err(|source| CaError::Sign { what: "the root", source })?;
    Ok((id, key, root.into()))
}

pub(super) fn intermediate(
    domain: &TrustDomain,
    root: &Issuer<'_, &KeyPair>,
    now: Timestamp,
    life: SignedDuration,
) -> Result<(String, KeyPair, CertificateDer<'static>), CaError> {
    let key = key()?;
    let id = id_of(&Digest::of(&spki_of(&key)));
    let mut params = authority(domain, &format!("Tenken intermediate {id}"), 0, now, life)?;
    params.use_authority_key_identifier_extension = true;
    let signed = params.signed_by(&key, root).map_err(|source| CaError::Sign { what: "the intermediate", source })?;
    Ok((id, key, signed.into()))
}

fn authority(
    domain: &TrustDomain,
    name: &str,
    below: u8,
    now: Timestamp,
    life: SignedDuration,
) -> Result<CertificateParams, CaError> {
    let not_after = now.checked_add(life).map_err(|_| CaError::Time(now))?;
    let mut params = blank(name, random_serial()?, now, not_after)?;
    params.distinguished_name.push(DnType::OrganizationName, domain.to_string());
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

pub(super) fn agent(
    domain: &TrustDomain,
    leaf: &AgentLeaf<'_>,
    now: Timestamp,
    not_after: Timestamp,
) -> Result<CertificateParams, CaError> {
    let mut params = blank(&leaf.agent.to_string(), leaf.serial, now, not_after)?;
    let uri = domain
        .agent_uri(leaf.tenant, leaf.agent)
        .try_into()
        .map_err(|source| CaError::Sign { what: "an agent's name", source })?;
    params.subject_alt_names = vec![SanType::URI(uri)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

pub(super) fn server(names: &Names, now: Timestamp, not_after: Timestamp) -> Result<CertificateParams, CaError> {
    let mut params = blank("Tenken collector", random_serial()?, now, not_after)?;
    params.subject_alt_names = names.sans()?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

pub(super) fn crl<'a>(
    revoked: impl Iterator<Item = &'a (Serial, RevokedCertificate)>,
    now: Timestamp,
    until: Timestamp,
) -> Result<CertificateRevocationListParams, CaError> {
    let revoked_certs = revoked
        .map(|(serial, entry)| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&serial.0),
                revocation_time: offset(entry.at)?,
                reason_code: Some(if entry.revoked {
                    RevocationReason::PrivilegeWithdrawn
                } else {
                    RevocationReason::CessationOfOperation
                }),
                invalidity_date: None,
            })
        })
        .collect::<Result<Vec<_>, CaError>>()?;
    let number = u64::try_from(now.as_millisecond()).map_err(|_| CaError::Time(now))?;
    Ok(CertificateRevocationListParams {
        this_update: offset(back_dated(now))?,
        next_update: offset(until)?,
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs,
        key_identifier_method: KeyIdMethod::Sha256,
    })
}

fn blank(name: &str, serial: Serial, now: Timestamp, not_after: Timestamp) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from_slice(&serial.0));
    params.not_before = offset(back_dated(now))?;
    params.not_after = offset(not_after)?;
    Ok(params)
}

fn random_serial() -> Result<Serial, CaError> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)
        .map_err(|_| CaError::Sign { what: "a random number", source: rcgen::Error::RingUnspecified })?;
    Ok(Serial::from_random(bits))
}

pub(super) fn back_dated(now: Timestamp) -> Timestamp {
    now.checked_sub(BACK_DATED).unwrap_or(now)
}

fn offset(at: Timestamp) -> Result<OffsetDateTime, CaError> {
    OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| CaError::Time(at))
}

/// A time of a certificate; one that cannot be said counts as the epoch.
pub(super) fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The names and addresses of the collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    dns: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

/// The configured names; `localhost` and the loopback addresses always.
pub(super) fn server_names(configured: &[String]) -> Result<Names, CaError> {
    let mut names = Names {
        dns: BTreeSet::from(["localhost".to_owned()]),
        addresses: BTreeSet::from([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]),
    };
    for name in configured {
        match name.parse::<IpAddr>() {
            Ok(address) => drop(names.addresses.insert(address)),
            Err(_) => drop(names.dns.insert(name.to_ascii_lowercase())),
        }
    }
    names.sans()?;
    Ok(names)
}

impl Names {
    fn sans(&self) -> Result<Vec<SanType>, CaError> {
        let dns = self.dns.iter().map(|name| {
            let text = name.clone().try_into().map_err(|source| CaError::Name { name: name.clone(), source })?;
            Ok(SanType::DnsName(text))
        });
        let addresses = self.addresses.iter().map(|address| Ok(SanType::IpAddress(*address)));
        dns.chain(addresses).collect()
    }
}

/// The names in a certificate; none where it has other kinds.
pub(super) fn names_of(der: &CertificateDer<'_>) -> Option<Names> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let sans = certificate.subject_alternative_name().ok()??;
    let mut names = Names { dns: BTreeSet::new(), addresses: BTreeSet::new() };
    for name in &sans.value.general_names {
        if let GeneralName::DNSName(name) = name {
            names.dns.insert((*name).to_owned());
        } else if let GeneralName::IPAddress(bytes) = name {
            names.addresses.insert(address(bytes)?);
        } else {
            return None;
        }
    }
    Some(names)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
