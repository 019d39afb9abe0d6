//! The progress of the runs in this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::api::RunProgress;
use crate::clock::now;
use crate::jobs::Progress;
use crate::model::{Micros, Series};

/// The runs under way; a series has one at most.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<HashMap<Series, Entry>>);

struct Entry {
    since: Micros,
    began: Instant,
    progress: Progress,
}

/// A run under way, until it is dropped.
pub(crate) struct RunUnderWay<'u> {
    all: &'u UnderWay,
    series: Series,
}

impl UnderWay {
    /// A run of a series begins.
    pub(crate) fn begin(&self, series: &Series) -> RunUnderWay<'_> {
        let entry = Entry { since: now(), began: Instant::now(), progress: Progress::default() };
        self.entries().insert(series.clone(), entry);
        RunUnderWay { all: self, series: series.clone() }
    }

    /// The progress of a series, if a run of it is under way.
    pub(crate) fn of(&self, series: &Series) -> Option<RunProgress> {
        let entries = self.entries();
        let Entry { since, began, progress } = entries.get(series)?;
        let secs = began.elapsed().as_secs_f64();
        let (done, planned) = (progress.done as f64, progress.planned as f64);
        Some(RunProgress {
            since: since.to_string(),
            done: progress.done as u64,
            planned: progress.planned as u64,
            rows: progress.rows,
            rows_per_second: if secs > 0.0 { progress.rows as f64 / secs } else { 0.0 },
            seconds_left: (progress.done > 0).then(|| secs * (planned - done).max(0.0) / done),
        })
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Series, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunUnderWay<'_> {
    /// It has come so far.
    pub(crate) fn show(&self, progress: Progress) {
        if let Some(entry) = self.all.entries().get_mut(&self.series) {
            entry.progress = progress;
        }
    }
}

impl Drop for RunUnderWay<'_> {
    fn drop(&mut self) {
        self.all.entries().remove(&self.series);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_left_follows_from_the_rate_so_far_and_ends_with_the_run() {
        let (all, series) = (UnderWay::default(), "binance/BTC-USDT/ohlc/1h".parse().unwrap());
        let run = all.begin(&series);
        assert_eq!(all.of(&series).unwrap().seconds_left, None);

        tokio::time::advance(Duration::from_secs(10)).await;
        run.show(Progress { done: 2, planned: 8, rows: 500 });

        let shown = all.of(&series).unwrap();
        assert_eq!((shown.rows_per_second, shown.seconds_left), (50.0, Some(30.0)));
        drop(run);
        assert!(all.of(&series).is_none());
    }
}
