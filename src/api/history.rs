//! The history of metrics: `GET /api/v1/metrics` and `dccd history --json`.

use schemars::JsonSchema;
use serde::Serialize;

/// A page of metrics, merged over the workers, or of one of them.
#[derive(Serialize, JsonSchema)]
pub(crate) struct HistoryAnswer {
    /// Whole segments that the keys begin with; empty for all.
    pub(crate) prefix: String,
    /// The worker that was asked for.
    pub(crate) worker: Option<String>,
    /// Every worker that has written history.
    pub(crate) workers: Vec<String>,
    /// `1m`, `5m`, `1h` or `1d`.
    pub(crate) resolution: &'static str,
    /// The width of a bucket in seconds.
    pub(crate) seconds: i64,
    /// The start of the first bucket.
    pub(crate) from: String,
    /// The end of the last bucket, which may still be open.
    pub(crate) until: String,
    pub(crate) metrics: Vec<HistoryMetric>,
    /// The cursor of the next page; null if this is the last.
    pub(crate) next: Option<String>,
}

/// A metric over time.
#[derive(Serialize, JsonSchema)]
pub(crate) struct HistoryMetric {
    pub(crate) key: String,
    /// `counter`, `gauge` or `histogram`.
    pub(crate) kind: &'static str,
    /// Empty if it has none.
    pub(crate) unit: String,
    /// All points together.
    pub(crate) summary: Option<HistoryPoint>,
    /// The oldest first. A bucket without observations is absent, not zero.
    pub(crate) points: Vec<HistoryPoint>,
}

/// The observations of one bucket.
#[derive(Clone, Serialize, JsonSchema)]
pub(crate) struct HistoryPoint {
    /// The start of the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<String>,
    /// The sum of a counter, the newest level of a gauge, the mean of a histogram.
    pub(crate) value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sum: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mean: Option<f64>,
    /// The median, within 1 %, as are the other quantiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p95: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99: Option<f64>,
    /// When the newest level of a gauge was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sampled_at: Option<String>,
}
