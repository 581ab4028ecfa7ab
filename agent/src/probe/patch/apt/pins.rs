//! Preferences: which archives and versions a person prefers (`apt_preferences(5)`).
//!
//! Every form that apt takes: `Package:` with several names, globs, `/regex/`, `src:name`, `name:arch`; `Pin:`
//! `version`, `source-version`, `release` with `a= n= o= l= c= v= b=`, `origin`; priorities from `never` and
//! negative ones to above 1000. A file that apt would refuse is malformed, because apt refuses to work then.

use crate::probe::patch::apt::config::Config;
use crate::probe::patch::apt::files::{self, Trouble};
use crate::probe::patch::apt::glob::Expression;
use crate::probe::patch::apt::release::Release;
use crate::probe::patch::apt::stanza;
use crate::root::Root;

/// Nothing from there, whatever other pins say.
pub(crate) const NEVER: i32 = i16::MIN as i32;
/// Most parts of one release pin; with more, apt lets it match nothing.
const RELEASE_PARTS_MAX: usize = 20;
/// Most pins.
const PINS_MAX: usize = 100_000;

/// One pin for one name.
#[derive(Debug, Clone)]
pub(crate) struct Pin {
    /// For which packages; none for a pin of whole archives.
    pub(crate) subject: Option<Subject>,
    /// What it asks of a version or archive.
    pub(crate) rule: Rule,
    /// What it gives.
    pub(crate) priority: i32,
}

/// Packages that a pin is about.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    name: Name,
    /// Architecture; none: the native one only.
    architecture: Option<String>,
    /// The name is that of the source package.
    of_source: bool,
}

#[derive(Debug, Clone)]
enum Name {
    Exact(String),
    Pattern(Expression),
}

/// What a pin asks.
#[derive(Debug, Clone)]
pub(crate) enum Rule {
    /// Of the version.
    Version(VersionRule),
    /// Of the version of the source.
    SourceVersion(VersionRule),
    /// Of the archive's release file.
    Release(Box<ReleaseRule>),
    /// Of the archive's host name.
    Origin(Expression),
    /// It cannot match.
    Nothing,
}

/// A version, a beginning of one, or a pattern.
#[derive(Debug, Clone)]
pub(crate) struct VersionRule {
    text: String,
    is_prefix: bool,
    expression: Expression,
}

/// Each part that is there must match.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReleaseRule {
    all: bool,
    version: Option<VersionRule>,
    origin: Option<Expression>,
    archive: Option<Expression>,
    codename: Option<Expression>,
    /// Archive or codename.
    either: Option<Expression>,
    label: Option<Expression>,
    component: Option<Expression>,
    architecture: Option<Expression>,
}

/// Where versions come from: a package list or dpkg's status.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    /// What the archive says of itself; none for the status file.
    pub(crate) release: Option<Release>,
    /// Host name of the archive.
    pub(crate) site: String,
    /// Component; `now` for the status file.
    pub(crate) component: String,
    /// Architecture of the list.
    pub(crate) architecture: String,
    /// It is the status file.
    pub(crate) is_status: bool,
}

/// Reads all preferences of the system beneath the root, in order.
pub(crate) fn read(root: &Root, config: &Config) -> Result<Vec<Pin>, Trouble> {
    let mut pins = vec![];
    let main = config.path("Dir::Etc::preferences");
    let mut found: Vec<(String, Vec<u8>)> =
        files::regular(root, &main)?.map(|bytes| (main, bytes)).into_iter().collect();
    let parts = config.path("Dir::Etc::preferencesparts");
    if parts != "/dev/null" {
        found.extend(files::parts(root, &parts, &["pref", ""])?);
    }
    for (path, bytes) in found {
        parse(&bytes, &mut pins).map_err(|what| Trouble::malformed(format!("{path}, {what}")))?;
    }
    Ok(pins)
}

fn parse(bytes: &[u8], pins: &mut Vec<Pin>) -> Result<(), String> {
    for (index, stanza) in stanza::by_hand(bytes).iter().enumerate() {
        if stanza::fields(stanza).next().is_none() {
            continue;
        }
        record(stanza, pins).map_err(|what| format!("stanza {}: {what}", index + 1))?;
        if pins.len() > PINS_MAX {
            return Err(format!("more than {PINS_MAX} pins"));
        }
    }
    Ok(())
}

