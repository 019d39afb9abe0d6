//! The rows of BitMEX's pages: buckets, trades, levels of a book and funding rates.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::reading::book_rows::{Level, Snapshot};
use crate::exchange::reading::decode::read;
use crate::exchange::reading::record::{Key, Record, TradeRow};
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::rows::{Refused, Rows, Taken, WireRow};
use crate::exchange::reading::wire::{Contracts, Int, Num, Text};
use crate::exchange::{Answer, Ask, Exchange, Instrument, Next, OddFault, Page, ParseError, Parsed};
use crate::model::{Batch, Candle, FundingRate, Micros, Side};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Bucket<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    /// When it ends.
    #[serde(borrow)]
    timestamp: Text<'a>,
    open: Num,
    high: Num,
    low: Num,
    close: Num,
    trades: Int,
    /// The amounts traded, in the base and in the quote asset; `volume` counts contracts.
    home_notional: Num,
    foreign_notional: Num,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireTrade<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    #[serde(borrow)]
    timestamp: Text<'a>,
    /// An empty text where there is no taker: a settlement.
    #[serde(borrow)]
    side: Option<&'a RawValue>,
    #[serde(borrow)]
    size: Contracts<'a>,
    price: Num,
    #[serde(borrow, rename = "trdMatchID")]
    id: Text<'a>,
    /// The base amount, where it is told.
    home_notional: Num,
}

#[derive(Deserialize)]
struct WireLevel<'a> {
    #[serde(default, borrow)]
    symbol: Text<'a>,
    #[serde(borrow)]
    side: Text<'a>,
    #[serde(default, borrow)]
    size: Contracts<'a>,
    #[serde(default)]
    price: Num,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireFunding<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    #[serde(borrow)]
    timestamp: Text<'a>,
    funding_rate: Num,
}

impl Bucket<'_> {
    /// Whether nothing was traded in it, so that it has no prices.
    fn is_empty(&self) -> bool {
        let has_prices = [self.open, self.high, self.low, self.close].iter().any(|price| !price.is_absent());
        let is_none = |amount: Num| amount.get().map_or(amount.is_absent(), |amount| amount == 0.0);
        let has_trades = !matches!(self.trades, Int::Absent | Int::Is(0));
        !has_prices && !has_trades && is_none(self.home_notional) && is_none(self.foreign_notional)
    }

    /// The symbol it names.
    pub(super) fn named(&self) -> &str {
        &self.symbol
    }

    /// The instant it is stamped with.
    pub(super) fn ends(&self, row: Row) -> Result<Micros, RowFault> {
        row.rfc3339(&self.timestamp)
    }

    /// The candle of its open; `None` if there are no prices.
    pub(super) fn candle(&self, row: Row, ts: Micros) -> Result<Option<Candle>, RowFault> {
        if self.is_empty() {
            return Ok(None);
        }
        let close = row.num(self.close)?;
        let candle = Candle {
            ts,
            open: row.positive(self.open)?,
            high: row.num(self.high)?,
            low: row.num(self.low)?,
            close,
            volume: row.positive(self.home_notional)?,
            quote_volume: row.positive_if_any(self.foreign_notional)?,
            trades: row.count_if_any(self.trades)?,
        };
        // It opens at the last close, which may lie outside of its own low and high.
        row.candle(Candle { open: close, ..candle })?;
        Ok(Some(candle))
    }
}

impl<'a> WireTrade<'a> {
    /// The symbol it names.
    pub(super) fn named(&self) -> &str {
        &self.symbol
    }

    /// Its instant.
    pub(super) fn at(&self, row: Row) -> Result<Micros, RowFault> {
        row.rfc3339(&self.timestamp)
    }

    /// The trade of its instant.
    pub(super) fn trade(
        self,
        row: Row,
        ts: Micros,
        instrument: &Instrument,
    ) -> Result<TradeRow<'a>, Refused> {
        let price = row.positive(self.price)?;
        row.positive(self.size.num())?;
        let amount = match (row.positive_if_any(self.home_notional)?, self.size.count()) {
            (Some(told), _) => told,
            (None, Some(contracts)) => instrument.base_amount(row.0, contracts, price)?,
            (None, None) => return Err(row.fault(OddFault::Value, "an amount is absent").into()),
        };
        let side = match self.side.map_or("", RawValue::get) {
            "\"\"" => None,
            side => Some(row.side(side, "\"Buy\"", "\"Sell\"")?),
        };
        Ok(TradeRow { ts, id: row.word_id(self.id)?, price, amount, side })
    }
}

impl<'a> WireRow<'a> for Bucket<'a> {
    type Record = Candle;

    /// It is stamped with its end.
    fn ts(&self, row: Row, page: &Page) -> Result<Micros, RowFault> {
        let span = page.series.span().map_or(0, |span| u64::from(span.secs()));
        Ok(self.ends(row)? - Duration::from_secs(span))
    }

    fn symbol(&self) -> Option<&str> {
        self.symbol.said()
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        Ok(self.candle(row, ts)?.map_or(Taken::Nothing, Taken::Row))
    }
}

impl<'a> WireRow<'a> for WireTrade<'a> {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.rfc3339(&self.timestamp)
    }

    fn symbol(&self) -> Option<&str> {
        self.symbol.said()
    }

    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        self.trade(row, ts, &page.instrument).map(Taken::Row)
    }
}

impl<'a> WireRow<'a> for WireFunding<'a> {
    type Record = FundingRate;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.rfc3339(&self.timestamp)
    }

    fn symbol(&self) -> Option<&str> {
        self.symbol.said()
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<FundingRate>, Refused> {
        Ok(Taken::Row(FundingRate { ts, rate: row.num(self.funding_rate)?, mark_price: None }))
    }
}

/// A full page of one instant is followed by the rows after it of the same bounds. A row that came twice is one.
pub(super) fn next(page: &Page, rows: &Rows<TradeRow<'_>>) -> Next {
    let is_full = rows.came >= page.rows as usize;
    let Some(first) = rows.kept.first().filter(|_| is_full) else { return Next::ByTime };
    if rows.kept.iter().any(|row| row.ts != first.ts) {
        return Next::ByTime;
    }
    let mut keys: Vec<Key<'_>> = rows.kept.iter().map(Record::key).collect();
    keys.sort_unstable();
    keys.dedup();
    let skipped = match page.ask {
        Ask::Skip(rows) => rows,
        _ => 0,
    };
    let came = keys.len() + rows.odd().len();
    Next::Skip(skipped.saturating_add(u32::try_from(came).unwrap_or(page.rows)))
}

pub(super) fn parse_book(
    exchange: &dyn Exchange,
    page: &Page,
    answer: &Answer<'_>,
    out: &mut Batch,
) -> Result<Parsed, ParseError> {
    let levels: Vec<WireLevel<'_>> = read(exchange, answer.body)?;
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    for (row, wire) in levels.into_iter().enumerate() {
        let row = Row(row);
        wire.symbol.said().map_or(Ok(()), |named| page.expect_symbol(named))?;
        let level = Level::read(row, wire.price, wire.size.num())?;
        let amount = page.base_amount(row, &wire.size, level.price)?;
        let side = match row.side(&wire.side, "Buy", "Sell")? {
            Side::Sell => &mut asks,
            _ => &mut bids,
        };
        side.push(Level { amount, ..level });
    }
    // The times of its levels say when each last changed.
    let (ts, received) = (answer.received, answer.received);
    let snapshot = Snapshot { ts, received, seq: None, depth: page.rows };
    snapshot.append(bids, asks, out)?;
    Ok(Next::ByTime.into())
}
