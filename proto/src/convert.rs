//! Wire to domain and back: the only place that sees both. Every refusal names the field.

use std::fmt;

use jiff::Timestamp;
use prost::Message as _;

use crate::fact::{FactGroup, GroupName};
use crate::ident::{Epoch, Sequence};
use crate::observed::{Observed, Reason};
use crate::report::{BODY_BYTES_MAX, Dropped, GROUPS_MAX, Group, Report};
use crate::value::{DEPTH_MAX, LIST_ITEMS_MAX, RECORD_FIELDS_MAX, Record, TEXT_BYTES_MAX, Value};
use crate::wire;

/// A message that is not what the protocol says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {problem}")]
pub struct Malformed {
    /// Where, as a path of field names.
    pub field: String,
    /// What is wrong with it, and what is allowed.
    pub problem: String,
}

fn malformed(field: impl Into<String>, problem: impl Into<String>) -> Malformed {
    Malformed { field: field.into(), problem: problem.into() }
}

/// The canonical bytes of a record.
#[must_use]
pub fn encode_body(record: &Record) -> Vec<u8> {
    wire_record(record).encode_to_vec()
}

/// A typed fact group as it travels.
pub fn encode_group<G: FactGroup>(group: G, observed_at: Timestamp) -> Group {
    Group { name: G::name(), schema_version: G::VERSION, body: encode_body(&group.into_record()), observed_at }
}

/// Reads canonical bytes, within the limits of [`crate::value`].
///
/// # Errors
/// [`Malformed`] with the path of the field that breaks the form or a limit.
pub fn decode_body(body: &[u8]) -> Result<Record, Malformed> {
    if body.len() > BODY_BYTES_MAX {
        return Err(malformed("body", format!("{} bytes, allowed {BODY_BYTES_MAX}", body.len())));
    }
    let record = wire::Record::decode(body).map_err(|error| malformed("body", error.to_string()))?;
    domain_record(record, &Place { within: None, name: "body" }, 0)
}

/// Milliseconds since 1970 as a moment.
///
/// # Errors
/// [`Malformed`] when it is outside the years that can be written.
pub fn timestamp(unix_ms: i64, field: &str) -> Result<Timestamp, Malformed> {
    moment(unix_ms, || field.to_owned())
}

fn moment(unix_ms: i64, field: impl FnOnce() -> String) -> Result<Timestamp, Malformed> {
    Timestamp::from_millisecond(unix_ms).map_err(|_| malformed(field(), "no time that can be written"))
}

impl From<Report> for wire::Report {
    fn from(report: Report) -> Self {
        Self {
            epoch: report.epoch.0,
            sequence: report.sequence.0,
            group: report.groups.into_iter().map(wire::Group::from).collect(),
            dropped: report.dropped.map(|dropped| wire::Dropped {
                count: dropped.count,
                first_unix_ms: dropped.first.as_millisecond(),
                last_unix_ms: dropped.last.as_millisecond(),
                reason: dropped.reason,
            }),
        }
    }
}

impl TryFrom<wire::Report> for Report {
    type Error = Malformed;
    fn try_from(report: wire::Report) -> Result<Self, Malformed> {
        if report.sequence == 0 {
            return Err(malformed("sequence", "is 0; the first report of an epoch is 1"));
        }
        if report.group.len() > GROUPS_MAX {
            return Err(malformed("group", format!("{} groups, allowed {GROUPS_MAX}", report.group.len())));
        }
        if report.group.is_empty() && report.dropped.is_none() {
            return Err(malformed("group", "no group and no drop count: nothing is reported"));
        }
        let groups = report.group.into_iter().map(Group::try_from).collect::<Result<Vec<_>, _>>()?;
        for (index, group) in groups.iter().enumerate() {
            if groups[..index].iter().any(|earlier| earlier.name == group.name) {
                return Err(malformed("group.name", format!("`{}` twice", group.name)));
            }
        }
        Ok(Self {
            epoch: Epoch(report.epoch),
            sequence: Sequence(report.sequence),
            groups,
            dropped: report.dropped.map(Dropped::try_from).transpose()?,
        })
    }
}

impl From<Group> for wire::Group {
    fn from(group: Group) -> Self {
        Self {
            name: group.name.as_str().to_owned(),
            schema_version: group.schema_version,
            body: group.body.into(),
            observed_unix_ms: group.observed_at.as_millisecond(),
        }
    }
}

impl TryFrom<wire::Group> for Group {
    type Error = Malformed;
    fn try_from(group: wire::Group) -> Result<Self, Malformed> {
        let name: GroupName = group
            .name
            .parse()
            .map_err(|error: crate::fact::NotAGroupName| malformed("group.name", error.to_string()))?;
        if group.body.len() > BODY_BYTES_MAX {
            return Err(malformed("group.body", format!("{} bytes, allowed {BODY_BYTES_MAX}", group.body.len())));
        }
        Ok(Self {
            name,
            schema_version: group.schema_version,
            body: group.body.into(),
            observed_at: timestamp(group.observed_unix_ms, "group.observed_unix_ms")?,
        })
    }
}

