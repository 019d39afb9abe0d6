//! The metrics as text for Prometheus: format 0.0.4, or OpenMetrics 1.0 with exemplars, compressed if the scraper
//! allows it.

pub mod accept;
mod encoder;
mod format;

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

pub use format::Format;

use encoder::encode_all;
pub(super) use encoder::{encode as encode_families, push_labels};

use crate::telemetry::Metrics;

/// The `Vary` header.
pub const VARY: &str = "Accept, Accept-Encoding";

/// Every metric as text. Takes milliseconds: do not call it on the runtime's threads.
///
/// # Errors
/// If a family has a type that is not supported.
pub fn encode(metrics: &Metrics, format: Format) -> io::Result<String> {
    let (families, tables) = metrics.parts();
    encode_all(&families, tables, format, metrics.exemplars())
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Series;
    use crate::telemetry::{LiveState, Telemetry};

    #[test]
    fn tables_of_series_are_written_as_their_objects_are() {
        let telemetry = Telemetry::new();
        for name in ["binance/BTC-USDT/trades", "kraken/BTC-USD/orderbook", "kraken/BTC-USD/ohlc/1m"] {
            let series: Series = name.parse().unwrap();
            telemetry.declare_series(&series, "own \"job\"", Duration::from_secs(60));
            telemetry.metrics().declare_stream(&series);
            if let Some(own) = telemetry.metrics().stream(&series) {
                own.set_state(LiveState::Stale);
            }
        }
        let metrics = telemetry.metrics();

        for format in [Format::Text, Format::OpenMetrics] {
            let (written, families) = (encode(metrics, format).unwrap(), metrics.gather());
            let of_objects = encode_families(&families, format, metrics.exemplars()).unwrap();
            // Figures of the process itself change between the two.
            let lines = |text: &str| -> Vec<String> {
                let lines = text.lines().filter(|line| !line.starts_with("process_"));
                lines.filter(|line| !line.contains("out_of_step_seconds")).map(str::to_owned).collect()
            };
            assert_eq!(lines(&written), lines(&of_objects));
            let stale = r#"dccd_websocket_state{exchange="kraken",kind="orderbook",pair="BTC/USD",span="",state="stale"} 1"#;
            assert!(written.lines().any(|line| line == stale), "{written}");
            assert!(written.contains(r#"job_id="own \"job\"""#), "{written}");
        }
    }
}
