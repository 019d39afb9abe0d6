//! Binance's USD-margined contracts from end to end, at a host and from budgets of their own.

use dccd::jobs::Order;
use dccd::sim::{Endpoint, Knobs};

use crate::house::{House, at, backfill, broken_answers, faults_struck, said, window};

const TRADES: &str = "binance/BTC-USDT_PERP/trades";
const JOBS: &str = "{exchange: binance, pairs: ['BTC/USDT:perp'], span: 60, retry_delay: 0.01}
{exchange: binance, pairs: ['BTC/USDT:perp'], data_type: trades}";

fn until(order: Order, until: &str) -> Order {
    Order { until: Some(at(until)), ..order }
}

#[tokio::test]
async fn thirty_days_of_a_perpetuals_candles_are_stored_exactly() {
    let house = House::unlimited(JOBS, "2024-01-31 00:00:30", Knobs::default()).await;
    let series = "binance/BTC-USDT_PERP/ohlc/1m";

    let outcome = house.run(&backfill(series, "2024-01-01")).await;

    assert_eq!((said(&outcome).as_str(), outcome.rows), ("", 43_200));
    let asked = house.asked(Endpoint::Ohlc);
    assert_eq!(asked.len(), 44 + 1, "its pages and the look for the first row");
    assert!(asked.iter().all(|seen| seen.path.contains("/fapi/v1/continuousKlines?pair=BTCUSDT")));
    house.assert_true(series, window("2024-01-01", "2024-01-31")).await;
}

#[tokio::test]
async fn fifty_thousand_trades_are_stored_once_through_broken_answers() {
    let knobs =
        Knobs { trades_per_hour: 10_000, cluster: 1_500, listed_from: at("2024-01-01"), ..Knobs::default() };
    let house = House::unlimited(JOBS, "2024-01-01 06:00:10", knobs).await;
    house.sim.set(|knobs| knobs.faults = broken_answers(0.02));

    let wanted = until(backfill(TRADES, "2024-01-01 00:30:00"), "2024-01-01 05:30:00");
    house.run_until_complete(&wanted, 8).await;

    let (stored, requests) = (house.stored(TRADES), house.asked(Endpoint::Trades).len());
    assert!(stored.len() >= 49_000, "{}", stored.len());
    house.assert_true(TRADES, window("2024-01-01 00:30:00", "2024-01-01 05:30:00")).await;
    let struck = faults_struck(&house, Endpoint::Trades);
    assert!(
        struck > 2 && requests <= stored.len() / 1_000 * 3 / 2 + 2 * struck,
        "{requests}, {struck} struck"
    );
}

#[tokio::test]
async fn dated_contracts_funding_and_open_interest_are_stored_exactly() {
    let house = House::unlimited(JOBS, "2024-03-01 00:05:00", Knobs::default()).await;
    for (series, from, last) in [
        ("binance/BTC-USDT_QUARTER/ohlc/1h", "2023-06-01", "2024-03-01"),
        ("binance/BTC-USDT_NEXT_QUARTER/ohlc/1d", "2020-06-01", "2024-03-01"),
        ("binance/BTC-USDT_PERP/funding", "2022-01-01", "2024-02-29 16:00:00"),
        ("binance/BTC-USDT_PERP/open_interest/5m", "2024-02-01", "2024-03-01"),
    ] {
        assert_eq!(said(&house.run(&until(backfill(series, from), last)).await), "", "{series}");
        house.assert_rows(series, window(from, last));
        let left = house.ledger(series).settled().missing(window(from, last));
        assert_eq!(left.iter().collect::<Vec<_>>(), [], "{series}");
    }
    // The whole month before is more than is kept: it is given up and not asked for.
    let older = house.run(&backfill("binance/BTC-USDT_PERP/open_interest/5m", "2023-12-01")).await;
    assert_eq!(said(&older), "");
    assert_eq!(house.ledger("binance/BTC-USDT_PERP/open_interest/5m").unfillable.len(), 1);
}
