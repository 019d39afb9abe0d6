//! Rows without the documented shape, unfinished ones, and answers that are wrong around their rows.

use std::sync::Arc;

use super::*;
use crate::exchange::reading::wire::{Int, Num};
use crate::exchange::{Ask, Instrument, find};
use crate::model::{Candle, Kind, Span, Window};

/// `[minutes, price, what it is]`.
#[derive(Deserialize)]
struct Toy(Int, Num, Int);

impl WireRow<'_> for Toy {
    type Record = Candle;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        let minutes = self.0.get().ok_or_else(|| row.fault(OddFault::Time, "it has no time"))?;
        Ok(Micros(FIRST.0 + minutes * 60_000_000))
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        match self.2.get() {
            Some(1) => return Ok(Taken::Nothing),
            Some(2) => return Ok(Taken::Unfinished),
            Some(3) => return Err(ParseError::Crowded { at: ts }.into()),
            _ => {}
        }
        let price = row.positive(self.1)?;
        let [open, high, low, close] = [price; 4];
        Ok(Taken::Row(Candle { ts, open, high, low, close, volume: 1.0, quote_volume: None, trades: None }))
    }
}

const FIRST: Micros = Micros::from_secs(1_700_000_040);

fn read(body: &str, order: Order) -> Result<Rows<Candle>, ParseError> {
    let exchange = find("binance").unwrap();
    let pair = "BTC/USDT".parse().unwrap();
    let series = crate::model::Series::new("binance", pair, Kind::Ohlc, Some(Span::Fixed(60))).unwrap();
    let page = Page {
        series: Arc::new(series),
        instrument: Arc::new(Instrument::named("BTCUSDT".to_owned())),
        window: Window::new(FIRST, Micros(FIRST.0 + 600_000_000)).unwrap(),
        ask: Ask::ByTime,
        rows: 1_000,
    };
    Source { exchange, page: &page, body: body.as_bytes(), order }.read::<Columns<Toy>>(&mut Bare)
}

fn minutes(instants: impl IntoIterator<Item = Micros>) -> Vec<i64> {
    instants.into_iter().map(|at| (at.0 - FIRST.0) / 60_000_000).collect()
}

#[test]
fn a_row_of_nothing_is_neither_kept_nor_odd() {
    for body in ["[[0,1,0],[1,null,1],[2,1,0]]", "[[0,1,0],[1,null,1],[2,1,0],[3,null,0]]"] {
        let rows = read(body, Order::OldestFirst).unwrap();
        assert_eq!(minutes(rows.kept.iter().map(|candle| candle.ts)), [0, 2]);
        assert_eq!(rows.came, 3 + rows.odd().len(), "{body}");
    }
}

#[test]
fn an_unfinished_row_leaves_out_itself_and_what_is_later_in_either_order() {
    let oldest_first = read("[[0,1,0],[1,1,2],[2,1,0],[3,null,0],[4,1,2]]", Order::OldestFirst).unwrap();
    let newest_first = read("[[4,1,2],[3,null,0],[2,1,0],[1,1,2],[0,1,0]]", Order::NewestFirst).unwrap();
    for rows in [oldest_first, newest_first] {
        assert_eq!(minutes(rows.kept.iter().map(|candle| candle.ts)), [0]);
        assert_eq!((minutes(rows.unfinished), rows.odd(), rows.is_reversed), (vec![1], &[][..], false));
    }
}

#[test]
fn what_is_wrong_around_the_rows_refuses_the_page_whatever_its_rows_are() {
    for body in ["[[0,1,0],[1,null,0],[2,1,0]", "[[0,1,0],[1,null,0]] x", "[[0,1,0],[1,null,0],]", "{}", ""] {
        let refused = read(body, Order::OldestFirst);
        assert!(matches!(refused, Err(ParseError::Malformed { .. })), "{body}: {refused:?}");
    }
    let refused = read("[[0,1,0],[1,1,3]]", Order::OldestFirst).unwrap_err();
    assert!(matches!(refused, ParseError::Crowded { .. }), "a page that cannot be read at all: {refused}");
}

#[test]
fn a_page_all_of_whose_rows_are_odd_has_none() {
    let rows = read("[[0,null,0],[1,-1,0],7]", Order::OldestFirst).unwrap();
    assert_eq!((rows.kept.len(), rows.came), (0, 3));
    let faults: Vec<_> = rows.odd().iter().map(|odd| (odd.fault, &*odd.text)).collect();
    assert_eq!(
        faults,
        [(OddFault::Value, "[0,null,0]"), (OddFault::Value, "[1,-1,0]"), (OddFault::Shape, "7")]
    );
}
