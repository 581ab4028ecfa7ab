//! Enrolment and uplink against a scripted collector over real mutual TLS.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unused_async,
    unreachable_pub,
    reason = "tests"
)]

mod fake;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use fake::{Answer, Fake, eventually, now};
use tenken_agent::halves::{Policy, Told, Wish};
use tenken_agent::identity::Store;
use tenken_agent::identity::enrol::{EnrolError, Enrolled, Progress, enrol};
use tenken_agent::spool::Spool;
use tenken_agent::transport;
use tenken_agent::uplink::{UplinkError, status};
use tenken_proto::ident::{Digest, PolicyRevision};
use tenken_proto::report::Group;
use tenken_proto::wire::{self, down};

fn group(name: &str, body: &str) -> Group {
    Group { name: name.parse().unwrap(), schema_version: 1, body: body.as_bytes().to_vec(), observed_at: now() }
}

fn told(name: &str, body: &str) -> Told {
    Told { changed: vec![group(name, body)], seen: BTreeMap::new(), total: Some(Digest::of(body.as_bytes())) }
}

fn shown(data_dir: &Path) -> Option<serde_json::Value> {
    serde_json::from_slice(&std::fs::read(status::path(data_dir)).ok()?).ok()
}

fn bodies(fake: &Fake) -> Vec<String> {
    let script = fake.script();
    let groups = script.reports.iter().flat_map(|report| &report.group);
    groups.map(|group| String::from_utf8_lossy(&group.body).into_owned()).collect()
}

#[tokio::test]
async fn enrolment_waits_for_a_person_and_is_done_once() {
    let fake = Fake::start().await;
    fake.script().pending = 1;
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut waited = 0;
    let enrolled = enrol(&store, &fake.ask(), &transport::Settings::default(), now, |progress| match progress {
        Progress::Waiting(agent) => waited += usize::from(agent.to_string() == fake::AGENT),
        Progress::Retrying(error) => panic!("{error}"),
        Progress::Unproven(meaning) => panic!("{meaning}"),
    })
    .await;
    let Enrolled::Issued(identity) = enrolled.unwrap() else { panic!("issued") };
    assert_eq!(waited, 1);
    assert_eq!(store.current().unwrap().unwrap().chain, identity.chain);
    let again = enrol(&store, &fake.ask(), &transport::Settings::default(), now, |_| {}).await.unwrap();
    assert!(matches!(again, Enrolled::Already(_)));
    let script = fake.script();
    assert_eq!(script.issued.len(), 2);
    assert_eq!(script.issued[0], script.issued[1], "the same key asks while it waits");
}

#[tokio::test]
async fn a_token_of_another_collector_reveals_nothing_to_this_one() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut ask = fake.ask();
    ask.token.root_pin = Digest::of(b"another root");
    let error = enrol(&store, &ask, &transport::Settings::default(), now, |_| {}).await.unwrap_err();
    assert!(matches!(error, EnrolError::Connect(_)) && error.is_permanent(), "{error}");
    assert!(error.to_string().contains("root that this agent trusts"), "{error}");
    assert!(fake.script().issued.is_empty(), "the token was not sent");
    let mut ask = fake.ask();
    ask.token.secret = [6; 16];
    let error = enrol(&store, &ask, &transport::Settings::default(), now, |_| {}).await.unwrap_err();
    assert!(matches!(&error, EnrolError::Refused { detail, .. } if detail.contains("not known")), "{error}");
    assert!(store.current().unwrap().is_none());
    let kept = store.refused(None).unwrap().expect("kept for `check`");
    assert_eq!((kept.reason.as_str(), kept.detail.as_str()), ("token_unknown", "the token is not known here"));
    fake.script().pending = 1;
    let mut ask = fake.ask();
    ask.wait = false;
    let pending = enrol(&store, &ask, &transport::Settings::default(), now, |_| {}).await.unwrap();
    assert!(matches!(pending, Enrolled::Pending(_)));
    assert_eq!(store.refused(None).unwrap(), None, "past, once a good token was shown");
}

