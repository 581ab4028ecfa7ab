//! Text that a host, a file or a person supplied, made safe to look at: what cannot be seen is written out.
//!
//! Control characters, direction marks, zero-width and other invisible characters become `⟨U+202E⟩`, so that a
//! host name cannot move the cursor, colour the screen, turn the text around it or look like another one.

pub use tenken_proto::visible::is_invisible;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The text with everything invisible written out; line feeds and tabs too.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) {
            out.push_str(&format!("⟨U+{:04X}⟩", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Columns that the text takes on a terminal; a full-width character takes two.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The text cut to so many columns, the cut marked with `…`.
#[must_use]
pub fn clipped(text: &str, columns_max: usize) -> String {
    if columns(text) <= columns_max {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        if used + width + 1 > columns_max {
            break;
        }
        used += width;
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_invisible_is_left() {
        assert_eq!(visible("pc\u{202E}gpj.exe"), "pc⟨U+202E⟩gpj.exe");
        assert_eq!(visible("a\u{0}\u{1b}[31m\r\n\u{9b}1m"), "a⟨U+0000⟩⟨U+001B⟩[31m⟨U+000D⟩⟨U+000A⟩⟨U+009B⟩1m");
        assert_eq!(visible("経理-PC01 ①"), "経理-PC01 ①");
    }

    #[test]
    fn width_counts_full_width_characters_twice() {
        assert_eq!(columns("経理pc"), 6);
        assert_eq!(clipped("経理部のパソコン", 9), "経理部の…");
        assert_eq!(clipped("short", 9), "short");
    }
}
