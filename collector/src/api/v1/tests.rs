//! The keys are frozen: a snapshot of everything that API version 1 answers, and what the issue promised.

use serde_json::Value;

use super::*;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[test]
fn json_is_frozen() {
    insta::assert_json_snapshot!("overview", sample::overview());
    insta::assert_json_snapshot!("hosts", sample::hosts());
    insta::assert_json_snapshot!("host", sample::host());
    insta::assert_json_snapshot!("agents", sample::agents());
    insta::assert_json_snapshot!("answers", sample::answers());
    insta::assert_json_snapshot!("checklist", sample::checklist());
    insta::assert_json_snapshot!("explain_item", sample::explain_item());
    insta::assert_json_snapshot!("explain_control", sample::explain_control());
    insta::assert_json_snapshot!("ledger", sample::ledger());
    insta::assert_json_snapshot!("risk", sample::risks());
    insta::assert_json_snapshot!("packs", sample::packs());
    insta::assert_json_snapshot!("token", sample::token());
    insta::assert_json_snapshot!("failure", sample::failure());
}

#[test]
fn answers_have_exactly_the_promised_keys() {
    let answers = serde_json::to_value(sample::answers()).unwrap();
    let sorted = |mut keys: Vec<&'static str>| {
        keys.sort_unstable();
        keys
    };
    let promised = sorted(vec!["checklist", "edition", "pack_hash", "answered", "items_total", "score", "items"]);
    let mut found = keys(&answers);
    found.sort_unstable();
    assert_eq!(found, promised);
    let mut found = keys(&answers["score"]);
    found.sort_unstable();
    assert_eq!(found, sorted(vec!["measured", "declared", "unknown_points", "total", "max"]));
    let promised = sorted(vec![
        "id",
        "answer",
        "basis",
        "points",
        "hosts_met",
        "hosts_observed",
        "hosts_known",
        "hosts_expected",
        "hosts_retired",
        "valid_until",
        "contradiction",
        "evidence",
    ]);
    for item in answers["items"].as_array().unwrap() {
        let mut found = keys(item);
        found.sort_unstable();
        assert_eq!(found, promised);
    }
}

#[test]
fn risk_rows_have_the_promised_keys() {
    let risks = serde_json::to_value(sample::risks()).unwrap();
    for key in ["asset", "importance", "threat", "vulnerability", "likelihood", "risk", "band"] {
        assert!(risks["rows"][0].get(key).is_some(), "{key}");
        assert!(risks["rows"][1].get(key).is_some(), "{key} stays when it is null");
    }
}

#[test]
fn what_is_sent_is_read_back() {
    fn whole<T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) {
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), value);
    }
    whole(sample::overview());
    whole(sample::hosts());
    whole(sample::host());
    whole(sample::agents());
    whole(sample::answers());
    whole(sample::checklist());
    whole(sample::explain_item());
    whole(sample::explain_control());
    whole(sample::ledger());
    whole(sample::risks());
    whole(sample::packs());
    whole(sample::token());
    whole(sample::failure());
}

#[test]
fn requests_refuse_keys_that_they_do_not_know() {
    let good = r#"{"checklist":"c","item":"5","answer":"partly","by":"x","until":"2027-03-31"}"#;
    assert!(serde_json::from_str::<Declare>(good).is_ok());
    assert!(serde_json::from_str::<Declare>(&good.replace("\"by\"", "\"byy\"")).is_err());
    assert!(serde_json::from_str::<Declare>(&good.replace("partly", "perhaps")).is_err());
}
