//! Views of a synthetic fleet under the packs of this program: numbers are those of the assessment, and hostile
//! names travel as they are.

use std::sync::Arc;

use tenken_assess::fleet::{Change, Expected, GroupFacts, Settings, Transition};
use tenken_assess::{Fleet, PackSet};
use tenken_proto::Timestamp;
use tenken_proto::fact::FactGroup as _;
use tenken_proto::fact::host::{Host, OsFamily};
use tenken_proto::fact::usb::{DriverState, StorageEnforcement, Usb};
use tenken_proto::ident::HostId;
use tenken_proto::observed::Observed;
use uuid::Uuid;

use super::*;
use crate::api::v1::sample;
use crate::engine::{Health, Presence, State};
use crate::identity::Registry;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-21T03:00:00Z")
}

pub(crate) fn id(n: u128) -> HostId {
    HostId(Uuid::from_u128(n))
}

/// An empty state under the packs of this program.
pub(crate) fn state() -> State {
    State {
        fleet: Fleet::new(Arc::new(PackSet::built_in().unwrap()), Settings::default()),
        registry: Registry::default(),
        agents: Default::default(),
        groups: Default::default(),
        silent: Default::default(),
        stale: Default::default(),
        presence: Presence::default(),
        health: Health::default(),
    }
}

fn seen<T>(value: T) -> Observed<T> {
    Observed::known(value, "a test")
}

fn host_facts(name: &str) -> GroupFacts {
    let host = Host {
        host_name: seen(name.to_owned()),
        os_family: seen(OsFamily::Linux),
        os_id: seen("debian".to_owned()),
        os_version_id: seen("12".to_owned()),
        os_name: seen("Debian GNU/Linux 12".to_owned()),
        kernel_release: seen("6.1.0".to_owned()),
        architecture: seen("x86_64".to_owned()),
        booted_at: seen(at("2026-11-01T00:00:00Z")),
        serial_number: seen("S1".to_owned()),
        hardware_vendor: Observed::absent("a test"),
        hardware_model: Observed::absent("a test"),
        cpu_model: Observed::absent("a test"),
        cpu_count: seen(2),
        memory_bytes: seen(1),
        file_systems: Observed::absent("a test"),
        packages_installed: seen(1),
    };
    group(Host::name(), host.into_record())
}

fn usb_facts(enforcement: StorageEnforcement) -> GroupFacts {
    let usb = Usb {
        storage_enforcement: seen(enforcement),
        usb_storage_driver: seen(DriverState::Available),
        uas_driver: seen(DriverState::Available),
        usbguard_running: seen(false),
        usbguard_implicit_policy: Observed::absent("a test"),
        attached_storage: Observed::Withheld,
    };
    group(Usb::name(), usb.into_record())
}

fn group(name: tenken_proto::fact::GroupName, record: tenken_proto::value::Record) -> GroupFacts {
    GroupFacts { name, schema_version: 1, record, observed_at: at("2026-11-21T02:00:00Z") }
}

/// Two hosts, one silent with a hostile name, one expected machine that never enrolled.
fn fleet() -> State {
    let mut state = state();
    let start = at("2026-11-20T00:00:00Z");
    let enrolled = |n, name: &str| Change::Enrolled { host: id(n), host_name: name.to_owned(), site: None };
    state.fleet.apply(start, enrolled(1, "pc01"));
    state.fleet.apply(start, enrolled(2, sample::HOSTILE));
    let facts = |n, groups| Change::Facts { host: id(n), groups };
    state
        .fleet
        .apply(at("2026-11-21T02:00:00Z"), facts(1, vec![host_facts("pc01"), usb_facts(StorageEnforcement::Free)]));
    state.fleet.apply(at("2026-11-21T02:00:00Z"), facts(2, vec![usb_facts(StorageEnforcement::Blocked)]));
    state
        .fleet
        .apply(at("2026-11-21T02:30:00Z"), Change::Transition { host: id(2), transition: Transition::HostSilent });
    let machine = |name: &str| Expected { name: name.to_owned(), serial: None, class: HostClass::Server, site: None };
    state
        .fleet
        .apply(at("2026-11-21T02:40:00Z"), Change::Expected { machines: vec![machine("PC01"), machine("sv09")] });
    state.presence.heard(id(1), at("2026-11-21T02:59:00Z"));
    state
}

