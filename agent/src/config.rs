//! `agent.toml`: read, checked whole, inert. Every mistake is said at once, with its place and its remedy.
//!
//! Addresses are not in it: they come from enrolment. Nothing from the network changes it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tenken_proto::fact::GroupName;
use toml::{Table, Value};
use tracing_subscriber::filter::LevelFilter;

use crate::exit::{Exit, Failure};
use crate::transport::Address;

/// Largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// What the host's owner decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder for identity and undelivered reports (`data_dir`).
    pub data_dir: PathBuf,
    /// How much is logged (`log_level`).
    pub log_level: LevelFilter,
    /// Time between signs of life (`heartbeat_interval`); policy may lengthen or shorten it within limits.
    pub heartbeat_interval: Duration,
    /// Time between scheduled looks (`probe_interval`).
    pub probe_interval: Duration,
    /// Up to this long is waited after a connection was lost (`reconnect_first`): it spreads a fleet.
    pub reconnect_first: Duration,
    /// Wait after a connection that failed, doubled with each failure (`reconnect_min`).
    pub reconnect_min: Duration,
    /// Longest wait after lost connections (`reconnect_max`).
    pub reconnect_max: Duration,
    /// An HTTP proxy that tunnels to the collector by CONNECT (`proxy`).
    pub proxy: Option<Address>,
    /// How long running work may take to end after a stop (`stop_grace`).
    pub stop_grace: Duration,
    /// A report that waits this long for its ack goes to disk (`spool_after`).
    pub spool_after: Duration,
    /// Bytes that undelivered reports may take (`spool_bytes_max`).
    pub spool_bytes_max: u64,
    /// Age after which an undelivered report is dropped (`spool_age_max`).
    pub spool_age_max: Duration,
    /// Groups that are not collected (`withheld`).
    pub withheld: BTreeSet<GroupName>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: crate::paths::data_dir(),
            log_level: LevelFilter::INFO,
            heartbeat_interval: Duration::from_secs(300),
            probe_interval: Duration::from_secs(3_600),
            reconnect_first: Duration::from_secs(60),
            reconnect_min: Duration::from_secs(1),
            reconnect_max: Duration::from_secs(900),
            proxy: None,
            stop_grace: Duration::from_secs(5),
            spool_after: Duration::from_secs(30),
            spool_bytes_max: 64 * 1024 * 1024,
            spool_age_max: Duration::from_secs(30 * 86_400),
            withheld: BTreeSet::new(),
        }
    }
}

/// Everything that is wrong with a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    file: PathBuf,
    mistakes: Vec<Mistake>,
}

/// One thing that is wrong: the place, what, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mistake {
    place: String,
    what: String,
    remedy: String,
}

impl Mistakes {
    fn failure(&self) -> Failure {
        let failure = Failure::new(Exit::Usage, self.to_string());
        self.mistakes.iter().fold(failure, |failure, mistake| failure.line(mistake.to_string()))
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.mistakes.len();
        write!(f, "{}: {count} problem{}", self.file.display(), if count == 1 { "" } else { "s" })
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.what, self.remedy)
    }
}

impl std::error::Error for Mistakes {}

/// Reads the configuration: the named file, or the usual one where it exists; then the given data folder.
///
/// # Errors
/// [`Failure`] (usage): the file cannot be read, is no TOML, or has mistakes.
pub fn load(file: Option<&Path>, data_dir: Option<&Path>) -> Result<Config, Failure> {
    let usual = crate::paths::config_file();
    let path = file.unwrap_or(&usual);
    let mut config = match read(path) {
        Ok(text) => parse(path, &text).map_err(|mistakes| mistakes.failure())?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => Config::default(),
        Err(error) => return Err(unreadable(path, error)),
    };
    if let Some(dir) = data_dir {
        dir.clone_into(&mut config.data_dir);
    }
    Ok(config)
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    let remedy = if error.kind() == std::io::ErrorKind::InvalidData {
        "save it as UTF-8 text".to_owned()
    } else if error.kind() == std::io::ErrorKind::FileTooLarge {
        format!("name the right file with --config; at most {FILE_BYTES_MAX} bytes are read")
    } else {
        "name a readable file with --config, or leave it out for the defaults".to_owned()
    };
    let said = format!("failed to read the configuration `{}`", path.display());
    Failure::new(Exit::Usage, said).because(error).remedy(remedy)
}

/// The whole file; a larger one is an error, or its end would go unread and unchecked.
fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// The configuration that a text says, over the defaults.
///
/// # Errors
/// [`Mistakes`]: all of them.
pub fn parse(file: &Path, text: &str) -> Result<Config, Mistakes> {
    let table = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            let place = error.span().map_or_else(String::new, |span| place_of(text, span.start));
            let what = error.message().to_owned();
            let mistake = Mistake { place, what, remedy: "correct the TOML there".to_owned() };
            return Err(Mistakes { file: file.to_owned(), mistakes: vec![mistake] });
        }
    };
    let mut keys = Keys { table, known: Vec::new(), mistakes: Vec::new() };
    let config = config_of(&mut keys);
    keys.refuse_the_rest();
    if keys.mistakes.is_empty() { Ok(config) } else { Err(Mistakes { file: file.to_owned(), mistakes: keys.mistakes }) }
}

