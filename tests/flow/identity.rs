//! Tokens, approval, revocation: who may report, and what a person sees of it.

use std::process::Output;

use harness::{Agent, Collector, Root, collector, eventually, told};
use jiff::Timestamp;
use serde_json::Value;
use tenken_collector::identity::What;

#[expect(clippy::disallowed_methods, reason = "prepared facts are dated from the real clock that the programs read")]
fn root(name: &str) -> Root {
    Root::debian_12(name, Timestamp::now())
}

#[test]
fn a_token_for_one_use_enrols_one_host() {
    let collector = collector().start();
    let token = collector.token(&[]);
    let root = root("pc-001");
    let _first = collector.agent().root(root.path()).token(token.clone()).run();
    let dir = tempfile::TempDir::new().unwrap();
    let output = std::process::Command::new(harness::program("tenken-agent"))
        .arg("--data-dir")
        .arg(dir.path())
        .args(["enrol", "--collector", &collector.addresses().enrol.to_string(), "--token", &token])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("token"), "names the token: {stderr}");
    assert!(!dir.path().join("identity.json").exists(), "nothing half-written");
}

#[test]
fn hosts_of_a_roll_out_wait_for_approval() {
    let collector = collector().start();
    let token = collector.token(&["--uses", "2", "--network", "127.0.0.0/8", "--site", "本社"]);
    let root = root("pc-001");
    let dir = tempfile::TempDir::new().unwrap();
    let mut enrol = std::process::Command::new(harness::program("tenken-agent"))
        .arg("--data-dir")
        .arg(dir.path())
        .args(["enrol", "--collector", &collector.addresses().enrol.to_string(), "--token", &token])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let id = eventually("the host waits in the list", || {
        let agents = collector.json(&["agents", "list"]);
        let list = agents["agents"].as_array().cloned().unwrap_or_default();
        list.iter()
            .find(|agent| agent.to_string().contains("pending") || agent.to_string().contains("waiting"))
            .and_then(|agent| agent["agent"].as_str().or(agent["id"].as_str()).map(str::to_owned))
            .ok_or_else(|| agents.to_string())
    });
    let approved = collector.cli(&["agents", "approve", &id]);
    assert!(approved.status.success(), "{}", told(&approved));
    let status = enrol.wait().unwrap();
    assert!(status.success(), "enrol goes on by itself after the approval: {status}");
    drop(root);
}

#[test]
fn a_revoked_agent_is_cut_off_within_seconds_and_stays_counted() {
    let collector = collector().start();
    let root = root("pc-001");
    let mut agent = collector.agent().root(root.path()).run();
    eventually("the host is observed", || match collector.item("tenken-base", "usb") {
        item if item["hosts_observed"] == 1 => Ok(()),
        item => Err(item.to_string()),
    });
    let agents = collector.json(&["agents", "list"]);
    let first = &agents["agents"][0];
    let id = first["agent"].as_str().or(first["id"].as_str()).expect("an agent").to_owned();
    let revoked = collector.cli(&["agents", "revoke", &id]);
    assert!(revoked.status.success(), "{}", told(&revoked));
    eventually("the agent is told and stops trying", || {
        let log = agent.log();
        if log.contains("revoked") || log.contains("refused") { Ok(()) } else { Err(log) }
    });
    agent.kill_9();
    let item = collector.item("tenken-base", "usb");
    assert_eq!(item["hosts_known"], 1, "a revoked host stays in the count until a person retires it: {item}");
}

#[test]
fn an_agent_that_trusts_another_collector_is_refused() {
    let (ours, foreign) = (collector().start(), collector().start());
    let dir = tempfile::TempDir::new().unwrap();
    let output = std::process::Command::new(harness::program("tenken-agent"))
        .arg("--data-dir")
        .arg(dir.path())
        .args(["enrol", "--collector", &ours.addresses().enrol.to_string(), "--token", &foreign.token(&[])])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(!dir.path().join("identity.json").exists(), "nothing half-written: {}", told(&output));
}

/// How often a revoked agent is started again: each start has to learn at its first try why it is refused.
const STARTS: usize = 12;

fn enrol(agent: &Agent, collector: &Collector, token: &str, further: &[&str]) -> Output {
    let address = collector.addresses().enrol.to_string();
    let mut args = vec!["enrol", "--collector", &address, "--token", token];
    args.extend(further);
    agent.cli(&args)
}

fn rows(collector: &Collector) -> Vec<Value> {
    collector.json(&["agents", "list"])["agents"].as_array().cloned().unwrap_or_default()
}

/// The one agent that is connected, once there is one.
fn connected(collector: &Collector) -> Value {
    eventually("an agent is connected", || {
        let rows = rows(collector);
        rows.iter().find(|row| row["connected"] == true).cloned().ok_or_else(|| format!("{rows:?}"))
    })
}

fn check_says_revoked(agent: &Agent) {
    let check = agent.cli(&["check"]);
    assert_eq!(check.status.code(), Some(4), "{}", told(&check));
    let text = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(text.contains("refused this agent for good") && text.contains("(revoked)"), "{text}");
    assert!(text.contains(" enrol --collector HOST:PORT"), "the remedy: {text}");
}

