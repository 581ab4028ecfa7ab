//! That the collector refused this agent for good: `refused.json`, written when a run or an enrolment ends so.
//!
//! For `check` and for people; it changes nothing of what the agent does: the next start tries again. It goes with
//! the next identity that is kept and with the first ack, and counts only for the identity that it names.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::ident::AgentId;
use tenken_proto::report::REASON_METADATA;
use tonic::Status;

use crate::called::Called;

/// Longest code that is taken from a collector.
const CODE_BYTES_MAX: usize = 32;
/// The code where the collector gave none.
pub(crate) const NO_CODE: &str = "refused";
/// What a person can do about it.
pub(crate) fn remedy(called: &Called) -> String {
    let enrol = called.enrol();
    format!(
        "ask who runs the collector; with a new token (`tenken-collector token create` there) enrol again: `{enrol}`"
    )
}

/// A refusal for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Who was refused; none: a machine without an identity, when it enrolled.
    pub agent: Option<AgentId>,
    /// The collector's code, such as `revoked`.
    pub reason: String,
    /// The collector's words.
    pub detail: String,
    /// When, by this machine's clock.
    pub at: Timestamp,
}

/// The code with which the collector explains a status to programs.
pub(crate) fn code_of(status: &Status) -> String {
    let code = status.metadata().get(REASON_METADATA).and_then(|code| code.to_str().ok()).unwrap_or_default();
    let is_code =
        (1..=CODE_BYTES_MAX).contains(&code.len()) && code.bytes().all(|c| c == b'_' || c.is_ascii_lowercase());
    if is_code { code.to_owned() } else { NO_CODE.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_only_where_it_is_one() {
        let of = |code: &'static str| {
            let mut status = Status::permission_denied("no");
            status.metadata_mut().insert(REASON_METADATA, tonic::metadata::MetadataValue::from_static(code));
            code_of(&status)
        };
        assert_eq!(of("token_used_up"), "token_used_up");
        for no_code in ["", "Revoked", "a b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(of(no_code), NO_CODE, "{no_code}");
        }
        assert_eq!(code_of(&Status::permission_denied("no")), NO_CODE);
    }
}
