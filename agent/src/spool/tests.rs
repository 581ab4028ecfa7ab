//! Order, bounds, last values, and what happens to a spool that is of no use.

use std::time::Duration;

use super::*;

const HOUR_S: i64 = 3_600;

fn limits(bytes_max: u64) -> Limits {
    Limits { bytes_max, age_max: Duration::from_secs(24 * 3_600) }
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + hours * HOUR_S).expect("a time")
}

fn report(epoch: u64, sequence: u64, groups: &[(&str, usize)], hours: i64) -> wire::Report {
    let group = groups.iter().map(|(name, bytes)| wire::Group {
        name: (*name).to_owned(),
        schema_version: 1,
        // What repeats is compressed by nobody here; the content tells reports apart.
        body: vec![u8::try_from(sequence % 251).expect("small"); *bytes].into(),
        observed_unix_ms: at(hours).as_millisecond(),
    });
    wire::Report { epoch, sequence, group: group.collect(), dropped: None }
}

fn all(spool: &Spool) -> Vec<wire::Report> {
    let mut reports = Vec::new();
    let mut known = BTreeSet::new();
    while let Some(position) = spool.first_but(&known) {
        let report = spool.read(position).expect("readable");
        known.extend(keys(report.epoch, report.sequence..=report.sequence));
        reports.push(report);
    }
    reports
}

fn keys(epoch: u64, sequences: std::ops::RangeInclusive<u64>) -> BTreeSet<Key> {
    sequences.map(|sequence| (Epoch(epoch), Sequence(sequence))).collect()
}

fn numbered(first: u64) -> impl FnMut(Vec<wire::Group>) -> wire::Report {
    let mut sequence = first;
    move |group| {
        sequence += 1;
        wire::Report { epoch: 99, sequence: sequence - 1, group, dropped: None }
    }
}

#[test]
fn survives_a_restart_in_order_and_forgets_only_what_is_acked() {
    let dir = tempfile::tempdir().expect("folder");
    let mut spool = Spool::open(dir.path(), limits(64 << 20), at(0)).expect("open");
    let reports: Vec<_> = (1..=5).map(|n| report(7, n, &[("usb", 10)], 0)).collect();
    for report in &reports {
        spool.push(report).expect("pushed");
    }
    spool.close().expect("closed");
    assert!(Spool::is_there(dir.path()));

    let mut spool = Spool::open(dir.path(), limits(64 << 20), at(1)).expect("open again");
    assert_eq!(all(&spool), reports);
    assert_eq!(spool.acked(&keys(8, 1..=5)).expect("acked"), 0, "another run of the agent");
    assert_eq!(spool.acked(&keys(7, 2..=3)).expect("acked"), 2);
    assert_eq!(all(&spool), [&reports[..1], &reports[3..]].concat());
    assert_eq!(spool.acked(&keys(7, 1..=9)).expect("acked"), 3);
    spool.close().expect("closed");
    assert!(!Spool::is_there(dir.path()) && !home(dir.path()).exists(), "drained: nothing is left");
}

#[test]
fn too_old_reports_leave_their_last_values_under_a_new_number() {
    let dir = tempfile::tempdir().expect("folder");
    let mut spool = Spool::open(dir.path(), limits(64 << 20), at(0)).expect("open");
    spool.push(&report(7, 1, &[("usb", 10), ("patch", 10)], 0)).expect("pushed");
    spool.push(&report(7, 2, &[("patch", 11)], 1)).expect("pushed");
    spool.push(&report(7, 3, &[("host", 12)], 30)).expect("pushed");
    spool.push(&report(7, 4, &[("patch", 13)], 30)).expect("pushed");
    assert_eq!(spool.keep_bounds(at(20), numbered(1)).expect("kept"), None, "young enough");
    let lost = spool.keep_bounds(at(30), numbered(1)).expect("kept").expect("something went");
    assert_eq!(lost.count, 2);
    assert_eq!((lost.first_unix_ms, lost.last_unix_ms), (at(0).as_millisecond(), at(1).as_millisecond()));
    let left = all(&spool);
    let names: Vec<Vec<&str>> =
        left.iter().map(|report| report.group.iter().map(|group| group.name.as_str()).collect()).collect();
    assert_eq!(names, [vec!["host"], vec!["patch"], vec!["usb"]], "the newer patch supersedes the older");
    assert_eq!((left[2].epoch, left[2].sequence), (99, 1), "a number that cannot have reached the collector");
}

