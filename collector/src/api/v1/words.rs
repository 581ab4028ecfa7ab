//! The closed sets of words in API version 1, as the glossary has them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is none of the words.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{text}` is none of: {words}")]
pub struct NotAWord {
    text: String,
    words: String,
}

macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $wdoc:literal])+ $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[doc = $wdoc])+ #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in JSON, on the command line and as the end of its text's id.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl FromStr for $name {
            type Err = NotAWord;
            fn from_str(text: &str) -> Result<Self, NotAWord> {
                Self::ALL.iter().copied().find(|it| it.word() == text).ok_or_else(|| NotAWord {
                    text: text.to_owned(),
                    words: [$($word),+].join(", "),
                })
            }
        }
    };
}

words! {
    /// The answer to an item.
    AnswerWord {
        /// Done everywhere.
        Implemented = "implemented",
        /// Done in part.
        Partly = "partly",
        /// Not done.
        NotImplemented = "not_implemented",
        /// A person does not know, or a measured item covers too few hosts.
        Unknown = "unknown",
        /// Does not apply; only where the edition has it.
        NotApplicable = "not_applicable",
        /// Nobody answered.
        Unanswered = "unanswered",
    }
}

words! {
    /// What an answer rests on.
    Basis {
        /// Facts.
        Measured = "measured",
        /// A person's word.
        Declared = "declared",
        /// Both.
        Both = "both",
        /// Nothing yet.
        Unanswered = "unanswered",
    }
}

words! {
    /// What a control does to an item.
    LinkKind {
        /// The measured answer stands.
        Settles = "settles",
        /// The facts can lower the declared answer.
        Caps = "caps",
        /// Evidence only.
        Informs = "informs",
    }
}

words! {
    /// How one host stands to one control.
    VerdictWord {
        /// Meets it.
        Pass = "pass",
        /// Meets it in part.
        Partial = "partial",
        /// Does not meet it.
        Fail = "fail",
        /// Cannot be said.
        Unknown = "unknown",
        /// The control does not apply to the host.
        NotApplicable = "not_applicable",
    }
}

words! {
    /// How fresh the facts behind a verdict are.
    Freshness {
        /// Current.
        Fresh = "fresh",
        /// Observed too long ago, though the host reports.
        Stale = "stale",
        /// The host has not reported for longer than its class allows.
        Silent = "silent",
        /// Nothing was ever observed.
        Never = "never",
    }
}

words! {
    /// How a host stands to the collector.
    HostStatus {
        /// Connected now.
        Connected = "connected",
        /// Not connected, not yet silent.
        Disconnected = "disconnected",
        /// Has not reported for longer than its class allows.
        Silent = "silent",
        /// Expected, and never enrolled.
        NotEnrolled = "not_enrolled",
        /// Known, and no agent is bound to it now.
        NoAgent = "no_agent",
    }
}

words! {
    /// What kind of machine a host is.
    HostClass {
        /// A personal computer.
        Pc = "pc",
        /// A server.
        Server = "server",
    }
}

words! {
    /// How a certificate identity stands.
    AgentState {
        /// Waits for a person's approval.
        Pending = "pending",
        /// May report.
        Active = "active",
        /// Suspected clone: a person decides.
        OnHold = "on_hold",
        /// Its connection was revoked.
        Revoked = "revoked",
        /// Its certificate has run out.
        Expired = "expired",
        /// Ended in good order: replaced, or its host was retired.
        Retired = "retired",
    }
}

words! {
    /// How large a risk is by its method.
    RiskBand {
        /// 大
        High = "high",
        /// 中
        Medium = "medium",
        /// 小
        Low = "low",
    }
}

words! {
    /// How a part of the collector stands.
    HealthState {
        /// As it should be.
        Ok = "ok",
        /// Works, with something to look at.
        Degraded = "degraded",
        /// Takes nothing now.
        Failed = "failed",
    }
}