#[test]
fn every_checklist_is_shown_with_the_numbers_of_the_assessment() {
    let state = fleet();
    for list in answers::checklists(&state) {
        let shown = answers::answers(&state, &list.id, now()).unwrap();
        let assessed = state.fleet.answers(&list.id).unwrap();
        assert_eq!(shown.items.len(), list.items.len());
        assert_eq!(shown.answered, u64::from(assessed.answered));
        assert_eq!(shown.score, assessed.score.as_ref().map(answers::score));
        let unanswered = shown.items.iter().filter(|item| item.answer == v1::AnswerWord::Unanswered).count() as u64;
        assert_eq!(shown.items_total - shown.answered, unanswered);
        for (item, assessed) in shown.items.iter().zip(&assessed.items) {
            assert_eq!(item.hosts_known, assessed.coverage.map(|it| u64::from(it.known)));
            assert_eq!(item.points, assessed.points);
            let explained = explain::explain(&state, &item.id, &list.id, None, now()).unwrap();
            let v1::Explanation::Item(explained) = explained else { panic!("an item") };
            assert_eq!(explained.answer, *item, "the explanation is of the same answer");
        }
    }
    assert_eq!(answers::answers(&state, "ipa-self-3", now()).unwrap().items.len(), 25);
    assert!(answers::answers(&state, "nope", now()).is_none());
}

#[test]
fn the_overview_counts_what_the_lists_show() {
    let state = fleet();
    let overview = overview::overview(&state, now());
    let hosts = hosts::hosts(&state, now());
    assert_eq!((overview.coverage.observed, overview.coverage.known, overview.coverage.expected), (1, 2, Some(3)));
    assert_eq!((overview.coverage.silent, overview.coverage.not_enrolled), (1, 1));
    let of = |status| hosts.hosts.iter().filter(|row| row.status == status).count();
    assert_eq!(of(v1::HostStatus::NotEnrolled), 1);
    assert_eq!(hosts.hosts.len(), 3);
    assert!(overview.worst.iter().any(|it| it.verdict == v1::VerdictWord::Fail), "{:?}", overview.worst);
    assert!(overview.worst.windows(2).all(|pair| severity(pair[0].verdict) >= severity(pair[1].verdict)));
    assert!(overview.turning.windows(2).all(|pair| pair[0].at <= pair[1].at));
    for list in &overview.checklists {
        let answers = answers::answers(&state, &list.checklist, now()).unwrap();
        assert_eq!((list.answered, &list.score), (answers.answered, &answers.score));
    }
}

#[test]
fn a_host_is_shown_with_every_fact_and_its_source() {
    let state = fleet();
    let shown = host::host(&state, id(1), now()).unwrap();
    let fact = &shown.facts["usb"]["storage_enforcement"];
    assert_eq!((&fact["value"], &fact["source"]), (&"free".into(), &"a test".into()));
    assert_eq!(fact["observed_at"], "2026-11-21T02:00:00Z");
    assert_eq!(shown.facts["usb"]["attached_storage"]["state"], "withheld");
    let usb = shown.verdicts.iter().find(|it| it.control == "usb.storage_enforced").unwrap();
    assert_eq!(usb.verdict, v1::VerdictWord::Fail);
    assert!(usb.remedy.is_some() && !usb.reasons.is_empty());
    assert!(host::host(&state, id(7), now()).is_none());
}

#[test]
fn the_dates_of_a_system_name_the_publishers_page_in_both_languages() {
    let state = fleet();
    let told = |host| {
        let explained = explain::explain(&state, "os.supported", "tenken-base", Some(id(host)), now()).unwrap();
        let v1::Explanation::Control(control) = explained else { panic!("a control") };
        control.hosts[0].facts["lifecycle.support_ends_at"].clone()
    };
    let known = told(1);
    assert_eq!((&known["state"], &known["value"]), (&"known".into(), &"2028-07-01T00:00:00Z".into()));
    for (lang, title) in [("ja", "Debian のリリースデータ"), ("en", "Debian's release data")] {
        let source = known["source_text"][lang].as_str().unwrap();
        assert!(source.starts_with(title) && source.contains("https://salsa.debian.org/"), "{source}");
    }
    let unknown = told(2);
    assert_eq!(
        (&unknown["state"], &unknown["detail_text"]["ja"]),
        (&"unreadable".into(), &"host.os_id が必要です".into())
    );
}

