//! Text for a terminal: whatever a host supplied is hostile until it is escaped here.

use tenken_proto::visible::is_invisible;

/// The text with control characters, bidirectional marks and other invisible characters written out.
///
/// Newlines are escaped too: one value stays on one line.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_bidi_marks_are_written_out() {
        assert_eq!(escape("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(escape("x\u{202e}y\nz"), "x\\u{202e}y\\u{a}z");
        assert_eq!(escape("点検 é"), "点検 é");
    }
}
