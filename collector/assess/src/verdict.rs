//! One control on one host: what the facts say, why, and until when.
//!
//! *Unknown* is never fine: a fact that could not be read, a silent host and old facts all end there, and
//! the last outcome that was known stays beside it, because a failing host that falls silent still fails.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::Text;

/// What a control says about a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 適合.
    Pass,
    /// 一部適合.
    Partial,
    /// 要対応.
    Fail,
    /// 確認できず.
    Unknown,
    /// 対象外.
    NotApplicable,
}

impl Outcome {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Partial, Self::Fail, Self::Unknown, Self::NotApplicable];

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Partial => "partial",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not_applicable",
        }
    }

    /// For a person.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::Pass => Text::new("適合", "pass"),
            Self::Partial => Text::new("一部適合", "partial"),
            Self::Fail => Text::new("要対応", "action needed"),
            Self::Unknown => Text::new("確認できず", "unknown"),
            Self::NotApplicable => Text::new("対象外", "not applicable"),
        }
    }
}

/// Why the outcome is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable code, such as `definitions_old`, `unreadable`, `silent`.
    pub code: String,
    /// For a person, with the values in it.
    pub text: Text,
}

/// A fact as it went into a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactUsed {
    /// `group.field`.
    pub path: String,
    /// `known`, `absent`, `unreadable`, `withheld` or `not_reported`.
    pub state: String,
    /// For a person; a value of the host, so hostile until it is escaped.
    pub value: String,
    /// How it was observed.
    pub source: String,
    /// When; none for what was never reported.
    pub observed_at: Option<Timestamp>,
}

/// A verdict as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The control's id.
    pub control: String,
    /// The control's title.
    pub title: Text,
    /// What it says.
    pub outcome: Outcome,
    /// 情報が古い: the facts it reads were not observed again for too long.
    pub stale: bool,
    /// 応答なし: the host has not been heard of for too long, or its connection was revoked.
    pub silent: bool,
    /// 例外承認中 until then.
    pub waived_until: Option<Timestamp>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// On which facts.
    pub facts: Vec<FactUsed>,
    /// Since when the outcome is this.
    pub since: Timestamp,
    /// The moment at which it turns by itself.
    pub valid_until: Option<Timestamp>,
    /// What it turns into then.
    pub becomes: Option<Outcome>,
    /// The last outcome that was not *unknown*, when this one is.
    pub last_known: Option<Outcome>,
    /// What to do; empty while there is nothing to do.
    pub remedy: Option<Text>,
}
