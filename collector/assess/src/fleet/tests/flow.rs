use jiff::SignedDuration;

use super::build::{
    antivirus_group, declared, empty_log_group, enrolled, expected, facts, fleet, good, group, hour, id, log_group,
    packs, patch_group, says, unreadable, usb_group,
};
use crate::answer::Word;
use crate::fleet::{Change, Expected, Fleet, HostClass, Transition, Why};
use crate::text::Text;
use crate::verdict::Outcome;

const BASE: &str = "tenken-base";
const IPA: &str = "ipa-self-3";

fn outcome(fleet: &Fleet, number: u8, control: &str) -> Outcome {
    let detail = fleet.host(id(number)).unwrap();
    detail.verdicts.iter().find(|it| it.control == control).unwrap().outcome
}

#[test]
fn one_good_host_answers_what_it_settles_and_nothing_else() {
    let mut fleet = fleet();
    assert_eq!(says(&fleet, IPA, "1"), "unanswered unanswered");
    let moves = fleet.apply(hour(0), good(1, hour(0)));
    assert_eq!(moves.verdicts.len(), packs().controls().len(), "one verdict per control");
    assert_eq!(says(&fleet, IPA, "1"), "implemented measured");
    assert_eq!(says(&fleet, IPA, "2"), "implemented measured");
    assert_eq!(says(&fleet, IPA, "13"), "unanswered unanswered");
    assert_eq!(says(&fleet, BASE, "usb"), "implemented measured");
    assert_eq!(says(&fleet, BASE, "logs"), "implemented measured");
    let answers = fleet.answers(IPA).unwrap();
    let score = answers.score.unwrap();
    assert_eq!((answers.answered, score.measured, score.total, score.max), (2, 8, None, 100));
}

#[test]
fn definitions_grow_old_without_a_report() {
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    // Published a day before: partial after two more days, failed after six.
    let moves = fleet.advance(hour(48));
    let turned: Vec<_> = moves.answers.iter().map(|it| (it.item.as_str(), it.to.unwrap().0)).collect();
    assert_eq!(turned, [("2", Word::Partly), ("antivirus", Word::Partly)]);
    assert_eq!(moves.answers[0].why, Why::Time);
    assert_eq!(moves.answers[0].at, hour(48));
    fleet.advance(hour(24 * 6));
    assert_eq!(says(&fleet, IPA, "2"), "not_implemented measured");
    fleet.apply(hour(24 * 6), facts(1, antivirus_group(Some(hour(24 * 6)), hour(24 * 6))));
    assert_eq!(says(&fleet, IPA, "2"), "implemented measured");
}

#[test]
fn a_newer_candidate_does_not_start_the_two_weeks_anew() {
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    fleet.apply(hour(1), facts(1, patch_group(&["openssl"], hour(1), hour(1))));
    assert_eq!(outcome(&fleet, 1, "patch.security_updates_applied"), Outcome::Partial);
    let later = 24 * 13;
    fleet.apply(hour(later), facts(1, patch_group(&["openssl", "bash"], hour(later), hour(later))));
    assert_eq!(outcome(&fleet, 1, "patch.security_updates_applied"), Outcome::Partial);
    fleet.advance(hour(24 * 14 + 1));
    assert_eq!(outcome(&fleet, 1, "patch.security_updates_applied"), Outcome::Fail);
    assert_eq!(says(&fleet, IPA, "1"), "not_implemented measured");
    let later = 24 * 15;
    fleet.apply(hour(later), facts(1, patch_group(&["bash"], hour(later), hour(later))));
    assert_eq!(outcome(&fleet, 1, "patch.security_updates_applied"), Outcome::Partial);
}

