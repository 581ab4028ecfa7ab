//! How far back the logs reach and what removes records: journal, syslog files, audit trail, log-on records.
//!
//! The oldest record is read from the log itself, never from a file's name or time. Configured limits come
//! from the program that enforces them (journald, logrotate, auditd). Space is that of the file system
//! beneath the root, which for a mounted image is the image's own.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};
use tenken_proto::fact::log_retention::{Log, LogKind, LogRetention};
use tenken_proto::fact::{FactGroup as _, GroupSchema};
use tenken_proto::observed::Observed;
use tenken_proto::value::Record;

use super::{Context, Probe};
use crate::root::{ReadError, Root};

mod audit;
mod files;
mod forward;
#[cfg_attr(target_os = "windows", path = "log_retention/windows.rs")]
#[cfg_attr(target_os = "macos", path = "log_retention/macos.rs")]
#[cfg_attr(not(any(target_os = "windows", target_os = "macos")), path = "log_retention/linux.rs")]
mod imp;
mod journal;
mod logins;
mod logrotate;
mod stamp;

/// Most logs that are listed.
const LOGS_MAX: usize = 64;
/// Most names in one folder of logs.
const NAMES_MAX: usize = 4_096;
/// A configuration file.
const CONFIG_BYTES_MAX: usize = 256 * 1024;
/// A time zone's rules.
const ZONE_BYTES_MAX: usize = 256 * 1024;

/// Fills the group `log_retention`.
#[derive(Debug)]
pub struct LogRetentionProbe;

impl Probe for LogRetentionProbe {
    fn schema(&self) -> GroupSchema {
        LogRetention::schema()
    }

    fn watched(&self, root: &Root) -> Vec<String> {
        imp::watched(root)
    }

    fn observe(&self, context: &Context) -> Record {
        imp::read(context).into_record()
    }
}

/// The limits that configuration sets for one log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Limits {
    days: Observed<u64>,
    bytes: Observed<u64>,
}

impl Limits {
    fn none(source: &str) -> Self {
        Self { days: Observed::absent(source), bytes: Observed::absent(source) }
    }

    fn unread(error: &ReadError) -> Self {
        Self { days: error.unreadable(), bytes: error.unreadable() }
    }
}

/// The first and last record of a log, and what it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Extent {
    oldest: Observed<Timestamp>,
    newest: Observed<Timestamp>,
    bytes: Observed<u64>,
}

impl Extent {
    fn unread(error: &ReadError) -> Self {
        Self { oldest: error.unreadable(), newest: error.unreadable(), bytes: error.unreadable() }
    }
}

fn log(path: &str, kind: LogKind, extent: Extent, limits: Limits, space: Observed<u64>) -> Log {
    let newest = coarse(&extent);
    Log {
        path: Observed::seen(path.to_owned()),
        kind: Observed::seen(kind),
        oldest_record_at: extent.oldest,
        newest_record_at: newest,
        configured_days: limits.days,
        configured_bytes: limits.bytes,
        size_bytes: extent.bytes,
        disk_available_bytes: space,
    }
}

/// The newest record to the hour, from ten days of records on to the day: a log that grows is no news.
fn coarse(extent: &Extent) -> Observed<Timestamp> {
    let Some(oldest) = extent.oldest.value().copied() else { return extent.newest.clone() };
    extent.newest.clone().map(|newest| {
        let span = newest.duration_since(oldest);
        let unit = if span >= SignedDuration::from_hours(240) {
            Unit::Day
        } else if span >= SignedDuration::from_hours(24) {
            Unit::Hour
        } else {
            return newest;
        };
        let rounding = jiff::civil::DateTimeRound::new().smallest(unit).mode(jiff::RoundMode::Trunc);
        let civil = TimeZone::UTC.to_datetime(newest).round(rounding);
        civil.ok().and_then(|civil| TimeZone::UTC.to_timestamp(civil).ok()).unwrap_or(newest)
    })
}

/// Space left where the log grows, less what its own program keeps free.
fn space(root: &Root, directory: &str, keep_free: u64) -> Observed<u64> {
    match root.space(directory) {
        Ok(space) => Observed::known(space.available.saturating_sub(keep_free), directory),
        Err(error) => error.unreadable(),
    }
}

/// The zone in which programs beneath the root write local times; UTC where none is set, as they take it.
fn zone(root: &Root) -> TimeZone {
    root.read("/etc/localtime", ZONE_BYTES_MAX)
        .ok()
        .and_then(|bytes| TimeZone::tzif("local", &bytes).ok())
        .unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests;
