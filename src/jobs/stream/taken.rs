//! The meaning of a handover once its rows are accepted: rows first, then holes, then what is vouched for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::exchange::live::{BookFault, Event, Hole, HoleReason, TopicId};
use crate::jobs::stream::live_series::Rose;
use crate::jobs::stream::need::Need;
use crate::jobs::stream::topics::{ListenedTopic, Topics};
use crate::model::{Batch, Micros, Series, Window};
use crate::net::ws::Handover;
use crate::store::{Mark, StoreError};

/// The stretch of coverage that counts as one success.
const SUCCESS: Duration = Duration::from_secs(60);

/// The fate of rows.
pub(crate) enum Fate {
    /// They are in the journal, from a mark on if any is new.
    Accepted(Option<Mark>),
    /// The store did not take them.
    Refused(Arc<StoreError>),
    /// There was no room for them.
    Shed,
}

/// The result of accepting a handover.
pub(crate) struct Taken {
    /// When its rows were accepted.
    pub(crate) at: Instant,
    /// The series with rows, each with their number and topic.
    pub(crate) accepted: Vec<(Arc<Series>, u64, TopicId)>,
    pub(crate) needs: Vec<Need>,
    /// Each with the minutes and the new rows stored.
    pub(crate) covered: Vec<(Arc<Series>, u64, u64)>,
    pub(crate) holes: Vec<(Arc<Series>, &'static str, Window)>,
    /// Holes that rows closed which came late.
    pub(crate) closed: Vec<(Arc<Series>, Window)>,
    pub(crate) failed: Vec<(Arc<Series>, Arc<StoreError>)>,
    pub(crate) live: Vec<Arc<Series>>,
    /// The books that fell out of step or came into it, in order.
    pub(crate) steps: Vec<(Arc<Series>, BookStep)>,
}

/// A step of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BookStep {
    /// It is in step, after a time out of it.
    Rose(Rose),
    /// It is out of step.
    Fell(BookFault),
}

impl Taken {
    /// Records what became of a handover's rows, leaves out the holes, then vouches: the order in which a session means
    /// them.
    pub(super) fn of(
        topics: &Topics,
        handover: &Handover,
        rows: impl Iterator<Item = (TopicId, Fate)>,
    ) -> Self {
        let (mut topics, at) = (topics.lock(), Instant::now());
        let (accepted, needs, covered) = (Vec::new(), Vec::new(), Vec::new());
        let (holes, closed, failed, live) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let steps = Vec::new();
        let mut taken = Taken { at, accepted, needs, covered, holes, closed, failed, live, steps };
        for (id, fate) in rows {
            if let Some((topic, rows)) = topics.get_mut(&id).zip(handover.received.batch(id)) {
                topic.quiet.heard(at);
                taken.rows(topic, id, rows, fate);
            }
        }
        for (id, _) in handover.received.batches() {
            if let Some(topic) = topics.get_mut(&id).filter(|topic| !topic.live.takes_rows()) {
                taken.lost(topic);
            }
        }
        let events = &handover.received.events;
        for (place, event) in events.iter().enumerate() {
            match event {
                Event::Hole(hole) => {
                    if let Some(topic) = topics.get_mut(&hole.topic) {
                        taken.hole(topic, hole, &events[place..]);
                    }
                }
                Event::Closed { topic, window } => {
                    if let Some(topic) = topics.get_mut(topic) {
                        taken.close(topic, *window);
                    }
                }
                Event::OutOfStep { topic, at, fault } => {
                    if let Some(topic) = topics.get_mut(topic) {
                        taken.fell(topic, *at, *fault);
                    }
                }
                Event::InStep { topic, at, .. } => {
                    if let Some(topic) = topics.get_mut(topic) {
                        taken.rose(topic, *at);
                    }
                }
                _ => {}
            }
        }
        for (id, window) in &handover.covered {
            if let Some(topic) = topics.get_mut(id) {
                taken.vouch(topic, *window, handover.is_last);
            }
        }
        taken
    }

