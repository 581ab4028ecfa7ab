//! Observations → the groups that changed.
//!
//! What was reported last is kept, with its digest; an observation whose bytes are the same is only *seen*. A
//! field with a hysteresis keeps its last reported value until the change is large enough, inside lists too:
//! there an item is the same one when its first field (the one that names it) is the same. The total digest is
//! that of what was reported, so it is what the collector must hold once everything is delivered.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tenken_proto::convert::{decode_body, encode_body};
use tenken_proto::fact::{FieldSchema, GroupName, GroupSchema, Kind};
use tenken_proto::ident::Digest;
use tenken_proto::observed::Observed;
use tenken_proto::report::{Group, total_digest};
use tenken_proto::value::{Record, Value};

use crate::probe::Observation;

/// What was reported last, of each group.
#[derive(Debug, Default)]
pub struct Reported {
    groups: BTreeMap<GroupName, Last>,
}

#[derive(Debug)]
struct Last {
    group: Group,
    digest: Digest,
}

/// What one observation means for the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// To be reported.
    Changed(Group),
    /// As reported before; looked at again at that time.
    Seen(GroupName, Timestamp),
}

impl Reported {
    /// Takes an observation and says whether it has to be reported.
    pub fn take(&mut self, observation: Observation, schema: Option<&GroupSchema>) -> Outcome {
        let Observation { name, schema_version, mut record, observed_at } = observation;
        let last = self.groups.get_mut(&name);
        if let (Some(last), Some(schema)) = (&last, schema)
            && last.group.schema_version == schema_version
            && has_hysteresis(&schema.fields)
            && let Ok(reported) = decode_body(&last.group.body)
        {
            keep_small_changes(&schema.fields, &reported, &mut record);
        }
        let body = encode_body(&record);
        if let Some(last) = last
            && last.group.body == body
            && last.group.schema_version == schema_version
        {
            last.group.observed_at = observed_at;
            return Outcome::Seen(name, observed_at);
        }
        let group = Group { name: name.clone(), schema_version, body, observed_at };
        self.groups.insert(name, Last { digest: group.digest(), group: group.clone() });
        Outcome::Changed(group)
    }

    /// Every group, as it was reported last.
    #[must_use]
    pub fn all(&self) -> Vec<Group> {
        self.groups.values().map(|last| last.group.clone()).collect()
    }

    /// The digest over all groups.
    #[must_use]
    pub fn total(&self) -> Digest {
        total_digest(self.groups.iter().map(|(name, last)| (name, last.digest)))
    }
}

fn has_hysteresis(fields: &[FieldSchema]) -> bool {
    fields.iter().any(|field| field.hysteresis_percent.is_some() || has_hysteresis(inner(&field.kind)))
}

fn inner(kind: &Kind) -> &[FieldSchema] {
    match kind {
        Kind::Record(fields) => fields,
        Kind::List(item) => inner(item),
        Kind::Bool | Kind::Number | Kind::Text | Kind::OneOf(_) | Kind::Time => &[],
    }
}

/// Puts the reported value where the new one differs by less than the field's share.
fn keep_small_changes(fields: &[FieldSchema], reported: &Record, record: &mut Record) {
    for field in fields {
        let Some(Observed::Known { value: old, source: old_source }) = reported.get(field.name) else { continue };
        let new = record.fields.iter_mut().find(|(name, _)| name == field.name);
        let Some((_, Observed::Known { value: new, source })) = new else { continue };
        match field.hysteresis_percent {
            Some(percent) => {
                if source == old_source && is_small(old, new, percent) {
                    new.clone_from(old);
                }
            }
            None => keep_inside(&field.kind, old, new),
        }
    }
}

fn keep_inside(kind: &Kind, old: &Value, new: &mut Value) {
    match (kind, old, new) {
        (Kind::Record(fields), Value::Record(old), Value::Record(new)) => keep_small_changes(fields, old, new),
        (Kind::List(item), Value::List(old), Value::List(new)) => {
            for new in new {
                if let Some(old) = old.iter().find(|old| same_item(old, new)) {
                    keep_inside(item, old, new);
                }
            }
        }
        _ => {}
    }
}

fn same_item(old: &Value, new: &Value) -> bool {
    let (Value::Record(old), Value::Record(new)) = (old, new) else { return false };
    match (old.fields.first(), new.fields.first()) {
        (Some((_, old)), Some((_, new))) => old.value().is_some() && old.value() == new.value(),
        (Some(_) | None, _) => false,
    }
}

