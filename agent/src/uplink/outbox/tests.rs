//! Obligations: nothing leaves the outbox without an ack, a refusal for good, or a count that is told.

use std::time::Duration;

use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).expect("a time")
}

fn outbox(dir: &Path, epoch: u64) -> Outbox {
    let limits = Limits { bytes_max: 4 << 20, age_max: Duration::from_secs(3_600) };
    Outbox::new(dir, limits, Epoch(epoch), now())
}

fn group(name: &str, bytes: usize) -> Group {
    Group { name: name.parse().expect("a name"), schema_version: 1, body: vec![1; bytes], observed_at: now() }
}

fn add(outbox: &mut Outbox, name: &str) {
    outbox.report(vec![group(name, 10)], now(), Instant::now());
}

fn drain(outbox: &mut Outbox) -> Vec<u64> {
    std::iter::from_fn(|| outbox.next_unsent(Instant::now())).map(|report| report.sequence).collect()
}

fn refusal(sequence: u64, permanent: bool) -> wire::Refused {
    wire::Refused {
        epoch: 1,
        sequence,
        reason: "busy".to_owned(),
        detail: "x".repeat(5_000),
        permanent,
        retry_after_ms: 1,
    }
}

#[tokio::test]
async fn an_ack_means_what_it_names_and_a_new_connection_sends_the_rest_again() {
    let dir = tempfile::tempdir().expect("folder");
    let mut outbox = outbox(dir.path(), 1);
    for name in ["a", "b", "c"] {
        add(&mut outbox, name);
    }
    assert_eq!(drain(&mut outbox), [1, 2, 3]);
    assert_eq!(drain(&mut outbox), [] as [u64; 0]);
    assert!(outbox.acked(Epoch(1), Sequence(1)..=Sequence(2)));
    assert!(!outbox.acked(Epoch(1), Sequence(1)..=Sequence(2)), "nothing waited for that");
    outbox.connected();
    assert_eq!(drain(&mut outbox), [3]);
    assert!(outbox.acked(Epoch(1), Sequence(1)..=Sequence(3)));
    assert!(outbox.is_empty());
    assert!(!Spool::is_there(dir.path()));
}

#[tokio::test]
async fn the_number_in_flight_is_bounded() {
    let dir = tempfile::tempdir().expect("folder");
    let mut outbox = outbox(dir.path(), 1);
    for _ in 0..IN_FLIGHT_MAX + 5 {
        add(&mut outbox, "a");
    }
    assert_eq!(drain(&mut outbox).len(), IN_FLIGHT_MAX);
    outbox.acked(Epoch(1), Sequence(1)..=Sequence(3));
    assert_eq!(drain(&mut outbox).len(), 3);
}

#[tokio::test]
async fn what_was_refused_for_now_is_not_acked_by_what_follows() {
    for spooled in [false, true] {
        let dir = tempfile::tempdir().expect("folder");
        let mut outbox = outbox(dir.path(), 1);
        for name in ["a", "b", "c"] {
            add(&mut outbox, name);
        }
        if spooled {
            outbox.put_away(now());
        }
        assert_eq!(drain(&mut outbox), [1, 2, 3]);
        outbox.refused(&refusal(2, false), now());
        // As a collector says it that names no first report.
        assert!(outbox.acked(Epoch(1), Sequence(0)..=Sequence(3)));
        assert_eq!(outbox.waiting(), 1, "the second is not acked; spooled: {spooled}");
        assert_eq!(drain(&mut outbox), [2]);
        outbox.acked(Epoch(1), Sequence(2)..=Sequence(2));
        assert!(outbox.is_empty());
    }
}

#[tokio::test]
async fn everything_that_was_refused_for_now_goes_again_in_order() {
    for spooled in [false, true] {
        let dir = tempfile::tempdir().expect("folder");
        let mut outbox = outbox(dir.path(), 1);
        for _ in 0..10 {
            add(&mut outbox, "a");
        }
        if spooled {
            outbox.put_away(now());
        }
        let mut accepted = Vec::new();
        // A collector that takes one report, refuses the rest of what comes, and is asked again.
        while accepted.len() < 10 {
            let sent = drain(&mut outbox);
            let Some((first, rest)) = sent.split_first() else { panic!("accepted {accepted:?} and no more comes") };
            rest.iter().for_each(|sequence| outbox.refused(&refusal(*sequence, false), now()));
            outbox.acked(Epoch(1), Sequence(*first)..=Sequence(*first));
            accepted.push(*first);
        }
        assert!(accepted.is_sorted(), "{accepted:?}; spooled: {spooled}");
        assert!(outbox.is_empty());
    }
}

