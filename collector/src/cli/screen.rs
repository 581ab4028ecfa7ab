//! What all commands say alike: words with their colours, moments, the sentence of coverage, refusals.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::api::v1;
use crate::locale::{Arg, Lang, Locale};
use crate::visible::visible;
use crate::voice::Voice;

/// A colour with a meaning. The word beside it says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warn,
    Bad,
    Dim,
    Bold,
}

impl Tone {
    pub(super) fn around(self, text: &str) -> String {
        let code = match self {
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Dim => "2",
            Self::Bold => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Language, colours, width and zone of a terminal.
#[derive(Clone)]
pub struct Screen {
    voice: Voice,
    pub(super) colour: bool,
    /// Columns of the terminal; none: the output goes elsewhere, and lines may have any length.
    pub(super) columns: Option<usize>,
    zone: TimeZone,
}

impl Screen {
    /// A screen for that person.
    #[must_use]
    pub fn new(voice: Voice, colour: bool, columns: Option<usize>, zone: TimeZone) -> Self {
        Self { voice, colour, columns, zone }
    }

    fn locale(&self) -> &'static Locale {
        self.voice.locale()
    }

    /// A command for the same configuration and data folder.
    pub(super) fn command(&self, rest: &str) -> String {
        self.voice.command(rest)
    }

    /// A text without arguments.
    pub(super) fn t(&self, key: &str) -> String {
        self.voice.t(key)
    }

    /// A word of the glossary as it stands within a line: small in English.
    pub(super) fn word(&self, key: &str) -> String {
        let word = self.t(key);
        match self.locale().lang() {
            Lang::Ja => word,
            Lang::En => word.to_lowercase(),
        }
    }

    /// A text with a number, `$n`.
    pub(super) fn n(&self, key: &str, n: u64) -> String {
        self.voice.with(key, &[("n", Arg::Number(n))])
    }

    /// A text with arguments.
    pub(super) fn with(&self, key: &str, arguments: &[(&'static str, Arg<'_>)]) -> String {
        self.voice.with(key, arguments)
    }

    /// A text with arguments that are texts; they are made visible.
    pub(super) fn say(&self, key: &str, arguments: &[(&'static str, &str)]) -> String {
        self.voice.say(key, arguments)
    }

    /// The text of that key, or another text where there is none.
    pub(super) fn or(&self, key: &str, otherwise: &str) -> String {
        if self.locale().has(key) { self.t(key) } else { visible(otherwise) }
    }

    /// A threshold with its unit.
    pub(super) fn threshold(&self, of: &v1::Parameter) -> String {
        self.locale().threshold(of)
    }

    /// How a fact was observed (`source`), or why not (`detail`).
    pub(super) fn observed(&self, fact: &serde_json::Value, name: &str) -> String {
        visible(&self.locale().of_fact(fact, name))
    }

    /// A text of a pack.
    pub(super) fn text(&self, text: &v1::Text) -> String {
        visible(match self.locale().lang() {
            Lang::Ja => &text.ja,
            Lang::En => &text.en,
        })
    }

    /// In colour, when there are colours.
    pub(super) fn toned(&self, tone: Tone, text: &str) -> String {
        if self.colour { tone.around(text) } else { text.to_owned() }
    }

    /// A heading line with an empty line above.
    pub(super) fn heading(&self, text: &str) -> String {
        format!("\n{}\n", self.toned(Tone::Bold, text))
    }

    /// A moment in the organisation's zone.
    pub(super) fn moment(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// How long ago that was, in the largest unit that says it well.
    pub(super) fn ago(&self, at: Timestamp, now: Timestamp) -> String {
        let minutes = u64::try_from(now.duration_since(at).as_mins()).unwrap_or(0);
        match minutes {
            0 => self.t("ago-now"),
            1..=119 => self.n("ago-minutes", minutes),
            120..=2_879 => self.n("ago-hours", minutes / 60),
            _ => self.n("ago-days", minutes / 1_440),
        }
    }

    /// A moment, or a dash.
    pub(super) fn moment_or_dash(&self, at: Option<Timestamp>) -> String {
        at.map_or_else(|| "–".to_owned(), |at| self.moment(at))
    }

    /// A verdict in words, with what makes it old.
    pub(super) fn verdict(&self, verdict: v1::VerdictWord, freshness: v1::Freshness) -> (String, Tone) {
        let word = self.word(&format!("verdict-{verdict}"));
        let tone = match verdict {
            v1::VerdictWord::Pass => Tone::Good,
            v1::VerdictWord::Partial | v1::VerdictWord::Unknown => Tone::Warn,
            v1::VerdictWord::Fail => Tone::Bad,
            v1::VerdictWord::NotApplicable => Tone::Dim,
        };
        match freshness {
            v1::Freshness::Fresh | v1::Freshness::Never => (word, tone),
            v1::Freshness::Stale | v1::Freshness::Silent => (
                word + &self.say("cli-in-brackets", &[("text", self.word(&format!("freshness-{freshness}")).as_str())]),
                tone,
            ),
        }
    }

    /// An answer in words.
    pub(super) fn answer(&self, answer: v1::AnswerWord) -> (String, Tone) {
        let tone = match answer {
            v1::AnswerWord::Implemented => Tone::Good,
            v1::AnswerWord::Partly | v1::AnswerWord::Unknown => Tone::Warn,
            v1::AnswerWord::NotImplemented => Tone::Bad,
            v1::AnswerWord::NotApplicable | v1::AnswerWord::Unanswered => Tone::Dim,
        };
        (self.word(&format!("answer-{answer}")), tone)
    }

    /// The first sentence: how much of what should be seen is seen, and what the rest is.
    pub(super) fn coverage(&self, coverage: &v1::Coverage) -> String {
        let observed = coverage.observed;
        let all = coverage.expected.unwrap_or(coverage.known);
        if all == 0 {
            return self.t("coverage-none-known");
        }
        let counts = [("observed", Arg::Number(observed)), ("expected", Arg::Number(all)), ("known", Arg::Number(all))];
        let first = match coverage.expected {
            Some(_) if observed >= all => return self.with("coverage-all-expected", &counts),
            Some(_) => self.with("coverage-expected", &counts),
            None => self.with("coverage-all-known", &counts),
        };
        let rest = all.saturating_sub(observed);
        let second = match coverage.not_enrolled {
            _ if rest == 0 => return first,
            0 => self.n("coverage-rest-unobserved", rest),
            n if n >= rest => self.n("coverage-rest-not-enrolled", rest),
            n => self.with("coverage-rest-mixed", &[("rest", Arg::Number(rest)), ("n", Arg::Number(n))]),
        };
        match self.locale().lang() {
            Lang::Ja => first + &second,
            Lang::En => first + " " + &second,
        }
    }

    /// Reports that did not arrive; none where all did.
    pub(super) fn lost_reports(&self, lost: &v1::LostReports) -> Option<String> {
        self.locale().lost_reports(lost, |at| self.moment(at))
    }

    /// The line below figures that says how many hosts are not in them any more; empty where there are none.
    pub(super) fn retired(&self, hosts: u64) -> String {
        if hosts == 0 { String::new() } else { format!("  {}\n", self.n("coverage-retired", hosts)) }
    }

    /// A refusal with every mistake on a line of its own.
    pub(super) fn refusal(&self, body: &v1::ErrorBody) -> String {
        let mut text = visible(&body.message);
        for mistake in &body.mistakes {
            text.push_str("\n  ");
            text.push_str(&self.mistake(mistake));
        }
        if body.mistakes_omitted > 0 {
            text.push_str("\n  ");
            text.push_str(&self.n("more-omitted", body.mistakes_omitted));
        }
        text
    }

    /// A mistake with its place and what helps.
    pub(super) fn mistake(&self, mistake: &v1::Mistake) -> String {
        let line = mistake.line.map(|line| self.say("cli-line", &[("line", line.to_string().as_str())]));
        let column = Some(visible(&mistake.column)).filter(|it| !it.is_empty());
        let place: Vec<String> = line.into_iter().chain(column).collect();
        let said =
            self.say("cli-mistake", &[("message", mistake.message.as_str()), ("remedy", mistake.remedy.as_str())]);
        if place.is_empty() { said } else { format!("{}: {said}", place.join(" ")) }
    }
}
