//! The rows of OKX's pages: candles, trades, levels of a book, funding rates and open interest.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::envelope::read_data;
use crate::exchange::error::malformed;
use crate::exchange::reading::book_rows::{Level, Snapshot};
use crate::exchange::reading::record::{TradeId, TradeRow};
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::rows::{Refused, Taken, WireRow};
use crate::exchange::reading::shape::Columns;
use crate::exchange::reading::wire::{Contracts, Int, Num, Text};
use crate::exchange::{Answer, Exchange, Instrument, Next, OddFault, Page, ParseError, Parsed};
use crate::model::{Batch, Candle, FundingRate, Market, Micros, OpenInterest};

/// `[ts, o, h, l, c, vol, volCcy, volCcyQuote, confirm]`.
#[derive(Deserialize)]
pub(super) struct Bar<'a>(Int, Num, Num, Num, Num, Num, Num, Num, #[serde(default, borrow)] Confirm<'a>);

/// The same as it comes live. Frames of 2022 end before the last two columns.
#[derive(Deserialize)]
pub(super) struct LiveBar<'a>(
    Int,
    Num,
    Num,
    Num,
    Num,
    Num,
    Num,
    #[serde(default)] Num,
    #[serde(default, borrow)] Confirm<'a>,
);

/// `1` once a candle is closed; rows did not always have it.
#[derive(Default)]
enum Confirm<'a> {
    #[default]
    Unsaid,
    Said(Text<'a>),
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Fill<'a> {
    #[serde(borrow)]
    inst_id: Text<'a>,
    trade_id: Int,
    px: Num,
    #[serde(borrow)]
    sz: Contracts<'a>,
    #[serde(borrow)]
    side: Text<'a>,
    ts: Int,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Book<'a> {
    #[serde(borrow)]
    asks: Vec<WireLevel<'a>>,
    #[serde(borrow)]
    bids: Vec<WireLevel<'a>>,
    ts: Int,
    /// -1 where it has none.
    #[serde(default)]
    seq_id: Int,
}

/// `[price, size, "0", orders]`.
type WireLevel<'a> = Columns<(Num, Contracts<'a>, IgnoredAny, Int)>;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Funded<'a> {
    #[serde(borrow)]
    inst_id: Text<'a>,
    funding_time: Int,
    /// The rate that was predicted; `realized_rate` is the one that was paid.
    funding_rate: Num,
    realized_rate: Num,
    /// `current_period` where the rate was not fixed before its period ended.
    #[serde(borrow)]
    method: Text<'a>,
}

/// `[ts, contracts, base asset, US dollars]`.
#[derive(Deserialize)]
pub(super) struct Interest(Int, IgnoredAny, Num, Num);

impl<'de: 'a, 'a> Deserialize<'de> for Confirm<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Text::deserialize(from).map(Confirm::Said)
    }
}

impl<'a> WireRow<'a> for Bar<'a> {
    type Record = Candle;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.0)
    }

    /// The volume of spot markets is in the base asset; of contracts it counts contracts, and the base asset has a
    /// column of its own.
    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<Candle>, Refused> {
        let Bar(_, open, high, low, close, volume, of_contracts, quote, confirmed) = self;
        if confirmed.is_closed(row)? == Some(false) {
            return Ok(Taken::Unfinished);
        }
        let prices = [open, high, low, close];
        let market = page.series.pair().market();
        Ok(Taken::Row(candle(row, ts, market, prices, [volume, of_contracts, quote])?))
    }
}

impl Confirm<'_> {
    /// Whether the candle is closed, where it is said.
    fn is_closed(&self, row: Row) -> Result<Option<bool>, RowFault> {
        match self {
            Confirm::Unsaid => Ok(None),
            Confirm::Said(word) => match &**word {
                "0" => Ok(Some(false)),
                "1" => Ok(Some(true)),
                _ => Err(row.fault(OddFault::Value, "its confirm is neither 0 nor 1")),
            },
        }
    }
}

impl LiveBar<'_> {
    /// The candle, and whether it is said to be closed.
    pub(super) fn candle(&self, row: Row, market: Market) -> Result<(Candle, bool), RowFault> {
        let LiveBar(opened, open, high, low, close, volume, of_contracts, quote, confirmed) = self;
        let (prices, amounts) = ([*open, *high, *low, *close], [*volume, *of_contracts, *quote]);
        let candle = candle(row, row.instant_millis(*opened)?, market, prices, amounts)?;
        Ok((candle, confirmed.is_closed(row)? == Some(true)))
    }
}

