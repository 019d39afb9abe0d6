//! Listens to one connection: accepts its rows, vouches for what they cover, and reports what is missing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::mpsc;

use crate::exchange::live::{Event, Line, TopicId};
use crate::jobs::stream::acceptor::Acceptor;
use crate::jobs::stream::live_writer::LiveWriter;
use crate::jobs::stream::need::Need;
use crate::jobs::stream::publisher::Publisher;
use crate::jobs::stream::states::LiveStates;
use crate::jobs::stream::topics::Topics;
use crate::jobs::stream::waiting_updates::WaitingUpdates;
use crate::model::{Micros, Series};
use crate::net::ws::{Ended, Handover, Inlet, Update};
use crate::telemetry::events::{
    BookResyncsFailed, PublishFailed, RowsOffered, StreamAccepted, StreamCovered, StreamFrames, StreamHole,
    StreamHoleClosed, StreamOdd, StreamUnreadable,
};
use crate::telemetry::{LiveState, Telemetry};

/// How often is looked whether a connection's series are quiet for too long.
const LOOK: Duration = Duration::from_millis(250);

/// Takes what one connection hands over.
pub(crate) struct Listener {
    pub(crate) exchange: &'static str,
    pub(crate) line: &'static Line,
    pub(crate) topics: Topics,
    pub(crate) telemetry: Telemetry,
    pub(crate) states: LiveStates,
    pub(crate) needs: mpsc::Sender<Need>,
    /// The exchange's clock.
    pub(crate) clock: Arc<dyn Fn() -> Micros + Send + Sync>,
    pub(crate) acceptor: Acceptor,
    pub(crate) publisher: Publisher,
    pub(crate) waiting_updates: WaitingUpdates,
    /// Since when the present connection is open.
    pub(crate) opened: Instant,
    /// Since when one is open that is to take over from it.
    pub(crate) standby_opened: Instant,
}

