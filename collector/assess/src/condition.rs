//! Conditions: CEL over the facts of one host.
//!
//! A condition is checked when its pack is read ([`check`]): every name and every type against the schemas
//! of the facts, no `has()`, no macro but `all` and `exists`, at most [`SOURCE_BYTES_MAX`] bytes and
//! [`DEPTH_MAX`] levels. When it runs, a fact that is missing makes it unknown, never true.
//!
//! Conditions cannot see time. A time rule names a moment ([`Moment`]) and what holds from then on.

mod check;
mod value;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::{Context, Env, Program};
use jiff::Timestamp;
use tenken_proto::observed::Observed;
use tenken_proto::value::{Record, Value};

pub use check::Ty;
use value::{ParamsVal, RecordVal};

/// Longest condition, in bytes.
pub const SOURCE_BYTES_MAX: usize = 1_024;
/// Deepest nesting of a condition, in brackets and in its parsed form.
pub const DEPTH_MAX: usize = 24;

/// The standard functions; built once.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// The facts of one host, by group.
pub trait Facts: Send + Sync {
    /// The group's record, derived fields included; none when it was never reported.
    fn group(&self, name: &str) -> Option<&Record>;
}

/// What is known of something that is true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It is so.
    Yes,
    /// It is not so.
    No,
    /// A fact is missing that would decide it.
    Unknown,
}

/// A mistake in a condition: where in its text, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Character of the text, from 0.
    pub offset: usize,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

/// Names and types that a condition may use beside the facts.
#[derive(Debug, Clone, Default)]
pub struct Scope<'a> {
    /// Names of the control's parameters.
    pub parameters: Vec<&'a str>,
    /// Variables bound around the condition: name, path of the fact, type.
    pub variables: Vec<(String, String, Ty)>,
}

/// A checked condition.
pub struct Condition {
    source: String,
    program: Program,
    reads: BTreeSet<String>,
    /// The condition is one field of a group or variable: looked up without the interpreter.
    field: Option<(String, String)>,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

impl Condition {
    /// Parses and checks a condition that must be of that type.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn compile(source: &str, wanted: &Ty, scope: &Scope<'_>) -> Result<Self, Vec<Mistake>> {
        check::bounds(source)?;
        let program = Program::compile(source).map_err(|errors| check::syntax(source, &errors))?;
        let reads = check::check(&program, source, wanted, scope)?;
        let field = check::plain_field(&program);
        Ok(Self { source: source.to_owned(), program, reads, field })
    }

    /// As it is written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The facts that it reads: `group.field`, and `group.field[].part` inside lists.
    #[must_use]
    pub fn reads(&self) -> &BTreeSet<String> {
        &self.reads
    }

    /// Whether it holds.
    pub fn holds(&self, facts: &dyn Facts, parameters: &[(String, i64)]) -> Truth {
        self.holds_for(facts, parameters, None)
    }

    fn holds_for(&self, facts: &dyn Facts, parameters: &[(String, i64)], item: Option<(&str, &Record)>) -> Truth {
        let names = Names { facts, parameters, item };
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&names);
        match cel::Value::resolve_val(self.program.expression(), &context) {
            Ok(value) => match value.downcast_ref::<cel::common::types::CelBool>() {
                Some(it) if *it.inner() => Truth::Yes,
                Some(_) => Truth::No,
                None => Truth::Unknown,
            },
            Err(_) => Truth::Unknown,
        }
    }

    fn time(&self, facts: &dyn Facts, parameters: &[(String, i64)], item: Option<(&str, &Record)>) -> When {
        if let Some((root, field)) = &self.field {
            let bound = item.filter(|(variable, _)| variable == root).map(|(_, record)| record);
            return match bound.or_else(|| facts.group(root)).and_then(|record| record.get(field)) {
                Some(Observed::Known { value: Value::Time(at), .. }) => When::At(to_the_millisecond(*at)),
                Some(Observed::Absent { .. }) => When::Absent,
                Some(Observed::Known { .. } | Observed::Unreadable { .. } | Observed::Withheld) | None => When::Unknown,
            };
        }
        let names = Names { facts, parameters, item };
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&names);
        match cel::Value::resolve_val(self.program.expression(), &context) {
            Ok(value) => match value.downcast_ref::<cel::common::types::CelInt>() {
                Some(it) => Timestamp::from_millisecond(*it.inner()).map_or(When::Unknown, When::At),
                None => When::Absent,
            },
            Err(_) => When::Unknown,
        }
    }
}

/// Moments count in whole milliseconds, as they travel.
fn to_the_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// A moment that facts name, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Then.
    At(Timestamp),
    /// Then or later: other items could not be read, and the newest counts.
    AtLeast(Timestamp),
    /// Then or earlier: other items could not be read, and the oldest counts.
    AtMost(Timestamp),
    /// Looked, and there is none.
    Absent,
    /// No item is concerned.
    NoItem,
    /// Could not be read.
    Unknown,
}

