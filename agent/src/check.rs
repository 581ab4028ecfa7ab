//! `check`: whether the agent could report and what it would not see, without starting it or changing anything.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::value::{Record, Value};

use crate::args::Format;
use crate::called::Called;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::identity::refused::{self, Refused};
use crate::identity::{IdentityError, Store};
use crate::probe::{Consent, Probes};
use crate::root::Root;
use crate::screen::escape;
use crate::spool::ROOM_BYTES_MIN;
use crate::uplink::status;

/// Permission bits that let others in.
const OTHERS: u32 = 0o077;

/// Checks folders, identity and rights for a configuration that was read without mistakes.
///
/// # Errors
/// [`Failure`] with the first thing that would keep the agent from reporting; the rest is printed before.
pub fn run(config: &Config, file: &Path, format: Format, called: &Called) -> Result<(), Failure> {
    let root = crate::once::open_root(None)?;
    let mut findings = Vec::new();
    findings.push(match file.exists() {
        true => Finding::ok(format!("configuration: {} is without mistakes", file.display())),
        false => Finding::ok(format!("configuration: none at {}, defaults are used", file.display())),
    });
    findings.push(data_dir(&root, &config.data_dir));
    findings.extend(identity(&config.data_dir, crate::clock::now(), called));
    findings.extend(delivery(&config.data_dir));
    findings.extend(rights(root, config));
    crate::once::print(&match format {
        Format::Text => text(&findings),
        Format::Json => crate::once::document(&json(&config.data_dir, &findings))?,
    })?;
    match findings.into_iter().find_map(|finding| finding.exit) {
        None => Ok(()),
        Some(exit) => Err(Failure::new(exit, "the agent could not report yet")
            .remedy(format!("do what is said above at each problem, then run `{}` again", called.command("check")))),
    }
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&format!("{:8} {}\n", finding.mark(), escape(&finding.text)));
        if let Some(remedy) = &finding.remedy {
            text.push_str(&format!("{:8} what to do: {}\n", "", escape(remedy)));
        }
    }
    text
}

/// `{"data_dir", "fit", "findings": [{"mark": "ok" | "note" | "problem", "message", "remedy"}]}`: `fit` unless there
/// is a problem; `remedy` is null where all is well.
fn json(data_dir: &Path, findings: &[Finding]) -> Json {
    let told = findings
        .iter()
        .map(|finding| json!({ "mark": finding.mark(), "message": finding.text, "remedy": finding.remedy }));
    json!({
        "data_dir": data_dir.display().to_string(),
        "fit": findings.iter().all(|finding| finding.exit.is_none()),
        "findings": told.collect::<Vec<_>>(),
    })
}

/// One thing that was checked.
struct Finding {
    text: String,
    remedy: Option<String>,
    /// Keeps the agent from reporting.
    exit: Option<Exit>,
}

impl Finding {
    fn ok(text: String) -> Self {
        Self { text, remedy: None, exit: None }
    }

    fn note(text: String, remedy: impl Into<String>) -> Self {
        Self { text, remedy: Some(remedy.into()), exit: None }
    }

    fn problem(exit: Exit, text: String, remedy: impl Into<String>) -> Self {
        Self { text, remedy: Some(remedy.into()), exit: Some(exit) }
    }

    fn mark(&self) -> &'static str {
        match (self.exit, &self.remedy) {
            (Some(_), _) => "problem",
            (None, Some(_)) => "note",
            (None, None) => "ok",
        }
    }
}

fn data_dir(root: &Root, dir: &Path) -> Finding {
    let shown = dir.display();
    let Some(path) = dir.to_str().filter(|_| dir.is_absolute()) else {
        let text = format!("data folder: `{shown}` is no absolute path");
        return Finding::problem(Exit::Usage, text, "name an absolute one with --data-dir");
    };
    match root.stat(path) {
        Ok(stat) if stat.mode & OTHERS != 0 => Finding::problem(
            Exit::Failed,
            format!("data folder: {shown} is open to others (mode {:o})", stat.mode),
            format!("chmod 700 {shown}"),
        ),
        Ok(_) => match root.space(path) {
            Ok(space) if space.available < ROOM_BYTES_MIN => Finding::note(
                format!("data folder: the disk of {shown} is full, {} bytes are left", space.available),
                "free space on it; until then reports wait in memory, and are dropped when too many wait",
            ),
            Ok(_) | Err(_) => Finding::ok(format!("data folder: {shown} is for its owner only")),
        },
        Err(error) if error.is_absence() => Finding::ok(format!("data folder: {shown} will be made")),
        Err(error) => Finding::problem(Exit::Failed, format!("data folder: {error}"), "check it as the agent's user"),
    }
}

