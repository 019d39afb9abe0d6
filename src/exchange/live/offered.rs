//! An exchange's live offers, as data, and how a session of it begins.

use std::time::Duration;

use crate::exchange::SpanOffer;
use crate::exchange::live::{Line, Session};
use crate::model::{Grid, Kind, Market, Series, Span};

/// One kind of rows over one line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiveOffer {
    /// The kind.
    pub kind: Kind,
    /// The markets it holds for, each of which the line serves.
    pub markets: &'static [Market],
    /// The spans, empty for kinds without.
    pub spans: &'static [SpanOffer],
    /// The depths of book that can be asked for, shallowest first; empty where books come whole, and for other kinds.
    pub depths: &'static [u32],
    /// Whether the whole book has to be asked for over REST. Its levels are used up then, so that half of the deepest is
    /// kept.
    pub asks_for_books: bool,
    /// The line that sends it.
    pub line: &'static Line,
    /// Whether trades are numbered without a hole, so that one is left out wherever a number is.
    pub ids_are_contiguous: bool,
    /// How long after an instant the exchange may still send rows of it.
    pub grace: Duration,
    /// Whether a recording backs this entry, rather than documentation alone.
    pub recorded: bool,
}

impl LiveOffer {
    /// The offer for one span, if the exchange has it.
    #[must_use]
    pub fn span(&self, span: Span) -> Option<&'static SpanOffer> {
        self.spans.iter().find(|own| own.span() == span)
    }

    /// The most levels a side of a book that can be kept; `None` where books come whole.
    #[must_use]
    pub fn deepest(&self) -> Option<u32> {
        let deepest = self.depths.last()?;
        Some(if self.asks_for_books { deepest / 2 } else { *deepest })
    }

    /// The grid candles of a span stand on. Returns `None` if it is not documented where they open.
    #[must_use]
    pub fn grid(&self, span: Span) -> Option<Grid> {
        self.span(span).filter(|own| !own.is_unanchored).map(SpanOffer::grid)
    }
}

/// An exchange's live interface.
pub trait Live: Send + Sync {
    /// Its offers, one entry for each kind and set of markets.
    fn offers(&self) -> &'static [LiveOffer];

    /// A conversation over one connection to a line.
    fn session(&self, line: &'static Line) -> Box<dyn Session>;

    /// The offer for a kind on a market.
    fn offer(&self, kind: Kind, market: Market) -> Option<&'static LiveOffer> {
        self.offers().iter().find(|offer| offer.kind == kind && offer.markets.contains(&market))
    }

    /// The offer for a series, its span included.
    fn offer_for(&self, series: &Series) -> Option<&'static LiveOffer> {
        let offer = self.offer(series.kind(), series.pair().market())?;
        series.span().is_none_or(|span| offer.span(span).is_some()).then_some(offer)
    }

    /// The lines, each once, in the order of the offers.
    fn lines(&self) -> Vec<&'static Line> {
        let mut lines: Vec<&'static Line> = Vec::new();
        for offer in self.offers() {
            if lines.iter().all(|line| line.name != offer.line.name) {
                lines.push(offer.line);
            }
        }
        lines
    }
}
