//! dpkg and apt, read natively: what `apt-get dist-upgrade` would upgrade, from where, and how old that
//! knowledge is.
//!
//! config → sources → release files and package lists → pins → policy → candidates. A broken piece makes
//! exactly the fields that depend on it unreadable: what apt itself refuses (a malformed source, pin or
//! configuration) leaves no number. No list at all is no zero but unreadable, and so are the security numbers
//! while a security archive was never fetched. Dependencies, phasing and same-version locks between
//! architectures are not followed: a candidate counts even where apt would keep it back for those.

use tenken_proto::fact::patch::{Patch, Update, UpdateSource};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;

use crate::root::Root;

mod automatic;
mod build;
mod candidate;
mod config;
mod files;
mod glob;
mod history;
mod lists;
mod pins;
mod release;
mod restart;
mod sources;
mod stanza;
mod status;
mod uri;
pub(super) mod version;

use candidate::Policy;
use config::Config;
use files::Trouble;
use lists::Collector;
use pins::Origin;
use release::{Release, says_security};
use sources::{Architectures, Source};
use status::{Installed, Status};

/// Files and folders whose change makes a new look worth while.
pub(super) const WATCHED: &[&str] = &[
    "/var/lib/dpkg/status",
    "/var/lib/apt/lists",
    "/etc/apt",
    "/etc/apt/sources.list.d",
    "/etc/apt/preferences.d",
    "/etc/apt/apt.conf.d",
    "/run/reboot-required",
];

/// Most updates in each of the two lists.
const UPDATES_MAX: usize = 1_000;
/// Bytes that the encoded updates of both lists may take together; a group's body has room for 192 KiB.
const UPDATES_BYTES_MAX: usize = 128 << 10;
/// Most archives that are listed.
const SOURCES_MAX: usize = 100;
/// Encoded size of an update apart from its texts, at most.
const UPDATE_FRAME_BYTES: usize = 110;
const DPKG_STATUS: &str = "/var/lib/dpkg/status";
/// Foreign architectures, and the native one.
const DPKG_ARCH: &str = "/var/lib/dpkg/arch";

/// Looks beneath the root; none where there is no dpkg.
pub(super) fn observe(root: &Root) -> Option<Patch> {
    let config = config::read(root);
    let status_path = config.as_ref().map_or_else(|_| DPKG_STATUS.to_owned(), |it| it.path("Dir::State::status"));
    let status = match status::read(root, &status_path) {
        Ok(None) => return None,
        Ok(Some(status)) => Ok(status),
        Err(trouble) => Err(trouble),
    };
    let archives = archives(root, &config, &status);
    let pending = pending(root, &config, &status, &archives);
    let status = status.as_ref();
    let automatic = match (&config, status) {
        (Ok(config), Ok(status)) => {
            Observed::known(automatic::updates(config, status.has("unattended-upgrades")), phrase::APT_CONFIGURATION)
        }
        (Err(trouble), _) | (_, Err(trouble)) => trouble.observed(phrase::APT_CONFIGURATION),
    };
    let [refreshed, valid_until] = freshness(&archives);
    let mut patch = Patch {
        source_refreshed_at: refreshed,
        source_valid_until: valid_until,
        sources: listed(&archives),
        reboot_required: restart::required(root, status.ok()),
        newest_installed_kernel: restart::newest_kernel(root, status.ok()),
        last_upgrade_at: history::last_upgrade_at(root),
        automatic_updates: automatic,
        ..super::unreadable(&Reason::DependsOn, "", phrase::DPKG_AND_LISTS)
    };
    match pending {
        Ok(pending) => pending.fill(&mut patch),
        Err(trouble) => fill_unreadable(&trouble, &mut patch),
    }
    Some(patch)
}

/// An archive that a source names, and what is known of it here.
struct Archive {
    source: Source,
    release: Result<Option<Release>, Trouble>,
}

impl Archive {
    /// By what it says of itself; one that was never fetched, by its name and address.
    fn is_security(&self) -> bool {
        match &self.release {
            Ok(Some(release)) => release.is_security(),
            Ok(None) | Err(_) => {
                says_security(&self.source.suite) || says_security(&self.source.uri.without_credentials())
            }
        }
    }

    /// What a person reads.
    fn place(&self) -> String {
        format!("{} {}", self.source.uri.without_credentials(), self.source.suite_name())
    }
}

/// The archives with their release files, and the architectures of the system.
struct Archives {
    all: Vec<Archive>,
    architectures: Architectures,
    lists_dir: String,
}

fn archives(
    root: &Root,
    config: &Result<Config, Trouble>,
    status: &Result<Status, Trouble>,
) -> Result<Archives, Trouble> {
    let config = config.as_ref().map_err(Clone::clone)?;
    let architectures = architectures(root, config, status.as_ref().map_err(Clone::clone)?)?;
    let lists_dir = config.path("Dir::State::lists");
    let lists_dir = lists_dir.trim_end_matches('/').to_owned();
    let file = |source: &Source, name| format!("{lists_dir}/{}", source.file_name(name));
    let all = sources::read(root, config, &architectures)?
        .into_iter()
        .filter(|source| !source.lists.is_empty())
        .map(|source| {
            let release = release::read(root, &file(&source, "InRelease"), &file(&source, "Release"));
            Archive { source, release }
        })
        .collect();
    Ok(Archives { all, architectures, lists_dir })
}

