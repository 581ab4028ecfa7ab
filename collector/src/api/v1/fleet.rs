//! Hosts, agents, ledger, risks and packs in API version 1.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tenken_proto::ident::{AgentId, HostId};

use super::{AgentState, Freshness, HostClass, HostRef, HostStatus, RiskBand, Text, Verdict, VerdictWord};

/// The hosts: `GET /api/v1/hosts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hosts {
    /// When this was so.
    pub as_of: Timestamp,
    /// The controls, in the order of the columns.
    pub controls: Vec<ControlHead>,
    /// The hosts: what needs attention first, then by name.
    pub hosts: Vec<HostRow>,
    /// Hosts that a person took out of the count.
    pub retired: Vec<RetiredHost>,
}

/// A host that a person took out of the count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredHost {
    /// The host.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A control in a heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlHead {
    /// Id.
    pub id: String,
    /// Title.
    pub title: Text,
}

/// One host in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRow {
    /// The host; null for one that is expected and never enrolled.
    pub id: Option<HostId>,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: HostStatus,
    /// What it is.
    pub class: HostClass,
    /// Where it is.
    pub site: Option<String>,
    /// It is on the list of machines that should exist.
    pub expected: bool,
    /// When it was last heard.
    pub last_seen: Option<Timestamp>,
    /// How fresh its facts are, taken together.
    pub freshness: Freshness,
    /// Verdict by control; a control that never judged it is missing.
    pub verdicts: BTreeMap<String, VerdictCell>,
}

/// A verdict in a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictCell {
    /// The verdict.
    pub verdict: VerdictWord,
    /// How fresh the facts are.
    pub freshness: Freshness,
    /// Until when it stands.
    pub valid_until: Option<Timestamp>,
}

/// One host with everything known of it: `GET /api/v1/hosts/ID`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// When this was so.
    pub as_of: Timestamp,
    /// The host.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: HostStatus,
    /// What it is.
    pub class: HostClass,
    /// Where it is.
    pub site: Option<String>,
    /// It is on the list of machines that should exist.
    pub expected: bool,
    /// When it was last heard.
    pub last_seen: Option<Timestamp>,
    /// Clock of the host minus clock of the collector, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// The offset is above the limit at which observation times are marked.
    pub clock_skewed: bool,
    /// Its reports that did not arrive.
    #[serde(default)]
    pub lost_reports: LostReports,
    /// Its certificate identities, the newest first.
    pub agents: Vec<Agent>,
    /// What each control says.
    pub verdicts: Vec<Verdict>,
    /// Every fact by group and field, each as in `once --format json`.
    pub facts: BTreeMap<String, Json>,
    /// When and how each group came.
    pub groups: BTreeMap<String, GroupInfo>,
}

/// Reports that did not arrive. What an agent dropped mostly leaves a gap in its numbers too: the two overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostReports {
    /// Reports that agents dropped before they were delivered, as they say.
    pub dropped: u64,
    /// Time of the first observation in what was dropped; null where nothing was, or no time is known.
    pub dropped_first: Option<Timestamp>,
    /// Time of the last observation in what was dropped; null where nothing was, or no time is known.
    pub dropped_last: Option<Timestamp>,
    /// Reports whose numbers were skipped and that have not come since.
    pub missing: u64,
    /// When the first of them was missed; null where nothing is missing, or that was not noted.
    pub missing_since: Option<Timestamp>,
}

/// When and how a fact group came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupInfo {
    /// Version of the group's schema.
    pub schema_version: u32,
    /// When it was observed, by the host's clock.
    pub observed_at: Timestamp,
    /// When the agent last looked again, changed or not; null where that was not heard since the start.
    pub looked_at: Option<Timestamp>,
    /// How fresh it is.
    pub freshness: Freshness,
}

/// Certificate identities: `GET /api/v1/agents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agents {
    /// When this was so.
    pub as_of: Timestamp,
    /// Those that wait for a person first.
    pub agents: Vec<Agent>,
}

/// A certificate identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The agent.
    pub id: AgentId,
    /// How it stands.
    pub state: AgentState,
    /// The host that it is bound to.
    pub host: Option<HostId>,
    /// Name of the machine that it says it is on.
    pub name: String,
    /// Site that its token named.
    pub site: Option<String>,
    /// Address from which it enrolled.
    pub enrolled_from: Option<String>,
    /// When it enrolled.
    pub enrolled_at: Option<Timestamp>,
    /// Until when its certificate is good.
    pub certificate_until: Option<Timestamp>,
    /// When it was last heard.
    pub last_seen: Option<Timestamp>,
    /// A stream of it is open.
    pub connected: bool,
    /// Version of its program.
    pub version: Option<String>,
    /// Why it is on hold or revoked.
    pub reason: Option<String>,
    /// A known host that it may be.
    pub suggested_host: Option<HostRef>,
}

