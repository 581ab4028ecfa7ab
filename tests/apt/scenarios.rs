//! Systems that are each about one thing, with the updates that must come out of it.

use super::world::{Archive, Compression, Entry, World, archive, archive_at, package};

const DEBIAN: &str = "Origin: Debian\nLabel: Debian\nSuite: oldstable\nVersion: 12.11\nCodename: bookworm\n";
const SECURITY: &str =
    "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nVersion: 12\nCodename: bookworm-security\n";
const BACKPORTS: &str = "Origin: Debian Backports\nLabel: Debian Backports\nSuite: oldstable-backports\n\
                         Codename: bookworm-backports\nNotAutomatic: yes\nButAutomaticUpgrades: yes\n";
const EXPERIMENTAL: &str =
    "Origin: Debian\nLabel: Debian\nSuite: experimental\nCodename: rc-buggy\nNotAutomatic: yes\n";
const TESTING: &str = "Origin: Debian\nLabel: Debian\nSuite: testing\nCodename: trixie\nVersion: 13\n";
const THIRD: &str = "Origin: Example Corp\nLabel: Tools\nCodename: nodistro\n";

type Scenario = (&'static str, World, &'static str);

/// All of them; the first one is used by other tests too.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = archives();
    all.extend(states());
    all.extend(pins());
    all.extend(sources());
    all.extend(configuration());
    all
}

/// Packages `a` and `b` at 1, and archives that offer 2.
fn two(archives: impl IntoIterator<Item = Archive>) -> World {
    World::with([package("a", "1"), package("b", "1")], archives)
}

fn debian() -> Archive {
    archive("bookworm", DEBIAN)
}

fn archives() -> Vec<Scenario> {
    let security = archive_at(
        "http://mirror.example/debian-security",
        "mirror.example_debian-security",
        "bookworm-security",
        SECURITY,
    );
    let third = archive_at("https://u:p@third.example:8443/x_y", "third.example:8443_x%5fy", "nodistro", THIRD);
    let backports = archive("bookworm-backports", BACKPORTS).offers([package("a", "3~bpo"), package("b", "3~bpo")]);
    vec![
        (
            "security archive beside the main one",
            two([debian().offers([package("b", "2")]), security.clone().offers([package("a", "2")])]),
            "a 2, b 2",
        ),
        (
            "one version in both archives is a security update",
            two([
                debian().offers([package("a", "2")]),
                security.clone().offers([package("a", "2"), package("b", "1")]),
            ]),
            "a 2",
        ),
        (
            "epochs and tildes",
            World::with(
                [package("a", "1:1.0"), package("b", "2.0~rc1"), package("c", "1.0"), package("d", "1.0-1")],
                [debian().offers([
                    package("a", "9.0"),
                    package("b", "2.0"),
                    package("c", "1.0~~"),
                    package("d", "1.0-1+b1"),
                ])],
            ),
            "b 2.0, d 1.0-1+b1",
        ),
        ("NotAutomatic", two([archive("experimental", EXPERIMENTAL).offers([package("a", "2")])]), ""),
        (
            "ButAutomaticUpgrades, installed from there",
            World::with([package("a", "2~bpo")], [backports.clone()]),
            "a 3~bpo",
        ),
        (
            "ButAutomaticUpgrades beside the main archive",
            two([debian().offers([package("a", "2")]), backports]),
            "a 2, b 3~bpo",
        ),
        ("third-party source with credentials and port", two([third.offers([package("a", "2")])]), "a 2"),
        (
            "another build of the same version",
            World::with(
                [package("a", "1"), package("b", "1")],
                [debian().offers([package("a", "1").variant(1), package("b", "1")])],
            ),
            "a 1",
        ),
        (
            "another build that differs in multi-arch",
            World::with(
                [package("a", "1")],
                [debian().offers([{
                    let mut other = package("a", "1");
                    other.multi_arch = "same".to_owned();
                    other
                }])],
            ),
            "a 1",
        ),
        (
            "lists compressed in every way",
            World::with(
                ["a", "b", "c", "d", "e"].map(|name| package(name, "1")),
                [Compression::Lz4, Compression::Xz, Compression::Gzip, Compression::Zstd, Compression::Plain]
                    .into_iter()
                    .zip(["a", "b", "c", "d", "e"])
                    .map(|(how, name)| {
                        archive(&format!("s{name}"), DEBIAN).offers([package(name, "2")]).compressed(how)
                    }),
            ),
            "a 2, b 2, c 2, d 2, e 2",
        ),
        (
            "no release file",
            {
                let mut silent = debian().offers([package("a", "2")]);
                silent.release = None;
                two([silent])
            },
            "a 2",
        ),
        (
            "release file signed apart",
            {
                let mut apart = archive("x", EXPERIMENTAL).offers([package("a", "2")]);
                apart.signed = false;
                two([apart])
            },
            "",
        ),
        (
            "local flat archive",
            two([archive_at("file:/srv/repo", "_srv_repo", "./", THIRD)
                .offers([package("a", "2")])
                .entry(Entry::Line)]),
            "a 2",
        ),
    ]
}

