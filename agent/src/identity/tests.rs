//! What is on disk after a crash between any two steps is one complete identity or none.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::CertificateSigningRequestDer;

use super::*;

struct Ca {
    root: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().expect("key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("root").der().clone();
        Self { root, issuer: Issuer::new(params, key) }
    }

    fn issued(&self, key: &FreshKey) -> wire::Issued {
        let csr = key.request().expect("request");
        let csr = rcgen::CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr));
        let leaf = csr.expect("parses").signed_by(&self.issuer).expect("signed");
        wire::Issued {
            certificate: vec![leaf.der().to_vec().into()],
            agent_id: "00000000-0000-4000-8000-000000000001".to_owned(),
            report_address: "collector.example:7431".to_owned(),
            trust_root: vec![self.root.to_vec().into()],
        }
    }
}

fn place(token: Option<Digest>) -> Place {
    Place {
        enrol: "collector.example:7430".parse().expect("an address"),
        token,
        roots: Vec::new(),
        now: Timestamp::from_second(1_700_000_000).expect("a time"),
    }
}

fn keys(store: &Store) -> usize {
    let entries = fs::read_dir(&store.dir).expect("folder").flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_key_name)).count()
}

#[test]
fn an_enrolment_that_was_cut_off_goes_on_with_the_same_key() {
    let dir = tempfile::tempdir().expect("folder");
    let store = Store::open(dir.path()).expect("store");
    let (token, other) = (Digest::of(b"token"), Digest::of(b"other"));
    let (collector, elsewhere) = (Digest::of(b"root"), Digest::of(b"another root"));
    let first = store.enrolling_key(token, collector).expect("key");
    let again = Store::open(dir.path()).expect("store").enrolling_key(token, collector).expect("key");
    assert_eq!((&first.der, first.is_resumed), (&again.der, false));
    assert!(store.current().expect("readable").is_none(), "a key alone is no identity");
    let resumed = store.enrolling_key(other, collector).expect("key");
    assert_eq!((&first.der, true), (&resumed.der, resumed.is_resumed), "another token, the same machine");
    assert!(!store.enrolling_key(other, collector).expect("key").is_resumed, "it goes on with that token");
    let different = store.enrolling_key(other, elsewhere).expect("key");
    assert_eq!(first.der, different.der, "the same token is of the same collector");
    let different = store.enrolling_key(token, elsewhere).expect("key");
    assert_ne!(first.der, different.der, "another collector, another key");

    let ca = Ca::new();
    let kept = store.keep_enrolled(&different, ca.issued(&different), &place(Some(other))).expect("kept");
    let loaded = store.current().expect("readable").expect("there");
    assert_eq!((loaded.chain, loaded.key, loaded.token), (kept.chain, kept.key, Some(other)));
    assert_eq!(keys(&store), 1, "the key of the first try is swept");
    assert!(!store.path(ENROLLING).exists());
}

#[test]
fn the_enrolment_of_an_older_version_goes_on_with_its_token_alone() {
    let dir = tempfile::tempdir().expect("folder");
    let store = Store::open(dir.path()).expect("store");
    let (token, other, pin) = (Digest::of(b"token"), Digest::of(b"other"), Digest::of(b"root"));
    let key = store.new_key().expect("key");
    let older = serde_json::json!({ "token": token, "key": key.file, "collector": "collector.example:7430" });
    store.write(ENROLLING, &older).expect("written");
    assert_eq!(store.enrolling_key(token, pin).expect("key").der, key.der);
    store.write(ENROLLING, &older).expect("written");
    assert_ne!(store.enrolling_key(other, pin).expect("key").der, key.der);
}

#[test]
fn a_refusal_counts_for_the_identity_that_it_names_and_goes_with_the_next() {
    let dir = tempfile::tempdir().expect("folder");
    let store = Store::open(dir.path()).expect("store");
    let ca = Ca::new();
    let key = store.new_key().expect("key");
    let identity = store.keep_enrolled(&key, ca.issued(&key), &place(None)).expect("kept");
    let agent = Some(identity.agent_id);
    assert_eq!(store.refused(agent).expect("readable"), None);
    let at = Timestamp::UNIX_EPOCH;
    let refused = Refused { agent, reason: "revoked".to_owned(), detail: "it was revoked".to_owned(), at };
    store.note_refusal(&refused).expect("noted");
    assert_eq!(Store::open(dir.path()).expect("store").refused(agent).expect("readable"), Some(refused));
    assert_eq!(store.refused(None).expect("readable"), None, "of another identity");
    let next = store.new_key().expect("key");
    store.keep_enrolled(&next, ca.issued(&next), &place(None)).expect("kept");
    assert!(!store.path(REFUSED).exists());
    fs::write(store.path(REFUSED), "{").expect("written");
    assert!(matches!(store.refused(agent).expect_err("damaged"), IdentityError::Damaged { .. }));
    store.forget_refusal();
    assert_eq!(store.refused(agent).expect("readable"), None);
}

