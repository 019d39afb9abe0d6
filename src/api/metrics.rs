//! Metric families.

use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct MetricLine {
    pub(crate) name: String,
    /// `counter`, `gauge` or `histogram`.
    pub(crate) r#type: &'static str,
    /// The unit its name ends in, if any.
    pub(crate) unit: Option<&'static str>,
    /// The names of its labels, without `le`.
    pub(crate) labels: Vec<String>,
    pub(crate) help: String,
    /// `/metrics`, or `textfile` for those of `collect --textfile`.
    pub(crate) found: &'static str,
}