#[tokio::test]
async fn after_a_refusal_for_now_one_report_tries_until_acks_come() {
    let dir = tempfile::tempdir().expect("folder");
    let mut outbox = outbox(dir.path(), 1);
    for _ in 0..40 {
        add(&mut outbox, "a");
    }
    let first = drain(&mut outbox);
    for sequence in &first {
        outbox.refused(&refusal(*sequence, false), now());
    }
    let mut sent = Vec::new();
    for _ in 0..5 {
        let next = drain(&mut outbox);
        sent.push(next.len());
        for sequence in next {
            outbox.acked(Epoch(1), Sequence(sequence)..=Sequence(sequence));
        }
    }
    assert_eq!(sent, [1, 2, 8, IN_FLIGHT_MAX, 13], "each ack doubles what may be in flight");
    assert!(outbox.is_empty());
}

#[tokio::test]
async fn an_ack_of_what_was_not_sent_on_this_connection_is_no_ack() {
    let dir = tempfile::tempdir().expect("folder");
    let mut outbox = outbox(dir.path(), 1);
    for name in ["a", "b", "c"] {
        add(&mut outbox, name);
    }
    assert_eq!(drain(&mut outbox), [1, 2, 3]);
    outbox.connected();
    assert!(!outbox.acked(Epoch(1), Sequence(1)..=Sequence(3)));
    assert_eq!(outbox.next_unsent(Instant::now()).map(|report| report.sequence), Some(1));
    assert!(outbox.acked(Epoch(1), Sequence(0)..=Sequence(u64::MAX)));
    assert!(!outbox.acked(Epoch(1), Sequence(3)..=Sequence(2)), "a range that is none");
    assert_eq!(outbox.waiting(), 2);
}

#[tokio::test]
async fn what_was_refused_for_good_becomes_a_bounded_dead_letter() {
    let dir = tempfile::tempdir().expect("folder");
    let mut outbox = outbox(dir.path(), 1);
    for n in 1..=(DEAD_LETTERS_MAX as u64 + 4) {
        add(&mut outbox, "a");
        outbox.next_unsent(Instant::now()).expect("a report");
        outbox.refused(&refusal(n, true), now());
    }
    let (letters, count) = outbox.dead_letters();
    assert_eq!((letters.len(), count), (DEAD_LETTERS_MAX, DEAD_LETTERS_MAX as u64 + 4));
    assert!(letters.iter().all(|letter| letter.detail.len() <= 1_024));
    assert!(outbox.is_empty());
}

#[tokio::test]
async fn memory_that_is_full_opens_the_spool_and_the_order_stays() {
    let dir = tempfile::tempdir().expect("folder");
    let mut outbox = outbox(dir.path(), 1);
    for _ in 0..=MEMORY_REPORTS_MAX {
        add(&mut outbox, "a");
    }
    let (spooled, _) = outbox.spooled().expect("open");
    assert_eq!(spooled, MEMORY_REPORTS_MAX + 1);
    add(&mut outbox, "b");
    let mut sent = 0;
    while outbox.waiting() > 0 {
        for sequence in drain(&mut outbox) {
            assert_eq!(sequence, sent + 1);
            sent = sequence;
        }
        outbox.acked(Epoch(1), Sequence(1)..=Sequence(sent));
    }
    assert!(outbox.spooled().is_none() && !Spool::is_there(dir.path()), "closed as soon as it is drained");
}

#[tokio::test]
async fn the_next_run_delivers_what_the_last_one_could_not_before_its_own() {
    let dir = tempfile::tempdir().expect("folder");
    let mut first = outbox(dir.path(), 1);
    add(&mut first, "a");
    add(&mut first, "b");
    assert_eq!(first.close(now()), 2);
    let mut second = outbox(dir.path(), 2);
    add(&mut second, "c");
    let reports: Vec<(u64, u64)> = std::iter::from_fn(|| second.next_unsent(Instant::now()))
        .map(|report| (report.epoch, report.sequence))
        .collect();
    assert_eq!(reports, [(1, 1), (1, 2), (2, 1)]);
    second.acked(Epoch(2), Sequence(1)..=Sequence(1));
    assert_eq!(second.waiting(), 2, "an ack of this run says nothing of the last one");
    second.acked(Epoch(1), Sequence(1)..=Sequence(2));
    assert!(second.is_empty());
}

