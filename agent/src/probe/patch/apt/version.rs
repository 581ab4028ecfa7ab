//! Order of Debian version numbers, as dpkg and apt compare them.
//!
//! Works on bytes and takes any input, also one that is no valid version: what dpkg once accepted into its
//! status file must stay comparable. Own code and not the crate `debversion`: that one parses into owned
//! parts, refuses such input and brings three more crates, while the order itself is the few lines below,
//! checked against `dpkg --compare-versions` by `tests/apt/oracle.rs`.

use std::cmp::Ordering;

/// Compares `[epoch:]upstream[-revision]`.
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (a_epoch, a_rest) = split_epoch(a);
    let (b_epoch, b_rest) = split_epoch(b);
    let (a_upstream, a_revision) = split_revision(a_rest);
    let (b_upstream, b_revision) = split_revision(b_rest);
    fragment(a_epoch, b_epoch)
        .then_with(|| fragment(a_upstream, b_upstream))
        .then_with(|| fragment(a_revision, b_revision))
}

fn split_epoch(version: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b':', version) {
        Some(at) => (&version[..at], &version[at + 1..]),
        None => (&[], version),
    }
}

fn split_revision(version: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'-', version) {
        Some(at) => (&version[..at], &version[at + 1..]),
        None => (version, &[]),
    }
}

/// Alternates between a part without digits, where `~` sorts before the end and letters before all else, and
/// a number without leading zeros.
fn fragment(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        while a.first().is_some_and(|c| !c.is_ascii_digit()) || b.first().is_some_and(|c| !c.is_ascii_digit()) {
            let order = weight(a).cmp(&weight(b));
            if order != Ordering::Equal {
                return order;
            }
            a = a.get(1..).unwrap_or_default();
            b = b.get(1..).unwrap_or_default();
        }
        let (a_number, a_rest) = number(a);
        let (b_number, b_rest) = number(b);
        let order = a_number.len().cmp(&b_number.len()).then_with(|| a_number.cmp(b_number));
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
    Ordering::Equal
}

fn weight(rest: &[u8]) -> i32 {
    match rest.first() {
        None => 0,
        Some(b'~') => -1,
        Some(c) if c.is_ascii_digit() => 0,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    }
}

/// The leading number without its zeros, and what follows it.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let zeros = text[..digits].iter().take_while(|c| **c == b'0').count();
    (&text[zeros..digits], &text[digits..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ordering::{Equal, Greater, Less};

    #[test]
    fn orders_like_dpkg() {
        for (a, order, b) in [
            ("1.0", Equal, "1.0"),
            ("1.0", Equal, "0:1.0"),
            ("1.0", Equal, "1.0-0"),
            ("1.0-1", Less, "1.0-2"),
            ("1.0~rc1-1", Less, "1.0-1"),
            ("1.0~~", Less, "1.0~"),
            ("1.0~~a", Less, "1.0~"),
            ("1.0", Less, "1.0a"),
            ("1.0a", Less, "1.0+"),
            ("1.0-1+b1", Greater, "1.0-1"),
            ("1.0-1+deb12u1", Greater, "1.0-1+b2"),
            ("1:0.1", Greater, "9.9"),
            ("2:1", Greater, "1:9"),
            ("10:1", Greater, "9:1"),
            ("1.10", Greater, "1.9"),
            ("1.010", Equal, "1.10"),
            ("1.2-3-4", Greater, "1.2-3"),
            ("1.0-1", Greater, "1.0-1~bpo12+1"),
            ("20240101", Greater, "1.0"),
            ("", Equal, "0"),
            ("a", Greater, ""),
            ("~", Less, ""),
            ("99999999999999999999999999999", Less, "100000000000000000000000000000"),
        ] {
            assert_eq!(compare(a.as_bytes(), b.as_bytes()), order, "{a} {b}");
            assert_eq!(compare(b.as_bytes(), a.as_bytes()), order.reverse(), "{b} {a}");
        }
    }
}
