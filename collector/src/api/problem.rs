//! Why a request was refused, in no language yet; told in the caller's language with what helps.

use tenken_assess::declare::DeclareError;
use tenken_assess::fleet::ExplainError;
use tenken_proto::ident::HostId;

use crate::api::v1::{self, ErrorCode};
use crate::api::{NotSpoken, TEXT_CHARS_MAX};
use crate::engine::{EngineError, RegistryError};
use crate::identity::Refusal;
use crate::import::Rejected;
use crate::locale::Arg;
use crate::voice::Voice;

/// A refused request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// There is no such path, or not with this method.
    #[error("there is no `{0}` in API version 1")]
    NoRoute(String),
    /// The request does not have the form it must have.
    #[error("the request cannot be read: {0}")]
    Malformed(String),
    /// The body is larger than is read.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// There is no such checklist.
    #[error("there is no checklist `{0}`")]
    NoChecklist(String),
    /// Neither item nor control.
    #[error("there is no item or control `{0}`")]
    NoSubject(String),
    /// There is no such host.
    #[error("there is no host `{0}`")]
    NoHost(String),
    /// More than one host has the name.
    #[error("{} hosts are called `{name}`", .ids.len())]
    SeveralHosts {
        /// The name.
        name: String,
        /// The hosts.
        ids: Vec<HostId>,
    },
    /// One host was named for several agents.
    #[error("one host cannot be given to several agents")]
    OneAgentPerHost,
    /// A name or a reason is none that a person would write.
    #[error("`{field}` is not one line of at most {TEXT_CHARS_MAX} characters")]
    Text {
        /// Which field.
        field: &'static str,
        /// What it is instead.
        error: NotSpoken,
    },
    /// A declaration is not acceptable.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// The last day of a declaration lies outside of the calendar.
    #[error("`{0}` cannot be the last day of anything")]
    Day(String),
    /// A file has mistakes.
    #[error(transparent)]
    File(#[from] Rejected),
    /// An identity or a token was refused.
    #[error(transparent)]
    Identity(#[from] Refusal),
    /// Some of several identities were refused, so nothing was changed.
    #[error("nothing was changed: {} of {asked} agents were refused", .refused.len())]
    Agents {
        /// How many were named.
        asked: usize,
        /// All refusals.
        refused: Vec<Refusal>,
    },
    /// It could not be kept.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The pages are switched off.
    #[error("the pages are switched off")]
    NoPages,
    /// The system gave no random bytes.
    #[error("no random bytes for a link")]
    NoRandomness,
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Refused(refusal) => Self::Identity(refusal),
            RegistryError::Engine(error) => Self::Engine(error),
        }
    }
}

impl From<ExplainError> for Problem {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::NoSubject(subject) => Self::NoSubject(subject),
            ExplainError::NoChecklist(checklist) => Self::NoChecklist(checklist),
            ExplainError::NoHost(host) => Self::NoHost(host.to_string()),
        }
    }
}

/// Most refusals that are said in one message; more are counted.
const REFUSALS_TOLD_MAX: usize = 20;

impl Problem {
    /// Why a request for one or several identities was refused.
    #[must_use]
    pub fn of_agents(asked: usize, mut refused: Vec<Refusal>) -> Self {
        match (asked, refused.pop()) {
            (0 | 1, Some(only)) => Self::Identity(only),
            (_, last) => {
                refused.extend(last);
                Self::Agents { asked, refused }
            }
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoRoute(_) | Self::NoChecklist(_) | Self::NoSubject(_) | Self::NoHost(_) => ErrorCode::NotFound,
            Self::Malformed(_) => ErrorCode::BadRequest,
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::SeveralHosts { .. } | Self::OneAgentPerHost | Self::Text { .. } | Self::Day(_) | Self::File(_) => {
                ErrorCode::BadInput
            }
            Self::Declare(error) => match error {
                DeclareError::NoChecklist(_) | DeclareError::NoItem { .. } => ErrorCode::NotFound,
                DeclareError::NotApplicableRefused(_)
                | DeclareError::Unanswered
                | DeclareError::Nobody
                | DeclareError::EndsBeforeItBegins { .. }
                | DeclareError::EvidenceTooLong { .. } => ErrorCode::BadInput,
            },
            Self::Identity(refusal) => code_of(refusal),
            // What the rules refuse weighs more than a slip of the pen beside it.
            Self::Agents { refused, .. } => {
                refused.iter().map(code_of).max_by_key(|code| *code == ErrorCode::Refused).unwrap_or(ErrorCode::Refused)
            }
            Self::NoPages => ErrorCode::Refused,
            Self::NoRandomness => ErrorCode::Internal,
            Self::Engine(EngineError::Event(_)) => ErrorCode::Internal,
            Self::Engine(EngineError::Stopping | EngineError::StoreFull | EngineError::StoreFailed(_)) => {
                ErrorCode::Unavailable
            }
        }
    }

