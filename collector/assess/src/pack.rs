//! Packs: what is judged, as data. Controls, checklists, methods and life cycles in YAML.
//!
//! A pack set is read whole or not at all: every mistake is named with file, line, column and remedy, all
//! at once. Its hash is SHA-256 over the sorted names and bytes of its files, and stands beside every move.

pub mod control;
mod lists;
mod read;
pub mod test;
mod yaml;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use tenken_proto::ident::Digest;

use crate::answer::Word;
use crate::fleet::change::{PackFile, ParameterSetting};
use crate::likelihood::Table;
use crate::text::Text;

pub use control::{Control, Link, Parameter};
pub(crate) use yaml::nearest;

/// Every pack that was read, and what it was read from.
#[derive(Debug)]
pub struct PackSet {
    files: Vec<PackFile>,
    hash: Digest,
    controls: Vec<Control>,
    checklists: Vec<Checklist>,
    methods: Vec<Method>,
    lifecycles: Vec<Lifecycle>,
}

/// A checklist: an edition of a list of items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checklist {
    /// Its id, such as `ipa-self-3`.
    pub id: String,
    /// Its edition.
    pub edition: String,
    /// Its title.
    pub title: Text,
    /// Who publishes it, and where its numbers were read.
    pub publisher: Text,
    /// The edition has the answer *not applicable*.
    pub allows_not_applicable: bool,
    /// None: the checklist has no points.
    pub scoring: Option<Scoring>,
    /// Its parts in order.
    pub parts: Vec<Part>,
    /// Its items in order.
    pub items: Vec<Item>,
}

/// A part of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Text,
}

/// An item of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Its id, such as `1`.
    pub id: String,
    /// The part it stands in.
    pub part: String,
    /// Its topic, in our words.
    pub title: Text,
}

/// Points and what a total means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scoring {
    /// Points of each answer that counts.
    pub points: BTreeMap<Word, i64>,
    /// From the highest to the lowest.
    pub bands: Vec<ScoreBand>,
}

/// What a total from here on means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScoreBand {
    /// The lowest total of the band; none for the last one.
    pub from: Option<i64>,
    /// Its meaning, in our words.
    pub title: Text,
}

/// How risk is computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Method {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Text,
    /// Who publishes it.
    pub publisher: Text,
    /// The highest value of C, I and A.
    pub importance_max: u8,
    /// Threat × vulnerability.
    pub likelihood: Table,
    /// The highest risk that is still small, and still medium.
    pub small_max: u8,
    /// See `small_max`.
    pub medium_max: u8,
    /// The controls that feed the vulnerability.
    pub controls: Vec<String>,
}

/// Until when a system is supported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lifecycle {
    /// `ID` of os-release.
    pub os_id: String,
    /// Where its dates were read, if a release names nothing else.
    pub source: Source,
    /// Its releases.
    pub releases: Vec<Release>,
}

/// What a publisher says somewhere: the page or the file by its title, and its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Title, edition and what of it counts.
    pub title: Text,
    /// Its address, `https://…`.
    pub address: Option<String>,
}

impl Source {
    /// Title and address as a person reads them.
    #[must_use]
    pub fn shown(&self) -> Text {
        match &self.address {
            Some(address) => {
                Text::new(format!("{}（{address}）", self.title.ja), format!("{} ({address})", self.title.en))
            }
            None => self.title.clone(),
        }
    }
}

/// One release of a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Release {
    /// `VERSION_ID` of os-release.
    pub version: String,
    /// Its name for people.
    pub name: String,
    /// The first moment without the publisher's ordinary security support.
    pub security_support_ends_at: Option<Timestamp>,
    /// The first moment without free long-term support.
    pub long_term_support_ends_at: Option<Timestamp>,
    /// No page of the publisher confirms the dates, or its pages differ.
    pub recalled: bool,
    /// Where these dates were read, when that is not where those of the other releases were.
    pub source: Option<Source>,
}

