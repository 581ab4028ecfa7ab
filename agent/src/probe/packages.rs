//! Which Debian packages are installed, straight from dpkg's status file.

use memchr::memmem;

use crate::root::{ReadError, Root};

/// dpkg's record of what is installed.
pub(super) const DPKG_STATUS: &str = "/var/lib/dpkg/status";
/// A large desktop has below 10 MiB.
const STATUS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The status file's bytes.
#[derive(Debug)]
pub(super) struct Packages(Vec<u8>);

impl Packages {
    pub(super) fn read(root: &Root) -> Result<Self, ReadError> {
        root.read(DPKG_STATUS, STATUS_BYTES_MAX).map(Self)
    }

    /// How many packages have their files in place.
    pub(super) fn installed_count(&self) -> u64 {
        let stanzas = memmem::find_iter(&self.0, b"\nStatus: ").filter(|at| is_installed(line(&self.0, at + 1)));
        u64::try_from(stanzas.count()).unwrap_or(u64::MAX)
    }

    /// The version of a package whose files are in place.
    pub(super) fn version(&self, name: &str) -> Option<String> {
        let head = format!("Package: {name}\n");
        let start =
            memmem::find_iter(&self.0, head.as_bytes()).find(|at| *at == 0 || self.0.get(at - 1) == Some(&b'\n'))?;
        let rest = self.0.get(start..)?;
        let stanza = rest.get(..memmem::find(rest, b"\n\n").unwrap_or(rest.len()))?;
        let field = |key: &[u8]| stanza.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(key));
        is_installed(field(b"Status: ")?).then_some(())?;
        Some(String::from_utf8_lossy(field(b"Version: ")?.trim_ascii()).into_owned())
    }
}

fn line(bytes: &[u8], start: usize) -> &[u8] {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len())).unwrap_or_default()
}

fn is_installed(status: &[u8]) -> bool {
    status.trim_ascii_end().ends_with(b" installed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_count_by_their_state() {
        let status = b"Package: a\nStatus: install ok installed\nVersion: 1:2-3\n\nPackage: b\nStatus: deinstall ok config-files\n\
            Version: 4\n\nPackage: c\nStatus: hold ok installed\nVersion: 5\n\nPackage: d\nStatus: install reinstreq half-installed\n";
        let packages = Packages(status.to_vec());
        assert_eq!(packages.installed_count(), 2);
        assert_eq!(packages.version("a").as_deref(), Some("1:2-3"));
        assert_eq!(packages.version("b"), None);
        assert_eq!(packages.version("c").as_deref(), Some("5"));
        assert_eq!(packages.version("x"), None);
    }
}
