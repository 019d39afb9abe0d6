//! Binance's USD-margined contracts from end to end, at a host and from budgets of their own.

use dccd::jobs::Order;
use dccd::sim::Knobs;

use crate::test_daemon::{TestDaemon, at, backfill, error_of, window};

const JOBS: &str = "{exchange: binance, pairs: ['BTC/USDT:perp'], span: 60, retry_delay: 0.01}
{exchange: binance, pairs: ['BTC/USDT:perp'], data_type: trades}";

fn ending_at(order: Order, until: &str) -> Order {
    Order { until: Some(at(until)), ..order }
}

#[tokio::test]
async fn dated_contracts_funding_and_open_interest_are_stored_exactly() {
    let setup = TestDaemon::unlimited(JOBS, "2024-03-01 00:05:00", Knobs::default()).await;
    for (series, from, last) in [
        ("binance/BTC-USDT_QUARTER/ohlc/1h", "2023-06-01", "2024-03-01"),
        ("binance/BTC-USDT_NEXT_QUARTER/ohlc/1d", "2020-06-01", "2024-03-01"),
        ("binance/BTC-USDT_PERP/funding", "2022-01-01", "2024-02-29 16:00:00"),
        ("binance/BTC-USDT_PERP/open_interest/5m", "2024-02-01", "2024-03-01"),
    ] {
        assert_eq!(error_of(&setup.run(&ending_at(backfill(series, from), last)).await), "", "{series}");
        setup.assert_rows(series, window(from, last));
        let left = setup.ledger(series).settled().missing(window(from, last));
        assert_eq!(left.iter().collect::<Vec<_>>(), [], "{series}");
    }
    // The whole month before is more than is kept: it is given up and not asked for.
    let older = setup.run(&backfill("binance/BTC-USDT_PERP/open_interest/5m", "2023-12-01")).await;
    assert_eq!(error_of(&older), "");
    assert_eq!(setup.ledger("binance/BTC-USDT_PERP/open_interest/5m").unfillable.len(), 1);
}
