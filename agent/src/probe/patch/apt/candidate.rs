//! apt's policy: which version of an installed package would be installed next.
//!
//! Each version has the priority of the first specific pin that matches it, else the highest of the places it
//! comes from: 500 for an archive, 100 for the status file and archives that are `ButAutomaticUpgrades`, 1 for
//! those `NotAutomatic`, 990 for the default release, or what a pin of whole archives says. The highest
//! priority wins, among equals the newest version; below 1000 nothing older than the installed version counts.

use std::cmp::Ordering;

use crate::probe::patch::apt::build::Build;
use crate::probe::patch::apt::files::Trouble;
use crate::probe::patch::apt::glob::Expression;
use crate::probe::patch::apt::lists::Offers;
use crate::probe::patch::apt::pins::{self, NEVER, Origin, Pin};
use crate::probe::patch::apt::status::Installed;
use crate::probe::patch::apt::version;

/// Priority of the default release.
const DEFAULT_RELEASE: i32 = 990;
/// From this priority on, apt downgrades.
const DOWNGRADE: i32 = 1000;

/// The policy of one system.
#[derive(Debug)]
pub(crate) struct Policy<'a> {
    origins: &'a [Origin],
    /// Priority of each origin.
    priorities: Vec<i32>,
    pins: &'a [Pin],
    native: &'a str,
}

/// One version of a package and where it comes from.
#[derive(Debug)]
struct Version<'a> {
    build: &'a Build,
    origins: Vec<usize>,
    is_installed: bool,
}

/// The version that would be installed, when it is not the one that is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Candidate<'a> {
    /// What it is.
    pub(crate) build: &'a Build,
    /// The lists that offer it.
    pub(crate) origins: Vec<usize>,
}

impl<'a> Policy<'a> {
    /// The last origin is the status file.
    pub(crate) fn new(
        origins: &'a [Origin],
        pins: &'a [Pin],
        default_release: &str,
        native: &'a str,
    ) -> Result<Self, Trouble> {
        let first = default_pin(origins, default_release)?;
        let whole: Vec<&Pin> = first.iter().chain(pins.iter().filter(|pin| pin.subject.is_none())).collect();
        let priorities = origins.iter().map(|origin| priority(origin, &whole)).collect();
        Ok(Self { origins, priorities, pins, native })
    }

    /// The candidate of an installed package among what the lists offer.
    pub(crate) fn candidate<'b>(&self, package: &'b Installed, offers: &'b Offers) -> Option<Candidate<'b>> {
        let mut best: Option<(i32, Version<'b>)> = None;
        for version in self.versions(package, offers) {
            let priority = self.priority(package, &version);
            let better = priority > best.as_ref().map_or(-1, |(priority, _)| *priority);
            if priority == 0 || !better {
                continue;
            }
            let order = version::compare(version.build.version.as_bytes(), package.build.version.as_bytes());
            if priority < DOWNGRADE && order == Ordering::Less {
                continue;
            }
            best = Some((priority, version));
        }
        let (_, version) = best.filter(|(_, version)| !version.is_installed)?;
        Some(Candidate { build: version.build, origins: version.origins })
    }

    /// All versions, the newest first; different builds of one version in the order of the lists, one that is
    /// only installed last.
    fn versions<'b>(&self, package: &'b Installed, offers: &'b Offers) -> Vec<Version<'b>> {
        let mut versions: Vec<Version<'b>> = vec![];
        let status = self.origins.len().saturating_sub(1);
        let offered = offers.iter().map(|(list, build)| (*list, build));
        for (origin, build) in offered.chain([(status, &package.build)]) {
            let mut at = versions.len();
            let mut same = false;
            for (index, version) in versions.iter().enumerate() {
                match version::compare(build.version.as_bytes(), version.build.version.as_bytes()) {
                    Ordering::Greater => {
                        at = index;
                        break;
                    }
                    Ordering::Equal if version.build.is_same(build) => {
                        (at, same) = (index, version.build.has_same_fields(build));
                        break;
                    }
                    Ordering::Equal | Ordering::Less => {}
                }
            }
            if !same {
                versions.insert(at, Version { build, origins: vec![], is_installed: false });
            }
            versions[at].origins.push(origin);
            versions[at].is_installed |= origin == status;
        }
        versions
    }

    fn priority(&self, package: &Installed, version: &Version<'_>) -> i32 {
        let of_origin = |origin: &usize| self.priorities.get(*origin).copied().unwrap_or(0);
        if let Some(pinned) = self.pinned(package, version)
            && version.origins.iter().any(|origin| of_origin(origin) != NEVER)
        {
            return pinned;
        }
        version.origins.iter().map(of_origin).max().unwrap_or(0)
    }

    /// The first specific pin that matches.
    fn pinned(&self, package: &Installed, version: &Version<'_>) -> Option<i32> {
        let build = version.build;
        let source = if build.source.is_empty() { &package.name } else { &build.source };
        let source_version = if build.source_version.is_empty() { &build.version } else { &build.source_version };
        let architecture = match package.build.architecture.as_str() {
            "all" => self.native,
            architecture => architecture,
        };
        let matching = self.pins.iter().find(|pin| {
            let covers = |subject: &pins::Subject| subject.covers(&package.name, source, architecture, self.native);
            let from = version.origins.iter().filter_map(|origin| self.origins.get(*origin));
            pin.subject.as_ref().is_some_and(covers) && pin.rule.matches_version(&build.version, source_version, from)
        });
        matching.map(|pin| pin.priority)
    }
}

/// The default release goes before all pins of whole archives; apt refuses one that no source has.
fn default_pin(origins: &[Origin], default_release: &str) -> Result<Option<Pin>, Trouble> {
    if default_release.is_empty() {
        return Ok(None);
    }
    let expression = Expression::new(default_release);
    let named = |origin: &Origin| {
        origin.release.as_ref().is_some_and(|it| {
            [&it.suite, &it.codename, &it.version].iter().any(|text| !text.is_empty() && expression.matches(text))
        })
    };
    let has_parts = default_release.len() > 2 && default_release.as_bytes()[1] == b'=';
    if !has_parts && default_release != "now" && !origins.iter().any(named) {
        let detail = format!("APT::Default-Release is `{default_release}`, which no source has; apt refuses to work");
        return Err(Trouble::malformed(detail));
    }
    Ok(Some(Pin { subject: None, rule: pins::release_rule(default_release), priority: DEFAULT_RELEASE }))
}

fn priority(origin: &Origin, whole: &[&Pin]) -> i32 {
    let matching = |pin: &&&Pin| pin.rule.matches_origin(origin);
    if whole.iter().any(|pin| pin.priority == NEVER && matching(&pin)) {
        return NEVER;
    }
    if let Some(pin) = whole.iter().find(matching) {
        return pin.priority;
    }
    let release = origin.release.as_ref();
    if origin.is_status || release.is_some_and(|it| it.but_automatic_upgrades) {
        100
    } else if release.is_some_and(|it| it.not_automatic) {
        1
    } else {
        500
    }
}