#[tokio::test]
async fn a_machine_that_enrols_again_shows_the_certificate_that_it_has() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    fake.enrolled(dir.path()).await;
    let first = store.current().unwrap().expect("an identity");
    let mut ask = fake.ask();
    ask.token.secret = fake::OTHER_SECRET;
    enrol(&store, &ask, &transport::Settings::default(), now, |_| {}).await.unwrap();
    let shown = fake.script().shown.clone();
    assert_eq!(shown, [None, Some(first.chain[0].to_vec())]);
    ask.token.secret = [6; 16];
    enrol(&store, &ask, &transport::Settings::default(), now, |_| {}).await.unwrap_err();
    let current = store.current().unwrap().expect("an identity");
    assert_eq!(store.refused(Some(current.agent_id)).unwrap(), None, "a bad token takes nothing from an identity");
    assert_eq!(store.refused(None).unwrap(), None);
}

#[tokio::test]
async fn a_report_waits_for_its_ack_and_keeps_its_number() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    fake.enrolled(dir.path()).await;
    fake.script().answers.push_back(Answer::Nothing);
    let (half, uplink) = fake.uplink(dir.path());
    half.tell(told("usb", "one")).await.unwrap();
    eventually("the report", || (!fake.script().reports.is_empty()).then_some(())).await;
    fake.kick();
    eventually("it comes again", || (fake.script().reports.len() >= 2).then_some(())).await;
    {
        let script = fake.script();
        assert_eq!(script.reports[0], script.reports[1]);
        assert_eq!((script.reports[0].sequence, script.hellos.len()), (1, 2));
        assert_eq!(script.hellos[0].epoch, script.hellos[1].epoch);
    }
    eventually("a heartbeat with the digest", || {
        fake.script().heartbeats.iter().find(|beat| beat.total_digest == Digest::of(b"one").0.as_slice()).map(|_| ())
    })
    .await;
    assert!(!Spool::is_there(dir.path()), "delivered in time: no spool");
    drop(half);
    assert_eq!(uplink.await.unwrap().unwrap(), 0);
    assert_eq!(shown(dir.path()).unwrap()["state"], "stopped");
}

