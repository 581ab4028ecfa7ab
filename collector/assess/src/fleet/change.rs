//! What can happen to a fleet, as it stands in the journal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::fact::GroupName;
use tenken_proto::ident::HostId;
use tenken_proto::value::Record;

use crate::answer::Word;
use crate::ledger::Asset;

/// Most entries of the list of machines that should exist.
pub const EXPECTED_MAX: usize = 200_000;

/// One change. Everything in it was decided before; applying it cannot fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A host got an agent, or its agent a new certificate; it is known from here on and not revoked.
    Enrolled {
        /// The host.
        host: HostId,
        /// Its name, as the request said.
        host_name: String,
        /// The site that its token named.
        site: Option<String>,
    },
    /// New facts of a host, whole groups. A host that is not known yet becomes known.
    Facts {
        /// The host.
        host: HostId,
        /// Its changed groups; the last of a name stands.
        groups: Vec<GroupFacts>,
    },
    /// The collector saw a host fall silent or come back, or a group grow stale or fresh.
    Transition {
        /// The host.
        host: HostId,
        /// What turned.
        transition: Transition,
    },
    /// The last connection of a host was revoked; it stays in the count, unknown, until it is retired.
    Revoked {
        /// The host.
        host: HostId,
    },
    /// A person took a host out of the fleet.
    Retired {
        /// The host.
        host: HostId,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// The machines that should exist; replaces the whole list.
    Expected {
        /// At most [`EXPECTED_MAX`].
        machines: Vec<Expected>,
    },
    /// A person answers an item; replaces what was said of it before.
    Declared {
        /// The checklist's id.
        checklist: String,
        /// The item's id.
        item: String,
        /// The answer.
        answer: Word,
        /// Who.
        by: String,
        /// Which account entered it.
        #[serde(default)]
        principal: String,
        /// On what evidence.
        evidence: Option<String>,
        /// The first moment at which it no longer holds.
        until: Option<Timestamp>,
    },
    /// A declaration is taken back.
    Withdrawn {
        /// The checklist's id.
        checklist: String,
        /// The item's id.
        item: String,
        /// Who.
        by: String,
    },
    /// The ledger of assets; replaces the whole.
    Ledger {
        /// Its name.
        #[serde(default)]
        name: String,
        /// Which account imported it.
        #[serde(default)]
        by: String,
        /// At most [`crate::ledger::ROWS_MAX`].
        rows: Vec<Asset>,
    },
    /// Other limits of judgement.
    Settings(Settings),
    /// Other packs: all their files, so that the past can be judged as it was.
    Packs {
        /// Name below the pack folder, and text.
        files: Vec<PackFile>,
    },
}

/// One group of a host's facts, derived fields not included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFacts {
    /// Which group.
    pub name: GroupName,
    /// Its schema's version.
    pub schema_version: u32,
    /// The fields.
    pub record: Record,
    /// When the probe looked: the more cautious of the corrected agent time and the arrival.
    pub observed_at: Timestamp,
}

/// A decision of the collector about a host's presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    /// Not heard of for too long.
    HostSilent,
    /// Heard of again.
    HostBack,
    /// Connected, and the group was not observed again for too long.
    GroupStale(GroupName),
    /// Observed again.
    GroupFresh(GroupName),
}

/// Which kind of machine; decides after how long it is silent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostClass {
    /// Switched off at night and at weekends.
    #[default]
    Pc,
    /// Always on.
    Server,
}

/// A machine that should exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Its host name.
    pub name: String,
    /// Its serial number.
    pub serial: Option<String>,
    /// PC or server.
    pub class: HostClass,
    /// Where it stands.
    pub site: Option<String>,
}

/// One file of a pack folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackFile {
    /// Path below the pack folder, such as `base/controls/os.supported.yaml`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Limits of judgement that an organisation sets. Defaults are ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A settled item is *unknown* while fewer hosts than this share are observed.
    pub coverage_percent_min: u32,
    /// Parameters of controls that the organisation set otherwise: (control, parameter, value).
    pub parameters: Vec<ParameterSetting>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { coverage_percent_min: 80, parameters: Vec::new() }
    }
}

/// One parameter that the organisation set otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterSetting {
    /// The control's id.
    pub control: String,
    /// The parameter's name.
    pub parameter: String,
    /// The value as packs write it: a number, or a duration such as `90s`, `36h`, `3d`.
    pub value: String,
}
