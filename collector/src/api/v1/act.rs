//! Requests that change something, their replies, and errors in API version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::ident::AgentId;

use super::AnswerWord;

/// `POST /api/v1/declarations`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declare {
    /// The checklist.
    pub checklist: String,
    /// The item.
    pub item: String,
    /// The answer.
    pub answer: AnswerWord,
    /// Who says so.
    pub by: String,
    /// Last day on which it stands, `YYYY-MM-DD`, by the organisation's calendar; none: without end.
    #[serde(default)]
    pub until: Option<jiff::civil::Date>,
    /// What it rests on.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// Reply to [`Declare`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// The checklist.
    pub checklist: String,
    /// The item.
    pub item: String,
    /// The answer as it stands with this declaration.
    pub answer: super::Answer,
}

/// `POST /api/v1/tokens`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// How many enrolments it is good for.
    pub uses: u32,
    /// For how long, in seconds.
    pub ttl_s: u64,
    /// Networks from which it may be used; empty: any.
    #[serde(default)]
    pub networks: Vec<String>,
    /// Site that its hosts are given.
    #[serde(default)]
    pub site: Option<String>,
    /// Hosts enter at once, without a person's approval; when it is not said: for one use yes, for more no.
    #[serde(default)]
    pub auto_approve: Option<bool>,
}

/// Reply to [`CreateToken`]. The text is shown this once and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Id under which its uses are audited.
    pub id: String,
    /// What the agent is given.
    pub token: String,
    /// Address at which agents enrol, as HOST:PORT.
    pub collector: String,
    /// How many enrolments it is good for.
    pub uses: u32,
    /// Until when.
    pub expires_at: Timestamp,
    /// Networks from which it may be used; empty: any.
    pub networks: Vec<String>,
    /// Site that its hosts are given.
    pub site: Option<String>,
    /// Hosts enter at once.
    pub auto_approve: bool,
}

/// `POST /api/v1/agents/approve`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The agents.
    pub agents: Vec<AgentId>,
    /// The known host that the one agent is, by id or name; none: a host of its own.
    #[serde(default)]
    pub host: Option<String>,
}

/// `POST /api/v1/agents/revoke`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// The agents.
    pub agents: Vec<AgentId>,
    /// Why, as far as a person said.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Reply to [`Approve`] and [`Revoke`]: the agents as they stand afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentsChanged {
    /// The agents.
    pub agents: Vec<super::Agent>,
}

/// `POST /api/v1/hosts/retire`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retire {
    /// The host, by id or name. The reply is a [`RetiredHost`](super::RetiredHost).
    pub host: String,
    /// Who says so.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Reply to `POST /api/v1/ledger` and `POST /api/v1/expected`, whose bodies are CSV files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Name under which it was kept.
    pub name: String,
    /// Rows taken.
    pub rows: u64,
    /// What was taken and is worth a look: one finding each.
    pub notes: Vec<Mistake>,
}

/// A link that opens the pages once: `POST /api/v1/pages/link`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLink {
    /// The whole address.
    pub link: String,
    /// For how many seconds it can be opened.
    pub ttl_s: u64,
}

/// What every refusal carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The error.
    pub error: ErrorBody,
}

/// An error that names the place and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Stable code.
    pub code: ErrorCode,
    /// What is wrong, in the language asked for.
    pub message: String,
    /// What helps.
    pub remedy: String,
    /// Every mistake of a file or a request, at most [`MISTAKES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<Mistake>,
    /// Mistakes left out of the list.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mistakes_omitted: u64,
}

/// Most mistakes listed in one reply; how many more there are stands beside.
pub const MISTAKES_MAX: usize = 100;

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One mistake, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// Line of the file, from 1, headings included; null where the whole is meant.
    pub line: Option<u64>,
    /// Name of the column or field; empty where the line is meant.
    pub column: String,
    /// What is wrong.
    pub message: String,
    /// What helps.
    pub remedy: String,
}

/// Why a request was refused; decides the exit code of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request itself is malformed.
    BadRequest,
    /// No such item, control, host, agent or checklist.
    NotFound,
    /// A rule forbids it: identity, token, permission, state.
    Refused,
    /// The given file or value is wrong.
    BadInput,
    /// More than the named limit.
    TooLarge,
    /// The store takes nothing now.
    Unavailable,
    /// A defect of the collector.
    Internal,
}
