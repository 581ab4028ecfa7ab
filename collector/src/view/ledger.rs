//! The ledger and the risk of its rows.

use tenken_assess::ledger::{Asset, Personal};
use tenken_assess::risk::{Band, Row};

use super::{both, host_ref, retired};
use crate::api::v1;
use crate::engine::State;
use crate::locale::Arg;

/// The ledger as it was imported.
#[must_use]
pub fn ledger(state: &State) -> v1::Ledger {
    let origin = state.fleet.ledger_origin();
    v1::Ledger {
        name: origin.map(|it| it.name.clone()),
        imported_by: origin.map(|it| it.by.clone()),
        imported_at: origin.map(|it| it.at),
        rows: (1..).zip(state.fleet.ledger()).map(|(number, asset)| row(number, asset)).collect(),
    }
}

fn row(number: u64, asset: &Asset) -> v1::LedgerRow {
    v1::LedgerRow {
        row: number,
        business: asset.business.clone(),
        asset: asset.name.clone(),
        note: asset.remarks.clone(),
        users: asset.users.clone(),
        department: asset.department.clone(),
        medium: asset.medium.clone(),
        personal_data: personal(asset.personal),
        confidentiality: asset.confidentiality,
        integrity: asset.integrity,
        availability: asset.availability,
        retention: asset.keep_until.clone(),
        registered_on: asset.registered.clone(),
        threat: asset.threat.number(),
        declared_vulnerability: asset.vulnerability.map(|level| level.number()),
        hosts: asset.hosts.clone(),
    }
}

fn personal(of: Personal) -> Vec<v1::PersonalData> {
    let kinds = [
        (of.personal, v1::PersonalData::Personal),
        (of.sensitive, v1::PersonalData::Sensitive),
        (of.my_number, v1::PersonalData::MyNumber),
    ];
    kinds.into_iter().filter(|(holds, _)| *holds).map(|(_, kind)| kind).collect()
}

/// The risk of each row of the ledger.
#[must_use]
pub fn risks(state: &State) -> v1::Risks {
    let packs = state.fleet.packs();
    let rows: Vec<v1::RiskRow> = state.fleet.risks().iter().map(|it| risk(state, it)).collect();
    v1::Risks {
        ledger: state.fleet.ledger_origin().map(|it| it.name.clone()),
        method: packs.methods().first().map(|it| it.id.clone()).unwrap_or_default(),
        pack_hash: packs.hash().to_string(),
        bands: bands(&rows),
        hosts_retired: retired(state),
        rows,
    }
}

/// Rows by band.
pub(super) fn bands(rows: &[v1::RiskRow]) -> v1::RiskTally {
    let of = |band| rows.iter().filter(|row| row.band == band).count() as u64;
    v1::RiskTally {
        high: of(Some(v1::RiskBand::High)),
        medium: of(Some(v1::RiskBand::Medium)),
        low: of(Some(v1::RiskBand::Low)),
        unrated: of(None),
    }
}

fn risk(state: &State, row: &Row) -> v1::RiskRow {
    let named = row.row.checked_sub(1).and_then(|index| state.fleet.ledger().get(index));
    let named = named.map(|asset| asset.hosts.as_slice()).unwrap_or_default();
    let mut hosts = Vec::new();
    let mut unmatched = Vec::new();
    for name in named {
        let found = state.fleet.find_hosts(name);
        if found.is_empty() {
            unmatched.push(name.clone());
        }
        hosts.extend(found.into_iter().map(|id| host_ref(id, &name_of(state, id, name))));
    }
    v1::RiskRow {
        row: row.row as u64,
        asset: row.asset.clone(),
        medium: row.medium.clone(),
        importance: row.importance,
        threat: row.threat.number(),
        vulnerability: row.vulnerability.map(|it| it.number()),
        vulnerability_measured: row.vulnerability_measured.map(|it| it.number()),
        vulnerability_declared: row.vulnerability_declared.map(|it| it.number()),
        likelihood: row.likelihood.map(|it| it.number()),
        risk: row.risk,
        band: row.band.map(band),
        reasons: reasons(row, unmatched.len()),
        hosts,
        hosts_unmatched: unmatched,
    }
}

/// A host that the ledger names by its id is shown by its name.
fn name_of(state: &State, id: tenken_proto::ident::HostId, named: &str) -> String {
    if named.parse::<tenken_proto::ident::HostId>().is_err() {
        return named.to_owned();
    }
    state.fleet.host(id).map_or_else(|| named.to_owned(), |host| host.summary.name)
}

fn band(band: Band) -> v1::RiskBand {
    match band {
        Band::Large => v1::RiskBand::High,
        Band::Medium => v1::RiskBand::Medium,
        Band::Small => v1::RiskBand::Low,
    }
}

/// Why the vulnerability is what it is, and why a change of hosts may not show.
fn reasons(row: &Row, unmatched: usize) -> Vec<v1::Text> {
    let mut reasons = Vec::new();
    match (row.vulnerability_measured, row.vulnerability_declared) {
        (Some(measured), Some(declared)) if declared > measured => reasons.push("risk-why-declared-worse"),
        (Some(measured), Some(declared)) if measured > declared => reasons.push("risk-why-measured-worse"),
        (Some(_), _) => reasons.push("risk-why-measured"),
        (None, Some(_)) => reasons.push("risk-why-declared"),
        (None, None) => reasons.push("risk-why-none"),
    }
    if row.vulnerability.is_some() && row.threat.number() == 1 {
        reasons.push("risk-why-threat-low");
    }
    let mut texts: Vec<v1::Text> = reasons.into_iter().map(|key| both(key, &[])).collect();
    if unmatched > 0 {
        texts.push(both("risk-why-unmatched", &[("n", Arg::Number(unmatched as u64))]));
    }
    texts
}
