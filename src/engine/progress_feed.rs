//! The feed on which requested work is followed: the latest progress of each series, and every report.
//!
//! Unread updates are bounded by the number of series. A late reader misses only progress that newer progress
//! replaced.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::api::{CopyUpdate, Report, Update};
use crate::clock::now;
use crate::jobs::Progress;
use crate::model::Series;
use crate::net::Hold;

/// Progress within so much time is told together: a run makes a page a millisecond, and each reader that wakes for it costs
/// the run time.
const TOGETHER: Duration = Duration::from_millis(100);
/// Holds shorter than this are not reported.
const SHORT: Duration = Duration::from_secs(5);

/// Whether a hold is long enough to report; short ones are how every rate limit is kept.
pub(crate) fn is_worth_telling(hold: &Hold) -> bool {
    hold.is_ban || hold.left > SHORT
}

/// Has one reader.
#[derive(Default)]
pub struct ProgressFeed {
    state: Mutex<FeedState>,
    /// There is something that is told at once.
    changed: Notify,
    /// There is progress, which may wait.
    progressed: Notify,
}

#[derive(Default)]
struct FeedState {
    progress: BTreeMap<String, Progress>,
    reports: VecDeque<Report>,
    copied: VecDeque<CopyUpdate>,
    not_begun: Vec<String>,
    /// The last reported hold of each exchange.
    held: BTreeMap<&'static str, Hold>,
    newly_held: Vec<(&'static str, Hold)>,
    ending: Ending,
}

/// Whether more is to come.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Ending {
    /// Yes.
    #[default]
    Open,
    /// No: everything was done.
    Complete,
    /// No, and not everything was done.
    CutShort,
}

impl ProgressFeed {
    /// Reports the progress of a run.
    pub fn progress(&self, series: &Series, progress: Progress) {
        self.state().progress.insert(series.to_string(), progress);
        self.progressed.notify_one();
    }

    /// Reports the end of a run.
    pub fn report(&self, report: Report) {
        let mut state = self.state();
        state.progress.remove(&report.series);
        state.reports.push_back(report);
        drop(state);
        self.changed.notify_one();
    }

    /// Reports on the copies. Pending figures of a remote replace earlier ones.
    pub fn copied(&self, told: CopyUpdate) {
        let mut state = self.state();
        if let CopyUpdate::Pending { remote, .. } = &told {
            let is_older =
                |own: &CopyUpdate| matches!(own, CopyUpdate::Pending { remote: own, .. } if own == remote);
            state.copied.retain(|own| !is_older(own));
        }
        state.copied.push_back(told);
        drop(state);
        self.changed.notify_one();
    }

