//! OKX from end to end: pages that come newest first.

use std::time::Duration;

use dccd::jobs::Order;
use dccd::sim::{Endpoint, Fault, Knobs, Rule};
use tokio_util::sync::CancellationToken;

use crate::test_daemon::{
    TestDaemon, assert_same, at, backfill, broken_answers, error_of, faults_struck, run, window,
};

const MINUTELY: &str = "okx/BTC-USDT/ohlc/1m";
const TRADES: &str = "okx/BTC-USDT/trades";
const JOBS: &str = "{exchange: okx, pairs: [BTC/USDT], span: 60, retry_delay: 0.01}
{exchange: okx, pairs: [BTC/USDT], data_type: trades}
{exchange: okx, pairs: ['BTC/USDT:perp'], span: 3600}
{exchange: okx, pairs: ['BTC/USDT:perp'], data_type: funding}
{exchange: okx, pairs: ['BTC/USDT:perp'], data_type: open_interest, span: 3600}";

fn ending_at(order: Order, until: &str) -> Order {
    Order { until: Some(at(until)), ..order }
}

fn busy() -> Knobs {
    Knobs { trades_per_hour: 10_000, cluster: 250, listed_from: at("2024-01-01"), ..Knobs::default() }
}

async fn setup(now: &str, knobs: Knobs) -> TestDaemon {
    TestDaemon::unlimited(JOBS, now, knobs).await
}

#[tokio::test]
async fn broken_answers_lose_no_candle_over_quiet_times_and_the_years_before_the_first() {
    let holes =
        [window("2024-01-03 02:00:00", "2024-01-04 01:00:00"), window("2024-01-05", "2024-01-05 00:07:00")];
    let knobs = Knobs {
        holes: holes.into_iter().collect(),
        listed_from: at("2024-01-01 07:00:00"),
        ..Knobs::default()
    };
    let setup = setup("2024-01-09 00:00:30", knobs).await;
    setup.sim.set(|knobs| knobs.faults = broken_answers(0.012));

    setup.run_until_complete(&backfill(MINUTELY, "2020-01-01"), 6).await;

    setup.assert_true(MINUTELY, window("2020-01-01", "2024-01-09")).await;
    let requests = setup.asked(Endpoint::Ohlc).len();
    let struck = faults_struck(&setup, Endpoint::Ohlc);
    assert!(struck > 3, "{struck}");
    assert!(requests <= 115 * 3 / 2 + struck, "{requests} requests, {struck} of them struck");
}

#[tokio::test]
async fn a_walk_downwards_that_is_cut_short_leaves_no_hole_behind_it() {
    let setup = setup("2024-01-01 06:00:10", busy()).await;
    setup.sim.set(|knobs| knobs.latency = Duration::from_millis(3));
    let order = ending_at(backfill(TRADES, "2024-01-01"), "2024-01-01 05:30:00");
    for pages in [40, 150, 260] {
        let (engine, stop) = (setup.engine().await, CancellationToken::new());
        let interrupt = async {
            while setup.asked(Endpoint::Trades).len() < pages {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stop.cancel();
        };
        let (stopped, ()) = tokio::join!(engine.run(&order, Duration::ZERO, &|_| {}, &stop), interrupt);
        engine.close().await;
        assert!(error_of(&stopped).contains("stopped") && stopped.rows > 0, "{}", error_of(&stopped));
        let ledger = setup.ledger(TRADES);
        let open = ledger.gaps(at("2024-01-01 05:30:00"));
        assert_eq!(open.first().map(|gap| gap.from), Some(at("2024-01-01")), "the oldest is still missing");
        for covered in ledger.covered.iter() {
            let stored = setup.stored(TRADES);
            let inside = stored.ts().partition_point(|at| *at < covered.from.0)
                ..stored.ts().partition_point(|at| *at < covered.until.0);
            assert_same(&stored.slice(inside), &setup.existing(TRADES, covered));
        }
    }
    let engine = setup.engine().await;
    assert_eq!(error_of(&run(&engine, &order).await), "");
    engine.close().await;
    setup.assert_true(TRADES, window("2024-01-01", "2024-01-01 05:30:00")).await;
}

#[tokio::test]
async fn trades_older_than_three_months_are_unfillable_and_not_asked_for() {
    let setup = setup("2024-06-01 00:00:10", Knobs { trades_per_hour: 1, ..busy() }).await;

    let outcome = setup.run(&ending_at(backfill(TRADES, "2024-02-01"), "2024-05-31")).await;

    assert_eq!(error_of(&outcome), "");
    let unfillable = setup.ledger(TRADES).unfillable;
    assert_eq!(unfillable.len(), 1);
    assert_eq!(unfillable[0].window.from, at("2024-02-01"));
    assert_eq!(unfillable[0].window.until.secs(), at("2024-03-03 00:00:05").secs());
    assert!(unfillable[0].reason.contains("okx does not go back this far"), "{}", unfillable[0].reason);
    setup
        .assert_rows(TRADES, dccd::model::Window::new(unfillable[0].window.until, at("2024-05-31")).unwrap());
}

#[tokio::test]
async fn contracts_have_candles_funding_and_open_interest() {
    let setup = setup("2024-03-01 00:05:00", Knobs::default()).await;
    // One pair's rows are counted together, so the series are compared each by itself.
    for (series, from, last) in [
        ("okx/BTC-USDT_PERP/ohlc/1h", "2024-01-01", "2024-03-01"),
        ("okx/BTC-USDT_PERP/open_interest/1h", "2024-02-01", "2024-03-01"),
        ("okx/BTC-USDT_PERP/funding", "2024-01-01", "2024-02-29"),
    ] {
        let wanted = Order { until: Some(at(last)), ..backfill(series, from) };
        assert_eq!(error_of(&setup.run(&wanted).await), "", "{series}");
        setup.assert_rows(series, window(from, last));
        assert_eq!(setup.ledger(series).settled().missing(window(from, last)).len(), 0, "{series}");
    }
}

#[tokio::test]
async fn a_pair_that_is_not_listed_and_a_limit_that_is_exceeded_are_told_apart() {
    let setup = setup("2024-01-02 00:00:30", Knobs::default()).await;
    let moon = setup.run(&backfill("okx/MOON-USDT/ohlc/1m", "2024-01-01")).await;
    assert!(error_of(&moon).contains("doesn't exist. (code 51001)"), "{}", error_of(&moon));

    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Status429).at(Endpoint::Ohlc)]);
    let limited = setup.run(&backfill(MINUTELY, "2024-01-01 23:00:00")).await;
    assert!(error_of(&limited).contains("rate limiting"), "{}", error_of(&limited));
}
