//! A prepared root changes; the right item moves within two seconds, with no restart.

use std::time::Duration;

use harness::{Agent, Collector, Root, collector, eventually, within};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// From a changed file to the changed answer.
const MOVES_WITHIN: Duration = Duration::from_secs(2);

#[expect(clippy::disallowed_methods, reason = "prepared facts are dated from the real clock that the programs read")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn days_ago(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(24 * days)
}

struct Scene {
    root: Root,
    collector: Collector,
    _agent: Agent,
}

/// A collector with one agent that reports for a prepared root whose items are all fine.
fn scene() -> Scene {
    let root = Root::debian_12("pc-001", now());
    let collector = collector().start();
    let agent = collector.agent().root(root.path()).run();
    let scene = Scene { root, collector, _agent: agent };
    for item in ["patch", "antivirus", "usb", "logs"] {
        scene.awaits("tenken-base", item, "implemented", harness::PATIENCE);
    }
    scene
}

impl Scene {
    fn awaits(&self, checklist: &str, item: &str, answer: &str, patience: Duration) -> Value {
        let (item, took) = within(patience, &format!("{checklist} {item} is {answer}"), || {
            let found = self.collector.item(checklist, item);
            if found["answer"] == answer { Ok(found) } else { Err(found.to_string()) }
        });
        eprintln!("{checklist} {} → {answer} after {took:?}", item["id"]);
        item
    }

    fn moves(&self, item: &str, answer: &str) -> Value {
        self.awaits("tenken-base", item, answer, MOVES_WITHIN)
    }
}

#[test]
fn definition_files_come_go_and_age() {
    let scene = scene();
    scene.awaits("ipa-self-3", "2", "implemented", MOVES_WITHIN);

    scene.root.remove("var/lib/clamav/daily.cvd");
    scene.moves("antivirus", "not_implemented");
    scene.awaits("ipa-self-3", "2", "not_implemented", MOVES_WITHIN);

    scene.root.clamav_definitions("daily.cvd", 27_501, days_ago(5));
    scene.moves("antivirus", "partly");
    scene.awaits("ipa-self-3", "2", "partly", MOVES_WITHIN);

    scene.root.clamav_definitions("daily.cvd", 27_490, days_ago(40));
    scene.moves("antivirus", "not_implemented");

    scene.root.clamav_definitions("daily.cvd", 27_502, now());
    scene.moves("antivirus", "implemented");
    scene.awaits("ipa-self-3", "2", "implemented", MOVES_WITHIN);
}

#[test]
fn usb_storage_is_freed_and_blocked() {
    let scene = scene();
    scene.root.free_usb_storage();
    scene.moves("usb", "not_implemented");
    scene.root.block_usb_storage();
    scene.moves("usb", "implemented");
}

#[test]
fn a_shorter_journal_moves_the_logs() {
    let scene = scene();
    scene.root.journald("MaxRetentionSec=30day\n");
    scene.moves("logs", "not_implemented");
    scene.root.journald("MaxRetentionSec=500day\nSystemMaxUse=20G\n");
    scene.moves("logs", "implemented");
}

#[test]
fn a_pending_security_update_moves_the_patch_level() {
    let scene = scene();
    scene.root.packages(
        now(),
        &[
            ("bash", "5.2.15-2+b2", "5.2.15-2+deb12u1"),
            ("clamav-daemon", "1.0.7", "1.0.7"),
            ("clamav-freshclam", "1.0.7", "1.0.7"),
        ],
    );
    scene.moves("patch", "partly");
    scene.awaits("ipa-self-3", "1", "partly", MOVES_WITHIN);
    scene.root.packages(
        now(),
        &[
            ("bash", "5.2.15-2+deb12u1", "5.2.15-2+deb12u1"),
            ("clamav-daemon", "1.0.7", "1.0.7"),
            ("clamav-freshclam", "1.0.7", "1.0.7"),
        ],
    );
    scene.moves("patch", "implemented");
}

