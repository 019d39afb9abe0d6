//! Bybit from end to end: lists newest first, errors and limits in envelopes with status 200, and no history
//! of trades.

use std::time::Duration;

use dccd::sim::{Endpoint, Fault, Knobs, RetryAfter, Rule};

use crate::every;
use crate::faulty::{break_one_in_ten, inside_a_wait, run_through};
use crate::house::{House, at, backfill, grid, order, said, window};

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
async fn thirty_days_of_candles_are_exact_through_broken_answers() {
    let mut struck = std::collections::HashSet::new();
    for seed in [1, 2, 3] {
        let house = House::with(JOB, "2024-01-31 00:00:30", limited()).await;
        break_one_in_ten(&house, Endpoint::Ohlc, seed);
        struck.extend(run_through(&house, &backfill(CANDLES, "2024-01-01"), Endpoint::Ohlc, 44 + 1).await);
        house.assert_true(CANDLES, window("2024-01-01", "2024-01-31")).await;
    }
    assert!(struck.len() >= 6, "only {struck:?} were tried");
}

#[tokio::test]
async fn a_limit_told_in_a_good_answer_is_obeyed_to_the_second() {
    let house = House::with(JOB, "2024-01-06 00:00:30", limited()).await;
    house.sim.set(|knobs| {
        knobs.retry_after = RetryAfter::Seconds(1);
        knobs.faults = vec![Rule::every(Fault::Status429, 4).at(Endpoint::Ohlc)];
    });

    let outcome = house.run(&backfill(CANDLES, "2024-01-01")).await;

    assert_eq!(said(&outcome), "");
    let limited: Vec<_> =
        house.asked(Endpoint::Ohlc).into_iter().filter(|seen| seen.fault.is_some()).collect();
    assert!(!limited.is_empty() && limited.iter().all(|seen| seen.status == 200), "{limited:?}");
    assert_eq!(inside_a_wait(&house), 0);
    house.assert_true(CANDLES, window("2024-01-01", "2024-01-06")).await;
}

#[tokio::test]
async fn an_error_in_the_middle_names_the_exchanges_words_and_the_next_run_resumes() {
    let house = House::with(JOB, "2024-01-16 00:00:30", limited()).await;
    let (order, window) = (backfill(CANDLES, "2024-01-01"), window("2024-01-01", "2024-01-16"));
    let words = "Server error. (code 10016)";
    every::an_error_body_fails_the_run_and_the_next_one_resumes(
        &house,
        &order,
        Endpoint::Ohlc,
        words,
        window,
    )
    .await;
}

#[tokio::test]
async fn a_stopped_run_leaves_no_hole() {
    let house = House::with(JOB, "2024-01-31 00:00:30", limited()).await;
    let order = backfill(CANDLES, "2024-01-01");
    every::a_stop_leaves_no_hole(&house, &order, Endpoint::Ohlc, window("2024-01-01", "2024-01-31")).await;
}

#[tokio::test]
async fn time_without_candles_is_accounted_for_and_none_is_made_up() {
    let house = House::with(JOB, "2024-01-15 00:00:30", limited()).await;
    let (listed, now) = (at("2024-01-10"), at("2024-01-15 00:00:30"));
    every::nothing_is_made_up_where_nothing_was(&house, CANDLES, listed, now).await;
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
            (14_400, "4h", "2023-11-01 04:00:00", "2024-03-14 08:00:00"),
        ] {
            let house =
                House::with(&job(pair, &format!("span: {secs}")), "2024-03-14 15:09:26", limited()).await;
            let series = format!("bybit/{slug}/ohlc/{span}");

            assert_eq!(said(&house.run(&backfill(&series, from)).await), "", "{series}");

            let until = grid(&series.parse().unwrap()).next(at(last));
            assert_eq!(house.stored(&series).ends(), Some((at(from), at(last))), "{series}");
            house.assert_true(&series, dccd::model::Window::new(at(from), until).unwrap()).await;
        }
    }
}

#[tokio::test]
async fn funding_and_open_interest_are_exact_through_broken_answers() {
    let house =
        House::with(&job("BTC/USDT:perp", "data_type: funding"), "2024-03-01 00:10:00", limited()).await;
    break_one_in_ten(&house, Endpoint::Funding, 5);
    let funding = "bybit/BTC-USDT_PERP/funding";
    run_through(&house, &backfill(funding, "2022-01-01"), Endpoint::Funding, 2_371 / 200 + 2).await;
    house.assert_true(funding, window("2022-01-01", "2024-03-01 00:00:01")).await;

    let rest = "data_type: open_interest, span: 3600";
    let house = House::with(&job("BTC/USDT:perp", rest), "2024-03-01 00:10:00", limited()).await;
    break_one_in_ten(&house, Endpoint::OpenInterest, 6);
    let interest = "bybit/BTC-USDT_PERP/open_interest/1h";
    let order = backfill(interest, "2023-06-01");
    run_through(&house, &order, Endpoint::OpenInterest, 6_576 / 200 + 2).await;
    house.assert_true(interest, window("2023-06-01", "2024-03-01")).await;
}

#[tokio::test]
async fn of_trades_the_newest_are_taken_and_what_lies_between_two_looks_is_said_to_be_lost() {
    let trades = "bybit/BTC-USDT/trades";
    let knobs = Knobs { trades_per_hour: 3_600, ..limited() };
    let house = House::with(&job("BTC/USDT", "data_type: trades"), "2024-01-01 12:00:00", knobs).await;

    let first = house.run(&backfill(trades, "2024-01-01 11:00:00")).await;
    assert_eq!(said(&first), "");
    assert_eq!(house.asked(Endpoint::Trades).len(), 1, "asking again would not show more");
    let held = house.stored(trades);
    assert!(held.len() == 60, "{} of the newest sixty", held.len());

    house.move_to("2024-01-01 12:10:00");
    let second = house.run(&order(trades)).await;

    assert_eq!((said(&second).as_str(), second.rows), ("", 60));
    let ledger = house.ledger(trades);
    let lost: Vec<_> = ledger.unfillable.iter().map(|note| (note.window, note.reason.clone())).collect();
    let between = at("2024-01-01 12:05:00");
    assert!(lost.iter().any(|(window, _)| window.holds(between)), "{lost:?}");
    assert!(lost.iter().all(|(_, reason)| reason.contains("bybit does not go back this far")), "{lost:?}");
    let stored = house.stored(trades);
    let mut existing = house.existing(trades, window("2024-01-01 11:50:00", "2024-01-01 12:10:01"));
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
    let house = House::with(&jobs, "2024-01-01 12:00:00", limited()).await;

    let outcomes = house.collect().await;

    for outcome in &outcomes[..2] {
        assert_eq!((said(outcome).as_str(), outcome.rows), ("", 40));
    }
    let spot = house.stored("bybit/BTC-USDT/orderbook");
    let best = house.sim.market("BTCUSDT").unwrap().book(at("2024-01-01 12:00:00")).bids().next().unwrap();
    assert_eq!(spot.book().get(0).price, best.0 as f64 / 100.0);
    assert!(said(&outcomes[2]).contains("Symbol Is Invalid (code 10001)"), "{}", said(&outcomes[2]));
}
