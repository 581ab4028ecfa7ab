//! Where records are sent off the host: rsyslog in its old and its new form, syslog-ng, systemd-journal-upload.

use std::collections::BTreeSet;

use regex::Regex;
use tenken_proto::observed::Observed;

use super::{CONFIG_BYTES_MAX, journal};
use crate::probe::dropin;
use crate::root::{ReadError, Root};

pub(super) const RSYSLOG: &str = "/etc/rsyslog.conf";
pub(super) const RSYSLOG_D: &str = "/etc/rsyslog.d";
const SYSLOG_NG: &str = "/etc/syslog-ng/syslog-ng.conf";
const SYSLOG_NG_D: &str = "/etc/syslog-ng/conf.d";
/// Most targets that are listed.
const TARGETS_MAX: usize = 32;
const SYSLOG_PORT: &str = "514";
const RELP_PORT: &str = "2514";

/// Every place that the configuration sends records to.
pub(super) fn read(root: &Root) -> Observed<Vec<String>> {
    let mut targets = BTreeSet::new();
    let mut files = vec![file(root, RSYSLOG), file(root, SYSLOG_NG)];
    files.extend(dropin::read(root, &[RSYSLOG_D], ".conf"));
    files.extend(dropin::read(root, &[SYSLOG_NG_D], ".conf"));
    for file in files {
        match file.text {
            Ok(text) if file.path.starts_with("/etc/syslog-ng") => targets.extend(syslog_ng(&text)),
            Ok(text) => targets.extend(rsyslog(&text)),
            Err(error) => return error.unreadable(),
        }
    }
    match journal::upload(root) {
        Ok(target) => targets.extend(target),
        Err(error) => return error.unreadable(),
    }
    let looked = format!("{RSYSLOG}, {RSYSLOG_D}, {SYSLOG_NG}, systemd-journal-upload");
    if targets.is_empty() {
        return Observed::absent(looked);
    }
    Observed::known(targets.into_iter().take(TARGETS_MAX).collect(), looked)
}

fn file(root: &Root, path: &str) -> dropin::ConfigFile {
    let text = match root.read_text(path, CONFIG_BYTES_MAX) {
        Err(ReadError::Missing { .. }) => Ok(String::new()),
        other => other,
    };
    dropin::ConfigFile { path: path.to_owned(), text }
}

/// `*.* @host`, `& @@host:port`, `*.* :omrelp:host:port`, `action(type="omfwd" target="host" port="514")`.
fn rsyslog(text: &str) -> Vec<String> {
    let text: String = without_comments(text);
    let mut targets: Vec<String> = text.lines().filter_map(legacy).collect();
    let lower = text.to_lowercase();
    let actions = lower.match_indices("action").filter_map(|(at, _)| {
        let body = lower.get(at + "action".len()..)?.trim_start().strip_prefix('(')?;
        body.get(..body.find(')')?)
    });
    for body in actions {
        let parameter = |name: &str| parameter(body, name);
        let port = match parameter("type").as_deref() {
            Some("omfwd") => SYSLOG_PORT,
            Some("omrelp") => RELP_PORT,
            _ => continue,
        };
        if let Some(target) = parameter("target") {
            targets.push(joined(&target, parameter("port").as_deref().unwrap_or(port)));
        }
    }
    targets
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// The action of a line of the old form: a selector or `&`, then the target.
fn legacy(line: &str) -> Option<String> {
    let (selector, action) = line.trim().split_once(char::is_whitespace)?;
    if selector != "&" && !selector.contains('.') && !selector.starts_with(':') {
        return None;
    }
    let word = action.split_whitespace().last()?;
    if let Some(relp) = word.strip_prefix(":omrelp:") {
        let target = relp.split(';').next()?;
        return target.rsplit_once(':').map_or_else(|| Some(joined(target, RELP_PORT)), |(h, p)| Some(joined(h, p)));
    }
    let target = word.strip_prefix("@@").or_else(|| word.strip_prefix('@'))?;
    let target = target.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(target, |(_, rest)| rest);
    let target = target.split(';').next()?;
    let (host, port) = if let Some(rest) = target.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        (host, rest.strip_prefix(':').unwrap_or(SYSLOG_PORT))
    } else {
        target.split_once(':').unwrap_or((target, SYSLOG_PORT))
    };
    (!host.is_empty()).then(|| joined(host, port))
}

fn joined(host: &str, port: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn parameter(body: &str, name: &str) -> Option<String> {
    body.match_indices(name).find_map(|(at, _)| {
        let before = body.get(..at)?.chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_') {
            return None;
        }
        let rest = body.get(at + name.len()..)?.trim_start().strip_prefix('=')?.trim_start();
        let value = rest.strip_prefix('"')?;
        value.split_once('"').map(|(value, _)| value.to_owned())
    })
}

/// `destination d { network("host" port(6514)); };` and its older forms.
fn syslog_ng(text: &str) -> Vec<String> {
    let pattern = r#"(?:^|[^a-z_-])(?:network|syslog|tcp6?|udp6?)\(\s*"([^"]+)"([^;]*);"#;
    let (Ok(target), Ok(port)) = (Regex::new(pattern), Regex::new(r"port\(\s*([0-9]{1,5})\s*\)")) else {
        return Vec::new();
    };
    let text = without_comments(text);
    let found = target.captures_iter(&text).filter_map(|captures| {
        let host = captures.get(1)?.as_str();
        let rest = captures.get(2)?.as_str();
        let port = port.captures(rest).and_then(|captures| Some(captures.get(1)?.as_str())).unwrap_or(SYSLOG_PORT);
        Some(joined(host, port))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_rsyslog() {
        let text = "*.* @logs.example\nauth,authpriv.* @@10.0.0.1:10514;RSYSLOG_SyslogProtocol23Format\n& @(z9)[2001:db8::1]:515\n\
            *.*  :omrelp:relp.example:20514\n#*.* @commented\n*.*;auth.none -/var/log/syslog\n*.emerg :omusrmsg:*\n\
            action(type=\"omfwd\" Target=\"new.example\"\n  port=\"6514\" protocol=\"tcp\" queue.type=\"LinkedList\")\n\
            if $msg contains 'x' then { action(type=\"omrelp\" target=\"r.example\") }\naction(type=\"omfile\" file=\"/x\")\n";
        assert_eq!(
            rsyslog(text),
            [
                "logs.example:514",
                "10.0.0.1:10514",
                "[2001:db8::1]:515",
                "relp.example:20514",
                "new.example:6514",
                "r.example:2514",
            ]
        );
        assert!(rsyslog("$ModLoad imuxsock\nmodule(load=\"imklog\")\nmail.* user@example\n").is_empty());
    }

    #[test]
    fn syslog_ng_destinations() {
        let text = "destination d1 { network(\"a.example\" transport(\"tls\") port(6514)); };\nsource s { unix-dgram(\"/dev/log\"); };\n\
            #destination x { udp(\"no.example\"); };\ndestination d2 { udp(\"b.example\"); };";
        assert_eq!(syslog_ng(text), ["a.example:6514", "b.example:514"]);
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in any::<String>(), near in "((\\*\\.\\* |@|@@|\\(|\\)|\\[|\\]|:|;|é|action\\(|type=|target=|\"){1,2}){0,20}") {
            for text in [text, near] {
                let _targets = (rsyslog(&text), syslog_ng(&text));
            }
        }
    }
}
