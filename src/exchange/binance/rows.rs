//! The rows of Binance's pages: those of spot markets, which contracts share, and those of contracts alone.

use serde::Deserialize;

use crate::exchange::reading::book_rows::{Level, Snapshot};
use crate::exchange::reading::decode::read;
use crate::exchange::reading::record::{Record, TradeId, TradeRow};
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::rows::{Bare, Refused, Source, Taken, WireRow};
use crate::exchange::reading::shape::{Columns, Members};
use crate::exchange::reading::wire::{Int, Num, Text};
use crate::exchange::{Answer, Exchange, Instrument, Next, OddFault, Page, ParseError, Parsed};
use crate::model::{Batch, Candle, FundingRate, Market, Micros, OpenInterest};

/// `[openTime, open, high, low, close, volume, closeTime, quoteVolume, trades, …]`.
#[derive(Deserialize)]
pub(super) struct Kline {
    pub(super) opened: Int,
    pub(super) open: Num,
    pub(super) high: Num,
    pub(super) low: Num,
    pub(super) close: Num,
    pub(super) volume: Num,
    pub(super) closed: Int,
    pub(super) quote_volume: Num,
    pub(super) trades: Int,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AggTrade {
    pub(super) a: Int,
    pub(super) p: Num,
    pub(super) q: Num,
    #[serde(rename = "T")]
    pub(super) time: Int,
    /// Whether the buyer was the maker, that is, whether the taker sold.
    pub(super) m: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Depth<'a> {
    #[serde(default, borrow)]
    symbol: Text<'a>,
    #[serde(rename = "lastUpdateId")]
    pub(super) last_update_id: Int,
    /// When it was so, in milliseconds; only contracts say it.
    #[serde(default, rename = "T")]
    pub(super) time: Int,
    pub(super) bids: Vec<Columns<(Num, Num)>>,
    pub(super) asks: Vec<Columns<(Num, Num)>>,
}

impl WireRow<'_> for Kline {
    type Record = Candle;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.opened)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        self.base_candle(row, ts)
    }
}

impl Kline {
    /// The candle, with its amounts of the base and the quote asset.
    pub(super) fn candle(
        &self,
        row: Row,
        ts: Micros,
        volume: f64,
        quote_volume: Option<f64>,
    ) -> Result<Taken<Candle>, Refused> {
        if self.closed.get().is_some_and(|closed| closed < ts.millis_floor()) {
            return Err(row.fault(OddFault::Contradiction, "it closes before it opens").into());
        }
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(self.open)?,
            high: row.num(self.high)?,
            low: row.num(self.low)?,
            close: row.num(self.close)?,
            volume,
            quote_volume,
            trades: row.count_if_any(self.trades)?,
        })?))
    }
}

impl Kline {
    /// The candle of a market whose amounts are of the base asset.
    pub(super) fn base_candle(&self, row: Row, ts: Micros) -> Result<Taken<Candle>, Refused> {
        self.candle(row, ts, row.positive(self.volume)?, row.positive_if_any(self.quote_volume)?)
    }

    /// The candle of contracts of a fixed size in the quote asset: where others say the quote amount stands the base
    /// amount, and contracts where they say that.
    pub(super) fn coin_candle(
        &self,
        row: Row,
        ts: Micros,
        instrument: &Instrument,
    ) -> Result<Taken<Candle>, Refused> {
        let contracts = row.positive_if_any(self.volume)?;
        let dollars = contracts.map(|contracts| instrument.quote_amount(row.0, contracts)).transpose()?;
        self.candle(row, ts, row.positive(self.quote_volume)?, dollars)
    }
}

impl<'a> WireRow<'a> for AggTrade {
    type Record = TradeRow<'a>;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.time)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        Ok(Taken::Row(self.trade(row, ts)?))
    }
}

impl AggTrade {
    /// The trade, with its amount as it is counted.
    pub(super) fn trade(&self, row: Row, ts: Micros) -> Result<TradeRow<'static>, RowFault> {
        Ok(TradeRow {
            ts,
            id: TradeId::Number(row.id(self.a)?),
            price: row.positive(self.p)?,
            amount: row.positive(self.q)?,
            side: Some(row.taker_by_maker(self.m)?),
        })
    }
}

