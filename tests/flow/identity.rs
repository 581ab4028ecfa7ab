//! Tokens, approval, revocation: who may report, and what a person sees of it.

use harness::{Root, collector, eventually, told};
use jiff::Timestamp;

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
