//! The schedule as tables: the job table for the pages, and the queue of each exchange. Pure but for the clock.

use std::collections::{BTreeMap, HashSet};

use crate::clock::now;
use crate::daemon::schedule::Schedule;
use crate::daemon::{JobRow, QueueView};
use crate::engine::{Engine, Work};
use crate::model::Series;
use crate::telemetry::JobCounts;

/// The job table, and the number of jobs in each state.
pub(super) fn jobs(
    schedule: &Schedule,
    running: &HashSet<&Series>,
    engine: &Engine,
) -> (Vec<JobRow>, JobCounts) {
    let mut counts = JobCounts::default();
    let (health, metrics) = (engine.telemetry().health(), engine.telemetry().metrics());
    let rows = schedule.iter().map(|(series, entry)| {
        let runs = running.contains(&**series);
        match (runs, entry.is_paused, entry.failed) {
            (true, ..) => counts.running += 1,
            (false, true, _) => counts.paused += 1,
            (false, false, 0) => counts.waiting += 1,
            (false, false, _) => counts.retrying += 1,
        }
        metrics.show_paused(series, entry.is_paused);
        let known = health.of(series);
        JobRow {
            series: (**series).clone(),
            last_run_at: known.as_ref().and_then(|known| known.last_run_at),
            last_success_at: known.as_ref().and_then(|known| known.last_success_at),
            rows: known.as_ref().map_or(0, |known| known.rows),
            consecutive_errors: known.as_ref().map_or(0, |known| known.consecutive_errors),
            last_error: known.and_then(|known| known.last_error),
            newest_row: engine.newest_row(series),
            next_run_at: entry.waits_for().filter(|_| !runs),
            is_running: runs,
            is_paused: entry.is_paused,
        }
    });
    (rows.collect(), counts)
}

/// The queue of each exchange, by state: jobs and requested work.
pub(super) fn queues<'a>(
    schedule: &Schedule,
    running: &HashSet<&Series>,
    waiting: impl Iterator<Item = &'a Work>,
) -> Vec<QueueView> {
    let mut queues = Queues::default();
    let at = now();
    for (series, entry) in schedule.iter().filter(|(series, _)| !running.contains(&***series)) {
        let queue = queues.of(series);
        match entry.waits_for() {
            Some(due) if due <= at => {
                queue.depth += 1;
                queue.oldest_due = Some(queue.oldest_due.map_or(due, |oldest| oldest.min(due)));
            }
            Some(_) => queue.scheduled += 1,
            None => {}
        }
        queue.paused += u64::from(entry.is_paused);
        queue.failed += u64::from(entry.failed > 0);
    }
    running.iter().for_each(|series| queues.of(series).in_progress += 1);
    waiting.for_each(|work| queues.of(&work.order.series).depth += 1);
    queues.0.into_values().collect()
}

#[derive(Default)]
struct Queues(BTreeMap<String, QueueView>);

impl Queues {
    fn of(&mut self, series: &Series) -> &mut QueueView {
        let name = series.exchange();
        self.0
            .entry(name.to_owned())
            .or_insert_with(|| QueueView { name: name.to_owned(), ..QueueView::default() })
    }
}
