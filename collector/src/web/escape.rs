//! Text in pages is hostile: it is escaped for HTML, and what cannot be seen is made visible.
//!
//! Every `{{ … }}` of a template goes through [`Visible`] (see `askama.toml`). Control characters, direction
//! marks, zero-width and other invisible characters are written as `⟨U+202E⟩`, so that a host name cannot
//! turn the text around it or look like another one. Line feeds stay; templates decide how they are shown.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

use crate::visible::is_invisible;

/// Escapes for HTML and shows what is invisible.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        let mut from = 0;
        for (at, c) in text.char_indices().filter(|(_, c)| !matches!(c, '\n' | '\t') && is_invisible(*c)) {
            Html.write_escaped_str(&mut dest, &text[from..at])?;
            write!(dest, "⟨U+{:04X}⟩", u32::from(c))?;
            from = at + c.len_utf8();
        }
        Html.write_escaped_str(&mut dest, &text[from..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        Visible.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn html_is_escaped() {
        assert_eq!(shown("<b a='x'>&\""), "&#60;b a=&#39;x&#39;&#62;&#38;&#34;");
    }

    #[test]
    fn direction_marks_and_controls_are_seen() {
        assert_eq!(shown("pc\u{202E}gpj.exe"), "pc⟨U+202E⟩gpj.exe");
        assert_eq!(shown("a\u{0}b\u{1b}[31m\r"), "a⟨U+0000⟩b⟨U+001B⟩[31m⟨U+000D⟩");
        assert_eq!(shown("a\u{200B}b\u{FEFF}"), "a⟨U+200B⟩b⟨U+FEFF⟩");
    }

    #[test]
    fn ordinary_text_stays() {
        assert_eq!(shown("経理-PC01 ①\n二行目"), "経理-PC01 ①\n二行目");
    }
}