#[tokio::test]
async fn a_disk_that_takes_nothing_costs_history_not_the_present_and_is_told() {
    let dir = tempfile::tempdir().expect("folder");
    // A file where the spool's folder has to be: every opening fails, whoever runs the test.
    std::fs::write(dir.path().join("spool"), "in the way").expect("written");
    let mut outbox = outbox(dir.path(), 1);
    for _ in 0..=MEMORY_REPORTS_MAX {
        add(&mut outbox, "a");
    }
    add(&mut outbox, "b");
    assert!(outbox.spool_problem().is_some());
    outbox.connected();
    let reports: Vec<wire::Report> = std::iter::from_fn(|| outbox.next_unsent(Instant::now())).collect();
    let dropped = reports.iter().find_map(|report| report.dropped.clone()).expect("the loss is told");
    assert_eq!(dropped.count, MEMORY_REPORTS_MAX as u64 + 1);
    let names: Vec<&str> = reports.iter().flat_map(|report| &report.group).map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let sequences: Vec<u64> = reports.iter().map(|report| report.sequence).collect();
    assert!(sequences.is_sorted() && sequences[0] > MEMORY_REPORTS_MAX as u64, "no number is used twice");
}

#[tokio::test]
async fn a_damaged_spool_is_set_aside_and_told_though_nothing_new_happens() {
    let dir = tempfile::tempdir().expect("folder");
    let mut first = outbox(dir.path(), 1);
    add(&mut first, "a");
    first.close(now());
    std::fs::write(dir.path().join("spool/current"), "../elsewhere").expect("written");
    let mut second = outbox(dir.path(), 2);
    assert!(second.spool_problem().is_some_and(|problem| problem.contains("set aside")));
    assert!(!second.is_empty(), "a loss has to be told");
    let report = second.next_unsent(Instant::now()).expect("a report that tells it");
    assert!(report.group.is_empty());
    assert_eq!(report.dropped.expect("a loss").count, 1);
    second.acked(Epoch(2), Sequence(1)..=Sequence(1));
    assert!(second.is_empty());
}

/// A collector's answer to the oldest report that it has not answered, as the outbox sees it.
fn answer(
    outbox: &mut Outbox,
    received: &mut VecDeque<Key>,
    kept: &mut BTreeSet<Key>,
    draw: &mut impl FnMut(u64) -> u64,
) {
    let Some(first) = received.pop_front() else { return };
    if draw(3) == 0 {
        outbox.refused(&wire::Refused { epoch: first.0.0, ..refusal(first.1.0, false) }, now());
        return;
    }
    let mut last = first;
    while draw(2) == 0
        && let Some(next) = received.pop_front_if(|next| next.0 == last.0 && next.1 == last.1.next())
    {
        last = next;
    }
    kept.extend((first.1.0..=last.1.0).map(|sequence| (first.0, Sequence(sequence))));
    outbox.acked(first.0, first.1..=last.1);
}

#[tokio::test]
async fn random_histories_lose_nothing() {
    for seed in 0..200_u64 {
        let dir = tempfile::tempdir().expect("folder");
        let mut state = seed;
        let mut draw = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let (mut epoch, mut made, mut kept) = (1, BTreeSet::new(), BTreeSet::new());
        let mut next = 1;
        let mut outbox = outbox(dir.path(), epoch);
        // What the collector has received on this connection, in order, and not yet answered.
        let mut received: VecDeque<Key> = VecDeque::new();
        for _ in 0..60 {
            match draw(6) {
                0 | 1 => {
                    add(&mut outbox, "a");
                    made.insert((Epoch(epoch), Sequence(next)));
                    next += 1;
                }
                2 => received.extend(outbox.next_unsent(Instant::now()).as_ref().map(key)),
                3 => answer(&mut outbox, &mut received, &mut kept, &mut draw),
                4 => {
                    if draw(3) == 0 {
                        received.clear();
                        outbox.connected();
                    } else {
                        received.extend(std::iter::from_fn(|| outbox.next_unsent(Instant::now())).map(|it| key(&it)));
                    }
                }
                _ => {
                    if draw(3) == 0 {
                        outbox.close(now());
                        (epoch, next) = (epoch + 1, 1);
                        outbox = self::outbox(dir.path(), epoch);
                        received.clear();
                    } else {
                        outbox.put_away(now());
                    }
                }
            }
        }
        while !outbox.is_empty() {
            received.extend(outbox.next_unsent(Instant::now()).as_ref().map(key));
            assert!(!received.is_empty(), "seed {seed}: {} wait and none is sent", outbox.waiting());
            answer(&mut outbox, &mut received, &mut kept, &mut draw);
        }
        assert_eq!(kept, made, "seed {seed}");
    }
}
