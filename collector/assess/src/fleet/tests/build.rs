//! Words for tests: hosts, facts and times in one line each.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tenken_proto::ident::HostId;
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::value::{Record, Value};

use crate::answer::Word;
use crate::fleet::{Change, Expected, Fleet, GroupFacts, HostClass, Settings};
use crate::pack::PackSet;

pub(super) fn packs() -> Arc<PackSet> {
    use std::sync::LazyLock;
    static PACKS: LazyLock<Arc<PackSet>> =
        LazyLock::new(|| Arc::new(PackSet::built_in().unwrap_or_else(|problems| panic!("{problems}"))));
    Arc::clone(&PACKS)
}

pub(super) fn fleet() -> Fleet {
    Fleet::new(packs(), Settings::default())
}

/// 2026-11-21T00:00:00Z and so many hours.
pub(super) fn hour(hours: i64) -> Timestamp {
    let start: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_hours(hours)).unwrap()
}

pub(super) fn id(number: u8) -> HostId {
    format!("00000000-0000-0000-0000-0000000000{number:02x}").parse().unwrap()
}

pub(super) fn group(name: &str, at: Timestamp, fields: Vec<(&str, Observed<Value>)>) -> GroupFacts {
    let mut record = Record::default();
    for (field, observed) in fields {
        record.push(field, observed);
    }
    GroupFacts { name: name.parse().unwrap(), schema_version: 1, record, observed_at: at }
}

pub(super) fn seen(value: Value) -> Observed<Value> {
    Observed::known(value, "test")
}

pub(super) fn text(text: &str) -> Observed<Value> {
    seen(Value::Text(text.to_owned()))
}

pub(super) fn unreadable() -> Observed<Value> {
    Observed::unreadable(Reason::Permission, "needs a grant", "test")
}

pub(super) fn host_group(name: &str, version: &str, at: Timestamp) -> GroupFacts {
    let fields = vec![
        ("host_name", text(name)),
        ("os_family", text("linux")),
        ("os_id", text("debian")),
        ("os_version_id", text(version)),
        ("serial_number", text(&format!("SN-{name}"))),
    ];
    group("host", at, fields)
}

fn record(fields: Vec<(&str, Observed<Value>)>) -> Value {
    let mut record = Record::default();
    for (field, observed) in fields {
        record.push(field, observed);
    }
    Value::Record(record)
}

/// Pending security updates by name; a name with `=` in front is held.
pub(super) fn patch_group(pending: &[&str], refreshed: Timestamp, at: Timestamp) -> GroupFacts {
    let update = |name: &str| record(vec![("name", text(name)), ("security", seen(Value::Bool(true)))]);
    let held: Vec<Value> = pending.iter().filter_map(|name| name.strip_prefix('=')).map(update).collect();
    let open: Vec<Value> = pending.iter().filter(|name| !name.starts_with('=')).map(|name| update(name)).collect();
    let count = |list: &[Value]| seen(Value::Number(i64::try_from(list.len()).unwrap()));
    let fields = vec![
        ("pending_updates", count(&open)),
        ("pending_security_updates", count(&open)),
        ("held_security_updates", count(&held)),
        ("updates", seen(Value::List(open))),
        ("held_updates", seen(Value::List(held))),
        ("source_refreshed_at", seen(Value::Time(refreshed))),
        ("source_valid_until", Observed::absent("test")),
    ];
    group("patch", at, fields)
}

pub(super) fn antivirus_group(published: Option<Timestamp>, at: Timestamp) -> GroupFacts {
    let products = published.map(|published| {
        record(vec![
            ("name", text("ClamAV")),
            ("running", seen(Value::Bool(true))),
            ("realtime", seen(Value::Bool(false))),
            ("definitions_published_at", seen(Value::Time(published))),
        ])
    });
    group("antivirus", at, vec![("products", seen(Value::List(products.into_iter().collect())))])
}

pub(super) fn usb_group(word: Option<&str>, at: Timestamp) -> GroupFacts {
    group("usb", at, vec![("storage_enforcement", word.map_or_else(|| Observed::absent("test"), text))])
}

pub(super) fn log_group(oldest: Timestamp, days: Option<i64>, at: Timestamp) -> GroupFacts {
    log_group_of((seen(Value::Time(oldest)), seen(Value::Time(at))), days, at)
}

/// A journal that was looked into and holds no record.
pub(super) fn empty_log_group(at: Timestamp) -> GroupFacts {
    log_group_of((Observed::absent("test"), Observed::absent("test")), None, at)
}

fn log_group_of((oldest, newest): (Observed<Value>, Observed<Value>), days: Option<i64>, at: Timestamp) -> GroupFacts {
    let log = record(vec![
        ("path", text("/var/log/journal")),
        ("kind", text("journal")),
        ("oldest_record_at", oldest),
        ("newest_record_at", newest),
        ("configured_days", days.map_or_else(|| Observed::absent("test"), |days| seen(Value::Number(days)))),
        ("configured_bytes", Observed::absent("test")),
        ("size_bytes", seen(Value::Number(1_000_000))),
        ("disk_available_bytes", seen(Value::Number(1_000_000_000_000))),
    ]);
    group("log_retention", at, vec![("logs", seen(Value::List(vec![log])))])
}

/// A host that meets everything at that time.
pub(super) fn good(number: u8, at: Timestamp) -> Change {
    let day = SignedDuration::from_hours(24);
    let groups = vec![
        host_group(&format!("pc-{number}"), "12", at),
        patch_group(&[], at - day, at),
        antivirus_group(Some(at - day), at),
        usb_group(Some("blocked"), at),
        log_group(at - SignedDuration::from_hours(24 * 100), None, at),
    ];
    Change::Facts { host: id(number), groups }
}

pub(super) fn facts(number: u8, group: GroupFacts) -> Change {
    Change::Facts { host: id(number), groups: vec![group] }
}

pub(super) fn enrolled(number: u8) -> Change {
    Change::Enrolled { host: id(number), host_name: format!("pc-{number}"), site: None }
}

pub(super) fn declared(checklist: &str, item: &str, answer: Word, until: Option<Timestamp>) -> Change {
    Change::Declared {
        checklist: checklist.to_owned(),
        item: item.to_owned(),
        answer,
        by: "佐藤".to_owned(),
        principal: "uid 1000".to_owned(),
        evidence: None,
        until,
    }
}

pub(super) fn expected(names: &[&str]) -> Change {
    let machine = |name: &&str| Expected { name: (*name).to_owned(), serial: None, class: HostClass::Pc, site: None };
    Change::Expected { machines: names.iter().map(machine).collect() }
}

/// `answer basis` of an item.
pub(super) fn says(fleet: &Fleet, checklist: &str, item: &str) -> String {
    let answers = fleet.answers(checklist).unwrap();
    let answer = answers.items.iter().find(|it| it.id == item).unwrap();
    format!("{} {}", answer.answer.code(), answer.basis.code())
}