/// The ledger: `GET /api/v1/ledger`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Its name; null before the first import.
    pub name: Option<String>,
    /// Who imported it.
    pub imported_by: Option<String>,
    /// When.
    pub imported_at: Option<Timestamp>,
    /// Its rows in the order of the file.
    pub rows: Vec<LedgerRow>,
}

/// One asset on one medium.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// Number of the row, from 1.
    pub row: u64,
    /// 業務分類
    pub business: String,
    /// 情報資産名称
    pub asset: String,
    /// 備考
    pub note: String,
    /// 利用者範囲
    pub users: String,
    /// 管理部署
    pub department: String,
    /// 媒体・保存先
    pub medium: String,
    /// 個人情報の種類
    pub personal_data: Vec<PersonalData>,
    /// 機密性
    pub confidentiality: u8,
    /// 完全性
    pub integrity: u8,
    /// 可用性
    pub availability: u8,
    /// 保存期限
    pub retention: String,
    /// 登録日
    pub registered_on: String,
    /// 脅威の発生頻度 (⑪)
    pub threat: u8,
    /// 脆弱性 (⑫), as declared in the file.
    pub declared_vulnerability: Option<u8>,
    /// 機器: names or ids of hosts as the file has them.
    pub hosts: Vec<String>,
}

/// A kind of personal data (個人情報の種類).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonalData {
    /// 個人情報
    Personal,
    /// 要配慮個人情報
    Sensitive,
    /// マイナンバー
    MyNumber,
}

/// The risks: `GET /api/v1/risk`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risks {
    /// Name of the ledger; null before the first import.
    pub ledger: Option<String>,
    /// The method with its version.
    pub method: String,
    /// SHA-256 over the packs that judged.
    pub pack_hash: String,
    /// Rows by band.
    pub bands: RiskTally,
    /// Hosts that a person took out of the count: no row measures them.
    #[serde(default)]
    pub hosts_retired: u64,
    /// One row for each row of the ledger, in its order.
    pub rows: Vec<RiskRow>,
}

/// Ledger rows by band.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskTally {
    /// 大
    pub high: u64,
    /// 中
    pub medium: u64,
    /// 小
    pub low: u64,
    /// Without a value.
    pub unrated: u64,
}

/// The risk of one ledger row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskRow {
    /// Number of the ledger's row, from 1.
    pub row: u64,
    /// 情報資産名称
    pub asset: String,
    /// 媒体・保存先
    pub medium: String,
    /// 重要度
    pub importance: u8,
    /// 脅威の発生頻度
    pub threat: u8,
    /// 脆弱性: the worse of measured and declared; null where there is neither.
    pub vulnerability: Option<u8>,
    /// What the hosts show.
    pub vulnerability_measured: Option<u8>,
    /// What the ledger says.
    pub vulnerability_declared: Option<u8>,
    /// 被害発生可能性
    pub likelihood: Option<u8>,
    /// リスク値
    pub risk: Option<u8>,
    /// Its band.
    pub band: Option<RiskBand>,
    /// Hosts that hold it, as matched.
    pub hosts: Vec<HostRef>,
    /// Names in the column 機器 that no host has; they count as unknown.
    pub hosts_unmatched: Vec<String>,
    /// Why the vulnerability is what it is.
    pub reasons: Vec<Text>,
}

/// The packs in use: `GET /api/v1/packs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packs {
    /// SHA-256 over all of them.
    pub pack_hash: String,
    /// The packs.
    pub packs: Vec<Pack>,
}

/// One pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// Id: the name of its folder.
    pub id: String,
    /// SHA-256 over the names and texts of its files.
    pub hash: String,
    /// Its controls.
    pub controls: Vec<String>,
    /// Its checklists.
    pub checklists: Vec<String>,
    /// Its methods.
    pub methods: Vec<String>,
    /// Its lifecycles.
    pub lifecycles: Vec<String>,
}

/// What the tests inside the packs said: `pack test --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackTest {
    /// SHA-256 over the packs that were tested.
    pub pack_hash: String,
    /// Cases that ran.
    pub cases: u64,
    /// Those that failed, and every mistake of the files.
    pub failures: Vec<PackFailure>,
}

/// A case of a pack that failed, or a mistake in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackFailure {
    /// Where: control and case, or file, line and column.
    pub place: String,
    /// What was expected and what came.
    pub message: String,
}
