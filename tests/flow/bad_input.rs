//! What a person gets wrong: one clear error that names the place and the remedy, and nothing half-written.

use harness::{Collector, collector, told};

fn refused(collector: &Collector, args: &[&str], code: i32, names: &[&str]) {
    let output = collector.cli(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", told(&output));
    let text = String::from_utf8_lossy(&output.stderr);
    for name in names {
        assert!(text.contains(name), "{args:?} must name `{name}`: {}", told(&output));
    }
}

const HEADINGS: &str = "業務分類,情報資産名称,備考,利用者範囲,管理部署,媒体・保存先,個人情報,要配慮個人情報,マイナンバー,機密性,完全性,可用性,保存期限,登録日,脅威の発生頻度,脆弱性,機器";

fn ledger(collector: &Collector, name: &str, bytes: &[u8]) -> String {
    let path = collector.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn ledgers_with_mistakes_are_refused_whole() {
    let collector = collector().start();
    let row = |importance: &str, threat: &str| {
        format!("営業,製品カタログ,,全員,営業部,書類,,,,0,1,{importance},,2026-01-01,{threat},2,")
    };

    let missing = ledger(&collector, "missing.csv", "業務分類,備考\n営業,x\n".as_bytes());
    refused(&collector, &["ledger", "import", &missing], 5, &["情報資産名称"]);

    let values = ledger(
        &collector,
        "values.csv",
        format!("{HEADINGS}\n{}\n{}\n{}\n", row("1", "2"), row("7", "2"), row("1", "often")).as_bytes(),
    );
    refused(&collector, &["ledger", "import", &values], 5, &["3", "可用性", "4", "脅威の発生頻度"]);

    let formula = ledger(
        &collector,
        "formula.csv",
        format!("{HEADINGS}\n営業,=HYPERLINK(\"http://x\"),,全員,営業部,書類,,,,0,1,1,,2026-01-01,2,2,\n").as_bytes(),
    );
    refused(&collector, &["ledger", "import", &formula], 5, &["2", "情報資産名称"]);

    let encoding = ledger(&collector, "encoding.csv", b"\xff\xfe\x00garbage\xff\xff\n");
    refused(&collector, &["ledger", "import", &encoding], 5, &[]);

    let many = format!("{HEADINGS}\n{}", format!("{}\n", row("1", "2")).repeat(10_001));
    let many = ledger(&collector, "many.csv", many.as_bytes());
    refused(&collector, &["ledger", "import", &many], 5, &["10000"]);

    let listed = collector.json(&["ledger", "list"]);
    assert!(!listed.to_string().contains("製品カタログ"), "nothing half-written: {listed}");
}

#[test]
fn not_applicable_is_refused_where_the_edition_has_none() {
    let collector = collector().start();
    refused(&collector, &["declare", "5", "--answer", "not_applicable", "--by", "Sato"], 5, &["ipa-self-3"]);
    refused(&collector, &["declare", "99", "--answer", "partly", "--by", "Sato"], 5, &["99"]);
}

#[test]
fn a_command_without_a_collector_says_how_to_start_one() {
    let mut collector = collector().start();
    collector.stop();
    // The hint can be run as it stands.
    let (config, data) = (collector.config_file(), collector.data_dir());
    let serve = format!("--config {} --data-dir {} serve", config.display(), data.display());
    refused(&collector, &["answers"], 3, &[&serve]);
    refused(&collector, &["--lang", "ja", "answers"], 3, &[&serve, "起動してください"]);
}

#[test]
fn files_that_cannot_be_read_are_named_with_what_helps() {
    let mut collector = collector().start();
    let large = ledger(&collector, "large.csv", &vec![b'a'; 16 * 1024 * 1024 + 1]);
    for command in [["ledger", "import"].as_slice(), &["expect"]] {
        let with = |file: &str| command.iter().copied().chain([file]).map(str::to_owned).collect::<Vec<String>>();
        for (file, said) in [("none.csv", "check the path"), (large.as_str(), "16 MiB"), ("/", "folder")] {
            let args = with(file);
            refused(&collector, &args.iter().map(String::as_str).collect::<Vec<_>>(), 5, &[file, said]);
        }
    }
    collector.stop();
    refused(&collector, &["pack", "test", "no-such-packs"], 5, &["no-such-packs", "check the path"]);
    std::fs::write(collector.config_file(), "#".repeat(256 * 1024 + 1)).unwrap();
    refused(&collector, &["check"], 2, &["collector.toml", "256 KiB"]);
}

#[test]
fn a_person_is_answered_in_their_language() {
    let mut collector = collector().start();
    collector.stop();
    let again = collector.cli(&["--lang", "ja", "init"]);
    assert_eq!(again.status.code(), Some(1), "{}", told(&again));
    assert!(told(&again).contains("すでにコレクターがあります"), "{}", told(&again));
    let checked = collector.command(&["check"]).env("LANG", "ja_JP.UTF-8").output().unwrap();
    assert!(checked.status.success() && told(&checked).contains("起動できます"), "{}", told(&checked));
    refused(&collector, &["--lang", "ja", "answers", "--format", "xml"], 2, &["使えません", "text, json", "--help"]);
    refused(&collector, &["answers", "--format", "xml"], 2, &["cannot be the value", "text, json", "--help"]);
}

#[test]
fn config_mistakes_are_said_all_at_once() {
    let mut collector = collector().start();
    collector.stop();
    let config = "[listen]\nenrol = \"127.0.0.1:0\"\nreport = \"nonsense\"\n[web]\nlisten = \"127.0.0.1:0\"\n[limits]\nsilent_after_pc = \"5\"\nsilent_after_servr = \"5m\"\n";
    std::fs::write(collector.config_file(), config).unwrap();
    refused(&collector, &["check"], 2, &["report", "silent_after_pc", "silent_after_servr", "silent_after_server"]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_may_enter_is_told_and_closed() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut collector = collector().start();
    collector.stop();
    let (folder, store) = (collector.data_dir(), collector.data_dir().join("store.redb"));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set =
        |path: &std::path::Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!((mode(&folder), mode(&store)), (0o700, 0o600));
    set(&folder, 0o755);
    refused(&collector, &["check"], 1, &["can be read by others", "chmod"]);
    set(&folder, 0o700);
    set(&store, 0o644);
    refused(&collector, &["check"], 1, &["store.redb can be read by others"]);
    set(&folder, 0o755);
    collector.serve();
    assert_eq!((mode(&folder), mode(&store)), (0o700, 0o600));
    let fresh = collector.path().join("made-before");
    std::fs::create_dir(&fresh).unwrap();
    set(&fresh, 0o755);
    let init = ["--data-dir", fresh.to_str().unwrap(), "init"];
    let made = std::process::Command::new(harness::program("tenken-collector")).args(init).output().unwrap();
    assert!(made.status.success(), "{}", told(&made));
    assert_eq!((mode(&fresh), mode(&fresh.join("store.redb"))), (0o700, 0o600));
}

#[test]
fn a_changed_configuration_is_checked_beside_a_running_collector() {
    let collector = collector().start();
    let checked = collector.cli(&["check"]);
    assert!(checked.status.success(), "{}", told(&checked));
    assert!(told(&checked).contains("a collector runs in") && told(&checked).contains("ok: "), "{}", told(&checked));
    let told = collector.json(&["check"]);
    assert_eq!((&told["fit"], &told["running"]), (&true.into(), &true.into()), "{told}");
    assert_eq!(told["findings"][0]["mark"], "note", "{told}");
    let before = std::fs::read_to_string(collector.config_file()).unwrap();
    std::fs::write(collector.config_file(), format!("{before}\n[store]\nlow_water = \"1000TiB\"\n")).unwrap();
    refused(&collector, &["check"], 2, &["store.low_water", "the disk has"]);
    refused(&collector, &["agents", "approve", "0190f3a1-0000-7000-8000-000000000001"], 5, &["0190f3a1"]);
    refused(&collector, &["host", "0190f3a1-0000-7000-8000-000000000001"], 5, &["0190f3a1"]);
}

#[test]
fn init_says_by_which_names_agents_reach_it() {
    let collector = collector().start();
    let init = |folder: &str, names: &[&str]| {
        let folder = collector.path().join(folder);
        let mut args = vec!["--data-dir", folder.to_str().unwrap(), "init"];
        names.iter().for_each(|name| args.extend(["--name", name]));
        let output =
            std::process::Command::new(harness::program("tenken-collector")).args(&args).env("LANG", "C").output();
        told(&output.unwrap())
    };
    let default = init("default", &[]);
    assert!(default.contains("localhost, 127.0.0.1, ::1") && default.contains("--name NAME"), "{default}");
    let named = init("named", &["tenken.example", "192.0.2.2"]);
    assert!(named.contains("reach the collector as: tenken.example, 192.0.2.2\n"), "{named}");
    std::fs::create_dir(collector.path().join("prepared")).unwrap();
    std::fs::write(collector.path().join("prepared/collector.toml"), "[listen]\nnames = [\"a.example\"]\n").unwrap();
    let left_out = init("prepared", &["b.example"]);
    assert!(
        left_out.contains("as: a.example\n") && left_out.contains("configuration already: b.example"),
        "{left_out}"
    );
}