/// A mistake in a pack, with its place and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file's name below the pack folder.
    pub file: String,
    /// From 1; 0 where the whole file is meant.
    pub line: u64,
    /// From 1; 0 where the whole line is meant.
    pub column: u64,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}: {}; {}", self.file, self.line, self.column, self.problem, self.remedy)
    }
}

/// All mistakes of a pack set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "packs: {} problems", self.0.len())?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl PackSet {
    /// The files it was read from, sorted by name.
    #[must_use]
    pub fn files(&self) -> &[PackFile] {
        &self.files
    }

    /// SHA-256 over names and bytes.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The controls, sorted by id.
    #[must_use]
    pub fn controls(&self) -> &[Control] {
        &self.controls
    }

    /// The checklists, sorted by id.
    #[must_use]
    pub fn checklists(&self) -> &[Checklist] {
        &self.checklists
    }

    /// The checklist with that id.
    #[must_use]
    pub fn checklist(&self, id: &str) -> Option<&Checklist> {
        self.checklists.iter().find(|checklist| checklist.id == id)
    }

    /// The methods, sorted by id.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The life cycles, sorted by system.
    #[must_use]
    pub fn lifecycles(&self) -> &[Lifecycle] {
        &self.lifecycles
    }

    /// The control with that id.
    #[must_use]
    pub fn control(&self, id: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.id == id)
    }

    /// The hash that a set of these files has, whatever is in them.
    #[must_use]
    pub fn hash_of_files(files: &[PackFile]) -> Digest {
        hash_of(files)
    }

    /// What is wrong with parameters that an organisation set, each with its remedy.
    #[must_use]
    pub fn check_parameters(&self, set: &[ParameterSetting]) -> Vec<String> {
        let wrong = |it: &ParameterSetting| {
            let Some(control) = self.control(&it.control) else {
                return Some(format!("there is no control `{}`; `pack list` names them", it.control));
            };
            let Some(parameter) = control.parameters.iter().find(|known| known.name == it.parameter) else {
                let known: Vec<&str> = control.parameters.iter().map(|known| known.name.as_str()).collect();
                let (id, name, known) = (&control.id, &it.parameter, known.join(", "));
                return Some(format!("control `{id}` has no parameter `{name}`; it has {known}"));
            };
            let unread = parameter.kind.read(&it.value).is_none();
            let (name, value, like) = (&it.parameter, &it.value, &parameter.value);
            unread.then(|| format!("`{value}` is no value of `{name}`; write it like {like}"))
        };
        set.iter().filter_map(wrong).collect()
    }

    /// The packs that are part of the program.
    ///
    /// # Errors
    /// Every mistake in them; a test keeps this from happening.
    pub fn built_in() -> Result<Self, Problems> {
        let file = |(name, text): &(&str, &str)| PackFile { name: (*name).to_owned(), text: (*text).to_owned() };
        Self::load(BUILT_IN.iter().map(file).collect())
    }

    /// Reads pack files. The folder says what a file is: `…/controls/`, `…/checklists/`, `…/methods/`,
    /// `…/lifecycles/`.
    ///
    /// # Errors
    /// Every mistake in all files.
    pub fn load(mut files: Vec<PackFile>) -> Result<Self, Problems> {
        files.sort();
        let hash = hash_of(&files);
        let mut problems = Vec::new();
        let mut set = Self {
            files: Vec::new(),
            hash,
            controls: Vec::new(),
            checklists: Vec::new(),
            methods: Vec::new(),
            lifecycles: Vec::new(),
        };
        if files.len() > FILES_MAX {
            problems.push(Problem::of_file("", format!("{} files, allowed {FILES_MAX}", files.len()), "merge packs"));
            return Err(Problems(problems));
        }
        let mut places = Places::default();
        for file in &files {
            set.read(file, &mut places, &mut problems);
        }
        set.controls.sort_by(|a, b| a.id.cmp(&b.id));
        set.checklists.sort_by(|a, b| a.id.cmp(&b.id));
        set.methods.sort_by(|a, b| a.id.cmp(&b.id));
        set.lifecycles.sort_by(|a, b| a.os_id.cmp(&b.os_id));
        if problems.is_empty() {
            set.cross_check(&places, &mut problems);
        }
        set.files = files;
        if problems.is_empty() { Ok(set) } else { Err(Problems(problems)) }
    }

    fn read(&mut self, file: &PackFile, places: &mut Places, problems: &mut Vec<Problem>) {
        let node = match yaml::parse(&file.name, &file.text) {
            Ok(node) => node,
            Err(problem) => return problems.push(problem),
        };
        let mut reader = yaml::Reader { file: &file.name, problems };
        let folder = file.name.rsplit('/').nth(1).unwrap_or_default();
        let id = match folder {
            "controls" => read::control(&mut reader, &node).map(|it| {
                let id = format!("control `{}`", it.id);
                self.controls.push(it);
                id
            }),
            "checklists" => lists::checklist(&mut reader, &node).map(|it| {
                let id = format!("checklist `{}`", it.id);
                self.checklists.push(it);
                id
            }),
            "methods" => lists::method(&mut reader, &node).map(|it| {
                let id = format!("method `{}`", it.id);
                self.methods.push(it);
                id
            }),
            "lifecycles" => lists::lifecycle(&mut reader, &node).map(|it| {
                let id = format!("life cycle of `{}`", it.os_id);
                self.lifecycles.push(it);
                id
            }),
            _ => {
                let remedy = "put it into controls/, checklists/, methods/ or lifecycles/ of its pack";
                problems.push(Problem::of_file(&file.name, "the folder does not say what this is", remedy));
                None
            }
        };
        if let Some(id) = id
            && let Some(other) = places.0.insert(id.clone(), file.name.clone())
        {
            let problem = format!("{id} is also in {other}");
            problems.push(Problem::of_file(&file.name, problem, "give it an id of its own, or take one out"));
        }
    }

    /// Names that stand in one file and are meant in another.
    fn cross_check(&self, places: &Places, problems: &mut Vec<Problem>) {
        for control in &self.controls {
            let file = places.of(&format!("control `{}`", control.id));
            for link in &control.links {
                let found = self.checklist(&link.checklist).map(|list| list.items.iter().any(|it| it.id == link.item));
                let problem = match found {
                    Some(true) => continue,
                    Some(false) => format!("checklist `{}` has no item `{}`", link.checklist, link.item),
                    None => format!("there is no checklist `{}`", link.checklist),
                };
                problems.push(Problem::of_file(file, problem, "correct the link"));
            }
        }
        for method in &self.methods {
            let file = places.of(&format!("method `{}`", method.id));
            for id in method.controls.iter().filter(|id| self.control(id).is_none()) {
                problems.push(Problem::of_file(file, format!("there is no control `{id}`"), "correct `controls`"));
            }
        }
    }
}

