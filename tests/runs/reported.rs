//! Reduces the oracle's rows to what each exchange reports: columns it does not have are null.

use dccd::model::{Batch, Candle, FundingRate, Grid, Kind, Micros, OpenInterest, Series, Trade, Values};

use crate::test_daemon::grid;

/// The exchanges that tell no quote amount of a candle, and those that tell no number of trades.
const NO_QUOTE_VOLUME: [&str; 4] = ["bitfinex", "coinbase", "kraken", "krakenfutures"];
const NO_TRADES: [&str; 5] = ["bitfinex", "bybit", "coinbase", "krakenfutures", "okx"];
/// The exchanges that tell the mark price at funding, and those that tell no value of an open interest.
const MARK_PRICE: [&str; 1] = ["binance"];
const NO_VALUE: [&str; 1] = ["bybit"];

/// All rows of the oracle as the exchange of a series tells them.
pub(crate) fn by(series: &Series, whole: Batch) -> Batch {
    match series.kind() {
        _ if series.exchange() == "binancecoinm" => counted(&whole),
        Kind::Ohlc => candles(series, &whole),
        Kind::Trades if series.exchange() == "bitmex" => {
            numbered(&whole, |id| format!("00000000-0000-0000-0000-{id:012x}"))
        }
        Kind::Trades if series.exchange() == "coinbase" => numbered(&whole, |id| (id + 1).to_string()),
        Kind::Funding if !MARK_PRICE.contains(&series.exchange()) => unmarked(&whole),
        Kind::OpenInterest if NO_VALUE.contains(&series.exchange()) => unvalued(&whole),
        _ => whole,
    }
}

/// Candles; BitMEX tells of quiet ones too: the last close, and that nothing was traded.
fn candles(series: &Series, whole: &Batch) -> Batch {
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

/// Rows in contracts of a hundred dollars, at least one: trades are worth whole contracts, and quote amounts are so
/// many of them.
fn counted(whole: &Batch) -> Batch {
    let mut told = Batch::of(whole.kind());
    let contracts = |cents: i64| (cents / 10_000).max(1) as f64;
    let cents = |value: f64| (value * 100.0).round() as i64;
    match whole.kind() {
        Kind::Ohlc => whole.candles().iter().for_each(|candle| {
            let quote_volume = candle.quote_volume.map(|quote| contracts(cents(quote)) * 100.0);
            told.candles_mut().push(Candle { quote_volume, ..candle });
        }),
        Kind::Trades => whole.trades().iter().for_each(|trade| {
            let amount_e8 = (trade.amount * 1e8).round() as i64;
            let worth = contracts(amount_e8 / 10_000 * cents(trade.price) / 10_000);
            told.trades_mut().push(Trade { amount: worth * 100.0 / trade.price, ..trade });
        }),
        Kind::OpenInterest => {
            let Values::F64(values) = &whole.columns()[2].values else { panic!("they are floats") };
            for ((ts, open_interest), value) in first_column(whole).zip(values) {
                let open_interest_value = Some(contracts(cents(*value)) * 100.0);
                told.open_interest_mut().push(OpenInterest { ts, open_interest, open_interest_value });
            }
        }
        _ => return unmarked(whole),
    }
    told
}

/// Trades under the exchange's own ids: BitMEX's are no numbers, Coinbase's begin at 1.
fn numbered(whole: &Batch, name: impl Fn(u64) -> String) -> Batch {
    let mut told = Batch::of(Kind::Trades);
    let mut rows = told.trades_mut();
    for trade in whole.trades().iter() {
        let number: u64 = trade.id.unwrap().parse().unwrap();
        rows.push(Trade { id: Some(&name(number)), ..trade });
    }
    told
}

/// Funding rates without the price they were paid at.
fn unmarked(whole: &Batch) -> Batch {
    let mut told = Batch::of(Kind::Funding);
    let mut rates = told.funding_mut();
    for (ts, rate) in first_column(whole) {
        rates.push(FundingRate { ts, rate, mark_price: None });
    }
    told
}

/// Open interest without its value.
fn unvalued(whole: &Batch) -> Batch {
    let mut told = Batch::of(Kind::OpenInterest);
    let mut samples = told.open_interest_mut();
    for (ts, open_interest) in first_column(whole) {
        samples.push(OpenInterest { ts, open_interest, open_interest_value: None });
    }
    told
}

/// The instants and the numbers beside them.
fn first_column(rows: &Batch) -> impl Iterator<Item = (Micros, f64)> {
    let Values::F64(values) = &rows.columns()[1].values else { panic!("they are floats") };
    rows.ts().iter().zip(values).map(|(ts, value)| (Micros(*ts), *value))
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
