//! The systemd journal: journald's settings with their defaults, and the headers of its files.
//!
//! Only the first [`HEADER_BYTES`] of a file are read. The journal is judged by the system's own files; those
//! of users count in its size. A journal in memory ends with the next start: zero days.

use jiff::Timestamp;
use tenken_proto::fact::log_retention::{Log, LogKind};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;

use super::{CONFIG_BYTES_MAX, Extent, Limits, NAMES_MAX, log, space};
use crate::probe::dropin;
use crate::root::{ReadError, Root, Space};

pub(super) const PERSISTENT: &str = "/var/log/journal";
const VOLATILE: &str = "/run/log/journal";
/// The main configuration; the first that is there counts.
pub(super) const CONFIGS: [&str; 4] = [
    "/etc/systemd/journald.conf",
    "/run/systemd/journald.conf",
    "/usr/local/lib/systemd/journald.conf",
    "/usr/lib/systemd/journald.conf",
];
/// Parts of it, read after it.
pub(super) const DROPINS: [&str; 5] = [
    "/etc/systemd/journald.conf.d",
    "/run/systemd/journald.conf.d",
    "/usr/local/lib/systemd/journald.conf.d",
    "/usr/lib/systemd/journald.conf.d",
    "/lib/systemd/journald.conf.d",
];
const PROGRAMS: [&str; 2] = ["/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"];

/// Bytes of a header up to the time of its newest record.
const HEADER_BYTES: usize = 200;
/// Most folders of machines.
const MACHINES_MAX: usize = 64;
const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// The journal, where journald or its files are.
pub(super) fn read(root: &Root) -> Option<Log> {
    let settings = match settings(root) {
        Ok(Some(settings)) => settings,
        Ok(None) if root.exists(PERSISTENT) || PROGRAMS.iter().any(|program| root.exists(program)) => {
            Settings::default()
        }
        Ok(None) => return None,
        Err(error) => {
            let (extent, space) = (extent(root, PERSISTENT), space(root, PERSISTENT, 0));
            return Some(log(PERSISTENT, LogKind::Journal, extent, Limits::unread(&error), space));
        }
    };
    let persistent = match settings.storage.as_str() {
        "none" => return None,
        "volatile" => false,
        "persistent" => true,
        _ => root.exists(PERSISTENT),
    };
    let directory = if persistent { PERSISTENT } else { VOLATILE };
    let place = if root.exists(directory) { directory } else { "/var/log" };
    let size = root.space(if persistent { place } else { directory });
    let limits = limits(&settings, persistent, size.as_ref());
    let keep_free = size.as_ref().map_or(0, |size| settings.keep_free(persistent, *size));
    let left = match &size {
        Ok(size) => Observed::known(size.available.saturating_sub(keep_free), place),
        Err(error) => error.unreadable(),
    };
    Some(log(directory, LogKind::Journal, extent(root, directory), limits, left))
}

/// What journald was told; an empty value is its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Settings {
    storage: String,
    max_use: [String; 2],
    keep_free: [String; 2],
    max_file_size: [String; 2],
    max_files: [String; 2],
    max_retention: String,
    /// Where the retention was said.
    retention_source: String,
    /// Where the size was said.
    size_source: String,
}

/// None where there is no configuration at all.
fn settings(root: &Root) -> Result<Option<Settings>, ReadError> {
    let main = CONFIGS.iter().find(|path| root.exists(path));
    let mut files: Vec<dropin::ConfigFile> =
        main.map(|path| dropin::one(root, (*path).to_owned())).into_iter().collect();
    files.extend(dropin::read(root, &DROPINS, ".conf"));
    if files.is_empty() {
        return Ok(None);
    }
    let mut settings = Settings::default();
    for file in files {
        settings.take(&file.text?, &file.path);
    }
    Ok(Some(settings))
}

impl Settings {
    fn take(&mut self, text: &str, path: &str) {
        let mut inside = false;
        for line in text.lines().map(str::trim) {
            if let Some(section) = line.strip_prefix('[') {
                inside = section.trim_end_matches(']') == "Journal";
            } else if inside
                && !line.starts_with(['#', ';'])
                && let Some((key, value)) = line.split_once('=')
            {
                self.set(key.trim(), value.trim(), path);
            }
        }
    }

    fn set(&mut self, key: &str, value: &str, path: &str) {
        let number = usize::from(key.starts_with("Runtime"));
        let place = match key.trim_start_matches("System").trim_start_matches("Runtime") {
            "Storage" => &mut self.storage,
            "MaxUse" => {
                path.clone_into(&mut self.size_source);
                &mut self.max_use[number]
            }
            "KeepFree" => &mut self.keep_free[number],
            "MaxFileSize" => &mut self.max_file_size[number],
            "MaxFiles" => &mut self.max_files[number],
            "MaxRetentionSec" => {
                path.clone_into(&mut self.retention_source);
                &mut self.max_retention
            }
            _ => return,
        };
        value.clone_into(place);
    }

