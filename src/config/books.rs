//! Books that several jobs name: one series has one source.

use std::collections::HashMap;

use crate::config::histo::HistoJob;
use crate::config::problem::Report;
use crate::config::stream::{Channel, StreamJob};
use crate::exchange::find;
use crate::exchange::live::BookWish;
use crate::model::{Kind, Series};

/// The series of the books that a stream job follows.
fn followed(job: &StreamJob) -> impl Iterator<Item = Series> {
    let live = find(&job.exchange).and_then(|exchange| exchange.live());
    let pairs = job.pairs.iter().filter(|_| job.channels.contains(&Channel::Book));
    let all = pairs.filter_map(|pair| Series::new(&job.exchange, pair.clone(), Kind::OrderBook, None).ok());
    all.filter(move |series| live.is_some_and(|live| live.offer_for(series).is_some()))
}

/// Refuses two streams of one book that differ, and notes the jobs whose snapshots a stream makes needless.
pub(super) fn check(streams: &[StreamJob], histo: &mut [HistoJob], report: &Report) {
    let mut followed_by: HashMap<Series, (usize, BookWish)> = HashMap::new();
    for (at, job) in streams.iter().enumerate() {
        for series in followed(job) {
            let (first, wish) = *followed_by.entry(series.clone()).or_insert((at, job.book()));
            if wish != job.book() {
                report.refuse(
                    &format!("stream_jobs[{at}]"),
                    format!(
                        "{series} is followed by stream_jobs[{first}] with another depth, time_step or book_deltas; \
                         keep one of them"
                    ),
                );
            }
        }
    }
    for job in histo.iter_mut().filter(|job| job.kind == Kind::OrderBook) {
        leave_to_streams(job, &followed_by, report);
    }
}

/// Snapshots among the updates of a stream would be those of another source, with other levels.
fn leave_to_streams(job: &mut HistoJob, followed_by: &HashMap<Series, (usize, BookWish)>, report: &Report) {
    job.series.retain(|series| {
        let Some((at, _)) = followed_by.get(series) else { return true };
        report.note(format!(
            "{series} is followed by stream_jobs[{at}]; its histo_job takes no snapshots, since one series has one source"
        ));
        false
    });
    let kept: Vec<_> = job.series.iter().map(Series::pair).collect();
    job.pairs.retain(|pair| kept.contains(&pair));
}