impl AggTrade {
    /// The trade of a market whose amounts count contracts.
    pub(super) fn coin_trade(
        &self,
        row: Row,
        ts: Micros,
        instrument: &Instrument,
    ) -> Result<TradeRow<'static>, Refused> {
        let mut trade = self.trade(row, ts)?;
        trade.amount = instrument.base_amount(row.0, trade.amount, trade.price)?;
        Ok(trade)
    }
}

impl Depth<'_> {
    /// Appends its levels. Contracts are counted by the amounts of some markets.
    pub(super) fn append(
        self,
        page: &Page,
        ts: Micros,
        received: Micros,
        amount: impl Fn(Row, Level) -> Result<Level, ParseError>,
        out: &mut Batch,
    ) -> Result<Parsed, ParseError> {
        self.symbol.said().map_or(Ok(()), |named| page.expect_symbol(named))?;
        let seq = Row(0).count_if_any(self.last_update_id)?;
        let side = |levels: Vec<Columns<(Num, Num)>>| {
            let level = |(row, Columns((price, size)))| amount(Row(row), Level::read(Row(row), price, size)?);
            levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, _>>()
        };
        let snapshot = Snapshot { ts, received, seq, depth: page.rows };
        snapshot.append(side(self.bids)?, side(self.asks)?, out)?;
        Ok(Next::ByTime.into())
    }
}

/// `[{"fundingTime", "fundingRate", "markPrice"}]`; the price is empty where it was not kept, and coin-margined
/// contracts have none.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Funded<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    funding_time: Int,
    funding_rate: Num,
    mark_price: Num,
}

impl<'a> WireRow<'a> for Funded<'a> {
    type Record = FundingRate;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.funding_time)
    }

    #[inline]
    fn symbol(&self) -> Option<&str> {
        self.symbol.said()
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<FundingRate>, Refused> {
        let mark_price = row.positive_if_any(self.mark_price)?;
        Ok(Taken::Row(FundingRate { ts, rate: row.num(self.funding_rate)?, mark_price }))
    }
}

/// `[{"timestamp", "sumOpenInterest", "sumOpenInterestValue"}]`; the time is documented as text and sent as a
/// number.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Interest<'a> {
    #[serde(borrow)]
    pub(super) symbol: Text<'a>,
    pub(super) sum_open_interest: Num,
    pub(super) sum_open_interest_value: Num,
    pub(super) timestamp: Int,
}

impl<'a> WireRow<'a> for Interest<'a> {
    type Record = OpenInterest;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.timestamp)
    }

    #[inline]
    fn symbol(&self) -> Option<&str> {
        self.symbol.said()
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<OpenInterest>, Refused> {
        let open_interest = row.positive(self.sum_open_interest)?;
        let open_interest_value = row.positive_if_any(self.sum_open_interest_value)?;
        Ok(Taken::Row(OpenInterest { ts, open_interest, open_interest_value }))
    }
}

/// Reads a page of trades; the walk goes on from the newest.
pub(super) fn parse_trades(source: Source<'_, '_>, out: &mut Batch) -> Result<Parsed, ParseError> {
    let rows = source.read::<Members<AggTrade>>(&mut Bare)?;
    let newest = rows.kept.iter().filter_map(Record::number).max();
    Ok(rows.append(newest.map_or(Next::ByTime, Next::FromId), out))
}

/// Reads a book; of spot markets it has no time of its own.
pub(super) fn parse_depth(
    exchange: &dyn Exchange,
    page: &Page,
    answer: &Answer<'_>,
    out: &mut Batch,
) -> Result<Parsed, ParseError> {
    let Members(depth) = read::<Members<Depth<'_>>>(exchange, answer.body)?;
    let ts = match page.series.pair().market() {
        Market::Spot => answer.received,
        _ => Row(0).instant_millis(depth.time)?,
    };
    depth.append(page, ts, answer.received, |_, level| Ok(level), out)
}
