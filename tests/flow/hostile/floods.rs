//! HTTP/2 floods, connections that do nothing and readers that never read, over TLS on both listeners.
//!
//! CVE-2023-44487 (rapid reset), CVE-2024-27316 (CONTINUATION), RUSTSEC-2024-0003 (resets by the server),
//! RUSTSEC-2026-0258 (empty DATA), CVE-2019-9512 and -9515 (PING, SETTINGS), CVE-2019-9517 (window of zero).

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::client::{Identity, roots, tls};
use harness::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Flooded, HEADERS, PAYLOAD_BYTES_MAX, PING, PREFACE, RST_STREAM, Reads,
    SETTINGS, call, call_headers, dial, flood, frame, opening, read_until_end, tcp,
};
use harness::{Collector, collector, eventually, within};
use prost::Message as _;
use rustls::ClientConfig;
use tenken_proto::report::WIRE_VERSION;
use tenken_proto::wire::{self, up};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::client::TlsStream;

use super::{ELSEWHERE, GoodAgent, MemoryWatch, enrolled, refused, runtime};

/// A flood is given up after so many bytes.
const FLOOD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A flood that must be ended is ended within this time.
const ENDED_WITHIN: Duration = Duration::from_secs(5);
/// A handshake is ended after 8 s, a connection without a call after 10 s; then some patience.
const IDLE_ENDED_WITHIN: Duration = Duration::from_secs(14);
/// Connections of one kind at one time; an identity may have two.
const AT_ONCE: usize = 2;
/// Reports of an agent that takes no answer: more answers than wait for a slow reader.
const UNHEARD: u32 = 40;
/// From one of them to the next.
const UNHEARD_EVERY: Duration = Duration::from_millis(50);
/// It has 30 s to take one; then some patience.
const UNHEARD_CUT_WITHIN: Duration = Duration::from_secs(45);
/// RFC 9113 section 7.
const ENHANCE_YOUR_CALM: u32 = 0xb;

/// Connections of an address that has proven nothing, by default.
const PER_ADDRESS: usize = 20;

/// A listener, and a way in.
#[derive(Clone)]
struct Door {
    name: &'static str,
    address: SocketAddr,
    config: Arc<ClientConfig>,
    method: &'static str,
}

impl Door {
    async fn dial(&self) -> TlsStream<TcpStream> {
        dial(ELSEWHERE, self.address, Arc::clone(&self.config)).await.unwrap()
    }
}

/// Enrol without a certificate, report with one.
fn doors(collector: &Collector, identity: &Identity) -> [Door; 2] {
    let (roots, addresses) = (roots(&collector.data_dir()), collector.addresses());
    [
        Door {
            name: "enrol",
            address: addresses.enrol,
            config: tls(&roots, None),
            method: "/tenken.v1.Enrolment/Time",
        },
        Door {
            name: "report",
            address: addresses.report,
            config: tls(&roots, Some(identity)),
            method: "/tenken.v1.Reporting/Report",
        },
    ]
}

/// What must become of a flood.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Must {
    /// The connection is ended, by a GOAWAY with that code when the client reads.
    End(Option<u32>),
    /// Whatever becomes of the connection, memory stays bounded and others are served.
    StayBounded,
}

struct Attack {
    name: &'static str,
    /// The bytes of that number, for a call of a method.
    chunk: fn(u32, &str) -> Vec<u8>,
    must: Must,
}

/// Calls of one connection at one time.
const CALLS: u32 = 8;
/// Streams of one chunk.
const STREAMS: u32 = 50;

/// The ids of the streams that a chunk opens.
fn streams(chunk: u32) -> impl Iterator<Item = u32> {
    (0..STREAMS).map(move |n| (chunk * STREAMS + n) * 2 + 1)
}

/// Preface and settings before the first chunk.
fn opened(chunk: u32, then: Vec<u8>) -> Vec<u8> {
    let mut bytes = if chunk == 0 { opening(&[]) } else { Vec::new() };
    bytes.extend(then);
    bytes
}

