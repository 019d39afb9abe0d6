//! Kraken from end to end: candles it still gives, candles computed from trades where it has none any more, and
//! trades themselves.

use std::time::Duration;

use dccd::jobs::{Order, RunError, RunErrorKind};
use dccd::model::{Micros, Series, Window, Windows};
use dccd::sim::{Endpoint, Fault, Knobs, RetryAfter, Rule};
use tokio_util::sync::CancellationToken;

use crate::computed::{own_from, wanted};
use crate::program::{configure, dccd};
use crate::test_daemon::{
    DAY, HOUR, Metrics, TestDaemon, assert_same, at, backfill, error_of, grid, order, run, window,
};

const MINUTELY: &str = "kraken/BTC-USD/ohlc/1m";
const FOUR_HOURLY: &str = "kraken/BTC-USD/ohlc/4h";
const DAILY: &str = "kraken/BTC-USD/ohlc/1d";
const WEEKLY: &str = "kraken/BTC-USD/ohlc/1w";
const TRADES: &str = "kraken/BTC-USD/trades";
const JOB: &str = "{exchange: kraken, pairs: [BTC/USD], span: 14400, retry_delay: 0.01}";

/// A market with so many trades an hour.
fn market(trades_per_hour: u64) -> Knobs {
    Knobs {
        symbols: vec!["BTCUSD".to_owned()],
        trades_per_hour,
        listed_from: at("2019-06-05 07:00:00"),
        ..Knobs::default()
    }
}

fn assert_derived(setup: &TestDaemon, series: &str, derived: Window) {
    let ledger = setup.ledger(series);
    assert_eq!(ledger.derived.iter().collect::<Vec<_>>(), [derived]);
    assert!(ledger.gaps(derived.until).is_empty(), "{:?}", ledger.gaps(derived.until));
}

#[tokio::test]
async fn two_years_of_daily_and_four_hourly_candles_equal_those_of_the_trades_to_the_last_digit() {
    let now = "2024-01-01 00:01:00";
    let setup = TestDaemon::unlimited(JOB, now, market(2)).await;
    for (series, from) in [(DAILY, "2020-01-10"), (FOUR_HOURLY, "2021-09-01"), (WEEKLY, "2015-01-01")] {
        let before = setup.asked(Endpoint::Trades).len();

        let outcome = setup.run(&backfill(series, from)).await;

        assert_eq!(error_of(&outcome), "", "{series}");
        let grid = grid(&series.parse().unwrap());
        let whole = Window::new(at(from), grid.floor(at(now))).unwrap();
        let own = own_from(series, now).max(grid.floor(at("2019-06-05")));
        if series == WEEKLY {
            // All of its weeks are among the newest 720.
            assert_eq!(setup.asked(Endpoint::Trades).len(), before);
            assert_same(&setup.stored(series), &setup.existing(series, whole));
            continue;
        }
        assert!(own.since(whole.from) >= Duration::from_secs(2 * 365 * 86_400 - 30 * 86_400), "{series}");
        assert_same(&setup.stored(series), &wanted(&setup, series, whole, own));
        assert_derived(&setup, series, Window::new(whole.from, own).unwrap());
        let trades = computed_trades(&setup, Window::new(whole.from, own).unwrap());
        let asked = setup.asked(Endpoint::Trades).len() - before;
        assert!(asked <= trades / 1_000 + 1 + 2 + 1 + 2, "{series}: {asked} requests for {trades} trades");
        assert_eq!(setup.stored(TRADES).len(), 0, "the trades themselves are not kept");
    }
}

pub(crate) fn computed_trades(setup: &TestDaemon, window: Window) -> usize {
    let market = setup.sim.market("BTCUSD").unwrap();
    let ids = [window.from, window.until].map(|at| market.first_trade_at_or_after(at));
    usize::try_from(ids[1] - ids[0]).unwrap()
}

