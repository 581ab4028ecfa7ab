//! From real forms of logs and configuration to the meaning, beneath prepared roots.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tenken_proto::fact::log_retention::{BindingLimit, project};

use super::*;

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn put_at(&self, path: &str, content: impl AsRef<[u8]>, written: &str) {
        self.put(path, content);
        let at: Timestamp = written.parse().unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at.as_second().unsigned_abs());
        let file = fs::File::options().write(true).open(self.0.path().join(path)).unwrap();
        file.set_modified(at).unwrap();
    }

    fn journal(&self, file: &str, first: &str, last: &str) {
        let mut header = vec![0_u8; 4096];
        header[..8].copy_from_slice(b"LPKSHHRH");
        header[152] = 1;
        for (at, time) in [(184, first), (192, last)] {
            let time: Timestamp = time.parse().unwrap();
            header[at..at + 8].copy_from_slice(&time.as_microsecond().to_le_bytes());
        }
        self.put(&format!("var/log/journal/0123/{file}"), header);
    }

    fn see(&self) -> LogRetention {
        let root = Arc::new(Root::at(self.0.path()).unwrap());
        imp::read(&Context::new(root, Timestamp::UNIX_EPOCH, false, Duration::from_secs(60)))
    }

    fn log(&self, path: &str) -> Log {
        let seen = self.see();
        let logs = seen.logs.value().unwrap().clone();
        logs.into_iter().find(|log| log.path.value().map(String::as_str) == Some(path)).unwrap()
    }
}

