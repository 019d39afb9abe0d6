//! How much the exchanges of live series send, from the metric history.

use crate::api::StreamRate;
use crate::clock::now;
use crate::daemon::Control;
use crate::engine::history::{AskError, Asked};
use crate::model::{Micros, Zone};

impl Control {
    /// Messages a second of each exchange, in the last whole minute of the history.
    ///
    /// # Errors
    /// If the state store cannot be read.
    pub(crate) async fn stream_rates(&self) -> Result<Vec<StreamRate>, AskError> {
        let asked = Asked {
            prefix: Some("stream".to_owned()),
            resolution: Some("1m".to_owned()),
            since: Some("5m".to_owned()),
            limit: Some("200".to_owned()),
            ..Asked::default()
        };
        let answer = self.history(&asked).await?;
        let (seconds, present) = (answer.seconds, now());
        let is_whole = |at: Option<&str>| {
            let begun = at.and_then(|at| Micros::parse(at, &Zone::UTC).ok());
            begun.is_some_and(|begun| begun.0 + seconds * 1_000_000 <= present.0)
        };
        let rate = |metric: &crate::api::HistoryMetric| {
            let exchange = metric.key.strip_prefix("stream:")?.strip_suffix(":messages")?.to_owned();
            let last = metric.points.iter().rev().find(|point| is_whole(point.at.as_deref()));
            let messages_per_second = last.map(|point| point.value / seconds as f64);
            let minute = last.and_then(|point| point.at.clone());
            Some(StreamRate { exchange, messages_per_second, minute })
        };
        Ok(answer.metrics.iter().filter_map(rate).collect())
    }
}
