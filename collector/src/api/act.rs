//! What changes something. Each act checks its request whole, names who asked, and is durable when it returns.

use jiff::civil::Date;
use tenken_assess::Change;
use tenken_assess::fleet::{Expected, HostClass};
use tenken_assess::ledger;
use tenken_proto::Timestamp;
use tenken_proto::ident::AgentId;

use super::{Api, Problem, spoken, v1};
use crate::identity::token::TokenParameters;
use crate::import;
use crate::journal::{Event, Principal};
use crate::locale::Locale;
use crate::view;

/// Largest importance when no method says otherwise.
const IMPORTANCE_MAX: u8 = 2;
/// Most agents of one request.
pub const AGENTS_MAX: usize = 1_000;
/// Longest reason that is used where a person gave none.
const NO_REASON: &str = "";

/// Who asks through the control socket: the account that the kernel vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Its user id.
    pub uid: u32,
}

impl Caller {
    /// As it is kept beside what it did.
    #[must_use]
    pub fn principal(self, by: Option<&str>) -> Principal {
        Principal::Operator { uid: self.uid, by: by.map(str::to_owned) }
    }

    /// As it is shown.
    #[must_use]
    pub fn name(self) -> String {
        format!("uid:{}", self.uid)
    }
}

impl Api {
    /// Takes a person's answer to an item.
    ///
    /// # Errors
    /// The item is not there, the answer is not one of its edition, or the day has passed.
    pub async fn declare(&self, caller: Caller, request: v1::Declare) -> Result<v1::Declared, Problem> {
        let v1::Declare { checklist, item, answer, by, until, evidence } = request;
        let (by, evidence) = (text_of("by", &by)?, evidence.map(|it| text_of("evidence", &it)).transpose()?);
        let until = until.map(|day| self.end_of(day)).transpose()?;
        let answer = view::assessed_word(answer);
        let at = self.now();
        self.engine.read(|state| {
            state.fleet.check_declaration(at, &checklist, &item, answer, &by, evidence.as_deref(), until)
        })?;
        let principal = caller.name();
        let signed = caller.principal(Some(&by));
        let (list, id) = (checklist.clone(), item.clone());
        let change = Change::Declared { checklist, item, answer, by, principal, evidence, until };
        self.change(signed, change).await?;
        let answers = self.answers(&list)?;
        let answer = answers.items.into_iter().find(|it| it.id == id).ok_or_else(|| Problem::NoSubject(id.clone()))?;
        Ok(v1::Declared { checklist: list, item: id, answer })
    }

    /// The first moment after a day, by the organisation's calendar.
    fn end_of(&self, day: Date) -> Result<Timestamp, Problem> {
        let next = day.tomorrow().map_err(|_| Problem::Day(day.to_string()))?;
        let zoned = next.to_zoned(self.zone.clone()).map_err(|_| Problem::Day(day.to_string()))?;
        Ok(zoned.timestamp())
    }

    /// Makes a token.
    ///
    /// # Errors
    /// A value is outside of its limits, or the token could not be kept.
    pub async fn create_token(&self, caller: Caller, request: v1::CreateToken) -> Result<v1::Token, Problem> {
        let network =
            |text: &String| text.parse().map_err(|_| Problem::Malformed(format!("`{text}` is not a network")));
        let ttl = i64::try_from(request.ttl_s).map_err(|_| Problem::Malformed("ttl_s is too large".to_owned()))?;
        let site = request.site.map(|it| text_of("site", &it)).transpose()?;
        let wanted = TokenParameters {
            uses: Some(request.uses),
            ttl: Some(jiff::SignedDuration::from_secs(ttl)),
            networks: request.networks.iter().map(network).collect::<Result<_, _>>()?,
            site,
            auto_approve: request.auto_approve,
            by: caller.name(),
        };
        let made = self.desk.create_token(caller.principal(None), wanted).await?;
        Ok(v1::Token {
            id: made.token.id(),
            token: made.text,
            collector: self.enrol.clone(),
            uses: made.token.uses,
            expires_at: made.token.expires_at,
            networks: made.token.networks.iter().map(ToString::to_string).collect(),
            site: made.token.site,
            auto_approve: made.token.auto_approve,
        })
    }

    /// Lets agents in: waiting ones, held ones, or one that is a known host.
    ///
    /// # Errors
    /// Some were refused: all of those are named, and nothing was changed.
    pub async fn approve(&self, caller: Caller, request: v1::Approve) -> Result<v1::AgentsChanged, Problem> {
        let host = request.host.as_deref().map(|name| self.find_host(name)).transpose()?;
        if host.is_some() && request.agents.len() > 1 {
            return Err(Problem::OneAgentPerHost);
        }
        bounded(&request.agents)?;
        let approved = self.desk.approve(caller.principal(None), &request.agents, host, caller.name()).await?;
        approved.map_err(|refused| Problem::of_agents(request.agents.len(), refused))?;
        Ok(self.changed(&request.agents))
    }

