//! Who and which: newtypes for every id, so that no two of them can be confused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id! {
    /// One certificate identity; bound to a host by the collector.
    AgentId
}
uuid_id! {
    /// A machine, whatever certificate it carries today.
    HostId
}

/// An organisation within one collector. The first part of every stored key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub u32);

impl TenantId {
    /// The one tenant of a collector that was not told of others.
    pub const DEFAULT: Self = Self(1);
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The one after this.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// One run of an agent process: random, so that a reinstalled or rolled-back agent is no repeat.
    Epoch
}
counter! {
    /// Number of a report within its epoch; the first is 1.
    Sequence
}
counter! {
    /// Version of the wishes that the collector sends down.
    PolicyRevision
}

/// Makes a type of so many bytes that is written as lower-case hexadecimal digits, in texts and in JSON.
#[macro_export]
macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            #[doc = concat!("Reads ", $length, " bytes; anything else is none.")]
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&::data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as ::serde::Deserialize>::deserialize(deserializer)?;
                let bytes = ::data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
                bytes.and_then(|bytes| Self::from_slice(&bytes)).ok_or_else(|| {
                    ::serde::de::Error::custom(format!("not {} lower-case hexadecimal digits", 2 * $length))
                })
            }
        }
    };
}

hex_bytes! {
    /// SHA-256 of something.
    Digest, 32
}

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_lower_case_digits_and_nothing_else_is_read() {
        let digest = Digest::of(b"");
        let text = serde_json::to_string(&digest).unwrap();
        assert!(text.starts_with("\"e3b0c442") && format!("{digest:?}").starts_with("Digest(e3b0c442"), "{text}");
        assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), digest);
        for wrong in [text.to_uppercase(), text.replacen('e', "", 1), "\"\"".to_owned()] {
            let error = serde_json::from_str::<Digest>(&wrong).unwrap_err().to_string();
            assert!(error.contains("not 64 lower-case hexadecimal digits"), "{error}");
        }
        assert_eq!(Digest::from_slice(&[0; 31]), None);
    }
}
