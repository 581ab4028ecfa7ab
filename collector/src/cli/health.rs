//! `health`: how the running collector is, and what it refused.

use super::screen::{Screen, Tone};
use super::{Console, Failure};
use crate::api::v1;
use crate::args::Output;
use crate::visible::visible;

pub(super) async fn run(console: &Console, output: Output) -> Result<String, Failure> {
    let health: v1::Health = console.client.get("/api/v1/health", &[]).await.map_err(|error| console.failure(error))?;
    console.shown(output, &health, |screen| lines(screen, &health))
}

/// The state, the parts that are not as they should be, and the counters.
pub(super) fn lines(screen: &Screen, health: &v1::Health) -> String {
    let word = screen.toned(tone(health.state), &screen.t(&format!("health-{}", health.state)));
    let mut out = format!(
        "  {word}  {} {}  {} {}\n",
        screen.t("version"),
        visible(&health.version),
        screen.t("health-since"),
        screen.moment(health.started_at)
    );
    out += &format!("  {} {}\n", screen.t("health-connected"), health.connected_agents);
    out += &format!("  {} {}\n", screen.t("health-accepted"), health.reports_accepted);
    if let Some(lost) = screen.lost_reports(&health.lost_reports) {
        out += &format!("  {}: {lost}\n", screen.t("lost-reports-all"));
    }
    for part in health.parts.iter().filter(|part| part.state != v1::HealthState::Ok) {
        let word = screen.toned(tone(part.state), &screen.t(&format!("health-{}", part.state)));
        out += &format!("  {} {word}: {}\n", visible(&part.part), visible(&part.detail));
    }
    for refused in &health.refused {
        let what = format!("{} {}", visible(&refused.place), visible(&refused.reason));
        out += &format!("  {} {what}: {}\n", screen.t("health-refused"), refused.count);
    }
    out
}

fn tone(state: v1::HealthState) -> Tone {
    match state {
        v1::HealthState::Ok => Tone::Good,
        v1::HealthState::Degraded => Tone::Warn,
        v1::HealthState::Failed => Tone::Bad,
    }
}