    /// Bytes that the journal may take: journald's own rules where nothing is set.
    fn max_bytes(&self, persistent: bool, of: Space) -> u64 {
        let number = usize::from(!persistent);
        let max_use = size(&self.max_use[number]).unwrap_or((of.size / 10).clamp(MIB, 4 * GIB));
        let file = size(&self.max_file_size[number]).unwrap_or((max_use / 8).clamp(512 * 1024, 128 * MIB));
        let files: u64 = self.max_files[number].parse().unwrap_or(100);
        if files == 0 { max_use } else { max_use.min(file.saturating_mul(files)) }
    }

    fn keep_free(&self, persistent: bool, of: Space) -> u64 {
        let number = usize::from(!persistent);
        size(&self.keep_free[number]).unwrap_or((of.size / 100 * 15).min(4 * GIB))
    }
}

fn limits(settings: &Settings, persistent: bool, size: Result<&Space, &ReadError>) -> Limits {
    let source = |said: &str| if said.is_empty() { phrase::JOURNALD_DEFAULT.to_owned() } else { said.to_owned() };
    let days = match span_days(&settings.max_retention) {
        _ if !persistent => Observed::known(0, phrase::JOURNAL_IN_MEMORY),
        Some(0) => Observed::absent(source(&settings.retention_source)),
        Some(days) => Observed::known(days, settings.retention_source.clone()),
        None => Observed::unreadable(
            Reason::Malformed,
            format!("MaxRetentionSec={} is no time span", settings.max_retention),
            settings.retention_source.clone(),
        ),
    };
    let bytes = match size {
        Ok(size) => Observed::known(settings.max_bytes(persistent, *size), source(&settings.size_source)),
        Err(error) => error.unreadable(),
    };
    Limits { days, bytes }
}

/// A size as systemd writes it: `500M`, `4G`, bytes without a letter.
fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "" | "B" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        "P" => 50,
        "E" => 60,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Whole days of a time span as systemd writes it: `30day`, `1month 2weeks`, seconds without a unit. Zero,
/// nothing and `infinity` set no limit and are 0; less than a day is one, so that it does not look like none.
fn span_days(text: &str) -> Option<u64> {
    if text.is_empty() || text == "infinity" {
        return Some(0);
    }
    let mut seconds = 0.0_f64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        seconds += number.parse::<f64>().ok()? * unit_seconds(unit)?;
        rest = after.trim_start();
    }
    let days = seconds / 86_400.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a number of days")]
    let whole = if days.is_finite() && days < 1e9 { days as u64 } else { 0 };
    Some(if seconds > 0.0 { whole.max(1) } else { 0 })
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "" | "s" | "sec" | "second" | "seconds" => 1.0,
        "us" | "usec" | "µs" => 1e-6,
        "ms" | "msec" => 1e-3,
        "m" | "min" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        "M" | "month" | "months" => 2_629_800.0,
        "y" | "year" | "years" => 31_557_600.0,
        _ => return None,
    })
}

/// First and last record over all files of the system's journal, and the size of all files.
fn extent(root: &Root, directory: &str) -> Extent {
    let machines = match root.list(directory, MACHINES_MAX) {
        Ok(listing) => listing.names,
        Err(error) if error.is_absence() => {
            let absent = || Observed::absent(directory);
            return Extent { oldest: absent(), newest: absent(), bytes: Observed::known(0, directory) };
        }
        Err(error) => return Extent::unread(&error),
    };
    let mut found = Found::default();
    for machine in machines {
        let folder = format!("{directory}/{machine}");
        match root.list(&folder, NAMES_MAX) {
            Ok(listing) => listing.names.iter().for_each(|name| found.file(root, &folder, name)),
            Err(ReadError::WrongKind { .. } | ReadError::Missing { .. }) => {}
            Err(error) => found.unread = Some(error.unreadable()),
        }
    }
    found.extent(directory)
}

#[derive(Default)]
struct Found {
    records: Option<(Timestamp, Timestamp)>,
    bytes: u64,
    /// Why one of the system's files could not be read.
    unread: Option<Observed<Timestamp>>,
}

impl Found {
    fn file(&mut self, root: &Root, folder: &str, name: &str) {
        if !name.ends_with(".journal") && !name.ends_with(".journal~") {
            return;
        }
        let path = format!("{folder}/{name}");
        match root.stat(&path) {
            Ok(stat) => self.bytes += stat.len,
            // Vacuumed while it was looked at.
            Err(_) => return,
        }
        if !name.starts_with("system") {
            return;
        }
        match root.read_head(&path, HEADER_BYTES).map(|head| header(&head)) {
            Ok(Ok(Some((first, last)))) => {
                let (oldest, newest) = self.records.unwrap_or((first, last));
                self.records = Some((oldest.min(first), newest.max(last)));
            }
            Ok(Ok(None)) | Err(ReadError::Missing { .. }) => {}
            Ok(Err(why)) => self.unread = Some(Observed::unreadable(Reason::Malformed, why, path)),
            Err(error) => self.unread = Some(error.unreadable()),
        }
    }