fn time(observed: &Observed<Timestamp>) -> String {
    observed.value().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn an_empty_folder_has_no_logs() {
    let tree = Tree::new();
    fs::create_dir_all(tree.0.path().join("var/log")).unwrap();
    let seen = tree.see();
    assert_eq!(seen.logs.value().map(Vec::len), Some(0));
    assert_eq!(seen.logs_omitted.value(), Some(&0));
    assert!(matches!(seen.forwarded_to, Observed::Absent { .. }));
}

#[test]
fn a_tree_without_the_folder_does_not_say_that_there_are_no_logs() {
    let seen = Tree::new().see();
    let Observed::Unreadable { reason, source, .. } = &seen.logs else { panic!("{:?}", seen.logs) };
    assert_eq!((reason.code(), source.as_str()), ("depends_on", "/var/log"));
    assert_eq!(seen.logs_omitted.value(), None);
}

#[test]
fn the_journal_reaches_from_its_oldest_system_file_to_its_newest() {
    let tree = Tree::new();
    tree.put("etc/systemd/journald.conf", "[Journal]\nMaxRetentionSec=400day\nSystemMaxUse=2G\n");
    tree.journal("system@a-1-2.journal", "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z");
    tree.journal("system.journal", "2026-06-01T00:00:00Z", "2026-11-20T13:14:15Z");
    tree.journal("user-1000.journal", "2025-01-01T00:00:00Z", "2026-11-20T13:14:15Z");
    let log = tree.log("/var/log/journal");
    assert_eq!(time(&log.oldest_record_at), "2026-01-01T00:00:00Z");
    assert_eq!(time(&log.newest_record_at), "2026-11-20T00:00:00Z");
    assert_eq!(log.configured_days.value(), Some(&400));
    assert_eq!(log.configured_bytes.value(), Some(&(2 << 30)));
    assert_eq!(log.size_bytes.value(), Some(&(3 * 4096)));
    let (days, limit) = project(&log);
    assert_eq!((days.value(), limit.value()), (Some(&400), Some(&BindingLimit::Time)));
}

#[test]
fn a_dropin_overrides_the_main_file_and_a_volatile_journal_keeps_nothing() {
    let tree = Tree::new();
    tree.journal("system.journal", "2026-01-01T00:00:00Z", "2026-11-20T13:14:15Z");
    tree.put("etc/systemd/journald.conf", "[Journal]\nMaxRetentionSec=400day\n");
    tree.put("etc/systemd/journald.conf.d/short.conf", "[Journal]\nMaxRetentionSec=30day\n");
    let log = tree.log("/var/log/journal");
    assert_eq!(log.configured_days.value(), Some(&30));
    assert_eq!(log.configured_days.source(), "/etc/systemd/journald.conf.d/short.conf");
    tree.put("etc/systemd/journald.conf.d/zz.conf", "[Journal]\nStorage=volatile\n");
    let log = tree.log("/run/log/journal");
    assert_eq!(log.configured_days.value(), Some(&0));
    assert!(matches!(log.oldest_record_at, Observed::Unreadable { .. }));
    tree.put("etc/systemd/journald.conf.d/zz.conf", "[Journal]\nStorage=none\n");
    assert_eq!(tree.see().logs.value().map(Vec::len), Some(0));
}

#[test]
fn the_oldest_line_of_the_oldest_rotated_part_counts() {
    let tree = Tree::new();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(b"Dec 30 10:00:00 pc a: first\nDec 31 10:00:00 pc a: more\n").unwrap();
    tree.put_at("var/log/syslog.2.gz", gz.finish().unwrap(), "2026-01-05T00:00:00Z");
    tree.put_at("var/log/syslog.1", "Jan  6 10:00:00 pc b: x\n", "2026-01-12T00:00:00Z");
    tree.put_at(
        "var/log/syslog",
        "2026-01-12T10:00:00+09:00 pc c: x\n2026-01-19T09:30:00+09:00 pc c: y\n",
        "2026-01-19T00:30:00Z",
    );
    tree.put("etc/logrotate.conf", "weekly\nrotate 4\ninclude /etc/logrotate.d\n");
    tree.put("etc/logrotate.d/rsyslog", "/var/log/syslog\n/var/log/auth.log\n{\n\trotate 12\n\tdaily\n\tcompress\n}\n");
    let log = tree.log("/var/log/syslog");
    assert_eq!(time(&log.oldest_record_at), "2025-12-30T10:00:00Z");
    assert_eq!(log.oldest_record_at.source(), "/var/log/syslog.2.gz");
    assert_eq!(time(&log.newest_record_at), "2026-01-19T00:00:00Z");
    assert_eq!(log.configured_days.value(), Some(&12));
    assert!(matches!(log.configured_bytes, Observed::Absent { .. }));
}

#[test]
fn the_zone_of_the_root_gives_local_times_their_meaning() {
    let tree = Tree::new();
    // A fixed zone written as the file that `/etc/localtime` names.
    let tzif = fs::read("/usr/share/zoneinfo/Asia/Tokyo").ok();
    let Some(tzif) = tzif else { return };
    tree.put("usr/share/zoneinfo/Asia/Tokyo", tzif);
    fs::create_dir_all(tree.0.path().join("etc")).unwrap();
    std::os::unix::fs::symlink("/usr/share/zoneinfo/Asia/Tokyo", tree.0.path().join("etc/localtime")).unwrap();
    tree.put_at("var/log/auth.log", "Jan  6 10:00:00 pc sshd[1]: x\n", "2026-01-12T00:00:00Z");
    let log = tree.log("/var/log/auth.log");
    assert_eq!(time(&log.oldest_record_at), "2026-01-06T01:00:00Z");
    assert_eq!(log.kind.value(), Some(&LogKind::Auth));
}

#[test]
fn lines_without_a_time_are_malformed_and_an_empty_log_has_none() {
    let tree = Tree::new();
    tree.put("var/log/syslog", "no time here\n");
    assert!(matches!(
        tree.log("/var/log/syslog").oldest_record_at,
        Observed::Unreadable { reason: tenken_proto::observed::Reason::Malformed, .. }
    ));
    tree.put("var/log/syslog", "");
    assert!(matches!(tree.log("/var/log/syslog").oldest_record_at, Observed::Absent { .. }));
}

#[test]
fn the_audit_trail_and_its_size() {
    let tree = Tree::new();
    tree.put("etc/audit/auditd.conf", "max_log_file = 8\nnum_logs = 5\nmax_log_file_action = ROTATE\n");
    tree.put("var/log/audit/audit.log.1", "type=A msg=audit(1700000000.001:1): x\n");
    tree.put("var/log/audit/audit.log", "type=A msg=audit(1710000000.001:9): x\n");
    let log = tree.log("/var/log/audit/audit.log");
    assert_eq!(time(&log.oldest_record_at), "2023-11-14T22:13:20.001Z");
    assert_eq!(log.configured_bytes.value(), Some(&(40 << 20)));
    assert!(matches!(log.configured_days, Observed::Absent { .. }));
}

#[test]
fn forwarding_is_said_or_absent() {
    let tree = Tree::new();
    tree.put("etc/rsyslog.conf", "$IncludeConfig /etc/rsyslog.d/*.conf\n");
    tree.put("etc/rsyslog.d/60-remote.conf", "*.* @@logs.example:6514\n");
    assert_eq!(tree.see().forwarded_to.value().unwrap(), &["logs.example:6514"]);
}

#[test]
fn growth_is_told_to_the_day() {
    let extent = |oldest: &str, newest: &str| Extent {
        oldest: Observed::seen(oldest.parse().unwrap()),
        newest: Observed::seen(newest.parse().unwrap()),
        bytes: Observed::seen(1),
    };
    let told = |oldest, newest| time(&coarse(&extent(oldest, newest)));
    assert_eq!(told("2026-01-01T00:00:00Z", "2026-02-01T13:14:15Z"), "2026-02-01T00:00:00Z");
    assert_eq!(told("2026-01-01T00:00:00Z", "2026-01-05T13:14:15Z"), "2026-01-05T13:00:00Z");
    assert_eq!(told("2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z"), "2026-01-01T00:00:05Z");
}
