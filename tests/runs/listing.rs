//! Time before a pair is listed, where the exchange says since when it lists one.

use dccd::jobs::Order;
use dccd::model::{Window, Windows};
use dccd::sim::{Endpoint, Knobs};

use crate::test_daemon::{TestDaemon, asked_number, at, backfill, error_of, window};

/// Exchanges that tell a listing date, each with hourly candles of a pair.
const TOLD: [(&str, &str); 5] = [
    ("binance/BTC-USDT_PERP/ohlc/1h", "BTC/USDT:perp"),
    ("krakenfutures/BTC-USD_PERP/ohlc/1h", "BTC/USD:perp"),
    ("bybit/BTC-USDT_PERP/ohlc/1h", "BTC/USDT:perp"),
    ("okx/BTC-USDT/ohlc/1h", "BTC/USDT"),
    ("bitmex/BTC-USD_PERP/ohlc/1h", "BTC/USD:perp"),
];

async fn setup(series: &str, pair: &str, listed: &str, now: &str) -> TestDaemon {
    let exchange = series.split('/').next().unwrap();
    let job = format!("{{exchange: {exchange}, pairs: ['{pair}'], span: 3600, retry_delay: 0.01}}");
    let symbols = vec!["BTCUSDT".to_owned(), "BTCUSD".to_owned()];
    TestDaemon::unlimited(&job, now, Knobs { symbols, listed_from: at(listed), ..Knobs::default() }).await
}

#[tokio::test]
async fn the_first_row_is_looked_for_rather_than_the_listing_date_believed() {
    for (series, pair) in TOLD {
        let setup = setup(series, pair, "2024-01-10 07:30:00", "2024-01-14 00:10:00").await;

        let outcome = setup.run(&backfill(series, "2019-01-01")).await;

        assert_eq!(error_of(&outcome), "", "{series}");
        setup.assert_true(series, window("2019-01-01", "2024-01-14")).await;
        let empty = setup.ledger(series).empty;
        assert!(empty[0].reason.contains("first row"), "{series}: {empty:?}");
        assert!(empty.iter().all(|note| !note.reason.contains("lists")), "{series}: {empty:?}");
        assert!(setup.asked(Endpoint::Ohlc).len() <= 12, "{series}: a look and the pages since that month");
    }
}

#[tokio::test]
async fn where_the_first_row_cannot_be_looked_for_nothing_is_asked_of_the_time_long_before_the_listing() {
    let series = "binance/BTC-USDT_PERP/trades";
    let job = "{exchange: binance, pairs: ['BTC/USDT:perp'], data_type: trades, retry_delay: 0.01}";
    let knobs = Knobs { listed_from: at("2024-01-10 07:30:00"), trades_per_hour: 60, ..Knobs::default() };
    let setup = TestDaemon::unlimited(job, "2024-01-14 00:10:00", knobs).await;
    let order = Order { until: Some(at("2024-01-13 22:00:00")), ..backfill(series, "2023-06-01") };

    assert_eq!(error_of(&setup.run(&order).await), "");

    setup.assert_true(series, window("2023-06-01", "2024-01-13 22:00:00")).await;
    let empty = setup.ledger(series).empty;
    let long_before = Window::new(at("2023-06-01"), at("2023-12-11 07:30:00"));
    assert_eq!(Some(empty[0].window), long_before, "{empty:?}");
    let reason = &empty[0].reason;
    assert!(reason.contains("lists BTCUSDT since 2024-01-10T07:30:00Z"), "{reason}");
    let asked = setup.asked(Endpoint::Trades);
    let by_time = asked.iter().filter(|seen| seen.path.contains("startTime="));
    assert!(by_time.map(|seen| asked_number(seen, "startTime")).all(|start| start >= 1_702_279_800_000));
}

#[tokio::test]
async fn a_pair_that_is_to_be_listed_yet_is_no_failure_and_stays_open_near_the_present() {
    for (series, pair) in TOLD {
        let setup = setup(series, pair, "2024-01-15 08:00:00", "2024-01-14 00:10:00").await;

        let outcome = setup.run(&backfill(series, "2020-12-01")).await;

        assert_eq!((error_of(&outcome).as_str(), outcome.rows), ("", 0), "{series}");
        // No row is known: it takes two runs.
        assert_eq!(error_of(&setup.run(&backfill(series, "2020-12-01")).await), "", "{series}");
        let ledger = setup.ledger(series);
        let empty: Windows = ledger.empty.iter().map(|note| note.window).collect();
        assert_eq!(
            empty.iter().collect::<Vec<_>>(),
            [window("2020-12-01", "2024-01-13 21:00:00")],
            "{series}"
        );
        let open = window("2024-01-13 21:00:00", "2024-01-14");
        assert_eq!(ledger.gaps(at("2024-01-14")).iter().collect::<Vec<_>>(), [open], "{series}");
    }
}