fn states() -> Vec<Scenario> {
    let offers = || debian().offers(["a", "b", "c", "d", "e"].map(|name| package(name, "2")));
    let foreign = || package("a", "2").architecture("i386");
    vec![
        ("held", World::with([package("a", "1").status("hold ok installed"), package("b", "1")], [offers()]), "b 2"),
        (
            "removed but configured, and never installed",
            World::with(
                [
                    package("a", "1").status("deinstall ok config-files"),
                    package("b", "1").status("purge ok not-installed"),
                    package("c", "1"),
                ],
                [offers()],
            ),
            "c 2",
        ),
        (
            "chosen for removal and still installed",
            World::with([package("a", "1").status("deinstall ok installed")], [offers()]),
            "a 2",
        ),
        (
            "waiting for triggers",
            World::with(
                [
                    package("a", "1").status("install ok triggers-pending"),
                    package("b", "1").status("install ok triggers-awaited"),
                ],
                [offers()],
            ),
            "a 2, b 2",
        ),
        (
            "half done",
            World::with(
                [
                    package("a", "1").status("install ok half-configured"),
                    package("b", "1").status("install ok unpacked"),
                ],
                [offers()],
            ),
            "a 2, b 2",
        ),
        ("all becomes native", World::with([package("a", "1").architecture("all")], [offers()]), "a 2"),
        (
            "native becomes all",
            World::with([package("a", "1")], [debian().offers([package("a", "2").architecture("all")])]),
            "a 2",
        ),
        (
            "foreign architecture",
            {
                let mut world = World::with(
                    [package("a", "1").architecture("i386"), package("b", "1")],
                    [debian().offers([foreign(), package("a", "3"), package("b", "1").architecture("i386")])],
                );
                world.foreign = true;
                world
            },
            "a 2",
        ),
        (
            "foreign architecture that is not configured",
            World::with([package("a", "1").architecture("i386"), package("b", "1")], [debian().offers([foreign()])]),
            "",
        ),
        ("a version older than the installed one", World::with([package("a", "3")], [offers()]), ""),
        (
            "a damaged status file",
            World::with([package("a", "1").status("install ok nonsense")], [offers()]),
            "refused",
        ),
    ]
}

