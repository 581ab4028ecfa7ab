//! Files that a person names: read whole within a limit; what cannot be read is refused with name and remedy.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};
use crate::locale::Message;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read `{path}`")]
pub struct FileError {
    /// Which file.
    path: PathBuf,
    /// The limit in bytes.
    bytes_max: u64,
    /// Why.
    source: io::Error,
}

/// Reads a file whole.
///
/// # Errors
/// It is not there, may not be read, or is larger than so many bytes.
pub fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError { path: path.to_path_buf(), bytes_max, source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(bytes)
}

/// Reads a file whole that must be text.
///
/// # Errors
/// As [`read`], and it is not UTF-8.
pub fn read_text(path: &Path, bytes_max: u64) -> Result<String, FileError> {
    let bytes = read(path, bytes_max)?;
    let no_text = |error| FileError {
        path: path.to_path_buf(),
        bytes_max,
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    };
    String::from_utf8(bytes).map_err(no_text)
}

impl FileError {
    /// Something in a folder that was to be read.
    pub fn of(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_path_buf(), bytes_max: u64::MAX, source }
    }

    /// There is no such file.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// What is wrong with which file. The text's key has a remedy.
    #[must_use]
    pub fn message(&self) -> Message {
        let key = self.known().unwrap_or("file-unreadable");
        Message::new(key).mention("path", self.path.display()).mention("max", size(self.bytes_max))
    }

    /// The end of the command that wanted it.
    #[must_use]
    pub fn failure(self, exit: Exit) -> Failure {
        let failure = Failure::new(exit, self.message());
        // What has words of its own does not need the system's, which are in English.
        if self.known().is_some() { failure } else { failure.because(self.source) }
    }

    fn known(&self) -> Option<&'static str> {
        let kinds = [
            (io::ErrorKind::NotFound, "file-missing"),
            (io::ErrorKind::PermissionDenied, "file-denied"),
            (io::ErrorKind::IsADirectory, "file-folder"),
            (io::ErrorKind::NotADirectory, "file-missing"),
            (io::ErrorKind::FileTooLarge, "file-too_large"),
            (io::ErrorKind::InvalidData, "file-no_text"),
        ];
        kinds.into_iter().find(|(kind, _)| *kind == self.source.kind()).map(|(_, key)| key)
    }
}

/// A size as a person says it.
fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= MIB { format!("{} MiB", bytes / MIB) } else { format!("{} KiB", bytes / 1024) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::{Lang, Locale, PROGRAM};

    #[test]
    fn every_refusal_names_the_file_and_has_a_remedy_in_both_languages() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let refused = [
            (read_text(&dir.path().join("none.csv"), 8), "file-missing", "none.csv"),
            (read_text(&file("large.csv", b"123456789"), 8), "file-too_large", "large.csv"),
            (read_text(&file("bytes.toml", b"a\xff"), 8), "file-no_text", "bytes.toml"),
            (read_text(&file("f", b"").join("below.csv"), 8), "file-missing", "below.csv"),
            (read_text(dir.path(), 8), "file-folder", dir.path().to_str().unwrap()),
        ];
        for (result, key, name) in refused {
            let error = result.unwrap_err();
            assert_eq!(error.known(), Some(key));
            for locale in Lang::ALL.map(Locale::of) {
                let said = error.message().told(locale, PROGRAM);
                assert!(said.contains(name), "{said}");
                assert!(error.message().remedy(locale, PROGRAM).is_some(), "{key}");
            }
        }
        assert_eq!(read_text(&file("fits.csv", b"12345678"), 8).unwrap(), "12345678");
        let odd = FileError::of(Path::new("x"), io::Error::other("odd"));
        assert!(odd.message().remedy(Locale::of(Lang::Ja), PROGRAM).is_some());
    }
}
