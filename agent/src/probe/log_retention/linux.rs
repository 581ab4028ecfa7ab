//! Linux: the logs that are looked for, and where.

use tenken_proto::fact::log_retention::{Log, LogKind, LogRetention};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;

use super::logrotate::{self, Logrotate};
use super::{Extent, LOGS_MAX, NAMES_MAX, audit, files, forward, journal, log, logins, space, stamp, zone};
use crate::probe::Context;
use crate::root::{ReadError, Root};

const DIRECTORY: &str = "/var/log";
/// Text logs of syslog programs, by the names of Debian, Ubuntu and their relatives.
const TEXT_LOGS: [(&str, LogKind); 13] = [
    ("syslog", LogKind::Syslog),
    ("messages", LogKind::Syslog),
    ("auth.log", LogKind::Auth),
    ("secure", LogKind::Auth),
    ("kern.log", LogKind::Other),
    ("daemon.log", LogKind::Other),
    ("user.log", LogKind::Other),
    ("cron.log", LogKind::Other),
    ("cron", LogKind::Other),
    ("mail.log", LogKind::Other),
    ("maillog", LogKind::Other),
    ("ufw.log", LogKind::Other),
    ("debug", LogKind::Other),
];

/// Configuration; the logs themselves only beneath a root that is not live, where nobody writes all the time.
pub(super) fn watched(root: &Root) -> Vec<String> {
    let config = journal::CONFIGS.into_iter().chain(journal::DROPINS).chain([
        audit::CONFIG,
        logrotate::CONFIG,
        "/etc/logrotate.d",
        forward::RSYSLOG,
        forward::RSYSLOG_D,
        "/etc/systemd/journal-upload.conf",
    ]);
    let mut paths: Vec<String> = config.map(str::to_owned).collect();
    if !root.is_live() {
        paths.extend([DIRECTORY, journal::PERSISTENT, "/var/log/audit"].map(str::to_owned));
        let machines = root.list(journal::PERSISTENT, NAMES_MAX).map(|listing| listing.names).unwrap_or_default();
        paths.extend(machines.into_iter().map(|machine| format!("{}/{machine}", journal::PERSISTENT)));
    }
    paths
}

pub(super) fn read(context: &Context) -> LogRetention {
    let root = &context.root;
    let logrotate = Logrotate::read(root);
    let mut logs: Vec<Log> = journal::read(root).into_iter().collect();
    let looked = match root.list(DIRECTORY, NAMES_MAX) {
        Ok(listing) => {
            logs.extend(text_logs(context, &listing.names, &logrotate));
            Ok(())
        }
        // A running system without the folder keeps no logs there; a tree without it was captured without it.
        Err(error) if error.is_absence() && root.is_live() => Ok(()),
        Err(error) => Err(error),
    };
    logs.extend(audit::read(root));
    logs.extend(logins::read(root, &logrotate));
    let omitted = u64::try_from(logs.len().saturating_sub(LOGS_MAX)).unwrap_or(u64::MAX);
    logs.truncate(LOGS_MAX);
    LogRetention {
        logs: match &looked {
            Err(error) if logs.is_empty() => error.unreadable(),
            Ok(()) | Err(_) => Observed::known(logs, DIRECTORY),
        },
        logs_omitted: match &looked {
            Err(error) => error.unreadable(),
            Ok(()) => Observed::known(omitted, DIRECTORY),
        },
        forwarded_to: forward::read(root),
    }
}

fn text_logs(context: &Context, names: &[String], logrotate: &Logrotate) -> Vec<Log> {
    let root = &context.root;
    let zone = zone(root);
    let mut logs = Vec::new();
    for (base, kind) in TEXT_LOGS {
        let path = format!("{DIRECTORY}/{base}");
        if !is_log(root, names, base) {
            continue;
        }
        let extent = if context.is_late() {
            let late = || Observed::unreadable(Reason::TimedOut, phrase::TIME_WAS_OVER, path.clone());
            Extent { oldest: late(), newest: late(), bytes: Observed::unreadable(Reason::TimedOut, "", path.clone()) }
        } else {
            files::extent(root, DIRECTORY, names, base, &|line, at| stamp::syslog(line, &zone, at))
        };
        logs.push(log(&path, kind, extent, logrotate.limits(&path), space(root, DIRECTORY, 0)));
    }
    logs
}

/// The file is there, and is no directory of that name.
fn is_log(root: &Root, names: &[String], base: &str) -> bool {
    names.iter().any(|name| name == base)
        && match root.stat(&format!("{DIRECTORY}/{base}")) {
            Ok(stat) => stat.kind == crate::root::FileKind::Regular,
            Err(ReadError::Missing { .. }) => false,
            Err(_) => true,
        }
}
