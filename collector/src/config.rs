//! `collector.toml`: read whole, checked whole, every mistake told at once with its remedy. Inert afterwards.
//!
//! Durations are written with a unit ("90s", "5m", "24h", "7d"), sizes too ("64MiB", "2GiB").

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use tenken_assess::fleet::ParameterSetting;

use crate::exit::{Exit, Failure};
use crate::file::{self, FileError};
use crate::locale::{Lang, Locale, Message, PROGRAM};
use crate::logging::Level;
use crate::voice::Voice;

mod parameters;
mod read;
#[cfg(test)]
mod tests;

use read::Reader;

/// Largest configuration file.
pub const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Name of the file that is read when none is named, in the data folder.
pub const FILE_NAME: &str = "collector.toml";

/// What `limits.handshake_timeout` may be: a mobile line needs a second or two, a stalled handshake holds a place.
pub const HANDSHAKE_TIMEOUT: RangeInclusive<SignedDuration> =
    SignedDuration::from_secs(1)..=SignedDuration::from_secs(60);
/// What `limits.first_call_timeout` may be.
pub const FIRST_CALL_TIMEOUT: RangeInclusive<SignedDuration> =
    SignedDuration::from_secs(1)..=SignedDuration::from_secs(60);
/// What `limits.handshakes` may be: each costs a fraction of a millisecond of a core and some KiB while it lasts.
pub const HANDSHAKES: RangeInclusive<u64> = 8..=65_536;
/// What `ca.collector_certificate` may be: renewed hourly at the most often, and never good for much over a year.
pub const COLLECTOR_CERTIFICATE: RangeInclusive<SignedDuration> =
    SignedDuration::from_hours(1)..=SignedDuration::from_hours(398 * 24);

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where all data lies.
    pub data_dir: PathBuf,
    /// How much is logged.
    pub log_level: Level,
    /// Addresses for agents.
    pub listen: Listen,
    /// The pages for people.
    pub web: Web,
    /// The certificate authority.
    pub ca: Ca,
    /// Intervals and limits of time.
    pub time: Time,
    /// The store.
    pub store: StoreSettings,
    /// Limits against overload.
    pub limits: Limits,
    /// `[parameters]`: thresholds of controls that the organisation sets otherwise, sorted by name.
    pub parameters: Vec<ParameterSetting>,
}

/// `[listen]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where machines enrol and renew. Port 0: any free one.
    pub enrol: SocketAddr,
    /// Where agents report.
    pub report: SocketAddr,
    /// Names and addresses by which agents reach this collector; they stand in its certificate, and the first
    /// one in what enrolling agents are told.
    pub names: Vec<String>,
}

/// `[web]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Where the pages are served; none: not at all.
    pub listen: Option<SocketAddr>,
    /// Names under which the pages may be asked for, beside this machine's own.
    pub names: Vec<String>,
    /// The pages may be served beyond this machine, though they are plain HTTP.
    pub plain_http_elsewhere: bool,
}

impl Web {
    /// Plain HTTP leaves this machine only if that is said.
    fn take(reader: &mut Reader) -> Self {
        let loopback = Some(SocketAddr::from(([127, 0, 0, 1], WEB_PORT)));
        let web = Self {
            listen: reader.take("web", "listen", loopback, read::optional_address),
            names: reader.take("web", "names", Vec::new(), read::texts),
            plain_http_elsewhere: reader.take("web", "plain_http_elsewhere", false, read::truth),
        };
        if let Some(address) = web.elsewhere().filter(|_| !web.plain_http_elsewhere) {
            reader.refuse("web", "listen", Message::new("config-plain_http").mention("value", address));
        }
        web
    }

    /// Where the pages are served, if that is beyond this machine.
    pub(crate) fn elsewhere(&self) -> Option<SocketAddr> {
        self.listen.filter(|address| !address.ip().to_canonical().is_loopback())
    }
}

/// `[ca]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ca {
    /// First part of every identity's name.
    pub trust_domain: String,
    /// Life of an agent's certificate.
    pub agent_certificate: SignedDuration,
    /// Life of the collector's own certificate; within [`COLLECTOR_CERTIFICATE`].
    pub collector_certificate: SignedDuration,
    /// How long an ended certificate may still renew itself.
    pub renewal_grace: SignedDuration,
}