#[test]
fn silencing_a_failing_host_never_helps() {
    let mut fleet = fleet();
    for number in 1..=9 {
        fleet.apply(hour(0), good(number, hour(0)));
    }
    fleet.apply(hour(0), good(10, hour(0)));
    fleet.apply(hour(0), facts(10, antivirus_group(None, hour(0))));
    assert_eq!(says(&fleet, IPA, "2"), "partly measured");
    fleet.apply(hour(1), Change::Transition { host: id(10), transition: Transition::HostSilent });
    assert_eq!(says(&fleet, IPA, "2"), "partly measured");
    let answer = fleet.answers(IPA).unwrap().items[1].clone();
    let coverage = answer.coverage.unwrap();
    assert_eq!((coverage.met, coverage.observed, coverage.known, coverage.expected), (9, 9, 10, 10));
    fleet.apply(hour(2), Change::Revoked { host: id(10) });
    assert_eq!(says(&fleet, IPA, "2"), "partly measured");
    fleet.apply(hour(3), Change::Retired { host: id(10), by: "佐藤".into(), reason: "廃棄".into() });
    assert_eq!(says(&fleet, IPA, "2"), "implemented measured");
    assert_eq!(fleet.retired().count(), 1);
}

#[test]
fn a_lone_failing_host_that_falls_silent_still_fails() {
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    fleet.apply(hour(0), facts(1, antivirus_group(None, hour(0))));
    assert_eq!(says(&fleet, IPA, "2"), "not_implemented measured");
    fleet.apply(hour(1), Change::Transition { host: id(1), transition: Transition::HostSilent });
    assert_eq!(says(&fleet, IPA, "2"), "not_implemented measured");
    assert_eq!(says(&fleet, IPA, "1"), "unknown measured", "it passed, so nothing is known");
    let coverage = fleet.answers(IPA).unwrap().items[1].coverage.unwrap();
    assert_eq!((coverage.met, coverage.observed, coverage.known), (0, 0, 1), "it is not shown as observed");
    fleet.apply(hour(2), Change::Revoked { host: id(1) });
    assert_eq!(says(&fleet, IPA, "2"), "not_implemented measured");
}

#[test]
fn a_failing_host_that_falls_silent_counts_for_the_coverage_and_a_passing_one_does_not() {
    let mut fleet = fleet();
    for number in 1..=5 {
        fleet.apply(hour(0), good(number, hour(0)));
    }
    for number in 4..=5 {
        fleet.apply(hour(0), facts(number, antivirus_group(None, hour(0))));
        fleet.apply(hour(1), Change::Transition { host: id(number), transition: Transition::HostSilent });
    }
    assert_eq!(says(&fleet, IPA, "2"), "partly measured");
    assert_eq!(says(&fleet, IPA, "1"), "unknown measured");
    for number in 2..=3 {
        fleet.apply(hour(2), Change::Transition { host: id(number), transition: Transition::HostSilent });
    }
    assert_eq!(says(&fleet, IPA, "2"), "unknown measured");
}

#[test]
fn expected_machines_without_an_agent_are_unknown() {
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    let moves = fleet.apply(hour(0), expected(&["PC-1", "pc-2", "pc-2", "pc-3"]));
    assert!(moves.answers.iter().any(|it| it.item == "1" && it.to.unwrap().0 == Word::Unknown));
    let view = fleet.expected();
    assert_eq!(view.missing.len(), 2);
    assert_eq!(view.duplicates, ["pc-2"]);
    let coverage = fleet.coverage();
    assert_eq!((coverage.observed, coverage.known, coverage.expected), (1, 1, 3));
    fleet.apply(hour(1), good(2, hour(1)));
    fleet.apply(hour(1), good(3, hour(1)));
    assert_eq!(says(&fleet, IPA, "1"), "implemented measured");
}

#[test]
fn an_expected_machine_is_also_found_by_its_serial_number() {
    let mut fleet = fleet();
    let machine =
        Expected { name: "front-desk".into(), serial: Some("sn-PC-1".into()), class: HostClass::Server, site: None };
    fleet.apply(hour(0), Change::Expected { machines: vec![machine] });
    fleet.apply(hour(0), good(1, hour(0)));
    assert_eq!(fleet.expected().missing.len(), 0);
    assert_eq!(fleet.class_of(id(1)), HostClass::Server);
}