    /// Reports that an exchange accepts no requests until an instant; only if that changed.
    pub fn held(&self, exchange: &'static str, hold: Hold) {
        let mut state = self.state();
        let known = state.held.insert(exchange, hold);
        if known.map(|own| (own.until, own.is_ban)) != Some((hold.until, hold.is_ban)) {
            state.newly_held.push((exchange, hold));
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Reports series whose work was not started and will not be.
    pub(crate) fn not_begun<'a>(&self, series: impl IntoIterator<Item = &'a Arc<Series>>) {
        self.state().not_begun.extend(series.into_iter().map(ToString::to_string));
        self.changed.notify_one();
    }

    /// Ends the feed.
    pub fn close(&self) {
        self.end(Ending::Complete);
    }

    /// Ends the feed before everything that was requested is done.
    pub(crate) fn cut_short(&self) {
        self.end(Ending::CutShort);
    }

    fn end(&self, ending: Ending) {
        let mut state = self.state();
        if state.ending == Ending::Open {
            state.ending = ending;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Whether the feed ended before everything was done.
    #[must_use]
    pub(crate) fn is_cut_short(&self) -> bool {
        self.state().ending == Ending::CutShort
    }

    /// Waits for new updates. `None` once the feed has ended and everything was read.
    pub async fn next(&self) -> Option<Vec<Update>> {
        loop {
            let (is_urgent, has_progress) = {
                let state = self.state();
                (state.is_urgent(), !state.progress.is_empty())
            };
            if !is_urgent {
                let news = async {
                    if !has_progress {
                        self.progressed.notified().await;
                    }
                    tokio::time::sleep(TOGETHER).await;
                };
                tokio::select! {
                    () = self.changed.notified() => {}
                    () = news => {}
                }
            }
            if let Some(told) = self.take() {
                return (!told.is_empty()).then_some(told);
            }
        }
    }

    /// New updates: `None` if there are none, empty if the feed has ended.
    fn take(&self) -> Option<Vec<Update>> {
        let mut state = self.state();
        let progress = std::mem::take(&mut state.progress).into_iter().map(|(series, at)| Update::Progress {
            series,
            done: at.done,
            planned: at.planned,
            rows: at.rows,
        });
        let told: Vec<Update> = progress.chain(state.reports.drain(..).map(Update::Ended)).collect();
        let mut told: Vec<Update> =
            told.into_iter().chain(state.copied.drain(..).map(Update::Copied)).collect();
        told.extend(state.newly_held.drain(..).map(|(exchange, hold)| Update::Held {
            exchange: exchange.to_owned(),
            until: (now() + hold.left).0,
            is_ban: hold.is_ban,
        }));
        if !state.not_begun.is_empty() {
            told.push(Update::NotBegun { series: std::mem::take(&mut state.not_begun) });
        }
        (!told.is_empty() || state.ending != Ending::Open).then_some(told)
    }

    fn state(&self) -> MutexGuard<'_, FeedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FeedState {
    /// Whether there is more to tell than progress.
    fn is_urgent(&self) -> bool {
        self.ending != Ending::Open
            || !self.reports.is_empty()
            || !self.copied.is_empty()
            || !self.newly_held.is_empty()
            || !self.not_begun.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::How;

    #[tokio::test(start_paused = true)]
    async fn progress_is_told_together_and_a_report_at_once() {
        let feed = ProgressFeed::default();
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        let pages = async {
            for done in 1..=1_000 {
                feed.progress(&series, Progress { done, planned: 1_000, rows: 0 });
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            feed.report(Report::new(&series, How::Done));
            let at = tokio::time::Instant::now();
            feed.close();
            at
        };
        let reader = async {
            let mut told = 0;
            while let Some(updates) = feed.next().await {
                told += updates.len();
            }
            (told, tokio::time::Instant::now())
        };

        let (ended, (told, read)) = tokio::join!(pages, reader);

        assert_eq!(read, ended);
        assert!((8..=11).contains(&told), "told {told} times");
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_progress_is_told_though_no_more_comes_and_a_wait_was_given_up() {
        let feed = ProgressFeed::default();
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        feed.progress(&series, Progress { done: 1, planned: 2, rows: 0 });

        let given_up = tokio::time::timeout(TOGETHER / 2, feed.next()).await;
        let told = tokio::time::timeout(TOGETHER * 2, feed.next()).await;

        assert!(given_up.is_err());
        assert!(matches!(told.unwrap().as_deref(), Some([Update::Progress { done: 1, .. }])));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_misses_old_progress_and_no_report() {
        let feed = ProgressFeed::default();
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        let report = |rows| Report { rows, ..Report::new(&series, How::Done) };
        for done in 0..9 {
            feed.progress(&series, Progress { done, planned: 9, rows: 0 });
        }
        assert!(matches!(feed.next().await.as_deref(), Some([Update::Progress { done: 8, .. }])));

        feed.progress(&series, Progress { done: 9, planned: 9, rows: 0 });
        feed.report(report(1));
        feed.report(report(2));
        feed.close();

        assert_eq!(feed.next().await, Some(vec![Update::Ended(report(1)), Update::Ended(report(2))]));
        assert_eq!(feed.next().await, None);
    }
}
