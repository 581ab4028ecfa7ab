//! Records as CEL values, borrowed: nothing is copied and nothing that was not read is touched.
//!
//! `Absent` is null. `Unreadable`, `Withheld` and what was not reported are missing keys, so whatever needs
//! them ends in an error, and an error is *unknown*. A moment is its whole milliseconds since 1970.

use cel::ExecutionError;
use cel::common::traits::{Indexer, Iterable, Iterator as CelIterator, Sizer};
use cel::common::types::{CelBool, CelInt, CelNull, CelString, LIST_TYPE, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use tenken_proto::observed::Observed;
use tenken_proto::value::{Record, Value};

static NULL: CelNull = CelNull;

/// A record: selecting a field is looking it up.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordVal<'r>(pub(super) &'r Record);

impl<'r> RecordVal<'r> {
    fn field<'b>(self, name: &str) -> Result<CowVal<'b, 'r>, ExecutionError> {
        match self.0.get(name) {
            Some(Observed::Known { value, .. }) => Ok(value_of(value)),
            Some(Observed::Absent { .. }) => Ok(CowVal::Borrowed(&NULL)),
            Some(Observed::Unreadable { .. } | Observed::Withheld) | None => Err(ExecutionError::no_such_key(name)),
        }
    }
}

fn value_of<'b, 'r>(value: &'r Value) -> CowVal<'b, 'r> {
    match value {
        Value::Bool(it) => CowVal::owned(CelBool::from(*it)),
        Value::Number(it) => CowVal::owned(CelInt::from(*it)),
        Value::Text(it) => CowVal::owned(CelString::from(it.as_str())),
        Value::Time(it) => CowVal::owned(CelInt::from(it.as_millisecond())),
        Value::List(items) => CowVal::owned(ListVal(items.iter().map(|item| value_of(item).into_owned()).collect())),
        Value::Record(record) => CowVal::owned(RecordVal(record)),
    }
}

impl Val for RecordVal<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Indexer for RecordVal<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        match key.downcast_ref::<CelString<'_>>() {
            Some(name) => self.field(name.inner()),
            None => Err(ExecutionError::no_such_key("a field's name is a text")),
        }
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

/// A list; its items borrow the record.
#[derive(Debug, Clone)]
struct ListVal<'r>(Vec<Box<dyn Val + 'r>>);

impl Val for ListVal<'_> {
    fn get_type(&self) -> &Type {
        &LIST_TYPE
    }

    fn cel_type() -> &'static Type {
        &LIST_TYPE
    }

    fn as_container(&self) -> Option<&dyn cel::common::traits::Container> {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl cel::common::traits::Container for ListVal<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.0.iter().any(|item| item.equals(value)))
    }
}

impl Sizer for ListVal<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

impl Iterable for ListVal<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn CelIterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Items(self.0.iter()))
    }
}

struct Items<'b, 'r>(std::slice::Iter<'b, Box<dyn Val + 'r>>);

impl<'b, 'v, 'r: 'v> CelIterator<'b, 'v> for Items<'b, 'r> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|item| &**item as &'b (dyn Val + 'v))
    }
}

/// Thresholds: `params.NAME`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParamsVal<'r>(pub(super) &'r [(String, i64)]);

impl Val for ParamsVal<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Indexer for ParamsVal<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = key.downcast_ref::<CelString<'_>>().map_or("", |name| name.inner());
        match self.0.iter().find(|(candidate, _)| candidate == name) {
            Some((_, value)) => Ok(CowVal::owned(CelInt::from(*value))),
            None => Err(ExecutionError::no_such_key(name)),
        }
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}
