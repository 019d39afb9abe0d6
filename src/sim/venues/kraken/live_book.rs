//! Kraken's messages about books, with the checksum of ten levels a side.

use std::io::Write as _;

use crate::sim::book::SimBook;
use crate::sim::text::{cents, e8};

/// Levels of the checksum.
const SUMMED: usize = 10;

/// `{"channel":"book","type":…,"data":[{symbol, bids, asks, checksum, timestamp}]}`; what is added to the checksum
/// makes it wrong.
pub(super) fn write(
    out: &mut Vec<u8>,
    kind: &str,
    symbol: &str,
    book: &SimBook,
    [bids, asks]: [&[(i64, i64)]; 2],
    spoiled: u32,
) {
    let _ = write!(out, r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}""#);
    for (key, levels) in [("bids", bids), ("asks", asks)] {
        let _ = write!(out, r#","{key}":["#);
        for (place, (price_cents, amount_e8)) in levels.iter().enumerate() {
            out.extend_from_slice(if place > 0 { b",{\"price\":" } else { b"{\"price\":" });
            price(out, *price_cents);
            out.extend_from_slice(b",\"qty\":");
            e8(out, *amount_e8);
            out.push(b'}');
        }
        out.push(b']');
    }
    let (checksum, at) = (checksum(book).wrapping_add(spoiled), book.at().timestamp());
    let _ = write!(out, r#","checksum":{checksum},"timestamp":"{at:.6}"}}]}}"#);
}

/// A price as a number with two decimals.
fn price(out: &mut Vec<u8>, price_cents: i64) {
    cents(out, price_cents);
    out.truncate(out.len() - 6);
}

fn checksum(book: &SimBook) -> u32 {
    let mut summed = String::new();
    for (price_cents, amount_e8) in book.asks().take(SUMMED).chain(book.bids().take(SUMMED)) {
        // Both without their points and leading zeros.
        summed.push_str(&price_cents.to_string());
        summed.push_str(&amount_e8.to_string());
    }
    crc32fast::hash(summed.as_bytes())
}
