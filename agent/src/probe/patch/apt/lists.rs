//! Package lists: which builds the archives offer of the packages that are installed.
//!
//! A list of Debian has 65,000 stanzas in 48 MiB of text, of which 1 in 100 is of interest. It is
//! decompressed as a stream; a stanza whose package is not installed costs one search for its end and one
//! test of a bit. Peak memory is one chunk, the decompressor's window (lz4 64 KiB, xz and zstd 8 MiB as apt
//! and the archives make them, [`WINDOW_BYTES_MAX`] at most) and what is kept.

use std::fs::File;
use std::io::{self, BufReader, Read};

use crate::probe::patch::apt::build::Build;
use crate::probe::patch::apt::files::{self, Trouble};
use crate::probe::patch::apt::stanza;
use crate::probe::patch::apt::status::{self, Installed, Status};
use crate::root::Root;

/// Largest list, decompressed.
const LIST_BYTES_MAX: u64 = 2 << 30;
/// Most memory that a decompressor may ask for.
const WINDOW_BYTES_MAX: usize = 72 << 20;
/// Most builds of installed packages that all lists together may offer.
const OFFERS_MAX: usize = 1_000_000;
/// Endings in the order in which apt looks for them; the plain file goes first.
const ENDINGS: [&str; 7] = ["", ".xz", ".bz2", ".lzma", ".gz", ".lz4", ".zst"];

/// What lists offer of one installed package, in the order of the lists.
pub(crate) type Offers = Vec<(usize, Build)>;

/// Collects offers.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    status: &'a Status,
    native: &'a str,
    names: NameFilter,
    offers: Vec<Offers>,
    count: usize,
}

impl<'a> Collector<'a> {
    /// For these packages.
    pub(crate) fn new(status: &'a Status, native: &'a str) -> Self {
        let mut names = NameFilter::default();
        status.installed.iter().for_each(|it| names.add(it.name.as_bytes()));
        Self { status, native, names, offers: vec![vec![]; status.installed.len()], count: 0 }
    }

