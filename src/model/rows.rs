//! The rows of each kind by name, and typed views of a batch to append to and to read.

use crate::model::{Batch, Column, Kind, Micros, Side, Values};

fn i64s(column: &Column) -> &[i64] {
    let Values::I64(values) = &column.values else { unreachable!("the schema says whole numbers here") };
    values
}

fn f64s(column: &Column) -> &[f64] {
    let Values::F64(values) = &column.values else { unreachable!("the schema says prices here") };
    values
}

fn push_i64(column: &mut Column, value: i64) {
    let Values::I64(values) = &mut column.values else { unreachable!("the schema says whole numbers here") };
    values.push(value);
}

fn push_f64(column: &mut Column, value: f64) {
    let Values::F64(values) = &mut column.values else { unreachable!("the schema says prices here") };
    values.push(value);
}

fn push_text(column: &mut Column, value: &str) {
    let Values::Text(values) = &mut column.values else { unreachable!("the schema says text here") };
    values.push(value);
}

fn maybe<T>(column: &mut Column, value: Option<T>, push: impl FnOnce(&mut Column, T), absent: T) {
    let present = value.is_some();
    push(column, value.unwrap_or(absent));
    if let Some(flags) = &mut column.present {
        flags.push(present);
    }
}

/// One candle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// When it opens.
    pub ts: Micros,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Traded amount of the base asset.
    pub volume: f64,
    /// Traded amount of the quote asset, where the exchange says it.
    pub quote_volume: Option<f64>,
    /// Number of trades, where the exchange says it.
    pub trades: Option<i64>,
}

/// A view of candles, to append to or to read.
pub struct Candles<B>(B);

impl Batch {
    /// The candles of a batch of [`Kind::Ohlc`], to append to.
    ///
    /// # Panics
    /// For another kind.
    pub fn candles_mut(&mut self) -> Candles<&mut Batch> {
        assert_eq!(self.kind, Kind::Ohlc);
        Candles(self)
    }

    /// The candles of a batch of [`Kind::Ohlc`], to read.
    ///
    /// # Panics
    /// For another kind.
    #[must_use]
    pub fn candles(&self) -> Candles<&Batch> {
        assert_eq!(self.kind, Kind::Ohlc);
        Candles(self)
    }

    /// The trades of a batch of [`Kind::Trades`], to append to.
    ///
    /// # Panics
    /// For another kind.
    pub fn trades_mut(&mut self) -> Trades<&mut Batch> {
        assert_eq!(self.kind, Kind::Trades);
        Trades(self)
    }

    /// The trades of a batch of [`Kind::Trades`], to read.
    ///
    /// # Panics
    /// For another kind.
    #[must_use]
    pub fn trades(&self) -> Trades<&Batch> {
        assert_eq!(self.kind, Kind::Trades);
        Trades(self)
    }

    /// The book levels of a batch of [`Kind::OrderBook`], to append to.
    ///
    /// # Panics
    /// For another kind.
    pub fn book_mut(&mut self) -> BookRows<&mut Batch> {
        assert_eq!(self.kind, Kind::OrderBook);
        BookRows(self)
    }

    /// The book levels of a batch of [`Kind::OrderBook`], to read.
    ///
    /// # Panics
    /// For another kind.
    #[must_use]
    pub fn book(&self) -> BookRows<&Batch> {
        assert_eq!(self.kind, Kind::OrderBook);
        BookRows(self)
    }

    /// The funding rates of a batch of [`Kind::Funding`], to append to.
    ///
    /// # Panics
    /// For another kind.
    pub fn funding_mut(&mut self) -> FundingRates<&mut Batch> {
        assert_eq!(self.kind, Kind::Funding);
        FundingRates(self)
    }

    /// The samples of a batch of [`Kind::OpenInterest`], to append to.
    ///
    /// # Panics
    /// For another kind.
    pub fn open_interest_mut(&mut self) -> OpenInterests<&mut Batch> {
        assert_eq!(self.kind, Kind::OpenInterest);
        OpenInterests(self)
    }
}

impl Candles<&mut Batch> {
    /// Appends a candle.
    pub fn push(&mut self, row: Candle) {
        let [ts, open, high, low, close, volume, quote_volume, trades] = &mut self.0.columns[..] else {
            unreachable!("a candle has eight columns")
        };
        push_i64(ts, row.ts.0);
        push_f64(open, row.open);
        push_f64(high, row.high);
        push_f64(low, row.low);
        push_f64(close, row.close);
        push_f64(volume, row.volume);
        maybe(quote_volume, row.quote_volume, push_f64, 0.0);
        maybe(trades, row.trades, push_i64, 0);
    }
}

