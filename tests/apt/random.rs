//! Random systems: everything that the named ones have, in any combination.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use super::world::{Archive, Compression, Entry, Package, World, archive, archive_at, package};

const NAMES: [&str; 24] = [
    "bash",
    "libc6",
    "libssl3",
    "openssl",
    "g++-12",
    "python3.11",
    "a",
    "zlib1g",
    "perl-base",
    "linux-image-amd64",
    "libfoo-dev",
    "libfoo1",
    "foo",
    "foo-utils",
    "x11-common",
    "tzdata",
    "curl",
    "git",
    "nodejs",
    "vim",
    "0ad",
    "sed",
    "lib32gcc-s1",
    "dash",
];

/// Versions that differ in every way in which versions can differ.
pub(crate) const VERSIONS: &[&str] = &[
    "1.0",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1+deb12u1",
    "1.0-1+deb12u2",
    "1.0-1~bpo12+1",
    "1.0~rc1-1",
    "1.0~~",
    "1:0.9-1",
    "1:1.0-1",
    "2:0.1",
    "0:1.0-1",
    "1.0a",
    "1.0.1",
    "1.10",
    "1.9",
    "1.09",
    "1.0-1ubuntu0.1",
    "1.0+dfsg-1",
    "20240101-1",
    "1.0-1-2",
    "1.0+really0.9-1",
    "1.0-0",
    "1.2.3-4.1",
    "1.2.3-4+b10",
    "1.2.3-4+b9",
    "3",
    "3~",
    "2.36-9+deb12u10",
    "2.36-9+deb12u9",
    "1.0.0",
    "1.a",
    "1.+",
    "1.~",
    "1.0-a",
    "1.0-1~",
    "1.0-1.0",
    "10",
    "9",
];

const RELEASES: [&str; 8] = [
    "Origin: Debian\nLabel: Debian\nSuite: oldstable\nVersion: 12.11\nCodename: bookworm\n",
    "Origin: Debian\nLabel: Debian\nSuite: oldstable-updates\nVersion: 12-updates\nCodename: bookworm-updates\n",
    "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nVersion: 12\nCodename: bookworm-security\n",
    "Origin: Debian Backports\nLabel: Debian Backports\nSuite: oldstable-backports\nCodename: bookworm-backports\n\
     NotAutomatic: yes\nButAutomaticUpgrades: yes\n",
    "Origin: Debian\nLabel: Debian\nSuite: experimental\nCodename: rc-buggy\nNotAutomatic: yes\n",
    "Origin: Debian\nLabel: Debian\nSuite: stable\nVersion: 13.1\nCodename: trixie\n",
    "Origin: Example Corp\nLabel: Tools\nCodename: nodistro\n",
    "Label: Ubuntu\nOrigin: Ubuntu\nSuite: jammy-security\nVersion: 22.04\nCodename: jammy\n",
];

const PLACES: [(&str, &str); 6] = [
    ("http://mirror.example/debian", "mirror.example_debian"),
    ("https://me:secret@other.example:8443/deb_x/", "other.example:8443_deb%5fx"),
    ("file:/srv/local/repo", "_srv_local_repo"),
    ("http://[2001:db8::1]:3142/d", "2001:db8::1:3142_d"),
    ("https://packages.example/~a/b+c/", "packages.example_%7ea_b+c"),
    ("http://third.example", "third.example"),
];

/// The system of a seed.
pub(crate) fn world(seed: u64) -> World {
    let mut rng = StdRng::seed_from_u64(seed);
    let rng = &mut rng;
    let mut world = World { foreign: rng.random_bool(0.3), ..World::default() };
    let names: Vec<&str> = NAMES.sample(rng, 14).copied().collect();
    for name in &names {
        installed(rng, name, &mut world);
    }
    let count = rng.random_range(1..=6);
    for index in 0..count {
        let archive = some_archive(rng, index, &names, world.foreign);
        world.archives.push(archive);
    }
    if rng.random_bool(0.7) {
        preferences(rng, &names, &mut world);
    }
    if rng.random_bool(0.4) {
        configuration(rng, &mut world);
    }
    world
}

