//! Reports of the books of a connection, and entries of the time for which they stay out of step.

use std::time::{Duration, Instant};

use crate::exchange::live::{AuditOutcome, BookFault, Event, TopicId};
use crate::jobs::stream::listener::Listener;
use crate::jobs::stream::need::Need;
use crate::jobs::stream::taken::BookStep;
use crate::model::Series;
use crate::net::ws::Ended;
use crate::telemetry::events::{BookAudited, BookInStep, BookOutOfStep, PublishFailed};

/// Anything newer may be on its way, so that it is not entered yet as time out of step.
const ON_ITS_WAY: Duration = Duration::from_secs(10);

impl Listener {
    /// Reports that a book fell out of step, or came into it.
    pub(super) fn tell_step(&self, series: &Series, step: BookStep) {
        match step {
            BookStep::Fell(fault) => {
                let words = format!("the book is not in step: {}", fault.name());
                self.states.explain(series, &words);
                self.states.book_fell(series, fault.name());
                self.telemetry.emit(BookOutOfStep { series, reason: fault.name() });
            }
            BookStep::Rose(rose) => {
                self.states.is_well(series);
                self.states.book_rose(series);
                self.telemetry.emit(BookInStep { series, gap: rose.gap });
            }
        }
    }

    /// Passes on what a book wants, and how it compares.
    pub(super) async fn tell_of_book(&self, event: &Event) {
        match event {
            Event::BookWanted { topic, levels } => {
                if let Some(series) = self.series_of(*topic) {
                    self.need(Need::Book { series, levels: *levels }).await;
                }
            }
            Event::BookDeeper { topic, levels } => {
                if let Some(series) = self.series_of(*topic) {
                    self.need(Need::DeeperBook { series, levels: *levels }).await;
                }
            }
            Event::Audited { topic, outcome } => self.tell_audit(*topic, *outcome).await,
            _ => {}
        }
    }

    /// Reports a comparison of a book, and has one that spoke against it repeated: the answer may be wrong as well.
    async fn tell_audit(&self, topic: TopicId, outcome: AuditOutcome) {
        let Some(series) = self.series_of(topic) else { return };
        self.telemetry.emit(BookAudited { series: &series, outcome: outcome.name() });
        if outcome.is_against() {
            self.need(Need::AuditAgain { series }).await;
        }
    }

    /// The connection ended: its books are not in step any more.
    pub(super) fn end_books(&self, why: &Ended) {
        let mut topics = self.topics.lock();
        for topic in topics.values_mut().filter(|topic| topic.live.is_book()) {
            let was_in_step = !topic.live.is_out_of_step();
            topic.live.disconnected();
            if was_in_step && *why != Ended::Stopped {
                let (series, reason) = (topic.live.series(), BookFault::Reconnect.name());
                self.states.book_fell(series, reason);
                self.telemetry.emit(BookOutOfStep { series, reason });
            }
        }
    }

    /// Enters the time in which books are out of step, where it lasts.
    pub(super) fn enter_out_of_step(&self, now: Instant) {
        let until = (self.clock)() - ON_ITS_WAY;
        let mut topics = self.topics.lock();
        for topic in topics.values_mut().filter(|topic| topic.live.is_out_of_step()) {
            self.publisher.watch(topic.live.live_writer());
            if let Err(error) = topic.live.enter_out_of_step(until, now) {
                let series = topic.live.series();
                self.telemetry.emit(PublishFailed { series, reason: error.reason(), error: &error });
            }
        }
    }
}
