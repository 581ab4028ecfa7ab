//! Names and types of a condition, before it ever runs.
//!
//! A comparison of a text with a number, a word that a fact never says, a field that no schema has: each is
//! found here with its place. What passes can fail at run time only because a fact is missing.

use std::collections::BTreeSet;

use cel::common::ast::SourceInfo;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators};
use cel::{IdedExpr, ParseErrors, Program};
use tenken_proto::fact::{FieldSchema, Kind};

use super::{DEPTH_MAX, Mistake, SOURCE_BYTES_MAX, Scope};
use crate::derived::schemas;
use crate::pack::nearest;

/// The name under which parameters stand.
pub(super) const PARAMS: &str = "params";

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ty {
    /// Yes or no.
    Bool,
    /// A whole number.
    Number,
    /// Free text.
    Text,
    /// A text that stands in the condition itself.
    Literal(String),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A moment.
    Time,
    /// Several of a type.
    List(Box<Ty>),
    /// Named fields.
    Record(Vec<FieldSchema>),
    /// What is absent.
    Null,
    /// A mistake was already noted.
    Broken,
}

impl Ty {
    /// The type of a field's values.
    #[must_use]
    pub fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool,
            Kind::Number => Self::Number,
            Kind::Text => Self::Text,
            Kind::OneOf(words) => Self::OneOf(words),
            Kind::Time => Self::Time,
            Kind::List(item) => Self::List(Box::new(Self::of(item))),
            Kind::Record(fields) => Self::Record(fields.clone()),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Literal(text) => format!("the text '{text}'"),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::Time => "a moment".to_owned(),
            Self::List(item) => format!("a list of {}", item.name()),
            Self::Record(_) => "named fields".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Broken => "?".to_owned(),
        }
    }

    /// Values of the two types can be equal.
    fn meets(&self, other: &Self) -> bool {
        use Ty::{Bool, Broken, List, Literal, Null, Number, OneOf, Record, Text, Time};
        match (self, other) {
            (Broken, _) | (_, Broken) => true,
            (Null, it) | (it, Null) => !matches!(it, Record(_)),
            (OneOf(words), Literal(text)) | (Literal(text), OneOf(words)) => words.contains(&text.as_str()),
            (Text | Literal(_), Text | Literal(_))
            | (Text, OneOf(_))
            | (OneOf(_), Text)
            | (Bool, Bool)
            | (Number, Number)
            | (Time, Time) => true,
            (OneOf(a), OneOf(b)) => a.iter().any(|word| b.contains(word)),
            (List(_) | Record(_) | Bool | Number | Time | Text | Literal(_) | OneOf(_), _) => false,
        }
    }
}

/// `root.field`, when the condition is nothing else.
pub(super) fn plain_field(program: &Program) -> Option<(String, String)> {
    let Expr::Select(select) = &program.expression().expr else { return None };
    let Expr::Ident(root) = &select.operand.expr else { return None };
    (root != PARAMS && !select.test).then(|| (root.clone(), select.field.clone()))
}

/// Length and brackets, before the parser sees it.
pub(super) fn bounds(source: &str) -> Result<(), Vec<Mistake>> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(vec![Mistake {
            offset: 0,
            problem: format!("the condition has {} bytes, allowed {SOURCE_BYTES_MAX}", source.len()),
            remedy: "split it into several rules".to_owned(),
        }]);
    }
    let mut depth: usize = 0;
    for (offset, c) in source.chars().enumerate() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(vec![Mistake {
                offset,
                problem: format!("brackets are nested deeper than {DEPTH_MAX}"),
                remedy: "simplify the condition".to_owned(),
            }]);
        }
    }
    Ok(())
}

/// The parser's complaints.
pub(super) fn syntax(source: &str, errors: &ParseErrors) -> Vec<Mistake> {
    let mistakes = errors.errors.iter().map(|error| {
        let (line, column) = (usize::try_from(error.pos.0).unwrap_or(0), usize::try_from(error.pos.1).unwrap_or(0));
        let before: usize = source.lines().take(line.saturating_sub(1)).map(|line| line.chars().count() + 1).sum();
        Mistake {
            offset: before + column.saturating_sub(1),
            problem: format!("is no CEL: {}", error.msg),
            remedy: "correct the condition at that place".to_owned(),
        }
    });
    let mut mistakes: Vec<Mistake> = mistakes.collect();
    mistakes.truncate(MISTAKES_MAX);
    mistakes
}

