//! The registry alone: random histories keep its promises; each refusal where it belongs.

use std::cell::Cell;
use std::net::IpAddr;

use jiff::SignedDuration;
use proptest::prelude::*;
use tenken_proto::ident::TenantId;
use uuid::Uuid;

use super::*;
use crate::identity::enroll::{Enrolled, Enrolment, Fresh, Issue};
use crate::identity::renew::{GRACE_DEFAULT, Renewal};
use crate::identity::revoke::Approval;
use crate::identity::token::TokenParameters;

const LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn start() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().unwrap()
}

fn digest(n: u8) -> Digest {
    Digest::of(&[n])
}

fn agent(n: u128) -> AgentId {
    AgentId(Uuid::from_u128(n))
}

fn host(n: u128) -> HostId {
    HostId(Uuid::from_u128(n))
}

/// Signs for one key; each certificate has a number of its own.
struct Signer<'a> {
    key: Digest,
    serials: &'a Cell<u64>,
}

impl Issue for Signer<'_> {
    fn issue(&self, _: AgentId, now: Timestamp) -> Result<Certificate, Refusal> {
        self.serials.set(self.serials.get() + 1);
        Ok(Certificate {
            serial: serial(self.serials.get()),
            key: self.key,
            issuer: "a".to_owned(),
            issued_at: now,
            not_before: now,
            not_after: now + LIFE,
            der: Some(self.serials.get().to_be_bytes().to_vec()),
            first_used: None,
        })
    }
}

fn serial(n: u64) -> Serial {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Serial(bytes)
}

/// A registry with its clock and everything that was ever journalled.
struct World {
    registry: Registry,
    events: Vec<Event>,
    now: Timestamp,
    serials: Cell<u64>,
    ids: u128,
}

impl World {
    fn new() -> Self {
        Self { registry: Registry::default(), events: Vec::new(), now: start(), serials: Cell::new(0), ids: 100 }
    }

    fn keep<T>(&mut self, decision: Result<Decision<T>, Refusal>) -> Result<T, Refusal> {
        let decision = decision?;
        for event in decision.events {
            self.registry.apply(&event);
            self.events.push(event);
        }
        Ok(decision.reply)
    }

    fn token(&mut self, n: u8, wanted: &TokenParameters) -> Result<Token, Refusal> {
        self.keep(self.registry.decide_token(digest(n), wanted, self.now))
    }

    fn enrol_from(&mut self, token: u8, key: u8, peer: &str, proof: Option<PeerIdentity>) -> Result<Enrolled, Refusal> {
        self.ids += 1;
        let request = Enrolment {
            token: digest(token),
            key: digest(key),
            hints: Hints { host_name: format!("PC-{key}"), ..Hints::default() },
            peer: peer.parse().unwrap(),
            proof,
            fresh: Fresh { agent: agent(self.ids), host: host(self.ids) },
        };
        let signer = Signer { key: digest(key), serials: &self.serials };
        let decision = self.registry.decide_enrol(&request, &signer, self.now);
        self.keep(decision)
    }

    fn enrol(&mut self, token: u8, key: u8) -> Result<Enrolled, Refusal> {
        self.enrol_from(token, key, "192.0.2.7", None)
    }

    fn renew(&mut self, identity: &PeerIdentity, key: u8) -> Result<(), Refusal> {
        let peer: IpAddr = "192.0.2.7".parse().unwrap();
        let request = Renewal { identity: identity.clone(), key: digest(key), peer, grace: GRACE_DEFAULT };
        let signer = Signer { key: digest(key), serials: &self.serials };
        let decision = self.registry.decide_renew(&request, &signer, self.now);
        self.keep(decision).map(drop)
    }

    fn use_first(&mut self, identity: &PeerIdentity) -> Result<(), Refusal> {
        self.keep(self.registry.decide_first_use(identity, None, self.now))
    }

    fn approve(&mut self, id: AgentId, to: Option<HostId>) -> Result<HostId, Refusal> {
        self.ids += 1;
        let approval = Approval { agent: id, host: to, fresh_host: host(self.ids), by: "山田".to_owned() };
        self.keep(self.registry.decide_approve(&approval, self.now))
    }

