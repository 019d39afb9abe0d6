//! Rows of BitMEX as it writes them, over REST and over its socket alike.

use std::io::Write as _;

use crate::model::{Grid, Micros, Span};
use crate::sim::bend::Bend;
use crate::sim::fields::{high_cents, price_number, rfc3339, trade_cents};
use crate::sim::market::{Market, SimCandle, SimTrade};
use crate::sim::text::{cents, e8, int};

pub(super) const BINS: [(&str, Span); 4] =
    [("1m", Span::MINUTE), ("5m", Span::Fixed(300)), ("1h", Span::HOUR), ("1d", Span::DAY)];

/// A symbol as in the knobs; dated contracts are quoted in dollars.
pub(super) fn known(symbol: &str) -> String {
    let plain = symbol.replace('_', "").replace("XBT", "BTC");
    let digits = plain.len() - plain.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    if digits == 2 { format!("{}USD", &plain[..plain.len() - 3]) } else { plain }
}

/// A bucket without trades, which repeats the last close.
pub(super) fn quiet(market: &Market, grid: Grid, open: Micros) -> Option<SimCandle> {
    if market.next_open(grid, open) == open {
        return None;
    }
    let close_cents = market.candle(grid, market.last_open(grid, open)?).close_cents;
    Some(SimCandle {
        open,
        open_cents: close_cents,
        high_cents: close_cents,
        low_cents: close_cents,
        close_cents,
        volume_e8: 0,
        quote_cents: 0,
        trades: 0,
    })
}

/// How many lots of a spot market, or contracts, an amount is: a lot is 10^-8, a contract on dollars of Tether 10^-6.
pub(super) fn lots(symbol: &str, amount_e8: i64) -> i64 {
    if symbol.contains('_') { amount_e8 } else { amount_e8 / 100 }
}

/// The id of a level of a book.
pub(super) fn level_id(price_cents: i64) -> i64 {
    20_000_000_000 - price_cents
}

pub(super) fn bucket(out: &mut Vec<u8>, candle: &SimCandle, grid: Grid, symbol: &str, bend: Option<Bend>) {
    out.extend_from_slice(b"{\"timestamp\":");
    rfc3339(out, grid.next(candle.open), bend);
    let _ = write!(out, r#","symbol":"{symbol}""#);
    for (name, price_cents, bend) in [
        ("open", candle.open_cents, bend),
        ("high", high_cents(candle.high_cents, candle.low_cents, bend), None),
        ("low", candle.low_cents, None),
        ("close", candle.close_cents, None),
    ] {
        let _ = write!(out, r#","{name}":"#);
        price_number(out, price_cents, bend);
    }
    let _ = write!(out, r#","trades":{},"volume":{},"vwap":null"#, candle.trades, candle.volume_e8 / 100);
    out.extend_from_slice(b",\"homeNotional\":");
    e8(out, candle.volume_e8);
    out.extend_from_slice(b",\"foreignNotional\":");
    cents(out, candle.quote_cents);
    out.push(b'}');
}

pub(super) fn trade(out: &mut Vec<u8>, trade: &SimTrade, symbol: &str, bend: Option<Bend>) {
    out.extend_from_slice(b"{\"timestamp\":");
    rfc3339(out, trade.ts, bend);
    let side = if trade.sold { "Sell" } else { "Buy" };
    let _ = write!(out, r#","symbol":"{symbol}","side":"{side}","size":"#);
    int(out, trade.amount_e8 / 100);
    out.extend_from_slice(b",\"price\":");
    price_number(out, trade_cents(trade.price_cents, bend), bend);
    let _ = write!(out, r#","trdMatchID":"00000000-0000-0000-0000-{:012x}","homeNotional":"#, trade.id);
    e8(out, trade.amount_e8);
    out.push(b'}');
}
