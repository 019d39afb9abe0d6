//! Families of those who read from our HTTP server for long: rows, and the feed of events.

use prometheus::{IntCounter, IntCounterVec, IntGauge};

use super::register::Register;
use crate::telemetry::labels::{FeedKind, ReadOutcome};

/// Families of long answers.
pub(crate) struct Readers {
    pub(crate) reading: IntGauge,
    pub(crate) reads: IntCounterVec,
    pub(crate) rows_read: IntCounter,
    pub(crate) event_readers: IntGauge,
    pub(crate) cut_off: IntCounter,
    pub(crate) refused: IntCounter,
    pub(crate) events: IntCounterVec,
    pub(crate) missed: IntCounter,
}

impl Readers {
    pub(super) fn new(add: &Register<'_>) -> Self {
        let readers = Readers {
            reading: add.count_gauge("server_reads_in_progress", "Answers with rows that are being sent."),
            reads: add.counters(
                "server_reads_total",
                "Answers with rows by their outcome: sent (done), not begun (refused), the client took no more \
                 (cut_off), a file could not be read (failed).",
                &["outcome"],
            ),
            rows_read: add.counter("server_rows_read_total", "Rows of answers that were sent to their end."),
            event_readers: add.count_gauge("server_event_readers", "Open readers of the feed of events."),
            cut_off: add.counter(
                "server_event_readers_cut_off_total",
                "Readers of the feed of events that were cut off because they did not keep up.",
            ),
            refused: add.counter(
                "server_event_readers_refused_total",
                "Readers of the feed of events that were refused because there were as many as may be.",
            ),
            events: add.counters("server_events_total", "Events put on the feed, by kind.", &["kind"]),
            missed: add.counter(
                "server_events_missed_total",
                "Events that were gone when a reader came back for them; it was told so.",
            ),
        };
        ReadOutcome::ALL.iter().for_each(|outcome| {
            readers.reads.with_label_values(&[outcome.name()]);
        });
        FeedKind::ALL.iter().for_each(|kind| {
            readers.events.with_label_values(&[kind.name()]);
        });
        readers
    }
}
