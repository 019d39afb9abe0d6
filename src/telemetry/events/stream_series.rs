//! Events of live series: their state, their rows and their holes.

use std::fmt::Display;
use std::time::Duration;

use crate::clock::now;
use crate::model::{Micros, OddRow, Series, Window, foreign};
use crate::telemetry::feed::FeedItem;
use crate::telemetry::metrics::lag_key;
use crate::telemetry::outages::Ended;
use crate::telemetry::{Discard, Event, LiveState, Reason, RunRecord, Telemetry};

/// The state of a live series changed.
pub struct StreamState<'a> {
    /// The series.
    pub series: &'a Series,
    /// Its new state.
    pub state: LiveState,
}

impl Event for StreamState<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let state = self.state.name();
        if let Some(own) = telemetry.metrics().stream(self.series) {
            own.set_state(self.state);
        }
        telemetry.tell(FeedItem::Stream { series: self.series.clone(), state: self.state }, now());
        if self.state == LiveState::Stale {
            tracing::warn!(series = %self.series, "the exchange has newer rows than it sends; subscribing anew");
        } else {
            tracing::debug!(series = %self.series, state, "state of the stream changed");
        }
    }
}

/// Rows received live were accepted; they survive the end of the process.
pub struct StreamAccepted<'a> {
    /// The series of the rows.
    pub series: &'a Series,
    /// The number of rows.
    pub rows: u64,
    /// The exchange's time of the newest message; by default when the rows were accepted.
    pub heard: Option<Micros>,
    /// From that time to the receipt of the message.
    pub lag: Option<Duration>,
    /// From receipt of the oldest of the rows until all were accepted.
    pub took: Duration,
    /// When they were accepted.
    pub at: Micros,
}

impl Event for StreamAccepted<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.feed().count_rows(self.series, self.rows);
        let took = self.took.as_secs_f64();
        let lag = self.lag.map(|lag| lag.as_secs_f64());
        if let Some(own) = telemetry.metrics().stream(self.series) {
            own.rows.inc_by(self.rows);
            own.last_message.set_at(Some(self.heard.unwrap_or(self.at)));
            own.accept.observe(took);
            lag.inspect(|lag| own.lag.observe(*lag));
            self.lag.inspect(|lag| telemetry.record_duration(&own.lag_key, *lag));
        } else {
            let (exchange, kind) = (self.series.exchange(), self.series.kind().name());
            let streams = &telemetry.metrics().streams;
            streams.rows.with_label_values(&[exchange, kind]).inc_by(self.rows);
            streams.accept.with_label_values(&[exchange]).observe(took);
            lag.inspect(|lag| streams.lag.with_label_values(&[exchange, kind]).observe(*lag));
            self.lag.inspect(|lag| telemetry.record_duration(&lag_key(self.series), *lag));
        }
        tracing::trace!(series = %self.series, rows = self.rows, took, lag, "live rows accepted");
    }
}

/// Live rows were proven to cover minutes completely: each is a success.
pub struct StreamCovered<'a> {
    /// The series.
    pub series: &'a Series,
    /// The number of minutes.
    pub minutes: u64,
    /// New rows stored since the last success.
    pub rows: u64,
}

impl Event for StreamCovered<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let (metrics, at) = (telemetry.metrics(), now());
        let own = metrics.stream(self.series);
        own.inspect(|own| own.covered_secs.add(60 * self.minutes));
        metrics.series(self.series).runs.add(self.minutes);
        let health =
            telemetry.health().record_run(self.series, RunRecord { rows: self.rows, error: None, at });
        metrics.show_health(&health);
        telemetry.judge(|outages| outages.record(self.series, at, Ended::Well));
        tracing::debug!(series = %self.series, minutes = self.minutes, "minutes covered");
    }
}

/// A connection that was to carry a live series ended without covering any of it: a failure.
pub struct StreamUncovered<'a> {
    /// The series.
    pub series: &'a Series,
    /// The class of the error.
    pub reason: Reason,
    /// The error.
    pub error: &'a dyn Display,
}

impl Event for StreamUncovered<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let (metrics, at) = (telemetry.metrics(), now());
        let own = metrics.series(self.series);
        own.runs.add(1);
        own.count_failure(self.reason);
        telemetry.record_failure(self.series);
        let error = foreign(&self.error.to_string());
        let outcome = RunRecord { rows: 0, error: Some(error.clone()), at };
        let health = telemetry.health().record_run(self.series, outcome);
        metrics.show_health(&health);
        telemetry.judge(|outages| outages.record(self.series, at, Ended::Elsewhere));
        tracing::warn!(
            series = %self.series,
            reason = self.reason.name(),
            error,
            consecutive_errors = health.consecutive_errors,
            "nothing was covered before the connection ended"
        );
    }
}

