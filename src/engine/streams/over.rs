//! Leaves series that are over, cancelled or paused.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::now;
use crate::engine::streams::entry::Entry;
use crate::engine::streams::{AFTER_CANCEL, Streams};
use crate::model::Series;
use crate::telemetry::LiveState;
use crate::tracker::Verdict;

impl Streams {
    /// Leaves series that are no longer ours, whose task was cancelled, or whose contract has expired.
    pub(super) fn leave_what_is_over(&mut self) {
        let is_over = |(series, entry): &(&Arc<Series>, &Entry)| entry.is_over(self.engine.now_at(series));
        let over = self.entries.iter().filter(is_over);
        let over: Vec<_> = over.map(|(series, entry)| (Arc::clone(series), entry.is_cancelled())).collect();
        for (series, is_cancelled) in over {
            let (verdict, wait) = match is_cancelled {
                true => (Verdict::Cancelled { again_at: Some(now() + AFTER_CANCEL) }, AFTER_CANCEL),
                false => (Verdict::GivenBack, Duration::ZERO),
            };
            let why = if is_cancelled { "cancelled for now" } else { "ended" };
            self.engine.live_states().show(&series, LiveState::Off, Some(why));
            self.leave(&series, verdict, wait);
        }
    }

    pub(super) fn leave_what_is_paused(&mut self) {
        let paused = self.entries.keys().filter(|series| self.engine.is_paused(series));
        let paused: Vec<Arc<Series>> = paused.cloned().collect();
        for series in paused {
            self.engine.live_states().show(&series, LiveState::Off, Some("paused"));
            if self.entries.get(&series).is_some_and(Entry::is_placed) {
                self.leave(&series, Verdict::GivenBack, Duration::ZERO);
            }
        }
    }
}
