//! The program as people call it: what it prints and how it ends.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn agent(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenken-agent")).args(args).env_clear().env("LANG", "C").output().unwrap()
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/linux/debian-12")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Without what depends on the time of the look and on where the tree lies.
fn settled(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("observed_at") {
                fields.insert("observed_at".to_owned(), "@@NOW@@".into());
            }
            for (field, inner) in fields.iter_mut() {
                let place = matches!(field.as_str(), "disk_available_bytes" | "definitions_updated_at");
                if place && inner["state"] == "known" {
                    inner["value"] = "@@PLACE@@".into();
                }
                settled(inner);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settled),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn once_prints_every_group_of_a_captured_debian() {
    let out = agent(&["once", "--format", "json", "--root", fixture().to_str().unwrap()]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let mut seen: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(seen["facts"]["patch"].is_object());
    settled(&mut seen);
    insta::assert_json_snapshot!("debian-12-host", seen["host"]);
    for group in ["antivirus", "usb", "log_retention"] {
        insta::assert_json_snapshot!(format!("debian-12-{group}"), seen["facts"][group]);
    }
}

#[test]
fn text_for_people_has_no_control_characters_from_the_host() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("etc")).unwrap();
    std::fs::write(dir.path().join("etc/hostname"), b"\x1b]0;owned\x07\xff\xe2\x80\xaepc\n").unwrap();
    let out = agent(&["once", "--root", dir.path().to_str().unwrap()]);
    let shown = text(&out.stdout);
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown}");
    assert!(!shown.contains('\u{202e}'));
    assert!(shown.contains("\\u{1b}]0;owned\\u{7}"), "{shown}");
}

#[test]
fn json_has_no_character_of_the_host_that_a_terminal_obeys() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("etc")).unwrap();
    std::fs::write(dir.path().join("etc/hostname"), "pc\u{9b}31m\u{202e}\u{200b}x\n").unwrap();
    let out = agent(&["once", "--format", "json", "--root", dir.path().to_str().unwrap()]);
    let shown = text(&out.stdout);
    assert!(shown.chars().all(|c| c == '\n' || !tenken_proto::visible::is_invisible(c)), "{shown}");
    assert!(shown.contains("pc\\u009b31m\\u202e\\u200bx"), "{shown}");
}

#[test]
fn a_root_that_is_not_there_is_one_clear_message() {
    let out = agent(&["once", "--root", "/nowhere/at/all"]);
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(
        text(&out.stderr),
        "tenken-agent: cannot observe beneath `/nowhere/at/all`: No such file or directory (os error 2)\n  \
         what to do: give an existing directory: a mounted image or a captured tree, such as --root /mnt/image\n"
    );
    assert!(out.stdout.is_empty());
}

#[test]
fn a_root_that_is_a_file_says_how_an_image_is_given() {
    let file = fixture().join("etc/hostname");
    let out = agent(&["once", "--root", file.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("mounted first"), "{}", text(&out.stderr));
}

#[test]
fn a_bad_configuration_says_everything_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("agent.toml");
    std::fs::write(&file, "probe_interval = \"5\"\nheartbeat_intervall = \"5m\"\n").unwrap();
    let out = agent(&["check", "--config", file.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(2));
    let said = text(&out.stderr);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("tenken-agent: ") && lines[0].ends_with("agent.toml: 2 problems"), "{said}");
    assert!(lines[1].starts_with("  `probe_interval`: `5`: missing unit; write a number with"), "{said}");
    assert_eq!(lines[2], "  `heartbeat_intervall`: unknown key; did you mean \"heartbeat_interval\"?");
    assert_eq!(lines.len(), 3, "{said}");
}

#[test]
fn check_says_what_is_missing_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let out = agent(&["check", "--data-dir", data.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(4), "{}", text(&out.stderr));
    let said = text(&out.stdout);
    assert!(said.contains("problem  identity: none yet"), "{said}");
    // The hint can be run as it stands: the same data folder.
    let enrol = format!("--data-dir {} enrol --collector HOST:PORT", data.display());
    assert!(said.contains(&enrol), "{said}");
    assert!(!data.exists());
    let out = agent(&["check", "--format", "json", "--data-dir", data.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(4), "{}", text(&out.stderr));
    let told: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&told["fit"], told["data_dir"].as_str()), (&Value::Bool(false), data.to_str()));
    let none = told["findings"].as_array().unwrap().iter().find(|it| it["message"] == "identity: none yet").unwrap();
    assert!(none["mark"] == "problem" && none["remedy"].as_str().unwrap().contains(&enrol), "{told}");
}

#[test]
fn the_notice_is_in_both_languages() {
    let english = text(&agent(&["notice"]).stdout);
    assert!(english.contains("Never collected") && english.contains("[attached_storage]"), "{english}");
    let japanese = text(&agent(&["notice", "--lang", "ja"]).stdout);
    assert!(japanese.contains("収集しないもの") && japanese.contains("未適用のセキュリティ更新の数"), "{japanese}");
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    assert_eq!(agent(&["onse"]).status.code(), Some(2));
    assert_eq!(agent(&["once", "--format", "yaml"]).status.code(), Some(2));
}