fn version(rng: &mut StdRng) -> &'static str {
    // Few different ones, so that equal versions meet.
    let few = &VERSIONS[..if rng.random_bool(0.7) { 10 } else { VERSIONS.len() }];
    few.choose(rng).unwrap()
}

fn build(rng: &mut StdRng, name: &str) -> Package {
    let mut package = package(name, version(rng));
    if rng.random_bool(0.1) {
        package.variant = 1;
    }
    if rng.random_bool(0.2) {
        package.source = (*["src-a", "src-b (1.0-1)", "foo"].choose(rng).unwrap()).to_owned();
    }
    // The same on both sides most of the time, as it is in life.
    if name.len().is_multiple_of(3) {
        "same".clone_into(&mut package.multi_arch);
    }
    if name.len().is_multiple_of(5) {
        "all".clone_into(&mut package.architecture);
        package.multi_arch.clear();
    }
    package
}

fn installed(rng: &mut StdRng, name: &str, world: &mut World) {
    const STATUS: [&str; 12] = [
        "install ok installed",
        "install ok installed",
        "install ok installed",
        "install ok installed",
        "install ok installed",
        "install ok installed",
        "hold ok installed",
        "hold ok installed",
        "deinstall ok config-files",
        "purge ok not-installed",
        "deinstall ok installed",
        "install ok triggers-pending",
    ];
    let status = STATUS.choose(rng).unwrap();
    let package = build(rng, name).status(status);
    // Never for both: that would be a matter of dependencies.
    if world.foreign && package.architecture == "amd64" && package.multi_arch.is_empty() && rng.random_bool(0.3) {
        world.installed.push(package.architecture("i386"));
        return;
    }
    world.installed.push(package);
}

fn some_archive(rng: &mut StdRng, index: usize, names: &[&str], foreign: bool) -> Archive {
    let release = RELEASES.choose(rng).unwrap();
    let mut it = if rng.random_bool(0.5) {
        archive(&format!("suite{index}"), release)
    } else {
        let (uri, prefix) = PLACES.choose(rng).unwrap();
        let suite = *["stable", "./", "/", "dir/", "under_score"].choose(rng).unwrap();
        let mut it = archive_at(uri, prefix, suite, release);
        if !suite.ends_with('/') {
            it.suite = format!("{suite}{index}");
        }
        it
    };
    if rng.random_bool(0.1) {
        it.release = None;
    }
    it.signed = rng.random_bool(0.7);
    use Compression::{Gzip, Lz4, Plain, Xz, Zstd};
    it.compression = *[Plain, Lz4, Lz4, Xz, Gzip, Zstd].choose(rng).unwrap();
    use Entry::{Deb822, Disabled, Line, LineWithOptions};
    it.entry = *[Line, Line, LineWithOptions, Deb822, Deb822, Disabled, Entry::None].choose(rng).unwrap();
    if index == 0 {
        it.entry = Line;
    }
    if rng.random_bool(0.3) {
        "contrib".clone_into(&mut it.component);
    }
    for name in names {
        for _ in 0..*[0, 1, 1, 2].choose(rng).unwrap() {
            let package = build(rng, name);
            if foreign && package.architecture == "amd64" && rng.random_bool(0.5) {
                it.offers.push(package.clone().architecture("i386"));
            }
            it.offers.push(package);
        }
    }
    // One list has a version once.
    let mut seen = std::collections::BTreeSet::new();
    it.offers.retain(|it| seen.insert((it.name.clone(), it.version.clone(), it.architecture == "i386")));
    it
}

