//! Live series among the tasks: their ids, and what they tell of themselves.

use serde::Deserialize;

use crate::config::Config;
use crate::engine::LiveJob;
use crate::model::{Micros, Series, Zone};
use crate::tracker::{Status, Task, TaskKind, stream_id};

/// How a live series stands, as its worker last saved it.
#[derive(Deserialize)]
pub(crate) struct StreamProgress {
    pub(crate) state: String,
    since: String,
    why: Option<String>,
}

/// The configured live series.
pub(crate) fn live(config: &Config) -> Vec<Series> {
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

impl StreamProgress {
    /// That of a task in progress.
    pub(crate) fn of(task: &Task) -> Option<Self> {
        let is_listened_to = task.kind == TaskKind::Stream && task.status == Status::InProgress;
        serde_json::from_str(&task.data).ok().filter(|_| is_listened_to)
    }

    /// The state in a sentence.
    pub(crate) fn sentence(&self, zone: &Zone) -> String {
        let since =
            Micros::parse(&self.since, &Zone::UTC).map_or_else(|_| self.since.clone(), |at| zone.minute(at));
        let why = self.why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
        format!("It is {} since {since}{why}.", self.state)
    }
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

    #[test]
    fn a_state_is_told_with_its_beginning_and_its_reason() {
        let told = r#"{"state":"connecting","since":"2023-11-14T22:13:20Z","why":"no route"}"#;
        let told: StreamProgress = serde_json::from_str(told).unwrap();
        assert_eq!(told.sentence(&Zone::UTC), "It is connecting since 2023-11-14 22:13: no route.");
    }
}