/// `[limits]`: what is measured in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// The organisation's time zone, for the ends of days.
    pub zone: Option<String>,
    /// How often an agent says that it lives.
    pub heartbeat_interval: SignedDuration,
    /// How often an agent looks at everything.
    pub probe_interval: SignedDuration,
    /// A PC that was not heard of for so long is silent.
    pub silent_after_pc: SignedDuration,
    /// A server that was not heard of for so long is silent.
    pub silent_after_server: SignedDuration,
    /// A group that a connected agent did not look at for so long is stale.
    pub group_stale_after: SignedDuration,
    /// After a start nobody turns silent for one heartbeat and this.
    pub startup_grace: SignedDuration,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// Space that is kept back; none: the smaller of 2 GiB and 5 % of the disk.
    pub low_water: Option<u64>,
    /// Memory for cached pages.
    pub cache: u64,
}

/// `[limits]`: what is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections on both listeners together.
    pub connections: u64,
    /// Connections from one address.
    pub connections_per_address: u64,
    /// TLS handshakes of each listener at one time; more wait. Within [`HANDSHAKES`].
    pub handshakes: u64,
    /// Time for a TLS handshake; within [`HANDSHAKE_TIMEOUT`].
    pub handshake_timeout: SignedDuration,
    /// Time from the handshake to the first call; within [`FIRST_CALL_TIMEOUT`].
    pub first_call_timeout: SignedDuration,
    /// Reports that one identity may send per second, averaged.
    pub reports_per_second: u64,
    /// Reports that one identity may send at once.
    pub reports_burst: u64,
    /// Calls that one address may make on the enrol listener per second, averaged.
    pub enrolments_per_second: u64,
    /// Calls that one address may make on the enrol listener at once.
    pub enrolments_burst: u64,
}

/// One mistake and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Which key.
    pub place: String,
    /// What is wrong and how it would be right.
    pub problem: Message,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// The file says something that cannot be.
    #[error("{}", listed(path, mistakes, &Voice::new(Locale::of(Lang::En), PROGRAM)))]
    Mistakes {
        /// Which file.
        path: PathBuf,
        /// All of them.
        mistakes: Vec<Mistake>,
    },
}

fn listed(path: &Path, mistakes: &[Mistake], voice: &Voice) -> String {
    use fmt::Write as _;
    let head = Message::new("config-mistakes").mention("file", path.display()).count("n", mistakes.len() as u64);
    let mut text = voice.tell(&head);
    for Mistake { place, problem } in mistakes {
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        let _ = write!(text, "\n  {place}{}", voice.tell(problem));
    }
    text
}

impl ConfigError {
    /// The end of the command that needed the configuration.
    #[must_use]
    pub fn failure(self, voice: &Voice) -> Failure {
        match self {
            Self::Read(error) => error.failure(Exit::Usage),
            Self::Mistakes { path, mistakes } => Failure::new(Exit::Usage, listed(&path, &mistakes, voice)),
        }
    }
}

impl Config {
    /// The organisation's time zone; the system's where none is set.
    #[must_use]
    pub fn time_zone(&self) -> jiff::tz::TimeZone {
        let named = self.time.zone.as_deref().and_then(|name| jiff::tz::TimeZone::get(name).ok());
        named.unwrap_or_else(jiff::tz::TimeZone::system)
    }

    /// Reads the named file, or `collector.toml` in the data folder if there is one, or takes the defaults.
    /// A data folder given on the command line wins over the file's.
    ///
    /// # Errors
    /// The file cannot be read, or holds mistakes: all of them at once.
    pub fn load(file: Option<&Path>, data_dir: Option<&Path>) -> Result<Self, ConfigError> {
        let fallback = data_dir.map_or_else(|| PathBuf::from(DEFAULT_DATA_DIR), Path::to_path_buf);
        let (path, text) = match file {
            Some(path) => (path.to_path_buf(), file::read_text(path, FILE_BYTES_MAX)?),
            None => {
                let path = fallback.join(FILE_NAME);
                match file::read_text(&path, FILE_BYTES_MAX) {
                    Ok(text) => (path, text),
                    Err(error) if error.is_missing() => (path, String::new()),
                    Err(error) => return Err(error.into()),
                }
            }
        };
        let mut config = Self::parse(&path, &text)?;
        if let Some(data_dir) = data_dir {
            config.data_dir = data_dir.to_path_buf();
        }
        Ok(config)
    }