#[test]
fn definitions_grow_old_with_no_new_report() {
    let root = Root::debian_12("pc-001", now());
    // A definition file says its time to the minute: the limit of three days ends at the next full minute that
    // leaves time to see the state before it.
    let left = 60 - now().as_second() % 60;
    let left = if left < 12 { left + 60 } else { left };
    root.clamav_definitions(
        "daily.cvd",
        27_500,
        now() - SignedDuration::from_hours(72) + SignedDuration::from_secs(left),
    );
    let collector = collector().start();
    let mut agent = collector.agent().root(root.path()).run();
    let fresh = eventually("definitions are fresh", || match collector.item("tenken-base", "antivirus") {
        item if item["answer"] == "implemented" => Ok(item),
        item => Err(item.to_string()),
    });
    assert!(fresh["valid_until"].is_string(), "the deadline is known beforehand: {fresh}");
    agent.kill_9();
    within(Duration::from_secs(90), "age alone moves the answer", || {
        match collector.item("tenken-base", "antivirus") {
            item if item["answer"] == "partly" => Ok(()),
            item => Err(item.to_string()),
        }
    });
}

#[test]
fn a_shortened_parameter_makes_definitions_turn_old_by_time_alone() {
    let published = now();
    let root = Root::debian_12("pc-001", published);
    root.clamav_definitions("daily.cvd", 27_500, published);
    // A definition file says its time to the minute: what is past of it counts too.
    let fresh_for = published.as_second() % 60 + 15;
    let collector = collector().set("parameters", "av.definitions_fresh.fresh_for", format!("{fresh_for}s")).start();
    let mut agent = collector.agent().root(root.path()).run();
    eventually("definitions are fresh", || match collector.item("tenken-base", "antivirus") {
        item if item["answer"] == "implemented" => Ok(()),
        item => Err(item.to_string()),
    });
    agent.kill_9();
    within(Duration::from_secs(20), "the organisation's limit alone moves the answer", || {
        match collector.item("tenken-base", "antivirus") {
            item if item["answer"] == "partly" => Ok(()),
            item => Err(item.to_string()),
        }
    });
    let explained = collector.json(&["explain", "av.definitions_fresh"]);
    let set = explained["parameters"].as_array().unwrap().iter().find(|it| it["name"] == "fresh_for").unwrap();
    assert_eq!(set["source"]["en"], "Set by the organisation.", "{set}");
    assert_eq!(set["ours"], false, "{set}");
}

#[test]
fn an_agent_that_falls_silent_moves_its_answers() {
    let root = Root::debian_12("pc-001", now());
    let collector = collector()
        .set("limits", "silent_after_pc", "3s")
        .set("limits", "startup_grace", "1s")
        .set("limits", "heartbeat_interval", "1s")
        .start();
    let mut agent = collector.agent().set("heartbeat_interval", "1s").root(root.path()).run();
    eventually("all is fine", || match collector.item("tenken-base", "usb") {
        item if item["answer"] == "implemented" => Ok(()),
        item => Err(item.to_string()),
    });
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(collector.item("tenken-base", "usb")["answer"], "implemented", "heartbeats keep it fresh");
    agent.kill_9();
    eventually("silence alone moves the answer", || match collector.item("tenken-base", "usb") {
        item if item["answer"] == "unknown" => Ok(()),
        item => Err(item.to_string()),
    });
    agent.run();
    eventually("the host is back", || match collector.item("tenken-base", "usb") {
        item if item["answer"] == "implemented" => Ok(()),
        item => Err(item.to_string()),
    });
}

#[test]
fn silencing_a_failing_host_never_helps() {
    let root = Root::debian_12("pc-001", now());
    root.free_usb_storage();
    let collector = collector()
        .set("limits", "silent_after_pc", "2s")
        .set("limits", "startup_grace", "1s")
        .set("limits", "heartbeat_interval", "1s")
        .start();
    let mut agent = collector.agent().set("heartbeat_interval", "1s").root(root.path()).run();
    let failing = |item: Value| if item["answer"] == "not_implemented" { Ok(()) } else { Err(item.to_string()) };
    eventually("USB storage is free", || failing(collector.item("tenken-base", "usb")));
    let before = collector.item("tenken-base", "usb");
    agent.kill_9();
    eventually("the host is silent", || {
        let hosts = collector.json(&["hosts"]).to_string();
        if hosts.contains("silent") { Ok(()) } else { Err(hosts) }
    });
    let after = collector.item("tenken-base", "usb");
    let better = ["implemented", "partly"];
    assert!(!better.contains(&after["answer"].as_str().unwrap()), "before {before}, after {after}");
}
