//! Coinbase Exchange from end to end: pages of 300 candles, trades by id upwards, words for errors.

use std::time::Duration;

use dccd::jobs::Order;
use dccd::sim::{Endpoint, Knobs};

use crate::every;
use crate::test_daemon::{TestDaemon, at, backfill, error_of, window};

const CANDLES: &str = "coinbase/BTC-USDT/ohlc/1m";
const TRADES: &str = "coinbase/BTC-USDT/trades";
const JOB: &str = "{exchange: coinbase, pairs: [BTC/USDT], span: 60, retry_delay: 0.01}";
const TRADES_JOB: &str = "{exchange: coinbase, pairs: [BTC/USDT], data_type: trades, retry_delay: 0.01}";

/// Its own limit: ten requests a second, in bursts of fifteen.
fn limited() -> Knobs {
    Knobs { weight_limit: 15, weight_window: Duration::from_secs(1), ..Knobs::default() }
}

/// Trades since the beginning of 2024, in clusters that share a millisecond.
fn busy(trades_per_hour: u64) -> Knobs {
    Knobs { trades_per_hour, cluster: 50, listed_from: at("2024-01-01"), ..limited() }
}

#[tokio::test]
async fn trades_of_an_instant_with_more_than_a_page_are_neither_lost_nor_doubled() {
    let crowded = Knobs { cluster: 2_500, ..busy(20_000) };
    let setup = TestDaemon::with(TRADES_JOB, "2024-01-01 01:00:05", crowded).await;
    let wanted = Order { until: Some(at("2024-01-01 01:00:00")), ..backfill(TRADES, "2024-01-01 00:00:01") };

    assert_eq!(error_of(&setup.run(&wanted).await), "");

    setup.assert_true(TRADES, window("2024-01-01 00:00:01", "2024-01-01 01:00:00")).await;
    let stored = setup.stored(TRADES);
    let crowd = stored.ts().chunk_by(|a, b| a == b).map(<[i64]>::len).max().unwrap();
    assert!(crowd > 1_000, "no instant was more crowded than a page: {crowd}");
}

#[tokio::test]
async fn a_stopped_run_leaves_no_hole() {
    let setup = TestDaemon::with(JOB, "2024-01-06 00:00:30", limited()).await;
    let order = backfill(CANDLES, "2024-01-01");
    every::a_stop_leaves_no_hole(&setup, &order, Endpoint::Ohlc, window("2024-01-01", "2024-01-06")).await;

    let setup = TestDaemon::with(TRADES_JOB, "2024-01-01 04:00:05", busy(5_000)).await;
    let order = Order { until: Some(at("2024-01-01 04:00:00")), ..backfill(TRADES, "2024-01-01") };
    let window = window("2024-01-01", "2024-01-01 04:00:00");
    every::a_stop_leaves_no_hole(&setup, &order, Endpoint::Trades, window).await;
}

#[tokio::test]
async fn time_without_trades_is_accounted_for_and_none_is_made_up() {
    let setup = TestDaemon::with(JOB, "2024-01-15 00:00:30", limited()).await;
    let (listed, now) = (at("2024-01-10"), at("2024-01-15 00:00:30"));
    every::nothing_is_made_up_where_nothing_was(&setup, CANDLES, listed, now).await;

    let setup = TestDaemon::with(TRADES_JOB, "2024-01-15 00:00:30", busy(100)).await;
    every::nothing_is_made_up_where_nothing_was(&setup, TRADES, listed, now).await;
}

#[tokio::test]
async fn days_open_at_midnight_and_an_unknown_product_is_named() {
    let job = "{exchange: coinbase, pairs: [MOON/USD, BTC/USDT], span: 86400, retry_delay: 0.01}";
    let setup = TestDaemon::with(job, "2024-03-14 15:09:26", limited()).await;

    let outcomes = setup.collect().await;

    assert!(error_of(&outcomes[0]).contains("NotFound"), "{}", error_of(&outcomes[0]));
    assert_eq!(error_of(&outcomes[1]), "");
    setup.assert_true("coinbase/BTC-USDT/ohlc/1d", window("2023-05-19", "2024-03-14")).await;
}

#[tokio::test]
async fn a_book_is_stored_to_the_depth_asked_for_with_the_orders_at_each_level() {
    let job = "{exchange: coinbase, pairs: [BTC/USDT], data_type: orderbook, depth: 70, retry_delay: 0.01}";
    let setup = TestDaemon::with(job, "2024-01-01 12:00:00", limited()).await;

    let outcomes = setup.collect().await;

    assert_eq!((error_of(&outcomes[0]).as_str(), outcomes[0].rows), ("", 140));
    let stored = setup.stored("coinbase/BTC-USDT/orderbook");
    let best = setup.sim.market("BTCUSDT").unwrap().book(at("2024-01-01 12:00:00")).bids().next().unwrap();
    let first = stored.book().get(0);
    assert_eq!((first.price, first.amount), (best.0 as f64 / 100.0, best.1 as f64 / 1e8));
    assert!((0..140).all(|row| stored.book().get(row).count.is_some()));
}

#[tokio::test]
async fn a_hole_between_trades_is_reached_from_above_and_filled_without_doubling_any() {
    let setup = TestDaemon::with(TRADES_JOB, "2024-01-01 04:00:05", busy(5_000)).await;
    let between = |from, until| Order { until: Some(at(until)), ..backfill(TRADES, from) };
    assert_eq!(error_of(&setup.run(&between("2024-01-01 00:30:00", "2024-01-01 01:00:00")).await), "");
    let below = setup.stored(TRADES).len();
    setup.move_to("2024-01-01 05:00:05");
    let wanted = between("2024-01-01 00:30:00", "2024-01-01 04:30:00");

    let filled = setup.run(&wanted).await;

    assert_eq!(error_of(&filled), "");
    let window = window("2024-01-01 00:30:00", "2024-01-01 04:30:00");
    assert_eq!(filled.rows as usize + below, setup.existing(TRADES, window).len());
    setup.assert_true(TRADES, window).await;
    let asked = setup.asked(Endpoint::Trades).len();
    assert_eq!(setup.run(&wanted).await.rows, 0);
    assert_eq!(setup.asked(Endpoint::Trades).len(), asked, "all of it is held");
}

#[tokio::test]
async fn years_before_a_listing_cost_two_requests_and_the_candle_that_holds_the_first_trade_is_kept() {
    let job = "{exchange: coinbase, pairs: [BTC/USDT], span: 3600, retry_delay: 0.01}";
    let knobs = Knobs { listed_from: at("2024-01-10 10:20:00"), ..busy(100) };
    let setup = TestDaemon::with(job, "2024-01-12 00:00:30", knobs).await;
    let hourly = "coinbase/BTC-USDT/ohlc/1h";

    assert_eq!(error_of(&setup.run(&backfill(hourly, "2019-01-01")).await), "");

    setup.assert_true(hourly, window("2019-01-01", "2024-01-12")).await;
    assert_eq!(setup.stored(hourly).ends().unwrap().0, at("2024-01-10 10:00:00"));
    assert_eq!(setup.asked(Endpoint::Trades).len(), 2);
    let pages = setup.asked(Endpoint::Ohlc).len();
    assert!(pages <= 4, "{pages} pages for two days of hours");
}
