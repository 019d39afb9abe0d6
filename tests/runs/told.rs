//! What an exchange tells of a row: columns it does not have stay unknown.

use dccd::model::{Batch, Candle, Kind, Series, Trade};

/// The exchanges that tell no quote amount of a candle, and those that tell no number of trades.
const NO_QUOTE_VOLUME: [&str; 1] = ["coinbase"];
const NO_TRADES: [&str; 2] = ["bybit", "coinbase"];

/// Candles as an exchange tells them.
pub(crate) fn candles(exchange: &str, whole: &Batch) -> Batch {
    let mut told = Batch::of(Kind::Ohlc);
    let mut rows = told.candles_mut();
    for candle in whole.candles().iter() {
        rows.push(Candle {
            quote_volume: candle.quote_volume.filter(|_| !NO_QUOTE_VOLUME.contains(&exchange)),
            trades: candle.trades.filter(|_| !NO_TRADES.contains(&exchange)),
            ..candle
        });
    }
    told
}

/// Trades as an exchange tells them: BitMEX names them by ids that are no numbers.
pub(crate) fn trades(exchange: &str, whole: &Batch) -> Batch {
    if exchange != "bitmex" {
        return whole.clone();
    }
    let mut told = Batch::of(Kind::Trades);
    let mut rows = told.trades_mut();
    for trade in whole.trades().iter() {
        let number: u64 = trade.id.unwrap().parse().unwrap();
        rows.push(Trade { id: Some(&format!("00000000-0000-0000-0000-{number:012x}")), ..trade });
    }
    told
}

/// Rows in an order that can be compared: of ids that are no numbers, nothing but the order of an answer says in
/// which order trades of one instant happened, and an answer in disorder loses that.
pub(crate) fn comparable(series: &Series, rows: &Batch) -> Batch {
    if series.exchange() != "bitmex" || series.kind() != Kind::Trades {
        return rows.clone();
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|row| (rows.ts()[*row], rows.trades().get(*row).id.map(str::to_owned)));
    rows.gather(&order)
}
