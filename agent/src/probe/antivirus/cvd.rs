//! The header of a ClamAV definition file: 512 bytes of text, fields parted by colons.
//!
//! `ClamAV-VDB:21 Nov 2026 08-30 +0000:27830:2075432:90:MD5:signature:builder:1795250400`: time of the build,
//! version, signatures, functionality level, checksum, signature, builder, and the time again in seconds.

use jiff::Timestamp;
use jiff::fmt::strtime;
use tenken_proto::phrase;

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 512;
const MAGIC: &str = "ClamAV-VDB:";

/// What matters of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Version of the database.
    pub(super) version: u64,
    /// When the publisher made it.
    pub(super) built_at: Timestamp,
}

/// Reads a header; the error is for a person.
pub(super) fn header(head: &[u8]) -> Result<Header, &'static str> {
    let head = head.get(..HEADER_BYTES).ok_or(phrase::SHORTER_THAN_CLAMAV_HEADER)?;
    let text = String::from_utf8_lossy(head);
    let mut fields = text.strip_prefix(MAGIC).ok_or(phrase::NOT_A_CLAMAV_HEADER)?.split(':').map(str::trim);
    let time = fields.next().unwrap_or_default();
    let version = fields.next().and_then(|field| field.parse().ok()).ok_or(phrase::NO_VERSION_NUMBER)?;
    // signatures, functionality level, checksum, signature, builder
    let seconds = fields.nth(5).and_then(|field| field.parse().ok());
    let built_at = built_at(time).or_else(|| Timestamp::from_second(seconds?).ok()).ok_or(phrase::NO_BUILD_TIME)?;
    Ok(Header { version, built_at })
}

fn built_at(text: &str) -> Option<Timestamp> {
    strtime::parse("%d %b %Y %H-%M %z", text).ok()?.to_timestamp().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn padded(text: &str) -> Vec<u8> {
        let mut head = text.as_bytes().to_vec();
        head.resize(HEADER_BYTES, b' ');
        head
    }

    #[test]
    fn a_header_of_every_generation_is_read() {
        let new = "ClamAV-VDB:07 Jul 2026 08-25 -0400:27693:2077300:90:5cfd9d1b:sig/+:raynman:1783427104";
        let header = header(&padded(new)).unwrap();
        assert_eq!(header.version, 27693);
        assert_eq!(header.built_at.to_string(), "2026-07-07T12:25:00Z");
        let old = "ClamAV-VDB:9 Jan 2005 13-07 +0000:643:1:3:md5:sig:tkojm";
        assert_eq!(super::header(&padded(old)).unwrap().built_at.to_string(), "2005-01-09T13:07:00Z");
        let odd = "ClamAV-VDB:whenever:7:1:3:md5:sig:tkojm:1700000000   ";
        assert_eq!(super::header(&padded(odd)).unwrap().built_at.as_second(), 1_700_000_000);
    }

    #[test]
    fn what_is_no_header_says_why() {
        assert_eq!(header(b"ClamAV-VDB:").unwrap_err(), "is shorter than a ClamAV header");
        assert_eq!(header(&[0xff; 600]).unwrap_err(), "does not begin with `ClamAV-VDB:`");
        assert_eq!(header(&padded("ClamAV-VDB:x:y")).unwrap_err(), "has no version number");
        assert_eq!(header(&padded("ClamAV-VDB:x:1:2")).unwrap_err(), "has no readable time of its build");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..700), text in any::<String>()) {
            let _read = header(&bytes);
            let _read = header(&padded(&format!("{MAGIC}{text}")).into_iter().take(HEADER_BYTES).collect::<Vec<_>>());
        }
    }
}
