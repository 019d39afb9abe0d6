//! The metrics as text for Prometheus: format 0.0.4, compressed where the one who asks allows it.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use prometheus::TextEncoder;

use crate::telemetry::Metrics;

/// The content type, exactly as Prometheus 3 wants it.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the answer depends on.
pub const VARY: &str = "Accept, Accept-Encoding";

/// Every metric as text 0.0.4. Takes milliseconds: keep it off the runtime's threads.
///
/// # Errors
/// When a family is malformed.
pub fn text(metrics: &Metrics) -> io::Result<String> {
    TextEncoder::new().encode_to_string(&metrics.gather()).map_err(io::Error::other)
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

/// Whether an `Accept-Encoding` header allows gzip; its own entry counts before that of `*`.
#[must_use]
pub fn accepts_gzip(accept_encoding: &str) -> bool {
    let quality_of = |coding: &str| {
        accept_encoding.split(',').find_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            parts.next().filter(|name| name.eq_ignore_ascii_case(coding))?;
            let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            Some(quality.map_or(1.0, |text| text.trim().parse::<f32>().unwrap_or(0.0)))
        })
    };
    quality_of("gzip").or_else(|| quality_of("*")).is_some_and(|quality| quality > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_only_to_those_who_allow_it() {
        for allowing in ["gzip", "deflate, GZIP;q=0.5", "*", "br;q=1.0, gzip; q=0.8, *;q=0"] {
            assert!(accepts_gzip(allowing), "{allowing}");
        }
        for refusing in ["", "identity", "gzip;q=0", "*;q=0", "gzip;q=0, *", "gzipped", "gzip;q=x"] {
            assert!(!accepts_gzip(refusing), "{refusing}");
        }
    }
}
