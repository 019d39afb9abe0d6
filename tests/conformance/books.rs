//! A book is put in order before it is cut, and refused as a whole where it cannot be true.

use std::sync::Arc;

use dccd::exchange::{Answer, Contract, Decimal, Instrument, Page, ParseError, find};
use dccd::model::{Batch, Kind, Market, Side};

use crate::read::{RECEIVED, levels, page};

type Levels<'a> = &'a [(&'a str, &'a str)];

/// How each exchange writes a book of bids and asks.
/// Writes a book of bids and asks as an exchange does.
type Write = fn(Levels<'_>, Levels<'_>) -> String;

const BOOKS: [(&str, Market, Write); 9] = [
    ("binance", Market::Spot, |bids, asks| {
        format!(r#"{{"lastUpdateId":7,"bids":{},"asks":{}}}"#, texts(bids), texts(asks))
    }),
    ("binancecoinm", Market::Perp, |bids, asks| {
        format!(
            r#"{{"lastUpdateId":7,"E":1700000000000,"T":1700000000000,"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":{},"asks":{}}}"#,
            texts(bids),
            texts(asks)
        )
    }),
    ("kraken", Market::Spot, |bids, asks| {
        format!(r#"{{"error":[],"result":{{"XXBTZUSD":{{"bids":{},"asks":{}}}}}}}"#, texts(bids), texts(asks))
    }),
    ("krakenfutures", Market::Perp, |bids, asks| {
        format!(
            r#"{{"result":"success","orderBook":{{"bids":{},"asks":{}}},"serverTime":"2023-11-14T22:13:20.000Z"}}"#,
            numbers(bids),
            numbers(asks)
        )
    }),
    ("coinbase", Market::Spot, |bids, asks| {
        let level = |(price, size): &(&str, &str)| format!(r#"["{price}","{size}",1]"#);
        format!(r#"{{"sequence":7,"bids":{},"asks":{}}}"#, list(bids, level), list(asks, level))
    }),
    ("bybit", Market::Spot, |bids, asks| {
        format!(
            r#"{{"retCode":0,"retMsg":"OK","result":{{"s":"BTCUSDT","b":{},"a":{},"ts":1700000000000,"u":7}},"time":1}}"#,
            texts(bids),
            texts(asks)
        )
    }),
    ("okx", Market::Spot, |bids, asks| {
        let level = |(price, size): &(&str, &str)| format!(r#"["{price}","{size}","0","3"]"#);
        format!(
            r#"{{"code":"0","msg":"","data":[{{"bids":{},"asks":{},"ts":"1700000000000","seqId":7}}]}}"#,
            list(bids, level),
            list(asks, level)
        )
    }),
    ("bitfinex", Market::Spot, |bids, asks| {
        let bid = |(price, size): &(&str, &str)| format!("[{price},1,{size}]");
        let ask = |(price, size): &(&str, &str)| format!("[{price},1,-{size}]");
        let (bids, asks) = (list(bids, bid), list(asks, ask));
        // Both sides in one array.
        format!("{},{}", bids.trim_end_matches(']').to_owned() + "]", &asks[1..])
    }),
    ("bitmex", Market::Perp, |bids, asks| {
        let side = |side: &'static str| {
            move |(price, size): &(&str, &str)| {
                format!(r#"{{"side":"{side}","size":{size},"price":{price}}}"#)
            }
        };
        let (bids, asks) = (list(bids, side("Buy")), list(asks, side("Sell")));
        format!("{},{}", &bids[..bids.len() - 1], &asks[1..])
    }),
];

fn list(levels: Levels<'_>, level: impl Fn(&(&str, &str)) -> String) -> String {
    format!("[{}]", levels.iter().map(level).collect::<Vec<_>>().join(","))
}

fn texts(levels: Levels<'_>) -> String {
    list(levels, |(price, size)| format!(r#"["{price}","{size}"]"#))
}

fn numbers(levels: Levels<'_>) -> String {
    list(levels, |(price, size)| format!("[{price},{size}]"))
}

/// The sides and prices of a book that is wanted two levels deep.
fn read(
    (exchange, market, body): &(&str, Market, fn(Levels<'_>, Levels<'_>) -> String),
    bids: Levels<'_>,
    asks: Levels<'_>,
) -> Result<Vec<(Side, f64)>, ParseError> {
    let exchange = find(exchange).unwrap();
    let page = page(exchange, Kind::OrderBook, *market, None);
    let contract = (*market == Market::Perp).then_some(Contract::Base(Decimal::ONE));
    let instrument = Arc::new(Instrument { contract, ..(*page.instrument).clone() });
    let page = Page { rows: 2, instrument, ..page };
    let mut batch = Batch::of(Kind::OrderBook);
    exchange.parse(&page, &Answer::of(body(bids, asks).as_bytes(), RECEIVED), &mut batch)?;
    Ok(levels(&batch).iter().map(|level| (level.side, level.price)).collect())
}

#[test]
fn the_best_levels_are_kept_in_whatever_order_they_came() {
    let best = [(Side::Bid, 9.0), (Side::Bid, 8.5), (Side::Ask, 10.0), (Side::Ask, 11.0)];
    for book in &BOOKS {
        for (bids, asks) in [
            ([("9", "1"), ("8.5", "2"), ("8", "3")], [("10", "1"), ("11", "2"), ("12", "3")]),
            ([("8", "3"), ("8.5", "2"), ("9", "1")], [("12", "3"), ("11", "2"), ("10", "1")]),
            ([("8.5", "2"), ("9", "1"), ("8", "3")], [("12", "3"), ("10", "1"), ("11", "2")]),
        ] {
            assert_eq!(read(book, &bids, &asks).unwrap(), best, "{}", book.0);
        }
    }
}

#[test]
fn doubled_levels_crossed_sides_and_levels_of_nothing_refuse_the_book() {
    let (bids, asks) = ([("9", "1"), ("8", "2")], [("10", "1"), ("11", "2")]);
    for book in &BOOKS {
        for (what, bids, asks) in [
            ("a doubled bid", &[("9", "1"), ("8", "2"), ("8", "3")][..], &asks[..]),
            ("a doubled ask beyond the depth", &bids, &[("10", "1"), ("11", "1"), ("12", "1"), ("12", "2")]),
            ("a crossed book", &bids, &[("9", "1"), ("11", "2")]),
            ("a level of nothing", &[("9", "1"), ("8", "0")], &asks),
            ("a level without a price", &bids, &[("10", "1"), ("0", "2")]),
        ] {
            let outcome = read(book, bids, asks);
            assert!(matches!(outcome, Err(ParseError::Impossible { .. })), "{}, {what}: {outcome:?}", book.0);
        }
    }
}