    /// For a person, in their language and with hints for their way to call the program.
    #[must_use]
    pub fn told(&self, voice: &Voice) -> v1::Failure {
        let locale = voice.locale();
        let (key, arguments) = self.key();
        let arguments: Vec<(&'static str, Arg<'_>)> =
            arguments.iter().map(|(name, value)| (*name, Arg::Text(value.as_str()))).collect();
        let (mistakes, mistakes_omitted) = match self {
            Self::File(rejected) => rejected.told(locale),
            Self::NoRoute(_)
            | Self::Malformed(_)
            | Self::TooLarge(_)
            | Self::NoChecklist(_)
            | Self::NoSubject(_)
            | Self::NoHost(_)
            | Self::SeveralHosts { .. }
            | Self::OneAgentPerHost
            | Self::Text { .. }
            | Self::Declare(_)
            | Self::Day(_)
            | Self::Identity(_)
            | Self::Agents { .. }
            | Self::Engine(_)
            | Self::NoPages
            | Self::NoRandomness => (Vec::new(), 0),
        };
        let remedy = format!("problem-{key}-remedy");
        v1::Failure {
            error: v1::ErrorBody {
                code: self.code(),
                message: voice.with(&format!("problem-{key}"), &arguments),
                remedy: if locale.has(&remedy) { voice.with(&remedy, &arguments) } else { String::new() },
                mistakes,
                mistakes_omitted,
            },
        }
    }

    /// The end of the text's key, and what the text mentions.
    fn key(&self) -> (&'static str, Vec<(&'static str, String)>) {
        let one = |name, value: &dyn ToString| vec![(name, value.to_string())];
        match self {
            Self::NoRoute(path) => ("no_route", one("path", path)),
            Self::Malformed(detail) => ("malformed", one("detail", detail)),
            Self::TooLarge(max) => ("too_large", one("max", max)),
            Self::NoChecklist(id) | Self::Declare(DeclareError::NoChecklist(id)) => ("no_checklist", one("id", id)),
            Self::NoSubject(id) => ("no_subject", one("id", id)),
            Self::NoHost(name) => ("no_host", one("name", name)),
            Self::SeveralHosts { name, ids } => {
                let ids: Vec<String> = ids.iter().map(HostId::to_string).collect();
                ("several_hosts", vec![("name", name.clone()), ("ids", ids.join(" "))])
            }
            Self::OneAgentPerHost => ("one_agent_per_host", Vec::new()),
            Self::Text { field, error } => {
                let key = match error {
                    NotSpoken::Empty => "text_empty",
                    NotSpoken::Long => "text_long",
                    NotSpoken::Control => "text_control",
                };
                (key, vec![("field", (*field).to_owned()), ("max", TEXT_CHARS_MAX.to_string())])
            }
            Self::Declare(DeclareError::NoItem { checklist, item }) => {
                ("no_item", vec![("checklist", checklist.clone()), ("item", item.clone())])
            }
            Self::Declare(DeclareError::NotApplicableRefused(checklist)) => {
                ("not_applicable_refused", one("checklist", checklist))
            }
            Self::Declare(DeclareError::Unanswered) => ("unanswered", Vec::new()),
            Self::Declare(DeclareError::Nobody) => ("nobody", Vec::new()),
            Self::Declare(DeclareError::EndsBeforeItBegins { until, .. }) => ("ends_before", one("until", until)),
            Self::Declare(DeclareError::EvidenceTooLong { bytes }) => ("evidence_long", one("bytes", bytes)),
            Self::Day(day) => ("day", one("day", day)),
            Self::File(rejected) => ("file", one("n", &rejected.findings.len())),
            Self::Identity(refusal) => ("identity", one("detail", refusal)),
            Self::Agents { asked, refused } => {
                let mut lines: Vec<String> = refused.iter().take(REFUSALS_TOLD_MAX).map(ToString::to_string).collect();
                let more = refused.len().saturating_sub(lines.len());
                if more > 0 {
                    lines.push(format!("… (+{more})"));
                }
                let (count, asked) = (refused.len().to_string(), asked.to_string());
                ("agents", vec![("refused", count), ("asked", asked), ("detail", lines.join("; "))])
            }
            Self::NoPages => ("no_pages", Vec::new()),
            Self::NoRandomness => ("internal", one("detail", self)),
            Self::Engine(EngineError::Stopping) => ("stopping", Vec::new()),
            Self::Engine(EngineError::StoreFull) => ("store_full", Vec::new()),
            Self::Engine(EngineError::StoreFailed(detail)) => ("store_failed", one("detail", detail)),
            Self::Engine(EngineError::Event(detail)) => ("internal", one("detail", detail)),
        }
    }
}

