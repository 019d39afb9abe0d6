//! Time before a pair is listed: where the exchange says since when it lists one, nothing is asked of it.

use dccd::model::Window;
use dccd::sim::{Endpoint, Knobs};

use crate::house::{House, at, backfill, said, window};

/// Exchanges that tell a listing date, each with hourly candles of a pair.
const TOLD: [(&str, &str); 5] = [
    ("binance/BTC-USDT_PERP/ohlc/1h", "BTC/USDT:perp"),
    ("krakenfutures/BTC-USD_PERP/ohlc/1h", "BTC/USD:perp"),
    ("bybit/BTC-USDT_PERP/ohlc/1h", "BTC/USDT:perp"),
    ("okx/BTC-USDT/ohlc/1h", "BTC/USDT"),
    ("bitmex/BTC-USD_PERP/ohlc/1h", "BTC/USD:perp"),
];

async fn house(series: &str, pair: &str, listed: &str, now: &str) -> House {
    let exchange = series.split('/').next().unwrap();
    let job = format!("{{exchange: {exchange}, pairs: ['{pair}'], span: 3600, retry_delay: 0.01}}");
    let symbols = vec!["BTCUSDT".to_owned(), "BTCUSD".to_owned()];
    House::unlimited(&job, now, Knobs { symbols, listed_from: at(listed), ..Knobs::default() }).await
}

#[tokio::test]
async fn years_before_the_listing_are_confirmed_empty_without_a_request() {
    for (series, pair) in TOLD {
        let house = house(series, pair, "2024-01-10 07:30:00", "2024-01-14 00:10:00").await;

        let outcome = house.run(&backfill(series, "2019-01-01")).await;

        assert_eq!(said(&outcome), "", "{series}");
        house.assert_true(series, window("2019-01-01", "2024-01-14")).await;
        let empty = house.ledger(series).empty;
        assert_eq!(empty.len(), 1, "{series}: {empty:?}");
        // The candle of seven o'clock holds what was traded from half past on.
        assert_eq!(
            Some(empty[0].window),
            Window::new(at("2019-01-01"), at("2024-01-10 07:00:00")),
            "{series}"
        );
        let reason = &empty[0].reason;
        assert!(reason.contains("lists") && reason.contains("since 2024-01-10T07:30:00Z"), "{reason}");
        assert_eq!(house.asked(Endpoint::Ohlc).len(), 1, "{series}: one page holds all there is");
    }
}

#[tokio::test]
async fn a_pair_that_is_to_be_listed_yet_is_no_failure_and_stays_open_near_the_present() {
    for (series, pair) in TOLD {
        let house = house(series, pair, "2024-01-15 08:00:00", "2024-01-14 00:10:00").await;

        let outcome = house.run(&backfill(series, "2023-12-01")).await;

        assert_eq!((said(&outcome).as_str(), outcome.rows), ("", 0), "{series}");
        let ledger = house.ledger(series);
        let empty = Window::new(at("2023-12-01"), at("2024-01-13 21:00:00")).unwrap();
        assert_eq!(ledger.empty.iter().map(|note| note.window).collect::<Vec<_>>(), [empty], "{series}");
        let open = window("2024-01-13 21:00:00", "2024-01-14");
        assert_eq!(ledger.gaps(at("2024-01-14")).iter().collect::<Vec<_>>(), [open], "{series}");
    }
}
