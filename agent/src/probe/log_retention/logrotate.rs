//! logrotate's configuration: for which logs old records are removed, and after how long.

use tenken_proto::observed::Observed;

use super::{CONFIG_BYTES_MAX, Limits, NAMES_MAX};
use crate::probe::glob::fits;
use crate::root::{ReadError, Root};

pub(super) const CONFIG: &str = "/etc/logrotate.conf";
/// Deepest nesting of `include`.
const DEPTH_MAX: usize = 4;
/// Most stanzas of all files together.
const STANZAS_MAX: usize = 2_048;
/// Size above which logrotate rotates where no criterion is given.
const DEFAULT_BYTES: u64 = 1 << 20;
/// Endings of files in an included folder that logrotate leaves out.
const TABOO: [&str; 12] = [
    ".bak",
    ".disabled",
    ".dpkg-bak",
    ".dpkg-del",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-old",
    ".dpkg-tmp",
    ".rpmsave",
    ".rpmnew",
    ".swp",
    "~",
];
/// Directives that begin a script, which `endscript` ends.
const SCRIPTS: [&str; 5] = ["prerotate", "postrotate", "firstaction", "lastaction", "preremove"];

/// When records of a log are removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rule {
    /// Rotated parts that are kept; negative: all.
    parts: i64,
    interval_days: Option<u64>,
    age_days_max: Option<u64>,
    /// Rotates by size instead of time.
    bytes: Option<u64>,
    /// Rotates by size before its time.
    bytes_max: Option<u64>,
}

#[derive(Debug)]
struct Stanza {
    patterns: Vec<String>,
    rule: Rule,
    path: String,
}

/// All that logrotate was told.
#[derive(Debug, Default)]
pub(super) struct Logrotate {
    stanzas: Vec<Stanza>,
    defaults: Rule,
    unread: Option<ReadError>,
}

impl Logrotate {
    pub(super) fn read(root: &Root) -> Self {
        let mut config = Self::default();
        config.file(root, CONFIG, 0);
        config
    }

    /// The limits of this log; none where no stanza names it.
    pub(super) fn limits(&self, log: &str) -> Limits {
        let stanza = self.stanzas.iter().find(|stanza| stanza.patterns.iter().any(|pattern| fits(pattern, log)));
        match (stanza, &self.unread) {
            (Some(stanza), _) => stanza.rule.limits(&stanza.path),
            (None, Some(error)) => Limits::unread(error),
            (None, None) => Limits::none(CONFIG),
        }
    }

    fn file(&mut self, root: &Root, path: &str, depth: usize) {
        match root.read_text(path, CONFIG_BYTES_MAX) {
            Ok(text) => self.text(root, &text, path, depth),
            Err(ReadError::Missing { .. } | ReadError::WrongKind { .. }) => {}
            Err(error) => self.unread = Some(error),
        }
    }

    fn include(&mut self, root: &Root, path: &str, depth: usize) {
        if depth >= DEPTH_MAX {
            return;
        }
        match root.list(path, NAMES_MAX) {
            Ok(listing) => {
                let names = listing.names.iter().filter(|name| !TABOO.iter().any(|end| name.ends_with(end)));
                for name in names {
                    self.file(root, &format!("{}/{name}", path.trim_end_matches('/')), depth + 1);
                }
            }
            Err(ReadError::WrongKind { .. }) => self.file(root, path, depth + 1),
            Err(ReadError::Missing { .. }) => {}
            Err(error) => self.unread = Some(error),
        }
    }

    fn text(&mut self, root: &Root, text: &str, path: &str, depth: usize) {
        let mut patterns: Vec<String> = Vec::new();
        let mut inside: Option<Rule> = None;
        let mut script = false;
        for line in text.lines().map(str::trim) {
            if script {
                script = line != "endscript";
                continue;
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.split_whitespace();
            let word = words.next().unwrap_or_default();
            let value = words.next().unwrap_or_default();
            if SCRIPTS.contains(&word) {
                script = true;
            } else if let Some(rule) = &mut inside {
                let ends = line.ends_with('}');
                if word != "}" {
                    rule.set(word, value.trim_end_matches('}'));
                }
                if ends && let Some(rule) = inside.take() {
                    self.stanza(std::mem::take(&mut patterns), rule, path);
                }
            } else if line.starts_with(['/', '"', '\'']) || line.contains('{') {
                let (names, rest) = line.split_once('{').map_or((line, None), |(names, rest)| (names, Some(rest)));
                patterns.extend(quoted_words(names));
                if let Some(rest) = rest {
                    let mut rule = self.defaults.clone();
                    let mut words = rest.trim_end_matches('}').split_whitespace();
                    rule.set(words.next().unwrap_or_default(), words.next().unwrap_or_default());
                    if rest.trim_end().ends_with('}') {
                        self.stanza(std::mem::take(&mut patterns), rule, path);
                    } else {
                        inside = Some(rule);
                    }
                }
            } else if word == "include" {
                self.include(root, value, depth);
            } else {
                self.defaults.set(word, value);
            }
        }
    }

    fn stanza(&mut self, patterns: Vec<String>, rule: Rule, path: &str) {
        if self.stanzas.len() < STANZAS_MAX {
            self.stanzas.push(Stanza { patterns, rule, path: path.to_owned() });
        }
    }
}

impl Rule {
    fn set(&mut self, word: &str, value: &str) {
        // `size=1M` is `size 1M`.
        let (word, value) = word.split_once('=').unwrap_or((word, value));
        let value = value.trim_start_matches('=');
        let interval = match word {
            "hourly" | "daily" => Some(1),
            "weekly" => Some(7),
            "monthly" => Some(30),
            "yearly" => Some(365),
            _ => None,
        };
        if interval.is_some() {
            self.interval_days = interval;
            self.bytes = None;
        }
        match word {
            "rotate" => self.parts = value.parse().unwrap_or(self.parts),
            "maxage" => self.age_days_max = value.parse().ok(),
            "size" => self.bytes = size(value),
            "maxsize" => self.bytes_max = size(value),
            _ => {}
        }
    }

