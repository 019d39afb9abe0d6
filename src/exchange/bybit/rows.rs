//! The rows of Bybit's pages and the envelope they stand in.

use serde::Deserialize;

use super::category::is_inverse;
use super::envelope::{Listed, read_result};
use crate::exchange::reading::book_rows::{Level, Snapshot};
use crate::exchange::reading::record::TradeRow;
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::rows::{Refused, Source, Taken, WireRow};
use crate::exchange::reading::shape::{Columns, Members};
use crate::exchange::reading::wire::{Int, Num, Text};
use crate::exchange::{Answer, Exchange, Next, Page, ParseError, Parsed, Refusal, RefusalKind};
use crate::model::{Batch, Candle, FundingRate, Micros, OpenInterest};

/// `[start, open, high, low, close, volume, turnover]`.
#[derive(Deserialize)]
pub(super) struct Kline(Int, Num, Num, Num, Num, Num, Num);

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireTrade<'a> {
    #[serde(borrow)]
    exec_id: Text<'a>,
    #[serde(borrow)]
    symbol: Text<'a>,
    price: Num,
    size: Num,
    #[serde(borrow)]
    side: Text<'a>,
    time: Int,
}

#[derive(Deserialize)]
struct WireBook<'a> {
    /// Its symbol.
    #[serde(default, borrow)]
    s: Text<'a>,
    b: Vec<Columns<(Num, Num)>>,
    a: Vec<Columns<(Num, Num)>>,
    ts: Int,
    u: Int,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireFunding<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    funding_rate: Num,
    funding_rate_timestamp: Int,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireInterest {
    open_interest: Num,
    timestamp: Int,
}

impl WireRow<'_> for Kline {
    type Record = Candle;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.0)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<Candle>, Refused> {
        let Kline(_, open, high, low, close, volume, turnover) = self;
        // Of inverse contracts the volume counts dollars and the turnover the base asset.
        let (base, quote) = if is_inverse(page) { (turnover, volume) } else { (volume, turnover) };
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(open)?,
            high: row.num(high)?,
            low: row.num(low)?,
            close: row.num(close)?,
            volume: row.positive(base)?,
            quote_volume: row.positive_if_any(quote)?,
            trades: None,
        })?))
    }
}

impl<'a> WireRow<'a> for WireTrade<'a> {
    type Record = TradeRow<'a>;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.time)
    }

    #[inline]
    fn symbol(&self) -> Option<&str> {
        self.symbol.said()
    }

    /// Sizes are in the base asset, except those of inverse contracts, which are in dollars.
    #[inline]
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let (price, size) = (row.positive(self.price)?, row.positive(self.size)?);
        let amount = if is_inverse(page) { page.instrument.base_amount(row.0, size, price)? } else { size };
        let side = Some(row.side(&self.side, "Buy", "Sell")?);
        Ok(Taken::Row(TradeRow { ts, id: row.word_id(self.exec_id)?, price, amount, side }))
    }
}

impl<'a> WireRow<'a> for WireFunding<'a> {
    type Record = FundingRate;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.funding_rate_timestamp)
    }

    #[inline]
    fn symbol(&self) -> Option<&str> {
        self.symbol.said()
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<FundingRate>, Refused> {
        Ok(Taken::Row(FundingRate { ts, rate: row.num(self.funding_rate)?, mark_price: None }))
    }
}

impl WireRow<'_> for WireInterest {
    type Record = OpenInterest;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.timestamp)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<OpenInterest>, Refused> {
        let open_interest = row.positive(self.open_interest)?;
        Ok(Taken::Row(OpenInterest { ts, open_interest, open_interest_value: None }))
    }
}

pub(super) fn parse_interest(source: Source<'_, '_>, out: &mut Batch) -> Result<Parsed, ParseError> {
    let rows = source.read::<Members<WireInterest>>(&mut Listed::default())?;
    if is_inverse(source.page) {
        return Err(ParseError::Refused(Refusal {
            kind: RefusalKind::Permanent,
            code: "unit".to_owned(),
            message: "the open interest of inverse contracts is told in dollars, not in the base asset"
                .to_owned(),
        }));
    }
    Ok(rows.append(Next::ByTime, out))
}

pub(super) fn parse_book(
    exchange: &dyn Exchange,
    page: &Page,
    answer: &Answer<'_>,
    out: &mut Batch,
) -> Result<Parsed, ParseError> {
    let Members(wire) = read_result::<Members<WireBook<'_>>>(exchange, answer.body)?;
    wire.s.said().map_or(Ok(()), |named| page.expect_symbol(named))?;
    let side = |levels: Vec<Columns<(Num, Num)>>| {
        let level = |(row, Columns((price, size)))| {
            let level = Level::read(Row(row), price, size)?;
            if is_inverse(page) { level.of_contracts(Row(row), page) } else { Ok(level) }
        };
        levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, ParseError>>()
    };
    let (ts, seq) = (Row(0).instant_millis(wire.ts)?, Row(0).count_if_any(wire.u)?);
    let snapshot = Snapshot { ts, received: answer.received, seq, depth: page.rows };
    snapshot.append(side(wire.b)?, side(wire.a)?, out)?;
    Ok(Next::ByTime.into())
}