    /// The certificates of an agent as a handshake would give them.
    fn identities(&self, id: AgentId) -> Vec<PeerIdentity> {
        let certificates = &self.registry.agents[&id].certificates;
        certificates.iter().map(|certificate| peer(id, certificate)).collect()
    }

    fn issued(&mut self, token: u8, key: u8) -> (AgentId, PeerIdentity) {
        match self.enrol(token, key).unwrap() {
            Enrolled::Issued { agent, .. } => (agent, self.identities(agent).pop().unwrap()),
            Enrolled::Pending { agent, .. } => panic!("{agent} waits"),
        }
    }

    /// What always holds.
    fn check(&self) {
        for token in self.registry.tokens.values() {
            let spent = |event: &&Event| {
                matches!(&event.what, What::Requested { token: by, .. } | What::AskedAgain { token: by, .. }
                    if *by == token.hash)
            };
            let spent = self.events.iter().filter(spent).count();
            let agents = self.registry.agents.values().filter(|agent| agent.token == token.hash).count();
            assert!(token.used <= token.uses && spent == token.used as usize, "{token:?}: {spent} uses");
            assert!(agents <= spent, "{token:?}: {agents} agents");
        }
        let mut keys: BTreeMap<Digest, AgentId> = BTreeMap::new();
        for agent in self.registry.agents.values() {
            let used = agent.certificates.iter().filter(|certificate| certificate.first_used.is_some()).count();
            assert!(used <= 1 && agent.certificates.len() - used <= 1, "{agent:?}");
            assert!(agent.host.is_some() || agent.certificates.is_empty(), "{agent:?}");
            for key in agent.certificates.iter().map(|c| c.key).chain([agent.first_key]) {
                assert_eq!(*keys.entry(key).or_insert(agent.id), agent.id, "a key of two agents");
            }
        }
        assert_eq!(keys, self.registry.keys);
        let mut replayed = Registry::default();
        self.events.iter().for_each(|event| replayed.apply(event));
        assert_eq!(replayed, self.registry, "state equals replay");
    }
}

fn peer(id: AgentId, certificate: &Certificate) -> PeerIdentity {
    PeerIdentity {
        tenant: TenantId(1),
        agent: id,
        serial: certificate.serial,
        spki: certificate.key,
        not_after: certificate.not_after,
    }
}

fn uses(uses: u32) -> TokenParameters {
    TokenParameters { uses: Some(uses), by: "山田".to_owned(), ..TokenParameters::default() }
}

#[derive(Debug, Clone)]
enum Step {
    Token(u8, u32, bool),
    Withdraw(u8),
    Enrol(u8, u8),
    Renew(usize, usize, u8),
    Use(usize, usize),
    Approve(usize, Option<usize>),
    Hold(usize),
    Revoke(usize),
    Retire(usize),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let agent = 0..8_usize;
    prop_oneof![
        1 => (0..3_u8, 1..4_u32, any::<bool>()).prop_map(|(n, uses, auto)| Step::Token(n, uses, auto)),
        1 => (0..3_u8).prop_map(Step::Withdraw),
        8 => (0..3_u8, 0..12_u8).prop_map(|(token, key)| Step::Enrol(token, key)),
        6 => (agent.clone(), 0..2_usize, 0..16_u8).prop_map(|(a, c, key)| Step::Renew(a, c, key)),
        6 => (agent.clone(), 0..2_usize).prop_map(|(a, c)| Step::Use(a, c)),
        3 => (agent.clone(), proptest::option::of(0..8_usize)).prop_map(|(a, b)| Step::Approve(a, b)),
        1 => agent.clone().prop_map(Step::Hold),
        1 => agent.clone().prop_map(Step::Revoke),
        1 => agent.prop_map(Step::Retire),
        3 => (0..40_000_i64).prop_map(Step::Wait),
    ]
}

