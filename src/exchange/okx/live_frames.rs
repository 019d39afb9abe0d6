//! The frames of OKX's sockets, but for their rows.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::profile::SPANS;
use crate::exchange::live::address::Channel;
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::wire::{Int, Text};
use crate::model::Span;

/// Every message there is, as far as it is used: rows of a channel, or the answer to a request.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Frame<'a> {
    #[serde(borrow)]
    pub(super) arg: Option<Members<Arg<'a>>>,
    #[serde(borrow)]
    pub(super) action: Text<'a>,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) event: Text<'a>,
    /// The number of the request, where one is told.
    pub(super) id: Int,
    #[serde(borrow)]
    pub(super) code: Text<'a>,
    #[serde(borrow)]
    pub(super) msg: Text<'a>,
}

/// A channel and what it is of.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Arg<'a> {
    #[serde(borrow)]
    pub(super) channel: Text<'a>,
    #[serde(borrow, rename = "instId")]
    pub(super) instrument: Text<'a>,
}

/// The rows a channel sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Rows(Channel),
    /// Whole books and their changes.
    Book,
}

pub(super) const TRADES: &str = "trades-all";
pub(super) const BOOK: &str = "books";
const CANDLES: &str = "candle";

/// Channels that are documented and not listened to, as their names begin.
const OTHER_CHANNELS: [&str; 22] = [
    "adl-warning",
    "bbo-tbt",
    "books",
    "call-auction-details",
    "candle",
    "economic-calendar",
    "estimated-price",
    "event-contract",
    "funding-rate",
    "index-candle",
    "index-tickers",
    "instruments",
    "liquidation-orders",
    "mark-price",
    "open-interest",
    "opt-summary",
    "option-trades",
    "price-limit",
    "public-",
    "status",
    "tickers",
    "trades",
];

impl Arg<'_> {
    /// The rows it sends, where they are listened to.
    pub(super) fn kept(&self) -> Option<Kept> {
        match &*self.channel {
            TRADES => Some(Kept::Rows(Channel::Trades)),
            BOOK => Some(Kept::Book),
            other => span(other.strip_prefix(CANDLES)?).map(|span| Kept::Rows(Channel::Candles(span))),
        }
    }

    pub(super) fn is_known(&self) -> bool {
        OTHER_CHANNELS.iter().any(|known| self.channel.starts_with(known))
    }
}

/// OKX's name of a channel.
pub(super) fn name(channel: Channel) -> String {
    match channel {
        Channel::Trades => TRADES.to_owned(),
        Channel::Book(_) => BOOK.to_owned(),
        Channel::Candles(span) => format!("{CANDLES}{}", word(span)),
    }
}

fn span(word: &str) -> Option<Span> {
    SPANS.iter().find(|own| own.word == word).map(|own| own.span())
}

fn word(span: Span) -> &'static str {
    SPANS.iter().find(|own| own.span() == span).map_or("", |own| own.word)
}
