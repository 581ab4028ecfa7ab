//! A machine's clock that is far ahead, far behind, or steps back while it reports.
//!
//! The client is a plain one: the built agent reads the machine's clock, which a test must not set.

use harness::client::Stream;
use harness::{Collector, collector, eventually};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tenken_proto::convert::encode_group;
use tenken_proto::fact::antivirus::Antivirus;
use tenken_proto::ident::Epoch;
use tenken_proto::observed::Observed;
use tenken_proto::wire;

use super::{acked, enrolled, open, runtime};

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[expect(clippy::disallowed_methods, reason = "compared with what the programs read from the real clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A heartbeat and a report of a machine whose clock is ahead by so much.
async fn speak(stream: &mut Stream, ahead: SignedDuration, number: u64) -> anyhow::Result<()> {
    let clock = now() + ahead;
    let heartbeat = wire::Heartbeat {
        epoch: stream.epoch.0,
        clock_unix_ms: clock.as_millisecond(),
        total_digest: Vec::new().into(),
        group_seen: Vec::new(),
    };
    stream.up.send(wire::Up { message: Some(wire::up::Message::Heartbeat(heartbeat)) }).await?;
    let antivirus = Antivirus { products: Observed::known(Vec::new(), format!("report {number}")) };
    stream.send(vec![encode_group(antivirus, clock)]).await?;
    acked(stream, stream.sequence).await
}

fn host(collector: &Collector) -> Value {
    let id = collector.json(&["hosts"])["hosts"][0]["id"].as_str().unwrap_or_default().to_owned();
    collector.json(&["host", &id])
}

#[test]
fn a_clock_far_ahead_or_behind_or_stepping_back_is_shown_and_dates_nothing_wrongly() {
    let collector = collector().start();
    let runtime = runtime();
    let identity = enrolled(&runtime, &collector, "pc-001");
    let mut stream = runtime.block_on(open(&collector, &identity, Epoch(1))).unwrap();
    // Ahead by more than a year, a small step back, behind by more than a year, and right again.
    for (number, (ahead, skewed)) in
        [(DAY * 400, true), (DAY * 399, true), (DAY * -400, true), (SignedDuration::ZERO, false)]
            .into_iter()
            .enumerate()
    {
        let began = now() - SignedDuration::from_secs(2);
        runtime.block_on(speak(&mut stream, ahead, u64::try_from(number).unwrap())).unwrap();
        let shown = eventually("the skew is shown as it is now", || match host(&collector) {
            host if host["clock_skewed"] == skewed => Ok(host),
            host => Err(host.to_string()),
        });
        let off = shown["clock_offset_ms"].as_i64().unwrap() - i64::try_from(ahead.as_millis()).unwrap();
        assert!(off.abs() < 5_000, "{ahead}: shown as {}", shown["clock_offset_ms"]);
        let observed: Timestamp = shown["groups"]["antivirus"]["observed_at"].as_str().unwrap().parse().unwrap();
        assert!(observed >= began && observed <= now(), "{ahead}: dated {observed}, it is {}", now());
        assert!(shown["facts"]["antivirus"].to_string().contains(&format!("report {number}")), "{shown}");
    }
}