    /// Days and bytes that are kept: all parts and the one being written count in the size, and only the
    /// rotated parts in the time, since the one being written may have just begun.
    fn limits(&self, path: &str) -> Limits {
        let parts = u64::try_from(self.parts).ok();
        let by_size = self.bytes.or(if self.interval_days.is_none() { Some(DEFAULT_BYTES) } else { self.bytes_max });
        let by_time = match (self.bytes, self.interval_days, parts) {
            (None, Some(interval), Some(parts)) => Some(interval.saturating_mul(parts)),
            _ => None,
        };
        let days = [by_time, self.age_days_max].into_iter().flatten().min();
        let bytes = by_size.zip(parts).map(|(bytes, parts)| bytes.saturating_mul(parts.saturating_add(1)));
        let observed = |value: Option<u64>| match value {
            Some(value) => Observed::known(value, path),
            None => Observed::absent(path),
        };
        Limits { days: observed(days), bytes: observed(bytes) }
    }
}

fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit {
        "" => 1,
        "k" | "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

fn quoted_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' | '\'' => rest.get(1..).and_then(|rest| rest.split_once(first)).unwrap_or((rest, "")),
            _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn root() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path()).unwrap();
        (dir, root)
    }

    fn read(text: &str) -> Logrotate {
        let (_dir, root) = root();
        let mut config = Logrotate::default();
        config.text(&root, text, CONFIG, 0);
        config
    }

    fn days_bytes(text: &str, log: &str) -> (Option<u64>, Option<u64>) {
        let limits = read(text).limits(log);
        (limits.days.value().copied(), limits.bytes.value().copied())
    }

    #[test]
    fn time_size_and_age() {
        let one = |body: &str| days_bytes(&format!("/var/log/x {{\n{body}\n}}\n"), "/var/log/x");
        assert_eq!(one("weekly\nrotate 4"), (Some(28), None));
        assert_eq!(one("rotate 4\nweekly\nmaxsize 100M"), (Some(28), Some(500 << 20)));
        assert_eq!(one("daily\nrotate 400\nmaxage 90"), (Some(90), None));
        assert_eq!(one("size 10M\nrotate 9"), (None, Some(100 << 20)));
        assert_eq!(one("weekly\nsize=10M\nrotate 9"), (None, Some(100 << 20)));
        assert_eq!(one("rotate 1"), (None, Some(2 << 20)));
        assert_eq!(one("monthly\nrotate -1"), (None, None));
        assert_eq!(one("daily\nrotate 0"), (Some(0), None));
    }

    #[test]
    fn defaults_lists_of_names_scripts_and_folders() {
        let text = "weekly\nrotate 52 # kept\n/var/log/a\n\"/var/log/b c\"\n/var/log/*.log\n{\n postrotate\n rotate 1 }\n endscript\n compress\n}\n/var/log/d { rotate 2 }\n";
        for log in ["/var/log/a", "/var/log/b c", "/var/log/auth.log"] {
            assert_eq!(days_bytes(text, log).0, Some(364), "{log}");
        }
        assert_eq!(days_bytes(text, "/var/log/d").0, Some(14));
        assert_eq!(days_bytes(text, "/var/log/none"), (None, None));
    }

    #[test]
    fn included_folders_are_read_with_the_defaults_so_far() {
        let (dir, root) = root();
        let folder = dir.path().join("etc/logrotate.d");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(dir.path().join("etc/logrotate.conf"), "monthly\nrotate 12\ninclude /etc/logrotate.d\n")
            .unwrap();
        std::fs::write(folder.join("x"), "/var/log/x {\n missingok\n}\n").unwrap();
        std::fs::write(folder.join("x.dpkg-old"), "/var/log/y {\n missingok\n}\n").unwrap();
        let config = Logrotate::read(&root);
        assert_eq!(config.limits("/var/log/x").days.value(), Some(&360));
        assert_eq!(config.limits("/var/log/y").days.value(), None);
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            read(&text).limits("/var/log/x");
        }

        #[test]
        fn near_misses_never_panic(text in "((/x|\"|'|rotate|size|weekly|\\{|\\}|=|9{1,30}[kMG]?|\n| ){1,3}){0,30}") {
            read(&text).limits("/x");
        }
    }
}