    /// Revokes the connections of agents.
    ///
    /// # Errors
    /// Some were refused: all of those are named, and nothing was changed.
    pub async fn revoke(&self, caller: Caller, request: v1::Revoke) -> Result<v1::AgentsChanged, Problem> {
        bounded(&request.agents)?;
        let reason = request.reason.map(|it| text_of("reason", &it)).transpose()?;
        let reason = reason.unwrap_or_else(|| NO_REASON.to_owned());
        let revoked = self.desk.revoke(caller.principal(None), &request.agents, caller.name(), reason).await?;
        revoked.map_err(|refused| Problem::of_agents(request.agents.len(), refused))?;
        Ok(self.changed(&request.agents))
    }

    fn changed(&self, ids: &[AgentId]) -> v1::AgentsChanged {
        let agents = self.agents().agents.into_iter().filter(|agent| ids.contains(&agent.id)).collect();
        v1::AgentsChanged { agents }
    }

    /// Takes a host out of the count; its connections end.
    ///
    /// # Errors
    /// There is no such host.
    pub async fn retire(&self, caller: Caller, request: v1::Retire) -> Result<v1::RetiredHost, Problem> {
        let v1::Retire { host: named, by, reason } = request;
        let (by, reason) = (text_of("by", &by)?, text_of("reason", &reason)?);
        let host = self.find_host(&named)?;
        let principal = caller.principal(Some(&by));
        self.desk.retire_host(principal.clone(), host, by.clone(), reason.clone()).await?;
        self.change(principal, Change::Retired { host, by, reason }).await?;
        let retired = self.hosts().retired.into_iter().find(|it| it.id == host);
        retired.ok_or(Problem::NoHost(named))
    }

    /// Takes the list of machines that should exist; it replaces the one before.
    ///
    /// # Errors
    /// Every mistake of the file; then nothing of it is taken.
    pub async fn import_expected(&self, caller: Caller, name: String, file: Vec<u8>) -> Result<v1::Imported, Problem> {
        let name = text_of("name", &name)?;
        let machines = blocking(move || import::expected::parse(&file)).await??;
        let rows = machines.len() as u64;
        let expected = |it: import::expected::Machine| Expected {
            name: it.host_name,
            serial: it.serial_number,
            class: match it.class {
                v1::HostClass::Pc => HostClass::Pc,
                v1::HostClass::Server => HostClass::Server,
            },
            site: it.site,
        };
        let change = Change::Expected { machines: machines.into_iter().map(expected).collect() };
        self.change(caller.principal(None), change).await?;
        Ok(v1::Imported { name, rows, notes: Vec::new() })
    }

    /// Takes a ledger; it replaces the one before.
    ///
    /// # Errors
    /// Every mistake of the file; then nothing of it is taken.
    pub async fn import_ledger(
        &self,
        caller: Caller,
        name: String,
        file: Vec<u8>,
        locale: &Locale,
    ) -> Result<v1::Imported, Problem> {
        let name = text_of("name", &name)?;
        let methods = |state: &crate::engine::State| state.fleet.packs().methods().first().map(|it| it.importance_max);
        let importance_max = self.engine.read(methods).unwrap_or(IMPORTANCE_MAX);
        let read = blocking(move || import::ledger::parse(&file, importance_max)).await??;
        if let Err(mistakes) = ledger::check(&read.rows, importance_max) {
            // The reader is at least as strict; what it let through and the assessment does not is a defect.
            let first = mistakes.first().map(ToString::to_string).unwrap_or_default();
            return Err(Problem::Malformed(first));
        }
        let rows = read.rows.len() as u64;
        let change = Change::Ledger { name: name.clone(), by: caller.name(), rows: read.rows };
        self.change(caller.principal(None), change).await?;
        Ok(v1::Imported { name, rows, notes: read.notes.iter().map(|it| it.told(locale)).collect() })
    }

    async fn change(&self, principal: Principal, change: Change) -> Result<(), Problem> {
        self.engine.record(principal, vec![Event::Change(change)]).await?;
        Ok(())
    }
}

/// What a person wrote into a field of the request.
fn text_of(field: &'static str, text: &str) -> Result<String, Problem> {
    spoken(text).map_err(|error| Problem::Text { field, error })
}

fn bounded(agents: &[AgentId]) -> Result<(), Problem> {
    if agents.len() > AGENTS_MAX {
        return Err(Problem::Malformed(format!("at most {AGENTS_MAX} agents at once")));
    }
    Ok(())
}

/// Parses a file away from the threads that serve connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Problem::Malformed(format!("the file broke its reader: {error}")))
}
