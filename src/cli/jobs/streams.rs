//! Live series among the tasks: their ids.

use crate::config::Config;
use crate::engine::LiveJob;
use crate::model::Series;
use crate::tracker::{TaskKind, stream_id};

/// The configured live series.
pub(super) fn live(config: &Config) -> Vec<Series> {
    LiveJob::all(config).iter().map(|job| (*job.series).clone()).collect()
}

/// The series of a task's id, where it is that of a job or a stream.
pub(super) fn series_of(id: &str) -> Option<Series> {
    without_prefix(id).parse().ok()
}

/// A selector of a series, also where it is the id of a stream's task.
pub(super) fn without_prefix(selector: &str) -> &str {
    let prefix = TaskKind::Stream.name();
    selector.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(':')).unwrap_or(selector)
}

/// Whether a task is that of a live series.
pub(super) fn is_stream(id: &str) -> bool {
    series_of(id).is_some_and(|series| stream_id(&series) == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_of_a_stream_is_known_by_its_prefix() {
        assert!(is_stream("stream:binance/BTC-USDT/trades"));
        assert!(!is_stream("binance/BTC-USDT/trades") && !is_stream("backfill:binance/BTC-USDT/trades:a..b"));
        assert_eq!(without_prefix("stream:binance/BTC-USDT"), "binance/BTC-USDT");
        assert_eq!(without_prefix("streams"), "streams");
    }
}
