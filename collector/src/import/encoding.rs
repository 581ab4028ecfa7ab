//! Bytes of a file → text. UTF-8 (with or without byte order mark) or Shift_JIS, found by looking.
//!
//! What is valid UTF-8 is UTF-8; what is not, and is valid Shift_JIS (as Windows writes it), is that.
//! Nothing is ever replaced: a byte that fits neither refuses the file and names its line.

use encoding_rs::SHIFT_JIS;

use super::{FILE_BYTES_MAX, Finding};

/// Reads the bytes as text.
///
/// # Errors
/// One finding: empty, too large, UTF-16, binary, or neither of the two encodings.
pub fn decode(bytes: &[u8]) -> Result<String, Finding> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Finding::file("too_large").mention("bytes", bytes.len()).mention("max", FILE_BYTES_MAX));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Finding::file("utf16"));
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(Finding::file("workbook"));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Finding::line(line_of(bytes, at), "binary"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) => shift_jis(bytes, error.valid_up_to())?,
    };
    if text.trim().is_empty() {
        return Err(Finding::file("empty"));
    }
    Ok(text)
}

fn shift_jis(bytes: &[u8], not_utf8_at: usize) -> Result<String, Finding> {
    if let Some(text) = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes) {
        return Ok(text.into_owned());
    }
    let line = bad_line(bytes).unwrap_or_else(|| line_of(bytes, not_utf8_at));
    Err(Finding::line(line, "encoding"))
}

/// The first line that is neither; a line break is never part of a character in either encoding.
fn bad_line(bytes: &[u8]) -> Option<u64> {
    let neither = |line: &&[u8]| {
        std::str::from_utf8(line).is_err()
            && SHIFT_JIS.decode_without_bom_handling_and_without_replacement(line).is_none()
    };
    let index = bytes.split(|byte| *byte == b'\n').position(|line| neither(&line))?;
    Some(index as u64 + 1)
}

fn line_of(bytes: &[u8], at: usize) -> u64 {
    bytes.iter().take(at).filter(|byte| **byte == b'\n').count() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_encodings_and_the_mark_give_the_same_text() {
        let text = "情報資産名称,機密性\r\n製品カタログ①～,0\r\n";
        let (sjis, _, unmappable) = SHIFT_JIS.encode(text);
        assert!(!unmappable);
        assert_eq!(decode(text.as_bytes()).as_deref(), Ok(text));
        assert_eq!(decode(format!("\u{feff}{text}").as_bytes()).as_deref(), Ok(text));
        assert_eq!(decode(&sjis).as_deref(), Ok(text));
    }

    #[test]
    fn what_is_neither_is_refused_by_line() {
        for (bytes, kind, line) in [
            (b"a,b\nc,\xff\xfe\xfd\n".as_slice(), "encoding", Some(2)),
            (b"\xff\xfea\0b\0", "utf16", None),
            (b"PK\x03\x04....", "workbook", None),
            (b"a,b\n\n1,\0\n", "binary", Some(3)),
            (b" \r\n\n", "empty", None),
            (b"", "empty", None),
            (b"\xef\xbb\xbf", "empty", None),
        ] {
            let finding = decode(bytes).expect_err("refused");
            assert_eq!((finding.kind, finding.line), (kind, line));
        }
        assert_eq!(decode(&vec![b'a'; FILE_BYTES_MAX + 1]).expect_err("refused").kind, "too_large");
    }
}