/// Rows of a live series are missing; they are fetched from history.
pub struct StreamHole<'a> {
    /// The series.
    pub series: &'a Series,
    /// How it shows, as one of a closed set.
    pub reason: &'static str,
    /// Where they are missing.
    pub window: Window,
}

impl Event for StreamHole<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name(), self.reason];
        telemetry.metrics().streams.holes.found.with_label_values(&labels).inc();
        tracing::info!(
            series = %self.series,
            reason = self.reason,
            from = %self.window.from,
            until = %self.window.until,
            "rows are missing from the stream; fetching them"
        );
    }
}

/// A hole of a live series closed by rows that came late.
pub struct StreamHoleClosed<'a> {
    /// The series.
    pub series: &'a Series,
    /// Where nothing is missing any more.
    pub window: Window,
}

impl Event for StreamHoleClosed<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name()];
        telemetry.metrics().streams.holes.closed.with_label_values(&labels).inc();
        tracing::debug!(
            series = %self.series,
            from = %self.window.from,
            until = %self.window.until,
            "rows that were missing came late"
        );
    }
}

/// Holes of a live series were filled from history.
pub struct StreamRefilled<'a> {
    /// The series.
    pub series: &'a Series,
    /// The number of rows that came.
    pub rows: u64,
    /// The number of holes.
    pub windows: u64,
}

impl Event for StreamRefilled<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name()];
        let holes = &telemetry.metrics().streams.holes;
        holes.refilled.with_label_values(&labels).inc_by(self.windows);
        holes.refilled_rows.with_label_values(&labels).inc_by(self.rows);
        tracing::info!(series = %self.series, rows = self.rows, holes = self.windows, "holes filled from history");
    }
}

/// A quiet live series is to be compared with what the exchange answers over REST.
pub struct StreamCheck<'a> {
    /// The series.
    pub series: &'a Series,
    /// The outcome of the check.
    pub outcome: CheckOutcome,
}

/// The outcome of a check of a quiet live series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The exchange is asked.
    Asked,
    /// It waits, since the share of the limit that checks may spend is spent.
    Postponed,
    /// The series is subscribed anew without it, since another one of its connection is not sent.
    Spared,
}

impl CheckOutcome {
    /// Its word in labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CheckOutcome::Asked => "asked",
            CheckOutcome::Postponed => "postponed",
            CheckOutcome::Spared => "spared",
        }
    }
}

impl Event for StreamCheck<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let outcome = self.outcome.name();
        let labels = [self.series.exchange(), self.series.kind().name(), outcome];
        telemetry.metrics().streams.checks.with_label_values(&labels).inc();
        tracing::debug!(series = %self.series, outcome, "a quiet series is checked over REST");
    }
}

/// The exchange refuses to send a series; the others go on.
pub struct StreamRefused<'a> {
    /// The series.
    pub series: &'a Series,
    /// The exchange's words.
    pub words: &'a str,
}

impl Event for StreamRefused<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let metrics = telemetry.metrics();
        metrics.stream(self.series).inspect(|own| own.set_state(LiveState::Refused));
        let labels = [self.series.exchange(), self.series.kind().name()];
        metrics.streams.refusals.with_label_values(&labels).inc();
        tracing::error!(
            series = %self.series,
            words = foreign(self.words),
            "the exchange refuses to send it live; correct `pair` or `span` of the stream job, or remove it"
        );
    }
}

/// A live row that cannot be true was left out.
pub struct StreamOdd<'a> {
    /// The series.
    pub series: &'a Series,
    /// The row and its fault.
    pub row: &'a OddRow,
}

impl Event for StreamOdd<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name(), Discard::Invalid.name()];
        telemetry.metrics().runs.discarded.with_label_values(&labels).inc();
        tracing::warn!(
            series = %self.series,
            fault = self.row.fault.name(),
            detail = self.row.detail,
            row = foreign(&self.row.text),
            "a live row that cannot be true was left out"
        );
    }
}

/// Rows received live differ from those answered over REST.
pub struct StreamMismatch<'a> {
    /// The series.
    pub series: &'a Series,
    /// The number of rows.
    pub rows: u64,
}

impl Event for StreamMismatch<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name()];
        telemetry.metrics().streams.mismatches.with_label_values(&labels).inc_by(self.rows);
        tracing::warn!(series = %self.series, rows = self.rows, "live rows differ from the exchange's history");
    }
}
