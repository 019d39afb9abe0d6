//! How an exchange calls a topic in its messages.

use crate::exchange::live::book_topic::subscribed_depth;
use crate::exchange::live::{Line, LiveOffer, NotOffered, Topic};
use crate::model::{Kind, Span};

/// A symbol in the words of the exchange's frames, and what is sent of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) symbol: String,
    pub(crate) channel: Channel,
}

/// The rows that are sent of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Trades,
    Candles(Span),
    /// The book to a depth.
    Book(u32),
}

impl Channel {
    /// The channel of a topic, where sessions know its kind.
    pub(crate) fn of(topic: &Topic, offer: &LiveOffer) -> Option<Self> {
        match (topic.series.kind(), topic.series.span()) {
            (Kind::OrderBook, _) => {
                Some(Channel::Book(subscribed_depth(offer, topic.book.unwrap_or_default())))
            }
            (Kind::Trades, _) => Some(Channel::Trades),
            (Kind::Ohlc, Some(span)) => Some(Channel::Candles(span)),
            _ => None,
        }
    }
}

/// The offer of a line for a topic, and its channel there.
pub(crate) fn offered(
    exchange: &'static str,
    offers: &'static [LiveOffer],
    line: &'static Line,
    topic: &Topic,
) -> Result<(&'static LiveOffer, Channel), NotOffered> {
    let series = &topic.series;
    let fits = |offer: &&LiveOffer| {
        offer.line.name == line.name
            && offer.kind == series.kind()
            && offer.markets.contains(&series.pair().market())
            && series.span().is_none_or(|span| offer.span(span).is_some())
    };
    let found = offers.iter().find(fits);
    found.and_then(|offer| Some((offer, Channel::of(topic, offer)?))).ok_or_else(|| {
        let what = format!("{} {}", series.kind(), series.span_label()).trim_end().to_owned();
        NotOffered::Unknown { exchange, line: line.name, what }
    })
}