fn check_is_clean(agent: &Agent) {
    let check = agent.cli(&["check"]);
    assert_eq!(check.status.code(), Some(0), "{}", told(&check));
    assert!(!told(&check).contains("refused"), "{}", told(&check));
}

#[test]
fn a_revoked_agent_says_why_it_ends_and_works_again_with_a_new_token() {
    let collector = collector().start();
    let root = root("pc-001");
    let mut agent = collector.agent().root(root.path()).run();
    let id = connected(&collector)["id"].as_str().expect("an id").to_owned();
    check_is_clean(&agent);
    let revoked = collector.cli(&["agents", "revoke", &id]);
    assert!(revoked.status.success(), "{}", told(&revoked));
    assert_eq!(agent.ended(), Some(4), "{}", agent.log());
    let log = agent.log();
    assert!(log.contains("refused by the collector (revoked)") && !log.contains("Not connected"), "{log}");
    check_says_revoked(&agent);
    for _ in 0..STARTS {
        agent.run();
        assert_eq!(agent.ended(), Some(4), "{}", agent.log());
        assert!(!agent.log().contains("Not connected"), "told at the first try: {}", agent.log());
    }
    assert_eq!(agent.log().matches("Refused for good").count(), 1 + STARTS, "{}", agent.log());
    check_says_revoked(&agent);

    let again = enrol(&agent, &collector, &collector.token(&[]), &[]);
    assert!(again.status.success(), "{}", told(&again));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("proves nothing (this agent's certificate has been revoked)"), "{said}");
    check_is_clean(&agent);
    agent.run();
    assert_ne!(connected(&collector)["id"], id.as_str());
    eventually("its facts arrive", || match collector.item("tenken-base", "usb") {
        item if item["hosts_observed"] == 1 => Ok(()),
        item => Err(item.to_string()),
    });
    check_is_clean(&agent);
}

#[test]
fn a_machine_that_waits_and_comes_with_another_token_waits_once() {
    let mut collector = collector().start();
    let first = collector.token(&["--uses", "2", "--site", "本社"]);
    let second = collector.token(&["--uses", "2", "--site", "支社"]);
    let agent = collector.agent().token(first).wait_for_approval();
    let before = rows(&collector);
    let again = enrol(&agent, &collector, &second, &["--no-wait"]);
    assert!(again.status.success(), "{}", told(&again));
    let after = rows(&collector);
    assert_eq!((before.len(), after.len()), (1, 1), "one machine, one entry: {after:?}");
    assert_eq!((&after[0]["id"], &after[0]["site"]), (&before[0]["id"], &Value::from("支社")));
    let id = after[0]["id"].as_str().expect("an id").to_owned();
    let approved = collector.cli(&["agents", "approve", &id]);
    assert!(approved.status.success(), "{}", told(&approved));
    let enrolled = enrol(&agent, &collector, &second, &[]);
    assert!(told(&enrolled).contains(&format!("Enrolled as {id}")), "{}", told(&enrolled));
    let hosts = collector.json(&["hosts"]);
    assert_eq!(hosts["hosts"].as_array().map(Vec::len), Some(1), "{hosts}");

    collector.stop();
    let happened = harness::journal::identities(&collector.data_dir());
    let again =
        happened.iter().filter(|what| matches!(what, What::AskedAgain { agent, .. } if agent.to_string() == id));
    assert_eq!(again.count(), 1, "the audit says what happened: {happened:?}");
}

#[test]
fn a_machine_that_was_turned_away_may_come_back_with_a_new_token() {
    let collector = collector().start();
    let token = collector.token(&["--uses", "2"]);
    let agent = collector.agent().token(token.clone()).wait_for_approval();
    let id = rows(&collector)[0]["id"].as_str().expect("an id").to_owned();
    let revoked = collector.cli(&["agents", "revoke", &id]);
    assert!(revoked.status.success(), "{}", told(&revoked));
    let refused = enrol(&agent, &collector, &token, &["--no-wait"]);
    assert_eq!(refused.status.code(), Some(4), "{}", told(&refused));
    let check = agent.cli(&["check"]);
    assert_eq!(check.status.code(), Some(4), "{}", told(&check));
    let text = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(text.contains("enrolment: refused for good") && text.contains("(revoked)"), "{text}");
    let again = enrol(&agent, &collector, &collector.token(&[]), &[]);
    assert!(again.status.success(), "{}", told(&again));
    check_is_clean(&agent);
}

#[test]
fn a_machine_that_enrols_again_stays_the_host_that_it_was() {
    let collector = collector().start();
    let root = root("pc-001");
    let mut agent = collector.agent().root(root.path()).run();
    let first = connected(&collector);
    agent.stop();
    let again = enrol(&agent, &collector, &collector.token(&[]), &[]);
    assert!(again.status.success(), "{}", told(&again));
    agent.run();
    let second = eventually("the new identity is connected", || {
        let row = connected(&collector);
        if row["id"] == first["id"] { Err(row.to_string()) } else { Ok(row) }
    });
    assert_eq!(second["host"], first["host"], "the key of the old certificate proves which host it is");
    let old = rows(&collector).into_iter().find(|row| row["id"] == first["id"]).expect("still listed");
    assert_eq!(old["state"], "retired", "{old}");
    let hosts = collector.json(&["hosts"]);
    assert_eq!(hosts["hosts"].as_array().map(Vec::len), Some(1), "{hosts}");
}
