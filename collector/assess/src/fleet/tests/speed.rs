//! A measurement, not a check: `cargo test -p tenken-assess speed -- --ignored --nocapture`.

use std::time::Instant;

use jiff::SignedDuration;

use super::build::{antivirus_group, facts, fleet, good, hour, patch_group, usb_group};
use crate::fleet::Change;

#[test]
#[ignore = "a measurement"]
fn speed() {
    for hosts in [100_u32, 10_000] {
        let mut fleet = fleet();
        for number in 0..hosts {
            let Change::Facts { groups, .. } = good(0, hour(0)) else { unreachable!() };
            let host = uuid_of(number);
            fleet.apply(hour(0), Change::Facts { host, groups });
        }
        let reports = 5_000_u32;
        let changes: Vec<Change> = (0..reports)
            .map(|number| {
                let at = hour(1);
                let old = if number / hosts % 2 == 0 { 24 * 4 } else { 24 };
                let groups = vec![
                    antivirus_group(Some(at - SignedDuration::from_hours(old)), at),
                    patch_group(&["openssl", "bash"][..(number % 3) as usize], at, at),
                ];
                Change::Facts { host: uuid_of(number % hosts), groups }
            })
            .collect();
        let mut verdicts = 0;
        // The best of many small batches: what the machine does beside is left out.
        let mut best = f64::MAX;
        for batch in changes.chunks(50) {
            let batch = batch.to_vec();
            let begun = Instant::now();
            for change in batch {
                verdicts += fleet.apply(hour(1), change).verdicts.len();
            }
            best = best.min(begun.elapsed().as_secs_f64() * 1e6 / 50.0);
        }
        println!("{hosts} hosts: {best:.1} µs per report of two groups, {verdicts} verdicts moved");
        let begun = Instant::now();
        let answers = fleet.answers("ipa-self-3").map(|it| it.items.len());
        println!("  answers read in {:?} ({answers:?} items)", begun.elapsed());
        let one = facts(0, usb_group(Some("free"), hour(1)));
        let begun = Instant::now();
        fleet.apply(hour(1), one);
        println!("  one more change in {:?}", begun.elapsed());
    }
}

fn uuid_of(number: u32) -> tenken_proto::ident::HostId {
    format!("00000000-0000-0000-0000-{number:012x}").parse().unwrap()
}
