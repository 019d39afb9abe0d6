//! Bitfinex from end to end: large pages, and trades that are paged by time alone.

use dccd::jobs::{Order, Retry};
use dccd::sim::{Endpoint, Fault, Knobs, Rule};

use crate::test_daemon::{TestDaemon, at, backfill, broken_answers, error_of, faults_struck, window};

const MINUTELY: &str = "bitfinex/BTC-USDT/ohlc/1m";
const TRADES: &str = "bitfinex/BTC-USDT/trades";
const JOBS: &str = "{exchange: bitfinex, pairs: [BTC/USDT], span: 60, retry_delay: 0.01}";
const TRADES_JOB: &str = "{exchange: bitfinex, pairs: [BTC/USDT], data_type: trades, retry_delay: 0.01}";

/// Pages as small as the knob makes them would be taken for short ones: the exchange's own hold 10 000.
fn large_pages() -> Knobs {
    Knobs { page_limit: 10_000, listed_from: at("2024-01-01"), ..Knobs::default() }
}

#[tokio::test]
async fn broken_answers_lose_no_candle_over_quiet_times() {
    let holes =
        [window("2024-01-03 02:00:00", "2024-01-04 01:00:00"), window("2024-01-05", "2024-01-05 00:07:00")];
    // A limit below the exchange's own makes every page a short one.
    let knobs = Knobs { holes: holes.into_iter().collect(), page_limit: 500, ..large_pages() };
    let setup = TestDaemon::unlimited(JOBS, "2024-01-09 00:00:30", knobs).await;
    setup.sim.set(|knobs| knobs.faults = broken_answers(0.02));

    setup.run_until_complete(&backfill(MINUTELY, "2024-01-01"), 6).await;

    assert!(faults_struck(&setup, Endpoint::Ohlc) > 0);
    setup.assert_true(MINUTELY, window("2024-01-01", "2024-01-09")).await;
}

#[tokio::test]
async fn an_instant_with_more_trades_than_a_page_is_a_gap_with_its_reason_and_all_around_it_is_stored() {
    let knobs = Knobs { trades_per_hour: 20_000, cluster: 30_000, ..large_pages() };
    let setup = TestDaemon::unlimited(TRADES_JOB, "2024-01-01 12:00:15", knobs).await;
    let market = setup.sim.market("BTCUSDT").unwrap();
    let (from, last) = (at("2024-01-01"), at("2024-01-01 11:30:00"));
    let rows = market.trades(dccd::model::Window::new(from, last).unwrap());
    let fullest = rows.ts().chunk_by(|a, b| a == b).max_by_key(|instant| instant.len()).unwrap();
    assert!(fullest.len() > 10_000, "{}", fullest.len());

    let outcome = setup.run(&Order { until: Some(last), ..backfill(TRADES, "2024-01-01") }).await;

    assert!(error_of(&outcome).contains("more rows share the instant"), "{}", error_of(&outcome));
    let ledger = setup.ledger(TRADES);
    assert!(!ledger.gaps(last).is_empty());
    let uncovered = |at: &&i64| !ledger.covered.holds(dccd::model::Micros(**at));
    assert!(rows.ts().iter().filter(uncovered).any(|at| *at == fullest[0]), "it is a gap");
}

#[tokio::test]
async fn a_pair_that_is_not_listed_and_a_limit_that_is_exceeded_are_told_apart() {
    let setup = TestDaemon::unlimited(JOBS, "2024-01-02 00:00:30", large_pages()).await;
    let moon = setup.run(&backfill("bitfinex/MOON-USD/ohlc/1m", "2024-01-01")).await;
    assert!(error_of(&moon).contains("MOON/USD is not listed"), "{}", error_of(&moon));

    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Status429).at(Endpoint::Ohlc)]);
    // It is asked once: the exchange wants a minute to pass before it is asked again.
    let order = backfill(MINUTELY, "2024-01-01 23:00:00");
    let order = Order { retry: Retry { attempts: 1, ..order.retry }, ..order };
    let limited = setup.run(&order).await;
    assert!(error_of(&limited).contains("rate limiting"), "{}", error_of(&limited));
}
