//! What an observation can say: seen, looked and not there, could not look, not collected.
//!
//! Never a bool: *could not look* is not *fine* and not *absent*. Who reads an [`Observed`] matches all
//! four states. The time of observation belongs to the group (one probe run observes a whole group) and is
//! put beside each field where it is shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One field of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed<T> {
    /// Seen.
    Known {
        /// What was seen.
        value: T,
        /// How it was observed; empty: as the record around it.
        source: String,
    },
    /// Looked, and it is not there.
    Absent {
        /// How it was observed.
        source: String,
    },
    /// Could not look.
    Unreadable {
        /// Why, as a code.
        reason: Reason,
        /// What was tried and what would help (the exact grant, the file), for a person.
        detail: String,
        /// How it was to be observed.
        source: String,
    },
    /// Not collected, by setting.
    Withheld,
}

impl<T> Observed<T> {
    /// Seen there.
    pub fn known(value: T, source: impl Into<String>) -> Self {
        Self::Known { value, source: source.into() }
    }

    /// Seen, by the source of the record around it.
    pub fn seen(value: T) -> Self {
        Self::known(value, "")
    }

    /// Looked there, and it is not.
    pub fn absent(source: impl Into<String>) -> Self {
        Self::Absent { source: source.into() }
    }

    /// Could not look there.
    pub fn unreadable(reason: Reason, detail: impl Into<String>, source: impl Into<String>) -> Self {
        Self::Unreadable { reason, detail: detail.into(), source: source.into() }
    }

    /// The value, when one was seen.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Absent { .. } | Self::Unreadable { .. } | Self::Withheld => None,
        }
    }

    /// How it was observed; empty when that is not said here.
    pub fn source(&self) -> &str {
        match self {
            Self::Known { source, .. } | Self::Absent { source } | Self::Unreadable { source, .. } => source,
            Self::Withheld => "",
        }
    }

    /// The same observation of another form of the value.
    pub fn map<U>(self, into: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Known { value, source } => Observed::Known { value: into(value), source },
            Self::Absent { source } => Observed::Absent { source },
            Self::Unreadable { reason, detail, source } => Observed::Unreadable { reason, detail, source },
            Self::Withheld => Observed::Withheld,
        }
    }
}

/// Why something could not be observed. The code is stable; a code of a newer agent is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Reason {
    /// The agent lacks a right; the detail names the grant.
    Permission,
    /// Observed beneath a root that does not hold it (a mounted image has no `/proc`).
    OfflineRoot,
    /// This system, or this form of the source, is not supported.
    Unsupported,
    /// The source is there and does not parse.
    Malformed,
    /// The source is larger than the named limit.
    TooLarge,
    /// The probe did not finish in its time.
    TimedOut,
    /// The system reported an error.
    Io,
    /// The probe itself failed; a defect.
    ProbeFailed,
    /// A source without which this cannot be said is itself missing or unreadable.
    DependsOn,
    /// A code that this version does not know.
    Other(String),
}

impl Reason {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Permission => "permission",
            Self::OfflineRoot => "offline_root",
            Self::Unsupported => "unsupported",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::TimedOut => "timed_out",
            Self::Io => "io",
            Self::ProbeFailed => "probe_failed",
            Self::DependsOn => "depends_on",
            Self::Other(code) => code,
        }
    }
}

impl From<String> for Reason {
    fn from(code: String) -> Self {
        match code.as_str() {
            "permission" => Self::Permission,
            "offline_root" => Self::OfflineRoot,
            "unsupported" => Self::Unsupported,
            "malformed" => Self::Malformed,
            "too_large" => Self::TooLarge,
            "timed_out" => Self::TimedOut,
            "io" => Self::Io,
            "probe_failed" => Self::ProbeFailed,
            "depends_on" => Self::DependsOn,
            _ => Self::Other(code),
        }
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.code().to_owned()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
