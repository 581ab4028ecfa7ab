//! How a value is shown: moments in the organisation's zone, words with a mark, sizes, both languages.
//!
//! A [`Page`] is what every template has at hand as `p`. It formats and never computes: each number comes
//! from API v1 as it is.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use askama::Template;
use askama::filters::Safe;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::api::v1;
use crate::locale::{Arg, Lang, Locale, PROGRAM};
use crate::web::asset;

/// A value, a reference to it, or a reference to that: templates hand on either.
pub trait Plain<T> {
    /// The value.
    fn plain(self) -> T;
}

impl<T: Copy> Plain<T> for T {
    fn plain(self) -> T {
        self
    }
}

impl<T: Copy> Plain<T> for &T {
    fn plain(self) -> T {
        *self
    }
}

impl<T: Copy> Plain<T> for &&T {
    fn plain(self) -> T {
        **self
    }
}

/// The page that is being shown: language, zone, time and place.
pub struct Page {
    locale: &'static Locale,
    zone: TimeZone,
    collector: Arc<str>,
    /// When it is shown.
    pub now: Timestamp,
    /// The part of the navigation that is current.
    pub place: Place,
    /// Its address, for the switch of languages.
    pub path: String,
}

/// A part of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The overview.
    Overview,
    /// Hosts and one host.
    Hosts,
    /// Checklists and their items.
    Checklists,
    /// Risks.
    Risks,
    /// Agents.
    Agents,
    /// A page that does not exist: the navigation, and no place in it.
    Nowhere,
    /// Before the door: no navigation.
    Outside,
}

impl Place {
    /// The navigation in order.
    pub const NAVIGATION: [(Self, &'static str, &'static str); 5] = [
        (Self::Overview, "/", "nav-overview"),
        (Self::Hosts, "/hosts", "nav-hosts"),
        (Self::Checklists, "/checklists", "nav-checklists"),
        (Self::Risks, "/risks", "nav-risks"),
        (Self::Agents, "/agents", "nav-agents"),
    ];
}

impl Page {
    /// A page in that language and zone.
    #[must_use]
    pub fn new(lang: Lang, zone: TimeZone, now: Timestamp, place: Place, path: String) -> Self {
        Self { locale: Locale::of(lang), zone, collector: PROGRAM.into(), now, place, path }
    }

    /// With hints that call the collector in that way.
    #[must_use]
    pub fn called(mut self, collector: &Arc<str>) -> Self {
        self.collector = Arc::clone(collector);
        self
    }

    /// The language.
    #[must_use]
    pub fn lang(&self) -> Lang {
        self.locale.lang()
    }

