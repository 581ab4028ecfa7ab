//! What the verdicts mean for an asset: importance × likelihood, by a versioned method.

use serde::{Deserialize, Serialize};

use crate::ledger::Asset;
use crate::likelihood::Level;
use crate::pack::Method;
use crate::verdict::Outcome;

/// How grave a risk value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// 小: as it is.
    Small,
    /// 中: take measures.
    Medium,
    /// 大: take measures first.
    Large,
}

impl Band {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// One computed row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Number of the ledger's row, from 1.
    pub row: usize,
    /// The asset's name.
    pub asset: String,
    /// Its medium.
    pub medium: String,
    /// max(C, I, A).
    pub importance: u8,
    /// ⑪.
    pub threat: Level,
    /// The worse of measured and declared; none when neither is there.
    pub vulnerability: Option<Level>,
    /// From the verdicts of its hosts.
    pub vulnerability_measured: Option<Level>,
    /// ⑫ of the ledger.
    pub vulnerability_declared: Option<Level>,
    /// By the method's table.
    pub likelihood: Option<Level>,
    /// importance × likelihood.
    pub risk: Option<u8>,
    /// Its band.
    pub band: Option<Band>,
    /// How many of the row's hosts are known.
    pub hosts_known: usize,
    /// How many the row names.
    pub hosts_named: usize,
}

/// What the pairs of an asset's hosts and the method's controls say together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pairs {
    /// The control is met.
    pub pass: usize,
    /// It is met in part.
    pub partial: usize,
    /// It is not met, or not known: unknown counts as not done.
    pub other: usize,
}

impl Pairs {
    /// One more pair; one that does not apply counts nowhere.
    pub fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Pass => self.pass += 1,
            Outcome::Partial => self.partial += 1,
            Outcome::Fail | Outcome::Unknown => self.other += 1,
            Outcome::NotApplicable => {}
        }
    }

    /// 1 if every pair passes, 3 if none passes or is partial, else 2; none when there is no pair.
    #[must_use]
    pub fn vulnerability(&self) -> Option<Level> {
        match self {
            Self { pass: 0, partial: 0, other: 0 } => None,
            Self { partial: 0, other: 0, .. } => Some(Level::LOW),
            Self { pass: 0, partial: 0, .. } => Some(Level::HIGH),
            _ => Some(Level::MIDDLE),
        }
    }
}

/// Computes one row. `hosts` are how many of the row's hosts are known and named.
#[must_use]
pub fn row(method: Option<&Method>, number: usize, asset: &Asset, pairs: &Pairs, hosts: (usize, usize)) -> Row {
    let importance = asset.confidentiality.max(asset.integrity).max(asset.availability);
    let measured = pairs.vulnerability();
    let vulnerability = measured.max(asset.vulnerability);
    let likelihood = match (method, vulnerability) {
        (Some(method), Some(level)) => Some(method.likelihood.likelihood(asset.threat, level)),
        (None, _) | (_, None) => None,
    };
    let risk = likelihood.map(|level| importance.saturating_mul(level.number()));
    Row {
        row: number,
        asset: asset.name.clone(),
        medium: asset.medium.clone(),
        importance,
        threat: asset.threat,
        vulnerability,
        vulnerability_measured: measured,
        vulnerability_declared: asset.vulnerability,
        likelihood,
        risk,
        band: method.zip(risk).map(|(method, risk)| band(method, risk)),
        hosts_known: hosts.0,
        hosts_named: hosts.1,
    }
}

fn band(method: &Method, risk: u8) -> Band {
    if risk <= method.small_max {
        Band::Small
    } else if risk <= method.medium_max {
        Band::Medium
    } else {
        Band::Large
    }
}
