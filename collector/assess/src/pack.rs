//! Packs: what is judged, as data. Controls, checklists, methods and life cycles in YAML.
//!
//! A pack set is read whole or not at all: every mistake is named with file, line, column and remedy, all
//! at once. Its hash is SHA-256 over the sorted names and bytes of its files, and stands beside every move.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use tenken_proto::ident::Digest;

use crate::answer::{Effect, Word};
use crate::fleet::change::PackFile;
use crate::likelihood::Table;
use crate::text::Text;

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

/// What a control does to an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The checklist's id.
    pub checklist: String,
    /// The item's id.
    pub item: String,
    /// What it does.
    pub effect: Effect,
    /// A cap never goes below this answer.
    pub cap_at_least: Option<Word>,
}

/// A threshold of a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Its name in conditions: `params.NAME`.
    pub name: String,
    /// Its value.
    pub value: i64,
    /// Of what: `days`, `hours`, `count`.
    pub unit: String,
    /// It is our default and no publisher's number.
    pub ours: bool,
    /// Who says so, or why we chose it; requirement ids.
    pub source: Text,
}

/// A control: a statement that the facts of one host can meet or not.
#[derive(Debug)]
pub struct Control {
    /// Its id, such as `os.supported`.
    pub id: String,
    /// Its title.
    pub title: Text,
    /// The facts that it reads, as `group.field`.
    pub reads: Vec<String>,
    /// Its thresholds.
    pub parameters: Vec<Parameter>,
    /// What to do when it is not met.
    pub remedy: Text,
    /// The items it speaks to.
    pub links: Vec<Link>,
    /// Requirement ids that it follows.
    pub follows: Vec<String>,
}

/// How risk is computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Method {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Text,
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
    /// The publisher's page.
    pub source: Text,
    /// Its releases.
    pub releases: Vec<Release>,
}

/// One release of a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Release {
    /// `VERSION_ID` of os-release.
    pub version: String,
    /// The first moment without the publisher's ordinary security support.
    pub security_support_ends_at: Option<Timestamp>,
    /// The first moment without free long-term support.
    pub long_term_support_ends_at: Option<Timestamp>,
    /// The dates were not compared with the publisher's page.
    pub recalled: bool,
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

    /// The packs that are part of the program.
    ///
    /// # Errors
    /// Every mistake in them; a test keeps this from happening.
    pub fn built_in() -> Result<Self, Problems> {
        Self::load(Vec::new())
    }

    /// Reads pack files.
    ///
    /// # Errors
    /// Every mistake in all files.
    pub fn load(mut files: Vec<PackFile>) -> Result<Self, Problems> {
        files.sort();
        let hash = hash_of(&files);
        Ok(Self {
            files,
            hash,
            controls: Vec::new(),
            checklists: Vec::new(),
            methods: Vec::new(),
            lifecycles: Vec::new(),
        })
    }
}

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