impl<'a> Candles<&'a Batch> {
    /// The candle at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Candle {
        let columns = &self.0.columns;
        Candle {
            ts: Micros(i64s(&columns[0])[index]),
            open: f64s(&columns[1])[index],
            high: f64s(&columns[2])[index],
            low: f64s(&columns[3])[index],
            close: f64s(&columns[4])[index],
            volume: f64s(&columns[5])[index],
            quote_volume: columns[6].has(index).then(|| f64s(&columns[6])[index]),
            trades: columns[7].has(index).then(|| i64s(&columns[7])[index]),
        }
    }

    /// Every candle in order.
    pub fn iter(&self) -> impl Iterator<Item = Candle> + 'a {
        let rows = Candles(self.0);
        (0..self.0.len()).map(move |index| rows.get(index))
    }
}

/// One public trade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trade<'a> {
    /// When it happened, by the exchange.
    pub ts: Micros,
    /// When we received it, for streams.
    pub ts_recv: Option<Micros>,
    /// The exchange's id.
    pub id: Option<&'a str>,
    /// Price.
    pub price: f64,
    /// Amount of the base asset.
    pub amount: f64,
    /// The taker's side.
    pub side: Option<Side>,
}

/// A view of trades, to append to or to read.
pub struct Trades<B>(B);

impl Trades<&mut Batch> {
    /// Appends a trade.
    pub fn push(&mut self, row: Trade<'_>) {
        let [ts, ts_recv, id, price, amount, side] = &mut self.0.columns[..] else {
            unreachable!("a trade has six columns")
        };
        push_i64(ts, row.ts.0);
        maybe(ts_recv, row.ts_recv.map(|at| at.0), push_i64, 0);
        maybe(id, row.id, push_text, "");
        push_f64(price, row.price);
        push_f64(amount, row.amount);
        maybe(side, row.side.map(Side::name), push_text, "");
    }
}

impl<'a> Trades<&'a Batch> {
    /// The trade at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Trade<'a> {
        let columns = &self.0.columns;
        let text = |column: &'a Column| match &column.values {
            Values::Text(texts) if column.has(index) => Some(texts.get(index)),
            _ => None,
        };
        Trade {
            ts: Micros(i64s(&columns[0])[index]),
            ts_recv: columns[1].has(index).then(|| Micros(i64s(&columns[1])[index])),
            id: text(&columns[2]),
            price: f64s(&columns[3])[index],
            amount: f64s(&columns[4])[index],
            side: match text(&columns[5]) {
                Some("buy") => Some(Side::Buy),
                Some("sell") => Some(Side::Sell),
                _ => None,
            },
        }
    }

    /// Every trade in order.
    pub fn iter(&self) -> impl Iterator<Item = Trade<'a>> + 'a {
        let rows = Trades(self.0);
        (0..self.0.len()).map(move |index| rows.get(index))
    }
}

/// One level of a snapshot or of an update of a book.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BookLevel {
    /// Grows by one with every snapshot or update of the series; the store numbers them on.
    pub ord: i64,
    /// The exchange's time of the book; where it sends none, its clock when we received the answer.
    pub ts: Micros,
    /// When we received it.
    pub ts_recv: Micros,
    /// The exchange's sequence number.
    pub seq: Option<i64>,
    /// Whether this belongs to a whole book rather than to a change of one.
    pub is_snapshot: bool,
    /// Bid or ask.
    pub side: Side,
    /// Price of the level.
    pub price: f64,
    /// Amount resting there; zero in an update removes the level.
    pub amount: f64,
    /// Number of orders, where the exchange says it.
    pub count: Option<i32>,
}

/// A view of book levels, to append to or to read.
pub struct BookRows<B>(B);

impl BookRows<&mut Batch> {
    /// Appends a level.
    pub fn push(&mut self, row: BookLevel) {
        let [ord, ts, ts_recv, seq, is_snapshot, side, price, amount, count] = &mut self.0.columns[..] else {
            unreachable!("a book level has nine columns")
        };
        push_i64(ord, row.ord);
        push_i64(ts, row.ts.0);
        push_i64(ts_recv, row.ts_recv.0);
        maybe(seq, row.seq, push_i64, 0);
        if let Values::Bool(flags) = &mut is_snapshot.values {
            flags.push(row.is_snapshot);
        }
        push_text(side, row.side.name());
        push_f64(price, row.price);
        push_f64(amount, row.amount);
        maybe(
            count,
            row.count,
            |column, count| {
                if let Values::I32(counts) = &mut column.values {
                    counts.push(count);
                }
            },
            0,
        );
    }

    /// Numbers the updates of this batch on from `first`: the rows of one `ord` keep one.
    pub fn number_from(&mut self, first: i64) {
        let Values::I64(ords) = &mut self.0.columns[0].values else { return };
        if let Some(&lowest) = ords.first() {
            ords.iter_mut().for_each(|ord| *ord += first - lowest);
        }
    }
}