/// What names something that is not there, or asks for what is so already, is an input; the rest is the rules'.
fn code_of(refusal: &Refusal) -> ErrorCode {
    match refusal {
        Refusal::AgentUnknown(_) | Refusal::HostUnknown(_) => ErrorCode::NotFound,
        Refusal::TokenParameters(_) | Refusal::NothingToDo { .. } => ErrorCode::BadInput,
        Refusal::TokenUnreadable(_)
        | Refusal::TokenUnknown
        | Refusal::TokenExpired { .. }
        | Refusal::TokenUsedUp { .. }
        | Refusal::TokenWithdrawn
        | Refusal::TokenNetwork { .. }
        | Refusal::Request(_)
        | Refusal::KeyReused
        | Refusal::KeyInUse
        | Refusal::NoCertificate
        | Refusal::Revoked(_)
        | Refusal::Retired(_)
        | Refusal::Superseded(_)
        | Refusal::Expired { .. }
        | Refusal::GraceOver { .. }
        | Refusal::WaitingListFull { .. }
        | Refusal::TooOften { .. }
        | Refusal::Waiting(_)
        | Refusal::OnHold { .. }
        | Refusal::Authority(_) => ErrorCode::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::{Lang, Locale, PROGRAM};

    #[test]
    fn what_is_not_there_is_an_input_and_what_the_rules_refuse_is_refused() {
        use tenken_proto::ident::AgentId;
        let unknown = || Refusal::AgentUnknown(AgentId(uuid::Uuid::nil()));
        let code = |refused: Vec<Refusal>| Problem::of_agents(refused.len(), refused).code();
        assert_eq!(code(vec![unknown()]), Problem::NoHost("pc01".into()).code());
        assert_eq!(code(vec![unknown(), unknown()]), ErrorCode::NotFound);
        assert_eq!(code(vec![unknown(), Refusal::TokenWithdrawn, unknown()]), ErrorCode::Refused);
        assert_eq!(code(vec![Refusal::TokenUnknown]), ErrorCode::Refused);
    }

    #[test]
    fn every_problem_is_told_in_both_languages() {
        let checklist = || "ipa-self-3".to_owned();
        let all = [
            Problem::NoRoute("/x".into()),
            Problem::Malformed("x".into()),
            Problem::TooLarge(1),
            Problem::NoChecklist(checklist()),
            Problem::NoSubject("x".into()),
            Problem::NoHost("pc01".into()),
            Problem::SeveralHosts { name: "pc01".into(), ids: Vec::new() },
            Problem::OneAgentPerHost,
            Problem::Text { field: "by", error: NotSpoken::Empty },
            Problem::Text { field: "by", error: NotSpoken::Long },
            Problem::Text { field: "by", error: NotSpoken::Control },
            DeclareError::NoChecklist(checklist()).into(),
            DeclareError::NoItem { checklist: checklist(), item: "99".into() }.into(),
            DeclareError::NotApplicableRefused(checklist()).into(),
            DeclareError::Unanswered.into(),
            DeclareError::Nobody.into(),
            DeclareError::EndsBeforeItBegins { until: jiff::Timestamp::UNIX_EPOCH, at: jiff::Timestamp::UNIX_EPOCH }
                .into(),
            DeclareError::EvidenceTooLong { bytes: 5_000 }.into(),
            Problem::Day("x".into()),
            Rejected { findings: Vec::new() }.into(),
            Refusal::TokenUnknown.into(),
            Problem::of_agents(3, vec![Refusal::TokenUnknown, Refusal::TokenWithdrawn]),
            Problem::NoPages,
            Problem::NoRandomness,
            EngineError::Stopping.into(),
            EngineError::StoreFull.into(),
            EngineError::StoreFailed("x".into()).into(),
            EngineError::Event("x".into()).into(),
        ];
        for problem in all {
            for lang in Lang::ALL {
                let told = problem.told(&Voice::new(Locale::of(lang), PROGRAM)).error;
                assert!(!told.message.starts_with('['), "{problem:?} in {}: {}", lang.code(), told.message);
                assert!(!told.message.contains("{$"), "{problem:?} in {}: {}", lang.code(), told.message);
            }
        }
    }
}