fn architectures(root: &Root, config: &Config, status: &Status) -> Result<Architectures, Trouble> {
    let native = match config.value("APT::Architecture") {
        "" => status.native_architecture(),
        set => Some(set.to_owned()),
    };
    let native = native.ok_or_else(|| Trouble::malformed(format!("{DPKG_STATUS}: no architecture")))?;
    let mut all = config.list("APT::Architectures");
    if all.is_empty() {
        let known = files::read(root, DPKG_ARCH, files::CONFIG_BYTES_MAX)?.unwrap_or_default();
        all = stanza::text(&known).split_ascii_whitespace().map(str::to_owned).collect();
    }
    let mut unique = if all.contains(&native) { vec![] } else { vec![native.clone()] };
    for architecture in all {
        if !architecture.is_empty() && !unique.contains(&architecture) {
            unique.push(architecture);
        }
    }
    Ok(Architectures { native, all: unique })
}

/// What an upgrade would do.
struct Pending {
    updates: Vec<Found>,
    held: Vec<Found>,
    /// Why the security numbers cannot be told.
    security_gap: Option<Trouble>,
}

/// One update.
struct Found {
    name: String,
    architecture: String,
    installed: String,
    candidate: String,
    security: bool,
}

fn pending(
    root: &Root,
    config: &Result<Config, Trouble>,
    status: &Result<Status, Trouble>,
    archives: &Result<Archives, Trouble>,
) -> Result<Pending, Trouble> {
    let config = config.as_ref().map_err(Clone::clone)?;
    let status = status.as_ref().map_err(Clone::clone)?;
    let archives = archives.as_ref().map_err(Clone::clone)?;
    if archives.all.is_empty() {
        return Err(Trouble::new(Reason::DependsOn, format!("{} /etc/apt", phrase::NO_PACKAGE_SOURCE)));
    }
    let pins = pins::read(root, config)?;
    let native = archives.architectures.native.as_str();
    let mut collector = Collector::new(status, native);
    let mut origins = vec![];
    let mut security_gap = None;
    for archive in &archives.all {
        let before = origins.len();
        read_lists(root, archive, &archives.lists_dir, &mut collector, &mut origins)?;
        if origins.len() == before && archive.is_security() {
            security_gap.get_or_insert_with(|| never_fetched(&archive.place()));
        }
    }
    if origins.is_empty() {
        return Err(never_fetched("any archive"));
    }
    origins.push(Origin { component: "now".to_owned(), is_status: true, ..Origin::default() });
    let policy = Policy::new(&origins, &pins, config.value("APT::Default-Release"), native)?;
    let offers = collector.finish();
    let mut pending = Pending { updates: vec![], held: vec![], security_gap };
    for (package, offers) in status.installed.iter().zip(&offers) {
        if let Some(candidate) = policy.candidate(package, offers) {
            let from = || candidate.origins.iter().filter_map(|at| origins.get(*at)?.release.as_ref());
            let found = Found::new(package, &candidate.build.version, from().any(Release::is_security));
            if package.held { &mut pending.held } else { &mut pending.updates }.push(found);
        }
    }
    Ok(pending)
}

fn never_fetched(place: &str) -> Trouble {
    let detail = format!("{} {place} {}", phrase::NO_PACKAGE_LIST, phrase::UPDATE_FETCHES_IT);
    Trouble::new(Reason::DependsOn, detail)
}

/// Reads the lists of an archive; each that is there becomes an origin.
fn read_lists(
    root: &Root,
    archive: &Archive,
    dir: &str,
    collector: &mut Collector<'_>,
    origins: &mut Vec<Origin>,
) -> Result<(), Trouble> {
    let release = archive.release.as_ref().map_err(Clone::clone)?;
    let site = &archive.source.uri.host;
    for list in &archive.source.lists {
        if collector.read(root, &format!("{dir}/{}", list.name), origins.len())? {
            origins.push(Origin {
                // One without a release file says nothing of itself.
                release: Some(release.clone().unwrap_or_default()),
                site: site.clone(),
                component: list.component.clone(),
                architecture: list.architecture.clone(),
                is_status: false,
            });
        }
    }
    Ok(())
}

impl Found {
    fn new(package: &Installed, candidate: &str, security: bool) -> Self {
        Self {
            name: package.name.clone(),
            architecture: package.build.architecture.clone(),
            installed: package.build.version.clone(),
            candidate: candidate.to_owned(),
            security,
        }
    }

    fn bytes(&self) -> usize {
        UPDATE_FRAME_BYTES + self.name.len() + self.architecture.len() + self.installed.len() + self.candidate.len()
    }

    fn update(self) -> Update {
        Update {
            name: Observed::seen(self.name),
            architecture: Observed::seen(self.architecture),
            installed: Observed::seen(self.installed),
            candidate: Observed::seen(self.candidate),
            security: Observed::seen(self.security),
        }
    }
}

