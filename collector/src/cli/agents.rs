//! `agents`: certificate identities; `agents approve`, `agents revoke`.

use super::screen::{Screen, Tone};
use super::table::{Cell, Table};
use super::{Console, Failure};
use crate::api::v1;
use crate::args::{AgentsCommand, Output};
use crate::visible::visible;

pub(super) async fn run(console: &Console, command: Option<AgentsCommand>, output: Output) -> Result<String, Failure> {
    match command {
        None => list(console, output).await,
        Some(AgentsCommand::List { output }) => list(console, output).await,
        Some(AgentsCommand::Approve { ids, host, output }) => {
            let request = v1::Approve { agents: ids, host };
            let changed: v1::AgentsChanged = console
                .client
                .post("/api/v1/agents/approve", &request)
                .await
                .map_err(|error| console.failure(error))?;
            console.shown(output, &changed, |screen| table(screen, &changed.agents))
        }
        Some(AgentsCommand::Revoke { ids, reason, output }) => {
            let request = v1::Revoke { agents: ids, reason };
            let changed: v1::AgentsChanged =
                console.client.post("/api/v1/agents/revoke", &request).await.map_err(|error| console.failure(error))?;
            console.shown(output, &changed, |screen| table(screen, &changed.agents))
        }
    }
}

async fn list(console: &Console, output: Output) -> Result<String, Failure> {
    let agents: v1::Agents = console.client.get("/api/v1/agents", &[]).await.map_err(|error| console.failure(error))?;
    console.shown(output, &agents, |screen| text(screen, &agents))
}

pub(super) fn text(screen: &Screen, agents: &v1::Agents) -> String {
    if agents.agents.is_empty() {
        return format!("{}\n{}\n", screen.t("agents-none"), screen.t("coverage-first-step"));
    }
    let mut out = table(screen, &agents.agents);
    for agent in &agents.agents {
        if let Some(host) = &agent.suggested_host {
            let said = screen.say("agents-suggested", &[("name", host.name.as_str())]);
            let id = host.host.map(|id| id.to_string()).unwrap_or_default();
            let approve = screen.command(&format!("agents approve {} --host {id}", agent.id));
            out += &format!("{}: {said}\n  → {}\n", agent.id, visible(&approve));
        }
    }
    out
}

fn table(screen: &Screen, agents: &[v1::Agent]) -> String {
    let mut table = Table::default()
        .left("ID")
        .left(screen.t("agents-state"))
        .left(screen.t("agents-name"))
        .left(screen.t("hosts-site"))
        .left(screen.t("agents-from"))
        .left(screen.t("agents-enrolled"))
        .left(screen.t("agents-until"))
        .left(screen.t("agents-last-seen"))
        .left(screen.t("cli-reason"));
    for agent in agents {
        let state = Cell::new(screen.t(&format!("agent-{}", agent.state)));
        table.row(vec![
            Cell::whole(agent.id.to_string()),
            match agent.state {
                v1::AgentState::Active => state.tone(Tone::Good),
                v1::AgentState::Pending | v1::AgentState::OnHold | v1::AgentState::Expired => state.tone(Tone::Warn),
                v1::AgentState::Revoked | v1::AgentState::Retired => state.tone(Tone::Dim),
            },
            Cell::new(&agent.name),
            agent.site.as_deref().unwrap_or("–").into(),
            agent.enrolled_from.as_deref().unwrap_or("–").into(),
            screen.moment_or_dash(agent.enrolled_at).into(),
            screen.moment_or_dash(agent.certificate_until).into(),
            screen.moment_or_dash(agent.last_seen).into(),
            agent.reason.as_deref().unwrap_or("–").into(),
        ]);
    }
    table.render(screen)
}