    /// Reads the text of a configuration.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let mistakes = |mistakes| ConfigError::Mistakes { path: path.to_path_buf(), mistakes };
        let mut reader = Reader::new(text).map_err(|mistake| mistakes(vec![mistake]))?;
        let config = Self::take(&mut reader);
        let found = reader.finish();
        if found.is_empty() { Ok(config) } else { Err(mistakes(found)) }
    }

    fn take(reader: &mut Reader) -> Self {
        use read::{address, any_text, duration, duration_within, level, size, texts, time_zone, whole, whole_within};
        let seconds = SignedDuration::from_secs;
        let day = |days: i64| SignedDuration::from_hours(24 * days);
        Self {
            data_dir: PathBuf::from(reader.take("", "data_dir", DEFAULT_DATA_DIR.to_owned(), any_text)),
            log_level: reader.take("", "log_level", Level::Info, level),
            listen: Listen {
                enrol: reader.take("listen", "enrol", SocketAddr::from(([0, 0, 0, 0], ENROL_PORT)), address),
                report: reader.take("listen", "report", SocketAddr::from(([0, 0, 0, 0], REPORT_PORT)), address),
                names: reader.take("listen", "names", Vec::new(), texts),
            },
            web: Web::take(reader),
            ca: Ca {
                trust_domain: reader.take("ca", "trust_domain", "tenken.internal".to_owned(), read::trust_domain),
                agent_certificate: reader.take("ca", "agent_certificate", day(30), duration),
                collector_certificate: reader.take(
                    "ca",
                    "collector_certificate",
                    day(90),
                    duration_within(COLLECTOR_CERTIFICATE),
                ),
                renewal_grace: reader.take("ca", "renewal_grace", day(180), duration),
            },
            time: Time {
                zone: reader.take("", "time_zone", None, time_zone),
                heartbeat_interval: reader.take("limits", "heartbeat_interval", SignedDuration::from_mins(5), duration),
                probe_interval: reader.take("limits", "probe_interval", SignedDuration::from_hours(1), duration),
                silent_after_pc: reader.take("limits", "silent_after_pc", day(7), duration),
                silent_after_server: reader.take("limits", "silent_after_server", day(1), duration),
                group_stale_after: reader.take("limits", "group_stale_after", day(1), duration),
                startup_grace: reader.take("limits", "startup_grace", SignedDuration::from_mins(15), duration),
            },
            store: StoreSettings {
                low_water: reader.take("store", "low_water", None, |value| size(value).map(Some)),
                cache: reader.take("store", "cache", crate::store::redb::CACHE_BYTES as u64, size),
            },
            limits: Limits {
                connections: reader.take("limits", "connections", 110_000, whole),
                connections_per_address: reader.take("limits", "connections_per_address", 20, whole),
                handshakes: reader.take("limits", "handshakes", 512, whole_within(HANDSHAKES)),
                handshake_timeout: reader.take(
                    "limits",
                    "handshake_timeout",
                    seconds(8),
                    duration_within(HANDSHAKE_TIMEOUT),
                ),
                first_call_timeout: reader.take(
                    "limits",
                    "first_call_timeout",
                    seconds(10),
                    duration_within(FIRST_CALL_TIMEOUT),
                ),
                reports_per_second: reader.take("limits", "reports_per_second", 20, whole),
                reports_burst: reader.take("limits", "reports_burst", 200, whole),
                enrolments_per_second: reader.take("limits", "enrolments_per_second", 5, whole),
                enrolments_burst: reader.take("limits", "enrolments_burst", 50, whole),
            },
            parameters: reader.take_section(parameters::SECTION, parameters::read),
        }
    }
}

/// Where data lies when nothing is said.
pub const DEFAULT_DATA_DIR: &str = "/var/lib/tenken-collector";
/// Default port of the enrol listener.
pub const ENROL_PORT: u16 = 7431;
/// Default port of the report listener.
pub const REPORT_PORT: u16 = 7432;
/// Default port of the pages.
pub const WEB_PORT: u16 = 7430;