fn pins() -> Vec<Scenario> {
    let both = || {
        two([
            debian().offers([package("a", "2"), package("b", "2")]),
            archive("trixie", TESTING).offers([package("a", "3").source("s (3)"), package("b", "3")]),
        ])
    };
    let older = || {
        World::with([package("a", "5"), package("b", "5")], [debian().offers([package("a", "2"), package("b", "2")])])
    };
    let pin = |world: World, package: &str, pin: &str, priority: &str| {
        world.preferences(&format!("Package: {package}\nPin: {pin}\nPin-Priority: {priority}\n\n"))
    };
    vec![
        ("no pin", both(), "a 3, b 3"),
        ("pin of all by suite", pin(both(), "*", "release a=testing", "100"), "a 2, b 2"),
        ("pin of all by codename", pin(both(), "*", "release n=bookworm", "600"), "a 2, b 2"),
        (
            "pin of all by several parts",
            pin(both(), "*", "release o=Debian, a=oldstable, c=main, v=12*, b=amd64", "600"),
            "a 2, b 2",
        ),
        ("pin of all by host name", pin(both(), "*", "origin \"mirror.example\"", "-1"), ""),
        ("pin of one package", pin(both(), "a", "release a=oldstable", "600"), "a 2, b 3"),
        ("pin by glob", pin(both(), "?", "release n=book*", "600"), "a 2, b 2"),
        ("pin by regular expression", pin(both(), "/^[B]$/", "release l=/^DEB/, n=bookworm", "600"), "a 3, b 2"),
        ("pin by source package", pin(both(), "src:s", "release a=testing", "-1"), "a 2, b 3"),
        ("pin by version", pin(both(), "a", "version 2*", "600"), "a 2, b 3"),
        ("pin of the installed version", pin(both(), "a", "version 1", "600"), "b 3"),
        ("negative pin", pin(both(), "a", "release *", "-5"), "b 3"),
        (
            "first specific pin rules",
            pin(pin(both(), "a", "release a=testing", "10"), "a", "release a=testing", "999"),
            "a 2, b 3",
        ),
        (
            "specific pin goes before a general one",
            pin(pin(both(), "*", "release a=testing", "-1"), "a", "release a=testing", "700"),
            "a 3, b 2",
        ),
        ("priority below the installed version", pin(both(), "*", "release o=Debian", "99"), ""),
        ("priority as the installed version", pin(both(), "*", "release o=Debian", "100"), "a 3, b 3"),
        ("downgrade above 1000", pin(older(), "a", "release n=bookworm", "1001"), "a 2"),
        ("downgrade at 1000", pin(older(), "*", "release n=bookworm", "1000"), "a 2, b 2"),
        ("no downgrade at 999", pin(older(), "*", "release n=bookworm", "999"), ""),
        ("several packages in one record", pin(both(), "a b", "release a=testing", "-1"), "a 2, b 2"),
        ("pin for another architecture", pin(both(), "a:i386", "release a=testing", "-1"), "a 3, b 3"),
        ("pin for any architecture", pin(both(), "a:any", "release a=testing", "-1"), "a 2, b 3"),
        (
            "pins of a local flat archive",
            {
                let mut local = archive_at("file:/srv/repo", "_srv_repo", "./", THIRD)
                    .offers([package("a", "9"), package("b", "9")]);
                local.release = None;
                let mut world = both();
                world.archives.push(local);
                let world = pin(world, "a", "origin \"\"", "50");
                pin(world, "b", "release c=*", "-1")
            },
            "a 3",
        ),
        (
            "pin of any host name",
            {
                let local = archive_at("file:/srv/repo", "_srv_repo", "./", THIRD).offers([package("a", "9")]);
                let mut world = both();
                world.archives.push(local);
                pin(world, "*", "origin *", "-1")
            },
            "",
        ),
        ("pin of the status file", pin(both(), "*", "release a=now", "995"), ""),
        ("pin without priority", pin(both(), "a", "release a=testing", ""), "refused"),
        ("record without package", both().preferences("Pin: release a=testing\nPin-Priority: 1\n"), "refused"),
        (
            "pins in files that count and in others",
            {
                let text = |name: &str| format!("Package: {name}\nPin: release a=testing\nPin-Priority: -1\n");
                both()
                    .file("etc/apt/preferences.d/10a.pref", &text("a"))
                    .file("etc/apt/preferences.d/20b.off", &text("b"))
            },
            "a 2, b 3",
        ),
    ]
}