fn record(stanza: &[u8], pins: &mut Vec<Pin>) -> Result<(), &'static str> {
    let text = |name| stanza::field(stanza, name).map(stanza::text);
    let names = text("Package").filter(|names| !names.is_empty()).ok_or("no Package")?;
    let Some(pin) = text("Pin") else { return Ok(()) };
    let whole = names == "*";
    let (kind, data) = pin.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((pin.as_str(), ""));
    // apt warns of a kind that it does not know and goes on.
    let Some(rule) = rule(kind, data.trim(), whole) else { return Ok(()) };
    let priority = priority(&text("Pin-Priority").unwrap_or_default(), whole)?;
    if whole {
        pins.push(Pin { subject: None, rule, priority });
        return Ok(());
    }
    for name in names.split_ascii_whitespace() {
        pins.push(Pin { subject: Some(Subject::new(name)), rule: rule.clone(), priority });
    }
    Ok(())
}

fn rule(kind: &str, data: &str, whole: bool) -> Option<Rule> {
    let is = |word: &str| kind.eq_ignore_ascii_case(word);
    if is("version") && !whole {
        Some(Rule::Version(VersionRule::new(data)))
    } else if is("source-version") && !whole {
        Some(Rule::SourceVersion(VersionRule::new(data)))
    } else if is("release") {
        Some(release_rule(data))
    } else if is("origin") {
        let site = data.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(data);
        Some(Rule::Origin(Expression::new(site)))
    } else {
        None
    }
}

fn priority(text: &str, whole: bool) -> Result<i32, &'static str> {
    match text {
        "never" if whole => Ok(NEVER),
        "never" => Err("`never` is for `Package: *` only"),
        _ => match text.parse::<i32>().map(|priority| priority.max(NEVER + 1)) {
            Ok(0) | Err(_) => Err("no priority, or zero"),
            Ok(priority) if i16::try_from(priority).is_ok() => Ok(priority),
            Ok(_) => Err("a priority outside its range"),
        },
    }
}

impl Subject {
    fn new(name: &str) -> Self {
        let (of_source, name) = match name.strip_prefix("src:") {
            Some(name) => (true, name),
            None => (false, name),
        };
        let (name, architecture) = match name.rsplit_once(':') {
            Some((name, architecture)) => (name, Some(architecture.to_owned())),
            None => (name, None),
        };
        let is_regex = name.starts_with('/') && name.ends_with('/');
        let name = if is_regex || name.contains(['*', '[', '?']) {
            Name::Pattern(Expression::new(name))
        } else {
            Name::Exact(name.to_owned())
        };
        Self { name, architecture, of_source }
    }

    /// It is about this package, of this source and architecture.
    pub(crate) fn covers(&self, package: &str, source: &str, architecture: &str, native: &str) -> bool {
        let named = if self.of_source { source } else { package };
        let name = match &self.name {
            Name::Exact(name) => name == named,
            Name::Pattern(expression) => expression.matches(named),
        };
        name && is_architecture(self.architecture.as_deref().unwrap_or(native), architecture)
    }
}

/// `any`, `any-amd64`, `linux-any` and the like are patterns; this system is Linux.
fn is_architecture(pattern: &str, architecture: &str) -> bool {
    let cpu = pattern.strip_prefix("any-").or_else(|| pattern.strip_prefix("linux-")).unwrap_or(pattern);
    cpu == "any" || cpu == architecture
}

impl VersionRule {
    fn new(text: &str) -> Self {
        let (text, is_prefix) = match text.strip_suffix('*') {
            Some(beginning) => (beginning, true),
            None => (text, false),
        };
        Self { text: text.to_owned(), is_prefix, expression: Expression::new(text) }
    }

    fn matches(&self, version: &str) -> bool {
        let (rule, version_bytes) = (self.text.as_bytes(), version.as_bytes());
        let same = version_bytes.len() >= rule.len()
            && (self.is_prefix || version_bytes.len() == rule.len())
            && version_bytes[..rule.len()].eq_ignore_ascii_case(rule);
        same || self.expression.matches(version)
    }
}