#[test]
fn a_declaration_for_a_settled_item_is_shown_and_changes_no_points() {
    let mut fleet = fleet();
    fleet.apply(hour(0), declared(IPA, "2", Word::Implemented, None));
    assert_eq!(says(&fleet, IPA, "2"), "implemented declared");
    fleet.apply(hour(0), good(1, hour(0)));
    assert_eq!(says(&fleet, IPA, "2"), "implemented both");
    fleet.apply(hour(1), facts(1, antivirus_group(None, hour(1))));
    assert_eq!(says(&fleet, IPA, "2"), "not_implemented measured");
    let answer = fleet.answers(IPA).unwrap().items[1].clone();
    let contradiction = answer.contradiction.unwrap();
    assert_eq!((contradiction.declared, contradiction.measured), (Word::Implemented, Word::NotImplemented));
}

#[test]
fn a_declaration_differs_from_a_measured_unknown_too() {
    let mut fleet = fleet();
    let differs = |fleet: &Fleet| {
        let contradiction = fleet.answers(IPA).unwrap().items[1].contradiction.clone();
        contradiction.map(|it| (it.declared, it.measured))
    };
    fleet.apply(hour(0), declared(IPA, "2", Word::Implemented, None));
    assert_eq!(differs(&fleet), None, "nothing is measured while no host is enrolled");
    fleet.apply(hour(0), good(1, hour(0)));
    assert_eq!(differs(&fleet), None);
    fleet.apply(hour(1), Change::Transition { host: id(1), transition: Transition::HostSilent });
    assert_eq!(says(&fleet, IPA, "2"), "unknown measured");
    assert_eq!(differs(&fleet), Some((Word::Implemented, Word::Unknown)));
    fleet.apply(hour(2), declared(IPA, "2", Word::Unknown, None));
    assert_eq!(says(&fleet, IPA, "2"), "unknown both");
    assert_eq!(differs(&fleet), None, "both say that they do not know");
    fleet.apply(hour(3), Change::Transition { host: id(1), transition: Transition::HostBack });
    assert_eq!(differs(&fleet), Some((Word::Unknown, Word::Implemented)));
}

#[test]
fn a_cap_lowers_to_partly_and_never_lifts() {
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    fleet.apply(hour(0), declared(IPA, "13", Word::Implemented, None));
    assert_eq!(says(&fleet, IPA, "13"), "implemented declared");
    fleet.apply(hour(1), facts(1, usb_group(Some("free"), hour(1))));
    assert_eq!(says(&fleet, IPA, "13"), "partly both");
    fleet.apply(hour(2), declared(IPA, "13", Word::NotImplemented, None));
    assert_eq!(says(&fleet, IPA, "13"), "not_implemented declared");
    fleet.apply(hour(3), facts(1, usb_group(Some("blocked"), hour(3))));
    assert_eq!(says(&fleet, IPA, "13"), "not_implemented declared");
}

#[test]
fn without_a_usb_bus_the_item_of_our_own_list_does_not_apply() {
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    fleet.apply(hour(0), facts(1, usb_group(None, hour(0))));
    assert_eq!(says(&fleet, BASE, "usb"), "not_applicable measured");
    fleet.apply(hour(0), declared(IPA, "13", Word::Implemented, None));
    assert_eq!(says(&fleet, IPA, "13"), "implemented declared");
}

#[test]
fn a_declaration_ends_by_itself() {
    let mut fleet = fleet();
    fleet.apply(hour(0), declared(IPA, "5", Word::Partly, Some(hour(10))));
    assert_eq!(fleet.next_deadline(), Some(hour(10)));
    let moves = fleet.advance(hour(20));
    assert_eq!(moves.answers.len(), 1);
    assert_eq!(moves.answers[0].at, hour(10));
    assert_eq!(says(&fleet, IPA, "5"), "unanswered unanswered");
}

