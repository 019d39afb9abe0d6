//! Binance's rows as JSON text, correct or deliberately wrong.

use crate::sim::bend::Bend;
use crate::sim::fields::{price_text, time};
use crate::sim::market::{SimCandle, SimTrade};
use crate::sim::text::{cents, e8, int};

/// `[openTime, open, high, low, close, volume, closeTime, quoteVolume, trades, takerBase, takerQuote, "0"]`.
pub(super) fn candle(out: &mut Vec<u8>, candle: &SimCandle, closed_ms: i64, bend: Option<Bend>) {
    let high_cents = match bend {
        Some(Bend::Contradiction) => candle.low_cents - 1,
        _ => candle.high_cents,
    };
    out.push(b'[');
    time(out, candle.open.millis_floor(), bend);
    out.push(b',');
    price_text(out, candle.open_cents, bend);
    out.extend_from_slice(b",\"");
    cents(out, high_cents);
    out.extend_from_slice(b"\",\"");
    cents(out, candle.low_cents);
    out.extend_from_slice(b"\",\"");
    cents(out, candle.close_cents);
    out.extend_from_slice(b"\",\"");
    e8(out, candle.volume_e8);
    out.extend_from_slice(b"\",");
    int(out, closed_ms);
    out.extend_from_slice(b",\"");
    cents(out, candle.quote_cents);
    out.extend_from_slice(b"\",");
    int(out, candle.trades);
    out.extend_from_slice(b",\"");
    e8(out, candle.volume_e8 / 2);
    out.extend_from_slice(b"\",\"");
    cents(out, candle.quote_cents / 2);
    out.extend_from_slice(b"\",\"0\"]");
}

/// `{"a": id, "p": price, "q": amount, "f": first, "l": last, "T": time, "m": buyer is maker, "M": best match}`.
pub(super) fn trade(out: &mut Vec<u8>, trade: &SimTrade, bend: Option<Bend>) {
    let price_cents = match bend {
        Some(Bend::Contradiction) => -trade.price_cents,
        _ => trade.price_cents,
    };
    let id = i64::try_from(trade.id).unwrap_or(i64::MAX);
    out.extend_from_slice(b"{\"a\":");
    int(out, id);
    out.extend_from_slice(b",\"p\":");
    price_text(out, price_cents, bend);
    out.extend_from_slice(b",\"q\":\"");
    e8(out, trade.amount_e8);
    out.extend_from_slice(b"\",\"f\":");
    int(out, id);
    out.extend_from_slice(b",\"l\":");
    int(out, id);
    out.extend_from_slice(b",\"T\":");
    time(out, trade.ts.millis_floor(), bend);
    let maker: &[u8] = if trade.sold { b",\"m\":true,\"M\":true}" } else { b",\"m\":false,\"M\":true}" };
    out.extend_from_slice(maker);
}
