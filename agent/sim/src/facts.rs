//! Invented facts of invented hosts. Pure: seed, host, round and time give the facts.

use jiff::{SignedDuration, Timestamp};
use tenken_agent::probe::Observation;
use tenken_proto::fact::antivirus::{Antivirus, DefinitionUpdates, Product};
use tenken_proto::fact::host::{FileSystem, Host, OsFamily};
use tenken_proto::fact::log_retention::{Log, LogKind, LogRetention};
use tenken_proto::fact::patch::{AutomaticUpdates, Patch, Update};
use tenken_proto::fact::usb::{DriverState, StorageEnforcement, Usb};
use tenken_proto::fact::{FactGroup, GroupName};
use tenken_proto::observed::{Observed, Reason};

const GIB: u64 = 1 << 30;

/// How the invented fleet stands. Shares are in percent of the hosts.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The same seed gives the same hosts.
    pub seed: u64,
    /// Hosts with pending security updates.
    pub unpatched_percent: u8,
    /// Hosts with old virus definitions.
    pub outdated_percent: u8,
    /// Hosts with free USB storage.
    pub open_usb_percent: u8,
    /// Hosts that keep their logs for too short a time.
    pub short_logs_percent: u8,
    /// Pending updates of an unpatched host: the knob for the size of a report, about 120 bytes each.
    pub updates: usize,
    /// Groups that turn from good to bad and back with each round.
    pub flips: Vec<GroupName>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            unpatched_percent: 20,
            outdated_percent: 10,
            open_usb_percent: 40,
            short_logs_percent: 50,
            updates: 12,
            flips: Vec::new(),
        }
    }
}

/// The groups of this host in this round.
#[must_use]
pub fn observe(plan: &Plan, host: u64, round: u64, now: Timestamp) -> Vec<Observation> {
    let is_bad = |group: &str, percent: u8| {
        let share = draw(plan.seed, host, group) % 100 < u64::from(percent);
        let flips = plan.flips.iter().any(|flip| flip.as_str() == group);
        share != (flips && round % 2 == 1)
    };
    vec![
        observation(self::host(plan, host, now), now),
        observation(patch(plan, host, round, is_bad("patch", plan.unpatched_percent), now), now),
        observation(antivirus(is_bad("antivirus", plan.outdated_percent), now), now),
        observation(usb(is_bad("usb", plan.open_usb_percent)), now),
        observation(logs(is_bad("log_retention", plan.short_logs_percent), now), now),
    ]
}

/// Name of an invented host: `sim-00042`.
#[must_use]
pub fn host_name(host: u64) -> String {
    format!("sim-{host:05}")
}

fn observation<G: FactGroup>(group: G, observed_at: Timestamp) -> Observation {
    Observation { name: G::name(), schema_version: G::VERSION, record: group.into_record(), observed_at }
}

fn host(plan: &Plan, host: u64, now: Timestamp) -> Host {
    let debian = !draw(plan.seed, host, "os").is_multiple_of(4);
    let (id, version, name) = if debian {
        ("debian", "12", "Debian GNU/Linux 12 (bookworm)")
    } else {
        ("ubuntu", "24.04", "Ubuntu 24.04 LTS")
    };
    let disk = FileSystem {
        mount_point: text("/"),
        kind: text("ext4"),
        size_bytes: Observed::seen(256 * GIB),
        available_bytes: Observed::seen((20 + draw(plan.seed, host, "disk") % 200) * GIB),
    };
    Host {
        host_name: Observed::known(host_name(host), "simulated"),
        os_family: Observed::seen(OsFamily::Linux),
        os_id: text(id),
        os_version_id: text(version),
        os_name: text(name),
        kernel_release: text("6.1.0-28-amd64"),
        architecture: text("x86_64"),
        booted_at: Observed::seen(whole_days(before(now, 3))),
        serial_number: Observed::seen(format!("SIM{:08X}", draw(plan.seed, host, "serial") & 0xFFFF_FFFF)),
        hardware_vendor: text("Simulated"),
        hardware_model: text("Model S"),
        cpu_model: text("Simulated processor"),
        cpu_count: Observed::seen(4),
        memory_bytes: Observed::seen(8 * GIB),
        file_systems: Observed::seen(vec![disk]),
        packages_installed: Observed::seen(1_500 + draw(plan.seed, host, "packages") % 1_000),
    }
}

