//! The text of an enrolment token: what a person copies from the collector to a host.
//!
//! `tenken1-` and base32 (RFC 4648, lower case, no padding) of: version byte, 16 bytes of secret, SHA-256 of the
//! root certificate's public key (SPKI), 4 bytes of checksum over what stands before. The pin makes the first
//! contact authenticated; the checksum tells a slip of the pen from a refusal. The secret is in nobody's `Debug`.

use std::fmt;
use std::str::FromStr;

use data_encoding::{Encoding, Specification};
use sha2::{Digest as _, Sha256};

use crate::ident::Digest;

/// What each token starts with; the digit is the version of the text form.
pub const PREFIX: &str = "tenken1-";
/// Bytes of secret in a token: 128 bits.
pub const SECRET_BYTES: usize = 16;

const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;
const PIN_START: usize = 1 + SECRET_BYTES;
const BODY_BYTES: usize = PIN_START + 32;
const TOKEN_BYTES: usize = BODY_BYTES + CHECKSUM_BYTES;
/// Longest text that is looked at; a token has 93 characters.
const TEXT_BYTES_MAX: usize = 256;

/// A parsed enrolment token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Proves the right to enrol. Kept as a hash by the collector.
    pub secret: [u8; SECRET_BYTES],
    /// SHA-256 of the root's SubjectPublicKeyInfo, by which the collector proves itself.
    pub root_pin: Digest,
}

/// A text that is no token. Says what is wrong and what to do; never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Something else was given.
    #[error(
        "this is not an enrolment token: a token starts with `tenken1-`; copy it again from `tenken-collector token create`"
    )]
    Prefix,
    /// A version of the future.
    #[error("the token is of a newer version than this program understands; update the agent")]
    Version,
    /// Part of it is missing, or there is too much.
    #[error("the token is {actual} characters long and must have {expected}: copy the token again, whole")]
    Length {
        /// As given.
        actual: usize,
        /// As needed.
        expected: usize,
    },
    /// A character that tokens do not have.
    #[error("the token has a character that tokens do not have, at position {position}: copy the token again")]
    Character {
        /// Counted from 1, of the whole text.
        position: usize,
    },
    /// A slip within the characters.
    #[error("checksum does not match: copy the token again")]
    Checksum,
}

impl Token {
    /// A hash of the secret, as it is kept at rest.
    #[must_use]
    pub fn secret_hash(&self) -> Digest {
        Digest::of(&self.secret)
    }

    fn body(&self) -> [u8; BODY_BYTES] {
        let mut body = [0; BODY_BYTES];
        body[0] = VERSION;
        body[1..PIN_START].copy_from_slice(&self.secret);
        body[PIN_START..].copy_from_slice(&self.root_pin.0);
        body
    }
}

impl FromStr for Token {
    type Err = TokenError;
    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let coded = coded_part(text)?;
        let encoding = base32().ok_or(TokenError::Checksum)?;
        let expected = PREFIX.len() + encoding.encode_len(TOKEN_BYTES);
        if text.len() != expected {
            return Err(TokenError::Length { actual: text.chars().count(), expected });
        }
        let bytes = encoding
            .decode(coded.as_bytes())
            .map_err(|error| TokenError::Character { position: PREFIX.len() + error.position + 1 })?;
        let (body, checksum) = bytes.split_at(BODY_BYTES);
        if checksum != self::checksum(body) {
            return Err(TokenError::Checksum);
        }
        if body[0] != VERSION {
            return Err(TokenError::Version);
        }
        let secret = body[1..PIN_START].try_into().map_err(|_| TokenError::Checksum)?;
        let root_pin = Digest::from_slice(&body[PIN_START..]).ok_or(TokenError::Checksum)?;
        Ok(Self { secret, root_pin })
    }
}