fn place_of(text: &str, at: usize) -> String {
    let line = text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}")
}

fn config_of(keys: &mut Keys) -> Config {
    let default = Config::default();
    const SECOND: Duration = Duration::from_secs(1);
    const DAY: Duration = Duration::from_secs(86_400);
    let config = Config {
        data_dir: keys.path("data_dir", default.data_dir),
        log_level: keys.level("log_level", default.log_level),
        heartbeat_interval: keys.duration("heartbeat_interval", default.heartbeat_interval, SECOND, DAY),
        probe_interval: keys.duration("probe_interval", default.probe_interval, SECOND, 7 * DAY),
        reconnect_first: keys.duration("reconnect_first", default.reconnect_first, SECOND / 100, DAY),
        reconnect_min: keys.duration("reconnect_min", default.reconnect_min, SECOND / 100, DAY),
        reconnect_max: keys.duration("reconnect_max", default.reconnect_max, SECOND / 100, DAY),
        proxy: keys.address("proxy"),
        stop_grace: keys.duration("stop_grace", default.stop_grace, SECOND / 10, SECOND * 60),
        spool_after: keys.duration("spool_after", default.spool_after, SECOND / 100, DAY),
        spool_bytes_max: keys.size("spool_bytes_max", default.spool_bytes_max, 1024 * 1024, 4 * 1024 * 1024 * 1024),
        spool_age_max: keys.duration("spool_age_max", default.spool_age_max, SECOND, 365 * DAY),
        withheld: keys.groups("withheld"),
    };
    if config.reconnect_min > config.reconnect_max {
        keys.mistake("reconnect_min", "is longer than reconnect_max", "make it the shorter one");
    }
    config
}

/// The keys of the file, taken one by one.
struct Keys {
    table: Table,
    known: Vec<&'static str>,
    mistakes: Vec<Mistake>,
}

impl Keys {
    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn mistake(&mut self, place: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.mistakes.push(Mistake { place: format!("`{place}`"), what: what.into(), remedy: remedy.into() });
    }

    fn text(&mut self, key: &'static str, example: &str) -> Option<String> {
        let value = self.take(key)?;
        if let Value::String(text) = value {
            return Some(text);
        }
        let what = format!("is {}, not a text", article(&value));
        self.mistake(key, what, format!("write {key} = \"{example}\""));
        None
    }

    fn path(&mut self, key: &'static str, default: PathBuf) -> PathBuf {
        let Some(text) = self.text(key, "/var/lib/tenken-agent") else { return default };
        let path = PathBuf::from(&text);
        if !path.is_absolute() {
            self.mistake(key, format!("`{text}` is not an absolute path"), "begin at the top of the file system");
        }
        path
    }

    fn address(&mut self, key: &'static str) -> Option<Address> {
        let text = self.text(key, "proxy.example:3128")?;
        let bare = text.strip_prefix("http://").unwrap_or(&text);
        match bare.trim_end_matches('/').parse() {
            Ok(address) => Some(address),
            Err(error) => {
                self.mistake(key, error.to_string(), "write the proxy as HOST:PORT");
                None
            }
        }
    }

    fn level(&mut self, key: &'static str, default: LevelFilter) -> LevelFilter {
        let Some(text) = self.text(key, "info") else { return default };
        text.parse().unwrap_or_else(|_| {
            self.mistake(key, format!("`{text}` is no level"), "write error, warn, info, debug or trace");
            default
        })
    }

    fn duration(&mut self, key: &'static str, default: Duration, min: Duration, max: Duration) -> Duration {
        let Some(text) = self.text(key, "5m") else { return default };
        match duration(&text) {
            Ok(it) if it < min || it > max => {
                let range = format!("write a time from {min:?} to {max:?}");
                self.mistake(key, format!("`{text}` is out of range"), range);
                default
            }
            Ok(it) => it,
            Err(what) => {
                self.mistake(key, format!("`{text}`: {what}"), "write a number with ms, s, m, h or d, such as \"5m\"");
                default
            }
        }
    }

    fn size(&mut self, key: &'static str, default: u64, min: u64, max: u64) -> u64 {
        let Some(text) = self.text(key, "64MiB") else { return default };
        match size(&text) {
            Some(it) if (min..=max).contains(&it) => it,
            Some(_) => {
                self.mistake(key, format!("`{text}` is out of range"), format!("write {min} to {max} bytes"));
                default
            }
            None => {
                self.mistake(key, format!("`{text}` is no size"), "write a number with KiB, MiB or GiB");
                default
            }
        }
    }

