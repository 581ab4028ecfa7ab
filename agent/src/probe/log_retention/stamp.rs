//! The time at the beginning of a log line.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
/// A line may have been written this much after the file's last change, by another clock.
const SLACK: SignedDuration = SignedDuration::from_hours(24);
/// Years that are tried back for a time without a year; one of them has a 29 February.
const YEARS_BACK: i16 = 8;

/// The time of a syslog line: RFC 3339, or month, day and time in the zone of the host, whose year follows
/// from when the file was last written.
pub(super) fn syslog(line: &[u8], zone: &TimeZone, written_at: Timestamp) -> Option<Timestamp> {
    if line.get(4) == Some(&b'-') {
        let end = memchr::memchr2(b' ', b'\t', line).unwrap_or(line.len());
        return std::str::from_utf8(line.get(..end)?).ok()?.parse().ok();
    }
    let month = MONTHS.iter().position(|month| line.get(..3) == Some(month.as_slice()))?;
    let month = i8::try_from(month + 1).ok()?;
    let number = |range: std::ops::Range<usize>| -> Option<i8> {
        std::str::from_utf8(line.get(range)?).ok()?.trim_start().parse().ok()
    };
    let day = number(4..6)?;
    if (line.get(9), line.get(12)) != (Some(&b':'), Some(&b':')) {
        return None;
    }
    let time = jiff::civil::Time::new(number(7..9)?, number(10..12)?, number(13..15)?.min(59), 0).ok()?;
    let latest = written_at.checked_add(SLACK).ok()?;
    let year = zone.to_datetime(latest).year();
    (0..=YEARS_BACK).find_map(|back| {
        let date = Date::new(year.checked_sub(back)?, month, day).ok()?;
        let at = zone.to_timestamp(date.to_datetime(time)).ok()?;
        (at <= latest).then_some(at)
    })
}

/// The time of a record of the audit system: `type=… msg=audit(1700000000.123:45): …`.
pub(super) fn audit(line: &[u8]) -> Option<Timestamp> {
    let start = memchr::memmem::find(line, b"msg=audit(")? + "msg=audit(".len();
    let rest = line.get(start..)?;
    let end = memchr::memchr(b':', rest.get(..64.min(rest.len()))?)?;
    let (seconds, fraction) = std::str::from_utf8(rest.get(..end)?).ok()?.split_once('.')?;
    let milliseconds: i32 = fraction.parse().ok().filter(|ms| (0..1000).contains(ms))?;
    Timestamp::new(seconds.parse().ok()?, milliseconds * 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn tokyo() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(9))
    }

    #[test]
    fn rfc_3339_says_all() {
        let line = b"2026-11-21T01:02:03.123456+09:00 pc sshd[1]: x";
        assert_eq!(syslog(line, &TimeZone::UTC, at("2026-11-21T00:00:00Z")), Some(at("2026-11-20T16:02:03.123456Z")));
    }

    #[test]
    fn the_year_follows_from_the_last_write() {
        let read = |line: &[u8], written| syslog(line, &tokyo(), at(written)).map(|time| time.to_string());
        assert_eq!(read(b"Nov 21 09:00:00 pc x", "2026-11-21T00:00:05Z").as_deref(), Some("2026-11-21T00:00:00Z"));
        assert_eq!(read(b"Dec 31 23:59:59 pc x", "2027-01-03T00:00:00Z").as_deref(), Some("2026-12-31T14:59:59Z"));
        assert_eq!(read(b"Feb 29 12:00:00 pc x", "2026-11-21T00:00:00Z").as_deref(), Some("2024-02-29T03:00:00Z"));
        assert_eq!(read(b"Jan  1 00:00:01 pc x", "2026-12-31T15:00:05Z").as_deref(), Some("2026-12-31T15:00:01Z"));
    }

    #[test]
    fn other_lines_have_no_time() {
        for line in [&b""[..], b"garbage", b"Nov 99 09:00:00", b"Nov 21 09-00-00", b"2026-13-01T00:00:00Z x", b"No"] {
            assert_eq!(syslog(line, &TimeZone::UTC, at("2026-11-21T00:00:00Z")), None);
        }
    }

    #[test]
    fn audit_records() {
        let line = b"type=DAEMON_START msg=audit(1700000000.123:4567): op=start";
        assert_eq!(audit(line), Some(at("2023-11-14T22:13:20.123Z")));
        assert_eq!(audit(b"msg=audit(x.y:1)"), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), s in -1_000_000_000_000_i64..1_000_000_000_000) {
            let written = Timestamp::from_millisecond(s).unwrap();
            let _time = syslog(&bytes, &tokyo(), written);
            let _time = audit(&bytes);
        }

        #[test]
        fn near_misses_never_panic(text in "[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}.{0,5}") {
            let _time = syslog(text.as_bytes(), &tokyo(), Timestamp::MAX);
            let _time = syslog(text.as_bytes(), &tokyo(), Timestamp::MIN);
        }
    }
}
