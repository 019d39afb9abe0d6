//! The metrics as text for Prometheus: format 0.0.4 or OpenMetrics 1.0 with exemplars, compressed where the one
//! who asks allows it.

pub mod accept;
mod encoder;
mod format;

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

pub use format::Format;

pub(super) use encoder::{encode as encode_families, push_labels};

use crate::telemetry::Metrics;

/// The `Vary` header: what the answer depends on.
pub const VARY: &str = "Accept, Accept-Encoding";

/// Every metric as text. Takes milliseconds: keep it off the runtime's threads.
///
/// # Errors
/// When a family is of a type that is not exposed.
pub fn encode(metrics: &Metrics, format: Format) -> io::Result<String> {
    encode_families(&metrics.gather(), format, metrics.exemplars())
}

/// Every metric as text 0.0.4.
///
/// # Errors
/// As [`encode`].
pub fn text(metrics: &Metrics) -> io::Result<String> {
    encode(metrics, Format::Text)
}

/// The text compressed as gzip, for speed rather than size.
///
/// # Errors
/// Never in practice: it writes into memory.
pub fn gzip(text: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}
