//! The whole way on this machine: real facts, real programs, an answered checklist and a risk.

use harness::{collector, eventually, told};
use serde_json::Value;

/// Risk values of the eight ledger rows of seed 004, from importance, threat and vulnerability.
const SAMPLE_RISKS: [(i64, i64, &str); 8] = [
    (1, 1, "medium"),
    (1, 1, "medium"),
    (2, 4, "high"),
    (1, 2, "medium"),
    (1, 2, "medium"),
    (1, 1, "medium"),
    (2, 4, "high"),
    (2, 2, "medium"),
];

#[test]
fn this_machine_answers_the_self_diagnosis() {
    let collector = collector().start();
    let _agent = collector.agent().run();
    let answers = eventually("the first report is judged", || {
        let answers = collector.json(&["answers"]);
        let observed = answers["items"][0]["hosts_observed"] == 1;
        if observed { Ok(answers) } else { Err(answers["items"][0].to_string()) }
    });

    assert_eq!(answers["checklist"], "ipa-self-3");
    assert_eq!(answers["items_total"], 25);
    assert_eq!(answers["items"].as_array().map(Vec::len), Some(25));
    assert_eq!(answers["score"]["total"], Value::Null, "no total while an item is unanswered");
    let answered = answers["items"].as_array().unwrap().iter().filter(|item| item["answer"] != "unanswered").count();
    assert_eq!(answers["answered"], answered);
    assert!(answered >= 2, "patch level and malware protection are measured here: {answers}");
    for item in &answers["items"].as_array().unwrap()[..2] {
        assert_eq!(item["basis"], "measured", "{item}");
        assert!(item["evidence"].as_array().is_some_and(|it| !it.is_empty()), "{item}");
    }

    // What the collector shows of this host is what the agent sees.
    let hosts = collector.json(&["hosts"]);
    let id = hosts["hosts"][0]["id"].as_str().or(hosts["hosts"][0]["host"].as_str()).expect("a host").to_owned();
    let shown = collector.json(&["host", &id]);
    let once = std::process::Command::new(harness::program("tenken-agent"))
        .args(["once", "--format", "json"])
        .output()
        .unwrap();
    let once: Value = serde_json::from_slice(&once.stdout).unwrap_or_else(|error| panic!("{error}: {}", told(&once)));
    assert_eq!(
        shown["facts"]["patch"]["pending_updates"]["value"], once["facts"]["patch"]["pending_updates"]["value"],
        "collector and agent agree"
    );
}

#[test]
fn text_shows_every_item_in_both_languages() {
    let collector = collector().start();
    for lang in ["ja", "en"] {
        let output = collector.cli(&["--lang", lang, "answers", "--checklist", "ipa-self-3"]);
        assert!(output.status.success(), "{}", told(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        let unanswered = if lang == "ja" { "未回答" } else { "unanswered" };
        assert_eq!(text.matches(unanswered).count().min(25), 25, "{text}");
        assert!(!text.contains('\u{1b}'), "no colours outside a terminal");
    }
}

#[test]
fn the_sample_ledger_gives_the_risks_of_its_source() {
    let collector = collector().start();
    let ledger = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/sample-ledger.csv");
    let output = collector.cli(&["ledger", "import", ledger.to_str().unwrap()]);
    assert!(output.status.success(), "{}", told(&output));
    let risk = collector.json(&["risk"]);
    let rows = risk["rows"].as_array().or(risk.as_array()).or(risk["risks"].as_array()).expect("rows");
    let got: Vec<(i64, i64, &str)> = rows
        .iter()
        .map(|row| (row["importance"].as_i64().unwrap(), row["risk"].as_i64().unwrap(), row["band"].as_str().unwrap()))
        .collect();
    let mut expected = SAMPLE_RISKS.to_vec();
    let mut sorted = got.clone();
    expected.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(sorted, expected, "{risk}");
}

#[test]
fn everything_is_there_again_after_a_restart() {
    let mut collector = collector().start();
    let mut agent = collector.agent().run();
    eventually("the host is observed", || match collector.item("tenken-base", "patch") {
        item if item["hosts_observed"] == 1 => Ok(()),
        item => Err(item.to_string()),
    });
    let declared = collector.cli(&["declare", "5", "--answer", "partly", "--by", "Sato", "--evidence", "memo"]);
    assert!(declared.status.success(), "{}", told(&declared));
    agent.stop();
    let before = (collector.json(&["answers"]), collector.json(&["hosts"]));
    collector.stop();
    collector.serve();
    assert_eq!(collector.json(&["answers"]), before.0);
    assert_eq!(collector.json(&["hosts"])["hosts"][0]["name"], before.1["hosts"][0]["name"]);
}
