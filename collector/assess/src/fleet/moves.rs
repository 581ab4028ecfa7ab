//! What turned: the answer of [`super::Fleet::apply`] and [`super::Fleet::advance`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::fact::GroupName;
use tenken_proto::ident::{Digest, HostId};

use crate::answer::{Basis, Word};
use crate::risk::Band;
use crate::verdict::Outcome;

/// Everything that one step turned, in a fixed order: verdicts, answers, risks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moves {
    /// The engine's time.
    pub at: Timestamp,
    /// Hash of the packs that judged.
    pub pack: Digest,
    /// Verdicts that turned.
    pub verdicts: Vec<VerdictMove>,
    /// Answers that turned.
    pub answers: Vec<AnswerMove>,
    /// Risks that turned.
    pub risks: Vec<RiskMove>,
}

impl Moves {
    /// Nothing turned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.verdicts.is_empty() && self.answers.is_empty() && self.risks.is_empty()
    }
}

/// What made something turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A host became known.
    Enrolled(HostId),
    /// Facts changed.
    Facts {
        /// Of that host.
        host: HostId,
        /// In these groups.
        groups: Vec<GroupName>,
    },
    /// A host fell silent, came back, or a group grew stale or fresh.
    Presence(HostId),
    /// A host was revoked.
    Revoked(HostId),
    /// A host was retired.
    Retired(HostId),
    /// Time alone.
    Time,
    /// The list of expected machines.
    Expected,
    /// A declaration.
    Declaration,
    /// The ledger.
    Ledger,
    /// The limits of judgement.
    Settings,
    /// The packs.
    Packs,
}

/// A verdict's outcome with what qualifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The outcome.
    pub outcome: Outcome,
    /// 情報が古い.
    pub stale: bool,
    /// 応答なし.
    pub silent: bool,
}

/// A verdict that turned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictMove {
    /// The host.
    pub host: HostId,
    /// The control's id.
    pub control: String,
    /// Before; none for a new host or control.
    pub from: Option<Standing>,
    /// Now; none when the host or control is gone.
    pub to: Option<Standing>,
    /// What made it turn.
    pub why: Why,
    /// When it turned: the deadline itself where time alone turned it.
    pub at: Timestamp,
}

/// An answer that turned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerMove {
    /// The checklist's id.
    pub checklist: String,
    /// The item's id.
    pub item: String,
    /// Before; none for a new item.
    pub from: Option<(Word, Basis)>,
    /// Now; none when the item is gone.
    pub to: Option<(Word, Basis)>,
    /// What made it turn.
    pub why: Why,
    /// When.
    pub at: Timestamp,
}

/// The risk of an asset that turned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskMove {
    /// Number of the ledger's row, from 1.
    pub row: usize,
    /// The asset's name.
    pub asset: String,
    /// Value and band before; none where there was no row or no value.
    pub from: Option<(u8, Band)>,
    /// Value and band now.
    pub to: Option<(u8, Band)>,
    /// What made it turn.
    pub why: Why,
    /// When.
    pub at: Timestamp,
}