fn sources() -> Vec<Scenario> {
    let offers = |entry| debian().offers([package("a", "2")]).entry(entry);
    let stray = || archive("stray", DEBIAN).offers([package("a", "9")]).entry(Entry::None);
    vec![
        ("deb822 source", two([offers(Entry::Deb822)]), "a 2"),
        ("line with options", two([offers(Entry::LineWithOptions)]), "a 2"),
        ("lists that no source names", two([offers(Entry::Line), stray()]), "a 2"),
        ("disabled deb822 source", two([offers(Entry::Line), archive("x", DEBIAN).offers([package("b", "2")]).entry(Entry::Disabled)]), "a 2"),
        (
            "sources.list goes first, other endings do not count",
            two([stray().offers([package("b", "3")])])
                .file("etc/apt/sources.list", "deb http://mirror.example/debian stray main\n")
                .file("etc/apt/sources.list.d/x.list.save", "nonsense\n"),
            "a 9, b 3",
        ),
        (
            "a component that is not named",
            two([offers(Entry::Line), debian().offers([package("b", "2")]).component("contrib").entry(Entry::None)]),
            "a 2",
        ),
        (
            "entries of one archive that differ",
            two([offers(Entry::Line)]).file("etc/apt/sources.list", "deb [trusted=yes] http://mirror.example/debian bookworm main\n"),
            "refused",
        ),
        ("a key that only the later entry names", {
            let keyed = "deb [signed-by=/x.gpg] http://mirror.example/debian bookworm main\n";
            two([offers(Entry::Line)]).file("etc/apt/sources.list.d/99.list", keyed)
        }, "a 2"),
        ("a key that only the first entry names", {
            let keyed = "deb [signed-by=/x.gpg] http://mirror.example/debian bookworm contrib\n";
            two([offers(Entry::Line)]).file("etc/apt/sources.list", keyed)
        }, "refused"),
        ("sources and packages in entries that agree", {
            let source = "deb-src http://mirror.example/debian bookworm main\n";
            two([offers(Entry::Line)]).file("etc/apt/sources.list", source)
        }, "a 2"),
        ("an unknown type", two([offers(Entry::Line)]).file("etc/apt/sources.list", "rpm http://x.example y main\n"), "refused"),
        ("an entry without component", two([offers(Entry::Line)]).file("etc/apt/sources.list", "deb http://x.example y\n"), "refused"),
        (
            "several suites and components in one stanza",
            two([
                debian().offers([package("a", "2")]).component("contrib").entry(Entry::None),
                archive("other", DEBIAN).offers([package("b", "2")]).entry(Entry::None),
            ])
            .file(
                "etc/apt/sources.list.d/x.sources",
                "Types: deb deb-src\nURIs: http://mirror.example/debian/\nSuites: bookworm\n other\nComponents: main contrib\n\
                 Architectures: amd64\nEnabled: yes\n",
            ),
            "a 2, b 2",
        ),
    ]
}

fn configuration() -> Vec<Scenario> {
    let both = || {
        two([
            debian().offers([package("a", "2"), package("b", "2")]),
            archive("trixie", TESTING).offers([package("a", "3"), package("b", "3")]),
        ])
    };
    let pinned = || both().preferences("Package: *\nPin: release n=bookworm\nPin-Priority: 600\n");
    vec![
        (
            "default release by suite",
            both().file("etc/apt/apt.conf", "APT::Default-Release \"oldstable\";\n"),
            "a 2, b 2",
        ),
        (
            "default release by codename",
            both().file("etc/apt/apt.conf.d/1", "APT { Default-Release \"bookworm\"; };\n"),
            "a 2, b 2",
        ),
        ("default release by version", both().file("etc/apt/apt.conf.d/1", "apt::default-release 12*;\n"), "a 2, b 2"),
        (
            "default release goes before pins of all",
            pinned().file("etc/apt/apt.conf", "APT::Default-Release \"n=trixie\";\n"),
            "a 3, b 3",
        ),
        (
            "default release that no source has",
            both().file("etc/apt/apt.conf", "APT::Default-Release \"sid\";\n"),
            "refused",
        ),
        (
            "broken configuration",
            both().file("etc/apt/apt.conf.d/1", "APT::Default-Release \"sid\" \"x\"\n"),
            "refused",
        ),
        (
            "lists in another folder",
            {
                let mut world = both().file("etc/apt/apt.conf", "Dir::State::lists \"other/\";\n");
                let name = "mirror.example_debian_dists_bookworm_main_binary-amd64_Packages";
                let list = "Package: b\nVersion: 7\nArchitecture: amd64\nInstalled-Size: 1\nFilename: x\nSize: 1\n";
                world = world.file(&format!("var/lib/apt/other/{name}"), list);
                world.file("var/lib/apt/other/partial/keep", "")
            },
            "b 7",
        ),
    ]
}
