//! Who may look: one-use links and the sessions that they open.
//!
//! A link is a secret of 128 bits that works once, within [`LINK_TTL_S`]; it opens a session with a secret of
//! its own, which ends after [`SESSION_TTL_S`] or with the collector. Only hashes of secrets are kept, in
//! memory. At most [`LINKS_MAX`] links and [`SESSIONS_MAX`] sessions exist; the oldest leaves for the newest.

use std::collections::BTreeMap;

use data_encoding::BASE32_NOPAD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

/// Links that wait to be opened.
pub const LINKS_MAX: usize = 8;
/// Seconds for which a link can be opened.
pub const LINK_TTL_S: i64 = 3_600;
/// Sessions at one time.
pub const SESSIONS_MAX: usize = 64;
/// Seconds after which a session ends, whatever it does.
pub const SESSION_TTL_S: i64 = 12 * 3_600;
/// Bytes of a secret.
const SECRET_BYTES: usize = 16;
/// Longest text that is looked at as a secret.
const SECRET_TEXT_MAX: usize = 64;

type Hash = [u8; 32];

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("failed to read random bytes for a link")]
pub struct NoRandomness(#[source] getrandom::Error);

/// Links and sessions; time comes from outside.
#[derive(Debug, Default)]
pub struct Sessions {
    /// Hash of the secret → when it ends.
    links: BTreeMap<Hash, Timestamp>,
    sessions: BTreeMap<Hash, Timestamp>,
}

impl Sessions {
    /// A new link's secret, to be put into the address that is printed.
    pub fn new_link(&mut self, now: Timestamp) -> Result<String, NoRandomness> {
        let secret = secret()?;
        insert(&mut self.links, &secret, after(now, LINK_TTL_S), LINKS_MAX, now);
        Ok(secret)
    }

    /// Uses a link up: the secret of the session that it opens, or none when the link is used, old or unknown.
    pub fn open(&mut self, link: &str, now: Timestamp) -> Result<Option<String>, NoRandomness> {
        let Some(until) = hash(link).and_then(|hash| self.links.remove(&hash)) else { return Ok(None) };
        if until <= now {
            return Ok(None);
        }
        let secret = secret()?;
        insert(&mut self.sessions, &secret, after(now, SESSION_TTL_S), SESSIONS_MAX, now);
        Ok(Some(secret))
    }

    /// Until when this session lasts; none when there is no such session.
    #[must_use]
    pub fn until(&self, session: &str, now: Timestamp) -> Option<Timestamp> {
        let until = *self.sessions.get(&hash(session)?)?;
        (until > now).then_some(until)
    }
}

fn insert(into: &mut BTreeMap<Hash, Timestamp>, secret: &str, until: Timestamp, max: usize, now: Timestamp) {
    into.retain(|_, until| *until > now);
    while into.len() >= max {
        let Some(oldest) = into.iter().min_by_key(|(_, until)| **until).map(|(hash, _)| *hash) else { break };
        into.remove(&oldest);
    }
    if let Some(hash) = hash(secret) {
        into.insert(hash, until);
    }
}

fn after(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

fn secret() -> Result<String, NoRandomness> {
    let mut bytes = [0u8; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}

/// The hash under which a secret is kept: looking it up tells nothing by its time.
fn hash(secret: &str) -> Option<Hash> {
    (secret.len() <= SECRET_TEXT_MAX).then(|| Sha256::digest(secret.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_link_opens_once() {
        let mut sessions = Sessions::default();
        let link = sessions.new_link(at(0)).unwrap();
        let session = sessions.open(&link, at(1)).unwrap().unwrap();
        assert_ne!(link, session);
        assert_eq!(sessions.open(&link, at(2)).unwrap(), None);
        assert!(sessions.until(&session, at(2)).is_some());
        assert!(sessions.until(&link, at(2)).is_none(), "a link is no session");
    }

    #[test]
    fn links_and_sessions_end() {
        let mut sessions = Sessions::default();
        let late = sessions.new_link(at(0)).unwrap();
        assert_eq!(sessions.open(&late, at(LINK_TTL_S)).unwrap(), None);
        let link = sessions.new_link(at(0)).unwrap();
        let session = sessions.open(&link, at(10)).unwrap().unwrap();
        assert!(sessions.until(&session, at(10 + SESSION_TTL_S - 1)).is_some());
        assert!(sessions.until(&session, at(10 + SESSION_TTL_S)).is_none());
    }

    #[test]
    fn both_are_bounded_and_the_oldest_leaves() {
        let mut sessions = Sessions::default();
        let first = sessions.new_link(at(0)).unwrap();
        for second in 1..=LINKS_MAX {
            sessions.new_link(at(second as i64)).unwrap();
        }
        assert_eq!(sessions.links.len(), LINKS_MAX);
        assert_eq!(sessions.open(&first, at(20)).unwrap(), None);
        for second in 0..2 * SESSIONS_MAX {
            let link = sessions.new_link(at(30 + second as i64)).unwrap();
            sessions.open(&link, at(30 + second as i64)).unwrap().unwrap();
        }
        assert_eq!(sessions.sessions.len(), SESSIONS_MAX);
    }

    #[test]
    fn what_is_no_secret_opens_nothing() {
        let mut sessions = Sessions::default();
        for text in ["", "a", &"x".repeat(10_000)] {
            assert_eq!(sessions.open(text, at(0)).unwrap(), None);
            assert!(sessions.until(text, at(0)).is_none());
        }
    }
}