#[test]
fn a_full_spool_stays_within_its_bytes_and_keeps_each_last_value() {
    const BYTES_MAX: u64 = 2 << 20;
    let dir = tempfile::tempdir().expect("folder");
    let mut spool = Spool::open(dir.path(), limits(BYTES_MAX), at(0)).expect("open");
    spool.push(&report(7, 1, &[("host", 100)], 0)).expect("pushed");
    let mut number = numbered(1);
    let mut lost = 0;
    for n in 2..=400 {
        spool.push(&report(7, n, &[("patch", 16 * 1024)], 0)).expect("pushed");
        lost += spool.keep_bounds(at(0), &mut number).expect("kept").map_or(0, |lost| lost.count);
        let on_disk = spool.db.size_on_disk().expect("size");
        assert!(on_disk <= BYTES_MAX + (1 << 20), "{on_disk} bytes on disk after {n}");
    }
    assert!(lost > 100, "{lost}");
    let left = all(&spool);
    assert!(left.iter().any(|report| report.group.iter().any(|group| group.name == "host")), "the only value of host");
    let last = left.iter().rfind(|report| report.group[0].name == "patch").expect("a patch");
    assert_eq!(last.sequence, 400);
    spool.close().expect("closed");
    let spool = Spool::open(dir.path(), limits(BYTES_MAX), at(0)).expect("open again");
    assert_eq!(all(&spool), left);
}

#[test]
fn a_loss_that_was_not_told_is_added_to_the_next() {
    let mut values = LastValues::default();
    let mut carrier = report(7, 1, &[], 0);
    carrier.dropped = Some(wire::Dropped {
        count: 5,
        first_unix_ms: at(-9).as_millisecond(),
        last_unix_ms: at(-8).as_millisecond(),
        reason: String::new(),
    });
    values.take(carrier);
    values.take(report(7, 2, &[("usb", 1)], 3));
    let (groups, lost) = values.finish();
    assert_eq!(groups.len(), 1);
    let lost = lost.expect("lost");
    assert_eq!(
        (lost.count, lost.first_unix_ms, lost.last_unix_ms),
        (6, at(-9).as_millisecond(), at(3).as_millisecond())
    );
}

#[test]
fn a_damaged_spool_is_known_as_such_and_set_aside() {
    for damage in ["marker", "record"] {
        let dir = tempfile::tempdir().expect("folder");
        let mut spool = filled(dir.path());
        if damage == "record" {
            spool.db.insert(u64::MAX.to_be_bytes(), b"\xff\xff\xff".as_slice()).expect("inserted");
            spool.flush().expect("flushed");
        }
        spool.close().expect("closed");
        if damage == "marker" {
            fs::write(marker(&home(dir.path())), "../elsewhere").expect("written");
        }
        let error = Spool::open(dir.path(), limits(64 << 20), at(0)).expect_err(damage);
        assert!(error.is_damage(), "{damage}: {error:?}");
        let aside = Spool::set_aside(dir.path()).expect("set aside");
        assert!(aside.exists() && !Spool::is_there(dir.path()));
        let spool = Spool::open(dir.path(), limits(64 << 20), at(0)).expect("a new one");
        assert!(spool.is_empty());
    }
}

