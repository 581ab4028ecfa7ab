//! Takes known keys out of a table, one by one; what is left over is unknown. Collects every mistake.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use jiff::SignedDuration;
use toml::{Table, Value};

use super::Mistake;
use crate::locale::Message;
use crate::logging::Level;

/// A name at least this similar to an unknown key is offered.
pub(super) const SIMILAR_MIN: f64 = 0.7;

pub(super) struct Reader {
    table: Table,
    known: Vec<(&'static str, &'static str)>,
    /// Sections that were taken whole.
    sections: Vec<&'static str>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    pub(super) fn new(text: &str) -> Result<Self, Mistake> {
        let table = text.parse::<Table>().map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let problem = Message::new("config-toml").mention("line", line).mention("detail", error.message());
            Mistake { place: String::new(), problem }
        })?;
        Ok(Self { table, known: Vec::new(), sections: Vec::new(), mistakes: Vec::new() })
    }

    /// Takes a key of a section (empty: the top). A wrong value is a mistake, and the default goes on.
    pub(super) fn take<T>(
        &mut self,
        section: &'static str,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&Value) -> Result<T, Message>,
    ) -> T {
        self.known.push((section, key));
        let table = if section.is_empty() {
            Some(&mut self.table)
        } else {
            match self.table.get_mut(section) {
                Some(Value::Table(table)) => Some(table),
                Some(_) | None => None,
            }
        };
        let Some(value) = table.and_then(|table| table.remove(key)) else { return default };
        match parse(&value) {
            Ok(parsed) => parsed,
            Err(problem) => {
                self.mistakes.push(Mistake { place: named(section, key), problem });
                default
            }
        }
    }

    /// Refuses what was taken, for what stands beside it.
    pub(super) fn refuse(&mut self, section: &str, key: &str, problem: Message) {
        self.mistakes.push(Mistake { place: named(section, key), problem });
    }

    /// Takes a whole section whose keys its reader knows.
    pub(super) fn take_section<T: Default>(
        &mut self,
        section: &'static str,
        parse: impl FnOnce(&Table) -> (T, Vec<Mistake>),
    ) -> T {
        self.sections.push(section);
        match self.table.remove(section) {
            None => T::default(),
            Some(Value::Table(table)) => {
                let (taken, mistakes) = parse(&table);
                self.mistakes.extend(mistakes);
                taken
            }
            Some(_) => {
                self.mistakes.push(no_section(section));
                T::default()
            }
        }
    }

    /// Everything that was wrong, unknown keys included, in the order of their names.
    pub(super) fn finish(mut self) -> Vec<Mistake> {
        for (name, value) in std::mem::take(&mut self.table) {
            if !self.known.iter().any(|(section, _)| *section == name) {
                self.unknown("", &name);
            } else if let Value::Table(table) = value {
                for key in table.keys() {
                    self.unknown(&name, key);
                }
            } else {
                self.mistakes.push(no_section(&name));
            }
        }
        self.mistakes.sort_by(|a, b| a.place.cmp(&b.place));
        self.mistakes
    }

    fn unknown(&mut self, section: &str, key: &str) {
        let place = named(section, key);
        let mut names: Vec<String> = self.known.iter().map(|(section, key)| named(section, key)).collect();
        names.extend(self.known.iter().map(|(section, _)| (*section).to_owned()).filter(|section| !section.is_empty()));
        names.extend(self.sections.iter().map(|section| (*section).to_owned()));
        // The same key elsewhere is the likeliest meaning, then a name that looks like it.
        let elsewhere = self.known.iter().find(|(_, known)| *known == key).map(|(section, key)| named(section, key));
        let similar = || {
            names
                .iter()
                .map(|name| (strsim::jaro_winkler(name, &place), name))
                .filter(|(score, _)| *score >= SIMILAR_MIN)
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, name)| name.clone())
        };
        let problem = match elsewhere.or_else(similar) {
            Some(name) => Message::new("config-unknown_near").mention("near", name),
            None => Message::new("config-unknown"),
        };
        self.mistakes.push(Mistake { place, problem });
    }
}

fn no_section(name: &str) -> Mistake {
    Mistake { place: name.to_owned(), problem: Message::new("config-section").mention("name", name) }
}

