//! Random histories. `TENKEN_PROPERTY_CASES` raises the number of cases for long runs.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::build::{
    antivirus_group, declared, empty_log_group, enrolled, expected, fleet, group, host_group, hour, id, log_group,
    packs, patch_group, unreadable, usb_group,
};
use crate::answer::Word;
use crate::fleet::change::ParameterSetting;
use crate::fleet::{Change, Fleet, GroupFacts, PackFile, Settings, Transition, batch};
use crate::ledger::{Asset, Personal};
use crate::likelihood::Level;

fn cases() -> u32 {
    option_env!("TENKEN_PROPERTY_CASES").and_then(|text| text.parse().ok()).unwrap_or(48)
}

fn any_group() -> impl Strategy<Value = GroupFacts> {
    let names = prop::sample::subsequence(vec!["openssl", "bash", "=linux", "curl"], 0..=3);
    let at = hour(0);
    prop_oneof![
        (0..3_u8, prop::sample::select(vec!["11", "12", "sid"])).prop_map(move |(number, version)| host_group(
            &format!("pc-{number}"),
            version,
            at
        )),
        (names, -300..200_i64).prop_map(move |(names, refreshed)| patch_group(&names, hour(refreshed), at)),
        Just(group("patch", at, vec![("updates", unreadable()), ("pending_security_updates", unreadable())])),
        prop::option::of(-300..200_i64).prop_map(move |published| antivirus_group(published.map(hour), at)),
        Just(group("antivirus", at, vec![("products", unreadable())])),
        Just(empty_log_group(at)),
        prop::sample::select(vec![None, Some("free"), Some("blocked"), Some("allow_list")])
            .prop_map(move |word| usb_group(word, at)),
        (-2_000..100_i64, prop::option::of(0..800_i64)).prop_map(move |(oldest, days)| log_group(
            hour(oldest),
            days,
            at
        )),
    ]
}

fn any_transition() -> impl Strategy<Value = Transition> {
    let name = || prop::sample::select(vec!["patch", "antivirus", "host"]).prop_map(|name| name.parse().unwrap());
    prop_oneof![
        Just(Transition::HostSilent),
        Just(Transition::HostBack),
        name().prop_map(Transition::GroupStale),
        name().prop_map(Transition::GroupFresh),
    ]
}

fn any_asset() -> impl Strategy<Value = Asset> {
    let hosts = prop::sample::subsequence(vec!["PC-0", "pc-1", "pc-2", "pc-9"], 0..=3);
    (0..3_u8, 1..=3_u8, prop::option::of(1..=3_u8), hosts, any::<bool>()).prop_map(
        |(value, threat, vulnerability, hosts, by_id)| Asset {
            business: String::new(),
            name: "資産".to_owned(),
            remarks: String::new(),
            users: String::new(),
            department: String::new(),
            medium: "社内サーバー".to_owned(),
            personal: Personal::default(),
            confidentiality: value,
            integrity: 0,
            availability: 0,
            keep_until: String::new(),
            registered: String::new(),
            threat: Level::try_from(threat).unwrap(),
            vulnerability: vulnerability.map(|level| Level::try_from(level).unwrap()),
            hosts: hosts.into_iter().map(str::to_owned).chain(by_id.then(|| id(1).to_string())).collect(),
        },
    )
}

fn any_declaration() -> impl Strategy<Value = Change> {
    let items = vec![("ipa-self-3", "1"), ("ipa-self-3", "13"), ("ipa-self-3", "5"), ("tenken-base", "usb")];
    let words = vec![Word::Implemented, Word::Partly, Word::NotImplemented, Word::Unknown];
    let (items, words) = (prop::sample::select(items), prop::sample::select(words));
    (items, words, prop::option::of(-5..400_i64))
        .prop_map(|((list, item), word, until)| declared(list, item, word, until.map(hour)))
}

fn any_settings() -> impl Strategy<Value = Settings> {
    (50..=100_u32, prop::sample::select(vec!["1h", "3d", "400h"])).prop_map(|(percent, fresh)| Settings {
        coverage_percent_min: percent,
        parameters: vec![ParameterSetting {
            control: "av.definitions_fresh".to_owned(),
            parameter: "fresh_for".to_owned(),
            value: fresh.to_owned(),
        }],
    })
}

/// The built-in packs, with or without the USB control and what names it.
fn some_packs(with_usb: bool) -> Vec<PackFile> {
    let mut files = packs().files().to_vec();
    if !with_usb {
        files.retain(|file| !file.name.contains("usb."));
        for file in &mut files {
            file.text = file.text.replace("  - usb.storage_enforced\n", "");
        }
    }
    files
}

