//! Updates for those who follow a run, beside its progress and its report.

use super::Scheduler;
use crate::engine::{How, Report, is_worth_telling};

impl Scheduler {
    /// Reports to followers when their run waits for an exchange that accepts no request yet.
    pub(super) fn tell_holds(&self) {
        for (series, run) in self.runs.iter().filter(|(_, run)| !run.followers.is_empty()) {
            let Some(client) = self.engine.client(series.exchange()) else { continue };
            let Some(hold) = client.held().filter(is_worth_telling) else { continue };
            run.followers.iter().for_each(|(_, feed)| feed.held(client.exchange().name(), hold));
        }
    }

    /// Reports aborted runs to their followers.
    pub(super) fn tell_ended(&self) {
        for (series, run) in &self.runs {
            let error = format!("{series}: ended before it had stored all; the next run goes on from there");
            let report = Report { error: Some(error), ..Report::new(series, How::Stopped) };
            run.followers.iter().for_each(|(_, feed)| feed.report(report.clone()));
        }
    }
}