    fn extent(self, directory: &str) -> Extent {
        let bytes = Observed::known(self.bytes, directory);
        match (self.records, self.unread) {
            // What could not be read may be older, so what was read is only the least that is there.
            (Some((oldest, newest)), _) => {
                Extent { oldest: Observed::known(oldest, directory), newest: Observed::known(newest, directory), bytes }
            }
            (None, Some(unread)) => Extent { oldest: unread.clone(), newest: unread, bytes },
            (None, None) => Extent { oldest: Observed::absent(directory), newest: Observed::absent(directory), bytes },
        }
    }
}

/// Times of the first and the last record, none in a file without records.
fn header(head: &[u8]) -> Result<Option<(Timestamp, Timestamp)>, &'static str> {
    if head.get(..8) != Some(b"LPKSHHRH") {
        return Err(phrase::NOT_A_JOURNAL_FILE);
    }
    let number = |at: usize| -> Option<u64> { Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?)) };
    let time = |at| -> Option<Timestamp> { Timestamp::from_microsecond(i64::try_from(number(at)?).ok()?).ok() };
    let records = number(152).ok_or(phrase::ENDS_IN_HEADER)?;
    if records == 0 {
        return Ok(None);
    }
    match (time(184), time(192)) {
        (Some(first), Some(last)) if first <= last => Ok(Some((first, last))),
        _ => Err(phrase::NO_HEADER_TIMES),
    }
}

/// The address to which systemd-journal-upload sends, when it is enabled.
pub(super) fn upload(root: &Root) -> Result<Option<String>, ReadError> {
    const ENABLED: &str = "/etc/systemd/system/multi-user.target.wants/systemd-journal-upload.service";
    if root.read_link(ENABLED).is_err() {
        return Ok(None);
    }
    let text = match root.read_text("/etc/systemd/journal-upload.conf", CONFIG_BYTES_MAX) {
        Ok(text) => text,
        Err(error) if error.is_absence() => return Ok(None),
        Err(error) => return Err(error),
    };
    let url = text.lines().filter_map(|line| line.trim().strip_prefix("URL=")).next_back().unwrap_or_default();
    Ok(authority(url.trim()).map(|host| if has_port(host) { host.to_owned() } else { format!("{host}:19532") }))
}

fn authority(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    (!host.is_empty()).then_some(host)
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_and_sizes_as_systemd_writes_them() {
        for (text, days) in [
            ("", 0),
            ("0", 0),
            ("infinity", 0),
            ("30day", 30),
            ("1month", 30),
            ("1y 1d", 366),
            ("2weeks", 14),
            ("7776000", 90),
            ("3h", 1),
        ] {
            assert_eq!(span_days(text), Some(days), "{text}");
        }
        assert_eq!(span_days("soon"), None);
        assert_eq!(size("500M"), Some(500 << 20));
        assert_eq!(size("1024"), Some(1024));
        assert_eq!(size("1X"), None);
        assert_eq!(size("99999999999E"), None);
    }

    #[test]
    fn later_files_and_later_lines_win_and_other_sections_do_not_count() {
        let mut settings = Settings::default();
        settings.take("[Journal]\nMaxRetentionSec=1month\nStorage=volatile\n[Other]\nStorage=none\n", "/a");
        settings.take("[Journal]\n#Storage=none\nStorage = persistent\nMaxRetentionSec=\n", "/b");
        assert_eq!(settings.storage, "persistent");
        assert_eq!(settings.max_retention, "");
    }

    #[test]
    fn defaults_follow_the_file_system() {
        let settings = Settings::default();
        let disk = |size| Space { size, available: size };
        assert_eq!(settings.max_bytes(true, disk(20 * GIB)), 2 * GIB);
        assert_eq!(settings.max_bytes(true, disk(500 * GIB)), 4 * GIB);
        assert_eq!(settings.keep_free(true, disk(20 * GIB)), 20 * GIB / 100 * 15);
        assert_eq!(settings.keep_free(true, disk(500 * GIB)), 4 * GIB);
        let files = Settings { max_files: ["4".into(), String::new()], ..Settings::default() };
        assert_eq!(files.max_bytes(true, disk(500 * GIB)), 4 * 128 * MIB);
    }

    #[test]
    fn addresses_of_an_upload() {
        assert_eq!(authority("https://logs.example:19532/x"), Some("logs.example:19532"));
        assert_eq!(authority("http://u:p@logs.example"), Some("logs.example"));
        assert!(!has_port("[::1]") && has_port("[::1]:514"));
    }

    proptest! {
        #[test]
        fn arbitrary_input_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in any::<String>()) {
            let _read = header(&bytes);
            let mut journal = b"LPKSHHRH".to_vec();
            journal.extend(&bytes);
            let _read = header(&journal);
            let _read = (size(&text), span_days(&text), authority(&text));
            let mut settings = Settings::default();
            settings.take(&format!("[Journal]\n{text}"), "");
            settings.max_bytes(true, Space { size: u64::MAX, available: 0 });
        }

        #[test]
        fn arbitrary_spans_never_panic(text in "([0-9.]{0,6} ?[a-zA-Zµ]{0,5} ?){0,4}") {
            let _read = span_days(&text);
        }
    }
}
