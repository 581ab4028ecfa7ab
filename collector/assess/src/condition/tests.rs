use super::*;

fn scope() -> Scope<'static> {
    Scope { parameters: vec!["target_days"], variables: Vec::new() }
}

fn refused(source: &str) -> String {
    match Condition::compile(source, &Ty::Bool, &scope()) {
        Ok(_) => panic!("`{source}` was accepted"),
        Err(mistakes) => {
            let told = mistakes.iter().map(|it| format!("{}: {}; {}", it.offset, it.problem, it.remedy));
            told.collect::<Vec<String>>().join("\n")
        }
    }
}

#[test]
fn type_slips_are_found_before_anything_runs() {
    let cases = [
        ("host.os_name > 3", "cannot be ordered"),
        ("host.os_name == 3", "is never equal to"),
        ("usb.storage_enforcement == 'blokced'", "did you mean 'blocked'?"),
        ("usb.storage_enforcement in ['free', 'none']", "the words are free, allow_list, blocked"),
        ("patch.pending_security_update == 0", "did you mean `pending_security_updates`?"),
        ("patsch.updates == null", "did you mean `patch`?"),
        ("patch.pending_security_updates", "needed is true or false"),
        ("patch.pending_security_updates + 'a' == 1", "a text 'a'"),
        ("patch.source_refreshed_at > 5", "cannot be ordered"),
        ("antivirus.products.exists(p, p.runing == true)", "did you mean `running`?"),
        ("antivirus.products.exists(patch, true)", "hides another name"),
        ("antivirus.products.exists(p, p.name)", "stands where true or false is needed"),
        ("antivirus.products.running == true", "has no field `running`"),
        ("host.cpu_count.all(c, true)", "is no list"),
        ("params.target_day > 3", "did you mean `params.target_days`?"),
        ("patch == null", "the group `patch` alone has no value"),
        ("null == null && null", "stands where true or false is needed"),
        ("patch.pending_updates > 1.5", "only whole numbers"),
        ("{'a': 1}.a == 1", "maps and messages"),
        ("host.os_name.matches('.*')", "`matches` is not used"),
        ("now() > 3", "`now` is not used"),
        ("timestamp('2026-01-01T00:00:00Z') < 3", "`timestamp` is not used"),
    ];
    for (source, wanted) in cases {
        let told = refused(source);
        let wanted = wanted.replace("a text 'a'", "the text 'a'");
        assert!(told.contains(&wanted), "`{source}`: {told}");
    }
}

#[test]
fn a_mistake_names_its_place() {
    let source = "patch.reboot_required == true && host.os_name > 3";
    let Err(mistakes) = Condition::compile(source, &Ty::Bool, &scope()) else { panic!("accepted") };
    assert!((33..=46).contains(&mistakes[0].offset), "{mistakes:?}");
    let both = refused("host.os_nam == 'a' || patch.updats == null");
    assert_eq!(both.lines().count(), 2, "{both}");
}

#[test]
fn has_and_other_macros_are_refused() {
    for source in [
        "has(patch.updates)",
        "antivirus.products.exists_one(p, p.running == true)",
        "antivirus.products.map(p, p.name) == null",
        "size(antivirus.products.filter(p, p.running == true)) > 0",
    ] {
        refused(source);
    }
}

#[test]
fn length_and_depth_are_bounded() {
    let long = format!("host.os_name == '{}'", "x".repeat(SOURCE_BYTES_MAX));
    assert!(refused(&long).contains("bytes, allowed"));
    let deep = format!("{}true{}", "(".repeat(100), ")".repeat(100));
    assert!(refused(&deep).contains("nested deeper"));
    let chain = vec!["host.cpu_count == 1"; 40].join(" && ");
    assert!(Condition::compile(&chain, &Ty::Bool, &scope()).is_ok() || refused(&chain).contains("nested deeper"));
    let nots = format!("{}true", "!".repeat(900));
    let minus = format!("{}1 == 1", "- ".repeat(400));
    let ternary = format!("{}true", "true ? true : ".repeat(70));
    for source in [nots, minus, ternary] {
        // Whatever it says, it says it without exhausting the stack.
        let _ = Condition::compile(&source, &Ty::Bool, &scope()).is_ok();
    }
    assert!(refused("patch.").contains("is no CEL"));
}

#[test]
fn work_over_lists_is_bounded_by_their_nesting() {
    let nested = |levels: usize| {
        let list = |n: usize| format!("antivirus.products.exists(p{n}, ");
        let heads: String = (0..levels).map(list).collect();
        format!("{heads}p0.running == true{}", ")".repeat(levels))
    };
    assert!(Condition::compile(&nested(2), &Ty::Bool, &scope()).is_ok());
    assert!(refused(&nested(3)).contains("nested deeper than 2"));
    // One after the other is no nesting.
    let beside = vec![nested(2); 3].join(" && ");
    assert!(Condition::compile(&beside, &Ty::Bool, &scope()).is_ok());
}

struct One(Record);

impl Facts for One {
    fn group(&self, name: &str) -> Option<&Record> {
        (name == "usb").then_some(&self.0)
    }
}

#[test]
fn what_is_missing_is_unknown_unless_the_rest_decides() {
    use tenken_proto::observed::{Observed, Reason};
    use tenken_proto::value::Value;
    let mut record = Record::default();
    record.push("storage_enforcement", Observed::known(Value::Text("free".into()), ""));
    record.push("usb_storage_driver", Observed::unreadable(Reason::Permission, "", ""));
    record.push("uas_driver", Observed::Withheld);
    record.push("usbguard_running", Observed::absent(""));
    let facts = One(record);
    let holds = |source: &str| Condition::compile(source, &Ty::Bool, &scope()).unwrap().holds(&facts, &[]);
    let unreadable = "usb.usb_storage_driver == 'loaded'";
    assert_eq!(holds("usb.storage_enforcement == 'free'"), Truth::Yes);
    assert_eq!(holds(unreadable), Truth::Unknown);
    assert_eq!(holds("usb.usb_storage_driver == null"), Truth::Unknown);
    assert_eq!(holds("!(usb.usb_storage_driver != 'loaded')"), Truth::Unknown);
    assert_eq!(holds("usb.uas_driver == null"), Truth::Unknown);
    assert_eq!(holds("usb.usbguard_running == null"), Truth::Yes);
    assert_eq!(holds("usb.usbguard_running"), Truth::Unknown);
    assert_eq!(holds("usb.attached_storage.all(d, true)"), Truth::Unknown);
    assert_eq!(holds("patch.reboot_required == true"), Truth::Unknown);
    assert_eq!(holds(&format!("{unreadable} || usb.storage_enforcement == 'free'")), Truth::Yes);
    assert_eq!(holds(&format!("{unreadable} || usb.storage_enforcement == 'blocked'")), Truth::Unknown);
    assert_eq!(holds(&format!("usb.storage_enforcement == 'blocked' && {unreadable}")), Truth::No);
    assert_eq!(holds(&format!("usb.storage_enforcement == 'free' && {unreadable}")), Truth::Unknown);
    assert_eq!(holds("1 / 0 == 1"), Truth::Unknown);
}