fn rapid_reset(chunk: u32, method: &str) -> Vec<u8> {
    let pair = |stream| [call(stream, method, 0), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat();
    opened(chunk, streams(chunk).flat_map(pair).collect())
}

fn too_many_streams(chunk: u32, method: &str) -> Vec<u8> {
    opened(chunk, streams(chunk).flat_map(|stream| call(stream, method, 0)).collect())
}

/// Headers that never end: literals that are not indexed.
fn continuation(chunk: u32, method: &str) -> Vec<u8> {
    let filler = b"\x00\x01a\x01b".repeat(PAYLOAD_BYTES_MAX / 5);
    match chunk {
        0 => opened(0, frame(HEADERS, 0, 1, &call_headers(method))),
        _ => frame(CONTINUATION, 0, 1, &filler),
    }
}

/// Some KiB that stand for MiB: a long value goes into the table, and is named again and again.
fn header_bomb(chunk: u32, method: &str) -> Vec<u8> {
    let mut block = call_headers(method);
    block.extend_from_slice(b"\x40\x01a\x7f\x81\x1e");
    block.extend(std::iter::repeat_n(b'x', 127 + 0x81 - 0x80 + 0x1e * 128));
    block.extend(std::iter::repeat_n(0xbe, 8 * 1024));
    opened(chunk, frame(HEADERS, END_HEADERS | END_STREAM, chunk * 2 + 1, &block))
}

fn pings(chunk: u32, _: &str) -> Vec<u8> {
    opened(chunk, frame(PING, 0, 0, &[0; 8]).repeat(500))
}

fn settings(chunk: u32, _: &str) -> Vec<u8> {
    opened(chunk, frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]).repeat(500))
}

fn empty_data(chunk: u32, method: &str) -> Vec<u8> {
    let data = frame(DATA, 0, 1, &[]).repeat(500);
    opened(chunk, if chunk == 0 { [call(1, method, 0), data].concat() } else { data })
}

/// A message of 64 KiB is announced, and comes byte by byte.
fn crumbs(chunk: u32, method: &str) -> Vec<u8> {
    let data = frame(DATA, 0, 1, &[0]).repeat(500);
    let begin = || [call(1, method, 0), frame(DATA, 0, 1, &[0, 0, 1, 0, 0]), data.clone()].concat();
    opened(chunk, if chunk == 0 { begin() } else { data })
}

/// As many calls as are allowed, whose answers may not be sent.
fn no_window(chunk: u32, method: &str) -> Vec<u8> {
    match chunk {
        0 => [opening(&[(4, 0)]), call(1, method, END_STREAM)].concat(),
        1..CALLS => call(chunk * 2 + 1, method, END_STREAM),
        _ => Vec::new(),
    }
}

const ATTACKS: &[Attack] = &[
    Attack { name: "rapid reset", chunk: rapid_reset, must: Must::End(Some(ENHANCE_YOUR_CALM)) },
    Attack { name: "too many streams", chunk: too_many_streams, must: Must::End(Some(ENHANCE_YOUR_CALM)) },
    Attack { name: "CONTINUATION without end", chunk: continuation, must: Must::End(Some(ENHANCE_YOUR_CALM)) },
    Attack { name: "header bomb", chunk: header_bomb, must: Must::End(Some(ENHANCE_YOUR_CALM)) },
    Attack { name: "empty DATA", chunk: empty_data, must: Must::End(Some(ENHANCE_YOUR_CALM)) },
    Attack { name: "DATA of one byte", chunk: crumbs, must: Must::End(Some(ENHANCE_YOUR_CALM)) },
    Attack { name: "PING", chunk: pings, must: Must::StayBounded },
    Attack { name: "SETTINGS", chunk: settings, must: Must::StayBounded },
    Attack { name: "window of zero", chunk: no_window, must: Must::StayBounded },
];

#[test]
fn floods_are_ended_or_bounded_and_a_good_agent_is_served() {
    let collector = collector().set("limits", "reports_burst", 100_000).start();
    let runtime = runtime();
    let hostile = enrolled(&runtime, &collector, "hostile");
    let good = GoodAgent::start(&collector);
    let memory = MemoryWatch::of(collector.pid());
    let rounds = if std::env::var("TENKEN_TIER").is_ok_and(|tier| tier == "full" || tier == "soak") { 10 } else { 1 };
    let all = (0..rounds).flat_map(|round| ATTACKS.iter().map(move |attack| (round, attack)));
    for (round, attack) in all {
        for door in doors(&collector, &hostile) {
            for became in attacked(&runtime, &door, attack) {
                if round == 0 {
                    eprintln!("{} by {}: {became:?}", door.name, attack.name);
                }
                if let Must::End(code) = attack.must {
                    assert!(became.ended, "{} by {}: {became:?}", door.name, attack.name);
                    assert!(became.goaway.is_none() || became.goaway == code, "{}: {became:?}", attack.name);
                }
            }
        }
    }
    memory.stayed_bounded("floods");
    good.was_served("floods");
}