impl Listener {
    /// Listens until the connection has ended for good, or its rows cannot be accepted any more.
    pub(crate) async fn run(mut self, mut inlet: Inlet) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                update = inlet.next() => match update {
                    None => break,
                    Some(Update::Received(handover)) => {
                        // Rows that were not accepted are missing from now on, and no window tells: all series of the
                        // connection begin anew.
                        let Some(handover) = self.take(handover).await else {
                            self.tell_end(&Ended::GivenUp, self.opened);
                            break;
                        };
                        inlet.give_back(handover);
                    }
                    Some(update) => self.note(update).await,
                },
                _ = look.tick() => self.look().await,
            }
        }
        self.publish_all().await;
        self.count_rest().await;
    }

    /// Counts rows that were published since the last minute covered.
    async fn count_rest(&self) {
        let rest: Vec<(Arc<Series>, u64)> = {
            let topics = self.topics.lock();
            let lives = topics.values().map(|topic| &topic.live);
            lives.map(|live| (Arc::clone(live.series()), live.live_writer().take_stored())).collect()
        };
        for (series, rows) in rest.into_iter().filter(|(_, rows)| *rows > 0) {
            self.telemetry.emit(StreamCovered { series: &series, minutes: 0, rows });
            self.need(Need::Save { series }).await;
        }
    }

    /// Accepts everything of a handover, then says what it means.
    async fn take(&mut self, handover: Box<Handover>) -> Option<Box<Handover>> {
        let Some((handover, taken)) = self.acceptor.accept(&self.topics, handover).await else {
            tracing::error!("accepting live rows broke off; please report this");
            return None;
        };
        let (heard, at) = (handover.heard, (self.clock)());
        let took = handover.read_at.map_or(Duration::ZERO, |read| taken.at.saturating_duration_since(read));
        for (series, rows, topic) in &taken.accepted {
            let lag = heard.map(|heard| at.since(heard));
            self.states.heard(series, heard.unwrap_or(at), lag);
            self.telemetry.emit(StreamAccepted { series, rows: *rows, heard, lag, took, at });
            if let Some(rows) = handover.received.batch(*topic) {
                self.telemetry.emit(RowsOffered { series, rows, at });
            }
        }
        for (series, error) in &taken.failed {
            self.telemetry.emit(PublishFailed { series, reason: error.reason(), error: &**error });
        }
        for (series, reason, window) in &taken.holes {
            self.telemetry.emit(StreamHole { series, reason, window: *window });
        }
        for (series, window) in &taken.closed {
            self.telemetry.emit(StreamHoleClosed { series, window: *window });
        }
        for series in &taken.live {
            self.states.show(series, LiveState::Live, None);
        }
        for (series, minutes, rows) in &taken.covered {
            self.telemetry.emit(StreamCovered { series, minutes: *minutes, rows: *rows });
        }
        for (series, step) in &taken.steps {
            self.tell_step(series, *step);
        }
        self.tell_events(&handover).await;
        for need in taken.needs {
            self.need(need).await;
        }
        Some(handover)
    }

    /// Reports the events of a handover that need nothing accepted.
    async fn tell_events(&mut self, handover: &Handover) {
        let (exchange, line, counts) = (self.exchange, self.line.name, handover.received.counts);
        if let Some(bytes) = handover.waiting_bytes {
            self.waiting_updates.set(bytes);
        }
        self.telemetry.emit(StreamFrames {
            exchange,
            line,
            frames: counts.frames,
            repeated: counts.repeated,
            unasked: counts.unasked,
            unknown: counts.unknown,
        });
        self.telemetry.emit(BookResyncsFailed { exchange, count: counts.failed_resyncs });
        for event in &handover.received.events {
            match event {
                Event::Unreadable { why, excerpt } => {
                    self.telemetry.emit(StreamUnreadable { exchange, line, why, excerpt });
                }
                Event::Odd { topic, row } => {
                    if let Some(series) = self.series_of(*topic) {
                        self.telemetry.emit(StreamOdd { series: &series, row });
                    }
                }
                Event::Refused { topic, words } => {
                    let refused = self.topics.lock().remove(topic);
                    if let Some(refused) = refused {
                        let series = Arc::clone(refused.live.series());
                        self.need(Need::Refused { series, words: words.clone() }).await;
                    }
                }
                Event::Complaint { words } | Event::Notice { words } => {
                    tracing::warn!(exchange, line, words, "the exchange says");
                }
                Event::Trading { is_on, words } => {
                    tracing::info!(exchange, line, is_on, words, "the exchange's state of trading");
                }
                Event::Acknowledged { topic } => {
                    let at = (self.clock)();
                    let missing = self.topics.lock().get_mut(topic).and_then(|own| {
                        own.begins(at, Instant::now());
                        Some((Arc::clone(own.live.series()), own.live.closed_and_missing(at)?))
                    });
                    if let Some((series, until)) = missing {
                        self.need(Need::Refill { series, until }).await;
                    }
                }
                Event::BookWanted { .. } | Event::BookDeeper { .. } | Event::Audited { .. } => {
                    self.tell_of_book(event).await;
                }
                Event::Unanswered { .. }
                | Event::Hole(_)
                | Event::Closed { .. }
                | Event::InStep { .. }
                | Event::OutOfStep { .. }
                | Event::Broken { .. } => {}
            }
        }
    }

    /// Has quiet series checked, books by a comparison, and enters the time that books are out of step for long.
    async fn look(&mut self) {
        let (now, at) = (Instant::now(), (self.clock)());
        self.enter_out_of_step(now);
        let quiet: Vec<(Arc<Series>, bool)> = {
            let mut topics = self.topics.lock();
            let doubtful = topics.values_mut().filter_map(|topic| {
                let is_doubtful = !topic.live.is_out_of_step() && topic.is_doubtful(at, now);
                is_doubtful.then(|| (Arc::clone(topic.live.series()), topic.live.is_book()))
            });
            doubtful.collect()
        };
        for (series, is_book) in quiet {
            self.need(if is_book { Need::Audit { series } } else { Need::Check { series } }).await;
        }
    }

    /// Publishes whatever waits.
    async fn publish_all(&self) {
        let waiting: Vec<Arc<LiveWriter>> = {
            let topics = self.topics.lock();
            let all = topics.values().map(|topic| Arc::clone(topic.live.live_writer()));
            all.filter(|live| live.is_due(Duration::ZERO)).collect()
        };
        join_all(waiting.into_iter().map(|live| self.publisher.publish(live))).await;
    }

    pub(super) fn series_of(&self, topic: TopicId) -> Option<Arc<Series>> {
        self.topics.lock().get(&topic).map(|topic| Arc::clone(topic.live.series()))
    }

    pub(super) async fn need(&self, need: Need) {
        // Its owner has ended: nothing needs anything any more.
        let _ = self.needs.send(need).await;
    }
}
