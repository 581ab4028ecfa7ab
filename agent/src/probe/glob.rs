//! Shell patterns with `*` and `?`, as kmod and logrotate use them.

/// The whole name fits the pattern.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p, n));
                p += 1;
            }
            Some(expected) if *expected == b'?' || expected == byte => {
                p += 1;
                n += 1;
            }
            _ => match back {
                Some((star, at)) => {
                    back = Some((star, at + 1));
                    p = star + 1;
                    n = at + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        assert!(fits("/var/log/*.log", "/var/log/auth.log"));
        assert!(fits("usb*storage", "usb_storage"));
        assert!(fits("a?c*", "abc"));
        assert!(!fits("*.log", "syslog"));
        assert!(!fits("a", "ab"));
    }

    proptest! {
        #[test]
        fn arbitrary_patterns_end(pattern in "[ab*?]{0,20}", name in "[ab]{0,40}") {
            let fitted = fits(&pattern, &name);
            prop_assert!(fitted || pattern != name);
        }
    }
}
