//! An answer that names another symbol than the one asked about gives no row.

use std::collections::BTreeMap;

use dccd::exchange::{Answer, ParseError};
use dccd::model::Batch;

use crate::KNOWN;
use crate::read::{RECEIVED, What, named, page, payloads};

#[test]
fn rows_that_name_another_symbol_are_never_taken_for_those_asked_for() {
    let mut tried: BTreeMap<&str, usize> = BTreeMap::new();
    for known in KNOWN {
        let exchange = known.exchange();
        for sample in payloads(known.exchange) {
            let What::Page(kind, market) = sample.what else { continue };
            let Some(own) = named(&sample.body) else { continue };
            let mut page = page(exchange, kind, market, sample.span);
            let other = String::from_utf8_lossy(&sample.body).replace(&format!("\"{own}\""), "\"OTHER\"");
            for (symbol, body) in [(own.as_str(), other.as_bytes()), ("OTHER", &sample.body)] {
                let instrument = std::sync::Arc::make_mut(&mut page.instrument);
                instrument.symbol = symbol.to_owned();
                let mut rows = Batch::of(kind);
                let read = exchange.parse(&page, &Answer::of(body, RECEIVED), &mut rows);
                let is_refused =
                    matches!(&read, Err(ParseError::Disobeyed { reason }) if reason.contains("OTHER"));
                assert!(is_refused && rows.is_empty(), "{} {}: {read:?}", known.exchange, sample.name);
            }
            *tried.entry(known.exchange).or_default() += 1;
        }
    }
    for exchange in ["binance", "bitmex", "bybit", "okx"] {
        assert!(tried.contains_key(exchange), "{exchange}: {tried:?}");
    }
}
