//! Events of connections that carry live series.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use super::Chain;
use crate::model::foreign;
use crate::telemetry::{Event, Telemetry};

/// An attempt to connect began.
pub struct StreamConnecting {
    /// The exchange.
    pub exchange: &'static str,
    /// The name of the line.
    pub line: &'static str,
}

impl Event for StreamConnecting {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().declare_line(self.exchange, self.line);
        tracing::debug!(exchange = self.exchange, line = self.line, "connecting");
    }
}

/// A connection was made.
pub struct StreamConnected {
    /// The exchange.
    pub exchange: &'static str,
    /// The name of the line.
    pub line: &'static str,
}

impl Event for StreamConnected {
    fn emit(self, telemetry: &Telemetry) {
        let lines = &telemetry.metrics().streams.lines;
        lines.connects.with_label_values(&[self.exchange, self.line]).inc();
        tracing::info!(exchange = self.exchange, line = self.line, "connected");
    }
}

/// A connection could not be made; it is tried again.
pub struct StreamFailed<'a> {
    /// The exchange.
    pub exchange: &'static str,
    /// The name of the line.
    pub line: &'static str,
    /// The class of the error, one of a closed set.
    pub reason: &'static str,
    /// The error.
    pub error: &'a dyn Error,
}

impl Event for StreamFailed<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let lines = &telemetry.metrics().streams.lines;
        lines.failures.with_label_values(&[self.exchange, self.line, self.reason]).inc();
        let error = Chain(self.error).to_string();
        tracing::warn!(
            exchange = self.exchange,
            line = self.line,
            reason = self.reason,
            error,
            "cannot connect; trying again"
        );
    }
}

/// Ends that are ours, or that were announced.
const EXPECTED: [&str; 4] = ["stopped", "given_up", "lifetime", "notice"];

/// A connection ended.
pub struct StreamEnded<'a> {
    /// The exchange.
    pub exchange: &'static str,
    /// The name of the line.
    pub line: &'static str,
    /// Why, as one of a closed set.
    pub reason: &'static str,
    /// Why, in words.
    pub error: &'a dyn Display,
    /// How long it lasted.
    pub lived: Duration,
}

impl Event for StreamEnded<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let (exchange, line, reason, lived) = (self.exchange, self.line, self.reason, self.lived);
        let lines = &telemetry.metrics().streams.lines;
        lines.ends.with_label_values(&[exchange, line, reason]).inc();
        let error = foreign(&self.error.to_string());
        if EXPECTED.contains(&reason) {
            tracing::info!(exchange, line, reason, error, ?lived, "connection ended");
        } else {
            tracing::warn!(exchange, line, reason, error, ?lived, "connection lost; connecting anew");
        }
    }
}

/// Frames were received since this was last emitted for the line.
pub struct StreamFrames {
    /// The exchange.
    pub exchange: &'static str,
    /// The name of the line.
    pub line: &'static str,
    /// The number of frames.
    pub frames: u64,
    /// Rows left out because they had come before.
    pub repeated: u64,
    /// Known frames that were not asked for.
    pub unasked: u64,
    /// Frames of an unknown kind.
    pub unknown: u64,
}

impl Event for StreamFrames {
    fn emit(self, telemetry: &Telemetry) {
        let (exchange, line) = (self.exchange, self.line);
        let lines = &telemetry.metrics().streams.lines;
        lines.messages.with_label_values(&[exchange, line]).inc_by(self.frames);
        for (family, labels, count) in [
            (&lines.repeated, &[exchange, line][..], self.repeated),
            (&lines.ignored, &[exchange, line, "unasked"][..], self.unasked),
            (&lines.ignored, &[exchange, line, "unknown"][..], self.unknown),
        ] {
            if count > 0 {
                family.with_label_values(labels).inc_by(count);
            }
        }
    }
}

/// A frame could not be read.
pub struct StreamUnreadable<'a> {
    /// The exchange.
    pub exchange: &'static str,
    /// The name of the line.
    pub line: &'static str,
    /// The fault.
    pub why: &'a str,
    /// How the frame begins.
    pub excerpt: &'a str,
}

impl Event for StreamUnreadable<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let lines = &telemetry.metrics().streams.lines;
        lines.unreadable.with_label_values(&[self.exchange, self.line]).inc();
        tracing::warn!(
            exchange = self.exchange,
            line = self.line,
            why = foreign(self.why),
            excerpt = foreign(self.excerpt),
            "a message could not be read; rows it may have held are asked for again"
        );
    }
}

/// The rows of live series that are accepted and not yet in a file were counted.
pub struct StreamsWaiting {
    /// Their memory, in bytes.
    pub bytes: u64,
    /// The most that may wait, in bytes.
    pub most: u64,
}

impl Event for StreamsWaiting {
    fn emit(self, telemetry: &Telemetry) {
        let streams = &telemetry.metrics().streams;
        streams.waiting.set(i64::try_from(self.bytes).unwrap_or(i64::MAX));
        streams.most_waiting.set(i64::try_from(self.most).unwrap_or(i64::MAX));
    }
}