#[test]
fn whatever_lies_in_the_file_the_agent_goes_on() {
    for nth in 0..12_usize {
        let dir = tempfile::tempdir().expect("folder");
        let spool = filled(dir.path());
        let file = spool.folder.join("db");
        spool.close().expect("closed");
        let mut bytes = fs::read(&file).expect("readable");
        let len = bytes.len();
        match nth % 3 {
            0 => bytes.truncate(len * nth / 12),
            1 => bytes.iter_mut().skip(len * nth / 24).take(512).for_each(|byte| *byte = 0xA5),
            _ => bytes.fill(0xFF),
        }
        fs::write(&file, bytes).expect("written");
        let mut spool = match Spool::open(dir.path(), limits(64 << 20), at(0)) {
            Ok(spool) => spool,
            Err(error) => {
                assert!(error.is_damage(), "{nth}: {error:?}");
                Spool::set_aside(dir.path()).expect("set aside");
                Spool::open(dir.path(), limits(64 << 20), at(0)).expect("a new one")
            }
        };
        spool.push(&report(9, 1, &[("usb", 10)], 0)).expect("pushed");
        assert!(all(&spool).iter().any(|report| report.epoch == 9));
    }
}

fn filled(dir: &Path) -> Spool {
    let mut spool = Spool::open(dir, limits(64 << 20), at(0)).expect("open");
    for n in 1..=50 {
        spool.push(&report(7, n, &[("usb", 2_000)], 0)).expect("pushed");
    }
    spool
}

#[test]
fn a_crash_before_the_marker_moved_leaves_the_old_spool() {
    let dir = tempfile::tempdir().expect("folder");
    let mut spool = Spool::open(dir.path(), limits(64 << 20), at(0)).expect("open");
    spool.push(&report(7, 1, &[("usb", 10)], 0)).expect("pushed");
    spool.close().expect("closed");
    // The rewrite had begun: another folder, no marker for it yet.
    let half = home(dir.path()).join("s1");
    fs::create_dir(&half).expect("folder");
    fs::write(half.join("db"), "half").expect("written");
    let spool = Spool::open(dir.path(), limits(64 << 20), at(1)).expect("open");
    assert_eq!(spool.len(), 1);
    assert!(!half.exists(), "swept");
}

#[test]
fn without_room_nothing_is_written_and_everything_in_it_can_be_delivered() {
    let dir = tempfile::tempdir().expect("folder");
    let mut spool = Spool::open(dir.path(), limits(64 << 20), at(0)).expect("open");
    let reports: Vec<_> = (1..=3).map(|n| report(7, n, &[("usb", 10)], 0)).collect();
    for report in &reports {
        spool.push(report).expect("pushed");
    }
    spool.room = |_| Some(ROOM_BYTES_MIN - 1);
    let refused = spool.push(&report(7, 4, &[("usb", 10)], 0)).expect_err("no room");
    assert!(matches!(&refused, SpoolError::File { source, .. } if source.kind() == io::ErrorKind::StorageFull));
    assert_eq!(spool.keep_bounds(at(9_999), numbered(9)).expect("nothing is done"), None);
    assert_eq!(spool.acked(&keys(7, 1..=1)).expect("acked"), 1);
    assert_eq!(all(&spool), reports[1..]);
    spool.room = |_| Some(ROOM_BYTES_MIN * 2);
    spool.push(&report(7, 4, &[("usb", 10)], 0)).expect("room again");
    assert_eq!(spool.acked(&keys(7, 2..=4)).expect("acked"), 3);
    spool.close().expect("drained");
    assert!(!Spool::is_there(dir.path()));
}

#[test]
fn after_a_write_that_failed_it_is_only_read_and_closing_does_not_wait() {
    let dir = tempfile::tempdir().expect("folder");
    let mut spool = Spool::open(dir.path(), limits(64 << 20), at(0)).expect("open");
    let kept = report(7, 1, &[("usb", 10)], 0);
    spool.push(&kept).expect("pushed");
    spool.stuck();
    spool.push(&report(7, 2, &[("usb", 10)], 0)).expect_err("only read");
    assert_eq!(all(&spool), [kept]);
    assert_eq!(spool.acked(&keys(7, 1..=1)).expect("acked"), 1);
    spool.close().expect("drained");
    assert!(!Spool::is_there(dir.path()));
    let mut spool = Spool::open(dir.path(), limits(64 << 20), at(1)).expect("a new one");
    spool.push(&report(7, 3, &[("usb", 10)], 0)).expect("pushed");
}