#[tokio::test]
async fn weeks_are_computed_from_thursday_on_and_nothing_before_the_first_trade() {
    // A week among the newest 720 reaches back 13 years: the listing lies before that.
    let now = "2024-01-04 00:01:00";
    let knobs = Knobs { listed_from: at("2009-06-05 07:00:00"), ..market(1) };
    let setup = TestDaemon::unlimited(JOB, now, knobs).await;

    let outcome = setup.run(&backfill(WEEKLY, "2009-02-01")).await;

    assert_eq!(error_of(&outcome), "");
    let own = own_from(WEEKLY, now);
    let first = at("2009-06-04");
    let whole = Window::new(first, at("2024-01-04")).unwrap();
    assert_same(&setup.stored(WEEKLY), &wanted(&setup, WEEKLY, whole, own));
    assert_derived(&setup, WEEKLY, Window::new(first, own).unwrap());
    let empty = setup.ledger(WEEKLY).empty;
    assert_eq!(empty.len(), 1, "{empty:?}");
    assert_eq!((empty[0].window.from, empty[0].window.until), (at("2009-02-01"), first));
    assert!(empty[0].reason.contains("first trade"), "{empty:?}");
}

#[tokio::test]
async fn an_interrupted_derivation_goes_on_without_a_hole_and_asks_for_nothing_that_is_done() {
    let now = "2024-01-01 00:01:00";
    let setup = TestDaemon::unlimited(JOB, now, market(20)).await;
    setup.sim.set(|knobs| knobs.latency = Duration::from_millis(5));
    let (engine, stop) = (setup.engine().await, CancellationToken::new());
    let order = backfill(FOUR_HOURLY, "2022-06-01");
    let interrupt = async {
        while setup.asked(Endpoint::Trades).len() < 60 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
    };

    let (stopped, ()) = tokio::join!(engine.run(&order, Duration::ZERO, &|_| {}, &stop), interrupt);

    assert!(
        matches!(stopped.error, Some(RunError { kind: RunErrorKind::Stopped, .. })),
        "{}",
        error_of(&stopped)
    );
    let derived = setup.ledger(FOUR_HOURLY).derived;
    let done = derived.first().unwrap();
    assert_eq!((derived.len(), done.from), (1, at("2022-06-01")));
    let before = setup.asked(Endpoint::Trades);
    let rest = run(&engine, &order).await;
    engine.close().await;

    assert_eq!(error_of(&rest), "");
    let whole = window("2022-06-01", "2024-01-01");
    let own = own_from(FOUR_HOURLY, now);
    assert_same(&setup.stored(FOUR_HOURLY), &wanted(&setup, FOUR_HOURLY, whole, own));
    assert_derived(&setup, FOUR_HOURLY, Window::new(whole.from, own).unwrap());
    let again = &setup.asked(Endpoint::Trades)[before.len()..];
    let since = |path: &str| -> i64 {
        path.split("since=").nth(1).unwrap().split('&').next().unwrap().parse::<i64>().unwrap() / 1_000
    };
    assert!(again.iter().all(|seen| since(&seen.path) >= done.until.0 - 1), "{:?}", again.first());
    let left = computed_trades(&setup, Window::new(done.until, own).unwrap());
    assert!(again.len() <= left / 1_000 + 1 + 2, "{} requests for {left} trades", again.len());
}

#[tokio::test]
async fn the_exchanges_own_candle_replaces_the_computed_one() {
    let now = "2024-01-01 00:01:00";
    let setup = TestDaemon::unlimited(JOB, now, market(2)).await;
    setup.run(&backfill(FOUR_HOURLY, "2023-06-01")).await;
    let derived = setup.ledger(FOUR_HOURLY).derived;
    assert_eq!(derived.first(), Window::new(at("2023-06-01"), own_from(FOUR_HOURLY, now)));

    // Seen from here, the exchange still has candles of its own for some of what was computed.
    let earlier = "2023-11-01 00:01:00";
    setup.move_to(earlier);
    let outcome = setup.run(&order(FOUR_HOURLY)).await;

    assert_eq!(error_of(&outcome), "");
    let own = own_from(FOUR_HOURLY, earlier);
    let replaced = own_from(FOUR_HOURLY, now).since(own).as_secs() / 14_400;
    assert_eq!((outcome.rows, outcome.revised), (0, replaced));
    let whole = window("2023-06-01", "2024-01-01");
    assert_same(&setup.stored(FOUR_HOURLY), &wanted(&setup, FOUR_HOURLY, whole, own));
    assert_derived(&setup, FOUR_HOURLY, Window::new(whole.from, own).unwrap());
}

