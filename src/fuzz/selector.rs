//! Words for series, pairs, spans and instants: one that is understood is written so that it is understood again.

use crate::model::{Kind, Micros, Pair, PairPattern, Series, Span, Zone, select};

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    again::<Series>(text);
    again::<Pair>(text);
    again::<Span>(text);
    again::<Kind>(text);
    again::<PairPattern>(text);
    if let Ok(at) = Micros::parse(text, &Zone::UTC) {
        assert_eq!(Micros::parse(&at.to_string(), &Zone::UTC).ok(), Some(at), "{text:?}");
    }
    let known: Vec<Series> = KNOWN.iter().filter_map(|name| name.parse().ok()).collect();
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    match select(&words, &known) {
        Ok(found) => assert!(!found.is_empty() && found.iter().all(|own| known.contains(own))),
        Err(error) => {
            let shown = error.to_string();
            assert!(shown.len() <= 4 << 10 && !shown.chars().any(crate::model::is_hidden), "{shown:?}");
        }
    }
}

/// A selector is written so that it is read as the same.
fn again<T: std::str::FromStr + std::fmt::Display + PartialEq + std::fmt::Debug>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        let written = read.to_string();
        assert_eq!(written.parse::<T>().ok(), Some(read), "{text:?} is written {written:?}");
    }
}

const KNOWN: [&str; 5] = [
    "binance/BTC-USDT/ohlc/1h",
    "kraken/BTC-USD/trades",
    "okx/ETH-USDT_PERP/funding",
    "bybit/BTC-USDT/orderbook",
    "krakenfutures/BTC-USD_PERP/openinterest/1h",
];

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let words = [
        "binance/B?C/USDT",
        "**/1h",
        "*/BTC-*/ohlc",
        "BTC/USDT:perp",
        "BTC/USDT:quarter",
        "1mo",
        "3600",
        "*/USDT",
    ];
    let instants = ["2024-01-30", "2024-01-30T01:02:03.000004Z", "2024-01-30 01:02", "1706702400", "7d"];
    KNOWN.iter().chain(&words).chain(&instants).map(|text| text.as_bytes().to_vec()).collect()
}
