//! The kinds of series, and the side of a trade or a book level.

use std::fmt;
use std::str::FromStr;

/// The kind of rows a series holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Candles of one span.
    Ohlc,
    /// Public trades.
    Trades,
    /// Order-book snapshots and updates.
    OrderBook,
    /// Funding rates of a perpetual contract.
    Funding,
    /// Open interest of a derivative, sampled at a span.
    OpenInterest,
}

impl Kind {
    /// Every kind, in the order tables show them.
    pub const ALL: [Kind; 5] = [Kind::Ohlc, Kind::Trades, Kind::OrderBook, Kind::Funding, Kind::OpenInterest];

    /// The word used in configuration, paths, labels and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ohlc => "ohlc",
            Kind::Trades => "trades",
            Kind::OrderBook => "orderbook",
            Kind::Funding => "funding",
            Kind::OpenInterest => "open_interest",
        }
    }

    /// Whether a series of this kind has a span.
    #[must_use]
    pub fn has_span(self) -> bool {
        matches!(self, Kind::Ohlc | Kind::OpenInterest)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Kind::ALL.into_iter().find(|kind| kind.name() == text).ok_or(())
    }
}

/// A side: the taker's in a trade, the resting one in a book level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The taker bought.
    Buy,
    /// The taker sold.
    Sell,
    /// A resting order to buy.
    Bid,
    /// A resting order to sell.
    Ask,
}

impl Side {
    /// The word stored in the `side` column.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
            Side::Bid => "bid",
            Side::Ask => "ask",
        }
    }
}