    /// A text without arguments.
    #[must_use]
    pub fn t(&self, key: &str) -> Cow<'static, str> {
        self.locale.t_called(key, &self.collector)
    }

    /// A text with one number.
    #[must_use]
    pub fn n(&self, key: &str, n: impl Plain<u64>) -> String {
        self.with(key, &[("n", Arg::Number(n.plain()))])
    }

    /// A text with arguments.
    #[must_use]
    pub fn with(&self, key: &str, arguments: &[(&'static str, Arg<'_>)]) -> String {
        let mut all = vec![("collector", Arg::Text(&self.collector))];
        all.extend_from_slice(arguments);
        self.locale.with(key, &all)
    }

    /// A command as the collector itself was called.
    #[must_use]
    pub fn command(&self, rest: &str) -> String {
        format!("{} {rest}", self.collector)
    }

    /// A text with one argument that is itself text.
    #[must_use]
    pub fn msg(&self, key: &str, name: &'static str, text: impl AsRef<str>) -> String {
        self.with(key, &[(name, Arg::Text(text.as_ref()))])
    }

    /// The text of that key, or another text where there is none.
    #[must_use]
    pub fn or(&self, key: &str, otherwise: &str) -> String {
        if self.locale.has(key) { self.t(key).into_owned() } else { otherwise.to_owned() }
    }

    /// How a fact was observed (`source`), or why not (`detail`), in the page's language.
    #[must_use]
    pub fn observed(&self, fact: &serde_json::Value, name: &str) -> String {
        self.locale.of_fact(fact, name)
    }

    /// A text of a pack in the page's language.
    #[must_use]
    pub fn text<'a>(&self, text: &'a v1::Text) -> &'a str {
        match self.lang() {
            Lang::Ja => &text.ja,
            Lang::En => &text.en,
        }
    }

    /// A moment in the organisation's zone, with UTC at hand.
    #[must_use]
    pub fn time(&self, at: &Timestamp) -> Safe<Moment> {
        Safe(Moment { at: *at, zoned: at.to_zoned(self.zone.clone()), form: Form::Minute })
    }

    /// A moment to the second.
    #[must_use]
    pub fn second(&self, at: &Timestamp) -> Safe<Moment> {
        Safe(Moment { at: *at, zoned: at.to_zoned(self.zone.clone()), form: Form::Second })
    }

    /// The day of a moment.
    #[must_use]
    pub fn day(&self, at: &Timestamp) -> Safe<Moment> {
        Safe(Moment { at: *at, zoned: at.to_zoned(self.zone.clone()), form: Form::Day })
    }

    /// The day of a moment inside a text.
    #[must_use]
    pub fn day_text(&self, at: &Timestamp) -> String {
        let zoned = at.to_zoned(self.zone.clone());
        match self.lang() {
            Lang::Ja => format!("{}年{}月{}日", zoned.year(), zoned.month(), zoned.day()),
            Lang::En => zoned.strftime("%-d %B %Y").to_string(),
        }
    }

    /// The zone's short name and offset.
    #[must_use]
    pub fn zone_name(&self) -> String {
        let zoned = self.now.to_zoned(self.zone.clone());
        zoned.strftime("%Z").to_string()
    }

    /// A verdict.
    #[must_use]
    pub fn verdict(&self, word: &v1::VerdictWord) -> Safe<Mark> {
        let (tone, icon) = match word {
            v1::VerdictWord::Pass => (Tone::Good, Icon::Check),
            v1::VerdictWord::Partial => (Tone::Warn, Icon::Half),
            v1::VerdictWord::Fail => (Tone::Bad, Icon::Cross),
            v1::VerdictWord::Unknown => (Tone::Unknown, Icon::Question),
            v1::VerdictWord::NotApplicable => (Tone::Mute, Icon::Dash),
        };
        self.mark(tone, icon, "verdict", word.word())
    }

    /// The word of a verdict.
    #[must_use]
    pub fn verdict_word(&self, word: &v1::VerdictWord) -> Cow<'static, str> {
        self.locale.t(&format!("verdict-{word}"))
    }

    /// An answer.
    #[must_use]
    pub fn answer(&self, word: &v1::AnswerWord) -> Safe<Mark> {
        let (tone, icon) = match word {
            v1::AnswerWord::Implemented => (Tone::Good, Icon::Check),
            v1::AnswerWord::Partly => (Tone::Warn, Icon::Half),
            v1::AnswerWord::NotImplemented => (Tone::Bad, Icon::Cross),
            v1::AnswerWord::Unknown => (Tone::Unknown, Icon::Question),
            v1::AnswerWord::NotApplicable => (Tone::Mute, Icon::Dash),
            v1::AnswerWord::Unanswered => (Tone::Mute, Icon::Ring),
        };
        self.mark(tone, icon, "answer", word.word())
    }

    /// The word of an answer.
    #[must_use]
    pub fn answer_word(&self, word: &v1::AnswerWord) -> Cow<'static, str> {
        self.locale.t(&format!("answer-{word}"))
    }

    /// How fresh facts are.
    #[must_use]
    pub fn freshness(&self, word: &v1::Freshness) -> Safe<Mark> {
        let (tone, icon) = match word {
            v1::Freshness::Fresh => (Tone::Good, Icon::Check),
            v1::Freshness::Stale => (Tone::Warn, Icon::Clock),
            v1::Freshness::Silent => (Tone::Bad, Icon::Slash),
            v1::Freshness::Never => (Tone::Mute, Icon::Ring),
        };
        self.mark(tone, icon, "freshness", word.word())
    }

    /// How a host stands to the collector.
    #[must_use]
    pub fn status(&self, word: impl Plain<v1::HostStatus>) -> Safe<Mark> {
        let word = word.plain();
        let (tone, icon) = match word {
            v1::HostStatus::Connected => (Tone::Good, Icon::Link),
            v1::HostStatus::Disconnected => (Tone::Mute, Icon::Dash),
            v1::HostStatus::Silent => (Tone::Bad, Icon::Slash),
            v1::HostStatus::NotEnrolled | v1::HostStatus::NoAgent => (Tone::Warn, Icon::Ring),
        };
        self.mark(tone, icon, "status", word.word())
    }

    /// How an agent stands.
    #[must_use]
    pub fn agent_state(&self, word: &v1::AgentState) -> Safe<Mark> {
        let (tone, icon) = match word {
            v1::AgentState::Pending => (Tone::Warn, Icon::Clock),
            v1::AgentState::Active => (Tone::Good, Icon::Check),
            v1::AgentState::OnHold => (Tone::Bad, Icon::Question),
            v1::AgentState::Revoked => (Tone::Mute, Icon::Slash),
            v1::AgentState::Retired => (Tone::Mute, Icon::Dash),
            v1::AgentState::Expired => (Tone::Warn, Icon::Slash),
        };
        self.mark(tone, icon, "agent", word.word())
    }

    /// How a part of the collector stands.
    #[must_use]
    pub fn health(&self, word: &v1::HealthState) -> Safe<Mark> {
        let (tone, icon) = match word {
            v1::HealthState::Ok => (Tone::Good, Icon::Check),
            v1::HealthState::Degraded => (Tone::Warn, Icon::Half),
            v1::HealthState::Failed => (Tone::Bad, Icon::Cross),
        };
        self.mark(tone, icon, "health", word.word())
    }

    /// A band of risk: as many bars as it is high.
    #[must_use]
    pub fn band(&self, word: impl Plain<v1::RiskBand>) -> Safe<Mark> {
        let word = word.plain();
        let (tone, icon) = match word {
            v1::RiskBand::High => (Tone::Bad, Icon::Bars3),
            v1::RiskBand::Medium => (Tone::Warn, Icon::Bars2),
            v1::RiskBand::Low => (Tone::Good, Icon::Bars1),
        };
        self.mark(tone, icon, "band", word.word())
    }

    /// A row of the ledger without a value.
    #[must_use]
    pub fn unrated(&self) -> Safe<Mark> {
        self.mark(Tone::Unknown, Icon::Question, "band", "unrated")
    }

    /// The state of an observation.
    #[must_use]
    pub fn state(&self, state: &str) -> Safe<Mark> {
        let (tone, icon) = match state {
            "known" => (Tone::Plain, Icon::Eye),
            "absent" => (Tone::Mute, Icon::Dash),
            "withheld" => (Tone::Mute, Icon::Slash),
            _ => (Tone::Unknown, Icon::Question),
        };
        self.mark(tone, icon, "state", state)
    }

    fn mark(&self, tone: Tone, icon: Icon, prefix: &str, word: &str) -> Safe<Mark> {
        let text = self.or(&format!("{prefix}-{word}"), word);
        Safe(Mark { tone: tone.class(), icon: icon.name(), word: text, code: word.to_owned() })
    }

    /// The same page in another language.
    #[must_use]
    pub fn in_language(&self, lang: Lang) -> Self {
        Self::new(lang, self.zone.clone(), self.now, self.place, self.path.clone()).called(&self.collector)
    }

    /// The address that switches to a language and stays on the page.
    #[must_use]
    pub fn in_lang(&self, lang: &Lang) -> String {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
        let query: Vec<&str> = kept.collect();
        // A path that starts with two slashes would name another host.
        let path = path.trim_start_matches('/');
        let between = if query.is_empty() { "" } else { "&" };
        format!("/{path}?{}{between}lang={}", query.join("&"), lang.code())
    }

    /// A text as one segment of an address.
    #[must_use]
    pub fn seg(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
                _ => {
                    use fmt::Write as _;
                    let _ = write!(out, "%{byte:02X}");
                }
            }
        }
        out
    }

    /// The first digits of a hash.
    #[must_use]
    pub fn short<'a>(&self, hash: &'a str) -> &'a str {
        hash.get(..12).unwrap_or(hash)
    }

    /// Points with a real minus sign.
    #[must_use]
    pub fn signed(&self, points: &i64) -> String {
        if *points < 0 { format!("−{}", points.unsigned_abs()) } else { points.to_string() }
    }

    /// A level, or a dash where there is none.
    #[must_use]
    pub fn number(&self, level: &Option<u8>) -> String {
        level.map_or_else(|| "–".to_owned(), |level| level.to_string())
    }

    /// A threshold with its unit.
    #[must_use]
    pub fn threshold(&self, it: &v1::Parameter) -> String {
        self.locale.threshold(it)
    }

    /// The first few of a list inside another list.
    #[must_use]
    pub fn few<'a, T>(&self, items: &'a [T]) -> &'a [T] {
        items.get(..FEW).unwrap_or(items)
    }

    /// How many [`Page::few`] leaves out.
    #[must_use]
    pub fn few_left_out<T>(&self, items: &[T]) -> u64 {
        items.len().saturating_sub(FEW) as u64
    }

    /// How many of a total are not in the list.
    #[must_use]
    pub fn left_out<T>(&self, total: &u64, shown: &[T]) -> u64 {
        total.saturating_sub(shown.len() as u64)
    }

    /// Items by answer, as parts of a strip; answers that nobody gave are left out.
    #[must_use]
    pub fn strip(&self, answers: &v1::AnswerTally) -> Vec<Strip> {
        let parts = [
            (v1::AnswerWord::Implemented, answers.implemented),
            (v1::AnswerWord::Partly, answers.partly),
            (v1::AnswerWord::NotImplemented, answers.not_implemented),
            (v1::AnswerWord::Unknown, answers.unknown),
            (v1::AnswerWord::NotApplicable, answers.not_applicable),
            (v1::AnswerWord::Unanswered, answers.unanswered),
        ];
        let mut from = 0;
        let mut strip = Vec::new();
        for (word, width) in parts.into_iter().filter(|(_, width)| *width > 0) {
            strip.push(Strip { word, from, width });
            from += width;
        }
        strip
    }

    /// Hosts by verdict, where there are any.
    #[must_use]
    pub fn tally_parts(&self, tally: &v1::Tally) -> Vec<(v1::VerdictWord, u64)> {
        [
            (v1::VerdictWord::Fail, tally.fail),
            (v1::VerdictWord::Unknown, tally.unknown),
            (v1::VerdictWord::Partial, tally.partial),
            (v1::VerdictWord::Pass, tally.pass),
            (v1::VerdictWord::NotApplicable, tally.not_applicable),
        ]
        .into_iter()
        .filter(|(_, hosts)| *hosts > 0)
        .collect()
    }

    /// Met, observed and all hosts of an answer, or a dash.
    #[must_use]
    pub fn nmk(&self, answer: &v1::Answer) -> String {
        match (answer.hosts_met, answer.hosts_observed, answer.hosts_expected.or(answer.hosts_known)) {
            (Some(met), Some(observed), Some(all)) => self.with(
                "checklist-hosts-of",
                &[("met", Arg::Number(met)), ("observed", Arg::Number(observed)), ("all", Arg::Number(all))],
            ),
            _ => "–".to_owned(),
        }
    }

    /// Hosts that were taken out of the count, where figures are shown and there are any.
    #[must_use]
    pub fn retired(&self, hosts: &Option<u64>) -> Option<String> {
        hosts.filter(|hosts| *hosts > 0).map(|hosts| self.locale.n("coverage-retired", hosts))
    }

    /// Reports that did not arrive, where there are any.
    #[must_use]
    pub fn lost_reports(&self, lost: &v1::LostReports) -> Option<String> {
        let moment = |at: Timestamp| at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
        self.locale.lost_reports(lost, moment)
    }

    /// How far a host's clock is off.
    #[must_use]
    pub fn clock(&self, offset_ms: &i64) -> String {
        let seconds = offset_ms.unsigned_abs() / 1000;
        match offset_ms {
            _ if seconds == 0 => self.t("host-clock-good").into_owned(),
            0.. => self.with("host-clock-ahead", &[("s", Arg::Number(seconds))]),
            _ => self.with("host-clock-behind", &[("s", Arg::Number(seconds))]),
        }
    }

    /// The text of a class of host.
    #[must_use]
    pub fn class_key(&self, class: &v1::HostClass) -> String {
        self.t(&format!("class-{class}")).into_owned()
    }

    /// The text of a link.
    #[must_use]
    pub fn link_key(&self, link: &v1::LinkKind) -> String {
        self.t(&format!("link-{link}")).into_owned()
    }

    /// The text of a basis.
    #[must_use]
    pub fn basis_key(&self, basis: &v1::Basis) -> String {
        self.t(&format!("basis-{basis}")).into_owned()
    }

    /// What several hosts share.
    #[must_use]
    pub fn duplicate(&self, twin: &v1::Duplicate) -> String {
        self.msg(&format!("duplicate-{}", twin.by), "value", &twin.value)
    }

    /// The command that approves an agent.
    #[must_use]
    pub fn approve(&self, agent: &v1::Agent) -> String {
        match agent.suggested_host.as_ref().and_then(|host| host.host) {
            Some(host) => self.command(&format!("agents approve {} --host {host}", agent.id)),
            None => self.command(&format!("agents approve {}", agent.id)),
        }
    }

    /// The style sheet's address.
    #[must_use]
    pub fn style(&self) -> &'static str {
        &asset::STYLE.path
    }

    /// The script's address.
    #[must_use]
    pub fn script(&self) -> &'static str {
        &asset::SCRIPT.path
    }

    /// The icon's address.
    #[must_use]
    pub fn icon(&self) -> &'static str {
        &asset::ICON.path
    }
}

