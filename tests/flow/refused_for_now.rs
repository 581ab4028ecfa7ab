//! Reports that the collector refuses for now: each comes again until it is taken.

use std::time::Duration;

use harness::{Root, collector, eventually, free_port, journal, within};
use jiff::Timestamp;
use serde_json::Value;
use tenken_proto::ident::Sequence;

/// Reports that wait when the collector is there again.
const WAITING: usize = 10;
/// The collector takes one each second.
const PATIENCE: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "prepared facts are dated from the real clock that the programs read")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[test]
fn a_collector_that_takes_one_report_a_second_gets_all_that_wait() {
    let mut collector = collector()
        .set("listen", "report", free_port())
        .set("limits", "reports_per_second", 1)
        .set("limits", "reports_burst", 1)
        .start();
    let root = Root::debian_12("pc-001", now());
    let mut agent = collector.agent().root(root.path()).set("reconnect_max", "1s").enrol();
    collector.stop();
    agent.run();
    for reported in 1..=WAITING {
        eventually("the change is seen", || match agent.log().matches("Changed").count() {
            count if count >= reported => Ok(()),
            count => Err(count.to_string()),
        });
        if reported % 2 == 0 {
            root.block_usb_storage()
        } else {
            root.free_usb_storage()
        };
    }
    let waiting = || {
        let status = std::fs::read(agent.data_dir().join("status.json")).unwrap_or_default();
        serde_json::from_slice::<Value>(&status).unwrap_or_default()["waiting"].as_u64().unwrap_or(0)
    };
    eventually("they wait", || match waiting() {
        waiting if waiting >= WAITING as u64 => Ok(()),
        waiting => Err(waiting.to_string()),
    });

    collector.serve();
    let (_, took) = within(PATIENCE, "nothing waits", || match waiting() {
        0 => Ok(()),
        waiting => Err(waiting.to_string()),
    });
    agent.stop();
    collector.stop();
    let kept = journal::reports(&collector.data_dir());
    let sequences: Vec<Sequence> = kept.keys().map(|(_, sequence)| *sequence).collect();
    let expected: Vec<Sequence> = (1..=kept.len() as u64).map(Sequence).collect();
    eprintln!("{} reports in {took:?}", kept.len());
    assert!(kept.len() >= WAITING, "{sequences:?}");
    assert_eq!(sequences, expected, "none is missing");
    assert!(kept.values().all(|kept| kept.len() == 1), "each once");
}