impl Pending {
    fn fill(self, patch: &mut Patch) {
        let count = |found: &[Found]| Observed::known(found.len() as u64, phrase::DPKG_AND_LISTS);
        let security = |found: &[Found]| match &self.security_gap {
            Some(trouble) => trouble.observed(phrase::DPKG_AND_LISTS),
            None => Observed::known(found.iter().filter(|it| it.security).count() as u64, phrase::DPKG_AND_LISTS),
        };
        patch.pending_updates = count(&self.updates);
        patch.pending_security_updates = security(&self.updates);
        patch.held_security_updates = security(&self.held);
        let mut room = UPDATES_BYTES_MAX;
        let all = self.updates.len() + self.held.len();
        let updates = fitting(self.updates, &mut room);
        let held = fitting(self.held, &mut room);
        patch.updates_omitted = Observed::known((all - updates.len() - held.len()) as u64, phrase::DPKG_AND_LISTS);
        patch.updates = Observed::known(updates, phrase::DPKG_AND_LISTS);
        patch.held_updates = Observed::known(held, phrase::DPKG_AND_LISTS);
    }
}

/// Those that fit, by name; where not all do, security updates go before others.
fn fitting(mut found: Vec<Found>, room: &mut usize) -> Vec<Update> {
    found.sort_by(|a, b| b.security.cmp(&a.security).then_with(|| a.name.cmp(&b.name)));
    found.truncate(UPDATES_MAX);
    let fits = found.iter().take_while(|it| {
        let left = room.checked_sub(it.bytes());
        *room = left.unwrap_or(*room);
        left.is_some()
    });
    let fits = fits.count();
    found.truncate(fits);
    found.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.architecture.cmp(&b.architecture)));
    found.into_iter().map(Found::update).collect()
}

fn fill_unreadable(trouble: &Trouble, patch: &mut Patch) {
    patch.pending_updates = trouble.observed(phrase::DPKG_AND_LISTS);
    patch.pending_security_updates = trouble.observed(phrase::DPKG_AND_LISTS);
    patch.held_security_updates = trouble.observed(phrase::DPKG_AND_LISTS);
    patch.updates = trouble.observed(phrase::DPKG_AND_LISTS);
    patch.held_updates = trouble.observed(phrase::DPKG_AND_LISTS);
    patch.updates_omitted = trouble.observed(phrase::DPKG_AND_LISTS);
}

/// Date and end of validity over the security archives: the oldest and the earliest.
fn freshness(archives: &Result<Archives, Trouble>) -> [Observed<tenken_proto::Timestamp>; 2] {
    use phrase::SECURITY_RELEASE_FILES as SOURCE;
    let archives = match archives {
        Ok(archives) => archives,
        Err(trouble) => return [trouble.observed(SOURCE), trouble.observed(SOURCE)],
    };
    let (mut dates, mut ends) = (vec![], vec![]);
    for archive in archives.all.iter().filter(|it| it.is_security()) {
        match &archive.release {
            Err(trouble) => return [trouble.observed(SOURCE), trouble.observed(SOURCE)],
            Ok(None) => {
                let trouble = never_fetched(&archive.place());
                return [trouble.observed(SOURCE), trouble.observed(SOURCE)];
            }
            Ok(Some(Release { date: None, .. })) => {
                let trouble = Trouble::malformed(format!("{}: its release file has no date", archive.place()));
                return [trouble.observed(SOURCE), trouble.observed(SOURCE)];
            }
            Ok(Some(release)) => {
                dates.extend(release.date);
                ends.extend(release.valid_until);
            }
        }
    }
    let earliest = |times: Vec<_>| match times.into_iter().min() {
        Some(time) => Observed::known(time, SOURCE),
        None => Observed::absent(SOURCE),
    };
    [earliest(dates), earliest(ends)]
}

/// The archives for people, without credentials.
fn listed(archives: &Result<Archives, Trouble>) -> Observed<Vec<UpdateSource>> {
    use phrase::APT_SOURCES as SOURCE;
    match archives {
        Err(trouble) => trouble.observed(SOURCE),
        Ok(archives) => Observed::known(archives.all.iter().take(SOURCES_MAX).map(update_source).collect(), SOURCE),
    }
}

fn update_source(archive: &Archive) -> UpdateSource {
    let location = Observed::seen(archive.source.uri.without_credentials());
    let suite = Observed::seen(archive.source.suite_name().to_owned());
    let security = Observed::seen(archive.is_security());
    let trouble = match &archive.release {
        Ok(Some(release)) => {
            let given = |time: Option<_>| time.map_or_else(|| Observed::absent(""), Observed::seen);
            return UpdateSource {
                location,
                suite,
                origin: Observed::seen(release.origin.clone()),
                security,
                refreshed_at: given(release.date),
                valid_until: given(release.valid_until),
            };
        }
        Ok(None) => never_fetched(&archive.place()),
        Err(trouble) => trouble.clone(),
    };
    UpdateSource {
        location,
        suite,
        origin: trouble.observed(""),
        security,
        refreshed_at: trouble.observed(""),
        valid_until: trouble.observed(""),
    }
}
