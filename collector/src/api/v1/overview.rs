//! The overview and the collector's health in API version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgentRef, Basis, HealthState, HostRef, LostReports, RiskTally, Score, Text, VerdictWord};

/// What a person sees first: `GET /api/v1/overview`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// When this was so.
    pub as_of: Timestamp,
    /// SHA-256 over the packs that judged.
    pub pack_hash: String,
    /// How much of what should be seen is seen.
    pub coverage: Coverage,
    /// Each checklist in short.
    pub checklists: Vec<ChecklistSummary>,
    /// Ledger rows by band; null before a ledger is imported.
    pub risks: Option<RiskTally>,
    /// What to do first: the controls with the most failing hosts.
    pub worst: Vec<Worst>,
    /// What turns at which time if nothing new is observed, the earliest first.
    pub turning: Vec<Turning>,
    /// What waits for a person.
    pub attention: Attention,
    /// The collector itself.
    pub health: Health,
}

/// n observed of m known of k expected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Hosts with fresh facts.
    pub observed: u64,
    /// Hosts that the collector knows, retired ones left out.
    pub known: u64,
    /// Hosts that should exist: the expected and the known together; null when nothing is expected.
    pub expected: Option<u64>,
    /// Expected hosts that never enrolled.
    pub not_enrolled: u64,
    /// Known hosts that are silent.
    pub silent: u64,
    /// Known hosts whose facts are stale.
    pub stale: u64,
    /// Hosts that a person took out of the count.
    pub retired: u64,
}

/// A checklist in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistSummary {
    /// Id.
    pub checklist: String,
    /// Edition.
    pub edition: String,
    /// Title.
    pub title: Text,
    /// Items that have an answer.
    pub answered: u64,
    /// Items of the checklist.
    pub items_total: u64,
    /// Items by answer and basis.
    pub answers: AnswerTally,
    /// Points; null for a checklist without points.
    pub score: Option<Score>,
    /// What the total means; null without a total.
    pub band: Option<Text>,
    /// Items where declared and measured disagree.
    pub contradictions: u64,
}

/// Items by answer, and by what the answers rest on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerTally {
    /// Done.
    pub implemented: u64,
    /// Done in part.
    pub partly: u64,
    /// Not done.
    pub not_implemented: u64,
    /// Unknown.
    pub unknown: u64,
    /// Does not apply.
    pub not_applicable: u64,
    /// Nobody answered.
    pub unanswered: u64,
    /// Items whose answer is measured, or measured and declared.
    pub measured: u64,
    /// Items whose answer is declared only.
    pub declared: u64,
}

/// A control that fails, with its hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worst {
    /// The control.
    pub control: String,
    /// Its title.
    pub title: Text,
    /// The worst verdict among the hosts.
    pub verdict: VerdictWord,
    /// Hosts with that verdict.
    pub hosts_total: u64,
    /// Some of them, at most `HOSTS_SHOWN_MAX`.
    pub hosts: Vec<HostRef>,
    /// The reason on the first of them.
    pub reason: Option<Text>,
    /// What a person can do.
    pub remedy: Text,
}

/// What changes by the passing of time alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turning {
    /// When.
    pub at: Timestamp,
    /// A verdict of a host, or a declared answer that ends.
    #[serde(flatten)]
    pub what: TurningWhat,
}

/// The thing that turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TurningWhat {
    /// A verdict.
    Verdict {
        /// On which host.
        host: HostRef,
        /// Of which control.
        control: String,
        /// Its title.
        title: Text,
        /// What it is now.
        from: VerdictWord,
        /// What it becomes.
        becomes: VerdictWord,
    },
    /// A declaration that ends.
    Declaration {
        /// In which checklist.
        checklist: String,
        /// For which item.
        item: String,
        /// Its title.
        title: Text,
        /// What the answer rests on now.
        basis: Basis,
    },
}

/// What waits for a person; each list is bounded by `HOSTS_SHOWN_MAX`, the counts are whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// Hosts that fell silent.
    pub silent: Named<HostRef>,
    /// Agents that wait for approval.
    pub pending: Named<AgentRef>,
    /// Agents held as suspected clones.
    pub on_hold: Named<AgentRef>,
    /// Hosts that share a name or a serial number.
    pub duplicates: Named<Duplicate>,
    /// Hosts whose clock is off.
    pub skewed: Named<HostRef>,
    /// Expected hosts that never enrolled.
    pub not_enrolled: Named<HostRef>,
}

/// How many, and the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named<T> {
    /// How many there are.
    pub total: u64,
    /// The first of them.
    pub first: Vec<T>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { total: 0, first: Vec::new() }
    }
}

/// Several hosts that look like one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// What they share: `host_name` or `serial_number`.
    pub by: String,
    /// The shared value.
    pub value: String,
    /// The hosts.
    pub hosts: Vec<HostRef>,
}

/// The collector itself: `GET /api/v1/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The worst of its parts.
    pub state: HealthState,
    /// Version of the program.
    pub version: String,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// Its parts that have something to say.
    pub parts: Vec<HealthPart>,
    /// Streams of agents that are open.
    pub connected_agents: u64,
    /// Reports taken since the start.
    pub reports_accepted: u64,
    /// Reports of all agents that did not arrive, over all starts, those of ended agents and retired hosts included.
    #[serde(default)]
    pub lost_reports: LostReports,
    /// What was refused since the start, by place and reason.
    pub refused: Vec<Refused>,
}

/// How one part stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthPart {
    /// Which part: `store`, `listener`, `crl`, ….
    pub part: String,
    /// How it stands.
    pub state: HealthState,
    /// What is the matter and what helps; empty when nothing is.
    pub detail: String,
}

/// Something refused since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Where: `accept`, `enrol`, `ingest`, ….
    pub place: String,
    /// Why, as a code.
    pub reason: String,
    /// How often.
    pub count: u64,
}
