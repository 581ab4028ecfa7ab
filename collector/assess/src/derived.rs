//! Facts that the collector derives itself: what the journal remembers, and until when a system is supported.
//!
//! They are records like those of an agent, in groups of their own, so that conditions read them the same
//! way. Nothing here reads a clock: `history` keeps moments that were arguments, `lifecycle` compares none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::Timestamp;
use tenken_proto::fact::{FieldSchema, GroupSchema, Kind, schemas as observed_schemas};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;
use tenken_proto::value::{Record, Value};

use crate::pack::{Lifecycle, Source};
use crate::text::Text;

/// Group of what the journal remembers.
pub const HISTORY: &str = "history";
/// Group of what the life-cycle packs say.
pub const LIFECYCLE: &str = "lifecycle";
/// Most packages whose first sight is remembered; more are counted together.
pub const FIRST_SEEN_MAX: usize = 2_000;

/// Every group that a condition can read: those of agents, then the derived ones.
pub fn schemas() -> &'static [GroupSchema] {
    static SCHEMAS: LazyLock<Vec<GroupSchema>> = LazyLock::new(|| {
        let mut all = observed_schemas();
        all.push(history_schema());
        all.push(lifecycle_schema());
        all
    });
    &SCHEMAS
}

fn time(name: &'static str, doc: &'static str) -> FieldSchema {
    FieldSchema { name, doc, kind: Kind::Time, hysteresis_percent: None, personal: false, derived: true }
}

fn history_schema() -> GroupSchema {
    GroupSchema {
        name: HISTORY,
        version: 1,
        doc: "What the journal remembers of this host.",
        fields: vec![time(
            "oldest_security_update_first_seen_at",
            "Since when the longest pending security update is known to be pending; absent while none is.",
        )],
    }
}

fn lifecycle_schema() -> GroupSchema {
    GroupSchema {
        name: LIFECYCLE,
        version: 1,
        doc: "Until when the publisher supports this system.",
        fields: vec![
            time("security_support_ends_at", "The first moment without the publisher's ordinary security support."),
            time("long_term_support_ends_at", "The first moment without free long-term support; absent without one."),
            time("support_ends_at", "The later of the two: the first moment without free security updates."),
        ],
    }
}

/// Since when security updates are pending, by package name: a newer candidate does not start anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstSeen(pub BTreeMap<String, Timestamp>);

/// Stands for security updates that the lists do not name.
const UNNAMED: &str = "";

impl FirstSeen {
    /// Takes in a patch group that arrived at that time. What cannot be read changes nothing.
    pub fn update(&mut self, patch: &Record, at: Timestamp) {
        let Some(pending) = security_names(patch) else { return };
        let still: BTreeSet<&str> = pending.iter().copied().collect();
        self.0.retain(|name, _| still.contains(name.as_str()));
        for name in pending.into_iter().take(FIRST_SEEN_MAX) {
            if !self.0.contains_key(name) {
                self.0.insert(name.to_owned(), at);
            }
        }
    }

    /// The `history` group.
    #[must_use]
    pub fn record(&self, patch_known: bool) -> Record {
        const SOURCE: &str = phrase::COLLECTOR_JOURNAL;
        let observed = match self.0.values().min() {
            Some(oldest) => Observed::known(Value::Time(*oldest), SOURCE),
            None if patch_known => Observed::absent(SOURCE),
            None => Observed::unreadable(Reason::DependsOn, phrase::NEEDS_UPDATES, SOURCE),
        };
        let mut record = Record::default();
        record.push("oldest_security_update_first_seen_at", observed);
        record
    }
}

/// Whether the lists of pending updates can be read at all.
#[must_use]
pub fn updates_known(patch: &Record) -> bool {
    security_names(patch).is_some()
}

fn security_names(patch: &Record) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    for list in ["updates", "held_updates"] {
        match patch.get(list)? {
            Observed::Known { value: Value::List(items), .. } => {
                names.extend(items.iter().filter_map(security_name));
            }
            Observed::Absent { .. } => {}
            Observed::Known { .. } | Observed::Unreadable { .. } | Observed::Withheld => return None,
        }
    }
    let count = |field| match patch.value(field) {
        Some(Value::Number(count)) => usize::try_from(*count).unwrap_or(0),
        _ => 0,
    };
    if count("pending_security_updates") + count("held_security_updates") > names.len() {
        names.push(UNNAMED);
    }
    Some(names)
}

fn security_name(update: &Value) -> Option<&str> {
    let Value::Record(update) = update else { return None };
    match (update.value("security"), update.value("name")) {
        (Some(Value::Bool(false)), _) => None,
        (_, Some(Value::Text(name))) => Some(name),
        _ => Some(UNNAMED),
    }
}

/// The `lifecycle` group of a host; an unlisted system is unreadable, never supported.
#[must_use]
pub fn lifecycle(lifecycles: &[Lifecycle], host: Option<&Record>) -> Record {
    let dates = release_of(lifecycles, host);
    let mut record = Record::default();
    for field in lifecycle_schema().fields {
        let observed = match &dates {
            Ok(dates) => {
                let date = match field.name {
                    "security_support_ends_at" => dates.security,
                    "long_term_support_ends_at" => dates.long_term,
                    _ => dates.security.max(dates.long_term),
                };
                match date {
                    Some(date) => Observed::known(Value::Time(date), dates.source.en.clone()),
                    None => Observed::absent(dates.source.en.clone()),
                }
            }
            Err(detail) => Observed::unreadable(Reason::DependsOn, detail.en.clone(), phrase::LIFECYCLE_PACKS),
        };
        record.push(field.name, observed);
    }
    record
}

/// Where the dates of a host's system were read, or why there are none, in both languages.
///
/// # Errors
/// Why the life-cycle packs say nothing of this host.
pub fn lifecycle_source(lifecycles: &[Lifecycle], host: Option<&Record>) -> Result<Text, Text> {
    release_of(lifecycles, host).map(|dates| dates.source)
}

struct Dates {
    security: Option<Timestamp>,
    long_term: Option<Timestamp>,
    source: Text,
}

fn release_of(lifecycles: &[Lifecycle], host: Option<&Record>) -> Result<Dates, Text> {
    let text = |field: &str| match host.and_then(|record| record.value(field)) {
        Some(Value::Text(text)) => Ok(text.as_str()),
        _ => Err(Text::new(format!("host.{field} が必要です"), format!("needs host.{field}"))),
    };
    let (os, version) = (text("os_id")?, text("os_version_id")?);
    let Some(lifecycle) = lifecycles.iter().find(|lifecycle| lifecycle.os_id == os) else {
        return Err(Text::new(
            format!("サポート期限のパックに `{os}` がありません"),
            format!("no life-cycle pack names the system `{os}`"),
        ));
    };
    let Some(release) = lifecycle.releases.iter().find(|release| release.version == version) else {
        return Err(Text::new(
            format!("`{os}` のサポート期限のパックに版 `{version}` がありません"),
            format!("the life-cycle pack of `{os}` does not name the version `{version}`"),
        ));
    };
    let mut source = release.source.as_ref().map_or_else(|| lifecycle.source.shown(), Source::shown);
    if release.recalled {
        source.ja.push_str("［未確認］");
        source.en.push_str(" [not confirmed]");
    }
    let (security, long_term) = (release.security_support_ends_at, release.long_term_support_ends_at);
    Ok(Dates { security, long_term, source })
}