fn patch(plan: &Plan, host: u64, round: u64, is_bad: bool, now: Timestamp) -> Patch {
    let update = |n: usize| Update {
        name: Observed::seen(format!("library-with-a-name-{n}")),
        architecture: text("amd64"),
        installed: Observed::seen(format!("5.2.{n}-2+b2")),
        candidate: Observed::seen(format!("5.2.{n}-2+deb12u{}", 1 + (draw(plan.seed, host, "candidate") + round) % 9)),
        security: Observed::seen(n.is_multiple_of(2)),
    };
    let updates: Vec<Update> = if is_bad { (0..plan.updates.max(1)).map(update).collect() } else { Vec::new() };
    let count = |security: bool| {
        let counted = updates.iter().filter(|update| !security || update.security.value() == Some(&true));
        Observed::seen(counted.count() as u64)
    };
    Patch {
        pending_updates: count(false),
        pending_security_updates: count(true),
        held_security_updates: Observed::seen(0),
        updates: Observed::known(updates, "simulated"),
        held_updates: Observed::seen(Vec::new()),
        updates_omitted: Observed::seen(0),
        source_refreshed_at: Observed::seen(whole_days(now)),
        source_valid_until: Observed::seen(whole_days(before(now, -7))),
        sources: Observed::seen(Vec::new()),
        reboot_required: Observed::seen(is_bad && draw(plan.seed, host, "reboot").is_multiple_of(2)),
        newest_installed_kernel: text("6.1.0-28-amd64"),
        last_upgrade_at: Observed::seen(whole_days(before(now, if is_bad { 40 } else { 1 }))),
        automatic_updates: Observed::seen(if is_bad { AutomaticUpdates::Off } else { AutomaticUpdates::Install }),
    }
}

fn antivirus(is_bad: bool, now: Timestamp) -> Antivirus {
    let published = whole_days(before(now, if is_bad { 30 } else { 1 }));
    let product = Product {
        name: text("ClamAV"),
        engine_version: text("1.4.1"),
        running: Observed::seen(true),
        realtime: Observed::seen(false),
        definitions_version: Observed::seen(format!("{}", published.as_second() / 86_400)),
        definitions_published_at: Observed::seen(published),
        definitions_updated_at: Observed::seen(published),
        definition_updates: Observed::seen(DefinitionUpdates::Automatic),
        licence_expires_at: Observed::absent("simulated"),
    };
    Antivirus { products: Observed::known(vec![product], "simulated") }
}

fn usb(is_bad: bool) -> Usb {
    let driver = if is_bad { DriverState::Available } else { DriverState::Prevented };
    Usb {
        storage_enforcement: Observed::seen(if is_bad {
            StorageEnforcement::Free
        } else {
            StorageEnforcement::Blocked
        }),
        usb_storage_driver: Observed::seen(driver),
        uas_driver: Observed::seen(driver),
        usbguard_running: Observed::seen(false),
        usbguard_implicit_policy: Observed::absent("simulated"),
        attached_storage: Observed::Withheld,
    }
}

fn logs(is_bad: bool, now: Timestamp) -> LogRetention {
    let journal = Log {
        path: text("/var/log/journal"),
        kind: Observed::seen(LogKind::Journal),
        oldest_record_at: Observed::seen(whole_days(before(now, if is_bad { 20 } else { 200 }))),
        newest_record_at: Observed::seen(whole_days(now)),
        configured_days: if is_bad { Observed::seen(30) } else { Observed::seen(400) },
        configured_bytes: Observed::absent("simulated"),
        size_bytes: Observed::seen(GIB),
        disk_available_bytes: Observed::seen(100 * GIB),
    };
    LogRetention {
        logs: Observed::known(vec![journal], "simulated"),
        logs_omitted: Observed::seen(0),
        forwarded_to: Observed::unreadable(Reason::Unsupported, "simulated", ""),
    }
}

fn text(value: &str) -> Observed<String> {
    Observed::seen(value.to_owned())
}

fn before(now: Timestamp, days: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(now)
}

/// Facts that would change with every look say the day only: an idle host reports nothing.
fn whole_days(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(86_400) * 86_400).unwrap_or(at)
}

/// A number that depends on all three alone (splitmix64).
fn draw(seed: u64, host: u64, what: &str) -> u64 {
    let mut state = seed ^ host.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for byte in what.bytes() {
        state = mixed(state.wrapping_add(u64::from(byte)));
    }
    mixed(state)
}

fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().expect("a time")
    }

    #[test]
    fn the_same_seed_gives_the_same_facts_and_an_idle_host_does_not_change() {
        let plan = Plan::default();
        let later = noon() + SignedDuration::from_hours(1);
        for host in 0..50 {
            let first: Vec<_> = observe(&plan, host, 0, noon()).into_iter().map(|seen| seen.record).collect();
            let later: Vec<_> = observe(&plan, host, 0, later).into_iter().map(|seen| seen.record).collect();
            assert_eq!(first, later);
        }
    }

    #[test]
    fn only_the_named_groups_flip() {
        let plan = Plan { flips: vec!["usb".parse().expect("a name")], ..Plan::default() };
        let groups = |round| observe(&plan, 7, round, noon());
        let changed: Vec<String> = groups(0)
            .into_iter()
            .zip(groups(1))
            .filter(|(before, after)| before.record != after.record)
            .map(|(before, _)| before.name.to_string())
            .filter(|name| name != "patch")
            .collect();
        assert_eq!(changed, ["usb"]);
        assert_eq!(groups(0)[3].record, groups(2)[3].record);
    }

    #[test]
    fn shares_are_about_what_was_asked() {
        let plan = Plan { open_usb_percent: 30, ..Plan::default() };
        let free = (0..1_000).filter(|host| {
            let usb = Usb::from_record(&observe(&plan, *host, 0, noon())[3].record);
            usb.storage_enforcement.value() == Some(&StorageEnforcement::Free)
        });
        let free = free.count();
        assert!((250..350).contains(&free), "{free}");
    }
}