    /// Reads one list, which offers are marked with; whether it is there at all.
    pub(crate) fn read(&mut self, root: &Root, path: &str, list: usize) -> Result<bool, Trouble> {
        for ending in ENDINGS {
            let path = format!("{path}{ending}");
            if let Some(file) = files::open(root, &path)? {
                let stream = plain(file, ending).map_err(|what| Trouble::malformed(format!("{path}: {what}")))?;
                let scanned = stanza::scan(stream, LIST_BYTES_MAX, |stanza| self.stanza(stanza, list));
                scanned.map_err(|error| status::trouble(&path, &error))?;
                if self.count > OFFERS_MAX {
                    let detail = format!("{path}: more than {OFFERS_MAX} offers");
                    return Err(Trouble::new(tenken_proto::observed::Reason::TooLarge, detail));
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the lists offer of each installed package.
    pub(crate) fn finish(self) -> Vec<Offers> {
        self.offers
    }

    fn stanza(&mut self, stanza: &[u8], list: usize) {
        let Some(name) = package(stanza) else { return };
        if !self.names.may_have(name) || self.count > OFFERS_MAX {
            return;
        }
        let (installed, native) = (&self.status.installed, self.native);
        let start = installed.partition_point(|it| it.name.as_bytes() < name);
        if installed.get(start).is_none_or(|it| it.name.as_bytes() != name) {
            return;
        }
        let Some(build) = Build::read(stanza) else { return };
        // What fits every architecture counts as native.
        let mapped = |build: &Build| if build.architecture == "all" { native } else { &build.architecture }.to_owned();
        let architecture = mapped(&build);
        let same = |it: &&Installed| it.name.as_bytes() == name;
        for (index, package) in installed[start..].iter().take_while(same).enumerate() {
            if mapped(&package.build) == architecture {
                // Most packages have one offer or two: the usual room for four is most of the peak memory.
                let offers = &mut self.offers[start + index];
                offers.reserve_exact(1);
                offers.push((list, build.clone()));
                self.count += 1;
            }
        }
    }
}

/// The name of the package; nearly always the first field.
fn package(stanza: &[u8]) -> Option<&[u8]> {
    match stanza.strip_prefix(b"Package: ") {
        Some(rest) => Some(rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())].trim_ascii()),
        None => stanza::field(stanza, "Package"),
    }
}

/// One bit for each of 65,536 hashes: most names that are not installed end here.
#[derive(Debug)]
struct NameFilter {
    bits: Vec<u64>,
}

impl Default for NameFilter {
    fn default() -> Self {
        Self { bits: vec![0; 1 << 10] }
    }
}

impl NameFilter {
    fn add(&mut self, name: &[u8]) {
        let (word, bit) = Self::place(name);
        self.bits[word] |= bit;
    }

    fn may_have(&self, name: &[u8]) -> bool {
        let (word, bit) = Self::place(name);
        self.bits[word] & bit != 0
    }

    fn place(name: &[u8]) -> (usize, u64) {
        let hash = name
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, c| (hash ^ u64::from(*c)).wrapping_mul(0x0100_0000_01b3));
        let hash = hash ^ (hash >> 32);
        ((hash as usize >> 6) & 0x3ff, 1 << (hash & 63))
    }
}

/// The text of a file by its ending.
fn plain(file: File, ending: &str) -> Result<Box<dyn Read>, String> {
    Ok(match ending {
        "" => Box::new(file),
        ".lz4" => Box::new(lz4_flex::frame::FrameDecoder::new(file)),
        ".gz" => Box::new(flate2::read::MultiGzDecoder::new(file)),
        ".xz" => Box::new(xz(BufReader::new(file))),
        ".zst" => Box::new(zstd(BufReader::new(file))?),
        other => return Err(format!("compressed as `{}`, which is not read yet", &other[1..])),
    })
}

fn xz(file: BufReader<File>) -> impl Read {
    let limit_kib = u32::try_from(WINDOW_BYTES_MAX >> 10).unwrap_or(u32::MAX);
    lzma_rust2::XzReader::new_mem_limit(file, true, limit_kib)
}

/// Frames follow each other; each is decoded as it comes.
fn zstd(file: BufReader<File>) -> Result<impl Read, String> {
    ZstdFrames::new(file)
}

struct ZstdFrames {
    decoder: Option<ruzstd::decoding::StreamingDecoder<BufReader<File>, ruzstd::decoding::FrameDecoder>>,
}

impl ZstdFrames {
    fn new(file: BufReader<File>) -> Result<Self, String> {
        let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(file, WINDOW_BYTES_MAX as u64);
        Ok(Self { decoder: Some(decoder.map_err(|error| error.to_string())?) })
    }
}

impl Read for ZstdFrames {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        use std::io::BufRead as _;
        loop {
            let Some(decoder) = &mut self.decoder else { return Ok(0) };
            let read = decoder.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            let Some(decoder) = self.decoder.take() else { return Ok(0) };
            let mut rest = decoder.into_inner();
            if rest.fill_buf()?.is_empty() {
                return Ok(0);
            }
            *self = Self::new(rest).map_err(io::Error::other)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let status = "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n\
                      Package: a\nStatus: install ok installed\nArchitecture: i386\nVersion: 1\n\n\
                      Package: b\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n";
        let list = "Package: a\nArchitecture: amd64\nVersion: 2\n\nVersion: 3\nArchitecture: amd64\npackage: b\n\n\
                    Package: c\nArchitecture: amd64\nVersion: 2\n\nPackage: a\nArchitecture: armhf\nVersion: 2\n";
        std::fs::write(dir.path().join("status"), status).unwrap();
        std::fs::write(dir.path().join("Packages"), list).unwrap();
        let root = Root::at(dir.path()).unwrap();
        let status = status::read(&root, "/status").unwrap().unwrap();
        let mut collector = Collector::new(&status, "amd64");
        assert_eq!(collector.read(&root, "/Packages", 7), Ok(true));
        assert_eq!(collector.read(&root, "/other", 8), Ok(false));
        let offers = collector.finish();
        let versions = |at: usize| offers[at].iter().map(|(list, it)| (*list, it.version.as_str())).collect::<Vec<_>>();
        assert_eq!([versions(0), versions(1), versions(2)], [vec![(7, "2")], vec![], vec![(7, "3")]]);
    }

    #[test]
    fn broken_compression_is_malformed() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path()).unwrap();
        let status = Status::default();
        for ending in &ENDINGS[1..] {
            let name = format!("Packages{ending}");
            std::fs::write(dir.path().join(&name), b"this is not compressed at all").unwrap();
            let trouble = Collector::new(&status, "amd64").read(&root, "/Packages", 0).unwrap_err();
            assert_eq!(trouble.reason, tenken_proto::observed::Reason::Malformed, "{name}: {}", trouble.detail);
            std::fs::remove_file(dir.path().join(&name)).unwrap();
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            for ending in ENDINGS {
                let dir = tempfile::tempdir().unwrap();
                std::fs::write(dir.path().join(format!("Packages{ending}")), &bytes).unwrap();
                let root = Root::at(dir.path()).unwrap();
                let _ = Collector::new(&Status::default(), "amd64").read(&root, "/Packages", 0);
            }
        }
    }
}
