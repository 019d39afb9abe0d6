//! A book is put in order before it is cut, and refused as a whole where it cannot be true.

use std::sync::Arc;

use dccd::exchange::{Answer, Contract, Decimal, Instrument, Page, ParseError};
use dccd::model::{Batch, Kind, Market, Side};

use crate::KNOWN;
use crate::knowledge::Knowledge;
use crate::read::{RECEIVED, levels, page, page_of};

/// Prices and amounts of a side.
pub(crate) type Levels<'a> = &'a [(&'a str, &'a str)];

/// How an exchange writes a book.
pub(crate) struct BookForm {
    pub(crate) market: Market,
    /// Writes a book of bids and asks.
    pub(crate) write: fn(Levels<'_>, Levels<'_>) -> String,
    /// The names or places of a level's price and amount.
    pub(crate) level: [&'static str; 2],
}

pub(crate) fn list(levels: Levels<'_>, level: impl Fn(&(&str, &str)) -> String) -> String {
    format!("[{}]", levels.iter().map(level).collect::<Vec<_>>().join(","))
}

pub(crate) fn texts(levels: Levels<'_>) -> String {
    list(levels, |(price, size)| format!(r#"["{price}","{size}"]"#))
}

pub(crate) fn numbers(levels: Levels<'_>) -> String {
    list(levels, |(price, size)| format!("[{price},{size}]"))
}

/// The sides and prices of a book that is wanted two levels deep.
fn read(known: &Knowledge, bids: Levels<'_>, asks: Levels<'_>) -> Result<Vec<(Side, f64)>, ParseError> {
    let (exchange, market) = (known.exchange(), known.book.market);
    let body = (known.book.write)(bids, asks);
    let page = page_of(body.as_bytes(), page(exchange, Kind::OrderBook, market, None));
    let contract = (market == Market::Perp).then_some(Contract::Base(Decimal::ONE));
    let instrument = Arc::new(Instrument { contract, ..(*page.instrument).clone() });
    let page = Page { rows: 2, instrument, ..page };
    let mut batch = Batch::of(Kind::OrderBook);
    exchange.parse(&page, &Answer::of(body.as_bytes(), RECEIVED), &mut batch)?;
    Ok(levels(&batch).iter().map(|level| (level.side, level.price)).collect())
}

#[test]
fn the_best_levels_are_kept_in_whatever_order_they_came() {
    let best = [(Side::Bid, 9.0), (Side::Bid, 8.5), (Side::Ask, 10.0), (Side::Ask, 11.0)];
    for known in KNOWN {
        for (bids, asks) in [
            ([("9", "1"), ("8.5", "2"), ("8", "3")], [("10", "1"), ("11", "2"), ("12", "3")]),
            ([("8", "3"), ("8.5", "2"), ("9", "1")], [("12", "3"), ("11", "2"), ("10", "1")]),
            ([("8.5", "2"), ("9", "1"), ("8", "3")], [("12", "3"), ("10", "1"), ("11", "2")]),
        ] {
            assert_eq!(read(known, &bids, &asks).unwrap(), best, "{}", known.exchange);
        }
    }
}

#[test]
fn doubled_levels_crossed_sides_and_levels_of_nothing_refuse_the_book() {
    let (bids, asks) = ([("9", "1"), ("8", "2")], [("10", "1"), ("11", "2")]);
    for known in KNOWN {
        for (what, bids, asks) in [
            ("a doubled bid", &[("9", "1"), ("8", "2"), ("8", "3")][..], &asks[..]),
            ("a doubled ask beyond the depth", &bids, &[("10", "1"), ("11", "1"), ("12", "1"), ("12", "2")]),
            ("a crossed book", &bids, &[("9", "1"), ("11", "2")]),
            ("a level of nothing", &[("9", "1"), ("8", "0")], &asks),
            ("a level without a price", &bids, &[("10", "1"), ("0", "2")]),
        ] {
            let outcome = read(known, bids, asks);
            assert!(
                matches!(outcome, Err(ParseError::Impossible { .. })),
                "{}, {what}: {outcome:?}",
                known.exchange
            );
        }
    }
}
