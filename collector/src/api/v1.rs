//! The frozen JSON types of API version 1.
//!
//! Snapshot tests hold every key. Keys are snake_case, moments RFC 3339 in UTC, words are those of the
//! glossary in English. A text for people comes in both languages ([`Text`]); a text that a host, a file or a
//! person supplied is hostile and is escaped where it is shown. A new key may be added; none is renamed,
//! removed or given another meaning in version 1.
//!
//! Lists of hosts inside other things are bounded by [`HOSTS_SHOWN_MAX`] with the number left out beside them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tenken_proto::ident::{AgentId, HostId};

mod act;
mod fleet;
mod overview;
mod words;

pub use act::*;
pub use fleet::*;
pub use overview::*;
pub use words::*;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

/// Most hosts named inside an item, a control or the overview; how many more there are stands beside.
pub const HOSTS_SHOWN_MAX: usize = 20;

/// A text for people, in both languages of the product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
}

/// Points of a checklist. `total` = `measured` + `declared` + `unknown_points`, null while anything is unanswered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Points of items whose answer is measured, or measured and declared.
    pub measured: i64,
    /// Points of items whose answer is declared only.
    pub declared: i64,
    /// Points of items answered *unknown*: zero or less.
    pub unknown_points: i64,
    /// The sum; null while an item is unanswered.
    pub total: Option<i64>,
    /// What all items together can reach; items that do not apply lower it.
    pub max: i64,
}

/// The answers to one checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Id of the checklist.
    pub checklist: String,
    /// Its edition.
    pub edition: String,
    /// SHA-256 over the packs that judged, in hexadecimal.
    pub pack_hash: String,
    /// Items that have an answer.
    pub answered: u64,
    /// Items of the checklist.
    pub items_total: u64,
    /// Points; null for a checklist without points.
    pub score: Option<Score>,
    /// The items in the checklist's order.
    pub items: Vec<Answer>,
}

/// The answer to one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The item's id within its checklist.
    pub id: String,
    /// The answer.
    pub answer: AnswerWord,
    /// What it rests on.
    pub basis: Basis,
    /// Its points; null while unanswered, where it does not apply, and where the checklist has no points.
    pub points: Option<i64>,
    /// Hosts that meet it; null where only declared or unanswered.
    pub hosts_met: Option<u64>,
    /// Hosts with fresh facts; null where only declared or unanswered.
    pub hosts_observed: Option<u64>,
    /// Hosts that the collector knows; null where only declared or unanswered.
    pub hosts_known: Option<u64>,
    /// Hosts that should exist: expected or known; null where only declared or unanswered.
    pub hosts_expected: Option<u64>,
    /// Hosts that a person took out of the count; in none of the figures; null where those are null.
    #[serde(default)]
    pub hosts_retired: Option<u64>,
    /// Until when the answer stands if its hosts keep reporting the same and nothing is declared. A host that falls
    /// silent, or a group that is not looked at any more, turns it earlier.
    pub valid_until: Option<Timestamp>,
    /// Where what was declared and what was measured disagree.
    pub contradiction: Option<Contradiction>,
    /// What the answer rests on.
    pub evidence: Vec<Evidence>,
}

/// Declared and measured disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// What a person said.
    pub declared: AnswerWord,
    /// What the facts say, or the most that they allow.
    pub measured: AnswerWord,
    /// In words.
    pub text: Text,
}

/// One thing that an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Evidence {
    /// A control over the hosts.
    Control(ControlEvidence),
    /// What a person said.
    Declaration(Declaration),
}

/// How a control stands over the hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlEvidence {
    /// The control.
    pub control: String,
    /// Its title.
    pub title: Text,
    /// What it does to the item.
    pub link: LinkKind,
    /// Hosts by verdict.
    pub tally: Tally,
    /// The worst hosts first, at most [`HOSTS_SHOWN_MAX`].
    pub hosts: Vec<HostVerdict>,
    /// Hosts left out of the list.
    pub hosts_omitted: u64,
}

/// Hosts by verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Pass.
    pub pass: u64,
    /// Partial.
    pub partial: u64,
    /// Fail.
    pub fail: u64,
    /// Unknown, silent and stale hosts and those that never reported included.
    pub unknown: u64,
    /// The control does not apply.
    pub not_applicable: u64,
}

/// The verdict of a control on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostVerdict {
    /// The host; null for one that is expected and never enrolled.
    pub host: Option<HostId>,
    /// Its name.
    pub name: String,
    /// The verdict and why.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// A verdict and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The control.
    pub control: String,
    /// Its title.
    pub title: Text,
    /// The verdict.
    pub verdict: VerdictWord,
    /// How fresh the facts are on which it rests.
    pub freshness: Freshness,
    /// Why, from the facts.
    pub reasons: Vec<Text>,
    /// What a person can do; null where nothing is to be done.
    pub remedy: Option<Text>,
    /// When the facts were observed; null where they never were.
    pub observed_at: Option<Timestamp>,
    /// Until when it stands if the host keeps reporting the same; silence turns it earlier.
    pub valid_until: Option<Timestamp>,
    /// What it becomes then.
    pub becomes: Option<VerdictWord>,
}