#[tokio::test]
async fn what_cannot_be_delivered_goes_to_disk_and_comes_with_its_own_number() {
    let mut fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    fake.enrolled(dir.path()).await;
    fake.down();
    let (half, uplink) = fake.uplink(dir.path());
    half.tell(told("usb", "one")).await.unwrap();
    eventually("the spool", || Spool::is_there(dir.path()).then_some(())).await;
    half.tell(told("usb", "two")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(half);
    assert_eq!(uplink.await.unwrap().unwrap(), 2, "kept for the next run");

    fake.up().await;
    let (half, uplink) = fake.uplink(dir.path());
    half.tell(told("usb", "three")).await.unwrap();
    eventually("everything", || (fake.script().reports.len() >= 3).then_some(())).await;
    assert_eq!(bodies(&fake), ["one", "two", "three"]);
    {
        let script = fake.script();
        let epochs: Vec<u64> = script.reports.iter().map(|report| report.epoch).collect();
        assert_eq!(epochs[0], epochs[1]);
        assert_ne!(epochs[1], epochs[2]);
        assert_eq!(script.reports.iter().map(|report| report.sequence).collect::<Vec<_>>(), [1, 2, 1]);
    }
    eventually("the spool is gone", || (!Spool::is_there(dir.path())).then_some(())).await;
    drop(half);
    assert_eq!(uplink.await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_report_refused_for_good_does_not_block_and_is_shown() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    fake.enrolled(dir.path()).await;
    fake.script().answers.push_back(Answer::Refuse { permanent: true });
    let (half, uplink) = fake.uplink(dir.path());
    half.tell(told("usb", "bad")).await.unwrap();
    half.tell(told("patch", "good")).await.unwrap();
    let letter = eventually("the dead letter", || {
        shown(dir.path()).filter(|status| status["dead_letters"] == 1 && status["last_ack_at"].is_string())
    })
    .await;
    assert_eq!(letter["latest_dead_letters"][0]["groups"][0], "usb");
    assert_eq!(letter["latest_dead_letters"][0]["reason"], "malformed");
    assert_eq!(bodies(&fake), ["bad", "good"]);
    drop(half);
    assert_eq!(uplink.await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_report_refused_for_now_comes_again_in_order() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    fake.enrolled(dir.path()).await;
    fake.script().answers.push_back(Answer::Refuse { permanent: false });
    let (half, uplink) = fake.uplink(dir.path());
    half.tell(told("usb", "one")).await.unwrap();
    half.tell(told("usb", "two")).await.unwrap();
    eventually("both are there", || {
        let bodies = bodies(&fake);
        bodies.ends_with(&["one".to_owned(), "two".to_owned()]).then_some(())
    })
    .await;
    drop(half);
    assert_eq!(uplink.await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn what_was_received_is_not_durable_yet_and_is_sent_again() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    fake.enrolled(dir.path()).await;
    fake.script().answers.push_back(Answer::Nothing);
    fake.script().high_water = 1;
    let (half, uplink) = fake.uplink(dir.path());
    half.tell(told("usb", "one")).await.unwrap();
    eventually("the report", || (bodies(&fake) == ["one"]).then_some(())).await;
    fake.kick();
    eventually("the report again", || (bodies(&fake) == ["one", "one"]).then_some(())).await;
    drop(half);
    assert_eq!(uplink.await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_sign_of_life_names_the_content_that_was_looked_at() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    fake.enrolled(dir.path()).await;
    fake.script().answers.push_back(Answer::Refuse { permanent: true });
    let (half, uplink) = fake.uplink(dir.path());
    half.tell(told("usb", "refused")).await.unwrap();
    let looked = now();
    let seen = BTreeMap::from([("usb".parse().unwrap(), looked), ("patch".parse().unwrap(), looked)]);
    half.tell(Told { seen, ..Told::default() }).await.unwrap();
    let group_seen = eventually("the look", || {
        let script = fake.script();
        let beats = script.heartbeats.iter().map(|beat| beat.group_seen.clone());
        beats.last().filter(|seen| seen.iter().any(|seen| seen.observed_unix_ms == looked.as_millisecond()))
    })
    .await;
    assert_eq!(group_seen.len(), 1, "a group whose content was never told is not named");
    assert_eq!(group_seen[0].digest, Digest::of(b"refused").0.as_slice());
    drop(half);
    uplink.await.unwrap().unwrap();
}

#[tokio::test]
async fn wishes_reach_the_other_half_and_policy_is_kept() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    fake.enrolled(dir.path()).await;
    fake.script().greeting = vec![
        down::Message::SendAll(wire::SendAll {}),
        down::Message::Policy(wire::Policy {
            revision: 7,
            withhold: vec!["usb".to_owned()],
            ..wire::Policy::default()
        }),
        down::Message::Ping(wire::Ping { nonce: 1 }),
    ];
    let (mut half, uplink) = fake.uplink(dir.path());
    assert_eq!(half.wish().await, Some(Wish::Policy(Policy::default())), "what was kept, first");
    assert_eq!(half.wish().await, Some(Wish::SendAll));
    let Some(Wish::Policy(policy)) = half.wish().await else { panic!("a policy") };
    assert_eq!(policy.revision, PolicyRevision(7));
    drop(half);
    uplink.await.unwrap().unwrap();
    let (mut half, uplink) = fake.uplink(dir.path());
    assert_eq!(half.wish().await, Some(Wish::Policy(policy)));
    drop(half);
    uplink.await.unwrap().unwrap();
}

#[tokio::test]
async fn another_picture_at_the_collector_asks_for_everything_after_a_reconnect() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    fake.enrolled(dir.path()).await;
    let (mut half, uplink) = fake.uplink(dir.path());
    half.tell(told("usb", "one")).await.unwrap();
    eventually("the ack", || shown(dir.path()).filter(|status| status["last_ack_at"].is_string())).await;
    assert!(matches!(half.wish().await, Some(Wish::Policy(_))));
    fake.script().total_digest = Digest::of(b"something else").0.to_vec();
    fake.kick();
    assert_eq!(half.wish().await, Some(Wish::SendAll));
    drop(half);
    uplink.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_certificate_is_renewed_in_time_and_the_old_one_serves_until_then() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    fake.script().life = Duration::from_secs(4);
    fake.enrolled(dir.path()).await;
    let store = Store::open(dir.path()).unwrap();
    let first = store.current().unwrap().unwrap();
    fake.script().life = Duration::from_secs(86_400);
    let (half, uplink) = fake.uplink(dir.path());
    half.tell(told("usb", "one")).await.unwrap();
    let renewed = eventually("the new certificate is in use", || {
        store.current().unwrap().filter(|identity| identity.chain != first.chain)
    })
    .await;
    assert!(renewed.not_after > first.not_after);
    assert!(store.next().unwrap().is_none());
    assert_eq!(renewed.agent_id, first.agent_id);
    half.tell(told("usb", "two")).await.unwrap();
    eventually("reports go on", || bodies(&fake).contains(&"two".to_owned()).then_some(())).await;
    assert_eq!(fake.script().renewals, 1);
    let keys = std::fs::read_dir(dir.path().join("identity")).unwrap();
    let keys = keys.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("key-")).count();
    assert_eq!(keys, 1, "the old key is gone");
    drop(half);
    uplink.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_expired_certificate_renews_first() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    fake.script().life = Duration::from_secs(1);
    fake.enrolled(dir.path()).await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    fake.script().life = Duration::from_secs(86_400);
    let (half, uplink) = fake.uplink(dir.path());
    half.tell(told("usb", "one")).await.unwrap();
    // The scripted enrol listener has the strict verifier of TLS: what it shows is that Renew is asked for.
    let problem =
        eventually("the problem is said", || shown(dir.path()).filter(|status| status["last_problem"].is_string()))
            .await;
    assert!(problem["last_problem"].as_str().unwrap().contains("renew"), "{problem}");
    drop(half);
    match uplink.await.unwrap() {
        Ok(left) => assert_eq!(left, 1),
        Err(error) => assert!(matches!(error, UplinkError::Refused { .. }), "{error}"),
    }
}

#[tokio::test]
async fn a_revoked_agent_ends_and_says_so() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fake.enrolled(&data).await;
    let mut status = tonic::Status::permission_denied("the certificate was revoked");
    status.metadata_mut().insert(tenken_proto::report::REASON_METADATA, "revoked".parse().unwrap());
    fake.script().hello_answer = Some(status);
    let (_half, uplink) = fake.uplink(&data);
    let error = uplink.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "refused by the collector (revoked): the certificate was revoked");
    assert_eq!(shown(&data).unwrap()["state"], "refused");

    let store = Store::open(&data).unwrap();
    let agent = store.current().unwrap().map(|identity| identity.agent_id);
    let kept = store.refused(agent).unwrap().expect("kept for `check`");
    assert_eq!((kept.reason.as_str(), kept.detail.as_str()), ("revoked", "the certificate was revoked"));
    let checked = checked(&data);
    assert_eq!(checked.status.code(), Some(4));
    let text = String::from_utf8(checked.stdout).unwrap();
    assert!(text.contains("problem  collector: refused this agent for good at "), "{text}");
    assert!(text.contains(" (revoked): the certificate was revoked\n"), "{text}");
    assert!(text.contains("what to do: ask who runs the collector; with a new token"), "{text}");

    fake.script().hello_answer = None;
    let (half, uplink) = fake.uplink(&data);
    half.tell(told("usb", "one")).await.unwrap();
    eventually("the first ack clears it", || store.refused(agent).unwrap().is_none().then_some(())).await;
    drop(half);
    uplink.await.unwrap().unwrap();
    let text = String::from_utf8(self::checked(&data).stdout).unwrap();
    assert!(!text.contains("refused"), "{text}");
}

/// What `check` says of this data folder.
fn checked(data_dir: &Path) -> std::process::Output {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_tenken-agent"));
    program.args(["check", "--data-dir"]).arg(data_dir).output().unwrap()
}