/// The rule of `Pin: release …` and of the default release.
pub(crate) fn release_rule(data: &str) -> Rule {
    let mut rule = ReleaseRule::default();
    if data == "*" {
        rule.all = true;
    } else if data.is_empty() {
        return Rule::Nothing;
    } else if !data.contains('=') {
        if data.starts_with(|c: char| c.is_ascii_digit()) {
            rule.version = Some(VersionRule::new(data));
        } else {
            rule.either = Some(Expression::new(data));
        }
    } else {
        let parts: Vec<&str> = data.split(',').map(str::trim).collect();
        if parts.len() >= RELEASE_PARTS_MAX {
            return Rule::Nothing;
        }
        parts.iter().for_each(|part| rule.add(part));
    }
    Rule::Release(Box::new(rule))
}

impl ReleaseRule {
    fn add(&mut self, part: &str) {
        let Some((name, value)) = part.split_once('=').filter(|(_, value)| !value.is_empty()) else { return };
        let expression = Some(Expression::new(value));
        match name.to_ascii_lowercase().as_str() {
            "v" => self.version = Some(VersionRule::new(value)),
            "o" => self.origin = expression,
            "a" => self.archive = expression,
            "n" => self.codename = expression,
            "l" => self.label = expression,
            "c" => self.component = expression,
            "b" => self.architecture = expression,
            _ => {}
        }
    }

    fn matches(&self, from: &Origin) -> bool {
        // A flat archive has an empty component and no architecture.
        let component = self.component.as_ref().is_none_or(|it| it.matches(&from.component));
        let architecture = self.architecture.as_ref().is_none_or(|it| given(it, &from.architecture));
        self.matches_release(from) && (self.all || component && architecture)
    }

    fn matches_release(&self, from: &Origin) -> bool {
        if self.all {
            return true;
        }
        let Some(release) = &from.release else {
            // The status file goes by its component.
            let by_component =
                [&self.archive, &self.either].into_iter().flatten().all(|it| it.matches(&from.component));
            let others =
                self.origin.is_some() || self.label.is_some() || self.codename.is_some() || self.version.is_some();
            return by_component && !others;
        };
        let fits = |rule: &Option<Expression>, text: &str| rule.as_ref().is_none_or(|it| given(it, text));
        let either = |it: &Expression| given(it, &release.suite) || given(it, &release.codename);
        self.any()
            && self.version.as_ref().is_none_or(|it| !release.version.is_empty() && it.matches(&release.version))
            && fits(&self.origin, &release.origin)
            && fits(&self.archive, &release.suite)
            && fits(&self.codename, &release.codename)
            && self.either.as_ref().is_none_or(either)
            && fits(&self.label, &release.label)
    }

    fn any(&self) -> bool {
        let parts = [&self.origin, &self.archive, &self.codename, &self.either, &self.label, &self.component];
        self.version.is_some() || self.architecture.is_some() || parts.iter().any(|part| part.is_some())
    }
}

/// What is not given matches nothing.
fn given(rule: &Expression, text: &str) -> bool {
    !text.is_empty() && rule.matches(text)
}

impl Rule {
    /// Whether an archive is meant.
    pub(crate) fn matches_origin(&self, from: &Origin) -> bool {
        match self {
            Self::Release(rule) => rule.matches(from),
            Self::Origin(site) => !from.is_status && site.matches(&from.site),
            Self::Version(_) | Self::SourceVersion(_) | Self::Nothing => false,
        }
    }