#[tokio::test]
async fn quiet_buckets_have_no_computed_candle_and_are_covered() {
    let now = "2024-01-01 00:01:00";
    let hole = window("2022-03-01 05:00:00", "2022-03-04 07:00:00");
    let setup = TestDaemon::unlimited(JOB, now, Knobs { holes: hole.into(), ..market(2) }).await;

    let outcome = setup.run(&backfill(FOUR_HOURLY, "2022-01-01")).await;

    assert_eq!(error_of(&outcome), "");
    let own = own_from(FOUR_HOURLY, now);
    let whole = window("2022-01-01", "2024-01-01");
    assert_same(&setup.stored(FOUR_HOURLY), &wanted(&setup, FOUR_HOURLY, whole, own));
    assert_derived(&setup, FOUR_HOURLY, Window::new(whole.from, own).unwrap());
    let inside = |at: &&i64| (at_ms("2022-03-01 08:00:00")..at_ms("2022-03-04 04:00:00")).contains(*at);
    assert_eq!(setup.stored(FOUR_HOURLY).ts().iter().filter(inside).count(), 0);
}

fn at_ms(text: &str) -> i64 {
    at(text).0
}

#[tokio::test]
async fn empty_answers_end_no_derivation_while_a_later_trade_is_known() {
    let setup = TestDaemon::unlimited(JOB, "2024-01-01 00:01:00", market(2)).await;
    setup.sim.set(|knobs| knobs.latency = Duration::from_millis(10));
    let engine = setup.engine().await;
    let order = backfill(DAILY, "2020-01-10");
    let lie = async {
        while setup.asked(Endpoint::Trades).len() < 6 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Empty).at(Endpoint::Trades)]);
    };

    let (outcome, ()) = tokio::join!(run(&engine, &order), lie);

    assert!(error_of(&outcome).contains("contradicting"), "{}", error_of(&outcome));
    let ledger = setup.ledger(DAILY);
    let gaps = ledger.gaps(at("2024-01-01"));
    assert_eq!((gaps.len(), ledger.empty.len()), (1, 0));
    assert!(ledger.reason(gaps.first().unwrap()).unwrap().contains("contradicting"), "{:?}", ledger.notes);
    setup.sim.set(|knobs| knobs.faults.clear());
    assert_eq!(error_of(&run(&engine, &order).await), "");
    engine.close().await;
    let own = own_from(DAILY, "2024-01-01");
    assert_same(&setup.stored(DAILY), &wanted(&setup, DAILY, window("2020-01-10", "2024-01-01"), own));
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_walk_fails_the_run_by_its_name_and_the_next_run_goes_on() {
    let setup = TestDaemon::unlimited(JOB, "2024-01-01 00:01:00", market(20)).await;
    setup.sim.set(|knobs| knobs.latency = Duration::from_millis(5));
    let engine = setup.engine().await;
    let order = backfill(FOUR_HOURLY, "2022-06-01");
    let fail = async {
        while setup.asked(Endpoint::Trades).len() < 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::ErrorBody).at(Endpoint::Trades)]);
    };

    let (outcome, ()) = tokio::join!(run(&engine, &order), fail);

    assert!(error_of(&outcome).contains("Unavailable (code EService)"), "{}", error_of(&outcome));
    let series: Series = FOUR_HOURLY.parse().unwrap();
    assert_eq!(Metrics::of(&engine).of_series("dccd_job_consecutive_errors", &series), 1.0);
    let done = setup.ledger(FOUR_HOURLY).derived;
    assert!(done.first().unwrap().secs() > 86_400.0, "what was whole is kept: {done:?}");
    setup.sim.set(|knobs| knobs.faults.clear());
    assert_eq!(error_of(&run(&engine, &order).await), "");
    let computed = Metrics::of(&engine).of_series("dccd_candles_derived_total", &series);
    engine.close().await;
    let (whole, own) = (window("2022-06-01", "2024-01-01"), own_from(FOUR_HOURLY, "2024-01-01"));
    assert_same(&setup.stored(FOUR_HOURLY), &wanted(&setup, FOUR_HOURLY, whole, own));
    assert_eq!(computed as u64, own.since(whole.from).as_secs() / 14_400);
}