/// The identity, and that the collector refused it for good the last time.
fn identity(data_dir: &Path, now: Timestamp, called: &Called) -> Vec<Finding> {
    let none = || Finding::problem(Exit::Refused, "identity: none yet".to_owned(), called.enrol());
    if !data_dir.join("identity").exists() {
        return vec![none()];
    }
    let (store, current) = match Store::open(data_dir).and_then(|store| store.current().map(|it| (store, it))) {
        Ok(opened) => opened,
        Err(error) => {
            return vec![Finding::problem(Exit::Refused, format!("identity: {error}"), called.enrol())];
        }
    };
    let refusal = refusal(store.refused(current.as_ref().map(|identity| identity.agent_id)), called);
    let found = match current {
        Some(identity) if identity.is_expired(now) => Finding::note(
            format!("identity: agent {} expired at {}", identity.agent_id, identity.not_after),
            format!(
                "start the agent (`{}`): it renews by itself for some time after the end; then enrol again",
                called.command("run")
            ),
        ),
        Some(identity) => Finding::ok(format!(
            "identity: agent {}, valid until {}, reports to {}",
            identity.agent_id, identity.not_after, identity.report
        )),
        None => none(),
    };
    std::iter::once(found).chain(refusal).collect()
}

fn refusal(read: Result<Option<Refused>, IdentityError>, called: &Called) -> Option<Finding> {
    match read {
        Ok(None) => None,
        Ok(Some(Refused { agent, reason, detail, at })) => {
            let what = if agent.is_some() { "collector: refused this agent" } else { "enrolment: refused" };
            let text = format!("{what} for good at {at} ({reason}): {detail}");
            Some(Finding::problem(Exit::Refused, text, refused::remedy(called)))
        }
        Err(error) => Some(Finding::note(
            format!("collector: whether it refused this agent is not known: {error}"),
            format!("start the agent (`{}`): it asks again", called.command("run")),
        )),
    }
}

/// What the running agent, or the last run, could not deliver.
fn delivery(data_dir: &Path) -> Vec<Finding> {
    let Some(status) = status::read(data_dir) else { return Vec::new() };
    let mut findings = Vec::new();
    if status.waiting > 0 {
        findings.push(Finding::ok(format!("delivery: {} reports wait for their acknowledgement", status.waiting)));
    }
    if let Some(problem) = &status.spool_problem {
        findings.push(Finding::note(
            format!("delivery: reports cannot be put aside: {problem}"),
            "free space on the disk of the data folder, or make it writable; the agent tries again by itself",
        ));
    }
    if status.lost > 0 {
        findings.push(Finding::note(
            format!("delivery: {} reports were dropped; the last value of each group is kept", status.lost),
            "nothing for these; give the data folder more room, or the agent a way to its collector",
        ));
    }
    findings
}

/// What the agent would not see with the rights it has, by the grant that helps.
fn rights(root: Root, config: &Config) -> Vec<Finding> {
    let consent = Consent { withheld: config.withheld.clone(), personal: false };
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for seen in Probes::new(Arc::new(root)).observe_all(&consent) {
        unreadable(&seen.record, seen.name.as_str(), &mut missing);
    }
    if missing.is_empty() {
        return vec![Finding::ok("rights: everything that the probes look at can be read".to_owned())];
    }
    let found = missing.into_iter();
    found
        .map(|(detail, fields)| Finding::note(format!("rights: {} cannot be read", fields.join(", ")), detail))
        .collect()
}

fn unreadable(record: &Record, path: &str, missing: &mut BTreeMap<String, Vec<String>>) {
    for (name, observed) in &record.fields {
        let path = format!("{path}.{name}");
        match observed {
            Observed::Unreadable { reason: Reason::Permission, detail, .. } => {
                let fields = missing.entry(detail.clone()).or_default();
                if !fields.contains(&path) {
                    fields.push(path);
                }
            }
            Observed::Known { value: Value::List(items), .. } => {
                for item in items {
                    if let Value::Record(record) = item {
                        unreadable(record, &path, missing);
                    }
                }
            }
            Observed::Known { .. } | Observed::Absent { .. } | Observed::Unreadable { .. } | Observed::Withheld => {}
        }
    }
}
