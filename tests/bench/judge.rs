//! What judging costs: one report of two changed groups, with moved verdicts, taken in by the fleet in memory, at 100
//! and at 10,000 hosts; beside keeping the same facts in a map, nothing judged, in the same run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tenken_assess::fleet::{Change, GroupFacts, Settings};
use tenken_assess::{Fleet, PackSet};
use tenken_proto::fact::FactGroup;
use tenken_proto::ident::HostId;
use uuid::Uuid;

use crate::load::{changed, host};

const REPORTS: usize = 5_000;
/// Reports timed together: the best of many small batches leaves out what the machine does beside.
const BATCH: usize = 50;

pub(crate) fn run(_: &[&str]) {
    let at: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    let kept = keep(at);
    println!("keeping the facts:     {kept:.1} µs a report (a map of records, nothing judged)");
    let mut costs = Vec::new();
    for hosts in [100, 10_000] {
        let (cost, verdicts) = judge(hosts, at);
        println!("judging, {hosts:>6} hosts: {cost:.1} µs a report, {verdicts} verdicts moved");
        costs.push(cost);
    }
    println!("ratio judging / keeping:          {:.1}", costs[1] / kept);
    println!("ratio 10,000 hosts / 100 hosts:   {:.2}", costs[1] / costs[0]);
}

/// Microseconds that the fleet takes for a report, and how many verdicts moved.
fn judge(hosts: usize, at: Timestamp) -> (f64, usize) {
    let packs = PackSet::built_in().expect("the packs of the program are read by its tests");
    let mut fleet = Fleet::new(Arc::new(packs), Settings::default());
    for n in 0..hosts {
        let mut groups = vec![facts(host(&format!("pc-{n:05}")), at)];
        groups.extend(report(0, at));
        fleet.apply(at, Change::Facts { host: id(n), groups });
    }
    let mut verdicts = 0;
    let cost = best(changes(hosts, at), |host, groups| {
        verdicts += fleet.apply(at, Change::Facts { host, groups }).verdicts.len();
    });
    (cost, verdicts)
}

/// Microseconds that a map takes for the same facts.
fn keep(at: Timestamp) -> f64 {
    let mut kept = BTreeMap::new();
    best(changes(10_000, at), |host, groups| {
        for group in groups {
            kept.insert((host, group.name.clone()), group);
        }
    })
}

/// Reports host by host; each moves verdicts of its host.
fn changes(hosts: usize, at: Timestamp) -> Vec<(HostId, Vec<GroupFacts>)> {
    let round = |n: usize| u64::try_from(n / hosts + 1).unwrap();
    (0..REPORTS).map(|n| (id(n % hosts), report(round(n), at))).collect()
}

fn best(changes: Vec<(HostId, Vec<GroupFacts>)>, mut take: impl FnMut(HostId, Vec<GroupFacts>)) -> f64 {
    let mut best = f64::MAX;
    let mut waiting = changes.into_iter();
    loop {
        let batch: Vec<_> = waiting.by_ref().take(BATCH).collect();
        if batch.len() < BATCH {
            return best;
        }
        let began = Instant::now();
        for (host, groups) in batch {
            take(host, groups);
        }
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let each = began.elapsed().as_secs_f64() * 1e6 / BATCH as f64;
        best = best.min(each);
    }
}

fn report(round: u64, at: Timestamp) -> Vec<GroupFacts> {
    let (patch, usb) = changed(round, at);
    vec![facts(patch, at), facts(usb, at)]
}

fn facts<G: FactGroup>(group: G, at: Timestamp) -> GroupFacts {
    GroupFacts { name: G::name(), schema_version: G::schema().version, record: group.into_record(), observed_at: at }
}

fn id(n: usize) -> HostId {
    HostId(Uuid::from_u128(u128::try_from(n).unwrap() + 1))
}
