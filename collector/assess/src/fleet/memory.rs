//! The checkpoint: all that a fleet needs to go on from here.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenken_proto::ident::HostId;

use super::assets::Assets;
use super::expect::Expectation;
use super::host::{Host, Standing};
use super::view::{Checkpoint, HostMemory, StandingMemory};
use super::{Fleet, Touched, Why};
use crate::derived::FirstSeen;
use crate::pack::{PackSet, Problems};

impl Fleet {
    /// All that is needed to go on from here.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let hosts = self.hosts.keys().filter_map(|id| self.host_memory(*id)).collect();
        Checkpoint { hosts, ..self.checkpoint_without_hosts() }
    }

    /// The checkpoint but for its hosts, which a store keeps one by one.
    #[must_use]
    pub fn checkpoint_without_hosts(&self) -> Checkpoint {
        Checkpoint {
            now: self.now,
            packs: self.rules.packs.files().to_vec(),
            settings: self.rules.settings.clone(),
            hosts: Vec::new(),
            expected: self.expectation.machines.clone(),
            declarations: self.declarations.values().cloned().collect(),
            ledger: self.assets.rows.clone(),
            ledger_origin: self.ledger_origin.clone(),
            retired: self.retired.values().cloned().collect(),
        }
    }

    /// The part of the checkpoint that belongs to one host.
    #[must_use]
    pub fn host_memory(&self, id: HostId) -> Option<HostMemory> {
        let host = self.hosts.get(&id)?;
        let remembered = |(control, standing): (&crate::pack::Control, &Standing)| StandingMemory {
            control: control.id.clone(),
            outcome: standing.outcome,
            since: standing.since,
            last_known: standing.last_known,
        };
        Some(HostMemory {
            id,
            name: host.name.clone(),
            site: host.site.clone(),
            groups: host.groups.clone(),
            silent: host.silent,
            revoked: host.revoked,
            stale: host.stale.iter().cloned().collect(),
            first_seen: host.first_seen.0.iter().map(|(name, at)| (name.clone(), *at)).collect(),
            standings: self.rules.controls().iter().zip(&host.standings).map(remembered).collect(),
        })
    }

    /// A fleet as it stood at a checkpoint.
    ///
    /// # Errors
    /// When its packs cannot be read by this version.
    pub fn restore(checkpoint: Checkpoint) -> Result<Self, Problems> {
        let packs = Arc::new(PackSet::load(checkpoint.packs)?);
        let mut fleet = Self::new(packs, checkpoint.settings);
        fleet.now = checkpoint.now;
        fleet.expectation = Expectation::new(checkpoint.expected);
        fleet.declarations = checkpoint
            .declarations
            .into_iter()
            .map(|said| ((said.checklist.clone(), said.item.clone()), said))
            .collect();
        fleet.ledger_origin = checkpoint.ledger_origin;
        fleet.retired = checkpoint.retired.into_iter().map(|gone| (gone.id, gone)).collect();
        fleet.assets = Assets::new(checkpoint.ledger);
        for memory in checkpoint.hosts {
            fleet.remember(memory);
        }
        fleet.rebuild();
        let touched = Touched {
            verdicts: Vec::new(),
            items: (0..fleet.rules.items.len()).collect(),
            assets: (0..fleet.assets.rows.len()).collect(),
        };
        let mut unseen = fleet.no_moves();
        fleet.settle(touched, Why::Time, &mut unseen);
        Ok(fleet)
    }

    fn remember(&mut self, memory: HostMemory) {
        let mut host = Host {
            name: memory.name,
            site: memory.site,
            groups: memory.groups,
            first_seen: FirstSeen(memory.first_seen.into_iter().collect()),
            silent: memory.silent,
            revoked: memory.revoked,
            stale: memory.stale.into_iter().collect(),
            ..Host::default()
        };
        host.groups.sort_by(|a, b| a.name.cmp(&b.name));
        host.derive(self.rules.packs.lifecycles());
        let remembered: BTreeMap<&str, &StandingMemory> =
            memory.standings.iter().map(|it| (it.control.as_str(), it)).collect();
        for (number, control) in self.rules.controls().iter().enumerate() {
            let mut standing = host.judged(control, &self.rules.parameters[number], None, self.now);
            if let Some(before) = remembered.get(control.id.as_str()) {
                standing.last_known = standing.last_known.or(before.last_known);
                if before.outcome == standing.outcome {
                    standing.since = before.since;
                }
            }
            host.standings.push(standing);
        }
        self.hosts.insert(memory.id, host);
    }
}
