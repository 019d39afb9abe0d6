//! Shared by Kraken's REST interface and its sockets: the spans there are, and the nanoseconds of trades.

use crate::sim::market::Market;

/// Its minutes of spans; each counts from the epoch, the week too.
pub(super) const INTERVALS: [u32; 9] = [1, 5, 15, 30, 60, 240, 1_440, 10_080, 21_600];

/// The nanosecond of a trade: those of one millisecond follow one another by one.
pub(super) fn nanos_of(market: &Market, id: u64) -> u64 {
    let ts = market.trade(id).ts;
    ts.millis_floor().unsigned_abs() * 1_000_000 + (id - market.first_trade_at_or_after(ts))
}