/// The same attack on two connections at once.
fn attacked(runtime: &Runtime, door: &Door, attack: &Attack) -> Vec<Flooded> {
    let (chunk, method) = (attack.chunk, door.method);
    let patience = if attack.must == Must::StayBounded { Duration::from_secs(1) } else { ENDED_WITHIN };
    let floods: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let door = door.clone();
            runtime.spawn(async move {
                flood(door.dial().await, |n| chunk(n, method), FLOOD_BYTES_MAX, patience, Reads::Always).await
            })
        })
        .collect();
    floods.into_iter().map(|flood| runtime.block_on(flood).unwrap()).collect()
}

/// One byte in so long.
const TRICKLE: Duration = Duration::from_millis(500);
/// The first bytes of a TLS handshake.
const HELLO: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Sends byte by byte, and waits for the other side's end.
async fn trickled(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Flooded {
    let (began, mut became, mut buffer) = (Instant::now(), Flooded::default(), [0; 1024]);
    while !became.ended && began.elapsed() < IDLE_ENDED_WITHIN {
        if let Some(byte) = bytes.get(became.sent) {
            became.ended |= stream.write_all(&[*byte]).await.is_err();
            became.sent += 1;
        }
        let read = tokio::time::timeout(TRICKLE, stream.read(&mut buffer)).await;
        became.ended |= matches!(read, Ok(Ok(0) | Err(_)));
    }
    became.took = began.elapsed();
    became
}

type Became = Pin<Box<dyn Future<Output = Flooded> + Send>>;

type Idle = fn(Door) -> Became;

/// What holds a place without a call, each way on a connection of its own.
const IDLERS: &[(&str, Idle)] = &[
    ("a silent handshake", |door| {
        Box::pin(async move { trickled(tcp(ELSEWHERE, door.address).await.unwrap(), &[]).await })
    }),
    ("a slow handshake", |door| {
        Box::pin(async move { trickled(tcp(ELSEWHERE, door.address).await.unwrap(), HELLO).await })
    }),
    ("no first frame", |door| Box::pin(async move { trickled(door.dial().await, &[]).await })),
    ("a slow first frame", |door| Box::pin(async move { trickled(door.dial().await, PREFACE).await })),
    ("pings whose answers are never read", |door| Box::pin(async move { never_reads(door.dial().await, pings).await })),
    ("settings whose answers are never read", |door| {
        Box::pin(async move { never_reads(door.dial().await, settings).await })
    }),
];

async fn never_reads(tls: TlsStream<TcpStream>, chunk: fn(u32, &str) -> Vec<u8>) -> Flooded {
    flood(tls, |n| chunk(n, ""), 8 * FLOOD_BYTES_MAX, IDLE_ENDED_WITHIN, Reads::Never).await
}

#[test]
fn who_makes_no_call_is_cut_off_in_time_and_counted() {
    let collector = collector().set("limits", "reports_burst", 100_000).start();
    let runtime = runtime();
    let good = GoodAgent::start(&collector);
    let memory = MemoryWatch::of(collector.pid());
    let mut idlers = Vec::new();
    for (what, idle) in IDLERS {
        let identity = enrolled(&runtime, &collector, what);
        for door in doors(&collector, &identity) {
            idlers.push((format!("{}: {what}", door.name), runtime.spawn(idle(door))));
        }
    }
    for (what, idler) in idlers {
        let became = runtime.block_on(idler).unwrap();
        eprintln!("{what}: {became:?}");
        assert!(became.ended, "{what}: {became:?}");
    }
    memory.stayed_bounded("idlers");
    good.was_served("idlers");
    assert_eq!(refused(&collector, "tls_timeout"), 4, "handshakes: {}", collector.json(&["health"]));
    assert_eq!(refused(&collector, "http2_no_call"), 8, "first calls: {}", collector.json(&["health"]));
    assert!(collector.log().contains("http2_no_call"));
}

/// A call's message with its length before it, as DATA of the first stream.
fn said(message: up::Message) -> Vec<u8> {
    let body = wire::Up { message: Some(message) }.encode_to_vec();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    frame(DATA, 0, 1, &[&[0], &length[..], &body].concat())
}

/// Hello and reports of one agent that takes no answer: each report is owed an ack.
fn talks_and_never_listens(chunk: u32, method: &str) -> Vec<u8> {
    let hello = || wire::Hello {
        wire_version: WIRE_VERSION,
        capability: Vec::new(),
        agent_version: "test".to_owned(),
        os: "linux".to_owned(),
        epoch: 5,
        clock_unix_ms: 0,
    };
    match chunk {
        0 => [opening(&[(4, 0)]), call(1, method, 0), said(up::Message::Hello(hello()))].concat(),
        _ => {
            let sequence = u64::from(chunk);
            let group = vec![super::group(sequence).into()];
            said(up::Message::Report(wire::Report { epoch: 5, sequence, group, dropped: None }))
        }
    }
}

#[test]
fn an_agent_that_never_listens_is_cut_off_and_what_it_reported_is_kept() {
    let mut collector = collector().set("limits", "reports_burst", 100_000).start();
    let runtime = runtime();
    let hostile = enrolled(&runtime, &collector, "hostile");
    let good = GoodAgent::start(&collector);
    let memory = MemoryWatch::of(collector.pid());
    let [_, door] = doors(&collector, &hostile);
    let talker = runtime.spawn(async move {
        let mut tls = door.dial().await;
        for chunk in 0..=UNHEARD {
            tls.write_all(&talks_and_never_listens(chunk, door.method)).await.unwrap();
            tls.flush().await.unwrap();
            // Apart, or one ack would stand for many.
            tokio::time::sleep(UNHEARD_EVERY).await;
        }
        // Its connection stays open: that the collector ends the stream is the collector's doing.
        std::future::pending::<()>().await;
    });
    let connected = |count: u64| {
        let health = collector.json(&["health"]);
        if health["connected_agents"] == count { Ok(()) } else { Err(health.to_string()) }
    };
    eventually("both are connected", || connected(2));
    let ((), after) = within(UNHEARD_CUT_WITHIN, "its stream is ended", || connected(1));
    eprintln!("cut off after {after:?}");
    assert!(after >= Duration::from_secs(20), "a slow reader has some time: {after:?}");
    memory.stayed_bounded("one that never listens");
    good.was_served("one that never listens");
    talker.abort();
    collector.stop();
    let kept = harness::journal::reports(&collector.data_dir());
    let kept = kept.keys().filter(|(epoch, _)| epoch.0 == 5).count();
    eprintln!("{kept} of its {UNHEARD} reports are kept");
    assert!(kept > 0 && kept <= usize::try_from(UNHEARD).unwrap());
}

#[test]
fn an_address_and_an_identity_have_their_places_and_no_more() {
    let collector = collector().start();
    let runtime = runtime();
    let hostile = enrolled(&runtime, &collector, "hostile");
    let [enrol, report] = doors(&collector, &hostile);
    let held = runtime.block_on(async {
        let mut held = Vec::new();
        for _ in 0..PER_ADDRESS + 10 {
            held.push(tcp(ELSEWHERE, enrol.address).await.unwrap());
        }
        held
    });
    eventually("ten are turned away at once", || match refused(&collector, "tls_address_full") {
        10 => Ok(()),
        count => Err(count.to_string()),
    });
    let another = enrolled(&runtime, &collector, "from another address");
    drop((held, another));

    let mut oldest = runtime.block_on(report.dial());
    let newer = runtime.block_on(async { (report.dial().await, report.dial().await) });
    let cut =
        runtime.block_on(async { tokio::time::timeout(ENDED_WITHIN, read_until_end(&mut oldest, &mut None)).await });
    assert!(cut.is_ok(), "the oldest of three is cut");
    drop(newer);
}