fn named(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// The value is of another kind than the text of that key asks for.
pub(super) fn wrong_kind(key: &'static str, value: &Value) -> Message {
    Message::new(key).mention("kind", value.type_str())
}

/// The text of that key about what was written.
pub(super) fn wrong(key: &'static str, text: &str) -> Message {
    Message::new(key).mention("value", text)
}

pub(super) fn any_text(value: &Value) -> Result<String, Message> {
    match value.as_str() {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        Some(_) => Err(Message::new("config-empty")),
        None => Err(wrong_kind("config-want_text", value)),
    }
}

pub(super) fn texts(value: &Value) -> Result<Vec<String>, Message> {
    let items = value.as_array().ok_or_else(|| wrong_kind("config-want_list", value))?;
    items.iter().map(any_text).collect()
}

pub(super) fn truth(value: &Value) -> Result<bool, Message> {
    value.as_bool().ok_or_else(|| wrong_kind("config-want_truth", value))
}

pub(super) fn level(value: &Value) -> Result<Level, Message> {
    match any_text(value)?.as_str() {
        "error" => Ok(Level::Error),
        "warn" => Ok(Level::Warn),
        "info" => Ok(Level::Info),
        "debug" => Ok(Level::Debug),
        other => Err(wrong("config-level", other)),
    }
}

pub(super) fn address(value: &Value) -> Result<SocketAddr, Message> {
    let text = any_text(value)?;
    text.parse().map_err(|_| wrong("config-address", &text))
}

/// An address, or "off".
pub(super) fn optional_address(value: &Value) -> Result<Option<SocketAddr>, Message> {
    if value.as_str() == Some("off") { Ok(None) } else { address(value).map(Some) }
}

pub(super) fn trust_domain(value: &Value) -> Result<String, Message> {
    let text = any_text(value)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    if text.len() <= 255 && text.chars().all(allowed) { Ok(text) } else { Err(wrong("config-trust_domain", &text)) }
}

pub(super) fn time_zone(value: &Value) -> Result<Option<String>, Message> {
    let name = any_text(value)?;
    match jiff::tz::TimeZone::get(&name) {
        Ok(_) => Ok(Some(name)),
        Err(_) => Err(wrong("config-time_zone", &name)),
    }
}

pub(super) fn whole(value: &Value) -> Result<u64, Message> {
    match value.as_integer().map(u64::try_from) {
        Some(Ok(number)) if number > 0 => Ok(number),
        Some(_) => Err(Message::new("config-whole_min")),
        None => Err(wrong_kind("config-want_whole", value)),
    }
}

pub(super) fn duration(value: &Value) -> Result<SignedDuration, Message> {
    let Some(text) = value.as_str() else { return Err(wrong_kind("config-want_duration", value)) };
    let (number, unit) = split(text).ok_or_else(|| wrong("config-duration", text))?;
    let ms: i64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" => return Err(Message::new("config-duration_no_unit")),
        other => return Err(wrong("config-duration_unit", other)),
    };
    match i64::try_from(number).ok().and_then(|number| number.checked_mul(ms)) {
        Some(0) => Err(Message::new("config-duration_zero")),
        // Ten years: more is a slip of the pen.
        Some(ms) if ms <= 3_652 * 86_400_000 => Ok(SignedDuration::from_millis(ms)),
        Some(_) | None => Err(Message::new("config-duration_long")),
    }
}

/// A duration within limits; what is out of them is told with both.
pub(super) fn duration_within(
    limits: RangeInclusive<SignedDuration>,
) -> impl FnOnce(&Value) -> Result<SignedDuration, Message> {
    move |value| match duration(value)? {
        taken if limits.contains(&taken) => Ok(taken),
        _ => {
            let said = |duration: &SignedDuration| format!("\"{}\"", written(*duration));
            Err(out_of_limits(value, said(limits.start()), said(limits.end())))
        }
    }
}

/// A whole number within limits.
pub(super) fn whole_within(limits: RangeInclusive<u64>) -> impl FnOnce(&Value) -> Result<u64, Message> {
    move |value| match whole(value)? {
        taken if limits.contains(&taken) => Ok(taken),
        _ => Err(out_of_limits(value, limits.start(), limits.end())),
    }
}

fn out_of_limits(value: &Value, min: impl ToString, max: impl ToString) -> Message {
    Message::new("config-limits").mention("value", value).mention("min", min).mention("max", max)
}

/// A duration as the file has it, in the largest unit that says it whole.
fn written(duration: SignedDuration) -> String {
    let ms = duration.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let whole = units.iter().find(|(_, unit)| ms % unit == 0);
    whole.map_or_else(|| format!("{ms}ms"), |(name, unit)| format!("{}{name}", ms / unit))
}

pub(super) fn size(value: &Value) -> Result<u64, Message> {
    let Some(text) = value.as_str() else { return Err(wrong_kind("config-want_size", value)) };
    let (number, unit) = split(text).ok_or_else(|| wrong("config-size", text))?;
    let bytes: u64 = match unit {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "" => return Err(Message::new("config-size_no_unit")),
        other => return Err(wrong("config-size_unit", other)),
    };
    number.checked_mul(bytes).ok_or_else(|| Message::new("config-size_large"))
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}