fn any_change() -> impl Strategy<Value = Change> {
    let host = || (0..3_u8).prop_map(id);
    prop_oneof![
        2 => (0..3_u8).prop_map(enrolled),
        10 => (host(), prop::collection::vec(any_group(), 1..4))
            .prop_map(|(host, groups)| Change::Facts { host, groups }),
        4 => (host(), any_transition()).prop_map(|(host, transition)| Change::Transition { host, transition }),
        1 => host().prop_map(|host| Change::Revoked { host }),
        1 => host().prop_map(|host| Change::Retired { host, by: "佐藤".into(), reason: "廃棄".into() }),
        1 => prop::sample::subsequence(vec!["PC-0", "pc-1", "pc-7", "pc-7 "], 0..=4)
            .prop_map(|names| expected(&names)),
        3 => any_declaration(),
        1 => Just(Change::Withdrawn { checklist: "ipa-self-3".into(), item: "13".into(), by: "佐藤".into() }),
        1 => prop::collection::vec(any_asset(), 0..4)
            .prop_map(|rows| Change::Ledger { name: "見本".into(), by: "uid 1000".into(), rows }),
        1 => any_settings().prop_map(Change::Settings),
        1 => any::<bool>().prop_map(|with_usb| Change::Packs { files: some_packs(with_usb) }),
    ]
}

/// Steps of time, some of them backwards.
fn any_history() -> impl Strategy<Value = Vec<(i64, Change)>> {
    prop::collection::vec((-3..80_i64, any_change()), 1..24)
}

fn timed(history: Vec<(i64, Change)>) -> Vec<(jiff::Timestamp, Change)> {
    let mut at = hour(0);
    let step = |(hours, change)| {
        at += SignedDuration::from_hours(hours);
        (at, change)
    };
    history.into_iter().map(step).collect()
}

fn played(history: &[(jiff::Timestamp, Change)]) -> Fleet {
    let mut fleet = fleet();
    for (at, change) in history {
        fleet.apply(*at, change.clone());
    }
    fleet
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn incremental_equals_batch(history in any_history(), after in 0..500_i64) {
        let history = timed(history);
        let mut fleet = played(&history);
        let now = fleet.now() + SignedDuration::from_hours(after);
        fleet.advance(now);
        prop_assert_eq!(fleet.picture(), batch(packs(), Settings::default(), &history, now));
    }

    #[test]
    fn a_restored_fleet_goes_on_as_the_first_one(before in any_history(), after in any_history()) {
        let before = timed(before);
        let mut fleet = played(&before);
        let text = serde_json::to_string(&fleet.checkpoint()).unwrap();
        let mut restored = Fleet::restore(serde_json::from_str(&text).unwrap()).unwrap();
        prop_assert_eq!(fleet.picture(), restored.picture());
        for (hours, change) in after {
            let at = fleet.now() + SignedDuration::from_hours(hours);
            prop_assert_eq!(fleet.apply(at, change.clone()), restored.apply(at, change));
        }
        prop_assert_eq!(fleet.picture(), restored.picture());
    }

    #[test]
    fn changes_survive_the_journal(change in any_change()) {
        let text = serde_json::to_string(&change).unwrap();
        prop_assert_eq!(serde_json::from_str::<Change>(&text).unwrap(), change);
    }

    #[test]
    fn moves_tell_the_whole_way(history in any_history()) {
        // Following the moves from nothing gives the answers that stand at the end.
        let mut fleet = fleet();
        let mut followed = std::collections::BTreeMap::new();
        for (at, change) in timed(history) {
            for turned in fleet.apply(at, change).answers {
                let key = (turned.checklist, turned.item);
                let stood = followed.insert(key, turned.to.unwrap());
                prop_assert!(stood.is_none() || stood == turned.from);
            }
        }
        for ((checklist, item), word) in followed {
            let answers = fleet.answers(&checklist).unwrap();
            let answer = answers.items.iter().find(|it| it.id == item).unwrap();
            prop_assert_eq!((answer.answer, answer.basis), word);
        }
    }

    #[test]
    fn silence_never_raises_points(history in any_history(), number in 0..3_u8) {
        let history = timed(history);
        let mut fleet = played(&history);
        let points = |fleet: &Fleet| -> i64 {
            fleet.answers("ipa-self-3").unwrap().items.iter().filter_map(|it| it.points).sum()
        };
        let before = points(&fleet);
        let silent = Change::Transition { host: id(number), transition: Transition::HostSilent };
        let now = fleet.now();
        fleet.apply(now, silent);
        prop_assert!(points(&fleet) <= before, "{} after {}", points(&fleet), before);
    }
}
