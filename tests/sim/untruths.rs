//! Answers that are well formed and hold true rows, but not those that were asked for.

use dccd::sim::{Endpoint, Fault, Knobs, Rule, Sim};

use crate::http::{at, body, knobs_at, ms, sim};

const NOON: &str = "2024-06-05 12:30:30";

async fn faulty(fault: Fault) -> Sim {
    sim(Knobs { faults: vec![Rule::always(fault)], ..knobs_at(NOON) }).await
}

/// The first numbers of the rows of an answer.
async fn keys(sim: &Sim, path: &str) -> Vec<i64> {
    let answer = String::from_utf8(body(sim, path).await).unwrap();
    let rows = answer.split('[').filter_map(|row| row.split(',').next()?.parse().ok());
    rows.collect()
}

/// The opens of the answer to the ten minutes from the first of June, in minutes from there.
async fn candles(fault: Fault) -> Vec<i64> {
    let sim = faulty(fault).await;
    let path = format!("/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={}&limit=10", ms("2024-06-01"));
    keys(&sim, &path).await.into_iter().map(|open| (open - ms("2024-06-01")) / 60_000).collect()
}

/// The ids of the answer to five trades before one, newest first, counted from that one.
async fn trades(fault: Fault) -> Vec<i64> {
    let sim = faulty(fault).await;
    let path =
        format!("/bitfinex/v2/trades/tBTCUST/hist?limit=5&end={}&start=0&sort=-1", ms("2024-06-01") - 1);
    let until = sim.market("BTCUSDT").unwrap().first_trade_at_or_after(at("2024-06-01"));
    keys(&sim, &path).await.into_iter().map(|id| id - i64::try_from(until).unwrap()).collect()
}

#[tokio::test]
async fn a_part_of_the_rows_is_left_out_or_their_order_turned() {
    for (fault, candles_left, trades_left) in [
        (Fault::Short, vec![0, 1, 2, 3, 4], vec![-1, -2, -3]),
        (Fault::SecondHalf, vec![5, 6, 7, 8, 9], vec![-3, -4, -5]),
        (Fault::NoFirst, vec![1, 2, 3, 4, 5, 6, 7, 8, 9], vec![-2, -3, -4, -5]),
        (Fault::NoMiddle, vec![0, 1, 2, 3, 4, 6, 7, 8, 9], vec![-1, -2, -4, -5]),
        (Fault::NoLast, vec![0, 1, 2, 3, 4, 5, 6, 7, 8], vec![-1, -2, -3, -4]),
        (Fault::Reversed, vec![9, 8, 7, 6, 5, 4, 3, 2, 1, 0], vec![-5, -4, -3, -2, -1]),
    ] {
        assert_eq!((candles(fault).await, trades(fault).await), (candles_left, trades_left), "{fault}");
    }
}

#[tokio::test]
async fn rows_right_before_or_after_those_asked_for_come_in_the_order_asked_for() {
    assert_eq!(candles(Fault::Earlier).await, (-10..0).collect::<Vec<_>>());
    assert_eq!(candles(Fault::Later).await, (10..20).collect::<Vec<_>>());
    assert_eq!(trades(Fault::Earlier).await, [-6, -7, -8, -9, -10]);
    assert_eq!(trades(Fault::Later).await, [4, 3, 2, 1, 0]);
}

#[tokio::test]
async fn the_ends_of_all_there_is_come_whatever_was_asked() {
    let sim = sim(knobs_at(NOON)).await;
    let market = sim.market("BTCUSDT").unwrap();
    let next = i64::try_from(market.first_trade_at_or_after(at(NOON))).unwrap();
    let asked = i64::try_from(market.first_trade_at_or_after(at("2024-06-01"))).unwrap();
    let newest = i64::from(4 * 1_440 + 12 * 60 + 30);

    assert_eq!(candles(Fault::Newest).await, (newest - 9..=newest).collect::<Vec<_>>());
    assert_eq!(trades(Fault::Newest).await, (1..=5).map(|back| next - back - asked).collect::<Vec<_>>());
    assert_eq!(trades(Fault::Oldest).await, [4, 3, 2, 1, 0].map(|id| id - asked));
    assert_eq!(trades(Fault::OtherEnd).await, [0, 1, 2, 3, 4].map(|id| id - asked), "in its own order");
}

#[tokio::test]
async fn only_the_numbered_request_of_an_endpoint_is_answered_untruly() {
    let rule = Rule::nth(Fault::Empty, 2).at(Endpoint::Ohlc);
    let sim = sim(Knobs { faults: vec![rule], ..knobs_at(NOON) }).await;
    let mut counts = Vec::new();
    for _ in 0..3 {
        body(&sim, "/api/v3/time").await;
        let path =
            format!("/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={}&limit=10", ms("2024-06-01"));
        counts.push(keys(&sim, &path).await.len());
    }
    assert_eq!(counts, [10, 0, 10]);
}
