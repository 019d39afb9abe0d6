//! Binance's coin-margined contracts from end to end: contracts of a fixed size in dollars, and candles of which 200
//! days are answered at most.

use dccd::jobs::Order;
use dccd::sim::{Endpoint, Knobs};

use crate::every;
use crate::test_daemon::{TestDaemon, at, backfill, error_of, window};

const CANDLES: &str = "binancecoinm/BTC-USD_PERP/ohlc/1m";
const JOB: &str = "{exchange: binancecoinm, pairs: ['BTC/USD:perp'], span: 60, retry_delay: 0.01}";

fn market() -> Knobs {
    Knobs { symbols: vec!["BTCUSD".to_owned()], listed_from: at("2020-08-11 07:00:00"), ..Knobs::default() }
}

#[tokio::test]
async fn years_of_long_candles_come_200_days_at_a_time_and_lack_none() {
    for (span, secs, until) in [("1d", 86_400, "2024-03-14"), ("12h", 43_200, "2024-03-14 12:00:00")] {
        let job =
            format!("{{exchange: binancecoinm, pairs: ['BTC/USD:perp'], span: {secs}, retry_delay: 0.01}}");
        let setup = TestDaemon::with(&job, "2024-03-14 15:09:26", market()).await;
        let series = format!("binancecoinm/BTC-USD_PERP/ohlc/{span}");

        assert_eq!(error_of(&setup.run(&backfill(&series, "2019-01-07")).await), "", "{series}");

        setup.assert_true(&series, window("2019-01-07", until)).await;
        let asked = setup.asked(Endpoint::Ohlc);
        assert!(asked.iter().all(|seen| seen.status == 200), "{series}");
        // The month before the listing comes with the first rows.
        let pages = setup.stored(&series).len().div_ceil(200) + 2;
        assert!(asked.len() <= pages * 3 / 2, "{series}: {} requests", asked.len());
    }
}

#[tokio::test]
async fn dated_contracts_funding_and_open_interest_are_stored_exactly() {
    let setup = TestDaemon::unlimited(JOB, "2024-03-01 00:05:00", market()).await;
    for (series, from, last) in [
        ("binancecoinm/BTC-USD_QUARTER/ohlc/1h", "2023-06-01", "2024-03-01"),
        ("binancecoinm/BTC-USD_PERP/funding", "2022-01-01", "2024-02-29 16:00:00"),
        ("binancecoinm/BTC-USD_PERP/open_interest/5m", "2024-02-01", "2024-03-01"),
    ] {
        let order = Order { until: Some(at(last)), ..backfill(series, from) };
        assert_eq!(error_of(&setup.run(&order).await), "", "{series}");
        setup.assert_rows(series, window(from, last));
        let left = setup.ledger(series).settled().missing(window(from, last));
        assert_eq!(left.iter().collect::<Vec<_>>(), [], "{series}");
    }
}

#[tokio::test]
async fn a_book_is_told_in_contracts_and_stored_in_the_base_asset() {
    let job = "{exchange: binancecoinm, pairs: ['BTC/USD:perp'], data_type: orderbook, depth: 20, retry_delay: 0.01}";
    let setup = TestDaemon::with(job, "2024-01-01 12:00:00", market()).await;

    let outcomes = setup.collect().await;

    assert_eq!((error_of(&outcomes[0]).as_str(), outcomes[0].rows), ("", 40));
    let best = setup.sim.market("BTCUSD").unwrap().book(at("2024-01-01 12:00:00")).bids().next().unwrap();
    let first = setup.stored("binancecoinm/BTC-USD_PERP/orderbook").book().get(0);
    let price = best.0 as f64 / 100.0;
    let contracts = (best.1 / 10_000 * best.0 / 10_000 / 10_000).max(1) as f64;
    assert_eq!((first.price, first.amount), (price, contracts * 100.0 / price));
}

#[tokio::test]
async fn a_stopped_run_leaves_no_hole_and_quiet_time_is_accounted_for() {
    let setup = TestDaemon::with(JOB, "2024-01-31 00:00:30", market()).await;
    let order = backfill(CANDLES, "2024-01-01");
    every::a_stop_leaves_no_hole(&setup, &order, Endpoint::Ohlc, window("2024-01-01", "2024-01-31")).await;

    let setup = TestDaemon::with(JOB, "2024-01-15 00:00:30", market()).await;
    let (listed, now) = (at("2024-01-10"), at("2024-01-15 00:00:30"));
    every::nothing_is_made_up_where_nothing_was(&setup, CANDLES, listed, now).await;
}

#[tokio::test]
async fn a_pair_it_does_not_list_is_refused_before_any_page() {
    let setup = TestDaemon::with(JOB, "2024-01-31 00:00:30", market()).await;

    let outcome = setup.run(&backfill("binancecoinm/MOON-USD_PERP/ohlc/1m", "2024-01-01")).await;

    assert!(error_of(&outcome).contains("MOON/USD:perp is not listed"), "{}", error_of(&outcome));
    assert!(setup.asked(Endpoint::Ohlc).is_empty());
}