/// Deepest nesting of all() and exists(): each level multiplies the work by the length of a list.
const MACROS_MAX: usize = 2;
/// Most mistakes that are named of one condition.
const MISTAKES_MAX: usize = 8;

/// Checks a parsed condition; gives the facts that it reads.
pub(super) fn check(
    program: &Program,
    source: &str,
    wanted: &Ty,
    scope: &Scope<'_>,
) -> Result<BTreeSet<String>, Vec<Mistake>> {
    let variables = scope.variables.iter().map(|(name, path, ty)| (name.clone(), typed(ty.clone(), path))).collect();
    let mut walk = Walk {
        info: program.source_info(),
        source_chars: source.chars().count(),
        parameters: &scope.parameters,
        variables,
        macros: 0,
        reads: BTreeSet::new(),
        mistakes: Vec::new(),
    };
    let found = walk.expression(program.expression(), 0);
    if !found.ty.meets(wanted) || matches!(found.ty, Ty::Null) {
        let problem = format!("the condition gives {}, needed is {}", found.ty.name(), wanted.name());
        walk.refuse(program.expression(), problem, "compare it with something");
    }
    if walk.mistakes.is_empty() {
        return Ok(walk.reads);
    }
    walk.mistakes.truncate(MISTAKES_MAX);
    Err(walk.mistakes)
}

/// A type, and the path of the fact it comes from.
#[derive(Clone)]
struct Typed {
    ty: Ty,
    path: Option<String>,
}

fn typed(ty: Ty, path: &str) -> Typed {
    Typed { ty, path: Some(path.to_owned()) }
}

fn plain(ty: Ty) -> Typed {
    Typed { ty, path: None }
}

struct Walk<'a> {
    info: &'a SourceInfo,
    source_chars: usize,
    parameters: &'a [&'a str],
    variables: Vec<(String, Typed)>,
    /// all() and exists() around the place.
    macros: usize,
    reads: BTreeSet<String>,
    mistakes: Vec<Mistake>,
}