    /// Whether a version is meant that comes from these archives.
    pub(crate) fn matches_version<'a>(
        &self,
        version: &str,
        source_version: &str,
        mut from: impl Iterator<Item = &'a Origin>,
    ) -> bool {
        match self {
            Self::Version(rule) => rule.matches(version),
            Self::SourceVersion(rule) => rule.matches(source_version),
            Self::Release(_) | Self::Origin(_) => from.any(|origin| self.matches_origin(origin)),
            Self::Nothing => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Pin>, String> {
        let mut pins = vec![];
        parse(text.as_bytes(), &mut pins).map(|()| pins)
    }

    fn debian() -> Origin {
        let release = Release {
            origin: "Debian".into(),
            label: "Debian-Security".into(),
            suite: "oldstable-security".into(),
            codename: "bookworm-security".into(),
            version: "12".into(),
            ..Release::default()
        };
        Origin {
            release: Some(release),
            site: "security.example".into(),
            component: "main".into(),
            architecture: "amd64".into(),
            is_status: false,
        }
    }

    fn status() -> Origin {
        Origin { component: "now".into(), is_status: true, ..Origin::default() }
    }

    #[test]
    fn records_are_read_as_people_write_them() {
        let text = "# comment\n\nExplanation: why\nPackage: a b:i386\n src:c /^d/ e*\nPin: release a=x\nPin-Priority: -10\n\n\
                    Package: *\nPin: origin \"\"\nPin-Priority: 1001\n\nPackage: f\nPin: flavour x\nPin-Priority: 1\n\n\
                    Package: *\nPin: version 1\nPin-Priority: 1\n\nPackage: g\nPin-Priority: 3\n";
        let pins = parsed(text).unwrap();
        assert_eq!(pins.iter().map(|pin| pin.priority).collect::<Vec<_>>(), [-10, -10, -10, -10, -10, 1001]);
        let covers = |at: usize, name, source, architecture| {
            pins[at].subject.as_ref().unwrap().covers(name, source, architecture, "amd64")
        };
        assert!(covers(0, "a", "s", "amd64") && !covers(0, "a", "s", "i386"));
        assert!(covers(1, "b", "s", "i386") && !covers(1, "b", "s", "amd64"));
        assert!(covers(2, "x", "c", "amd64") && !covers(2, "c", "s", "amd64"));
        assert!(covers(3, "dd", "s", "amd64") && !covers(3, "xd", "s", "amd64"));
        assert!(covers(4, "eee", "s", "amd64"));
    }

    #[test]
    fn what_apt_refuses_is_refused() {
        for text in [
            "Pin: release a=x\nPin-Priority: 1\n",
            "Package: a\nPin: release a=x\n",
            "Package: a\nPin: release a=x\nPin-Priority: 0\n",
            "Package: a\nPin: release a=x\nPin-Priority: never\n",
            "Package: a\nPin: release a=x\nPin-Priority: 40000\n",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn releases_are_matched_by_each_part() {
        for (pin, archive, local) in [
            ("release *", true, true),
            ("release a=oldstable-security", true, false),
            ("release a=now", false, true),
            ("release a=*security, o=Debian", true, false),
            ("release n=bookworm-security,l=debian-security,c=main,b=amd64,v=12", true, false),
            ("release v=1*", true, false),
            ("release c=contrib", false, false),
            ("release b=i386", false, false),
            ("release bookworm-security", true, false),
            ("release oldstable*", true, false),
            ("release 12", true, false),
            ("release 13", false, false),
            ("release o=/^deb/", true, false),
            ("release x=1", false, true),
            ("origin security.example", true, false),
            ("origin \"*.example\"", true, false),
            ("origin \"\"", false, false),
            ("origin other.example", false, false),
        ] {
            let text = format!("Package: *\nPin: {pin}\nPin-Priority: 1\n");
            let rule = parsed(&text).unwrap().remove(0).rule;
            assert_eq!(rule.matches_origin(&debian()), archive, "{pin} on the archive");
            assert_eq!(rule.matches_origin(&status()), local, "{pin} on the status file");
        }
    }

    #[test]
    fn versions_are_matched_whole_by_beginning_or_by_pattern() {
        for (pin, version, expected) in [
            ("version 1.2", "1.2", true),
            ("version 1.2", "1.2-1", false),
            ("version 1.2*", "1.2-1", true),
            ("version *", "1.2-1", true),
            ("version 1:*-1", "1:2-1", true),
            ("version /^1\\.[0-9]/", "1.2-1", true),
            ("source-version 7", "1.2", true),
        ] {
            let pins = parsed(&format!("Package: a\nPin: {pin}\nPin-Priority: 1\n")).unwrap();
            assert_eq!(pins[0].rule.matches_version(version, "7", std::iter::empty()), expected, "{pin} {version}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, pin in "[a-c=*,/\" \\[\\]0-9\\\\-]{0,40}", name in "[a-c*/?:\\[\\]\\\\-]{1,20}") {
            let mut pins = vec![];
            let _ = parse(&bytes, &mut pins);
            for kind in ["version", "release", "origin"] {
                for pin in parsed(&format!("Package: {name}\nPin: {kind} {pin}\nPin-Priority: 5\n")).unwrap_or_default() {
                    let _ = pin.subject.is_some_and(|it| it.covers("abc", "abc", "amd64", "amd64"));
                    let _ = pin.rule.matches_version("1.2-3", "1.2", [&debian(), &status()].into_iter());
                }
            }
        }
    }
}
