//! Follows the state of a connection: what its updates mean for the series that it carries.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use crate::jobs::stream::listener::Listener;
use crate::jobs::stream::need::Need;
use crate::jobs::stream::topics::ListenedTopic;
use crate::model::Series;
use crate::net::ws::{Ended, Update};
use crate::telemetry::events::{
    Chain, StreamConnected, StreamConnecting, StreamEnded, StreamFailed, StreamUncovered,
};
use crate::telemetry::{LiveState, Reason};
use crate::tracker::Fault;

impl Listener {
    /// Follows the state of the connection.
    pub(super) async fn note(&mut self, update: Update) {
        let (exchange, line) = (self.exchange, self.line.name);
        match update {
            Update::Connecting => {
                self.telemetry.emit(StreamConnecting { exchange, line });
                self.show(LiveState::Connecting, None);
            }
            Update::Connected => {
                self.opened = Instant::now();
                self.telemetry.emit(StreamConnected { exchange, line });
                self.count_connection();
            }
            Update::Failed { error } => {
                self.telemetry.emit(StreamFailed { exchange, line, reason: error.name(), error: &error });
                self.end(|_| true, Some(&error)).await;
            }
            Update::Disconnected { why, .. } => {
                self.tell_end(&why, self.opened);
                self.end_books(&why);
                self.waiting_updates.set(0);
                let words = why.to_string();
                if !matches!(why, Ended::Stopped | Ended::GivenUp) {
                    self.show(LiveState::Connecting, Some(&words));
                    self.end(|topic| topic.is_linked, None).await;
                    self.end(|topic| !topic.is_linked, Some(&why)).await;
                }
                self.unlink();
            }
            Update::StandbyConnected => {
                self.standby_opened = Instant::now();
                self.telemetry.emit(StreamConnected { exchange, line });
            }
            Update::StandbyFailed { error } => {
                self.telemetry.emit(StreamFailed { exchange, line, reason: error.name(), error: &error });
            }
            Update::StandbyEnded { why } => self.tell_end(&why, self.standby_opened),
            Update::TakenOver { why } => {
                self.tell_end(&why, self.opened);
                self.opened = self.standby_opened;
                self.count_connection();
                // Whether the one covers from where the other ended shows with its next row.
                self.topics.lock().values_mut().for_each(|topic| topic.is_linked = false);
            }
            Update::Received(_) => {}
        }
    }

    pub(super) fn tell_end(&self, why: &Ended, opened: Instant) {
        let (exchange, line, reason, lived) = (self.exchange, self.line.name, why.name(), opened.elapsed());
        self.telemetry.emit(StreamEnded { exchange, line, reason, error: why, lived });
    }

    fn unlink(&self) {
        self.topics.lock().values_mut().for_each(ListenedTopic::unlink);
    }

    /// Counts a connection that carries the series.
    fn count_connection(&self) {
        let topics = self.topics.lock();
        topics.values().for_each(|topic| self.states.connected(topic.live.series()));
    }

    /// Shows one state for all series of the connection.
    fn show(&self, state: LiveState, why: Option<&str>) {
        for topic in self.topics.lock().values() {
            self.states.show(topic.live.series(), state, why);
        }
    }

    /// Ends the session of the series that `is_ended` picks; an error counts as a failure of each.
    async fn end(&self, is_ended: impl Fn(&ListenedTopic) -> bool, error: Option<&(dyn Error + Sync)>) {
        let ended: Vec<Arc<Series>> = {
            let topics = self.topics.lock();
            let ended = topics.values().filter(|topic| is_ended(topic));
            ended.map(|topic| Arc::clone(topic.live.series())).collect()
        };
        let reason = Reason::Connect;
        let words = error.map(|error| Chain(error).to_string());
        let fault = error.map(|error| Fault::of(reason.name(), error));
        for series in ended {
            if let Some(error) = &words {
                self.states.show(&series, LiveState::Connecting, Some(error));
                self.telemetry.emit(StreamUncovered { series: &series, reason, error });
            }
            self.need(Need::Ended { series, fault: fault.clone() }).await;
        }
    }
}
