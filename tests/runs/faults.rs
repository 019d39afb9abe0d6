//! Candles from an exchange that misbehaves: everything in the end, a reason for what is missing until then.

use std::sync::Arc;
use std::time::Duration;

use dccd::jobs::RunErrorKind;
use dccd::model::{Series, Windows};
use dccd::sim::{Endpoint, Fault, Knobs, RetryAfter, Rule};

use crate::test_daemon::{
    MINUTE, MINUTELY, Metrics, TestDaemon, asked_number, assert_same, at, backfill, error_of, run, window,
};

/// The fault of one page in ten.
const MIXED: [Fault; 12] = [
    Fault::Status429,
    Fault::Status500,
    Fault::Status503,
    Fault::Html,
    Fault::Truncated,
    Fault::Reset,
    Fault::ErrorBody,
    Fault::Short,
    Fault::Empty,
    Fault::Shuffled,
    Fault::Doubled,
    Fault::WrongType,
];

/// Every request inside a wait that an answer before it asked for. Those that were on their way when it was
/// asked for arrive within moments of it.
fn inside_a_wait(setup: &TestDaemon, wait: Duration) -> usize {
    let requests = setup.sim.requests();
    let asked: Vec<Duration> =
        requests.iter().filter(|seen| seen.status == 429).map(|seen| seen.at).collect();
    let on_their_way = Duration::from_millis(150);
    let early = |at: &Duration| {
        asked.iter().any(|from| *at > *from + on_their_way && *at + on_their_way < *from + wait)
    };
    requests.iter().filter(|seen| early(&seen.at)).count()
}

/// Whether what is missing and what has a reason are the same windows, as far as anything was tried.
fn assert_gaps_have_reasons(setup: &TestDaemon, failed: usize) {
    let ledger = setup.ledger(MINUTELY);
    let noted: Windows = ledger.notes.iter().map(|note| note.window).collect();
    let gaps = ledger.gaps(at("2024-03-01"));
    assert!(noted.iter().all(|part| gaps.cover(part)), "a reason for what is not missing: {noted:?}");
    let reasons = ledger.notes.iter().filter(|note| note.reason.contains("attempts failed")).count();
    assert!(failed == 0 || reasons > 0, "{failed} windows failed and none has a reason");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_answer_in_ten_broken_leaves_exactly_the_rows_of_the_exchange() {
    let mut struck = std::collections::HashSet::new();
    for seed in [1, 2] {
        let setup = TestDaemon::at("2024-03-01 00:00:30", Knobs { seed, ..Knobs::default() }).await;
        setup.sim.set(|knobs| {
            knobs.retry_after = RetryAfter::Seconds(1);
            knobs.faults = MIXED.iter().map(|fault| Rule::share(*fault, 0.1 / 12.0)).collect();
        });
        let order = backfill(MINUTELY, "2024-01-01");

        let (mut runs, mut rows) = (0, 0);
        loop {
            runs += 1;
            assert!(runs <= 6, "seed {seed}: six runs were not enough");
            let outcome = setup.run(&order).await;
            rows += outcome.rows;
            let failed = match outcome.error.as_ref().map(|error| &error.kind) {
                Some(RunErrorKind::Windows { failed, .. }) => *failed,
                _ => 0,
            };
            assert_gaps_have_reasons(&setup, failed);
            if outcome.error.is_none() {
                break;
            }
        }

        assert_eq!(rows, 60 * 1_440, "seed {seed}: reported and stored");
        setup.assert_true(MINUTELY, window("2024-01-01", "2024-03-01")).await;
        assert!(setup.ledger(MINUTELY).notes.is_empty(), "seed {seed}: what is filled needs no reason");
        assert_eq!(inside_a_wait(&setup, Duration::from_secs(1)), 0, "seed {seed}");
        let requests = setup.asked(Endpoint::Ohlc);
        struck.extend(requests.iter().filter_map(|seen| seen.fault));
        let faults = requests.iter().filter(|seen| seen.fault.is_some()).count();
        let least = 87 + 1;
        assert!(
            requests.len() <= least * 3 / 2 + faults,
            "seed {seed}: {} requests, {faults} faults, {runs} runs",
            requests.len()
        );
    }
    assert!(struck.len() >= 7 && struck.contains(&Fault::Status429), "only {struck:?} were tried");
}

#[tokio::test]
async fn a_page_that_keeps_failing_is_a_gap_with_its_reason_and_the_next_run_fills_exactly_it() {
    let setup = TestDaemon::at("2024-01-06 00:00:30", Knobs::default()).await;
    // Of the eight windows, walked side by side, every request of some fails as long as this lasts.
    setup.sim.set(|knobs| knobs.faults = vec![Rule::every(Fault::Status500, 3).at(Endpoint::Ohlc)]);
    let mut order = backfill(MINUTELY, "2024-01-01");
    order.retry.attempts = 1;
    let engine = setup.engine().await;

    let outcome = run(&engine, &order).await;

    let Some(RunErrorKind::Windows { failed, planned, .. }) = outcome.error.as_ref().map(|error| &error.kind)
    else {
        panic!("{}", error_of(&outcome))
    };
    let (failed, planned) = (*failed, *planned);
    // The look for the first row is the first of the requests, so that every third from the second on fails.
    assert_eq!((failed, planned), (3, 8));
    assert!(error_of(&outcome).contains("HTTP 500"), "{}", error_of(&outcome));
    let series: Series = MINUTELY.parse().unwrap();
    let health = engine.telemetry().health().of(&series).unwrap();
    assert_eq!((health.consecutive_errors, health.rows), (1, outcome.rows), "one run, one error");
    assert!(health.last_error.unwrap().contains("HTTP 500"));
    assert_eq!(Metrics::of(&engine).of_series("dccd_job_consecutive_errors", &series), 1.0);
    let ledger = setup.ledger(MINUTELY);
    let gaps = ledger.gaps(at("2024-01-06"));
    assert_eq!(gaps.secs() as u64 / 60, 5 * 1_440 - outcome.rows, "all others are stored");
    assert_eq!(Metrics::of(&engine).of_series("dccd_series_gap_seconds", &series), gaps.secs());
    for gap in gaps.iter() {
        let reason = ledger.reason(gap).unwrap_or_default();
        assert!(reason.starts_with("1 attempts failed") && reason.contains("HTTP 500"), "{gap}: {reason:?}");
    }

    setup.sim.set(|knobs| knobs.faults.clear());
    let before = setup.asked(Endpoint::Ohlc).len();
    let healed = run(&engine, &order).await;

    assert_eq!((error_of(&healed).as_str(), healed.rows), ("", 5 * 1_440 - outcome.rows));
    assert_eq!(engine.telemetry().health().of(&series).unwrap().consecutive_errors, 0);
    let asked = &setup.asked(Endpoint::Ohlc)[before..];
    let again = ledger.covered.last().unwrap().until.0 - 3 * MINUTE;
    let allowed =
        |start: i64| start == again || gaps.iter().any(|gap| gap.from.0 <= start && start < gap.until.0);
    let others: Vec<_> =
        asked.iter().filter(|seen| !allowed(asked_number(seen, "startTime") * 1_000)).collect();
    assert!(others.is_empty(), "{gaps:?} were asked for, and {others:#?}");
    engine.close().await;
    setup.assert_true(MINUTELY, window("2024-01-01", "2024-01-06")).await;
}

#[tokio::test]
async fn an_exchange_that_is_down_is_given_up_on_soon_and_the_run_after_gets_everything() {
    let setup = TestDaemon::at("2024-01-21 00:00:30", Knobs::default()).await;
    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Html).at(Endpoint::Ohlc)]);

    let outcome = setup.run(&backfill(MINUTELY, "2024-01-01")).await;

    let requests = setup.asked(Endpoint::Ohlc).len();
    assert!(requests <= 3 * (5 + 4), "{requests} requests to an exchange that is down");
    assert!(error_of(&outcome).contains("<!DOCTYPE html>"), "{}", error_of(&outcome));
    assert_eq!(setup.stored(MINUTELY).len(), 0);
    let ledger = setup.ledger(MINUTELY);
    assert_eq!(
        ledger.gaps(at("2024-01-21")).iter().collect::<Vec<_>>(),
        [window("2024-01-01", "2024-01-21")]
    );

    setup.sim.set(|knobs| knobs.faults.clear());
    assert_eq!(error_of(&setup.run(&backfill(MINUTELY, "2024-01-01")).await), "");
    setup.assert_true(MINUTELY, window("2024-01-01", "2024-01-21")).await;
}