impl Walk<'_> {
    fn refuse(&mut self, at: &IdedExpr, problem: impl Into<String>, remedy: impl Into<String>) -> Typed {
        let offset = self.info.offset_for(at.id).map_or(0, |(start, _)| usize::try_from(start).unwrap_or(0));
        let offset = offset.min(self.source_chars);
        self.mistakes.push(Mistake { offset, problem: problem.into(), remedy: remedy.into() });
        plain(Ty::Broken)
    }

    fn expression(&mut self, at: &IdedExpr, depth: usize) -> Typed {
        if depth > DEPTH_MAX {
            return self.refuse(at, format!("is nested deeper than {DEPTH_MAX}"), "simplify the condition");
        }
        match &at.expr {
            Expr::Literal(literal) => self.literal(at, literal),
            Expr::Ident(name) => self.name(at, name),
            Expr::Select(select) => self.select(at, select, depth),
            Expr::Call(call) => self.call(at, call, depth),
            Expr::List(list) => {
                let items: Vec<Ty> = list.elements.iter().map(|item| self.expression(item, depth + 1).ty).collect();
                let first = items.first().cloned().unwrap_or(Ty::Broken);
                if items.iter().any(|item| !same_class(&first, item)) {
                    return self.refuse(at, "the list mixes types", "list values of one type");
                }
                plain(Ty::List(Box::new(merge(items))))
            }
            Expr::Comprehension(comprehension) => self.comprehension(at, comprehension, depth),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                self.refuse(at, "maps and messages are not used in conditions", "compare facts with plain values")
            }
        }
    }

    fn literal(&mut self, at: &IdedExpr, literal: &LiteralValue) -> Typed {
        plain(match literal {
            LiteralValue::Boolean(_) => Ty::Bool,
            LiteralValue::Int(_) => Ty::Number,
            LiteralValue::Null => Ty::Null,
            LiteralValue::String(text) => Ty::Literal(text.inner().to_owned()),
            LiteralValue::UInt(_) | LiteralValue::Double(_) | LiteralValue::Bytes(_) => {
                return self.refuse(
                    at,
                    "only whole numbers, texts, true, false and null are known",
                    "write one of them",
                );
            }
        })
    }

    fn name(&mut self, at: &IdedExpr, name: &str) -> Typed {
        if let Some((_, found)) = self.variables.iter().rev().find(|(variable, _)| variable == name) {
            return found.clone();
        }
        if name == PARAMS {
            return self.refuse(at, "`params` alone has no value", "write `params.NAME`");
        }
        if schemas().iter().any(|group| group.name == name) {
            return self.refuse(at, format!("the group `{name}` alone has no value"), format!("write `{name}.FIELD`"));
        }
        let mut known: Vec<&str> = schemas().iter().map(|group| group.name).collect();
        known.push(PARAMS);
        let remedy = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known groups: {}", known.join(", ")),
        };
        self.refuse(at, format!("there is no fact group `{name}`"), remedy)
    }

    fn select(&mut self, at: &IdedExpr, select: &SelectExpr, depth: usize) -> Typed {
        if select.test {
            return self.refuse(
                at,
                "has() is not used in conditions",
                "compare with null: absent facts are null, unreadable ones make the verdict unknown",
            );
        }
        if let Expr::Ident(name) = &select.operand.expr
            && !self.variables.iter().any(|(variable, _)| variable == name)
        {
            if name == PARAMS {
                return self.parameter(at, &select.field);
            }
            if let Some(group) = schemas().iter().find(|group| group.name == name) {
                return self.field(at, &group.fields, name, &select.field);
            }
        }
        let operand = self.expression(&select.operand, depth + 1);
        match operand {
            Typed { ty: Ty::Record(fields), path } => {
                self.field(at, &fields, path.as_deref().unwrap_or_default(), &select.field)
            }
            Typed { ty: Ty::Broken, .. } => plain(Ty::Broken),
            Typed { ty, .. } => self.refuse(
                at,
                format!("{} has no field `{}`", ty.name(), select.field),
                "select fields of groups, or of list items inside all() and exists()",
            ),
        }
    }

    fn parameter(&mut self, at: &IdedExpr, name: &str) -> Typed {
        if self.parameters.contains(&name) {
            return plain(Ty::Number);
        }
        let remedy = match nearest(name, self.parameters) {
            Some(near) => format!("did you mean `params.{near}`?"),
            None => format!("add `{name}` to the control's `parameters`"),
        };
        self.refuse(at, format!("the control has no parameter `{name}`"), remedy)
    }

    fn field(&mut self, at: &IdedExpr, fields: &[FieldSchema], path: &str, name: &str) -> Typed {
        if let Some(field) = fields.iter().find(|field| field.name == name) {
            let path = format!("{path}.{name}");
            self.reads.insert(path.clone());
            return typed(Ty::of(&field.kind), &path);
        }
        let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let remedy = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known fields: {}", known.join(", ")),
        };
        self.refuse(at, format!("`{path}` has no field `{name}`"), remedy)
    }

    fn comprehension(&mut self, at: &IdedExpr, it: &ComprehensionExpr, depth: usize) -> Typed {
        let Some(body) = quantified(it) else {
            return self.refuse(at, "this macro is not used in conditions", "use all() or exists()");
        };
        if self.macros >= MACROS_MAX {
            let problem = format!("all() and exists() are nested deeper than {MACROS_MAX}");
            return self.refuse(
                at,
                problem,
                "look at one list inside of another at most, or split it into several rules",
            );
        }
        let name = it.iter_var.as_str();
        let taken = name == PARAMS
            || schemas().iter().any(|group| group.name == name)
            || self.variables.iter().any(|(variable, _)| variable == name);
        if taken {
            return self.refuse(at, format!("the variable `{name}` hides another name"), "choose another name");
        }
        let range = self.expression(&it.iter_range, depth + 1);
        let item = match range {
            Typed { ty: Ty::List(item), path } => Typed { ty: *item, path: path.map(|path| format!("{path}[]")) },
            Typed { ty: Ty::Broken, .. } => plain(Ty::Broken),
            Typed { ty, .. } => {
                let problem = format!("{} is no list", ty.name());
                return self.refuse(&it.iter_range, problem, "all() and exists() look at the items of a list");
            }
        };
        self.variables.push((name.to_owned(), item));
        self.macros += 1;
        let found = self.expression(body, depth + 1);
        self.macros -= 1;
        self.variables.pop();
        self.need(body, &found.ty, &Ty::Bool);
        plain(Ty::Bool)
    }

    fn need(&mut self, at: &IdedExpr, found: &Ty, wanted: &Ty) {
        if !found.meets(wanted) || *found == Ty::Null {
            let problem = format!("{} stands where {} is needed", found.name(), wanted.name());
            self.refuse(at, problem, "compare it with something");
        }
    }

    fn call(&mut self, at: &IdedExpr, call: &CallExpr, depth: usize) -> Typed {
        let mut arguments: Vec<(&IdedExpr, Ty)> = Vec::new();
        if call.func_name == operators::HAS {
            return self.refuse(at, "has() is not used in conditions", "compare with null");
        }
        for argument in call.target.as_deref().into_iter().chain(&call.args) {
            let found = self.expression(argument, depth + 1);
            arguments.push((argument, found.ty));
        }
        match (call.func_name.as_str(), arguments.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [(a, left), (b, right)]) => {
                self.need(a, left, &Ty::Bool);
                self.need(b, right, &Ty::Bool);
                plain(Ty::Bool)
            }
            (operators::LOGICAL_NOT, [(a, it)]) => {
                self.need(a, it, &Ty::Bool);
                plain(Ty::Bool)
            }
            (operators::EQUALS | operators::NOT_EQUALS, [(_, left), (_, right)]) => self.comparison(at, left, right),
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [(_, left), (_, right)],
            ) => self.order(at, left, right),
            (
                operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO,
                [(a, left), (b, right)],
            ) => {
                self.need(a, left, &Ty::Number);
                self.need(b, right, &Ty::Number);
                plain(Ty::Number)
            }
            (operators::NEGATE, [(a, it)]) => {
                self.need(a, it, &Ty::Number);
                plain(Ty::Number)
            }
            (operators::CONDITIONAL, [(a, condition), (_, yes), (_, no)]) => {
                self.need(a, condition, &Ty::Bool);
                if !yes.meets(no) {
                    return self.refuse(at, "the two branches differ in type", "give both the same type");
                }
                plain(if *yes == Ty::Null { no.clone() } else { yes.clone() })
            }
            (operators::IN, [(_, item), (list, Ty::List(of))]) => {
                let Expr::List(list) = &list.expr else { return self.comparison(at, item, of) };
                for candidate in &list.elements {
                    let found = self.expression(candidate, depth + 1);
                    self.comparison(candidate, item, &found.ty);
                }
                plain(Ty::Bool)
            }
            ("size", [(_, Ty::List(_) | Ty::Broken)]) => plain(Ty::Number),
            ("startsWith" | "endsWith" | "contains", [(a, text), (b, part)]) => {
                self.need(a, text, &Ty::Text);
                self.need(b, part, &Ty::Text);
                plain(Ty::Bool)
            }
            (name, _) => self.refuse(
                at,
                format!("`{name}` is not used in conditions, or not with these types"),
                "known: && || ! == != < <= > >= + - * / % ?: in, size(list), startsWith, endsWith, contains, all, exists",
            ),
        }
    }

    fn comparison(&mut self, at: &IdedExpr, left: &Ty, right: &Ty) -> Typed {
        if !left.meets(right) {
            let remedy = match (left, right) {
                (Ty::OneOf(words), Ty::Literal(text)) | (Ty::Literal(text), Ty::OneOf(words)) => {
                    match nearest(text, words) {
                        Some(near) => format!("did you mean '{near}'?"),
                        None => format!("the words are {}", words.join(", ")),
                    }
                }
                _ => "compare values of one type".to_owned(),
            };
            return self.refuse(at, format!("{} is never equal to {}", left.name(), right.name()), remedy);
        }
        plain(Ty::Bool)
    }

    fn order(&mut self, at: &IdedExpr, left: &Ty, right: &Ty) -> Typed {
        let ordered = matches!(
            (left, right),
            (Ty::Number, Ty::Number) | (Ty::Time, Ty::Time) | (Ty::Broken, _) | (_, Ty::Broken)
        );
        if !ordered {
            let problem = format!("{} cannot be ordered against {}", left.name(), right.name());
            return self.refuse(at, problem, "compare a number with a number or a moment with a moment");
        }
        plain(Ty::Bool)
    }
}

/// The body of `all` or `exists`; none for every other macro.
fn quantified(it: &ComprehensionExpr) -> Option<&IdedExpr> {
    let Expr::Literal(LiteralValue::Boolean(_)) = &it.accu_init.expr else { return None };
    let Expr::Call(step) = &it.loop_step.expr else { return None };
    let quantifier = step.func_name == operators::LOGICAL_AND || step.func_name == operators::LOGICAL_OR;
    match step.args.as_slice() {
        [_, body] if quantifier && it.iter_var2.is_none() => Some(body),
        _ => None,
    }
}

fn same_class(a: &Ty, b: &Ty) -> bool {
    matches!((a, b), (Ty::Literal(_), Ty::Literal(_))) || a.meets(b)
}

/// One type for the items of a list in a condition: a word that no fact says stays visible.
fn merge(items: Vec<Ty>) -> Ty {
    items.into_iter().reduce(|kept, item| if kept == item { kept } else { Ty::Text }).unwrap_or(Ty::Broken)
}
