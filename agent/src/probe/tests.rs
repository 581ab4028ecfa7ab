//! Isolation of probes from each other and from the agent.

use super::*;
use tenken_proto::fact::FactGroup as _;
use tenken_proto::fact::usb::Usb;

struct Bad(fn() -> Record);

impl Probe for Bad {
    fn schema(&self) -> GroupSchema {
        Usb::schema()
    }
    fn watched(&self, _: &Root) -> Vec<String> {
        Vec::new()
    }
    fn observe(&self, _: &Context) -> Record {
        (self.0)()
    }
}

fn observe(body: fn() -> Record, consent: &Consent) -> Record {
    let dir = tempfile::tempdir().unwrap();
    let root = Arc::new(Root::at(dir.path()).unwrap());
    let mut probes = Probes::of(root, vec![Arc::new(Bad(body))], Duration::from_secs(30));
    probes.observe_all(consent).remove(0).record
}

fn reasons(record: &Record) -> BTreeSet<String> {
    record
        .fields
        .iter()
        .map(|(_, observed)| match observed {
            Observed::Unreadable { reason, .. } => reason.code().to_owned(),
            Observed::Withheld => "withheld".to_owned(),
            Observed::Known { .. } | Observed::Absent { .. } => "seen".to_owned(),
        })
        .collect()
}

#[test]
fn a_panic_makes_every_field_unreadable() {
    let record = observe(|| panic!("on purpose"), &Consent::default());
    assert_eq!(record.fields.len(), Usb::schema().fields.len());
    assert_eq!(reasons(&record), BTreeSet::from(["probe_failed".to_owned()]));
}

#[test]
fn a_late_probe_is_left_behind_and_not_started_twice() {
    let dir = tempfile::tempdir().unwrap();
    let root = Arc::new(Root::at(dir.path()).unwrap());
    let slow = Bad(|| {
        std::thread::sleep(Duration::from_millis(400));
        Record::default()
    });
    let mut probes = Probes::of(root, vec![Arc::new(slow)], Duration::from_millis(20));
    for _ in 0..2 {
        let seen = probes.observe_all(&Consent::default()).remove(0).record;
        assert_eq!(reasons(&seen), BTreeSet::from(["timed_out".to_owned()]));
    }
}

#[test]
fn personal_fields_stay_withheld_whatever_the_probe_returns() {
    let body = || {
        let mut record = Record::default();
        record.push("usbguard_running", Observed::seen(Value::Bool(true)));
        record.push("attached_storage", Observed::seen(Value::List(Vec::new())));
        record
    };
    let record = observe(body, &Consent::default());
    assert_eq!(record.get("attached_storage"), Some(&Observed::Withheld));
    assert!(record.value("usbguard_running").is_some());
    let told = observe(body, &Consent { personal: true, ..Consent::default() });
    assert!(told.value("attached_storage").is_some());
}

#[test]
fn a_group_that_is_switched_off_is_not_looked_at() {
    let consent = Consent { withheld: BTreeSet::from([Usb::name()]), personal: true };
    let record = observe(|| panic!("must not run"), &consent);
    assert_eq!(reasons(&record), BTreeSet::from(["withheld".to_owned()]));
}

#[test]
fn more_than_a_report_can_carry_is_said_and_not_sent() {
    let body = || {
        let mut record = Record::default();
        let long = Value::Text("x".repeat(1000));
        record.push("attached_storage", Observed::seen(Value::List(vec![long; 500])));
        record
    };
    let record = observe(body, &Consent { personal: true, ..Consent::default() });
    assert_eq!(reasons(&record), BTreeSet::from(["too_large".to_owned()]));
}