/// A part of the strip that shows answers.
pub struct Strip {
    /// The answer.
    pub word: v1::AnswerWord,
    /// Items before it.
    pub from: u64,
    /// Items that have it.
    pub width: u64,
}

/// Things of a list inside another list that are shown.
const FEW: usize = 5;

/// How a mark is coloured; its word and its icon say the same without colour.
#[derive(Debug, Clone, Copy)]
enum Tone {
    Good,
    Warn,
    Bad,
    Unknown,
    Mute,
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
            Self::Mute => "mute",
            Self::Plain => "plain",
        }
    }
}

/// The shape of a mark's icon.
#[derive(Debug, Clone, Copy)]
enum Icon {
    Check,
    Half,
    Cross,
    Question,
    Dash,
    Ring,
    Clock,
    Slash,
    Link,
    Eye,
    Bars1,
    Bars2,
    Bars3,
}

impl Icon {
    fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Half => "half",
            Self::Cross => "cross",
            Self::Question => "question",
            Self::Dash => "dash",
            Self::Ring => "ring",
            Self::Clock => "clock",
            Self::Slash => "slash",
            Self::Link => "link",
            Self::Eye => "eye",
            Self::Bars1 => "bars1",
            Self::Bars2 => "bars2",
            Self::Bars3 => "bars3",
        }
    }
}