    fn rows(&mut self, topic: &mut ListenedTopic, id: TopicId, rows: &Batch, fate: Fate) {
        let series = Arc::clone(topic.live.series());
        match fate {
            Fate::Accepted(mark) => {
                topic.live.accepted(rows, mark);
                self.accepted.push((series, rows.len() as u64, id));
                return;
            }
            Fate::Refused(error) => self.failed.push((series, error)),
            Fate::Shed => {}
        }
        if topic.live.is_book() {
            self.lost(topic);
        } else if let Some(window) = topic.live.drop_rows(rows) {
            self.missing(topic, "shed", window);
        }
    }

    /// Rows of a book were lost, or more come behind lost ones.
    fn lost(&mut self, topic: &mut ListenedTopic) {
        if topic.live.lose_book(self.at) {
            self.needs.push(Need::BookLost { series: Arc::clone(topic.live.series()) });
        }
    }

    /// A hole of a session, with the events from it on. One that closes before it is told needs nothing.
    fn hole(&mut self, topic: &mut ListenedTopic, hole: &Hole, then: &[Event]) {
        let Hole { topic: id, window, reason, .. } = *hole;
        match reason {
            HoleReason::LeftOut | HoleReason::NotSent => topic.live.miss(window),
            HoleReason::Restarted | HoleReason::Overdue | HoleReason::Doubtful => topic.live.lose(window),
        }
        let closes = |event: &Event| {
            matches!(event, Event::Closed { topic, window: own }
                if *topic == id && own.intersection(window) == Some(window))
        };
        if !then.iter().any(closes) {
            self.missing(topic, reason.name(), window);
        }
    }

    fn close(&mut self, topic: &mut ListenedTopic, window: Window) {
        let series = Arc::clone(topic.live.series());
        match topic.live.close(window) {
            Ok(closed) => self.closed.extend(closed.iter().map(|window| (Arc::clone(&series), window))),
            Err(error) => self.failed.push((series, Arc::new(error))),
        }
    }

    fn fell(&mut self, topic: &mut ListenedTopic, at: Micros, fault: BookFault) {
        let series = Arc::clone(topic.live.series());
        if fault == BookFault::Audit
            && let Err(error) = topic.live.disown(at)
        {
            self.failed.push((Arc::clone(&series), Arc::new(error)));
        }
        topic.live.fell(at, fault);
        self.steps.push((series, BookStep::Fell(fault)));
    }

    fn rose(&mut self, topic: &mut ListenedTopic, at: Micros) {
        let series = Arc::clone(topic.live.series());
        match topic.live.rose(at) {
            Ok(None) => {}
            Ok(Some(rose)) => {
                topic.is_linked = true;
                // A success is a minute without a break.
                topic.counted = Some(at);
                self.live.push(Arc::clone(&series));
                self.steps.push((series, BookStep::Rose(rose)));
            }
            Err(error) => self.failed.push((series, Arc::new(error))),
        }
    }

    fn missing(&mut self, topic: &ListenedTopic, reason: &'static str, window: Window) {
        let series = Arc::clone(topic.live.series());
        self.holes.push((Arc::clone(&series), reason, window));
        self.needs.push(Need::Refill { series, until: window.until });
    }

    fn vouch(&mut self, topic: &mut ListenedTopic, window: Window, is_last: bool) {
        let series = Arc::clone(topic.live.series());
        let unvouched = topic.live.unvouched_before(window.from);
        match topic.live.cover(window, self.at, is_last) {
            Ok(new) if new.is_empty() => {}
            Ok(_) => {
                if !topic.is_linked && !topic.live.is_book() {
                    topic.is_linked = true;
                    self.live.push(Arc::clone(&series));
                    if topic.live.is_missing_before(window.from) {
                        self.holes.extend(unvouched.map(|hole| (Arc::clone(&series), "reconnect", hole)));
                        self.needs.push(Need::Refill { series: Arc::clone(&series), until: window.from });
                    }
                }
                let counted = *topic.counted.get_or_insert(window.from);
                let covered = topic.live.proven().map_or(Duration::ZERO, |proven| proven.since(counted));
                let minutes = covered.as_secs() / SUCCESS.as_secs();
                if minutes > 0 {
                    topic.counted = topic.live.proven();
                    self.covered.push((Arc::clone(&series), minutes, topic.live.live_writer().take_stored()));
                    self.needs.push(Need::Save { series });
                }
            }
            Err(error) => self.failed.push((series, Arc::new(error))),
        }
    }
}
