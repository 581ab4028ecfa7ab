//! What is read from a fleet: values that a program can print and a test can compare.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::fact::GroupName;
use tenken_proto::ident::{Digest, HostId};

use super::change::{Expected, GroupFacts, HostClass, PackFile, Settings};
use crate::answer::{Answer, Answers, Effect};
use crate::declare::Declaration;
use crate::ledger::{Asset, Origin};
use crate::pack::Parameter;
use crate::risk;
use crate::text::Text;
use crate::verdict::{Outcome, Verdict};

/// One line about a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostSummary {
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub site: Option<String>,
    /// PC or server.
    pub class: HostClass,
    /// It is on the list of expected machines.
    pub expected: bool,
    /// Not heard of for too long.
    pub silent: bool,
    /// Its connection was revoked.
    pub revoked: bool,
    /// Groups that were not observed again for too long.
    pub stale: Vec<GroupName>,
    /// The newest observation.
    pub observed_at: Option<Timestamp>,
    /// Controls by outcome: pass, partial, fail, unknown, not applicable.
    pub outcomes: [u32; 5],
    /// Its maker's serial number, when it is known.
    pub serial: Option<String>,
    /// One per control, in the order of the controls; without texts, so that a list of all hosts is cheap.
    pub verdicts: Vec<VerdictHead>,
}

/// A verdict without its texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerdictHead {
    /// The control's id.
    pub control: String,
    /// What it says.
    pub outcome: Outcome,
    /// The facts it reads were not observed again for too long.
    pub stale: bool,
    /// The moment at which it turns by itself.
    pub valid_until: Option<Timestamp>,
    /// What it turns into then.
    pub becomes: Option<Outcome>,
}

/// A host with its facts and verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostDetail {
    /// The line about it.
    pub summary: HostSummary,
    /// Its facts, derived fields included, in the order in which groups are shown.
    pub groups: Vec<GroupFacts>,
    /// One verdict per control.
    pub verdicts: Vec<Verdict>,
}

/// The list of expected machines against the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpectedView {
    /// The list.
    pub machines: Vec<Expected>,
    /// Those that no host matches.
    pub missing: Vec<Expected>,
    /// Case-folded names that stand there more than once.
    pub duplicates: Vec<String>,
}

/// A host that a person took out of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetiredHost {
    /// The host.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When: the engine's time.
    pub at: Timestamp,
}

/// Everything that a person can see, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// All hosts with their verdicts.
    pub hosts: Vec<HostDetail>,
    /// All checklists with their answers.
    pub answers: Vec<Answers>,
    /// The risk of each row.
    pub risks: Vec<risk::Row>,
    /// When something turns next by time alone.
    pub next_deadline: Option<Timestamp>,
}

/// The chain from an answer down to the facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The item's answer; none when a control was asked for.
    pub answer: Option<Answer>,
    /// Its checklist.
    pub checklist: Option<String>,
    /// The controls behind it, or the one that was asked for.
    pub controls: Vec<ControlExplanation>,
    /// Hash of the packs that judged.
    pub pack_hash: Digest,
}

/// One control of an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ControlExplanation {
    /// Its id.
    pub control: String,
    /// Its title.
    pub title: Text,
    /// What it does to the item; none when the control itself was asked for.
    pub effect: Option<Effect>,
    /// The condition under which it applies, as it is written.
    pub applies: String,
    /// The condition of *pass*, as it is written.
    pub condition: String,
    /// Its thresholds with their sources.
    pub parameters: Vec<Parameter>,
    /// Hosts by outcome: pass, partial, fail, unknown, not applicable.
    pub hosts: [u32; 5],
    /// Hosts of the scope that are expected and not known.
    pub hosts_missing: u32,
    /// The verdicts: of the host that was asked for, or of the first hosts, those that are not met first.
    pub verdicts: Vec<HostVerdict>,
    /// Verdicts left out of the list.
    pub verdicts_omitted: u32,
    /// What to do when it is not met.
    pub remedy: Text,
    /// Requirement ids that it follows.
    pub follows: Vec<String>,
}

/// A verdict and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostVerdict {
    /// The host.
    pub host: HostId,
    /// Its name.
    pub host_name: String,
    /// The verdict.
    pub verdict: Verdict,
}

/// Nothing to explain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// No item and no control has that id.
    #[error("`{0}` is neither an item of the checklist nor a control; `pack list` names them")]
    NoSubject(String),
    /// No such checklist.
    #[error("there is no checklist `{0}`; `pack list` names them")]
    NoChecklist(String),
    /// No such host.
    #[error("there is no host `{0}`")]
    NoHost(HostId),
}

/// All that a fleet needs to go on from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The engine's time.
    pub now: Timestamp,
    /// The packs.
    pub packs: Vec<PackFile>,
    /// The limits of judgement.
    pub settings: Settings,
    /// The hosts.
    pub hosts: Vec<HostMemory>,
    /// The machines that should exist.
    pub expected: Vec<Expected>,
    /// What people said.
    pub declarations: Vec<Declaration>,
    /// The ledger.
    pub ledger: Vec<Asset>,
    /// Where it came from.
    #[serde(default)]
    pub ledger_origin: Option<Origin>,
    /// Hosts that were taken out.
    #[serde(default)]
    pub retired: Vec<RetiredHost>,
}

/// All that is remembered of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostMemory {
    /// The host.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub site: Option<String>,
    /// Its facts as they came.
    pub groups: Vec<GroupFacts>,
    /// Not heard of for too long.
    pub silent: bool,
    /// Its connection was revoked.
    pub revoked: bool,
    /// Groups that were not observed again for too long.
    pub stale: Vec<GroupName>,
    /// Since when security updates are pending, by package.
    pub first_seen: Vec<(String, Timestamp)>,
    /// Per control: since when its outcome is what it is, and the last one that was not *unknown*.
    pub standings: Vec<StandingMemory>,
}

/// What is remembered of one verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingMemory {
    /// The control's id.
    pub control: String,
    /// Its outcome.
    pub outcome: Outcome,
    /// Since when.
    pub since: Timestamp,
    /// The last outcome that was not *unknown*.
    pub last_known: Option<Outcome>,
}