fn preferences(rng: &mut StdRng, names: &[&str], world: &mut World) {
    const PATHS: [&str; 6] = [
        "etc/apt/preferences",
        "etc/apt/preferences",
        "etc/apt/preferences.d/10a",
        "etc/apt/preferences.d/20b.pref",
        "etc/apt/preferences.d/ignored.bak",
        "etc/apt/preferences.d/ig nored",
    ];
    for _ in 0..rng.random_range(1..=6) {
        let text = format!(
            "{}Package: {}\nPin: {}\nPin-Priority: {}\n\n",
            ["", "# comment\n", "Explanation: of several\n lines\n"].choose(rng).unwrap(),
            subject(rng, names),
            rule(rng),
            [-10, -1, 1, 50, 99, 100, 101, 499, 500, 501, 989, 990, 991, 999, 1000, 1001, 1500].choose(rng).unwrap(),
        );
        world.files.push(((*PATHS.choose(rng).unwrap()).to_owned(), text));
    }
}

fn subject(rng: &mut StdRng, names: &[&str]) -> String {
    let name = *names.choose(rng).unwrap();
    match rng.random_range(0..12) {
        0..=2 => "*".to_owned(),
        3..=5 => name.to_owned(),
        6 => format!("{name} {}", names.choose(rng).unwrap()),
        7 => format!("{name}:{}", ["any", "i386", "amd64", "all"].choose(rng).unwrap()),
        8 => (*["lib*", "*o*", "?", "[a-f]*", "LIBC6", "*:any"].choose(rng).unwrap()).to_owned(),
        9 => (*["/^lib/", "/o+/", "/(foo|bar)/", "/^A$/"].choose(rng).unwrap()).to_owned(),
        10 => (*["src:src-a", "src:foo", "src:src-*", "src:/a$/", "src:src-b:any"].choose(rng).unwrap()).to_owned(),
        _ => "foo bash\n libc6".to_owned(),
    }
}

fn rule(rng: &mut StdRng) -> String {
    let releases = [
        "a=oldstable",
        "a=oldstable-security",
        "n=bookworm*",
        "o=Debian",
        "o=Debian,a=experimental",
        "l=Debian-Security",
        "l=debian*",
        "c=main",
        "c=contrib",
        "v=12",
        "v=12*",
        "b=amd64",
        "b=i386",
        "*",
        "bookworm",
        "oldstable",
        "13.1",
        "a=now",
        "n=/trixie|jammy/",
        "o=\"Debian\"",
        "a=stable, n=trixie",
        "o=Example Corp",
        "x=1",
        "c=main,a=stable",
    ];
    let origins = [
        "mirror.example",
        "\"mirror.example\"",
        "*.example",
        "\"\"",
        "third.example",
        "other.example",
        "/^m/",
        "2001:db8::1",
    ];
    let versions = ["1.0-1", "1.0*", "1:*", "*", "1.0-1+deb12u?", "/^1\\.0/", "2:0.1", "*deb12*"];
    match rng.random_range(0..10) {
        0..=4 => format!("release {}", releases.choose(rng).unwrap()),
        5..=6 => format!("origin {}", origins.choose(rng).unwrap()),
        7..=8 => format!("version {}", versions.choose(rng).unwrap()),
        _ => format!("{}  {}", ["Release", "ORIGIN", "nonsense"].choose(rng).unwrap(), "a=oldstable"),
    }
}

fn configuration(rng: &mut StdRng, world: &mut World) {
    let release = *["bookworm", "oldstable", "12*", "a=oldstable-security", "n=bookworm", "oldstable*", "nowhere"]
        .choose(rng)
        .unwrap();
    let text = match rng.next_u32() % 4 {
        0 => format!("APT::Default-Release \"{release}\";\n"),
        1 => format!("// comment\nAPT {{\n  Default-Release\n    \"{release}\"; # end\n}};\n"),
        2 => format!("apt {{ /* in\n between */ default-release \"{release}\"; }};\n"),
        _ => format!(
            "APT::Default-Release \"nothing\";\n#clear APT::Default-Release;\nAPT::Default-Release {release};\n"
        ),
    };
    let path = *[
        "etc/apt/apt.conf",
        "etc/apt/apt.conf.d/50release",
        "etc/apt/apt.conf.d/50release.conf",
        "etc/apt/apt.conf.d/x.bak",
    ]
    .choose(rng)
    .unwrap();
    world.files.push((path.to_owned(), text));
}
