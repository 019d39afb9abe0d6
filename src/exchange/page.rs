//! A page: the rows of one request, and how the walk continues after its answer.

use std::borrow::Cow;
use std::sync::Arc;

use crate::exchange::reading::row::Row;
use crate::exchange::reading::wire::Contracts;
use crate::exchange::request::in_url;
use crate::exchange::{Instrument, OddFault, ParseError, SpanOffer};
use crate::model::{Micros, Series, Window};

/// One page to ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The series whose rows are wanted.
    pub series: Arc<Series>,
    /// The instrument the exchange lists for the pair.
    pub instrument: Arc<Instrument>,
    /// Which opens or instants are wanted.
    pub window: Window,
    /// How the exchange is asked.
    pub ask: Ask,
    /// The most rows wanted; for a book the levels of each side.
    pub rows: u32,
}

impl Page {
    /// The instrument's symbol as part of an address.
    pub(crate) fn symbol(&self) -> Cow<'_, str> {
        in_url(&self.instrument.symbol)
    }

    /// Makes sure that what an answer names is the instrument that was asked about.
    ///
    /// # Errors
    /// [`ParseError::Disobeyed`] when it is another.
    pub(crate) fn expect_symbol(&self, named: &str) -> Result<(), ParseError> {
        let own = &self.instrument.symbol;
        if named == own {
            return Ok(());
        }
        Err(ParseError::Disobeyed { reason: format!("it names `{named}` and not `{own}`") })
    }

    /// The base amount of so many contracts.
    ///
    /// # Errors
    /// When the row does not say how many, or the listing not what one is.
    pub(crate) fn base_amount(
        &self,
        row: Row,
        contracts: &Contracts<'_>,
        price: f64,
    ) -> Result<f64, ParseError> {
        let Some(count) = contracts.count() else {
            return Err(row.fault(OddFault::Value, "an amount is absent").into());
        };
        self.instrument.base_amount(row.0, count, price)
    }

    /// The exchange's own word for the span. One it does not have goes out as our label, which it refuses, never
    /// as another span.
    pub(crate) fn word(&self, spans: &[SpanOffer]) -> String {
        let own = self.series.span().and_then(|span| spans.iter().find(|own| own.span() == span));
        own.map_or_else(|| self.series.span_label(), |own| own.word.to_owned())
    }
}

/// How a page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// By the bounds of the window.
    ByTime,
    /// From a row's id, or another cursor the exchange counts in, onwards in the direction of the offer,
    /// that row included, whatever its time.
    FromId(u64),
    /// By the bounds of the window, leaving out so many rows at its beginning.
    Skip(u32),
    /// The present state of a book.
    Now,
}

/// A body with status 200, to be parsed.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// The decoded body.
    pub body: &'a [u8],
    /// When it was received, by the exchange's clock as far as it is known.
    pub received: Micros,
    /// A header of the answer by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
}

impl<'a> Answer<'a> {
    /// An answer without headers.
    #[must_use]
    pub fn of(body: &'a [u8], received: Micros) -> Self {
        Answer { body, received, header: &|_| None }
    }
}

/// How a walk goes on after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// By time, from the furthest row on.
    ByTime,
    /// From the furthest row's id on, that row included, so that pages overlap by one row, without which
    /// they are not believed; or from the exchange's own cursor to the same effect. It grows where answers begin with the oldest row, and falls where with the newest.
    FromId(u64),
    /// By the same bounds, leaving out so many rows: the page was full and all its rows share one instant.
    Skip(u32),
}