#[test]
fn a_declaration_is_shown_with_who_entered_it_until_its_end() {
    let mut state = fleet();
    let said = Change::Declared {
        checklist: "ipa-self-3".to_owned(),
        item: "5".to_owned(),
        answer: assessed_word(v1::AnswerWord::Implemented),
        by: "山田".to_owned(),
        principal: "uid:1000".to_owned(),
        evidence: None,
        until: Some(at("2026-11-22T15:00:00Z")),
    };
    state.fleet.apply(now(), said);
    let item = |state: &State, at| answers::answers(state, "ipa-self-3", at).unwrap().items.remove(4);
    let before = item(&state, now());
    assert_eq!(
        (before.answer, before.basis, before.points),
        (v1::AnswerWord::Implemented, v1::Basis::Declared, Some(4))
    );
    assert_eq!((before.hosts_known, before.valid_until), (None, Some(at("2026-11-22T15:00:00Z"))));
    let declared = |answer: &v1::Answer| {
        answer.evidence.iter().find_map(|it| match it {
            v1::Evidence::Declaration(said) => Some(said.clone()),
            v1::Evidence::Control(_) => None,
        })
    };
    let shown = declared(&before).unwrap();
    assert_eq!((shown.by.as_str(), shown.principal.as_str(), shown.ended), ("山田", "uid:1000", false));
    let turning = overview::overview(&state, now()).turning;
    assert!(turning.iter().any(|it| matches!(&it.what, v1::TurningWhat::Declaration { item, .. } if item == "5")));
    state.fleet.advance(at("2026-11-22T15:00:00Z"));
    let after = item(&state, at("2026-11-22T15:00:00Z"));
    assert_eq!(after.answer, v1::AnswerWord::Unanswered);
    assert!(declared(&after).is_some_and(|said| said.ended), "an ended declaration stays visible as ended");
}

#[test]
fn the_sample_ledger_has_the_risks_of_its_source() {
    let mut state = state();
    let sample = include_bytes!("../../../deploy/sample-ledger.csv");
    let read = crate::import::ledger::parse(sample, 2).unwrap();
    let change = Change::Ledger { name: "sample-ledger".to_owned(), by: "uid:0".to_owned(), rows: read.rows };
    state.fleet.apply(now(), change);
    let risks = ledger::risks(&state);
    let values: Vec<Option<u8>> = risks.rows.iter().map(|row| row.risk).collect();
    assert_eq!(values, [1, 1, 4, 2, 2, 1, 4, 2].map(Some));
    assert_eq!((risks.bands.high, risks.bands.medium, risks.bands.low, risks.bands.unrated), (2, 6, 0, 0));
    assert_eq!(risks.method, "tool-a-v2");
    let listed = ledger::ledger(&state);
    assert!(listed.rows.iter().all(|row| row.note.contains("見本")));
}

#[test]
fn a_retired_host_leaves_the_count_and_is_named() {
    let mut state = fleet();
    let gone = Change::Retired { host: id(2), by: "山田".to_owned(), reason: "廃棄".to_owned() };
    state.fleet.apply(now(), gone);
    let overview = overview::overview(&state, now());
    assert_eq!((overview.coverage.known, overview.coverage.retired), (1, 1));
    let hosts = hosts::hosts(&state, now());
    assert_eq!(hosts.retired.iter().map(|it| it.reason.as_str()).collect::<Vec<_>>(), ["廃棄"]);
    assert_eq!(ledger::risks(&state).hosts_retired, 1);
    let control = state.fleet.packs().controls()[0].id.clone();
    let v1::Explanation::Control(control) = explain::explain(&state, &control, "ipa-self-3", None, now()).unwrap()
    else {
        panic!("a control")
    };
    assert_eq!(control.hosts_retired, 1);
}

#[test]
fn packs_name_what_they_hold() {
    let packs = packs::packs(&state());
    let all: Vec<&String> = packs.packs.iter().flat_map(|pack| &pack.controls).collect();
    assert_eq!(all.len(), state().fleet.packs().controls().len(), "{packs:?}");
    let lists: Vec<&String> = packs.packs.iter().flat_map(|pack| &pack.checklists).collect();
    assert_eq!(lists.len(), state().fleet.packs().checklists().len());
    assert!(packs.packs.iter().any(|pack| pack.methods == ["tool-a-v2"]));
}
