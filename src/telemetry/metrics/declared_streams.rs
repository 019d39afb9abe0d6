//! The label sets of live series and their lines: created at 0 on declaration, dropped with the last that needs them.

use std::sync::Arc;

use super::Metrics;
use super::stream_series::StreamMetrics;
use crate::model::Series;

impl Metrics {
    /// Creates the label sets of a live series, each at 0. It must have been declared as a series before; beyond the
    /// limit on series, only the label sets that it shares with others are created.
    pub fn declare_stream(&self, series: &Series) {
        self.streams.declare(series.exchange(), series.kind().name());
        if self.series.get(series).is_some() {
            let shared = || self.streams.shared(series.exchange(), series.kind().name());
            self.streams.table.declare(series, shared);
        }
    }

    /// Creates the label sets of a line of an exchange, each at 0.
    pub fn declare_line(&self, exchange: &str, line: &str) {
        self.streams.declare_line(exchange, line);
    }

    /// Drops the label sets of a series that is live no more, and those that only it needed.
    pub fn forget_stream(&self, series: &Series) {
        let (table, exchange, kind) = (&self.streams.table, series.exchange(), series.kind());
        if !table.forget(series) {
            return;
        }
        if !table.has(exchange, Some(kind)) {
            self.streams.forget_kind(exchange, kind.name());
        }
        if !table.has(exchange, None) {
            self.streams.forget_exchange(exchange);
        }
    }

    /// The metrics of a live series; `None` if it is not declared.
    pub(crate) fn stream(&self, series: &Series) -> Option<Arc<StreamMetrics>> {
        self.streams.table.get(series)
    }
}
