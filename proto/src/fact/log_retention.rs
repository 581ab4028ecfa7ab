//! How far back the logs really reach, and how far they will (R-028, R-032, P-075).
//!
//! The agent sends what it saw; [`with_derived`] adds `projected_days` and `binding_limit` wherever facts
//! are read, so that agent, collector and report agree by construction.

use jiff::Timestamp;

use super::{FactGroup as _, FactValue as _, FieldSchema, GroupSchema, Kind, fact_group, fact_record, words};
use crate::observed::{Observed, Reason};
use crate::phrase::{self, COMPUTED_RETENTION};
use crate::value::{Record, Value};

words! {
    /// What the log is.
    pub enum LogKind {
        /// The systemd journal.
        Journal = "journal",
        /// General system messages.
        Syslog = "syslog",
        /// Authentication.
        Auth = "auth",
        /// The audit system's records.
        Audit = "audit",
        /// Log-on history.
        Logins = "logins",
        /// Another rotated log.
        Other = "other",
    }
}

words! {
    /// Which limit ends the retention first.
    pub enum BindingLimit {
        /// A configured number of days.
        Time = "time",
        /// A configured size.
        Size = "size",
        /// The space left on the disk.
        Disk = "disk",
        /// None was found: records stay until someone removes them.
        None = "none",
    }
}

fact_record! {
    /// One log with its rotated parts.
    pub struct Log {
        /// Where it is.
        path: String,
        /// What it is.
        kind: LogKind,
        /// Time of the oldest record that is really there.
        oldest_record_at: Timestamp,
        /// Time of the newest record.
        newest_record_at: Timestamp,
        /// Days after which configuration removes records; absent where there is no such rule.
        configured_days: u64,
        /// Bytes above which configuration removes records; absent where there is no such rule.
        configured_bytes: u64,
        /// Bytes in use, rotated parts included.
        size_bytes: u64 [hysteresis 10],
        /// Space that the log could still take on its file system, in bytes.
        disk_available_bytes: u64 [hysteresis 10],
    }
}

fact_group! {
    /// Which logs are kept, since when, and what limits them.
    pub struct LogRetention = "log_retention" version 1 {
        /// The logs that were found.
        logs: Vec<Log>,
        /// Logs left out of the list.
        logs_omitted: u64,
        /// Where records are forwarded to, as HOST:PORT; absent when they stay on the host.
        forwarded_to: Vec<String>,
    }
}

/// Less history than this gives no rate of growth.
const GROWTH_SPAN_S_MIN: i64 = 24 * 3600;
/// Projections beyond this say as much as this: ten years.
pub const PROJECTED_DAYS_MAX: u64 = 3_650;

/// The schema with the fields that are computed.
pub(crate) fn schema_with_derived() -> GroupSchema {
    let mut schema = LogRetention::schema();
    let derived =
        |name, doc, kind| FieldSchema { name, doc, kind, hysteresis_percent: None, personal: false, derived: true };
    for field in &mut schema.fields {
        if let Kind::List(item) = &mut field.kind
            && let Kind::Record(fields) = item.as_mut()
        {
            fields.push(derived(
                "projected_days",
                "Days for which records will be kept at the present growth.",
                u64::kind(),
            ));
            fields.push(derived("binding_limit", "The limit that ends the retention first.", BindingLimit::kind()));
        }
    }
    schema
}

/// Adds `projected_days` and `binding_limit` to each log.
pub(crate) fn with_derived(mut record: Record) -> Record {
    for (name, observed) in &mut record.fields {
        if name == "logs"
            && let Observed::Known { value: Value::List(logs), .. } = observed
        {
            for log in logs {
                if let Value::Record(fields) = log {
                    let (days, limit) = project(&Log::of_fields(fields));
                    fields.fields.retain(|(name, _)| name != "projected_days" && name != "binding_limit");
                    fields.push("projected_days", days.map(u64::into_value));
                    fields.push("binding_limit", limit.map(BindingLimit::into_value));
                }
            }
        }
    }
    record
}

/// For how many days this log will reach back, and by which limit.
///
/// Growth is the size over the span from the oldest to the newest record; with less than a day of records
/// the size and disk limits cannot be turned into days. While one limit is not known nothing is projected,
/// unless a known one already says zero: no other can be below it.
#[must_use]
pub fn project(log: &Log) -> (Observed<u64>, Observed<BindingLimit>) {
    let growth = growth_bytes_per_day(log);
    let found = [time_limit(log), size_limit(log, growth), disk_limit(log, growth)];
    let known = found.iter().filter_map(|limit| limit.as_ref().ok().copied().flatten()).min();
    let missing = found.iter().find_map(|limit| limit.as_ref().err());
    match (known, missing) {
        (Some((0, limit)), _) => (Observed::known(0, COMPUTED_RETENTION), Observed::known(limit, COMPUTED_RETENTION)),
        (_, Some(missing)) => (
            Observed::unreadable(Reason::DependsOn, *missing, COMPUTED_RETENTION),
            Observed::unreadable(Reason::DependsOn, *missing, COMPUTED_RETENTION),
        ),
        (known, None) => {
            let (days, limit) = known.unwrap_or((PROJECTED_DAYS_MAX, BindingLimit::None));
            (
                Observed::known(days.min(PROJECTED_DAYS_MAX), COMPUTED_RETENTION),
                Observed::known(limit, COMPUTED_RETENTION),
            )
        }
    }
}