/// What follows the prefix; capital letters of the prefix are fine, as in the rest.
fn coded_part(text: &str) -> Result<&str, TokenError> {
    let head = text.get(..PREFIX.len()).ok_or(TokenError::Prefix)?;
    if head.eq_ignore_ascii_case(PREFIX) {
        let coded = &text[PREFIX.len()..];
        return if text.len() > TEXT_BYTES_MAX {
            Err(TokenError::Length { actual: text.chars().count(), expected: 93 })
        } else {
            Ok(coded)
        };
    }
    let lower = head.to_ascii_lowercase();
    let newer = lower.strip_prefix("tenken").and_then(|rest| rest.strip_suffix('-'));
    match newer {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()) => Err(TokenError::Version),
        Some(_) | None => Err(TokenError::Prefix),
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body();
        let mut bytes = body.to_vec();
        bytes.extend_from_slice(&checksum(&body));
        let encoding = base32().ok_or(fmt::Error)?;
        write!(f, "{PREFIX}{}", encoding.encode(&bytes))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("secret", &"...").field("root_pin", &self.root_pin).finish()
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Sha256::digest(body);
    [digest[0], digest[1], digest[2], digest[3]]
}

/// RFC 4648 base32 in lower case, without padding; capitals are read too.
fn base32() -> Option<Encoding> {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification.translate.from.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    specification.translate.to.push_str("abcdefghijklmnopqrstuvwxyz");
    specification.encoding().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token { secret: [7; SECRET_BYTES], root_pin: Digest::of(b"root") }
    }

    #[test]
    fn comes_back_as_it_was() {
        let text = token().to_string();
        assert_eq!(text.len(), 93);
        assert!(text.starts_with(PREFIX));
        assert_eq!(text.parse::<Token>(), Ok(token()));
        assert_eq!(format!(" {}\n", text.to_uppercase()).parse::<Token>(), Ok(token()));
    }

    #[test]
    fn every_single_slip_is_noticed_and_named() {
        let text = token().to_string();
        for position in PREFIX.len()..text.len() {
            let mut slipped: Vec<char> = text.chars().collect();
            slipped[position] = if slipped[position] == 'a' { 'b' } else { 'a' };
            let slipped: String = slipped.into_iter().collect();
            // The last character holds 3 unused bits, so a slip there can also be a forbidden character.
            let error = slipped.parse::<Token>().expect_err("a slip is no token");
            assert!(matches!(error, TokenError::Checksum | TokenError::Character { .. }), "{position}: {error}");
        }
        let swapped = format!("{PREFIX}{}", text[PREFIX.len()..].chars().rev().collect::<String>());
        assert!(swapped.parse::<Token>().is_err());
    }

    #[test]
    fn says_what_is_wrong() {
        let text = token().to_string();
        let message = |text: &str| text.parse::<Token>().expect_err("no token").to_string();
        assert_eq!("".parse::<Token>(), Err(TokenError::Prefix));
        assert_eq!("secret".parse::<Token>(), Err(TokenError::Prefix));
        assert_eq!(text.replace("tenken1-", "tenken2-").parse::<Token>(), Err(TokenError::Version));
        assert_eq!(text[..80].parse::<Token>(), Err(TokenError::Length { actual: 80, expected: 93 }));
        let mut odd = text.clone();
        odd.replace_range(20..21, "!");
        assert_eq!(odd.parse::<Token>(), Err(TokenError::Character { position: 21 }));
        let mut slipped = text.clone();
        slipped.replace_range(20..21, if &text[20..21] == "a" { "b" } else { "a" });
        assert_eq!(message(&slipped), "checksum does not match: copy the token again");
        assert!("点検".repeat(200).parse::<Token>().is_err());
    }

    #[test]
    fn debug_hides_the_secret() {
        let secret = data_encoding::HEXLOWER.encode(&token().secret);
        let text = format!("{:?}", token());
        assert!(text.contains("secret: \"...\"") && !text.contains(&secret) && !text.contains("[7, 7"));
    }
}
