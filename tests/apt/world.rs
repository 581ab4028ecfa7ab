//! A Debian-like system in a folder: what is installed, which archives its sources name and what their lists
//! hold, preferences and configuration. Written with nothing installed and no network.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The system.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) installed: Vec<Package>,
    pub(crate) archives: Vec<Archive>,
    /// Further files: path beneath the root and text.
    pub(crate) files: Vec<(String, String)>,
    /// Also i386; told to apt by `dpkg/arch` or by the configuration.
    pub(crate) foreign: bool,
}

/// A package that is installed or offered.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    /// Another build of the same version has another number.
    pub(crate) variant: u32,
    pub(crate) source: String,
    /// The `Status` field; in lists unused.
    pub(crate) status: String,
    pub(crate) multi_arch: String,
}

/// An archive.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    pub(crate) uri: String,
    /// The start of the names of its files below `lists`, worked out by hand.
    pub(crate) prefix: String,
    pub(crate) suite: String,
    pub(crate) component: String,
    /// Fields of the release file; none: there is no such file.
    pub(crate) release: Option<String>,
    pub(crate) signed: bool,
    pub(crate) offers: Vec<Package>,
    pub(crate) compression: Compression,
    pub(crate) entry: Entry,
}

/// How a list is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Plain,
    Gzip,
    Xz,
    Lz4,
    Zstd,
}

/// How the source is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Line,
    LineWithOptions,
    Deb822,
    Disabled,
    /// Its lists lie about and no source names them.
    None,
}

/// A package by name and version.
pub(crate) fn package(name: &str, version: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: "amd64".to_owned(),
        variant: 0,
        source: String::new(),
        status: "install ok installed".to_owned(),
        multi_arch: String::new(),
    }
}

impl Package {
    pub(crate) fn architecture(mut self, architecture: &str) -> Self {
        architecture.clone_into(&mut self.architecture);
        self
    }

    pub(crate) fn status(mut self, status: &str) -> Self {
        status.clone_into(&mut self.status);
        self
    }

    pub(crate) fn variant(mut self, variant: u32) -> Self {
        self.variant = variant;
        self
    }

    pub(crate) fn source(mut self, source: &str) -> Self {
        source.clone_into(&mut self.source);
        self
    }

    fn common(&self) -> String {
        let mut text = format!("Package: {}\n", self.name);
        if !self.source.is_empty() {
            let _ = writeln!(text, "Source: {}", self.source);
        }
        let size = 100 + self.variant;
        let _ = writeln!(text, "Version: {}\nInstalled-Size: {size}", self.version);
        let _ = writeln!(text, "Maintainer: Nobody <nobody@mirror.example>\nArchitecture: {}", self.architecture);
        if !self.multi_arch.is_empty() {
            let _ = writeln!(text, "Multi-Arch: {}", self.multi_arch);
        }
        text
    }

    fn in_status(&self) -> String {
        let rest = self.common();
        let (first, rest) = rest.split_once('\n').expect("a first line");
        format!("{first}\nStatus: {}\n{rest}Description: test\n\n", self.status)
    }

    fn in_list(&self) -> String {
        let size: u64 = self.name.bytes().chain(self.version.bytes()).map(u64::from).sum();
        let file = format!("pool/{}_{}_{}.deb", self.name, self.version, self.architecture);
        format!("{}Filename: {file}\nSize: {}\nSHA256: {:064}\nDescription: test\n\n", self.common(), size + 1000, 1)
    }
}

/// An archive of Debian at `mirror.example`.
pub(crate) fn archive(suite: &str, release: &str) -> Archive {
    archive_at("http://mirror.example/debian", "mirror.example_debian", suite, release)
}

/// An archive elsewhere.
pub(crate) fn archive_at(uri: &str, prefix: &str, suite: &str, release: &str) -> Archive {
    Archive {
        uri: uri.to_owned(),
        prefix: prefix.to_owned(),
        suite: suite.to_owned(),
        component: "main".to_owned(),
        release: Some(release.to_owned()),
        signed: true,
        offers: vec![],
        compression: Compression::Plain,
        entry: Entry::Line,
    }
}

impl Archive {
    pub(crate) fn offers(mut self, offers: impl IntoIterator<Item = Package>) -> Self {
        self.offers.extend(offers);
        self
    }

    pub(crate) fn compressed(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    pub(crate) fn entry(mut self, entry: Entry) -> Self {
        self.entry = entry;
        self
    }

    pub(crate) fn component(mut self, component: &str) -> Self {
        component.clone_into(&mut self.component);
        self
    }

    fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }

    fn file(&self, below: &str) -> String {
        let suite = self.suite.replace('_', "%5f");
        match suite.trim_end_matches('/') {
            "" => format!("{}_{below}", self.prefix),
            flat if self.is_flat() => format!("{}_{flat}_{below}", self.prefix),
            suite => format!("{}_dists_{suite}_{below}", self.prefix),
        }
    }