fn candle(
    row: Row,
    ts: Micros,
    market: Market,
    [open, high, low, close]: [Num; 4],
    [volume, of_contracts, quote]: [Num; 3],
) -> Result<Candle, RowFault> {
    row.candle(Candle {
        ts,
        open: row.num(open)?,
        high: row.num(high)?,
        low: row.num(low)?,
        close: row.num(close)?,
        volume: row.positive(if market == Market::Spot { volume } else { of_contracts })?,
        quote_volume: row.positive_if_any(quote)?,
        trades: None,
    })
}

impl<'a> WireRow<'a> for Fill<'a> {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.ts)
    }

    fn symbol(&self) -> Option<&str> {
        self.inst_id.said()
    }

    fn take(self, row: Row, ts: Micros, page: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let price = row.positive(self.px)?;
        Ok(Taken::Row(TradeRow {
            ts,
            id: TradeId::Number(row.id(self.trade_id)?),
            price,
            amount: base_amount(page, row, &self.sz, price)?,
            side: Some(row.side(&self.side, "buy", "sell")?),
        }))
    }
}

impl Fill<'_> {
    /// The instrument it names.
    pub(super) fn instrument(&self) -> &str {
        &self.inst_id
    }

    /// The trade as it comes live, of an instrument of a market.
    pub(super) fn trade(
        &self,
        row: Row,
        market: Market,
        instrument: &Instrument,
    ) -> Result<TradeRow<'static>, RowFault> {
        let price = row.positive(self.px)?;
        let amount = match (market, self.sz.count()) {
            (Market::Spot, _) | (_, None) => row.positive(self.sz.num())?,
            (_, Some(count)) => {
                let amount =
                    instrument.base_amount(row.0, count, price).map_err(|error| row.impossible(error))?;
                row.positive(Num::of(amount))?
            }
        };
        Ok(TradeRow {
            ts: row.instant_millis(self.ts)?,
            id: TradeId::Number(row.id(self.trade_id)?),
            price,
            amount,
            side: Some(row.side(&self.side, "buy", "sell")?),
        })
    }
}

impl<'a> WireRow<'a> for Funded<'a> {
    type Record = FundingRate;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.funding_time)
    }

    fn symbol(&self) -> Option<&str> {
        self.inst_id.said()
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<FundingRate>, Refused> {
        let rate = match self.realized_rate {
            paid if !paid.is_absent() => paid,
            _ if &*self.method == "current_period" => {
                return Err(row.fault(OddFault::Value, "it does not say which rate was paid").into());
            }
            _ => self.funding_rate,
        };
        Ok(Taken::Row(FundingRate { ts, rate: row.num(rate)?, mark_price: None }))
    }
}

impl WireRow<'_> for Interest {
    type Record = OpenInterest;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.0)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<OpenInterest>, Refused> {
        let Interest(_, _, base, dollars) = self;
        let open_interest = row.positive(base)?;
        let open_interest_value = row.positive_if_any(dollars)?;
        Ok(Taken::Row(OpenInterest { ts, open_interest, open_interest_value }))
    }
}

/// A size in the base asset: contracts are counted, spot is not.
fn base_amount(page: &Page, row: Row, size: &Contracts<'_>, price: f64) -> Result<f64, ParseError> {
    match page.series.pair().market() {
        Market::Spot => Ok(row.positive(size.num())?),
        _ => page.base_amount(row, size, price),
    }
}

pub(super) fn parse_book(
    exchange: &dyn Exchange,
    page: &Page,
    answer: &Answer<'_>,
    out: &mut Batch,
) -> Result<Parsed, ParseError> {
    let books: Vec<Book<'_>> = read_data(exchange, answer.body)?;
    let book = books.into_iter().next().ok_or_else(|| malformed(answer.body, "it has no book"))?;
    let side = |levels: Vec<WireLevel<'_>>| {
        let level = |(row, Columns((price, size, _, orders))): (usize, WireLevel<'_>)| {
            let row = Row(row);
            let level = Level::read(row, price, size.num())?.with_count(row, orders)?;
            let amount = base_amount(page, row, &size, level.price)?;
            Ok::<_, ParseError>(Level { amount, ..level })
        };
        levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, _>>()
    };
    let ts = Row(0).instant_millis(book.ts)?;
    let seq = match book.seq_id {
        Int::Is(-1) => None,
        id => Row(0).count_if_any(id)?,
    };
    let snapshot = Snapshot { ts, received: answer.received, seq, depth: page.rows };
    snapshot.append(side(book.bids)?, side(book.asks)?, out)?;
    Ok(Next::ByTime.into())
}