#[test]
fn not_applicable_is_refused_where_the_edition_has_it_not() {
    let fleet = fleet();
    let check = |list, item, word| fleet.check_declaration(hour(0), list, item, word, "佐藤", None, None);
    assert!(check(IPA, "5", Word::NotApplicable).is_err());
    assert!(check(BASE, "usb", Word::NotApplicable).is_ok());
    assert!(check(IPA, "26", Word::Implemented).is_err());
    assert!(check("ipa-self-9", "1", Word::Implemented).is_err());
    assert!(check(IPA, "5", Word::Unanswered).is_err());
    assert!(fleet.check_declaration(hour(0), IPA, "5", Word::Partly, " ", None, None).is_err());
    assert!(fleet.check_declaration(hour(5), IPA, "5", Word::Partly, "佐藤", None, Some(hour(5))).is_err());
}

#[test]
fn stale_facts_are_unknown_and_come_back() {
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    let stale =
        |word: fn(_) -> Transition| Change::Transition { host: id(1), transition: word("patch".parse().unwrap()) };
    let moves = fleet.apply(hour(1), stale(Transition::GroupStale));
    assert!(moves.verdicts.iter().all(|it| it.to.unwrap().stale));
    assert_eq!(says(&fleet, IPA, "1"), "unknown measured");
    assert_eq!(says(&fleet, IPA, "2"), "implemented measured");
    let detail = fleet.host(id(1)).unwrap();
    let verdict = detail.verdicts.iter().find(|it| it.control == "patch.security_updates_applied").unwrap();
    assert_eq!((verdict.last_known, verdict.reasons[0].code.as_str()), (Some(Outcome::Pass), "stale"));
    fleet.apply(hour(2), stale(Transition::GroupFresh));
    assert_eq!(says(&fleet, IPA, "1"), "implemented measured");
}

#[test]
fn what_cannot_be_read_says_why() {
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    fleet.apply(hour(1), facts(1, group("antivirus", hour(1), vec![("products", unreadable())])));
    assert_eq!(says(&fleet, IPA, "2"), "unknown measured");
    let explained = fleet.explain("av.definitions_fresh", None, Some(id(1))).unwrap();
    let verdict = &explained.controls[0].verdicts[0].verdict;
    assert_eq!(verdict.reasons[0].code, "unreadable_permission");
    assert!(verdict.reasons[0].text.ja.contains("antivirus.products"), "{:?}", verdict.reasons);
    let observable = crate::verdict::make_observable();
    assert_eq!((verdict.remedy.as_ref(), &explained.controls[0].remedy), (Some(&observable), &observable));
    let remedies = |fleet: &Fleet| fleet.explain("2", Some(IPA), None).unwrap().answer.unwrap().remedies;
    assert_eq!(remedies(&fleet), std::slice::from_ref(&observable));
    fleet.apply(hour(1), good(2, hour(1)));
    fleet.apply(hour(1), facts(2, antivirus_group(None, hour(1))));
    let both = remedies(&fleet);
    assert!(both.len() == 2 && both[0].en != observable.en && both[1] == observable, "{both:?}");
    let parameters = &explained.controls[0].parameters;
    assert!(parameters.iter().any(|it| it.name == "fresh_for" && it.value == "3d" && it.ours));
}

#[test]
fn an_enrolled_host_without_facts_is_known_and_unknown() {
    let mut fleet = fleet();
    fleet.apply(hour(0), enrolled(1));
    assert_eq!(says(&fleet, IPA, "1"), "unknown measured");
    assert_eq!(fleet.coverage().observed, 0);
    assert_eq!(fleet.find_hosts("PC-1"), [id(1)]);
}

