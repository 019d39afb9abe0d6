//! Events of rows on their way into the store, and of the resulting coverage.

use std::time::Duration;

use crate::model::{Kind, Micros, Series};
use crate::telemetry::{Discard, Event, Telemetry};

/// An answer contained rows, before any was discarded.
pub struct RowsFetched<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// The number of rows.
    pub rows: u64,
}

impl Event for RowsFetched<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().series(self.series).rows_fetched.add(self.rows);
        tracing::debug!(series = %self.series, rows = self.rows, "rows fetched");
    }
}

/// Rows of a series were accepted; they survive the end of the process.
pub struct RowsAccepted<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// The number of certainly new rows; whether others are new shows when they are merged.
    pub fresh: u64,
}

impl Event for RowsAccepted<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let own = telemetry.metrics().series(self.series);
        own.rows_ahead.add(self.fresh);
        own.rows_written.add(self.fresh);
        telemetry.feed().count_rows(self.series, self.fresh);
        tracing::debug!(series = %self.series, rows = self.fresh, "rows accepted");
    }
}

/// Rows of a series were published.
pub struct RowsStored<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// The number of new rows.
    pub rows: u64,
    /// Its duration.
    pub took: Duration,
}

impl Event for RowsStored<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let own = telemetry.metrics().series(self.series);
        // Rows counted when they were accepted are not counted again.
        own.rows_written.add(self.rows - own.rows_ahead.take(self.rows));
        tracing::debug!(series = %self.series, rows = self.rows, took = ?self.took, "rows stored");
    }
}

/// Received rows were not kept.
pub struct RowsDiscarded<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// Why they were discarded.
    pub reason: Discard,
    /// The number of rows.
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

/// Candles changed since they were last requested; the newest version is stored.
pub struct CandlesRevised<'a> {
    /// The series of the candles.
    pub series: &'a Series,
    /// The number of candles.
    pub rows: u64,
}

impl Event for CandlesRevised<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let metrics = telemetry.metrics();
        metrics.series(self.series).candle_revisions.add(self.rows);
        // Of a series that is listened to, history differs from what came live.
        if self.series.kind() == Kind::Ohlc && metrics.stream(self.series).is_some() {
            let labels = [self.series.exchange(), self.series.kind().name()];
            metrics.streams.mismatches.with_label_values(&labels).inc_by(self.rows);
        }
        tracing::info!(series = %self.series, rows = self.rows, "stored candles were revised by the exchange");
    }
}

/// A page of trades was read to compute candles that the exchange no longer serves.
pub struct CandlesDerived<'a> {
    /// The series of the candles.
    pub series: &'a Series,
    /// Candles completed by it.
    pub rows: u64,
    /// Trades in the page.
    pub trades: u64,
}

impl Event for CandlesDerived<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().series(self.series).candles_derived.add(self.rows);
        tracing::debug!(series = %self.series, rows = self.rows, trades = self.trades, "candles computed from trades");
    }
}

/// The number of a run's rows that are accepted but not published has changed.
pub struct RowsBuffered {
    /// The kind; the gauge is the sum over all its series.
    pub kind: Kind,
    /// The previous number.
    pub before: u64,
    /// The present number.
    pub now: u64,
}

impl Event for RowsBuffered {
    fn emit(self, telemetry: &Telemetry) {
        let buffered = &telemetry.metrics().storage.buffered_rows;
        buffered.with_label_values(&[self.kind.name()]).add(self.now as f64 - self.before as f64);
    }
}

/// The coverage of a series changed, or was read at start.
pub struct CoverageChanged<'a> {
    /// The series.
    pub series: &'a Series,
    /// Time of the oldest stored row.
    pub oldest: Option<Micros>,
    /// Time of the newest stored row.
    pub newest: Option<Micros>,
    /// Seconds covered.
    pub covered_secs: f64,
    /// Seconds known to be missing and to be repaired.
    pub gap_secs: f64,
    /// The number of windows of missing time.
    pub gaps: u64,
    /// Seconds for which the exchange has no data.
    pub empty_secs: f64,
    /// Seconds whose data is no longer available.
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