/// What a person declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// The answer given.
    pub answer: AnswerWord,
    /// Who says so.
    pub by: String,
    /// Which signed-in or system account entered it.
    pub principal: String,
    /// When it was entered.
    pub declared_at: Timestamp,
    /// Until when it stands; null: without end.
    pub until: Option<Timestamp>,
    /// What it rests on.
    pub evidence: Option<String>,
    /// Its end has passed, so it counts no more.
    pub ended: bool,
}

/// A checklist as its pack describes it: `GET /api/v1/checklists`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checklist {
    /// Id.
    pub id: String,
    /// Edition.
    pub edition: String,
    /// Title.
    pub title: Text,
    /// Who publishes it, and where its numbers were read.
    pub publisher: Text,
    /// Points per answer; empty for a checklist without points.
    pub weights: BTreeMap<String, i64>,
    /// What a total means, highest first; empty for a checklist without points.
    pub bands: Vec<Band>,
    /// Items in order.
    pub items: Vec<Item>,
}

/// What a total means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// Totals from here upwards; null: everything below the others.
    pub from: Option<i64>,
    /// In words.
    pub title: Text,
}

/// An item as its pack describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Id within the checklist.
    pub id: String,
    /// Title of the part it belongs to; null where the checklist has no parts.
    pub part: Option<Text>,
    /// Title, our paraphrase.
    pub title: Text,
    /// The controls that bear on it.
    pub links: Vec<Link>,
}

/// A control that bears on an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The control.
    pub control: String,
    /// What it does to the item.
    pub link: LinkKind,
    /// The best answer that it allows, for a control that caps.
    pub at_most: Option<AnswerWord>,
}

/// Why an item or a control stands as it does: `GET /api/v1/explain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Explanation {
    /// Of an item.
    Item(Box<ItemExplanation>),
    /// Of a control.
    Control(Box<ControlExplanation>),
}

/// Why an item has its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemExplanation {
    /// The checklist.
    pub checklist: String,
    /// Its edition.
    pub edition: String,
    /// SHA-256 over the packs that judged.
    pub pack_hash: String,
    /// The item as its pack describes it.
    pub item: Item,
    /// The answer with its evidence.
    pub answer: Answer,
    /// The controls that bear on it, host by host.
    pub controls: Vec<ControlExplanation>,
}

/// How a control judges, and how each host stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ControlExplanation {
    /// Id of the control.
    pub control: String,
    /// SHA-256 over the packs that judged.
    pub pack_hash: String,
    /// Title.
    pub title: Text,
    /// When it applies to a host, as its pack writes it; empty: always.
    pub applies: String,
    /// What passes, as its pack writes it.
    pub condition: String,
    /// Facts that it reads.
    pub reads: Vec<String>,
    /// Thresholds with where they come from.
    pub parameters: Vec<Parameter>,
    /// What a person can do when it fails.
    pub remedy: Text,
    /// Items that it bears on.
    pub used_by: Vec<ItemRef>,
    /// Hosts by verdict.
    pub tally: Tally,
    /// Host by host, worst first, with the facts that were read.
    pub hosts: Vec<HostExplanation>,
    /// Hosts left out of the list.
    pub hosts_omitted: u64,
    /// Expected machines that never enrolled; they count as unknown.
    pub hosts_not_enrolled: u64,
    /// Hosts that a person took out of the count; in none of the figures.
    #[serde(default)]
    pub hosts_retired: u64,
}

/// A threshold and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: i64,
    /// Of what: `days`, `hours`, `count`.
    pub unit: String,
    /// It is our own default and no publisher's number.
    pub ours: bool,
    /// Who says so, or why we chose it.
    pub source: Text,
}

/// Names an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRef {
    /// The checklist.
    pub checklist: String,
    /// The item.
    pub item: String,
    /// What the control does to it.
    pub link: LinkKind,
}

/// How one host stands to a control, and on which facts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostExplanation {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: HostVerdict,
    /// The facts that the control reads, by name, each as in `once --format json`; null where never reported.
    pub facts: BTreeMap<String, Json>,
}

/// Names a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRef {
    /// The host; null for one that is expected and never enrolled.
    pub host: Option<HostId>,
    /// Its name.
    pub name: String,
}

/// Names an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRef {
    /// The agent.
    pub agent: AgentId,
    /// Name of the host that it says it is on.
    pub name: String,
}
