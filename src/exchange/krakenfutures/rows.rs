//! The rows of Kraken Futures' pages and the envelopes they stand in.

use serde::Deserialize;

use super::envelope::read_success;
use crate::exchange::reading::book_rows::{Level, Snapshot};
use crate::exchange::reading::record::TradeRow;
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::rows::{Refused, Taken, WireRow};
use crate::exchange::reading::shape::Columns;
use crate::exchange::reading::wire::{Contracts, Int, Num, Text};
use crate::exchange::{Answer, Exchange, Next, Page, ParseError, Parsed};
use crate::model::{Batch, Candle, FundingRate, Micros};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Ohlc<'a> {
    time: Int,
    open: Num,
    high: Num,
    low: Num,
    close: Num,
    #[serde(borrow)]
    volume: Contracts<'a>,
}

/// Its `trade_id` only numbers the rows of one answer; `uid` is the trade's own.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Fill<'a> {
    #[serde(borrow)]
    time: Text<'a>,
    price: Num,
    #[serde(borrow)]
    size: Contracts<'a>,
    /// The taker's.
    #[serde(borrow)]
    side: Text<'a>,
    #[serde(borrow)]
    uid: Text<'a>,
}

#[derive(Deserialize)]
struct Depth<'a> {
    #[serde(borrow)]
    result: Text<'a>,
    #[serde(borrow, rename = "orderBook")]
    book: Sides<'a>,
    #[serde(borrow, rename = "serverTime")]
    server_time: Text<'a>,
}

#[derive(Deserialize)]
struct Sides<'a> {
    #[serde(borrow)]
    asks: Vec<WireLevel<'a>>,
    #[serde(borrow)]
    bids: Vec<WireLevel<'a>>,
}

/// `[price, contracts]`.
type WireLevel<'a> = Columns<(Num, Contracts<'a>)>;

/// `fundingRate` is in the quote asset for a contract; the relative one is a fraction.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Rate<'a> {
    #[serde(borrow)]
    timestamp: Text<'a>,
    #[serde(rename = "relativeFundingRate")]
    relative: Num,
}

impl<'a> WireRow<'a> for Ohlc<'a> {
    type Record = Candle;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.time)
    }

    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<Candle>, Refused> {
        let close = row.num(self.close)?;
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(self.open)?,
            high: row.num(self.high)?,
            low: row.num(self.low)?,
            close,
            volume: page.base_amount(row, &self.volume, close)?,
            quote_volume: None,
            trades: None,
        })?))
    }
}

impl<'a> WireRow<'a> for Fill<'a> {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.rfc3339(&self.time)
    }

    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let price = row.positive(self.price)?;
        Ok(Taken::Row(TradeRow {
            ts,
            id: row.word_id(self.uid)?,
            price,
            amount: page.base_amount(row, &self.size, price)?,
            side: Some(row.side(&self.side, "buy", "sell")?),
        }))
    }
}

impl<'a> WireRow<'a> for Rate<'a> {
    type Record = FundingRate;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.rfc3339(&self.timestamp)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<FundingRate>, Refused> {
        Ok(Taken::Row(FundingRate { ts, rate: row.num(self.relative)?, mark_price: None }))
    }
}

pub(super) fn parse_depth(
    exchange: &dyn Exchange,
    page: &Page,
    answer: &Answer<'_>,
    out: &mut Batch,
) -> Result<Parsed, ParseError> {
    let depth: Depth<'_> = read_success(exchange, answer.body, |depth: &Depth<'_>| &*depth.result)?;
    let side = |levels: Vec<WireLevel<'_>>| {
        let level = |(row, Columns((price, contracts))): (usize, WireLevel<'_>)| {
            let level = Level::read(Row(row), price, contracts.num())?;
            let amount = page.base_amount(Row(row), &contracts, level.price)?;
            Ok::<_, ParseError>(Level { amount, ..level })
        };
        levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, _>>()
    };
    let ts = Row(0).rfc3339(&depth.server_time)?;
    let snapshot = Snapshot { ts, received: answer.received, seq: None, depth: page.rows };
    snapshot.append(side(depth.book.bids)?, side(depth.book.asks)?, out)?;
    Ok(Next::ByTime.into())
}
