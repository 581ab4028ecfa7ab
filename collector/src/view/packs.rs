//! The packs that judge.

use std::collections::BTreeMap;

use tenken_assess::PackSet;
use tenken_assess::fleet::PackFile;
use tenken_proto::ident::Digest;

use crate::api::v1;
use crate::engine::State;

/// The packs in use.
#[must_use]
pub fn packs(state: &State) -> v1::Packs {
    of(state.fleet.packs())
}

/// The packs of a set: one for each folder at its top.
#[must_use]
pub fn of(set: &PackSet) -> v1::Packs {
    let mut folders: BTreeMap<&str, Vec<&PackFile>> = BTreeMap::new();
    for file in set.files() {
        folders.entry(file.name.split('/').next().unwrap_or_default()).or_default().push(file);
    }
    v1::Packs {
        pack_hash: set.hash().to_string(),
        packs: folders.iter().map(|(id, files)| pack(set, id, files)).collect(),
    }
}

fn pack(set: &PackSet, id: &str, files: &[&PackFile]) -> v1::Pack {
    let mut bytes = Vec::new();
    for file in files {
        for part in [&file.name, &file.text] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    // One thing, one file, one name: a file is called by the id of what it holds.
    let holds = |id: &str| {
        let stem = |file: &&PackFile| {
            file.name.rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).map(str::to_owned)
        };
        files.iter().filter_map(stem).any(|stem| stem == id)
    };
    let ids = |all: Vec<&str>| all.into_iter().filter(|id| holds(id)).map(str::to_owned).collect();
    v1::Pack {
        id: id.to_owned(),
        hash: Digest::of(&bytes).to_string(),
        controls: ids(set.controls().iter().map(|it| it.id.as_str()).collect()),
        checklists: ids(set.checklists().iter().map(|it| it.id.as_str()).collect()),
        methods: ids(set.methods().iter().map(|it| it.id.as_str()).collect()),
        lifecycles: ids(set.lifecycles().iter().map(|it| it.os_id.as_str()).collect()),
    }
}