#[test]
fn a_host_without_a_site_has_that_of_the_expected_machine() {
    let mut fleet = fleet();
    fleet.apply(hour(0), enrolled(1));
    let machine = |site: &str| Change::Expected {
        machines: vec![Expected { name: "PC-1".into(), serial: None, class: HostClass::Pc, site: Some(site.into()) }],
    };
    let site = |fleet: &Fleet| fleet.host(id(1)).unwrap().summary.site;
    fleet.apply(hour(1), machine("大阪"));
    assert_eq!(site(&fleet).as_deref(), Some("大阪"));
    let moved = Change::Enrolled { host: id(1), host_name: "pc-1".into(), site: Some("本社".into()) };
    fleet.apply(hour(2), moved);
    assert_eq!(site(&fleet).as_deref(), Some("本社"), "its own comes first");
}

#[test]
fn a_new_machine_keeps_logs_not_long_enough_yet() {
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    fleet.apply(hour(1), facts(1, log_group(hour(-48), None, hour(1))));
    assert_eq!(says(&fleet, BASE, "logs"), "partly measured");
    let detail = fleet.host(id(1)).unwrap();
    let verdict = detail.verdicts.iter().find(|it| it.control == "log.retention_sufficient").unwrap();
    assert_eq!(verdict.valid_until, Some(hour(-48) + SignedDuration::from_hours(24 * 30)));
    fleet.apply(hour(2), facts(1, log_group(hour(-48), Some(30), hour(2))));
    assert_eq!(says(&fleet, BASE, "logs"), "not_implemented measured");
}

#[test]
fn logs_without_a_record_fail_and_do_not_wait() {
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    fleet.apply(hour(1), facts(1, empty_log_group(hour(1))));
    assert_eq!(says(&fleet, BASE, "logs"), "not_implemented measured");
    let detail = fleet.host(id(1)).unwrap();
    let verdict = detail.verdicts.iter().find(|it| it.control == "log.retention_sufficient").unwrap();
    assert_eq!((verdict.outcome, verdict.valid_until), (Outcome::Fail, None));
    let told: Vec<_> = verdict.reasons.iter().map(|it| (it.code.as_str(), it.text.clone())).collect();
    assert_eq!(told, [("no_record", Text::new("ログの記録が一つも残っていない。", "No log record is kept."))]);
    // The first record starts the time that a young host gets.
    fleet.apply(hour(2), facts(1, log_group(hour(2), None, hour(2))));
    assert_eq!(says(&fleet, BASE, "logs"), "partly measured");
}

#[test]
fn shortened_parameters_move_the_same_way() {
    use crate::fleet::{Settings, change::ParameterSetting};
    let mut fleet = fleet();
    fleet.apply(hour(0), good(1, hour(0)));
    let set = |name: &str, value: &str| ParameterSetting {
        control: "av.definitions_fresh".into(),
        parameter: name.into(),
        value: value.into(),
    };
    let parameters = vec![set("fresh_for", "90001s"), set("tolerated_for", "25h")];
    let moves = fleet.apply(hour(0), Change::Settings(Settings { parameters, ..Settings::default() }));
    assert!(moves.is_empty(), "{moves:?}");
    assert_eq!(fleet.next_deadline(), Some(hour(1)));
    fleet.advance(hour(1));
    assert_eq!(says(&fleet, IPA, "2"), "not_implemented measured");
    let explained = fleet.explain("2", Some(IPA), None).unwrap();
    let reason = &explained.controls[0].verdicts[0].verdict.reasons[0];
    assert!(reason.text.en.contains("25 hours") && reason.text.ja.contains("25時間"), "{reason:?}");
}

#[test]
fn time_never_goes_back() {
    let mut fleet = fleet();
    fleet.apply(hour(10), good(1, hour(0)));
    let moves = fleet.apply(hour(5), facts(1, antivirus_group(None, hour(5))));
    assert_eq!(moves.at, hour(10));
    assert_eq!(fleet.now(), hour(10));
}