/// Which of several moments counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The newest.
    Latest,
    /// The oldest.
    Earliest,
}

/// The moment of a time rule.
#[derive(Debug)]
pub enum Moment {
    /// One expression.
    One(Condition),
    /// Over the items of a list.
    Each(Box<Each>),
}

/// A moment that the items of a list name.
#[derive(Debug)]
pub struct Each {
    /// The list's group and field.
    pub list: (String, String),
    /// The variable's name.
    pub variable: String,
    /// Which items count.
    pub filter: Option<Condition>,
    /// The moment of one item.
    pub at: Condition,
    /// Which of them.
    pub pick: Pick,
}

impl Moment {
    /// It is the same moment.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let source = |condition: &Condition| condition.source.clone();
        match (self, other) {
            (Self::One(a), Self::One(b)) => a.source == b.source,
            (Self::Each(a), Self::Each(b)) => {
                (&a.list, &a.variable, a.pick, &a.at.source) == (&b.list, &b.variable, b.pick, &b.at.source)
                    && a.filter.as_ref().map(source) == b.filter.as_ref().map(source)
            }
            (Self::One(_), Self::Each(_)) | (Self::Each(_), Self::One(_)) => false,
        }
    }

    /// The facts that it reads.
    pub fn reads(&self) -> BTreeSet<String> {
        match self {
            Self::One(condition) => condition.reads.clone(),
            Self::Each(each) => {
                let mut reads = each.at.reads.clone();
                reads.extend(each.filter.iter().flat_map(|filter| filter.reads.iter().cloned()));
                reads.insert(format!("{}.{}", each.list.0, each.list.1));
                reads
            }
        }
    }

    /// When it is.
    pub fn when(&self, facts: &dyn Facts, parameters: &[(String, i64)]) -> When {
        match self {
            Self::One(at) => at.time(facts, parameters, None),
            Self::Each(each) => each.when(facts, parameters),
        }
    }
}

impl Each {
    fn when(&self, facts: &dyn Facts, parameters: &[(String, i64)]) -> When {
        match facts.group(&self.list.0).and_then(|record| record.get(&self.list.1)) {
            Some(Observed::Known { value: Value::List(items), .. }) => {
                combine(items.iter().filter_map(|item| self.of_item(item, facts, parameters)), self.pick)
            }
            Some(Observed::Absent { .. }) => When::NoItem,
            Some(Observed::Known { .. } | Observed::Unreadable { .. } | Observed::Withheld) | None => When::Unknown,
        }
    }

    fn of_item(&self, item: &Value, facts: &dyn Facts, parameters: &[(String, i64)]) -> Option<When> {
        let Value::Record(item) = item else { return Some(When::Unknown) };
        let bound = Some((self.variable.as_str(), item));
        match self.filter.as_ref().map_or(Truth::Yes, |filter| filter.holds_for(facts, parameters, bound)) {
            Truth::No => None,
            Truth::Unknown => Some(When::Unknown),
            Truth::Yes => Some(self.at.time(facts, parameters, bound)),
        }
    }
}

fn combine(moments: impl Iterator<Item = When>, pick: Pick) -> When {
    let (mut best, mut unknown, mut absent): (Option<Timestamp>, bool, bool) = (None, false, false);
    for moment in moments {
        match moment {
            When::At(at) | When::AtLeast(at) | When::AtMost(at) => {
                best = Some(best.map_or(at, |best| match pick {
                    Pick::Latest => best.max(at),
                    Pick::Earliest => best.min(at),
                }));
            }
            When::Unknown => unknown = true,
            When::Absent => absent = true,
            When::NoItem => {}
        }
    }
    match (best, unknown, pick) {
        (Some(best), false, _) => When::At(best),
        (Some(best), true, Pick::Latest) => When::AtLeast(best),
        (Some(best), true, Pick::Earliest) => When::AtMost(best),
        (None, true, _) => When::Unknown,
        (None, false, _) if absent => When::Absent,
        (None, false, _) => When::NoItem,
    }
}

struct Names<'a> {
    facts: &'a dyn Facts,
    parameters: &'a [(String, i64)],
    item: Option<(&'a str, &'a Record)>,
}

impl VariableResolver for Names<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if let Some((variable, record)) = self.item
            && variable == name
        {
            return Some(CowVal::owned(RecordVal(record)));
        }
        if name == check::PARAMS {
            return Some(CowVal::owned(ParamsVal(self.parameters)));
        }
        self.facts.group(name).map(|record| CowVal::owned(RecordVal(record)))
    }
}

#[cfg(test)]
mod tests;
