//! Bybit from end to end: lists newest first, errors and limits in envelopes with status 200, and no history
//! of trades.

use std::time::Duration;

use dccd::sim::{Endpoint, Fault, Knobs, RetryAfter, Rule};

use crate::every;
use crate::faulty::inside_a_wait;
use crate::test_daemon::{TestDaemon, at, backfill, error_of, grid, order, window};

const CANDLES: &str = "bybit/BTC-USDT/ohlc/1m";
const JOB: &str = "{exchange: bybit, pairs: [BTC/USDT], span: 60, retry_delay: 0.01}";

/// Its own limit: six hundred requests in five seconds.
fn limited() -> Knobs {
    Knobs {
        weight_limit: 600,
        weight_window: Duration::from_secs(5),
        symbols: ["BTCUSDT", "BTCUSD"].map(str::to_owned).to_vec(),
        ..Knobs::default()
    }
}

fn job(pair: &str, rest: &str) -> String {
    format!("{{exchange: bybit, pairs: [\"{pair}\"], {rest}, retry_delay: 0.01}}")
}

#[tokio::test]
async fn a_limit_told_in_a_good_answer_is_obeyed_to_the_second() {
    let setup = TestDaemon::with(JOB, "2024-01-06 00:00:30", limited()).await;
    setup.sim.set(|knobs| {
        knobs.retry_after = RetryAfter::Seconds(1);
        knobs.faults = vec![Rule::every(Fault::Status429, 4).at(Endpoint::Ohlc)];
    });

    let outcome = setup.run(&backfill(CANDLES, "2024-01-01")).await;

    assert_eq!(error_of(&outcome), "");
    let limited: Vec<_> =
        setup.asked(Endpoint::Ohlc).into_iter().filter(|seen| seen.fault.is_some()).collect();
    assert!(!limited.is_empty() && limited.iter().all(|seen| seen.status == 200), "{limited:?}");
    assert_eq!(inside_a_wait(&setup), 0);
    setup.assert_true(CANDLES, window("2024-01-01", "2024-01-06")).await;
}

#[tokio::test]
async fn a_stopped_run_leaves_no_hole() {
    let setup = TestDaemon::with(JOB, "2024-01-31 00:00:30", limited()).await;
    let order = backfill(CANDLES, "2024-01-01");
    every::a_stop_leaves_no_hole(&setup, &order, Endpoint::Ohlc, window("2024-01-01", "2024-01-31")).await;
}

#[tokio::test]
async fn time_without_candles_is_accounted_for_and_none_is_made_up() {
    let setup = TestDaemon::with(JOB, "2024-01-15 00:00:30", limited()).await;
    let (listed, now) = (at("2024-01-10"), at("2024-01-15 00:00:30"));
    every::nothing_is_made_up_where_nothing_was(&setup, CANDLES, listed, now).await;
}

#[tokio::test]
async fn weeks_open_on_monday_and_months_on_their_first_day_on_every_market() {
    for (pair, slug) in [
        ("BTC/USDT", "BTC-USDT"),
        ("BTC/USDT:perp", "BTC-USDT_PERP"),
        ("BTC/USD:perp", "BTC-USD_PERP"),
        ("BTC/USD:quarter", "BTC-USD_QUARTER"),
        ("BTC/USD:next_quarter", "BTC-USD_NEXT_QUARTER"),
    ] {
        for (secs, span, from, last) in [
            (604_800, "1w", "2020-01-06", "2024-03-04"),
            (2_592_000, "1mo", "2019-05-01", "2024-02-01"),
            (14_400, "4h", "2023-12-29 08:00:00", "2024-03-14 08:00:00"),
        ] {
            // A dated pair has no history before its contract had the name.
            if pair.contains("quarter") && span != "4h" {
                continue;
            }
            let setup =
                TestDaemon::with(&job(pair, &format!("span: {secs}")), "2024-03-14 15:09:26", limited())
                    .await;
            let series = format!("bybit/{slug}/ohlc/{span}");

            assert_eq!(error_of(&setup.run(&backfill(&series, from)).await), "", "{series}");

            let until = grid(&series.parse().unwrap()).next(at(last));
            assert_eq!(setup.stored(&series).ends(), Some((at(from), at(last))), "{series}");
            setup.assert_true(&series, dccd::model::Window::new(at(from), until).unwrap()).await;
        }
    }
}

#[tokio::test]
async fn of_trades_the_newest_are_taken_and_what_lies_between_two_looks_is_said_to_be_lost() {
    let trades = "bybit/BTC-USDT/trades";
    let knobs = Knobs { trades_per_hour: 3_600, ..limited() };
    let setup = TestDaemon::with(&job("BTC/USDT", "data_type: trades"), "2024-01-01 12:00:00", knobs).await;

    let first = setup.run(&backfill(trades, "2024-01-01 11:00:00")).await;
    assert_eq!(error_of(&first), "");
    assert_eq!(setup.asked(Endpoint::Trades).len(), 2, "one answer alone may have left rows out");
    let held = setup.stored(trades);
    assert!(held.len() == 60, "{} of the newest sixty", held.len());

    setup.move_to("2024-01-01 12:10:00");
    let second = setup.run(&order(trades)).await;

    assert_eq!((error_of(&second).as_str(), second.rows), ("", 60));
    let ledger = setup.ledger(trades);
    let lost: Vec<_> = ledger.unfillable.iter().map(|note| (note.window, note.reason.clone())).collect();
    let between = at("2024-01-01 12:05:00");
    assert!(lost.iter().any(|(window, _)| window.holds(between)), "{lost:?}");
    assert!(lost.iter().all(|(_, reason)| reason.contains("bybit does not go back this far")), "{lost:?}");
    let stored = setup.stored(trades);
    let mut existing = setup.existing(trades, window("2024-01-01 11:50:00", "2024-01-01 12:10:01"));
    existing = existing.gather(
        &(0..existing.len()).filter(|row| stored.ts().contains(&existing.ts()[*row])).collect::<Vec<_>>(),
    );
    let ids = |rows: &dccd::model::Batch| -> Vec<String> {
        rows.trades().iter().map(|trade| trade.id.unwrap().to_owned()).collect()
    };
    assert!(ids(&stored).iter().all(|id| ids(&existing).contains(id)), "none is made up");
    let mut unique = ids(&stored);
    unique.dedup();
    assert_eq!(unique.len(), 120, "none is doubled");
}

#[tokio::test]
async fn books_and_unknown_symbols_of_each_category() {
    let jobs = format!(
        "{}\n{}\n{}",
        job("BTC/USDT", "data_type: orderbook, depth: 20"),
        job("BTC/USDT:perp", "data_type: orderbook, depth: 20"),
        job("MOON/USDT:perp", "span: 60"),
    );
    let setup = TestDaemon::with(&jobs, "2024-01-01 12:00:00", limited()).await;

    let outcomes = setup.collect().await;

    for outcome in &outcomes[..2] {
        assert_eq!((error_of(outcome).as_str(), outcome.rows), ("", 40));
    }
    let spot = setup.stored("bybit/BTC-USDT/orderbook");
    let best = setup.sim.market("BTCUSDT").unwrap().book(at("2024-01-01 12:00:00")).bids().next().unwrap();
    assert_eq!(spot.book().get(0).price, best.0 as f64 / 100.0);
    assert!(error_of(&outcomes[2]).contains("Symbol Is Invalid (code 10001)"), "{}", error_of(&outcomes[2]));
}