fn take(world: &mut World, step: &Step) {
    let nth = |world: &World, n: usize| world.registry.agents.keys().nth(n).copied();
    let _ = match step {
        Step::Token(n, count, auto) if !world.registry.tokens.contains_key(&digest(*n)) => {
            let wanted = TokenParameters { auto_approve: Some(*auto), ..uses(*count) };
            world.token(*n, &wanted).map(drop)
        }
        Step::Token(..) => Ok(()),
        Step::Withdraw(n) => {
            let id: String = digest(*n).to_string().chars().take(12).collect();
            world.keep(world.registry.decide_withdraw_token(&id, "山田", world.now))
        }
        Step::Enrol(token, key) => world.enrol(*token, *key).map(drop),
        Step::Renew(a, c, key) => match nth(world, *a).and_then(|id| world.identities(id).get(*c).cloned()) {
            Some(identity) => world.renew(&identity, *key),
            None => Ok(()),
        },
        Step::Use(a, c) => match nth(world, *a).and_then(|id| world.identities(id).get(*c).cloned()) {
            Some(identity) => world.use_first(&identity),
            None => Ok(()),
        },
        Step::Approve(a, to) => match nth(world, *a) {
            Some(id) => {
                let to = to.and_then(|n| nth(world, n)).and_then(|id| world.registry.agents[&id].host);
                world.approve(id, to).map(drop)
            }
            None => Ok(()),
        },
        Step::Hold(a) => nth(world, *a).map_or(Ok(()), |id| world.keep(world.registry.decide_hold(id, "x", world.now))),
        Step::Revoke(a) => {
            nth(world, *a).map_or(Ok(()), |id| world.keep(world.registry.decide_revoke(id, "山田", "x", world.now)))
        }
        Step::Retire(a) => match nth(world, *a).and_then(|id| world.registry.agents[&id].host) {
            Some(host) => world.keep(Ok(world.registry.decide_retire_host(host, "山田", "x", world.now))),
            None => Ok(()),
        },
        Step::Wait(seconds) => {
            world.now += SignedDuration::from_secs(*seconds);
            Ok(())
        }
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_keep_every_promise(steps in proptest::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            take(&mut world, step);
            world.check();
        }
        let text = serde_json::to_string(&world.registry).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Registry>(&text).unwrap(), &world.registry);
        for event in &world.events {
            let text = serde_json::to_string(event).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Event>(&text).unwrap(), event);
        }
    }
}

#[test]
fn a_token_for_one_gives_one_identity_however_often_it_is_tried() {
    let mut world = World::new();
    world.token(1, &uses(1)).unwrap();
    let (first, _) = world.issued(1, 1);
    for key in 2..=200 {
        assert_eq!(world.enrol(1, key), Err(Refusal::TokenUsedUp { uses: 1 }));
    }
    assert_eq!(world.issued(1, 1).0, first);
    assert_eq!(world.registry.agents.len(), 1);
}

#[test]
fn a_lost_answer_is_given_again_byte_for_byte_even_after_the_tokens_time() {
    let mut world = World::new();
    world.token(1, &uses(1)).unwrap();
    let answer = world.enrol(1, 1).unwrap();
    world.now += DAY * 8;
    assert_eq!(world.enrol(1, 1).unwrap(), answer);
    assert_eq!(world.enrol(1, 2), Err(Refusal::TokenExpired { at: start() + SignedDuration::from_hours(1) }));
    let identity = world.identities(agent(101)).remove(0);
    world.use_first(&identity).unwrap();
    let Enrolled::Issued { agent, .. } = world.enrol(1, 1).unwrap() else { panic!("waits") };
    assert_eq!(agent, identity.agent, "the same identity, with a fresh certificate");
    assert_eq!(world.registry.admits(&identity, world.now), Ok(world.registry.agents[&agent].host.unwrap()));
}

