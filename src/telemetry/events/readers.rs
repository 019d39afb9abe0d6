//! Events of those who read from our HTTP server for long: rows, and the feed of events.

use crate::telemetry::labels::ReadOutcome;
use crate::telemetry::{Event, Telemetry};

/// An answer with rows is begun or over.
pub struct RowsReading {
    /// Begun rather than over.
    pub begun: bool,
}

impl Event for RowsReading {
    fn emit(self, telemetry: &Telemetry) {
        let reading = &telemetry.metrics().readers.reading;
        if self.begun { reading.inc() } else { reading.dec() }
    }
}

/// An answer with rows ended, or was refused.
pub struct RowsRead {
    /// Rows of an answer that was sent to its end.
    pub rows: u64,
    /// How it ended.
    pub outcome: ReadOutcome,
}

impl Event for RowsRead {
    fn emit(self, telemetry: &Telemetry) {
        let readers = &telemetry.metrics().readers;
        readers.rows_read.inc_by(self.rows);
        readers.reads.with_label_values(&[self.outcome.name()]).inc();
        tracing::debug!(rows = self.rows, outcome = self.outcome.name(), "rows read over HTTP");
    }
}

/// A reader of the feed of events came or went.
pub struct EventReadersChanged {
    /// Came rather than went.
    pub opened: bool,
}

impl Event for EventReadersChanged {
    fn emit(self, telemetry: &Telemetry) {
        let readers = &telemetry.metrics().readers.event_readers;
        if self.opened { readers.inc() } else { readers.dec() }
    }
}

/// A reader of the feed of events was turned away or cut off.
pub enum EventReaderLeft {
    /// It did not keep up.
    CutOff,
    /// There were as many as may be.
    Refused,
}

impl Event for EventReaderLeft {
    fn emit(self, telemetry: &Telemetry) {
        let readers = &telemetry.metrics().readers;
        match self {
            EventReaderLeft::CutOff => {
                readers.cut_off.inc();
                tracing::debug!("a reader of events did not keep up and was cut off");
            }
            EventReaderLeft::Refused => readers.refused.inc(),
        }
    }
}

/// A reader of the feed came back for events that are gone.
pub struct EventsLost {
    /// How many, as far as that is known.
    pub count: u64,
}

impl Event for EventsLost {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().readers.missed.inc_by(self.count);
    }
}