impl TryFrom<wire::Dropped> for Dropped {
    type Error = Malformed;
    fn try_from(dropped: wire::Dropped) -> Result<Self, Malformed> {
        if dropped.reason.len() > TEXT_BYTES_MAX {
            return Err(malformed("dropped.reason", format!("longer than {TEXT_BYTES_MAX} bytes")));
        }
        Ok(Self {
            count: dropped.count,
            first: timestamp(dropped.first_unix_ms, "dropped.first_unix_ms")?,
            last: timestamp(dropped.last_unix_ms, "dropped.last_unix_ms")?,
            reason: dropped.reason,
        })
    }
}

fn wire_record(record: &Record) -> wire::Record {
    let field = record
        .fields
        .iter()
        .map(|(name, observed)| wire::Field { name: name.clone(), observed: Some(wire_observed(observed)) })
        .collect();
    wire::Record { field }
}

fn wire_observed(observed: &Observed<Value>) -> wire::Observed {
    use wire::observed::State;
    let state = match observed {
        Observed::Known { value, .. } => State::Known(wire_value(value)),
        Observed::Absent { .. } => State::Absent(wire::Absent {}),
        Observed::Unreadable { reason, detail, .. } => {
            State::Unreadable(wire::Unreadable { reason: reason.code().to_owned(), detail: detail.clone() })
        }
        Observed::Withheld => State::Withheld(wire::Withheld {}),
    };
    wire::Observed { state: Some(state), source: observed.source().to_owned() }
}

fn wire_value(value: &Value) -> wire::Value {
    use wire::value::Kind;
    let kind = match value {
        Value::Bool(it) => Kind::Bool(*it),
        Value::Number(it) => Kind::Number(*it),
        Value::Text(it) => Kind::Text(it.clone()),
        Value::Time(it) => Kind::TimeUnixMs(it.as_millisecond()),
        Value::List(items) => Kind::List(wire::List { item: items.iter().map(wire_value).collect() }),
        Value::Record(record) => Kind::Record(wire_record(record)),
    };
    wire::Value { kind: Some(kind) }
}

/// Where in a body: written out only when something is wrong there.
#[derive(Clone, Copy)]
struct Place<'a> {
    within: Option<&'a Place<'a>>,
    name: &'a str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(within) = self.within {
            write!(f, "{within}.")?;
        }
        f.write_str(self.name)
    }
}

fn domain_record(record: wire::Record, place: &Place<'_>, depth: usize) -> Result<Record, Malformed> {
    if depth > DEPTH_MAX {
        return Err(malformed(place.to_string(), format!("nested deeper than {DEPTH_MAX}")));
    }
    if record.field.len() > RECORD_FIELDS_MAX {
        let told = format!("{} fields, allowed {RECORD_FIELDS_MAX}", record.field.len());
        return Err(malformed(place.to_string(), told));
    }
    let mut fields: Vec<(String, Observed<Value>)> = Vec::with_capacity(record.field.len());
    for field in record.field {
        let name = bounded(field.name, place)?;
        let at = Place { within: Some(place), name: &name };
        if fields.iter().any(|(earlier, _)| *earlier == name) {
            return Err(malformed(at.to_string(), "twice"));
        }
        let observed = field.observed.ok_or_else(|| malformed(at.to_string(), "no observation"))?;
        let observed = domain_observed(observed, &at, depth)?;
        fields.push((name, observed));
    }
    Ok(Record { fields })
}

fn domain_observed(observed: wire::Observed, place: &Place<'_>, depth: usize) -> Result<Observed<Value>, Malformed> {
    use wire::observed::State;
    let source = bounded(observed.source, place)?;
    Ok(match observed.state.ok_or_else(|| malformed(place.to_string(), "no state"))? {
        State::Known(value) => Observed::Known { value: domain_value(value, place, depth)?, source },
        State::Absent(wire::Absent {}) => Observed::Absent { source },
        State::Unreadable(unreadable) => Observed::Unreadable {
            reason: Reason::from(bounded(unreadable.reason, place)?),
            detail: bounded(unreadable.detail, place)?,
            source,
        },
        State::Withheld(wire::Withheld {}) => Observed::Withheld,
    })
}

fn domain_value(value: wire::Value, place: &Place<'_>, depth: usize) -> Result<Value, Malformed> {
    use wire::value::Kind;
    Ok(match value.kind.ok_or_else(|| malformed(place.to_string(), "no value"))? {
        Kind::Bool(it) => Value::Bool(it),
        Kind::Number(it) => Value::Number(it),
        Kind::Text(it) => Value::Text(bounded(it, place)?),
        Kind::TimeUnixMs(it) => Value::Time(moment(it, || place.to_string())?),
        Kind::List(list) => {
            if list.item.len() > LIST_ITEMS_MAX {
                let told = format!("{} items, allowed {LIST_ITEMS_MAX}", list.item.len());
                return Err(malformed(place.to_string(), told));
            }
            if depth >= DEPTH_MAX {
                return Err(malformed(place.to_string(), format!("nested deeper than {DEPTH_MAX}")));
            }
            let items = list.item.into_iter().map(|item| domain_value(item, place, depth + 1));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Kind::Record(record) => Value::Record(domain_record(record, place, depth + 1)?),
    })
}

fn bounded(text: String, place: &Place<'_>) -> Result<String, Malformed> {
    if text.len() > TEXT_BYTES_MAX {
        let told = format!("text of {} bytes, allowed {TEXT_BYTES_MAX}", text.len());
        return Err(malformed(place.to_string(), told));
    }
    Ok(text)
}