#[test]
fn tokens_are_refused_for_their_reasons() {
    let mut world = World::new();
    assert_eq!(world.enrol(9, 1), Err(Refusal::TokenUnknown));
    let networks = vec!["198.51.100.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    world.token(1, &TokenParameters { networks, ..uses(5) }).unwrap();
    let refused = world.enrol_from(1, 1, "192.0.2.7", None).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the token may not be used from 192.0.2.7: it is limited to 198.51.100.0/24, 2001:db8::/32"
    );
    for peer in ["198.51.100.9", "::ffff:198.51.100.9", "2001:db8::1"] {
        assert!(world.enrol_from(1, 1, peer, None).is_ok(), "{peer}");
    }
    world.keep(world.registry.decide_withdraw_token(&digest(1).to_string()[..12], "山田", world.now)).unwrap();
    assert_eq!(world.enrol_from(1, 1, "198.51.100.9", None), Err(Refusal::TokenWithdrawn));
    for (wanted, part) in [
        (uses(0), "--uses 0"),
        (uses(10_001), "1 to 10000"),
        (TokenParameters { ttl: Some(DAY * 8), ..uses(1) }, "at most 7 days"),
        (TokenParameters { ttl: Some(SignedDuration::ZERO), ..uses(1) }, "more than 0"),
    ] {
        let refused = world.token(2, &wanted).unwrap_err().to_string();
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn a_roll_out_waits_for_approval_and_one_token_for_one_does_not() {
    let mut world = World::new();
    assert!(world.token(1, &uses(1)).unwrap().auto_approve);
    assert!(!world.token(2, &uses(20)).unwrap().auto_approve);
    let Enrolled::Pending { agent: id, since } = world.enrol(2, 1).unwrap() else { panic!("not asked") };
    assert_eq!((since, world.registry.waiting()), (start(), 1));
    world.now += DAY;
    assert_eq!(world.enrol(2, 1).unwrap(), Enrolled::Pending { agent: id, since: start() });
    let given = world.approve(id, None).unwrap();
    assert!(matches!(world.enrol(2, 1).unwrap(), Enrolled::Issued { agent, .. } if agent == id));
    assert_eq!(world.registry.agents[&id].host, Some(given));
    assert!(matches!(world.approve(id, None), Err(Refusal::NothingToDo { .. })));
}

#[test]
fn an_expired_certificate_renews_itself_within_the_grace_and_does_nothing_else() {
    for (days_after_its_end, renews) in
        [(-29, true), (-1, true), (1, true), (29, true), (31, true), (179, true), (181, false), (400, false)]
    {
        let mut world = World::new();
        world.token(1, &uses(1)).unwrap();
        let (_, identity) = world.issued(1, 1);
        world.use_first(&identity).unwrap();
        world.now = identity.not_after + DAY * days_after_its_end;
        let reports = world.registry.admits(&identity, world.now);
        assert_eq!(reports.is_ok(), days_after_its_end < 0, "{days_after_its_end}: {reports:?}");
        let result = world.renew(&identity, 2);
        assert_eq!(result.is_ok(), renews, "{days_after_its_end}: {result:?}");
        if !renews {
            assert_eq!(result, Err(Refusal::GraceOver { at: identity.not_after, grace_days: 180 }));
        }
    }
}

#[test]
fn the_old_certificate_is_good_until_the_new_one_is_used() {
    let mut world = World::new();
    world.token(1, &uses(1)).unwrap();
    let (id, old) = world.issued(1, 1);
    world.use_first(&old).unwrap();
    world.now += DAY * 20;
    world.renew(&old, 2).unwrap();
    let lost = world.identities(id).pop().unwrap();
    world.renew(&old, 2).unwrap();
    assert_eq!(world.identities(id).pop(), Some(lost.clone()), "the same key gets the same certificate");
    assert!(matches!(world.renew(&old, 3), Err(Refusal::TooOften { .. })));
    world.now += SignedDuration::from_secs(61);
    world.renew(&old, 3).unwrap();
    let new = world.identities(id).pop().unwrap();
    assert_eq!(world.registry.admits(&lost, world.now), Err(Refusal::Superseded(lost.serial)));
    assert!(world.registry.admits(&old, world.now).is_ok() && world.registry.admits(&new, world.now).is_ok());
    world.use_first(&new).unwrap();
    assert_eq!(world.registry.admits(&old, world.now), Err(Refusal::Superseded(old.serial)));
    assert_eq!(world.renew(&old, 4), Err(Refusal::Superseded(old.serial)));
    assert_eq!(world.renew(&new, 3), Err(Refusal::KeyReused));
    world.check();
}

#[test]
fn nobody_renews_with_the_key_of_another() {
    let mut world = World::new();
    world.token(1, &uses(2)).unwrap();
    let auto = TokenParameters { auto_approve: Some(true), ..uses(2) };
    world.token(2, &auto).unwrap();
    let (_, one) = world.issued(2, 1);
    let (_, two) = world.issued(2, 2);
    assert_eq!(world.renew(&two, 1), Err(Refusal::KeyInUse));
    world.use_first(&one).unwrap();
    world.now += DAY;
    world.renew(&one, 7).unwrap();
    assert_eq!(world.enrol(2, 7), Err(Refusal::KeyInUse), "the key of a renewal enrols nobody");
    let foreign = PeerIdentity { serial: two.serial, ..one };
    assert_eq!(world.renew(&foreign, 5), Err(Refusal::Superseded(two.serial)));
    let unknown = PeerIdentity { agent: agent(1), ..two };
    assert_eq!(world.renew(&unknown, 5), Err(Refusal::AgentUnknown(agent(1))));
}

#[test]
fn a_host_is_kept_with_proof_of_its_old_key_and_only_then() {
    let mut world = World::new();
    for n in 1..=3 {
        world.token(n, &uses(1)).unwrap();
    }
    let (old, identity) = world.issued(1, 1);
    let first_host = world.registry.agents[&old].host.unwrap();
    let Enrolled::Issued { agent: stranger, .. } = world.enrol(2, 2).unwrap() else { panic!("waits") };
    assert_ne!(world.registry.agents[&stranger].host, Some(first_host));
    let Enrolled::Issued { agent: kept, .. } = world.enrol_from(3, 3, "192.0.2.7", Some(identity.clone())).unwrap()
    else {
        panic!("waits")
    };
    assert_eq!(world.registry.agents[&kept].host, Some(first_host));
    assert!(world.registry.admits(&identity, world.now).is_ok(), "until the new certificate is used");
    let new = world.identities(kept).remove(0);
    world.use_first(&new).unwrap();
    assert_eq!(world.registry.admits(&identity, world.now), Err(Refusal::Retired(old)));
    world.check();
}

#[test]
fn a_machine_that_waits_and_comes_with_another_token_is_there_once() {
    let mut world = World::new();
    for n in 1..=2 {
        world.token(n, &TokenParameters { site: Some(format!("site {n}")), ..uses(2) }).unwrap();
    }
    let Enrolled::Pending { agent: id, .. } = world.enrol(1, 1).unwrap() else { panic!("not asked") };
    world.now += SignedDuration::from_mins(5);
    assert_eq!(world.enrol(2, 1).unwrap(), Enrolled::Pending { agent: id, since: start() }, "its place is kept");
    assert_eq!(world.enrol(2, 1).unwrap(), Enrolled::Pending { agent: id, since: start() }, "a lost answer again");
    assert_eq!((world.registry.agents.len(), world.registry.waiting()), (1, 1));
    let told = world.events.last().unwrap();
    assert!(
        matches!(&told.what, What::AskedAgain { agent, from, token, .. } if (*agent, *from, *token) == (id, digest(1), digest(2))),
        "the audit says what happened: {told:?}"
    );
    assert_eq!(world.registry.agents[&id].site.as_deref(), Some("site 2"));
    assert_eq!([1, 2].map(|n| world.registry.tokens[&digest(n)].used), [1, 1], "a use of each is spent");
    let host = world.approve(id, None).unwrap();
    let Enrolled::Issued { agent, .. } = world.enrol(1, 1).unwrap() else { panic!("waits") };
    assert_eq!((agent, world.registry.agents[&id].host), (id, Some(host)), "and after the approval");
    assert_eq!(world.registry.agents.len(), 1);
    world.check();
}

#[test]
fn another_token_must_be_good_itself() {
    let mut world = World::new();
    world.token(1, &uses(2)).unwrap();
    world.token(2, &uses(1)).unwrap();
    let Enrolled::Pending { agent: id, .. } = world.enrol(1, 1).unwrap() else { panic!("not asked") };
    world.issued(2, 9);
    assert_eq!(world.enrol(2, 1), Err(Refusal::TokenUsedUp { uses: 1 }));
    world.token(3, &uses(1)).unwrap();
    let Enrolled::Issued { agent, .. } = world.enrol(3, 1).unwrap() else { panic!("this one approves by itself") };
    assert_eq!(agent, id);
    assert!(world.registry.agents[&id].host.is_some());
    world.now += DAY;
    assert_eq!(world.enrol(1, 1), Err(Refusal::TokenExpired { at: start() + SignedDuration::from_hours(1) }));
    world.keep(world.registry.decide_revoke(id, "山田", "x", world.now)).unwrap();
    world.token(4, &uses(2)).unwrap();
    assert_eq!(world.enrol(4, 1), Err(Refusal::Revoked(id)), "what was turned away does not come back by a token");
    world.check();
}

#[test]
fn an_ended_or_replaced_certificate_proves_nothing() {
    let mut world = World::new();
    world.token(1, &uses(1)).unwrap();
    let (old, identity) = world.issued(1, 1);
    let host = world.registry.agents[&old].host;
    world.use_first(&identity).unwrap();
    world.now += DAY * 20;
    world.renew(&identity, 2).unwrap();
    let new = world.identities(old).pop().unwrap();
    world.use_first(&new).unwrap();
    for (n, proof) in [(2, identity), (3, new.clone())] {
        world.now = if n == 2 { world.now } else { new.not_after + SignedDuration::from_secs(1) };
        world.token(n, &uses(1)).unwrap();
        let Enrolled::Issued { agent, .. } = world.enrol_from(n, 10 + n, "192.0.2.7", Some(proof)).unwrap() else {
            panic!("waits")
        };
        assert_ne!(world.registry.agents[&agent].host, host, "case {n}");
    }
    world.check();
}

#[test]
fn a_person_binds_a_reinstalled_machine_to_its_host() {
    let mut world = World::new();
    world.token(1, &uses(1)).unwrap();
    let (old, _) = world.issued(1, 1);
    world.now += DAY;
    world.token(2, &uses(1)).unwrap();
    let (new, _) = world.issued(2, 2);
    let known = world.registry.agents[&old].host.unwrap();
    assert!(world.registry.suggestions().is_empty(), "other names");
    world.registry.agents.get_mut(&new).unwrap().hints.host_name = "pc-1".to_owned();
    assert_eq!(world.registry.suggestions(), BTreeMap::from([(new, known)]));
    world.registry.agents.get_mut(&new).unwrap().hints.host_name = "PC-2".to_owned();
    assert_eq!(world.approve(new, Some(known)), Ok(known));
    assert_eq!(world.registry.agents[&old].standing.word(), "retired");
    assert_eq!(world.approve(new, Some(host(1))), Err(Refusal::HostUnknown(host(1))));
    world.check();
}

#[test]
fn a_held_identity_waits_for_release_and_a_revoked_one_never_returns() {
    let mut world = World::new();
    world.token(1, &uses(1)).unwrap();
    let (id, identity) = world.issued(1, 1);
    world.keep(world.registry.decide_hold(id, "two at once", world.now)).unwrap();
    let held = Refusal::OnHold { agent: id, reason: "two at once".to_owned() };
    assert_eq!(world.registry.admits(&identity, world.now), Err(held.clone()));
    assert_eq!(world.renew(&identity, 2), Err(held));
    assert!(world.registry.revoked(world.now, GRACE_DEFAULT).next().is_none(), "its certificate stays good");
    world.approve(id, None).unwrap();
    assert!(world.registry.admits(&identity, world.now).is_ok());
    world.keep(world.registry.decide_revoke(id, "山田", "stolen", world.now)).unwrap();
    assert_eq!(world.registry.admits(&identity, world.now), Err(Refusal::Revoked(id)));
    assert_eq!(world.renew(&identity, 2), Err(Refusal::Revoked(id)));
    assert_eq!(world.enrol(1, 1), Err(Refusal::Revoked(id)));
    assert_eq!(world.approve(id, None), Err(Refusal::Revoked(id)));
    let listed: Vec<Serial> = world.registry.revoked(world.now, GRACE_DEFAULT).map(|(serial, _)| serial).collect();
    assert_eq!(listed, [identity.serial]);
    let forgotten = identity.not_after + GRACE_DEFAULT + DAY;
    assert!(world.registry.revoked(forgotten, GRACE_DEFAULT).next().is_none());
}
