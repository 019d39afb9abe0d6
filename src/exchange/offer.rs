//! What an exchange can do for a kind of rows, as data.

use std::time::Duration;

use crate::model::{Grid, Kind, Market, Span};

/// What an exchange can do for one kind on some markets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// The kind of rows.
    pub kind: Kind,
    /// The markets it holds for.
    pub markets: &'static [Market],
    /// The spans, empty for kinds without.
    pub spans: &'static [SpanOffer],
    /// The most rows one answer holds; a window is answered from its oldest row on.
    pub page_rows: u32,
    /// How far back it goes.
    pub history: History,
    /// How the oldest row is found.
    pub probe: Probe,
    /// For a kind paged by id: the longest window one walk takes, so that walks run side by side.
    pub walk: Duration,
    /// The depths of book it can be asked for with the request's weight, shallowest first; empty for other kinds.
    pub depths: &'static [(u32, u32)],
    /// What one page costs of the [`Quota`]; for a book see `depths`.
    pub weight: u32,
    /// How long after its end a candle may still change or be missing.
    pub grace: Duration,
    /// Whether a recorded answer backs this entry, rather than documentation alone.
    pub recorded: bool,
}

impl Offer {
    /// The offer for one span, if the exchange has it.
    #[must_use]
    pub fn span(&self, span: Span) -> Option<&SpanOffer> {
        self.spans.iter().find(|own| own.span() == span)
    }

    /// The grid candles of a span stand on at this exchange.
    #[must_use]
    pub fn grid(&self, span: Span) -> Grid {
        self.span(span)
            .and_then(|own| own.anchor_secs)
            .map_or_else(|| span.grid(), |anchor_secs| Grid { span, anchor_secs })
    }
}

/// One span an exchange has candles for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanOffer {
    /// The length in seconds; 2592000 is the calendar month.
    pub secs: u32,
    /// The exchange's own word for it.
    pub word: &'static str,
    /// Seconds after the epoch at which a candle opens, where it is not the usual grid.
    pub anchor_secs: Option<i64>,
}

impl SpanOffer {
    /// A span on the usual grid.
    #[must_use]
    pub const fn usual(secs: u32, word: &'static str) -> Self {
        SpanOffer { secs, word, anchor_secs: None }
    }

    /// The span as a value.
    #[must_use]
    pub fn span(&self) -> Span {
        Span::of_secs(u64::from(self.secs)).unwrap_or(Span::Fixed(self.secs))
    }
}

/// How far back an exchange answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// To the first row there is.
    Full,
    /// Only the newest rows, this many.
    Rows(u32),
    /// Only this long back.
    For(Duration),
    /// Only the present moment, as with a book.
    Now,
}

/// How the oldest row of a series is found with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A page of one row from the epoch on.
    ByTime,
    /// A page of one row from the first id on.
    ById,
    /// It cannot be found.
    None,
}

/// A request budget in the exchange's own weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The weight that may be spent.
    pub weight: u32,
    /// In which time.
    pub per: Duration,
}
