//! The facts: one file per group, plain structs, each field an [`Observed`].
//!
//! A group is declared once, with the macros below; from that declaration come its encoding to a
//! [`Record`], its reading back, and its [`GroupSchema`]: the names and kinds against which pack conditions
//! are checked, and the list of what leaves a host (`tenken-agent notice`).
//!
//! To add a fact, follow the recipe in `proto/README.md`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observed::Observed;
use crate::value::{Record, Value, bounded_text};

pub mod antivirus;
pub mod host;
pub mod log_retention;
pub mod patch;
pub mod usb;

/// Name of a fact group: 1 to 32 of `a-z`, `0-9` and `_`, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(String);

impl GroupName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no group name.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{0}` is not a group name: 1 to 32 of a-z, 0-9 and _, starting with a letter")]
pub struct NotAGroupName(String);

impl FromStr for GroupName {
    type Err = NotAGroupName;
    fn from_str(text: &str) -> Result<Self, NotAGroupName> {
        let named = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        let first = text.bytes().next().is_some_and(|c| c.is_ascii_lowercase());
        if first && text.len() <= 32 && text.bytes().all(named) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAGroupName(bounded_text(text.to_owned())))
        }
    }
}

impl TryFrom<String> for GroupName {
    type Error = NotAGroupName;
    fn try_from(text: String) -> Result<Self, NotAGroupName> {
        text.parse()
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> Self {
        name.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of value a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no.
    Bool,
    /// A whole number.
    Number,
    /// Free text.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A moment.
    Time,
    /// Several of a kind.
    List(Box<Kind>),
    /// Named fields.
    Record(Vec<FieldSchema>),
}

/// One field of a group or of a record inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSchema {
    /// The name in records, in JSON and in conditions.
    pub name: &'static str,
    /// What it means, in English, as its declaration says.
    pub doc: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// A change smaller than this share of the last reported value is not reported.
    pub hysteresis_percent: Option<u8>,
    /// Can be linked to a person: stays withheld until the notice date is entered.
    pub personal: bool,
    /// Computed from other fields by a pure function wherever facts are read; never sent.
    pub derived: bool,
}

/// One group of facts that one probe observes in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSchema {
    /// The name.
    pub name: &'static str,
    /// Rises when a field changes its meaning or leaves; a new field does not raise it.
    pub version: u32,
    /// What it is about, in English.
    pub doc: &'static str,
    /// Its fields in order, derived ones last.
    pub fields: Vec<FieldSchema>,
}

/// A group with a Rust type.
pub trait FactGroup: Sized {
    /// The group's name.
    const NAME: &'static str;
    /// The schema version that this program writes.
    const VERSION: u32;
    /// Names, kinds and meanings.
    fn schema() -> GroupSchema;
    /// For encoding.
    fn into_record(self) -> Record;
    /// From a record of this or another version: a missing field is unreadable, an unknown one is ignored.
    fn from_record(record: &Record) -> Self;
    /// The group's name, as a name.
    #[must_use]
    fn name() -> GroupName {
        GroupName(Self::NAME.to_owned())
    }
}

/// A Rust type that a field can hold.
pub trait FactValue: Sized {
    /// The kind of value it is.
    fn kind() -> Kind;
    /// For encoding.
    fn into_value(self) -> Value;
    /// None when the value is of another kind or word.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FactValue for bool {
    fn kind() -> Kind {
        Kind::Bool
    }
    fn into_value(self) -> Value {
        Value::Bool(self)
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Bool(it) = value { Some(*it) } else { None }
    }
}

impl FactValue for u64 {
    fn kind() -> Kind {
        Kind::Number
    }
    fn into_value(self) -> Value {
        Value::Number(i64::try_from(self).unwrap_or(i64::MAX))
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Number(it) = value { Self::try_from(*it).ok() } else { None }
    }
}

impl FactValue for String {
    fn kind() -> Kind {
        Kind::Text
    }
    fn into_value(self) -> Value {
        Value::Text(bounded_text(self))
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(it) = value { Some(it.clone()) } else { None }
    }
}

impl FactValue for Timestamp {
    fn kind() -> Kind {
        Kind::Time
    }
    fn into_value(self) -> Value {
        Value::Time(self)
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Time(it) = value { Some(*it) } else { None }
    }
}

impl<T: FactValue> FactValue for Vec<T> {
    fn kind() -> Kind {
        Kind::List(Box::new(T::kind()))
    }
    fn into_value(self) -> Value {
        Value::List(self.into_iter().map(T::into_value).collect())
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::List(items) = value { items.iter().map(T::from_value).collect() } else { None }
    }
}

/// Reads one field of a record; what is missing or of another kind is unreadable, never absent.
pub fn read_field<T: FactValue>(record: &Record, name: &str) -> Observed<T> {
    use crate::observed::Reason;
    match record.get(name) {
        None => Observed::unreadable(Reason::Unsupported, crate::phrase::OLDER_AGENT, ""),
        Some(Observed::Known { value, source }) => match T::from_value(value) {
            Some(value) => Observed::known(value, source.clone()),
            None => Observed::unreadable(Reason::Malformed, format!("`{name}` is of another kind"), source.clone()),
        },
        Some(Observed::Absent { source }) => Observed::absent(source.clone()),
        Some(Observed::Unreadable { reason, detail, source }) => {
            Observed::unreadable(reason.clone(), detail.clone(), source.clone())
        }
        Some(Observed::Withheld) => Observed::Withheld,
    }
}

macro_rules! words {
    ($(#[doc = $doc:literal])+ pub enum $name:ident { $($(#[doc = $wdoc:literal])+ $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[doc = $wdoc])+ $variant),+ }

        impl $name {
            /// The word in records and conditions.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl $crate::fact::FactValue for $name {
            fn kind() -> $crate::fact::Kind {
                $crate::fact::Kind::OneOf(&[$($word),+])
            }
            fn into_value(self) -> $crate::value::Value {
                $crate::value::Value::Text(self.word().to_owned())
            }
            fn from_value(value: &$crate::value::Value) -> Option<Self> {
                let $crate::value::Value::Text(text) = value else { return None };
                match text.as_str() { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use words;

macro_rules! field_schema {
    ($name:ident, [$($doc:literal)+], $kind:ty, [$($percent:literal)?], [$($personal:ident)?]) => {{
        #[allow(unused_mut, clippy::allow_attributes, reason = "mutated only where the field has a mark")]
        let mut field = $crate::fact::FieldSchema {
            name: stringify!($name),
            doc: concat!($($doc),+).trim_ascii_start_str(),
            kind: <$kind as $crate::fact::FactValue>::kind(),
            hysteresis_percent: None,
            personal: false,
            derived: false,
        };
        $(field.hysteresis_percent = Some($percent);)?
        $(field.personal = stringify!($personal) == "personal";)?
        field
    }};
}
pub(crate) use field_schema;

/// Trims the space that a doc comment starts with.
pub(crate) trait TrimDoc {
    /// Without leading white space.
    fn trim_ascii_start_str(&self) -> &str;
}

impl TrimDoc for str {
    fn trim_ascii_start_str(&self) -> &str {
        self.trim_ascii_start()
    }
}

macro_rules! fact_record {
    ($(#[doc = $doc:literal])+ pub struct $name:ident {
        $($(#[doc = $fdoc:literal])+ $field:ident: $kind:ty $([hysteresis $percent:literal])? $({$personal:ident})?),+ $(,)?
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $($(#[doc = $fdoc])+ pub $field: $crate::observed::Observed<$kind>),+ }

        impl $name {
            fn fields() -> Vec<$crate::fact::FieldSchema> {
                #[allow(unused_imports, clippy::allow_attributes, reason = "trait for the macro's doc texts")]
                use $crate::fact::TrimDoc as _;
                vec![$($crate::fact::field_schema!($field, [$($fdoc)+], $kind, [$($percent)?], [$($personal)?])),+]
            }

            fn into_fields(self) -> $crate::value::Record {
                let mut record = $crate::value::Record::default();
                $(record.push(stringify!($field), self.$field.map(<$kind as $crate::fact::FactValue>::into_value));)+
                record
            }

            fn of_fields(record: &$crate::value::Record) -> Self {
                Self { $($field: $crate::fact::read_field(record, stringify!($field))),+ }
            }
        }

        impl $crate::fact::FactValue for $name {
            fn kind() -> $crate::fact::Kind {
                $crate::fact::Kind::Record(Self::fields())
            }
            fn into_value(self) -> $crate::value::Value {
                $crate::value::Value::Record(self.into_fields())
            }
            fn from_value(value: &$crate::value::Value) -> Option<Self> {
                if let $crate::value::Value::Record(record) = value { Some(Self::of_fields(record)) } else { None }
            }
        }
    };
}
pub(crate) use fact_record;

macro_rules! fact_group {
    ($(#[doc = $doc:literal])+ pub struct $name:ident = $group:literal version $version:literal { $($body:tt)+ }) => {
        $crate::fact::fact_record! { $(#[doc = $doc])+ pub struct $name { $($body)+ } }

        impl $crate::fact::FactGroup for $name {
            const NAME: &'static str = $group;
            const VERSION: u32 = $version;
            fn schema() -> $crate::fact::GroupSchema {
                use $crate::fact::TrimDoc as _;
                $crate::fact::GroupSchema {
                    name: $group,
                    version: $version,
                    doc: concat!($($doc),+).trim_ascii_start_str(),
                    fields: Self::fields(),
                }
            }
            fn into_record(self) -> $crate::value::Record {
                self.into_fields()
            }
            fn from_record(record: &$crate::value::Record) -> Self {
                Self::of_fields(record)
            }
        }
    };
}
pub(crate) use fact_group;

/// Every group that this version knows, with its derived fields, in the order in which they are shown.
#[must_use]
pub fn schemas() -> Vec<GroupSchema> {
    vec![
        host::Host::schema(),
        patch::Patch::schema(),
        antivirus::Antivirus::schema(),
        usb::Usb::schema(),
        log_retention::schema_with_derived(),
    ]
}

/// The record with its derived fields added, as everything that reads facts sees it.
#[must_use]
pub fn with_derived(group: &GroupName, record: Record) -> Record {
    match group.as_str() {
        log_retention::LogRetention::NAME => log_retention::with_derived(record),
        _ => record,
    }
}
