//! The metrics as text for Prometheus: format 0.0.4, or OpenMetrics 1.0 with exemplars, compressed if the scraper
//! allows it.

pub mod accept;
mod encoder;
mod format;

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

pub use format::Format;

pub(super) use encoder::{encode as encode_families, push_labels};

use crate::telemetry::Metrics;

/// The `Vary` header.
pub const VARY: &str = "Accept, Accept-Encoding";

/// Every metric as text. Takes milliseconds: do not call it on the runtime's threads.
///
/// # Errors
/// If a family has a type that is not supported.
pub fn encode(metrics: &Metrics, format: Format) -> io::Result<String> {
    encode_families(&metrics.gather(), format, metrics.exemplars())
}

/// Every metric as text 0.0.4.
///
/// # Errors
/// Like [`encode`].
pub fn text(metrics: &Metrics) -> io::Result<String> {
    encode(metrics, Format::Text)
}

/// Compresses the text with gzip, for speed rather than size.
///
/// # Errors
/// Never in practice, since it writes to memory.
pub fn gzip(text: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}
