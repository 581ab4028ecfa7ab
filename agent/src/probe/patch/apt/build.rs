//! One build of a package, as a stanza of dpkg's status or of a package list describes it.
//!
//! Two stanzas with one version string may be different builds; apt tells them apart by a hash over some
//! control fields, the size and the multi-arch mark, and upgrades from one to the other.

use crate::probe::patch::apt::stanza;

/// Fields over which the hash goes, in this order.
const HASHED: [&[u8]; 6] = [b"installed-size", b"depends", b"pre-depends", b"conflicts", b"breaks", b"replaces"];

/// A build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Build {
    /// Version.
    pub(crate) version: String,
    /// Architecture as written, also `all`.
    pub(crate) architecture: String,
    /// Source package; empty: named like the package.
    pub(crate) source: String,
    /// Version of the source package; empty: as the version.
    pub(crate) source_version: String,
    hash: u32,
    multi_arch: String,
    /// 0 where it is not told, as in dpkg's status.
    size: u64,
}

impl Build {
    /// Reads a stanza; none without a version.
    pub(crate) fn read(stanza: &[u8]) -> Option<Self> {
        let mut build = Self {
            version: String::new(),
            architecture: String::new(),
            source: String::new(),
            source_version: String::new(),
            hash: 0,
            multi_arch: String::new(),
            size: 0,
        };
        let mut hashed: [&[u8]; HASHED.len()] = [b""; HASHED.len()];
        for (name, value) in stanza::fields(stanza) {
            if name.len() > 16 {
                continue;
            }
            let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
            if is(b"version") {
                build.version = stanza::text(value);
            } else if is(b"architecture") {
                build.architecture = stanza::text(value);
            } else if is(b"source") {
                build.set_source(&stanza::text(value));
            } else if is(b"multi-arch") {
                build.multi_arch = stanza::text(value).to_ascii_lowercase();
            } else if is(b"size") {
                build.size = stanza::text(value).parse().unwrap_or(0);
            } else if let Some(at) = HASHED.iter().position(|it| is(it)) {
                hashed[at] = value;
            }
        }
        build.hash = hashed.iter().fold(5381, |hash, value| mixed(hash, value));
        if build.multi_arch == "no" {
            build.multi_arch.clear();
        }
        (!build.version.is_empty()).then_some(build)
    }

    fn set_source(&mut self, field: &str) {
        let (name, version) = field.split_once('(').unwrap_or((field, ""));
        name.trim().clone_into(&mut self.source);
        version.trim_end().trim_end_matches(')').trim().clone_into(&mut self.source_version);
    }

    /// The same build, as far as can be told.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.hash == other.hash
            && self.multi_arch == other.multi_arch
            && (self.size == other.size || self.size == 0 || other.size == 0)
    }

    /// The same control fields; size and multi-arch mark aside.
    pub(crate) fn has_same_fields(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

/// dpkg writes relations anew: white space, `=` in operators and epochs of 0 make no difference.
fn mixed(mut hash: u32, value: &[u8]) -> u32 {
    let mut at = 0;
    while let Some(&c) = value.get(at) {
        at += 1;
        if c == b'0' && value.get(at) == Some(&b':') {
            at += 1;
        } else if !c.is_ascii_whitespace() && c != b'=' {
            hash = hash.wrapping_mul(33).wrapping_add(u32::from(c.to_ascii_lowercase()));
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(text: &str) -> Build {
        Build::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn rewriting_by_dpkg_makes_no_other_build() {
        let list = build("Package: a\nVersion: 1\nDepends: b (>= 0:2), c\nInstalled-Size: 5\nSize: 10\n");
        assert!(list.is_same(&build("Version: 1\nInstalled-Size: 5\nDepends:  b (> 2),\n c\n")));
        assert!(!list.is_same(&build("Version: 1\nInstalled-Size: 6\nDepends: b (>= 2), c\n")));
        assert!(!list.is_same(&build("Version: 1\nInstalled-Size: 5\nDepends: b (>= 2), c\nSize: 11\n")));
        assert!(!list.is_same(&build("Version: 1\nInstalled-Size: 5\nDepends: b (>= 2), c\nMulti-Arch: same\n")));
    }

    #[test]
    fn the_source_may_have_its_own_version() {
        let with = build("Package: a\nVersion: 1+b1\nSource: s (1)\n");
        assert_eq!((with.source.as_str(), with.source_version.as_str()), ("s", "1"));
        let without = build("Package: a\nVersion: 1\nSource: s\n");
        assert_eq!((without.source.as_str(), without.source_version.as_str()), ("s", ""));
        assert!(Build::read(b"Package: a\n").is_none());
    }
}