    fn groups(&mut self, key: &'static str) -> BTreeSet<GroupName> {
        let names: Vec<&'static str> = tenken_proto::fact::schemas().iter().map(|schema| schema.name).collect();
        let remedy = format!("write a list of {}", names.join(", "));
        let items = match self.take(key) {
            None => return BTreeSet::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.mistake(key, format!("is {}, not a list", article(&other)), remedy);
                return BTreeSet::new();
            }
        };
        let mut groups = BTreeSet::new();
        for item in items {
            let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            match text.parse::<GroupName>() {
                Ok(name) if names.contains(&name.as_str()) => {
                    groups.insert(name);
                }
                _ => {
                    let near = nearest(&text, &names)
                        .map_or_else(|| remedy.clone(), |near| format!("did you mean \"{near}\"?"));
                    self.mistake(key, format!("`{text}` is no fact group"), near);
                }
            }
        }
        groups
    }

    fn refuse_the_rest(&mut self) {
        let rest: Vec<String> = self.table.keys().cloned().collect();
        for key in rest {
            let remedy = match nearest(&key, &self.known) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("remove it; known are {}", self.known.join(", ")),
            };
            self.mistake(&key, "unknown key", remedy);
        }
    }
}

fn article(value: &Value) -> String {
    let kind = value.type_str();
    if kind.starts_with(['a', 'i']) { format!("an {kind}") } else { format!("a {kind}") }
}

fn nearest(text: &str, words: &[&'static str]) -> Option<&'static str> {
    let scored = words.iter().map(|word| (strsim::damerau_levenshtein(text, word), *word));
    scored.min().filter(|(distance, word)| *distance <= 1 + word.len() / 4).map(|(_, word)| word)
}

/// A time with its unit: `250ms`, `30s`, `5m`, `24h`, `7d`.
///
/// # Errors
/// What is wrong with it, for a person.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "is no whole number with a unit")?;
    let unit_ms: u64 = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" => return Err("missing unit"),
        _ => return Err("unknown unit"),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or("too long")
}

fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim() {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> String {
        let found = parse(Path::new("agent.toml"), text).unwrap_err();
        let lines = std::iter::once(found.to_string()).chain(found.mistakes.iter().map(ToString::to_string));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(parse(Path::new("agent.toml"), "").unwrap(), Config::default());
    }

    #[test]
    fn values_are_read() {
        let text = "data_dir = '/srv/x'\nprobe_interval = '30m'\nwithheld = ['usb']\nlog_level = 'debug'\nspool_bytes_max = '8MiB'";
        let config = parse(Path::new("agent.toml"), text).unwrap();
        assert_eq!(config.probe_interval, Duration::from_secs(1800));
        assert_eq!(config.spool_bytes_max, 8 << 20);
        assert_eq!(config.log_level, LevelFilter::DEBUG);
        assert_eq!(config.withheld.len(), 1);
    }

    #[test]
    fn all_mistakes_are_said_at_once_with_place_and_remedy() {
        let text = "heartbeat_interval = '5'\nprobe_intervall = '1h'\nwithheld = ['ubs']\ndata_dir = 'x'\nspool_age_max = 3\nzzz = 1";
        let said = mistakes(text);
        assert!(said.contains("agent.toml: 6 problems"), "{said}");
        assert!(said.contains("`heartbeat_interval`: `5`: missing unit; write a number with"), "{said}");
        assert!(said.contains("`probe_intervall`: unknown key; did you mean \"probe_interval\"?"), "{said}");
        assert!(said.contains("did you mean \"usb\"?"), "{said}");
        assert!(said.contains("`spool_age_max`: is an integer, not a text"), "{said}");
        assert!(said.contains("`zzz`: unknown key; remove it"), "{said}");
    }

    #[test]
    fn a_file_that_cannot_be_read_whole_is_refused_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("agent.toml");
        let refused = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            let failure = load(Some(&file), None).unwrap_err();
            assert!(failure.to_string().contains("agent.toml"), "{failure}");
            (failure.exit(), failure.advice().unwrap_or_default().to_owned())
        };
        // The mistake lies behind the limit, where a cut read would not see it.
        let long = format!("{}zzz = 1\n", "#\n".repeat(FILE_BYTES_MAX as usize / 2));
        let (exit, remedy) = refused(long.as_bytes());
        assert!(exit == Exit::Usage && remedy.contains("262144 bytes"), "{remedy}");
        let (exit, remedy) = refused(b"log_level = '\xff'");
        assert!(exit == Exit::Usage && remedy.contains("UTF-8"), "{remedy}");
    }

    #[test]
    fn broken_toml_names_the_line() {
        let said = mistakes("a = 1\nb = \n");
        assert!(said.contains("line 2"), "{said}");
    }

    #[test]
    fn times_out_of_range_are_refused() {
        assert!(mistakes("heartbeat_interval = '10ms'").contains("out of range"));
        assert!(duration("99999999999999999999d").is_err());
    }
}