/// Most files of a pack set.
pub const FILES_MAX: usize = 1_000;

/// In which file each thing stands.
#[derive(Debug, Default)]
struct Places(BTreeMap<String, String>);

impl Places {
    fn of(&self, id: &str) -> &str {
        self.0.get(id).map_or("", String::as_str)
    }
}

impl Problem {
    fn of_file(file: &str, problem: impl Into<String>, remedy: &str) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, problem: problem.into(), remedy: remedy.to_owned() }
    }
}

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../packs/", $name)))),+]
    };
}

/// The files of the built-in packs; a test compares the list with the folder.
const BUILT_IN: [(&str, &str); 10] = built_in![
    "base/checklists/tenken-base.yaml",
    "base/controls/av.definitions_fresh.yaml",
    "base/controls/log.retention_sufficient.yaml",
    "base/controls/os.supported.yaml",
    "base/controls/patch.security_updates_applied.yaml",
    "base/controls/usb.storage_enforced.yaml",
    "base/lifecycles/debian.yaml",
    "base/lifecycles/ubuntu.yaml",
    "ipa-self-3/checklists/ipa-self-3.yaml",
    "tool-a/methods/tool-a-v2.yaml",
];

fn hash_of(files: &[PackFile]) -> Digest {
    let mut bytes = Vec::new();
    for file in files {
        for part in [&file.name, &file.text] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    Digest::of(&bytes)
}

#[cfg(test)]
mod tests;
