//! Events of live books: whether each is in step with its exchange.

use crate::model::{Series, Window};
use crate::telemetry::{Event, Telemetry};

/// A live book fell out of step with its exchange, or is still out of it for another reason.
pub struct BookOutOfStep<'a> {
    /// The book.
    pub series: &'a Series,
    /// Why, as one of a closed set.
    pub reason: &'static str,
}

impl Event for BookOutOfStep<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let (metrics, reason) = (telemetry.metrics(), self.reason);
        metrics.streams.books.resyncs.with_label_values(&[self.series.exchange(), reason]).inc();
        if let Some(own) = metrics.stream(self.series) {
            own.book.iter().for_each(|book| book.fell());
        }
        tracing::info!(series = %self.series, reason, "the book is out of step; beginning it anew");
    }
}

/// A live book is in step with its exchange.
pub struct BookInStep<'a> {
    /// The book.
    pub series: &'a Series,
    /// The time in which it was not and why, unless nothing was known of it before.
    pub gap: Option<(&'static str, Window)>,
}

impl Event for BookInStep<'_> {
    fn emit(self, telemetry: &Telemetry) {
        if let Some(own) = telemetry.metrics().stream(self.series) {
            own.book.iter().for_each(|book| book.rose());
        }
        if let Some((reason, window)) = self.gap {
            let (from, until) = (window.from, window.until);
            tracing::info!(series = %self.series, reason, %from, %until, "the book is in step again");
        } else {
            tracing::info!(series = %self.series, "the book is in step");
        }
    }
}

/// A live book was compared with the same over REST.
pub struct BookAudited<'a> {
    /// The book.
    pub series: &'a Series,
    /// The outcome, as one of a closed set.
    pub outcome: &'static str,
}

impl Event for BookAudited<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let (books, outcome) = (&telemetry.metrics().streams.books, self.outcome);
        books.audits.with_label_values(&[self.series.exchange(), outcome]).inc();
        if matches!(outcome, "differs" | "behind") {
            tracing::warn!(series = %self.series, outcome, "the live book is not the one that the exchange shows");
        } else {
            tracing::debug!(series = %self.series, outcome, "the live book was compared");
        }
    }
}

/// More or fewer updates of live books wait for whole books.
pub struct BookUpdatesWait {
    /// The exchange.
    pub exchange: &'static str,
    /// How much more memory they take, in bytes.
    pub change: i64,
}

impl Event for BookUpdatesWait {
    fn emit(self, telemetry: &Telemetry) {
        if self.change != 0 {
            telemetry.metrics().streams.books.waiting.with_label_values(&[self.exchange]).add(self.change);
        }
    }
}

/// Whole books did not bring books of an exchange into step.
pub struct BookResyncsFailed {
    /// The exchange.
    pub exchange: &'static str,
    /// How many.
    pub count: u64,
}

impl Event for BookResyncsFailed {
    fn emit(self, telemetry: &Telemetry) {
        if self.count > 0 {
            let books = &telemetry.metrics().streams.books;
            books.failed_resyncs.with_label_values(&[self.exchange]).inc_by(self.count);
        }
    }
}