impl BookRows<&Batch> {
    /// The `ord` of every row.
    #[must_use]
    pub fn ords(&self) -> &[i64] {
        i64s(&self.0.columns[0])
    }

    /// The level at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> BookLevel {
        let columns = &self.0.columns;
        let is_bid = matches!(&columns[5].values, Values::Text(sides) if sides.get(index) == "bid");
        BookLevel {
            ord: i64s(&columns[0])[index],
            ts: Micros(i64s(&columns[1])[index]),
            ts_recv: Micros(i64s(&columns[2])[index]),
            seq: columns[3].has(index).then(|| i64s(&columns[3])[index]),
            is_snapshot: matches!(&columns[4].values, Values::Bool(flags) if flags[index]),
            side: if is_bid { Side::Bid } else { Side::Ask },
            price: f64s(&columns[6])[index],
            amount: f64s(&columns[7])[index],
            count: match &columns[8].values {
                Values::I32(counts) if columns[8].has(index) => Some(counts[index]),
                _ => None,
            },
        }
    }
}

/// One funding rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundingRate {
    /// When it was paid.
    pub ts: Micros,
    /// The rate as a fraction.
    pub rate: f64,
    /// The mark price it was paid at, where the exchange says it.
    pub mark_price: Option<f64>,
}

/// A view of funding rates to append to.
pub struct FundingRates<B>(B);

impl FundingRates<&mut Batch> {
    /// Appends a rate.
    pub fn push(&mut self, row: FundingRate) {
        let [ts, rate, mark_price] = &mut self.0.columns[..] else {
            unreachable!("a funding rate has three columns")
        };
        push_i64(ts, row.ts.0);
        push_f64(rate, row.rate);
        maybe(mark_price, row.mark_price, push_f64, 0.0);
    }
}

/// One sample of open interest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenInterest {
    /// When it was taken.
    pub ts: Micros,
    /// Open contracts in the base asset.
    pub open_interest: f64,
    /// Their value in the quote asset, where the exchange says it.
    pub open_interest_value: Option<f64>,
}

/// A view of open-interest samples to append to.
pub struct OpenInterests<B>(B);

impl OpenInterests<&mut Batch> {
    /// Appends a sample.
    pub fn push(&mut self, row: OpenInterest) {
        let [ts, open_interest, value] = &mut self.0.columns[..] else {
            unreachable!("an open-interest sample has three columns")
        };
        push_i64(ts, row.ts.0);
        push_f64(open_interest, row.open_interest);
        maybe(value, row.open_interest_value, push_f64, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(id: u32) -> (String, Trade<'static>) {
        let trade = Trade {
            ts: Micros(i64::from(id) * 10),
            ts_recv: None,
            id: None,
            price: f64::from(id),
            amount: 1.0,
            side: id.is_multiple_of(2).then_some(Side::Sell),
        };
        (id.to_string(), trade)
    }

    fn trades(ids: impl IntoIterator<Item = u32>) -> Batch {
        let mut batch = Batch::of(Kind::Trades);
        for id in ids {
            let (text, trade) = trade(id);
            batch.trades_mut().push(Trade { id: Some(&text), ..trade });
        }
        batch
    }

    #[test]
    fn gathered_rows_keep_their_texts_and_their_nulls() {
        let batch = trades([7, 8, 9, 10]);
        let gathered = batch.gather(&[3, 0, 1]);
        assert_eq!(gathered, trades([10, 7, 8]));
        assert_eq!(gathered.trades().get(1).side, None);
        assert_eq!(gathered.trades().get(0).id, Some("10"));
    }

    #[test]
    fn rows_differ_when_one_is_null_and_the_other_is_the_default() {
        let mut a = Batch::of(Kind::Ohlc);
        let candle = Candle {
            ts: Micros(0),
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 0.0,
            quote_volume: None,
            trades: Some(0),
        };
        a.candles_mut().push(candle);
        a.candles_mut().push(Candle { quote_volume: Some(0.0), ..candle });
        assert!(!a.same_row(0, &a, 1));
        assert!(a.same_row(1, &a, 1));
    }

    #[test]
    fn a_book_is_numbered_on_from_where_the_series_stands() {
        let mut book = Batch::of(Kind::OrderBook);
        let level = BookLevel {
            ord: 0,
            ts: Micros(1),
            ts_recv: Micros(1),
            seq: Some(5),
            is_snapshot: true,
            side: Side::Bid,
            price: 1.0,
            amount: 2.0,
            count: None,
        };
        for ord in [0, 0, 1] {
            book.book_mut().push(BookLevel { ord, ..level });
        }
        book.book_mut().number_from(41);
        assert_eq!(book.book().ords(), [41, 41, 42]);
    }
}
