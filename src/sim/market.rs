//! A simulated market, whose candles and trades are a pure function of symbol and time.
//!
//! Every value is an integer number of hundredths (prices, quote amounts) or of 10^-8 (base amounts), small enough
//! to be exact as a float, so that its text parses to the same float on both sides.

use super::book::{LEVELS, SimBook};
use super::hash::{below, draw};
use super::path::Path;
use super::tape::{Surge, Tape};
use crate::model::{
    Batch, Candle, FundingRate, Grid, Kind, Micros, OpenInterest, Side, Span, Trade, Window, Windows,
};

/// When a market began trading, and how actively.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// The first instant with data.
    pub from: Micros,
    /// Trades per hour, from 1 to [`MOST_PER_HOUR`](super::MOST_PER_HOUR).
    pub trades_per_hour: u64,
    /// The most consecutive trades that may share a millisecond.
    pub cluster: u64,
    /// Periods without data: no trades, and no candle that lies entirely inside.
    pub holes: Windows,
    /// Since when it trades at other rates, in the order of time.
    pub surges: Vec<Surge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimCandle {
    /// Its open time.
    pub open: Micros,
    /// First price.
    pub open_cents: i64,
    /// Highest price.
    pub high_cents: i64,
    /// Lowest price.
    pub low_cents: i64,
    /// Last price.
    pub close_cents: i64,
    /// Amount of the base asset.
    pub volume_e8: i64,
    /// Amount of the quote asset.
    pub quote_cents: i64,
    /// Number of trades.
    pub trades: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimTrade {
    /// Its id, contiguous from 0 at the listing.
    pub id: u64,
    /// When it happened, in full milliseconds.
    pub ts: Micros,
    /// Price.
    pub price_cents: i64,
    /// Amount of the base asset.
    pub amount_e8: i64,
    /// Whether the taker sold.
    pub sold: bool,
}

/// How often funding is paid.
const FUNDING: Grid = Grid { span: Span::Fixed(28_800), anchor_secs: 0 };

/// A symbol's market.
#[derive(Clone, Debug)]
pub struct Market {
    symbol: String,
    path: Path,
    tape: Tape,
    listing: Listing,
    book_levels: usize,
}

impl Market {
    /// The market of a symbol.
    #[must_use]
    pub fn new(symbol: &str, listing: Listing) -> Self {
        let path = Path::of(symbol);
        let Listing { from, trades_per_hour, cluster, ref holes, ref surges } = listing;
        let tape = Tape::new(path.seed(), from, trades_per_hour, cluster, holes, surges);
        Market { symbol: symbol.to_owned(), path, tape, listing, book_levels: LEVELS }
    }

    /// The same market with so many levels a side of its book.
    pub(super) fn with_book_levels(self, book_levels: usize) -> Self {
        Market { book_levels, ..self }
    }

    /// Its symbol.
    #[must_use]
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// When it began trading, and how actively.
    #[must_use]
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The final candle that opens at `open`, even if there is none (see [`Market::next_open`]).
    #[must_use]
    pub fn candle(&self, grid: Grid, open: Micros) -> SimCandle {
        let span_secs = span_secs(grid);
        let open_ms = open.millis_floor();
        let last_ms = match grid.span {
            Span::Fixed(secs) => open_ms + i64::from(secs) * 1_000 - 1,
            Span::Month => grid.next(open).millis_floor() - 1,
        };
        let key = draw(self.path.seed() ^ (span_secs.cast_unsigned() << 8), open.0.cast_unsigned());
        let (shape, flow) = (draw(key, 1), draw(key, 2));

        let open_cents = self.path.cents(open_ms);
        let close_cents = self.path.cents(last_ms) + below(shape, 11) - 5;
        // Longer candles have longer wicks, up to half a percent of the base price.
        let wick = (self.path.base_cents() >> 12) * i64::from(span_secs.ilog2()) + 1;
        let high_cents = open_cents.max(close_cents) + below(shape >> 8, wick);
        let low_cents = open_cents.min(close_cents) - below(shape >> 32, wick);

        let volume_e8 = span_secs * (10_000 + below(flow, 50_000_000));
        // In two steps of 10^4, so that the product fits into 64 bits even for a year of volume.
        let quote_cents = volume_e8 / 10_000 * ((open_cents + close_cents) / 2) / 10_000;
        let trades = span_secs * (1 + below(flow >> 40, 20));
        SimCandle { open, open_cents, high_cents, low_cents, close_cents, volume_e8, quote_cents, trades }
    }

    /// The same candle before it is final: a different close and half of the amounts.
    #[must_use]
    pub fn provisional(&self, grid: Grid, open: Micros) -> SimCandle {
        let last = self.candle(grid, open);
        let close_cents = last.open_cents + (last.close_cents - last.open_cents) / 2;
        SimCandle {
            close_cents,
            volume_e8: last.volume_e8 / 2,
            quote_cents: last.quote_cents / 2,
            trades: last.trades / 2,
            ..last
        }
    }

    /// The open of the first existing candle at or after `at`.
    #[must_use]
    pub fn next_open(&self, grid: Grid, at: Micros) -> Micros {
        let mut open = grid.ceil(at.max(grid.floor(self.listing.from)));
        while let Some(hole) = self.hole_over(grid, open) {
            open = grid.floor(hole.until);
        }
        open
    }

    /// The open of the last existing candle at or before `at`.
    #[must_use]
    pub fn last_open(&self, grid: Grid, at: Micros) -> Option<Micros> {
        let mut open = grid.floor(at);
        while let Some(hole) = self.hole_over(grid, open) {
            open = grid.floor(Micros(hole.from.0 - 1));
        }
        (open >= grid.floor(self.listing.from)).then_some(open)
    }

    /// The trade with an id.
    #[must_use]
    pub fn trade(&self, id: u64) -> SimTrade {
        let ts_ms = self.tape.ts_ms(id);
        let (shape, flow) = (draw(self.path.seed() ^ 3, id), draw(self.path.seed() ^ 4, id));
        SimTrade {
            id,
            ts: Micros::from_millis(ts_ms),
            price_cents: self.path.cents(ts_ms) + below(shape, 11) - 5,
            amount_e8: 1 + below(flow, 300_000_000),
            sold: shape >> 63 == 1,
        }
    }

    /// The id of the first trade at or after an instant.
    #[must_use]
    pub fn first_trade_at_or_after(&self, at: Micros) -> u64 {
        self.tape.first_at_or_after(at)
    }

    /// The instants at which funding is paid, the same for every symbol.
    #[must_use]
    pub fn funding_grid() -> Grid {
        FUNDING
    }

    /// The funding rate paid at an instant, in 10^-8, and the mark price.
    #[must_use]
    pub fn funding(&self, at: Micros) -> (i64, i64) {
        let drawn = draw(self.path.seed() ^ 5, at.0.cast_unsigned());
        (below(drawn, 20_001) - 5_000, self.path.cents(at.millis_floor()))
    }

    /// The open interest at an instant: contracts of the base asset in 10^-8, and their value in hundredths.
    #[must_use]
    pub fn open_interest(&self, at: Micros) -> (i64, i64) {
        let drawn = draw(self.path.seed() ^ 6, at.0.cast_unsigned());
        let base_e8 = 1_000_000_000_000 + below(drawn, 500_000_000_000);
        (base_e8, base_e8 / 10_000 * self.path.cents(at.millis_floor()) / 10_000)
    }

    /// The funding rates inside `window` as a correct collector stores them.
    #[must_use]
    pub fn fundings(&self, window: Window) -> Batch {
        let mut batch = Batch::of(Kind::Funding);
        let mut rows = batch.funding_mut();
        let mut ts = self.next_open(FUNDING, window.from);
        while ts < window.until {
            let (rate, mark) = self.funding(ts);
            rows.push(FundingRate { ts, rate: e8(rate), mark_price: Some(cents(mark)) });
            ts = self.next_open(FUNDING, FUNDING.next(ts));
        }
        batch
    }

    /// The open interest inside `window` as a correct collector stores it.
    #[must_use]
    pub fn open_interests(&self, grid: Grid, window: Window) -> Batch {
        let mut batch = Batch::of(Kind::OpenInterest);
        let mut rows = batch.open_interest_mut();
        let mut ts = self.next_open(grid, window.from);
        while ts < window.until {
            let (base, value) = self.open_interest(ts);
            rows.push(OpenInterest { ts, open_interest: e8(base), open_interest_value: Some(cents(value)) });
            ts = self.next_open(grid, grid.next(ts));
        }
        batch
    }

    /// The book after an update.
    #[must_use]
    pub fn book_at_update(&self, update_id: i64) -> SimBook {
        SimBook::at_update(&self.path, update_id).of_levels(self.book_levels)
    }

    /// The book at an instant.
    #[must_use]
    pub fn book(&self, at: Micros) -> SimBook {
        SimBook::of(&self.path, at).of_levels(self.book_levels)
    }

    /// The candles that open inside `window` as a correct collector stores them, all final.
    #[must_use]
    pub fn candles(&self, grid: Grid, window: Window) -> Batch {
        let mut batch = Batch::of(Kind::Ohlc);
        let mut rows = batch.candles_mut();
        let mut open = self.next_open(grid, window.from);
        while open < window.until {
            rows.push(self.candle(grid, open).stored());
            open = self.next_open(grid, grid.next(open));
        }
        batch
    }

    /// The trades inside `window` as a correct collector stores them from REST.
    #[must_use]
    pub fn trades(&self, window: Window) -> Batch {
        let mut batch = Batch::of(Kind::Trades);
        let mut rows = batch.trades_mut();
        for id in self.first_trade_at_or_after(window.from)..self.first_trade_at_or_after(window.until) {
            let text = id.to_string();
            rows.push(Trade { id: Some(&text), ..self.trade(id).stored() });
        }
        batch
    }

    /// The hole that completely contains the candle of `open`.
    fn hole_over(&self, grid: Grid, open: Micros) -> Option<Window> {
        if self.listing.holes.is_empty() {
            return None;
        }
        let until = grid.next(open);
        self.listing.holes.iter().find(|hole| hole.from <= open && until <= hole.until)
    }
}

impl SimCandle {
    /// The row as stored.
    #[must_use]
    pub fn stored(&self) -> Candle {
        Candle {
            ts: self.open,
            open: cents(self.open_cents),
            high: cents(self.high_cents),
            low: cents(self.low_cents),
            close: cents(self.close_cents),
            volume: e8(self.volume_e8),
            quote_volume: Some(cents(self.quote_cents)),
            trades: Some(self.trades),
        }
    }
}

impl SimTrade {
    /// The row as stored from REST, without the id's text.
    fn stored(&self) -> Trade<'static> {
        Trade {
            ts: self.ts,
            ts_recv: None,
            id: None,
            price: cents(self.price_cents),
            amount: e8(self.amount_e8),
            side: Some(if self.sold { Side::Sell } else { Side::Buy }),
        }
    }
}

/// The length of a grid's span, in seconds, at most a year.
fn span_secs(grid: Grid) -> i64 {
    i64::from(grid.span.secs().clamp(1, 31_622_400))
}

fn cents(value: i64) -> f64 {
    value as f64 / 100.0
}

fn e8(value: i64) -> f64 {
    value as f64 / 1e8
}
