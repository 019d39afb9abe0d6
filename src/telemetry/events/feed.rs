//! Events that are for the feed alone.

use crate::model::{Batch, Micros, Series};
use crate::telemetry::feed::FeedItem;
use crate::telemetry::labels::FeedKind;
use crate::telemetry::{Event, Telemetry};

/// It is time to tell of the rows that were accepted since the last time.
pub struct RowsDue {
    /// The present.
    pub at: Micros,
}

impl Event for RowsDue {
    fn emit(self, telemetry: &Telemetry) {
        if let Some(rows) = telemetry.feed().take_rows() {
            telemetry.tell(FeedItem::Rows(rows), self.at);
        }
    }
}

/// Rows received live are offered to those who watch their series.
pub struct RowsOffered<'a> {
    /// Their series.
    pub series: &'a Series,
    /// The rows.
    pub rows: &'a Batch,
    /// When they were accepted.
    pub at: Micros,
}

impl Event for RowsOffered<'_> {
    fn emit(self, telemetry: &Telemetry) {
        if telemetry.tap().offer(self.series, self.rows, self.at) {
            telemetry.metrics().readers.events.with_label_values(&[FeedKind::Accepted.name()]).inc();
        }
    }
}

/// The daemon's health changed.
pub struct HealthChanged {
    /// `healthy`, `degraded` or `unhealthy`.
    pub status: &'static str,
    /// The problems, if there are any.
    pub reasons: Vec<String>,
    /// When it was found.
    pub at: Micros,
}

impl Event for HealthChanged {
    fn emit(self, telemetry: &Telemetry) {
        let HealthChanged { status, reasons, at } = self;
        tracing::debug!(status, ?reasons, "health changed");
        telemetry.tell(FeedItem::Health { status, reasons }, at);
    }
}
