//! When packages were last installed or upgraded: dpkg's log, also a rotated one; else apt's history.
//!
//! Both write local time without a zone; the zone is that of the observed system.

use std::io::Read;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tenken_proto::observed::Observed;

use crate::probe::patch::apt::files::{self, Trouble};
use crate::root::Root;

/// Logs of dpkg, the newest first.
const DPKG_LOGS: [&str; 4] =
    ["/var/log/dpkg.log", "/var/log/dpkg.log.1", "/var/log/dpkg.log.2.gz", "/var/log/dpkg.log.3.gz"];
/// Logs of apt, the newest first.
const APT_LOGS: [&str; 3] =
    ["/var/log/apt/history.log", "/var/log/apt/history.log.1.gz", "/var/log/apt/history.log.2.gz"];
/// Largest log, decompressed.
const LOG_BYTES_MAX: u64 = 256 << 20;
/// Largest description of a time zone.
const ZONE_BYTES_MAX: usize = 1 << 20;

/// When packages were last installed or upgraded.
pub(crate) fn last_upgrade_at(root: &Root) -> Observed<Timestamp> {
    let zone = match zone(root) {
        Ok(zone) => zone,
        Err(trouble) => return trouble.observed(DPKG_LOGS[0]),
    };
    let logs = DPKG_LOGS.iter().map(|path| (path, is_install as fn(&[u8]) -> Option<&[u8]>));
    let logs = logs.chain(APT_LOGS.iter().map(|path| (path, end_date as fn(&[u8]) -> Option<&[u8]>)));
    for (path, pick) in logs {
        match last(root, path, pick) {
            Ok(Some(time)) => match time.to_zoned(zone.clone()) {
                Ok(time) => return Observed::known(time.timestamp(), *path),
                Err(_) => return Trouble::malformed(format!("{path}: `{time}` is out of range")).observed(path),
            },
            Ok(None) => {}
            Err(trouble) => return trouble.observed(path),
        }
    }
    Observed::absent(DPKG_LOGS[0])
}

/// The zone of the observed system; without one it keeps universal time.
fn zone(root: &Root) -> Result<TimeZone, Trouble> {
    match files::read(root, "/etc/localtime", ZONE_BYTES_MAX)? {
        None => Ok(TimeZone::UTC),
        Some(bytes) => {
            TimeZone::tzif("local", &bytes).map_err(|_| Trouble::malformed("/etc/localtime: not a time zone"))
        }
    }
}

/// The last time in a log that the pick finds; none when there is no log or no such line.
fn last(root: &Root, path: &str, pick: fn(&[u8]) -> Option<&[u8]>) -> Result<Option<DateTime>, Trouble> {
    let Some(file) = files::open(root, path)? else { return Ok(None) };
    let mut found = None;
    let read = if path.ends_with(".gz") {
        lines(flate2::read::MultiGzDecoder::new(file), |line| found = pick(line).and_then(time).or(found))
    } else {
        lines(file, |line| found = pick(line).and_then(time).or(found))
    };
    read.map_err(|error| Trouble::malformed(format!("{path}: {error}")))?;
    Ok(found)
}

/// Calls with every whole line, in a buffer that does not grow; a longer line comes in pieces.
fn lines(stream: impl Read, mut each: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut stream = stream.take(LOG_BYTES_MAX);
    let mut buffer = vec![0; 64 << 10];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            each(&buffer[..filled]);
            return Ok(());
        }
        filled += read;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &buffer[..filled]) {
            each(&buffer[start..end]);
            start = end + 1;
        }
        if start == 0 && filled == buffer.len() {
            start = filled;
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
    }
}

/// `2026-09-22 04:51:30 upgrade name:arch old new`.
fn is_install(line: &[u8]) -> Option<&[u8]> {
    let action = line.get(20..)?;
    (action.starts_with(b"install ") || action.starts_with(b"upgrade ")).then(|| &line[..19])
}

/// `End-Date: 2026-09-22  04:51:30`.
fn end_date(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"End-Date:").map(<[u8]>::trim_ascii)
}

fn time(text: &[u8]) -> Option<DateTime> {
    let text = std::str::from_utf8(text).ok()?;
    let (date, time) = text.split_once(' ')?;
    format!("{date}T{}", time.trim_start()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(files: &[(&str, &[u8])]) -> Observed<Timestamp> {
        let dir = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        last_upgrade_at(&Root::at(dir.path()).unwrap())
    }

    const LOG: &[u8] = b"2026-09-20 01:00:00 startup archives unpack\n2026-09-20 01:00:01 install a:amd64 <none> 1\n\
        2026-09-21 02:00:00 upgrade a:amd64 1 2\n2026-09-22 03:00:00 remove a:amd64 2 <none>\n2026-09-22 03:00:00 status installed b:amd64 1\n";

    #[test]
    fn the_last_installation_counts() {
        assert_eq!(observed(&[("var/log/dpkg.log", LOG)]).value(), Some(&"2026-09-21T02:00:00Z".parse().unwrap()));
        let rotated = [("var/log/dpkg.log", &b""[..]), ("var/log/dpkg.log.1", LOG)];
        assert_eq!(observed(&rotated).source(), "/var/log/dpkg.log.1");
        let apt = b"Start-Date: 2026-09-22  04:51:00\nCommandline: apt\nEnd-Date: 2026-09-22  04:51:30\n";
        let value = observed(&[("var/log/apt/history.log", apt)]);
        assert_eq!(value.value(), Some(&"2026-09-22T04:51:30Z".parse().unwrap()));
    }

    #[test]
    fn no_log_is_absent_and_a_broken_one_unreadable() {
        assert!(matches!(observed(&[]), Observed::Absent { .. }));
        assert!(matches!(observed(&[("var/log/dpkg.log", b"junk\n")]), Observed::Absent { .. }));
        assert!(matches!(observed(&[("var/log/dpkg.log.2.gz", b"junk")]), Observed::Unreadable { .. }));
        assert!(matches!(
            observed(&[("etc/localtime", b"junk"), ("var/log/dpkg.log", LOG)]),
            Observed::Unreadable { .. }
        ));
    }

    #[test]
    fn times_are_those_of_the_observed_system() {
        let tokyo = TimeZone::get("Asia/Tokyo");
        let Ok(bytes) = std::fs::read("/usr/share/zoneinfo/Asia/Tokyo") else {
            assert!(tokyo.is_err(), "a system with zones has the file");
            return;
        };
        let value = observed(&[("etc/localtime", &bytes), ("var/log/dpkg.log", LOG)]);
        assert_eq!(value.value(), Some(&"2026-09-20T17:00:00Z".parse().unwrap()));
    }
}
