//! What pins compare with: shell patterns and, between slashes, extended regular expressions, both without
//! regard to case.

use regex::{Regex, RegexBuilder};

/// Memory that one compiled expression may take.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// A pattern of a pin.
#[derive(Debug, Clone)]
pub(crate) enum Expression {
    /// As `fnmatch` understands it.
    Glob(String),
    /// Between slashes.
    Regex(Box<Regex>),
    /// A regular expression that does not compile: apt warns and matches nothing.
    Nothing,
}

impl Expression {
    /// Reads a pattern.
    pub(crate) fn new(pattern: &str) -> Self {
        match pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            None => Self::Glob(pattern.to_owned()),
            Some(inner) => RegexBuilder::new(inner)
                .case_insensitive(true)
                .size_limit(REGEX_BYTES_MAX)
                .build()
                .map_or(Self::Nothing, |regex| Self::Regex(Box::new(regex))),
        }
    }

    /// Whether it matches the whole text (a glob) or a part of it (a regular expression).
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Glob(pattern) => glob(pattern.as_bytes(), text.as_bytes()),
            Self::Regex(regex) => regex.is_match(text),
            Self::Nothing => false,
        }
    }
}

/// `fnmatch` without flags, without regard to case. Time is at most pattern × text.
pub(crate) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, t));
            p += 1;
            continue;
        }
        if let Some(length) = one(&pattern[p..], text[t]) {
            p += length;
            t += 1;
            continue;
        }
        let Some((after, from)) = star else { return false };
        star = Some((after, from + 1));
        (p, t) = (after, from + 1);
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// How many bytes of the pattern stand for this one byte of text; none when they do not.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    let same = |c: u8| c.eq_ignore_ascii_case(&byte);
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'\\', c, ..] => same(*c).then_some(2),
        [b'[', ..] => match bracket(pattern, byte) {
            Some((length, hit)) => hit.then_some(length),
            None => same(b'[').then_some(1),
        },
        [c, ..] => same(*c).then_some(1),
    }
}

/// Length of the bracket expression and whether the byte is in it; none when it does not end.
fn bracket(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let mut at = 1;
    let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let (mut hit, mut first) = (false, true);
    loop {
        let c = *pattern.get(at)?;
        if c == b']' && !first {
            return Some((at + 1, hit != negated));
        }
        first = false;
        if c == b'[' && pattern.get(at + 1) == Some(&b':') {
            let name = &pattern[at + 2..];
            if let Some(end) = memchr::memmem::find(name, b":]") {
                hit |= in_class(&name[..end], byte);
                at += end + 4;
                continue;
            }
        }
        let low = if c == b'\\' {
            at += 1;
            *pattern.get(at)?
        } else {
            c
        };
        at += 1;
        if let (Some(b'-'), Some(&high)) = (pattern.get(at), pattern.get(at + 1))
            && high != b']'
        {
            hit |= [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()].iter().any(|b| (low..=high).contains(b));
            at += 2;
        } else {
            hit |= low.eq_ignore_ascii_case(&byte);
        }
    }
}

fn in_class(name: &[u8], byte: u8) -> bool {
    match name {
        b"alpha" | b"lower" | b"upper" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_like_fnmatch() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("lib*", "libc6", true),
            ("lib*6", "libc6", true),
            ("lib*7", "libc6", false),
            ("LIB?6", "libc6", true),
            ("lib[a-d]6", "libc6", true),
            ("lib[!a-d]6", "libc6", false),
            ("lib[^x]6", "libc6", true),
            ("lib[]c]6", "libc6", true),
            ("lib[[:alpha:]]6", "libc6", true),
            ("lib[[:digit:]]6", "libc6", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("lib[c", "lib[c", true),
            ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn expressions_between_slashes_match_a_part() {
        assert!(Expression::new("/^lib.*6$/").matches("LIBC6"));
        assert!(Expression::new("/ib/").matches("libc6"));
        assert!(!Expression::new("/(/").matches("("));
        assert!(!Expression::new("/ib/").matches("perl"));
        assert!(Expression::new("/").matches("/"));
    }
}
