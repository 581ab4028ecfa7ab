//! Log-on records (`wtmp`): binary, 384 bytes each; only their times are read.

use std::io::{Read as _, Seek as _, SeekFrom};

use jiff::Timestamp;
use tenken_proto::fact::log_retention::{Log, LogKind};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;

use super::logrotate::Logrotate;
use super::{Extent, log, space};
use crate::root::{ReadError, Root};

const PATH: &str = "/var/log/wtmp";
const DIRECTORY: &str = "/var/log";
/// Bytes of one record, on every architecture of Linux with this layout.
const RECORD_BYTES: usize = 384;
/// Where the seconds are.
const TIME_AT: usize = 340;
/// Where the kind is; 0 is an empty record.
const EMPTY: [u8; 2] = [0, 0];

/// The log-on records with their rotated part, where they are kept.
pub(super) fn read(root: &Root, logrotate: &Logrotate) -> Option<Log> {
    let now = match ends(root, PATH) {
        Err(error) if error.is_absence() => return None,
        other => other,
    };
    let before = ends(root, &format!("{PATH}.1"));
    let extent = match (now, before) {
        (Err(error), _) => Extent::unread(&error),
        (Ok(now), before) => join(now, before.ok()),
    };
    Some(log(PATH, LogKind::Logins, extent, logrotate.limits(PATH), space(root, DIRECTORY, 0)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Empty,
    Between(Timestamp, Timestamp),
    Malformed,
}

fn join(now: (Ends, u64), before: Option<(Ends, u64)>) -> Extent {
    let (rotated, more) = before.unwrap_or((Ends::Empty, 0));
    let bytes = Observed::known(now.1 + more, PATH);
    let (oldest, newest) = match (rotated, now.0) {
        (Ends::Between(oldest, _), Ends::Between(_, newest))
        | (Ends::Between(oldest, newest), Ends::Empty)
        | (Ends::Empty, Ends::Between(oldest, newest)) => {
            (Observed::known(oldest, PATH), Observed::known(newest, PATH))
        }
        (Ends::Empty, Ends::Empty) => (Observed::absent(PATH), Observed::absent(PATH)),
        (Ends::Malformed, _) | (_, Ends::Malformed) => {
            let malformed = || Observed::unreadable(Reason::Malformed, phrase::NO_LOGON_RECORDS, PATH);
            (malformed(), malformed())
        }
    };
    Extent { oldest, newest, bytes }
}

fn ends(root: &Root, path: &str) -> Result<(Ends, u64), ReadError> {
    let stat = root.stat(path)?;
    let first = root.read_head(path, RECORD_BYTES)?;
    if first.is_empty() {
        return Ok((Ends::Empty, stat.len));
    }
    let record_bytes = u64::try_from(RECORD_BYTES).unwrap_or(u64::MAX);
    let mut file = root.open(path)?;
    let mut last = vec![0; RECORD_BYTES];
    let at = (stat.len / record_bytes).saturating_sub(1) * record_bytes;
    let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut last));
    read.map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    Ok((between(&first, &last), stat.len))
}

fn between(first: &[u8], last: &[u8]) -> Ends {
    match (time(first), time(last)) {
        (Some(first), Some(last)) => Ends::Between(first, last),
        _ => Ends::Malformed,
    }
}

fn time(record: &[u8]) -> Option<Timestamp> {
    if record.get(..2)? == EMPTY {
        return None;
    }
    // Unsigned since 2038 is near; the machine's byte order is taken to be that of the observed one.
    let seconds = u32::from_ne_bytes(record.get(TIME_AT..TIME_AT + 4)?.try_into().ok()?);
    (seconds > 0).then(|| Timestamp::from_second(i64::from(seconds)).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(seconds: u32) -> Vec<u8> {
        let mut record = vec![0; RECORD_BYTES];
        record[0] = 2;
        record[TIME_AT..TIME_AT + 4].copy_from_slice(&seconds.to_ne_bytes());
        record
    }

    #[test]
    fn first_and_last_over_both_parts() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("var/log")).unwrap();
        let root = Root::at(dir.path()).unwrap();
        assert!(read(&root, &Logrotate::default()).is_none());
        std::fs::write(dir.path().join("var/log/wtmp"), [record(1_700_000_000), record(1_700_000_100)].concat())
            .unwrap();
        std::fs::write(dir.path().join("var/log/wtmp.1"), record(1_690_000_000)).unwrap();
        let log = read(&root, &Logrotate::default()).unwrap();
        assert_eq!(log.oldest_record_at.value().map(|time| time.as_second()), Some(1_690_000_000));
        assert_eq!(log.size_bytes.value(), Some(&(3 * 384)));
        std::fs::write(dir.path().join("var/log/wtmp"), "short").unwrap();
        std::fs::remove_file(dir.path().join("var/log/wtmp.1")).unwrap();
        assert!(matches!(read(&root, &Logrotate::default()).unwrap().oldest_record_at, Observed::Unreadable { .. }));
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..800)) {
            let _time = time(&bytes);
        }
    }
}