/// Days under one limit; none where there is no such limit; the error says what is missing.
type Limit = Result<Option<(u64, BindingLimit)>, &'static str>;

fn time_limit(log: &Log) -> Limit {
    match &log.configured_days {
        Observed::Known { value, .. } => Ok(Some((*value, BindingLimit::Time))),
        Observed::Absent { .. } => Ok(None),
        Observed::Unreadable { .. } | Observed::Withheld => Err(phrase::NEEDS_CONFIGURED_DAYS),
    }
}

fn size_limit(log: &Log, growth: Option<u64>) -> Limit {
    match &log.configured_bytes {
        Observed::Known { value, .. } => {
            let days = value / growth.ok_or(phrase::NEEDS_DAY_OF_RECORDS)?;
            Ok(Some((days, BindingLimit::Size)))
        }
        Observed::Absent { .. } => Ok(None),
        Observed::Unreadable { .. } | Observed::Withheld => Err(phrase::NEEDS_CONFIGURED_BYTES),
    }
}

fn disk_limit(log: &Log, growth: Option<u64>) -> Limit {
    let left = log.disk_available_bytes.value().ok_or(phrase::NEEDS_DISK_AVAILABLE)?;
    let size = log.size_bytes.value().ok_or(phrase::NEEDS_SIZE)?;
    let days = left.saturating_add(*size) / growth.ok_or(phrase::NEEDS_DAY_OF_RECORDS)?;
    Ok(Some((days, BindingLimit::Disk)))
}

fn growth_bytes_per_day(log: &Log) -> Option<u64> {
    let span = log.newest_record_at.value()?.as_second() - log.oldest_record_at.value()?.as_second();
    let size = *log.size_bytes.value()?;
    if span < GROWTH_SPAN_S_MIN {
        return None;
    }
    let per_day = u128::from(size) * 86_400 / u128::from(span.unsigned_abs());
    Some(u64::try_from(per_day).unwrap_or(u64::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    /// A log of 100 days that took 1 GiB, with 10 GiB of disk left and no configured limit.
    fn log() -> Log {
        let at = |text: &str| Observed::seen(text.parse().unwrap_or_default());
        Log {
            path: Observed::seen("/var/log/x".to_owned()),
            kind: Observed::seen(LogKind::Journal),
            oldest_record_at: at("2026-01-01T00:00:00Z"),
            newest_record_at: at("2026-04-11T00:00:00Z"),
            configured_days: Observed::absent(""),
            configured_bytes: Observed::absent(""),
            size_bytes: Observed::seen(GIB),
            disk_available_bytes: Observed::seen(10 * GIB),
        }
    }

    fn projected(log: &Log) -> (u64, &'static str) {
        let (days, limit) = project(log);
        (*days.value().unwrap(), limit.value().unwrap().word())
    }

    fn missing(log: &Log) -> String {
        match project(log).0 {
            Observed::Unreadable { detail, .. } => detail,
            Observed::Known { .. } | Observed::Absent { .. } | Observed::Withheld => String::new(),
        }
    }

    #[test]
    fn the_lowest_limit_binds() {
        assert_eq!(projected(&log()), (1_100, "disk"));
        assert_eq!(projected(&Log { configured_bytes: Observed::seen(2 * GIB), ..log() }), (200, "size"));
        assert_eq!(projected(&Log { configured_days: Observed::seen(30), ..log() }), (30, "time"));
        let ample = Log { disk_available_bytes: Observed::seen(u64::MAX), ..log() };
        assert_eq!(projected(&ample), (PROJECTED_DAYS_MAX, "disk"));
    }

    #[test]
    fn what_is_not_known_is_not_projected() {
        let young = Log { newest_record_at: log().oldest_record_at, configured_days: Observed::seen(400), ..log() };
        assert_eq!(missing(&young), "needs a day of records");
        let unread = || Observed::unreadable(Reason::Permission, "", "");
        assert_eq!(missing(&Log { configured_days: unread(), ..log() }), "needs configured_days");
        assert_eq!(missing(&Log { disk_available_bytes: unread(), ..log() }), "needs disk_available_bytes");
        assert_eq!(missing(&Log { configured_bytes: Observed::Withheld, ..log() }), "needs configured_bytes");
    }

    #[test]
    fn nothing_kept_is_zero_whatever_else_is_not_known() {
        let volatile = Log { configured_days: Observed::seen(0), oldest_record_at: Observed::absent(""), ..log() };
        assert_eq!(projected(&volatile), (0, "time"));
    }
}
