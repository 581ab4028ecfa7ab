//! A log file with its rotated parts: which belong to it, and where its records begin and end.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

use jiff::Timestamp;
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;

use super::Extent;
use crate::root::{FileKind, ReadError, Root};

/// How much of a file is read for its first or last time.
const PIECE_BYTES_MAX: usize = 64 * 1024;
/// Most memory for a decoder's window.
const WINDOW_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most parts of one log.
const PARTS_MAX: usize = 1_024;
const COMPRESSED: [&str; 4] = [".gz", ".xz", ".zst", ".bz2"];

/// One file of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    path: String,
    /// Its place among the parts; the file that is being written has 0.
    age: u64,
    len: u64,
    written_at: Timestamp,
}

/// Reads the time of a line, given when its file was last written.
pub(super) type Stamp<'a> = &'a dyn Fn(&[u8], Timestamp) -> Option<Timestamp>;

/// First and last record and size of a log with its rotated parts, `names` being those in its folder.
pub(super) fn extent(root: &Root, directory: &str, names: &[String], base: &str, stamp: Stamp<'_>) -> Extent {
    let mut parts = Vec::new();
    let belonging = names.iter().filter_map(|name| age(name, base).map(|age| (name, age))).take(PARTS_MAX);
    for (name, age) in belonging {
        let path = format!("{directory}/{name}");
        match root.stat(&path) {
            Ok(stat) if stat.kind == FileKind::Regular => {
                parts.push(Part { path, age, len: stat.len, written_at: stat.modified });
            }
            Ok(_) | Err(ReadError::Missing { .. }) => {}
            Err(error) => return Extent::unread(&error),
        }
    }
    parts.sort_by_key(|part| (std::cmp::Reverse(part.age), part.written_at));
    let bytes = parts.iter().map(|part| part.len).sum();
    let path = format!("{directory}/{base}");
    parts.retain(|part| part.len > 0);
    Extent {
        oldest: oldest(root, &parts, &path, stamp),
        newest: newest(root, &parts, &path, stamp),
        bytes: Observed::known(bytes, format!("{path}*")),
    }
}

/// The place among the parts of a log that a name says: `x`, `x.1`, `x.2.gz`, `x-20261121`, `x-20261121.gz`;
/// none for what does not belong to it.
fn age(name: &str, base: &str) -> Option<u64> {
    let rest = name.strip_prefix(base)?;
    let rest = COMPRESSED.iter().find_map(|ending| rest.strip_suffix(ending)).unwrap_or(rest);
    if rest.is_empty() {
        return Some(0);
    }
    if rest == ".old" {
        return Some(1);
    }
    if let Some(number) = rest.strip_prefix('.') {
        return number.parse().ok();
    }
    let date: String = rest.strip_prefix('-')?.chars().filter(|c| *c != '-').collect();
    // Of two dates the later one is the younger part.
    date.parse::<u64>().ok().map(|date| u64::MAX - date)
}

fn oldest(root: &Root, parts: &[Part], path: &str, stamp: Stamp<'_>) -> Observed<Timestamp> {
    for part in parts {
        let head = match head(root, part) {
            Ok(head) if head.is_empty() => continue,
            Ok(head) => head,
            Err(observed) => return observed,
        };
        let time = head.split(|byte| *byte == b'\n').find_map(|line| stamp(line, part.written_at));
        return match time {
            Some(time) => Observed::known(time, part.path.clone()),
            None => no_time(part),
        };
    }
    Observed::absent(path)
}

fn newest(root: &Root, parts: &[Part], path: &str, stamp: Stamp<'_>) -> Observed<Timestamp> {
    let Some(part) = parts.last() else { return Observed::absent(path) };
    if COMPRESSED.iter().any(|ending| part.path.ends_with(ending)) {
        return Observed::known(part.written_at, format!("{} {}", phrase::LAST_WRITE, part.path));
    }
    let tail = match root.open(&part.path) {
        Ok(file) => tail(file, part.len),
        Err(error) => return error.unreadable(),
    };
    match tail {
        Ok(tail) => match tail.rsplit(|byte| *byte == b'\n').find_map(|line| stamp(line, part.written_at)) {
            Some(time) => Observed::known(time, part.path.clone()),
            None => no_time(part),
        },
        Err(error) => Observed::unreadable(Reason::Io, error.to_string(), part.path.clone()),
    }
}

fn no_time(part: &Part) -> Observed<Timestamp> {
    Observed::unreadable(Reason::Malformed, phrase::NO_TIME_ON_LINES, part.path.clone())
}

fn tail(mut file: File, len: u64) -> io::Result<Vec<u8>> {
    let piece = u64::try_from(PIECE_BYTES_MAX).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(len.saturating_sub(piece)))?;
    let mut bytes = Vec::new();
    file.take(piece).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first piece of a part, decompressed.
fn head(root: &Root, part: &Part) -> Result<Vec<u8>, Observed<Timestamp>> {
    let file = root.open(&part.path).map_err(|error| error.unreadable())?;
    let malformed = |detail: String| Observed::unreadable(Reason::Malformed, detail, part.path.clone());
    let reader: Box<dyn Read> = match COMPRESSED.iter().find(|ending| part.path.ends_with(**ending)) {
        None => Box::new(file),
        Some(&".gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some(&".xz") => {
            let limit_kib = u32::try_from(WINDOW_BYTES_MAX >> 10).unwrap_or(u32::MAX);
            Box::new(lzma_rust2::XzReader::new_mem_limit(BufReader::new(file), true, limit_kib))
        }
        Some(&".zst") => Box::new(
            ruzstd::decoding::StreamingDecoder::new_with_max_window_size(BufReader::new(file), WINDOW_BYTES_MAX)
                .map_err(|error| malformed(error.to_string()))?,
        ),
        Some(ending) => {
            let detail = format!("{} {ending}{}", phrase::COMPRESSED_AS, phrase::WHICH_IS_NOT_READ);
            return Err(Observed::unreadable(Reason::Unsupported, detail, part.path.clone()));
        }
    };
    let mut bytes = Vec::new();
    let piece = u64::try_from(PIECE_BYTES_MAX).unwrap_or(u64::MAX);
    match reader.take(piece).read_to_end(&mut bytes) {
        // A file that is broken further on still has its beginning.
        Err(error) if bytes.is_empty() => Err(malformed(error.to_string())),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_parts_of_every_form_belong() {
        for name in ["syslog", "syslog.1", "syslog.12.gz", "syslog-20261121", "syslog-20261121.xz", "syslog.1.zst"] {
            assert!(age(name, "syslog").is_some(), "{name}");
        }
        for name in ["syslog.conf", "syslog-ng", "syslogd", "syslog.d", "syslog.", "kern.log"] {
            assert_eq!(age(name, "syslog"), None, "{name}");
        }
        assert!(age("x.10.gz", "x") > age("x.2.gz", "x"));
        assert!(age("x-20261101", "x") > age("x-20261108.gz", "x"));
    }
}
