//! Release files: what an archive says of itself. The signature is not checked here; apt did when it stored
//! the file.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::probe::patch::apt::files::{self, Trouble};
use crate::probe::patch::apt::stanza;
use crate::root::Root;

/// Largest release file.
const RELEASE_BYTES_MAX: usize = 16 << 20;
const DATES: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

/// What an archive says of itself; texts that it does not give are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Release {
    /// Who publishes it.
    pub(crate) origin: String,
    /// What it is called.
    pub(crate) label: String,
    /// Its suite, called archive in pins.
    pub(crate) suite: String,
    /// Its codename.
    pub(crate) codename: String,
    /// Its version.
    pub(crate) version: String,
    /// When it was made.
    pub(crate) date: Option<Timestamp>,
    /// Until when it says that it is current.
    pub(crate) valid_until: Option<Timestamp>,
    /// Packages come only where they are asked for.
    pub(crate) not_automatic: bool,
    /// What came from there is upgraded from there.
    pub(crate) but_automatic_upgrades: bool,
}

impl Release {
    /// A security archive, by its origin, label, suite or codename.
    pub(crate) fn is_security(&self) -> bool {
        [&self.origin, &self.label, &self.suite, &self.codename].iter().any(|text| says_security(text))
    }
}

/// The word is in the text.
pub(crate) fn says_security(text: &str) -> bool {
    text.to_ascii_lowercase().contains("security")
}

/// The release file of an archive, signed in place or apart; none when neither is there.
pub(crate) fn read(root: &Root, in_release: &str, release: &str) -> Result<Option<Release>, Trouble> {
    for path in [in_release, release] {
        if let Some(bytes) = files::read(root, path, RELEASE_BYTES_MAX)? {
            return parse(&bytes).map(Some).map_err(|what| Trouble::malformed(format!("{path}: {what}")));
        }
    }
    Ok(None)
}

/// Reads the first stanza, with or without the armour of a signature around it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Release, String> {
    let mut release = Release::default();
    let mut any = false;
    for (name, value) in stanza::fields(body(bytes)) {
        let text = || stanza::text(value);
        let flag = || stanza::truth(&text()).unwrap_or(false);
        any = true;
        match name.to_ascii_lowercase().as_slice() {
            b"origin" => release.origin = text(),
            b"label" => release.label = text(),
            b"suite" => release.suite = text(),
            b"codename" => release.codename = text(),
            b"version" => release.version = text(),
            b"date" => release.date = Some(time(&text())?),
            b"valid-until" => release.valid_until = Some(time(&text())?),
            b"notautomatic" => release.not_automatic = flag(),
            b"butautomaticupgrades" => release.but_automatic_upgrades = flag(),
            _ => {}
        }
    }
    if any { Ok(release) } else { Err("no field in the release file".to_owned()) }
}

/// The signed text; the first stanza of it.
fn body(bytes: &[u8]) -> &[u8] {
    let mut text = bytes;
    if bytes.starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----") {
        let start = memchr::memmem::find(bytes, b"\n\n").map(|at| at + 2);
        let start = start.or_else(|| memchr::memmem::find(bytes, b"\n\r\n").map(|at| at + 3));
        text = &bytes[start.unwrap_or(bytes.len())..];
        let end = memchr::memmem::find(text, b"-----BEGIN PGP SIGNATURE-----").unwrap_or(text.len());
        text = &text[..end];
    }
    let text = text.trim_ascii_start();
    &text[..memchr::memmem::find(text, b"\n\n").unwrap_or(text.len())]
}

/// A date as archives write it; only universal time counts.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    let moment = match text.strip_suffix("UTC").or_else(|| text.strip_suffix('Z')) {
        Some(date) => DATES.parse_timestamp(format!("{}+0000", date.trim_end().to_owned() + " ")),
        None => DATES.parse_timestamp(text),
    };
    moment.map_err(|_| format!("`{}` is not a date", tenken_proto::value::bounded_text(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_around_it_is_left_out() {
        let text = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nLabel: Debian-Security\n\
            Suite: oldstable-security\nCodename: bookworm-security\nDate: Sat, 16 May 2026 10:11:30 UTC\n\
            Valid-Until: Sat, 23 May 2026 10:11:30 UTC\nNotAutomatic: yes\nMD5Sum:\n abc 1 main/x\n\
            -----BEGIN PGP SIGNATURE-----\nOrigin: Other\n";
        let release = parse(text).unwrap();
        assert_eq!(release.origin, "Debian");
        assert_eq!(release.date, Some("2026-05-16T10:11:30Z".parse().unwrap()));
        assert_eq!(release.valid_until, Some("2026-05-23T10:11:30Z".parse().unwrap()));
        assert!(release.is_security() && release.not_automatic && !release.but_automatic_upgrades);
    }

    #[test]
    fn dates_are_read_in_all_usual_forms() {
        for text in
            ["Sat, 16 May 2026 10:11:30 UTC", "Sat, 16 May 2026 10:11:30 GMT", "Fri, 16 May 2026 10:11:30 +0000"]
        {
            assert_eq!(time(text), Ok("2026-05-16T10:11:30Z".parse().unwrap()), "{text}");
        }
        assert!(time("yesterday").is_err());
        assert!(parse(b"").is_err());
        assert!(parse(b"Date: soon\n").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, text in "(-----BEGIN PGP SIGNED MESSAGE-----\n)?[DateOrigin: \n0-9]{0,60}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
