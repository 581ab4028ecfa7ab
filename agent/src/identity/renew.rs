//! Renewal: a new key and a new certificate, while the old one still serves.
//!
//! An expired certificate may do this, and nothing else, for as long as the collector allows. The renewed
//! identity is kept beside the old one until its first use succeeds.

use jiff::Timestamp;
use tenken_proto::wire::RenewRequest;
use tenken_proto::wire::enrolment_client::EnrolmentClient;

use super::enrol::{REPLY_BYTES_MAX, REPLY_TIME_MAX, is_refusal};
use super::refused::code_of;
use super::{Identity, IdentityError, Place, Store};
use crate::transport::{self, ConnectError, tls};

/// Why there is no new certificate.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// The way there.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The collector said no: revoked, expired for too long, unknown, or superseded.
    #[error("the collector refused to renew ({reason}): {detail}")]
    Refused {
        /// Its code.
        reason: String,
        /// Its words.
        detail: String,
    },
    /// The collector could not.
    #[error("the collector could not renew now: {0}")]
    Later(String),
    /// Our side.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl RenewError {
    /// Only enrolling again helps.
    #[must_use]
    pub fn needs_enrolment(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Connect(_) | Self::Later(_) | Self::Identity(_) => false,
        }
    }
}

/// Renews this identity; the new one is on disk, as `next`.
///
/// # Errors
/// [`RenewError`].
pub async fn renew(
    store: &Store,
    identity: &Identity,
    settings: &transport::Settings,
    now: Timestamp,
) -> Result<Identity, RenewError> {
    let key = store.new_key()?;
    let csr_der = key.request()?;
    let tls = tls::trusting(&identity.roots, Some(identity.auth())).map_err(IdentityError::Tls)?;
    let connection = transport::connect(&identity.enrol, tls, settings).await?;
    let mut client = EnrolmentClient::new(connection.channel).max_decoding_message_size(REPLY_BYTES_MAX);
    let reply = tokio::time::timeout(REPLY_TIME_MAX, client.renew(RenewRequest { csr_der: csr_der.into() }))
        .await
        .map_err(|_| RenewError::Later(format!("no answer within {REPLY_TIME_MAX:?}")))?
        .map_err(|status| match connection.alerts.meaning() {
            // Whom TLS turns away gets no status of the service.
            Some(meaning) if connection.alerts.received().is_some() => {
                RenewError::Refused { reason: connection.alerts.code().to_owned(), detail: meaning }
            }
            Some(_) | None if is_refusal(status.code()) => {
                RenewError::Refused { reason: code_of(&status), detail: status.message().to_owned() }
            }
            Some(_) | None => RenewError::Later(status.message().to_owned()),
        })?;
    let issued = reply.into_inner().issued.ok_or_else(|| RenewError::Later("its answer was empty".to_owned()))?;
    let place = Place { enrol: identity.enrol.clone(), token: identity.token, roots: identity.roots.clone(), now };
    Ok(store.keep_next(&key, issued, &place)?)
}
