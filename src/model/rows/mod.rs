//! The rows of each kind, and typed views of a batch for appending and reading.

mod book;
mod candle;
mod columns;
mod funding;
mod open_interest;
mod trade;

pub use book::{BookLevel, BookRows};
pub use candle::{Candle, Candles};
pub use funding::{FundingRate, FundingRates};
pub use open_interest::{OpenInterest, OpenInterests};
pub use trade::{Trade, Trades};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Batch, Kind, Micros, Side};

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
