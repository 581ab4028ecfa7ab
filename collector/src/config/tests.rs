//! Defaults, every key, and every mistake at once.

use std::path::Path;

use jiff::SignedDuration;

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("collector.toml"), text).map_err(|error| error.to_string())
}

#[test]
fn nothing_said_gives_the_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config.listen.enrol.port(), ENROL_PORT);
    assert_eq!(config.time.silent_after_pc, SignedDuration::from_hours(7 * 24));
    assert_eq!(config.store.low_water, None);
    assert_eq!(config.ca.collector_certificate, crate::identity::ca::SERVER_LIFE_DEFAULT);
    let limits = crate::accept::Limits::default();
    assert_eq!(config.limits.handshakes, limits.handshakes as u64);
    assert_eq!(config.limits.handshake_timeout.unsigned_abs(), limits.handshake);
    assert_eq!(config.limits.first_call_timeout.unsigned_abs(), limits.first_call);
}

#[test]
fn what_is_out_of_its_limits_is_told_with_them_all_at_once() {
    let told = parse(
        "[ca]\ncollector_certificate = \"10m\"\n[limits]\nhandshakes = 7\nhandshake_timeout = \"2m\"\n\
         first_call_timeout = \"999ms\"\nconnections = 0\n",
    )
    .unwrap_err();
    insta::assert_snapshot!(told, @r#"
    collector.toml: 5 problems
      ca.collector_certificate: "10m" is out of its limits; write "1h" to "398d"
      limits.connections: must be 1 or more
      limits.first_call_timeout: "999ms" is out of its limits; write "1s" to "1m"
      limits.handshake_timeout: "2m" is out of its limits; write "1s" to "1m"
      limits.handshakes: 7 is out of its limits; write 8 to 65536
    "#);
    let text = "[ca]\ncollector_certificate = \"398d\"\n[limits]\nhandshakes = 8\nhandshake_timeout = \"60s\"\nfirst_call_timeout = \"1s\"\n";
    let config = parse(text).unwrap();
    assert_eq!(config.limits.first_call_timeout, SignedDuration::from_secs(1));
    assert_eq!(config.ca.collector_certificate, SignedDuration::from_hours(398 * 24));
}

#[test]
fn every_key_is_read() {
    let config = parse(
        "data_dir = \"/srv/tenken\"\nlog_level = \"debug\"\ntime_zone = \"Asia/Tokyo\"\n[listen]\nenrol = \"127.0.0.1:0\"\nreport = \"[::1]:9\"\nnames = [\"a.example\"]\n\
         [web]\nlisten = \"off\"\n[limits]\nheartbeat_interval = \"500ms\"\n[store]\nlow_water = \"1GiB\"\n",
    )
    .unwrap();
    assert_eq!(config.web.listen, None);
    assert_eq!(config.time.heartbeat_interval, SignedDuration::from_millis(500));
    assert_eq!(config.store.low_water, Some(1 << 30));
    assert_eq!(config.listen.names, ["a.example"]);
}

#[test]
fn all_mistakes_are_told_at_once_with_a_remedy() {
    let told = parse(
        "colector = 1\nlisten = 3\n[limits]\nheartbeat_interval = 5\nsilent_after_pc = \"5\"\nhartbeat_interval = \"5m\"\n[store]\nlow_water = \"2GB\"\n\
         report = \"x\"\n[web]\nlisten = \"nowhere\"\n",
    )
    .unwrap_err();
    insta::assert_snapshot!(told, @r#"
    collector.toml: 8 problems
      colector: unknown key; remove it
      limits.hartbeat_interval: unknown key; did you mean `limits.heartbeat_interval`?
      limits.heartbeat_interval: is a number; write a number with a unit: "500ms", "90s", "5m", "24h" or "7d"
      limits.silent_after_pc: missing unit; write a number with a unit: "500ms", "90s", "5m", "24h" or "7d"
      listen: is a section; write [listen] on a line of its own
      store.low_water: `GB` is no unit; write a number with a unit: "512KiB", "64MiB" or "2GiB"
      store.report: unknown key; did you mean `listen.report`?
      web.listen: `nowhere` is no address with a port; write "0.0.0.0:7431", "[::]:7431" or port 0 for any free one
    "#);
}

#[test]
fn a_text_that_is_no_toml_is_told_with_its_line() {
    let told = parse("[limits]\nzone = \n").unwrap_err();
    assert!(told.contains("line 2"), "{told}");
}

#[test]
fn parameters_of_controls_are_read_and_checked_against_the_packs() {
    let config = parse(
        "[parameters]\n\"log.retention_sufficient.target_days\" = 180\n\"av.definitions_fresh.fresh_for\" = \"36h\"\n",
    )
    .unwrap();
    let told: Vec<String> =
        config.parameters.iter().map(|it| format!("{} {} {}", it.control, it.parameter, it.value)).collect();
    assert_eq!(told, ["av.definitions_fresh fresh_for 36h", "log.retention_sufficient target_days 180"]);
    let told = parse(
        "parameter = 1\n[parameters]\n\"av.definitions_fresh.fresh\" = \"36h\"\n\"av.definition_fresh.fresh_for\" = \"36h\"\n\
         \"av.definitions_fresh.fresh_for\" = 36\n\"log.retention_sufficient.target_days\" = \"long\"\nlog.retention_sufficient.target_days = 3\n",
    )
    .unwrap_err();
    insta::assert_snapshot!(told, @r#"
    collector.toml: 6 problems
      parameter: unknown key; did you mean `parameters`?
      parameters."av.definition_fresh.fresh_for": no control has this parameter; did you mean `av.definitions_fresh.fresh_for`?
      parameters."av.definitions_fresh.fresh": no control has this parameter; did you mean `av.definitions_fresh.fresh_for`?
      parameters."av.definitions_fresh.fresh_for": `36` is no value of `fresh_for`; write it like 3d
      parameters."log": write the whole name in quotes: "CONTROL.PARAMETER" = …
      parameters."log.retention_sufficient.target_days": `long` is no value of `target_days`; write it like 365
    "#);
    assert!(parse("parameters = 3\n").unwrap_err().contains("write [parameters] on a line of its own"));
}

#[test]
fn plain_http_leaves_this_machine_only_if_that_is_said() {
    for address in ["0.0.0.0:7430", "192.0.2.7:0", "[::]:7430", "[::ffff:192.0.2.7]:1"] {
        let told = parse(&format!("[web]\nlisten = \"{address}\"\n")).unwrap_err();
        assert!(told.contains("web.listen: ") && told.contains("web.plain_http_elsewhere = true"), "{told}");
        let said = format!("[web]\nlisten = \"{address}\"\nplain_http_elsewhere = true\n");
        assert_eq!(parse(&said).unwrap().web.listen.map(|it| it.to_string()).as_deref(), Some(address));
    }
    for address in ["127.0.0.1:0", "127.9.9.9:1", "[::1]:7430", "[::ffff:127.0.0.1]:1", "off"] {
        assert!(parse(&format!("[web]\nlisten = \"{address}\"\n")).is_ok(), "{address}");
    }
    assert!(parse("[web]\nplain_http_elsewhere = 1\n").unwrap_err().contains("write true or false"));
}
