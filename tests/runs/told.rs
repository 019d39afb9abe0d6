//! What an exchange tells of a row: columns it does not have stay unknown.

use dccd::model::{Batch, Candle, Grid, Kind, Micros, Series, Trade};

use crate::house::grid;

/// The exchanges that tell no quote amount of a candle, and those that tell no number of trades.
const NO_QUOTE_VOLUME: [&str; 1] = ["coinbase"];
const NO_TRADES: [&str; 2] = ["bybit", "coinbase"];

/// Candles as an exchange tells them. BitMEX tells of quiet ones too: the last close, and that nothing was traded.
pub(crate) fn candles(series: &Series, whole: &Batch) -> Batch {
    let exchange = series.exchange();
    let mut told = Batch::of(Kind::Ohlc);
    let mut rows = told.candles_mut();
    let mut last: Option<Candle> = None;
    for candle in whole.candles().iter() {
        if let Some(last) = last.filter(|_| exchange == "bitmex") {
            quiet(grid(series), &last, candle.ts).for_each(|quiet| rows.push(quiet));
        }
        last = Some(candle);
        rows.push(Candle {
            quote_volume: candle.quote_volume.filter(|_| !NO_QUOTE_VOLUME.contains(&exchange)),
            trades: candle.trades.filter(|_| !NO_TRADES.contains(&exchange)),
            ..candle
        });
    }
    told
}

/// The candles between two, in which nothing was traded.
fn quiet(grid: Grid, last: &Candle, until: Micros) -> impl Iterator<Item = Candle> {
    let close = last.close;
    let opens = std::iter::successors(Some(grid.next(last.ts)), move |open| Some(grid.next(*open)));
    opens.take_while(move |open| *open < until).map(move |ts| Candle {
        ts,
        open: close,
        high: close,
        low: close,
        close,
        volume: 0.0,
        quote_volume: Some(0.0),
        trades: Some(0),
    })
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