#[test]
fn renewal_has_two_phases_and_each_crash_leaves_one_that_works() {
    let dir = tempfile::tempdir().expect("folder");
    let store = Store::open(dir.path()).expect("store");
    let ca = Ca::new();
    let first = store.new_key().expect("key");
    let old = store.keep_enrolled(&first, ca.issued(&first), &place(None)).expect("kept");
    let _cut_off_before_the_answer = store.new_key().expect("key");
    assert_eq!(store.current().expect("readable").expect("there").key, old.key);

    let second = store.new_key().expect("key");
    let new = store.keep_next(&second, ca.issued(&second), &place(None)).expect("kept");
    assert_eq!(store.current().expect("readable").expect("there").key, old.key, "the old one serves");
    assert_eq!(store.next().expect("readable").expect("there").key, new.key);
    store.promote().expect("promoted");
    assert_eq!(store.current().expect("readable").expect("there").key, new.key);
    assert!(store.next().expect("readable").is_none());
    assert_eq!(keys(&store), 1, "neither the old key nor the lost one is left");

    let third = store.new_key().expect("key");
    store.keep_next(&third, ca.issued(&third), &place(None)).expect("kept");
    store.discard_next().expect("discarded");
    assert_eq!(store.current().expect("readable").expect("there").key, new.key);
    assert_eq!(keys(&store), 1);
}

#[test]
fn what_is_not_for_this_key_is_not_taken() {
    let dir = tempfile::tempdir().expect("folder");
    let store = Store::open(dir.path()).expect("store");
    let ca = Ca::new();
    let (ours, theirs) = (store.new_key().expect("key"), store.new_key().expect("key"));
    let wrong_key = ca.issued(&theirs);
    let mut no_certificate = ca.issued(&ours);
    no_certificate.certificate.clear();
    let mut no_root = ca.issued(&ours);
    no_root.trust_root.clear();
    let mut no_agent = ca.issued(&ours);
    no_agent.agent_id = "../../etc".to_owned();
    let mut no_address = ca.issued(&ours);
    no_address.report_address = "x".to_owned();
    for issued in [wrong_key, no_certificate, no_root, no_agent, no_address] {
        let error = store.keep_enrolled(&ours, issued, &place(None)).expect_err("not ours");
        assert!(matches!(error, IdentityError::Issued(_)), "{error:?}");
    }
    assert!(store.current().expect("readable").is_none(), "nothing half-written");
}

#[test]
fn damaged_files_are_named() {
    let dir = tempfile::tempdir().expect("folder");
    let store = Store::open(dir.path()).expect("store");
    let ca = Ca::new();
    let key = store.new_key().expect("key");
    store.keep_enrolled(&key, ca.issued(&key), &place(None)).expect("kept");
    let text = fs::read_to_string(store.path(CURRENT)).expect("readable");
    let path_in_it = text.replace("key-", "../key-");
    let newer = text.replace("\"version\": 1", "\"version\": 2");
    for damage in [text[..text.len() / 2].to_owned(), String::new(), "{}".to_owned(), path_in_it, newer] {
        fs::write(store.path(CURRENT), &damage).expect("written");
        let error = store.current().expect_err("damaged");
        assert!(matches!(error, IdentityError::Damaged { .. }), "{error:?}");
    }
}

#[test]
fn renewal_is_due_at_two_thirds_of_what_was_left_on_arrival() {
    let dir = tempfile::tempdir().expect("folder");
    let store = Store::open(dir.path()).expect("store");
    let ca = Ca::new();
    let key = store.new_key().expect("key");
    let mut identity = store.keep_enrolled(&key, ca.issued(&key), &place(None)).expect("kept");
    let at = |s| Timestamp::from_second(s).expect("a time");
    (identity.not_before, identity.issued_at, identity.not_after) = (at(400), at(1_000), at(4_000));
    assert_eq!(identity.renew_at(0.5), at(3_000));
    assert_eq!(identity.renew_at(0.0), at(2_850));
    assert_eq!(identity.renew_at(1.0), at(3_150));
    identity.issued_at = at(9_000);
    assert_eq!(identity.renew_at(0.5), at(4_000), "a clock that was wrong on arrival");
    assert!(identity.is_expired(at(4_001)) && !identity.is_expired(at(4_000)));
}
