//! How far back the logs really reach, and how far they will (R-028, R-032, P-075).
//!
//! The agent sends what it saw; [`with_derived`] adds `projected_days` and `binding_limit` wherever facts
//! are read, so that agent, collector and report agree by construction.

use jiff::Timestamp;

use super::{FactGroup as _, FactValue as _, FieldSchema, GroupSchema, Kind, fact_group, fact_record, words};
use crate::observed::{Observed, Reason};
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

const DERIVED: &str = "computed from size, span, limits and disk space";

/// For how many days this log will reach back, and by which limit.
///
/// Growth is the size over the span from the oldest to the newest record; with less than a day of records
/// the size and disk limits cannot be turned into days.
#[must_use]
pub fn project(log: &Log) -> (Observed<u64>, Observed<BindingLimit>) {
    let growth = growth_bytes_per_day(log);
    let mut limits: Vec<(u64, BindingLimit)> = Vec::new();
    let mut missing: Option<&str> = None;
    match &log.configured_days {
        Observed::Known { value, .. } => limits.push((*value, BindingLimit::Time)),
        Observed::Absent { .. } => {}
        Observed::Unreadable { .. } | Observed::Withheld => missing = Some("configured_days"),
    }
    match (&log.configured_bytes, growth) {
        (Observed::Known { value, .. }, Some(growth)) => limits.push((*value / growth, BindingLimit::Size)),
        (Observed::Absent { .. }, _) => {}
        (Observed::Known { .. }, None) => missing = missing.or(Some("a day of records")),
        (Observed::Unreadable { .. } | Observed::Withheld, _) => missing = missing.or(Some("configured_bytes")),
    }
    match (log.disk_available_bytes.value(), log.size_bytes.value(), growth) {
        (Some(left), Some(size), Some(growth)) => limits.push(((left + size) / growth, BindingLimit::Disk)),
        _ => missing = missing.or(Some("size, disk space and a day of records")),
    }
    if let Some(missing) = missing {
        let detail = format!("needs {missing}");
        return (
            Observed::unreadable(Reason::DependsOn, detail.clone(), DERIVED),
            Observed::unreadable(Reason::DependsOn, detail, DERIVED),
        );
    }
    let (days, limit) = limits.into_iter().min().unwrap_or((PROJECTED_DAYS_MAX, BindingLimit::None));
    (Observed::known(days.min(PROJECTED_DAYS_MAX), DERIVED), Observed::known(limit, DERIVED))
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
