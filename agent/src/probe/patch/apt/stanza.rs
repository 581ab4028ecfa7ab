//! Stanzas of fields (deb822): dpkg's status, package lists, release files, preferences, `*.sources`.
//!
//! [`scan`] reads a stream of any length with one buffer of at most [`STANZA_BYTES_MAX`] and hands out each
//! stanza in place; [`fields`] walks one stanza without allocating.

use std::io::{self, Read};

use memchr::memmem;

/// Longest stanza; a longer one is an error. The longest of Debian bookworm is below 64 KiB.
pub(crate) const STANZA_BYTES_MAX: usize = 1 << 20;
/// What is read at once. Two of them stay below 128 KiB, from where the C library maps each block by itself and
/// then keeps that much more freed memory.
const CHUNK_BYTES: usize = 32 << 10;

/// What stops a scan.
#[derive(Debug)]
pub(crate) enum ScanError {
    /// The stream failed, or its compression is broken.
    Io(io::Error),
    /// A stanza is longer than [`STANZA_BYTES_MAX`].
    TooLong,
    /// More than the limit given came out of the stream.
    TooLarge,
}

/// Calls `each` with every stanza of the stream; `limit` bounds the bytes that come out of it.
pub(crate) fn scan(mut stream: impl Read, limit: u64, mut each: impl FnMut(&[u8])) -> Result<(), ScanError> {
    let end = memmem::Finder::new(b"\n\n");
    let mut buffer = vec![0; 2 * CHUNK_BYTES];
    let (mut filled, mut total) = (0, 0_u64);
    loop {
        if buffer.len() - filled < CHUNK_BYTES {
            if filled > STANZA_BYTES_MAX {
                return Err(ScanError::TooLong);
            }
            buffer.resize(filled + CHUNK_BYTES, 0);
        }
        let read = match stream.read(&mut buffer[filled..]) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ScanError::Io(error)),
        };
        if read == 0 {
            break;
        }
        total += read as u64;
        if total > limit {
            return Err(ScanError::TooLarge);
        }
        filled += read;
        let mut start = 0;
        while let Some(length) = end.find(&buffer[start..filled]) {
            hand_out(&buffer[start..=start + length], &mut each);
            // The second line feed may begin the next gap; leave it, leading ones are skipped.
            start += length + 1;
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
    }
    hand_out(&buffer[..filled], &mut each);
    Ok(())
}

fn hand_out(stanza: &[u8], each: &mut impl FnMut(&[u8])) {
    let start = stanza.iter().take_while(|c| matches!(c, b'\n' | b'\r')).count();
    if start < stanza.len() {
        each(&stanza[start..]);
    }
}

/// Name and value of each field; a value keeps its continuation lines, without white space around the whole.
pub(crate) fn fields(stanza: &[u8]) -> Fields<'_> {
    Fields { rest: stanza }
}

/// Iterator of [`fields`].
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let mut end = line_end(self.rest, 0);
            while matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                end = line_end(self.rest, end);
            }
            let (field, rest) = self.rest.split_at(end);
            self.rest = rest;
            if let Some(colon) = memchr::memchr(b':', field) {
                return Some((field[..colon].trim_ascii(), field[colon + 1..].trim_ascii()));
            }
        }
        None
    }
}

fn line_end(text: &[u8], from: usize) -> usize {
    memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |at| from + at + 1)
}

/// The value of a field; names are equal without regard to case.
pub(crate) fn field<'a>(stanza: &'a [u8], name: &str) -> Option<&'a [u8]> {
    fields(stanza).find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
}

/// Text of a field value, with what is not UTF-8 replaced.
pub(crate) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

/// Stanzas of a file that people write: lines that start with `#` are left out, an empty line separates.
pub(crate) fn by_hand(file: &[u8]) -> Vec<Vec<u8>> {
    let mut stanzas = vec![];
    let mut stanza = vec![];
    for line in file.split_inclusive(|c| *c == b'\n') {
        if line.first() == Some(&b'#') {
            continue;
        }
        if matches!(line, b"\n" | b"\r\n") {
            if !stanza.is_empty() {
                stanzas.push(std::mem::take(&mut stanza));
            }
        } else {
            stanza.extend_from_slice(line);
        }
    }
    if !stanza.is_empty() {
        stanzas.push(stanza);
    }
    stanzas
}

/// Yes, no or neither, in any of the words that apt takes.
pub(crate) fn truth(word: &str) -> Option<bool> {
    let word = word.trim();
    let is = |words: &[&str]| words.iter().any(|it| word.eq_ignore_ascii_case(it));
    if word == "1" || is(&["yes", "true", "with", "on", "enable"]) {
        Some(true)
    } else if word == "0" || is(&["no", "false", "without", "off", "disable"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let take = self.1.min(self.0.len()).min(out.len());
            out[..take].copy_from_slice(&self.0[..take]);
            self.0 = &self.0[take..];
            Ok(take)
        }
    }

    #[test]
    fn stanzas_come_whole_whatever_the_reads() {
        let text = b"\n\nPackage: a\nVersion: 1\n\n\nPackage: b\n\nPackage: c";
        for step in [1, 2, 3, 7, 1000] {
            let mut seen = vec![];
            scan(Drip(text, step), 1000, |stanza| seen.push(text_of(stanza))).unwrap();
            assert_eq!(seen, ["Package: a\nVersion: 1\n", "Package: b\n", "Package: c"], "step {step}");
        }
    }

    fn text_of(stanza: &[u8]) -> String {
        text(stanza)
    }

    #[test]
    fn a_stream_is_bounded() {
        assert!(matches!(scan(io::repeat(b'a'), 1 << 30, |_| ()), Err(ScanError::TooLong)));
        assert!(matches!(scan(io::repeat(b'\n'), 1 << 20, |_| ()), Err(ScanError::TooLarge)));
    }

    #[test]
    fn values_keep_their_continuation() {
        let stanza = b"Package: a\nDepends: b,\n c\n\td\nVersion: 1:2-3\njunk\n";
        assert_eq!(field(stanza, "depends"), Some(&b"b,\n c\n\td"[..]));
        assert_eq!(field(stanza, "Version"), Some(&b"1:2-3"[..]));
        assert_eq!(field(stanza, "junk"), None);
        assert_eq!(fields(stanza).count(), 3);
    }
}
