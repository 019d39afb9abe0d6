//! Rows on their way into the store, and what the store then covers.

use std::time::Duration;

use crate::model::{Kind, Micros, Series};
use crate::telemetry::{Discard, Event, Telemetry};

/// An answer or a message held rows, before any was discarded.
pub struct RowsFetched<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// How many.
    pub rows: u64,
}

impl Event for RowsFetched<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().series(self.series).rows_fetched.add(self.rows);
        tracing::debug!(series = %self.series, rows = self.rows, "rows fetched");
    }
}

/// Rows of a series were accepted: they will survive the end of the process.
pub struct RowsAccepted<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// How many of them are surely new. Of the others it is known once they are merged with what is stored.
    pub fresh: u64,
}

impl Event for RowsAccepted<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let own = telemetry.metrics().series(self.series);
        own.rows_ahead.add(self.fresh);
        own.rows_written.add(self.fresh);
        tracing::debug!(series = %self.series, rows = self.fresh, "rows accepted");
    }
}

/// Rows of a series were published.
pub struct RowsStored<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// How many were new.
    pub rows: u64,
    /// How long it took.
    pub took: Duration,
}

impl Event for RowsStored<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let own = telemetry.metrics().series(self.series);
        // Rows that were counted when they were accepted are not counted again.
        own.rows_written.add(self.rows - own.rows_ahead.take(self.rows));
        tracing::debug!(series = %self.series, rows = self.rows, took = ?self.took, "rows stored");
    }
}

/// Rows received were not kept.
pub struct RowsDiscarded<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// Why.
    pub reason: Discard,
    /// How many.
    pub rows: u64,
}

impl Event for RowsDiscarded<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name(), self.reason.name()];
        telemetry.metrics().runs.discarded.with_label_values(&labels).inc_by(self.rows);
        if self.reason == Discard::Invalid {
            tracing::warn!(series = %self.series, rows = self.rows, "rows that cannot be true were discarded");
        } else {
            let reason = self.reason.name();
            tracing::debug!(series = %self.series, rows = self.rows, reason, "rows discarded");
        }
    }
}

/// Candles asked again came back different; the last answer is stored.
pub struct CandlesRevised<'a> {
    /// The series of the candles.
    pub series: &'a Series,
    /// How many.
    pub rows: u64,
}

impl Event for CandlesRevised<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().series(self.series).candle_revisions.add(self.rows);
        tracing::info!(series = %self.series, rows = self.rows, "stored candles were revised by the exchange");
    }
}

/// A page of trades was read for candles that the exchange has no longer itself.
pub struct CandlesDerived<'a> {
    /// The series of the candles.
    pub series: &'a Series,
    /// Candles that became whole with it.
    pub rows: u64,
    /// Trades it held.
    pub trades: u64,
}

impl Event for CandlesDerived<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().series(self.series).candles_derived.add(self.rows);
        tracing::debug!(series = %self.series, rows = self.rows, trades = self.trades, "candles computed from trades");
    }
}

/// The number of rows of one run that are accepted and not yet published changed.
pub struct RowsBuffered {
    /// The kind; the gauge is the sum over all its series.
    pub kind: Kind,
    /// How many waited before.
    pub before: u64,
    /// How many wait now.
    pub now: u64,
}

impl Event for RowsBuffered {
    fn emit(self, telemetry: &Telemetry) {
        let buffered = &telemetry.metrics().storage.buffered_rows;
        buffered.with_label_values(&[self.kind.name()]).add(self.now as f64 - self.before as f64);
    }
}

/// A series' account of its time changed, or was read at start.
pub struct CoverageChanged<'a> {
    /// The series.
    pub series: &'a Series,
    /// Time of the oldest stored row.
    pub oldest: Option<Micros>,
    /// Time of the newest stored row.
    pub newest: Option<Micros>,
    /// Seconds held.
    pub covered_secs: f64,
    /// Seconds known to be missing and to be repaired.
    pub gap_secs: f64,
    /// In how many windows.
    pub gaps: u64,
    /// Seconds the exchange has nothing for.
    pub empty_secs: f64,
    /// Seconds that cannot be had any more.
    pub unfillable_secs: f64,
}

impl Event for CoverageChanged<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let own = telemetry.metrics().series(self.series);
        own.oldest_row.set_at(self.oldest);
        own.newest_row.set_at(self.newest);
        own.gap_secs.set(self.gap_secs);
        own.gaps.set(self.gaps as f64);
        let by_state = [self.covered_secs, self.gap_secs, self.empty_secs, self.unfillable_secs];
        for (level, secs) in own.coverage_secs.iter().zip(by_state) {
            level.set(secs);
        }
        tracing::debug!(
            series = %self.series,
            covered_secs = self.covered_secs,
            gap_secs = self.gap_secs,
            gaps = self.gaps,
            "coverage changed"
        );
    }
}
