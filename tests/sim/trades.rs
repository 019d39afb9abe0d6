//! Aggregate trades by id and by time, and the book.

use dccd::exchange::Next;
use dccd::model::{Batch, Kind, Side};
use dccd::sim::{Knobs, Sim};

use crate::http::{at, body, fetch, knobs_at, ms, parsed, rows, sim, window};

const SERIES: &str = "binance/BTC-USDT/trades";
const NOON: &str = "2024-06-05 12:30:30";

async fn trades(sim: &Sim, query: &str) -> Batch {
    rows(sim, SERIES, &format!("/api/v3/aggTrades?symbol=BTCUSDT&{query}")).await
}

fn ids(batch: &Batch) -> Vec<u64> {
    batch.trades().iter().map(|trade| trade.id.unwrap().parse().unwrap()).collect()
}

/// Walks by id from the first trade of a window, every page beginning with the last row of the one before.
async fn walk(sim: &Sim, from: u64, until_ms: i64) -> Batch {
    let mut got = Batch::of(Kind::Trades);
    let mut from_id = from;
    loop {
        let path = format!("/api/v3/aggTrades?symbol=BTCUSDT&fromId={from_id}&limit=1000");
        let (page, next) = parsed(SERIES, &body(sim, &path).await).unwrap();
        let inside = page.ts().partition_point(|ts| *ts < until_ms * 1_000);
        got.take(&page, usize::from(!got.is_empty())..inside);
        match next {
            Next::FromId(last) if inside == page.len() && last > from_id => from_id = last,
            _ => return got,
        }
    }
}

#[tokio::test]
async fn a_walk_by_id_gives_exactly_the_trades_of_the_oracle() {
    let holes = [window("2024-06-01 00:20:00", "2024-06-01 00:40:00")];
    for (trades_per_hour, cluster) in [(7_200, 8), (20_000, 2_500)] {
        let holes = holes.into_iter().collect();
        let sim = sim(Knobs { trades_per_hour, cluster, holes, ..knobs_at(NOON) }).await;
        let market = sim.market("BTCUSDT").unwrap();
        let asked = window("2024-06-01", "2024-06-01 01:00:00");

        let got = walk(&sim, market.first_trade_at_or_after(asked.from), asked.until.millis_ceil()).await;
        assert_eq!(got, market.trades(asked), "{trades_per_hour} an hour");
        assert!(got.len() > 4_000);
        assert!(got.in_order());
    }
}

#[tokio::test]
async fn trades_of_one_millisecond_can_outnumber_a_page() {
    let sim = sim(Knobs { cluster: 2_500, ..knobs_at(NOON) }).await;
    let market = sim.market("BTCUSDT").unwrap();
    let cluster = (0..100).map(|cluster| cluster * 2_500);
    let shared =
        cluster.clone().find(|first| market.trade(*first).ts == market.trade(first + 2_499).ts).unwrap();
    let instant = market.trade(shared).ts.millis_floor();

    let by_time = trades(&sim, &format!("startTime={instant}&endTime={instant}&limit=1000")).await;
    assert_eq!(ids(&by_time), (shared..shared + 1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn bounds_of_time_are_inclusive_and_the_first_id_is_zero() {
    let sim = sim(knobs_at(NOON)).await;
    let market = sim.market("BTCUSDT").unwrap();
    let first = market.first_trade_at_or_after(at("2024-06-01"));
    let times = [first, first + 30].map(|id| market.trade(id).ts.millis_floor());

    let got = trades(&sim, &format!("startTime={}&endTime={}", times[0], times[1])).await;
    let edges = [times[0], times[1] + 1].map(dccd::model::Micros::from_millis);
    let inside = dccd::model::Window::new(edges[0], edges[1]).unwrap();
    assert_eq!(got, market.trades(inside));
    assert_eq!(ids(&trades(&sim, "fromId=0&limit=2").await), [0, 1]);
    assert_eq!(ids(&trades(&sim, "startTime=0&limit=1").await), [0]);
}

#[tokio::test]
async fn without_a_start_the_newest_trades_are_answered_and_none_of_the_future() {
    let sim = sim(knobs_at(NOON)).await;
    let market = sim.market("BTCUSDT").unwrap();
    let after_now = market.first_trade_at_or_after(dccd::model::Micros(at(NOON).0 + 1));
    let after_end = market.first_trade_at_or_after(dccd::model::Micros(at("2024-06-01").0 + 1));

    assert_eq!(ids(&trades(&sim, "limit=2").await), [after_now - 2, after_now - 1]);
    let until = format!("endTime={}&limit=2", ms("2024-06-01"));
    assert_eq!(ids(&trades(&sim, &until).await), [after_end - 2, after_end - 1]);
    assert!(trades(&sim, &format!("fromId={after_now}")).await.is_empty());
    assert!(trades(&sim, "fromId=18446744073709551615").await.is_empty());
}

#[tokio::test]
async fn a_book_is_sorted_uncrossed_and_as_deep_as_asked() {
    let sim = sim(knobs_at(NOON)).await;
    for (query, depth) in [("", 100), ("&limit=5", 5), ("&limit=5000", 5_000), ("&limit=9999", 5_000)] {
        let book =
            rows(&sim, "binance/BTC-USDT/orderbook", &format!("/api/v3/depth?symbol=BTCUSDT{query}")).await;
        let prices = |side| {
            let levels = (0..book.len()).map(|row| book.book().get(row));
            levels.filter(|level| level.side == side).map(|level| level.price).collect::<Vec<_>>()
        };
        let (bids, asks) = (prices(Side::Bid), prices(Side::Ask));
        assert_eq!((bids.len(), asks.len()), (depth, depth));
        assert!(bids.is_sorted_by(|a, b| a > b) && asks.is_sorted_by(|a, b| a < b));
        assert!(bids[0] < asks[0] && bids[depth - 1] > 0.0);
    }
}

#[tokio::test]
async fn a_wrong_request_is_refused_with_the_code_that_says_why() {
    let sim = sim(knobs_at(NOON)).await;
    for (path, code) in [
        ("/api/v3/klines?symbol=NOPEUSDT&interval=1m", -1121),
        ("/api/v3/aggTrades?symbol=NOPEUSDT", -1121),
        ("/api/v3/depth?symbol=NOPEUSDT", -1121),
        ("/api/v3/exchangeInfo?symbol=NOPEUSDT", -1121),
        ("/api/v3/klines?interval=1m", -1102),
        ("/api/v3/klines?symbol=BTCUSDT", -1102),
        ("/api/v3/klines?symbol=BTCUSDT&interval=7m", -1120),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1mo", -1120),
        ("/api/v3/klines?symbol=btcusdt&interval=1m", -1100),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=yesterday", -1100),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=0", -1130),
        ("/api/v3/aggTrades?symbol=BTCUSDT&fromId=1&startTime=2", -1128),
    ] {
        let raw = fetch(&sim, path).await.unwrap();
        assert_eq!(raw.status, 400, "{path}");
        assert!(raw.text().contains(&format!("{{\"code\":{code},\"msg\":\"")), "{path}: {}", raw.text());
    }
    assert_eq!(fetch(&sim, "/api/v3/ticker").await.unwrap().status, 404);
}
