//! What the verdicts mean for an asset: importance × likelihood, by a versioned method.

use serde::{Deserialize, Serialize};

use crate::likelihood::Level;

/// How grave a risk value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// 小: as it is.
    Small,
    /// 中: take measures.
    Medium,
    /// 大: take measures first.
    Large,
}

impl Band {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// The state of one pair of a host and a control of the method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The host as the ledger names it.
    pub host: String,
    /// The control.
    pub control: String,
    /// What it says; *unknown* for a host that is not known.
    pub outcome: crate::verdict::Outcome,
}

/// One computed row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Number of the ledger's row, from 1.
    pub row: usize,
    /// The asset's name.
    pub asset: String,
    /// Its medium.
    pub medium: String,
    /// max(C, I, A).
    pub importance: u8,
    /// ⑪.
    pub threat: Level,
    /// The worse of measured and declared; none when neither is there.
    pub vulnerability: Option<Level>,
    /// From the verdicts of its hosts.
    pub vulnerability_measured: Option<Level>,
    /// ⑫ of the ledger.
    pub vulnerability_declared: Option<Level>,
    /// By the method's table.
    pub likelihood: Option<Level>,
    /// importance × likelihood.
    pub risk: Option<u8>,
    /// Its band.
    pub band: Option<Band>,
    /// How many of the row's hosts are known.
    pub hosts_known: usize,
    /// How many the row names.
    pub hosts_named: usize,
}
