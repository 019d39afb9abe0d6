//! The two text formats and their content types.

/// A format of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format 0.0.4, which every scraper supports.
    Text,
    /// OpenMetrics 1.0: the same with units, info families and exemplars.
    OpenMetrics,
}

impl Format {
    /// The content type, exactly as Prometheus 3 expects it.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}