    fn lists(&self) -> Vec<(String, String)> {
        let stanzas = |wanted: &dyn Fn(&Package) -> bool| {
            self.offers.iter().filter(|it| wanted(it)).map(Package::in_list).collect()
        };
        if self.is_flat() {
            return vec![(self.file("Packages"), stanzas(&|_| true))];
        }
        let name = |architecture| self.file(&format!("{}_binary-{architecture}_Packages", self.component));
        let mut lists = vec![(name("amd64"), stanzas(&|it| it.architecture != "i386"))];
        if self.offers.iter().any(|it| it.architecture == "i386") {
            lists.push((name("i386"), stanzas(&|it| it.architecture == "i386")));
        }
        lists
    }

    fn source(&self) -> Option<(&'static str, String)> {
        let component = if self.is_flat() { "" } else { &self.component };
        let Self { uri, suite, .. } = self;
        let stanza = |head: &str| {
            let component = if self.is_flat() { String::new() } else { format!("Components: {component}\n") };
            format!(
                "{head}Types: deb\nURIs: {uri}\nSuites: {suite}\n# comment\n{component}Signed-By: /usr/share/keyrings/x.gpg\n\n"
            )
        };
        match self.entry {
            Entry::Line => Some(("list", format!("deb {uri} {suite} {component} # comment\n"))),
            Entry::LineWithOptions => {
                Some(("list", format!("deb [ trusted=yes arch=amd64,i386 lang=none ] {uri}\t{suite} {component}\n")))
            }
            Entry::Deb822 => Some(("sources", stanza(""))),
            Entry::Disabled => Some(("sources", stanza("Enabled: no\n"))),
            Entry::None => None,
        }
    }
}

impl World {
    pub(crate) fn with(
        installed: impl IntoIterator<Item = Package>,
        archives: impl IntoIterator<Item = Archive>,
    ) -> Self {
        let mut world = Self::default();
        world.installed.extend(installed);
        world.archives.extend(archives);
        world
    }

    /// Adds a file.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Adds to `/etc/apt/preferences`.
    pub(crate) fn preferences(self, text: &str) -> Self {
        self.file("etc/apt/preferences", text)
    }

    /// Writes all of it beneath the root.
    pub(crate) fn write(&self, root: &Path) {
        for dir in ["var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "etc/apt/sources.list.d"] {
            fs::create_dir_all(root.join(dir)).expect("a folder");
        }
        for dir in ["etc/apt/preferences.d", "etc/apt/apt.conf.d", "var/lib/dpkg", "var/log/apt"] {
            fs::create_dir_all(root.join(dir)).expect("a folder");
        }
        // Every system has dpkg, and its architecture is the native one.
        let dpkg = package("dpkg", "1.21.22");
        let status: String = std::iter::once(&dpkg).chain(&self.installed).map(Package::in_status).collect();
        put(root, "var/lib/dpkg/status", status.as_bytes());
        if self.foreign {
            put(root, "var/lib/dpkg/arch", b"amd64\ni386\n");
        }
        for (index, archive) in self.archives.iter().enumerate() {
            write_archive(root, index, archive);
        }
        for (path, text) in &self.files {
            put(root, path, text.as_bytes());
        }
    }
}

fn write_archive(root: &Path, index: usize, archive: &Archive) {
    if let Some((extension, text)) = archive.source() {
        put(root, &format!("etc/apt/sources.list.d/{index:02}.{extension}"), text.as_bytes());
    }
    if let Some(release) = &archive.release {
        let name = if archive.signed { "InRelease" } else { "Release" };
        let fields = format!("{release}Date: Sat, 16 May 2026 10:11:30 UTC\n");
        let text = if archive.signed {
            format!(
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{fields}-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
            )
        } else {
            fields
        };
        put_once(root, &format!("var/lib/apt/lists/{}", archive.file(name)), "", text.as_bytes());
    }
    for (name, text) in archive.lists() {
        let (ending, bytes) = compressed(archive.compression, text.as_bytes());
        put_once(root, &format!("var/lib/apt/lists/{name}"), ending, &bytes);
    }
}

fn compressed(compression: Compression, text: &[u8]) -> (&'static str, Vec<u8>) {
    match compression {
        Compression::Plain => ("", text.to_vec()),
        Compression::Gzip => (".gz", through("gzip", text)),
        Compression::Xz => (".xz", through("xz", text)),
        Compression::Zstd => {
            (".zst", ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest))
        }
        Compression::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(vec![]);
            encoder.write_all(text).expect("lz4");
            (".lz4", encoder.finish().expect("lz4"))
        }
    }
}

/// What a program of the base system makes of it.
fn through(program: &str, text: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new(program).arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a compressor");
    let mut stdin = child.stdin.take().expect("its input");
    let text = text.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output().expect("its output");
    writer.join().expect("a writer").expect("all written");
    output.stdout
}

/// Of two archives that share a file, the first one's stays.
fn put_once(root: &Path, path: &str, ending: &str, bytes: &[u8]) {
    let there = ["", ".gz", ".xz", ".lz4", ".zst"].iter().any(|ending| root.join(format!("{path}{ending}")).exists());
    if !there {
        put(root, &format!("{path}{ending}"), bytes);
    }
}

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).expect("a file");
    file.write_all(bytes).expect("written");
}