fn is_small(old: &Value, new: &Value, percent: u8) -> bool {
    let (Value::Number(old), Value::Number(new)) = (old, new) else { return false };
    let change = i128::from(*new).abs_diff(i128::from(*old));
    change * 100 < u128::from(old.unsigned_abs()) * u128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(text: &str, free: i64, logs: &[(&str, i64)], at: i64) -> Observation {
        let mut record = Record::default();
        record.push("name", Observed::seen(Value::Text(text.to_owned())));
        record.push("free", Observed::seen(Value::Number(free)));
        let logs = logs.iter().map(|(path, size)| {
            let mut log = Record::default();
            log.push("path", Observed::seen(Value::Text((*path).to_owned())));
            log.push("size", Observed::seen(Value::Number(*size)));
            Value::Record(log)
        });
        record.push("logs", Observed::seen(Value::List(logs.collect())));
        Observation {
            name: "log_retention".parse().expect("a name"),
            schema_version: 1,
            record,
            observed_at: Timestamp::from_second(at).expect("a time"),
        }
    }

    fn schema() -> GroupSchema {
        let field = |name, kind, hysteresis_percent| FieldSchema {
            name,
            doc: "",
            kind,
            hysteresis_percent,
            personal: false,
            derived: false,
        };
        let log = vec![field("path", Kind::Text, None), field("size", Kind::Number, Some(10))];
        GroupSchema {
            name: "log_retention",
            version: 1,
            doc: "",
            fields: vec![
                field("name", Kind::Text, None),
                field("free", Kind::Number, Some(10)),
                field("logs", Kind::List(Box::new(Kind::Record(log))), None),
            ],
        }
    }

    fn changed(reported: &mut Reported, observation: Observation) -> bool {
        match reported.take(observation, Some(&schema())) {
            Outcome::Changed(_) => true,
            Outcome::Seen(..) => false,
        }
    }

    #[test]
    fn only_what_changed_is_reported() {
        let mut reported = Reported::default();
        assert!(changed(&mut reported, observation("a", 100, &[], 1)));
        let total = reported.total();
        assert!(!changed(&mut reported, observation("a", 100, &[], 2)));
        assert_eq!(reported.total(), total);
        assert_eq!(reported.all()[0].observed_at.as_second(), 2, "seen again");
        assert!(changed(&mut reported, observation("b", 100, &[], 3)));
        assert_ne!(reported.total(), total);
    }

    #[test]
    fn a_change_within_the_share_keeps_the_reported_value_and_does_not_creep() {
        let mut reported = Reported::default();
        assert!(changed(&mut reported, observation("a", 1_000, &[], 1)));
        for step in 1..10 {
            assert!(!changed(&mut reported, observation("a", 1_000 - step * 10, &[], 2)), "9 % in small steps");
        }
        assert!(changed(&mut reported, observation("a", 900, &[], 3)), "10 % from what was reported");
        assert!(changed(&mut reported, observation("a", 0, &[], 4)));
        assert!(changed(&mut reported, observation("a", 1, &[], 5)), "any change from nothing");
    }

    #[test]
    fn another_field_takes_nothing_volatile_with_it() {
        let mut reported = Reported::default();
        changed(&mut reported, observation("a", 1_000, &[("/a", 50)], 1));
        let Outcome::Changed(group) = reported.take(observation("b", 1_001, &[("/a", 51)], 2), Some(&schema())) else {
            panic!("the name changed");
        };
        let record = decode_body(&group.body).expect("a record");
        assert_eq!(record.value("free"), Some(&Value::Number(1_000)));
    }

    #[test]
    fn items_of_a_list_are_known_by_their_first_field() {
        let mut reported = Reported::default();
        assert!(changed(&mut reported, observation("a", 1, &[("/a", 1_000), ("/b", 10)], 1)));
        assert!(!changed(&mut reported, observation("a", 1, &[("/a", 1_050), ("/b", 10)], 2)));
        assert!(changed(&mut reported, observation("a", 1, &[("/b", 10), ("/a", 1_050)], 3)), "another order");
        assert!(changed(&mut reported, observation("a", 1, &[("/b", 20), ("/a", 1_050)], 4)));
        assert!(changed(&mut reported, observation("a", 1, &[("/b", 20)], 5)), "a log has gone");
    }

    #[test]
    fn another_state_is_a_change() {
        let mut reported = Reported::default();
        changed(&mut reported, observation("a", 1_000, &[], 1));
        let mut gone = observation("a", 1_000, &[], 2);
        gone.record.fields[1].1 = Observed::absent("");
        assert!(changed(&mut reported, gone));
    }
}