#[tokio::test]
async fn a_limit_in_a_good_answer_is_waited_out_as_a_limit() {
    let setup = TestDaemon::unlimited(JOB, "2024-01-01 00:01:00", market(2)).await;
    setup.sim.set(|knobs| {
        knobs.retry_after = RetryAfter::Missing;
        knobs.faults = vec![Rule::every(Fault::Status429, 2).at(Endpoint::Ohlc)];
    });
    let day = window("2023-12-31 12:01:00", "2024-01-01 00:01:00");
    let orders = Order { since: dccd::jobs::Since::Known, ..order(MINUTELY) };
    for _ in 0..2 {
        assert_eq!(error_of(&setup.run(&orders).await), "");
        setup.move_to("2024-01-01 00:02:10");
    }
    let waits: Vec<_> = setup.asked(Endpoint::Ohlc).windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(waits.iter().any(|wait| *wait >= Duration::from_millis(450)), "{waits:?}");
    let stored: Windows = setup.ledger(MINUTELY).covered;
    assert!(stored.cover(Window::new(Micros(day.from.0 + HOUR), day.until).unwrap()), "{stored:?}");
    assert!(setup.stored(MINUTELY).len() as i64 >= DAY / 2 / 60_000_000 - 1);
}

#[tokio::test]
async fn candles_that_were_forgotten_on_the_way_are_computed_by_the_next_run() {
    let setup = TestDaemon::unlimited(JOB, "2024-01-01 12:00:30", market(3_600)).await;
    setup.sim.set(|knobs| knobs.latency = Duration::from_millis(100));
    let engine = setup.engine().await;
    let order = backfill(MINUTELY, "2024-01-01 00:00:00");
    // Between the plan and the answer two more candles close, so that the oldest two are no longer given.
    let later = async {
        while setup.asked(Endpoint::Instruments).is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        setup.move_to("2024-01-01 12:02:30");
    };

    let (first, ()) = tokio::join!(run(&engine, &order), later);

    assert_eq!(error_of(&first), "");
    let ledger = setup.ledger(MINUTELY);
    let forgotten = window("2024-01-01 00:00:00", "2024-01-01 00:02:00");
    assert_eq!(ledger.gaps(at("2024-01-01 12:00:00")).iter().collect::<Vec<_>>(), [forgotten]);
    engine.close().await;
    // A process that starts measures the exchange's clock anew.
    assert_eq!(error_of(&setup.run(&order).await), "");
    assert_eq!(setup.ledger(MINUTELY).derived.first(), Some(forgotten));
    let whole = window("2024-01-01", "2024-01-01 12:02:00");
    assert_same(&setup.stored(MINUTELY), &wanted(&setup, MINUTELY, whole, forgotten.until));
}

#[tokio::test]
async fn a_dry_run_says_which_candles_would_be_computed_from_trades() {
    let setup = TestDaemon::with(JOB, "2024-01-01 00:01:00", market(2)).await;

    configure(&setup, &setup.text());
    let told = dccd(&setup, &["backfill", "--start", "2020-01-01", "--dry-run"]).await;

    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.out.contains("1 windows, ~0 min"), "{told:?}");
    assert!(
        told.out.contains("what the trades before") && told.out.contains("candles are computed"),
        "{told:?}"
    );
}