#[tokio::test]
async fn one_failed_look_at_the_listing_or_the_clock_fails_no_run() {
    let setup = TestDaemon::at("2024-01-02 00:00:30", Knobs::default()).await;
    for endpoint in [Endpoint::Instruments, Endpoint::Time] {
        setup.sim.set(|knobs| {
            knobs.faults = vec![
                Rule { fault: Fault::Status503, endpoint: None, ..Rule::every(Fault::Status503, 2) }
                    .at(endpoint),
            ];
        });
        for _ in 0..2 {
            assert_eq!(error_of(&setup.run(&backfill(MINUTELY, "2024-01-01")).await), "", "{endpoint:?}");
        }
    }
    assert_same(&setup.stored(MINUTELY), &setup.existing(MINUTELY, window("2024-01-01", "2024-01-02")));
}

#[tokio::test]
async fn one_error_that_is_final_leaves_the_run_as_a_gap_that_says_so() {
    let setup = TestDaemon::at("2024-01-02 00:00:30", Knobs::default()).await;
    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Status451).at(Endpoint::Ohlc)]);

    let outcome = setup.run(&Arc::new(backfill(MINUTELY, "2024-01-01"))).await;

    assert!(error_of(&outcome).contains("https://data-api.binance.vision"), "{}", error_of(&outcome));
    assert!(setup.asked(Endpoint::Ohlc).len() <= 2, "asking on would meet the same");
    let ledger = setup.ledger(MINUTELY);
    let gap = ledger.gaps(at("2024-01-02")).first().unwrap();
    assert!(ledger.reason(gap).unwrap().contains("451"), "{:?}", ledger.reason(gap));
}
