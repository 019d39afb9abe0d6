//! BitMEX from end to end: buckets by their ends, trades without numbers for ids, limits told in headers.

use std::time::Duration;

use dccd::jobs::Order;
use dccd::sim::{Endpoint, Knobs};

use crate::every;
use crate::test_daemon::{TestDaemon, assert_same, at, backfill, error_of, window};

const CANDLES: &str = "bitmex/BTC-USDT_PERP/ohlc/1m";
const TRADES: &str = "bitmex/BTC-USDT_PERP/trades";
const JOB: &str = "{exchange: bitmex, pairs: [\"BTC/USDT:perp\"], span: 60, retry_delay: 0.01}";
const TRADES_JOB: &str =
    "{exchange: bitmex, pairs: [\"BTC/USDT:perp\"], data_type: trades, retry_delay: 0.01}";

/// A limit of 3000 a minute, which its headers announce: a hundred times the real one.
fn limited() -> Knobs {
    Knobs {
        weight_limit: 3_000,
        symbols: ["BTCUSDT", "BTCUSD"].map(str::to_owned).to_vec(),
        ..Knobs::default()
    }
}

fn busy(trades_per_hour: u64, cluster: u64) -> Knobs {
    Knobs { trades_per_hour, cluster, listed_from: at("2024-01-01"), ..limited() }
}

fn ending_at(order: Order, until: &str) -> Order {
    Order { until: Some(at(until)), ..order }
}

#[tokio::test]
async fn trades_of_an_instant_with_more_than_two_pages_are_all_there_and_in_order() {
    let setup = TestDaemon::with(TRADES_JOB, "2024-01-01 03:00:00", busy(20_000, 2_500)).await;

    let outcome = setup.run(&ending_at(backfill(TRADES, "2024-01-01"), "2024-01-01 01:30:00")).await;

    assert_eq!(error_of(&outcome), "");
    let window = window("2024-01-01", "2024-01-01 01:30:00");
    setup.assert_true(TRADES, window).await;
    let stored = setup.stored(TRADES);
    assert_same(&stored, &setup.existing(TRADES, window));
    let crowd = stored.ts().chunk_by(|a, b| a == b).map(<[i64]>::len).max().unwrap();
    assert!(crowd > 2_000, "no instant was more crowded than two pages: {crowd}");
    assert!(setup.asked(Endpoint::Trades).iter().any(|seen| seen.path.contains("&start=1998&")));
}

#[tokio::test]
async fn a_stopped_run_leaves_no_hole() {
    let setup = TestDaemon::with(JOB, "2024-01-31 00:00:30", limited()).await;
    let order = backfill(CANDLES, "2024-01-01");
    every::a_stop_leaves_no_hole(&setup, &order, Endpoint::Ohlc, window("2024-01-01", "2024-01-31")).await;

    let setup = TestDaemon::with(TRADES_JOB, "2024-01-01 12:00:00", busy(5_000, 8)).await;
    let order = ending_at(backfill(TRADES, "2024-01-01"), "2024-01-01 10:00:00");
    let span = window("2024-01-01", "2024-01-01 10:00:00");
    every::a_stop_leaves_no_hole(&setup, &order, Endpoint::Trades, span).await;
}

#[tokio::test]
async fn time_without_trades_is_accounted_for_and_a_quiet_bucket_is_stored_as_it_was_told() {
    let setup = TestDaemon::with(JOB, "2024-01-15 00:00:30", limited()).await;
    let (listed, now) = (at("2024-01-10"), at("2024-01-15 00:00:30"));
    every::nothing_is_made_up_where_nothing_was(&setup, CANDLES, listed, now).await;
    let quiet = setup.stored(CANDLES).candles().iter().filter(|candle| candle.trades == Some(0)).count();
    assert_eq!(quiet, 720, "half a day of buckets in which nothing was traded");

    let setup = TestDaemon::with(TRADES_JOB, "2024-01-15 00:00:30", busy(100, 8)).await;
    every::nothing_is_made_up_where_nothing_was(&setup, TRADES, listed, now).await;
}

#[tokio::test]
async fn buckets_of_every_span_and_market_open_on_their_anchors() {
    for (pair, slug) in [
        ("BTC/USDT", "BTC-USDT"),
        ("BTC/USDT:perp", "BTC-USDT_PERP"),
        ("BTC/USD:perp", "BTC-USD_PERP"),
        ("BTC/USD:quarter", "BTC-USD_QUARTER"),
    ] {
        for (secs, span, from, until) in [
            (86_400, "1d", "2021-02-03", "2024-03-14"),
            (3_600, "1h", "2024-02-01 04:00:00", "2024-03-14 15:00:00"),
        ] {
            // A dated pair has no history before its contract had the name.
            if pair.contains("quarter") && span == "1d" {
                continue;
            }
            let job = format!("{{exchange: bitmex, pairs: [\"{pair}\"], span: {secs}, retry_delay: 0.01}}");
            let setup = TestDaemon::with(&job, "2024-03-14 15:09:26", limited()).await;
            let series = format!("bitmex/{slug}/ohlc/{span}");

            assert_eq!(error_of(&setup.run(&backfill(&series, from)).await), "", "{series}");

            assert_eq!(setup.stored(&series).ends().unwrap().0, at(from), "{series}");
            setup.assert_true(&series, window(from, until)).await;
        }
    }
}

#[tokio::test]
async fn a_limit_that_headers_announce_is_followed_and_never_met() {
    let knobs = Knobs { weight_limit: 40, weight_window: Duration::from_secs(2), ..limited() };
    let setup = TestDaemon::with(JOB, "2024-01-16 00:00:30", knobs).await;

    let outcome = setup.run(&backfill(CANDLES, "2024-01-14 12:00:00")).await;

    assert_eq!(error_of(&outcome), "");
    assert!(setup.asked(Endpoint::Ohlc).len() >= 3);
    assert!(setup.sim.requests().iter().all(|seen| seen.status == 200), "it was never refused");
}

#[tokio::test]
async fn books_and_unknown_symbols_are_told_apart() {
    let jobs = "{exchange: bitmex, pairs: [\"BTC/USD:perp\"], data_type: orderbook, depth: 20, retry_delay: 0.01}\n\
                {exchange: bitmex, pairs: [\"MOON/USD:perp\"], span: 60, retry_delay: 0.01}";
    let setup = TestDaemon::with(jobs, "2024-01-01 12:00:00", limited()).await;

    let outcomes = setup.collect().await;

    assert_eq!((error_of(&outcomes[0]).as_str(), outcomes[0].rows), ("", 40));
    let best = setup.sim.market("BTCUSD").unwrap().book(at("2024-01-01 12:00:00")).bids().next().unwrap();
    let first = setup.stored("bitmex/BTC-USD_PERP/orderbook").book().get(0);
    let price = best.0 as f64 / 100.0;
    assert_eq!((first.price, first.amount), (price, (best.1 / 100) as f64 / price));
    assert!(error_of(&outcomes[1]).contains("MOON/USD:perp is not listed"), "{}", error_of(&outcomes[1]));
}