/// A word with an icon and a colour.
#[derive(Template)]
#[template(path = "mark.html")]
pub struct Mark {
    tone: &'static str,
    icon: &'static str,
    word: String,
    code: String,
}

/// A moment as `<time>`.
#[derive(Debug)]
pub struct Moment {
    at: Timestamp,
    zoned: jiff::Zoned,
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Day,
    Minute,
    Second,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = match self.form {
            Form::Day => "%Y-%m-%d",
            Form::Minute => "%Y-%m-%d %H:%M",
            Form::Second => "%Y-%m-%d %H:%M:%S",
        };
        let utc = self.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        write!(f, "<time datetime=\"{}\" title=\"{utc}\">{}</time>", self.at, self.zoned.strftime(shown))
    }
}

/// Bytes as a person reads them.
#[must_use]
pub fn bytes(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(lang: Lang) -> Page {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        Page::new(lang, zone, Timestamp::UNIX_EPOCH, Place::Overview, "/".into())
    }

    #[test]
    fn moments_are_in_the_zone_with_utc_beside() {
        let at: Timestamp = "2026-11-21T15:04:05Z".parse().unwrap();
        assert_eq!(
            page(Lang::Ja).time(&at).to_string(),
            "<time datetime=\"2026-11-21T15:04:05Z\" title=\"2026-11-21 15:04:05 UTC\">2026-11-22 00:04</time>"
        );
        assert_eq!(page(Lang::Ja).day_text(&at), "2026年11月22日");
        assert_eq!(page(Lang::En).day_text(&at), "22 November 2026");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes(12), "12 B");
        assert_eq!(bytes(4096), "4.0 KiB");
        assert_eq!(bytes(8_589_934_592), "8.0 GiB");
        assert_eq!(bytes(i64::MAX), "8192.0 PiB");
    }

    #[test]
    fn a_mark_says_its_word_without_colour() {
        let mark = page(Lang::Ja).verdict(&v1::VerdictWord::Fail).to_string();
        assert!(mark.contains("要対応") && mark.contains("<svg") && mark.contains("aria-hidden"), "{mark}");
    }
}
