//! Listens to one connection: accepts its rows, vouches for what they cover, and reports what is missing.

use std::error::Error;
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
use crate::jobs::stream::topics::{ListenedTopic, Topics};
use crate::model::{Micros, Series};
use crate::net::ws::{Ended, Handover, Inlet, Update};
use crate::telemetry::events::{
    Chain, PublishFailed, StreamAccepted, StreamConnected, StreamConnecting, StreamCovered, StreamEnded,
    StreamFailed, StreamFrames, StreamHole, StreamOdd, StreamUncovered, StreamUnreadable,
};
use crate::telemetry::{LiveState, Reason, Telemetry};
use crate::tracker::Fault;

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
    /// Since when the present connection is open.
    pub(crate) opened: Instant,
}

impl Listener {
    /// Listens until the connection has ended for good.
    pub(crate) async fn run(mut self, mut inlet: Inlet) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                update = inlet.next() => match update {
                    None => break,
                    Some(Update::Received(handover)) => {
                        if let Some(handover) = self.take(handover).await {
                            inlet.give_back(handover);
                        }
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
        for (series, rows) in &taken.accepted {
            let lag = heard.map(|heard| at.since(heard));
            self.states.heard(series, heard.unwrap_or(at), lag);
            self.telemetry.emit(StreamAccepted { series, rows: *rows, heard, lag, took, at });
        }
        for (series, error) in &taken.failed {
            self.telemetry.emit(PublishFailed { series, reason: error.reason(), error: &**error });
        }
        for (series, reason, window) in &taken.holes {
            self.telemetry.emit(StreamHole { series, reason, window: *window });
        }
        for series in &taken.live {
            self.states.show(series, LiveState::Live, None);
        }
        for (series, minutes, rows) in &taken.covered {
            self.telemetry.emit(StreamCovered { series, minutes: *minutes, rows: *rows });
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
        self.telemetry.emit(StreamFrames {
            exchange,
            line,
            frames: counts.frames,
            repeated: counts.repeated,
            unasked: counts.unasked,
            unknown: counts.unknown,
        });
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
                    let missing = self.topics.lock().get(topic).and_then(|own| {
                        Some((Arc::clone(own.live.series()), own.live.closed_and_missing(at)?))
                    });
                    if let Some((series, until)) = missing {
                        self.need(Need::Refill { series, until }).await;
                    }
                }
                Event::Unanswered { .. }
                | Event::Hole(_)
                | Event::BookWanted { .. }
                | Event::InStep { .. }
                | Event::OutOfStep { .. }
                | Event::Broken { .. } => {}
            }
        }
    }

    /// Follows the state of the connection.
    async fn note(&mut self, update: Update) {
        let (exchange, line) = (self.exchange, self.line.name);
        match update {
            Update::Connecting => {
                self.telemetry.emit(StreamConnecting { exchange, line });
                self.show(LiveState::Connecting, None);
            }
            Update::Connected => {
                self.opened = Instant::now();
                self.telemetry.emit(StreamConnected { exchange, line });
                let topics = self.topics.lock();
                topics.values().for_each(|topic| self.states.connected(topic.live.series()));
            }
            Update::Failed { error } => {
                self.telemetry.emit(StreamFailed { exchange, line, reason: error.name(), error: &error });
                self.end(|_| true, Some(&error)).await;
            }
            Update::Disconnected { why, .. } => {
                let (reason, lived) = (why.name(), self.opened.elapsed());
                self.telemetry.emit(StreamEnded { exchange, line, reason, error: &why, lived });
                let words = why.to_string();
                if !matches!(why, Ended::Stopped | Ended::GivenUp) {
                    self.show(LiveState::Connecting, Some(&words));
                    self.end(|topic| topic.is_linked, None).await;
                    self.end(|topic| !topic.is_linked, Some(&why)).await;
                }
                self.topics.lock().values_mut().for_each(|topic| topic.is_linked = false);
            }
            Update::Received(_) => {}
        }
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

    /// Has quiet series checked.
    async fn look(&mut self) {
        let now = Instant::now();
        let quiet: Vec<Arc<Series>> = {
            let mut topics = self.topics.lock();
            let quiet = topics
                .values_mut()
                .filter_map(|topic| topic.quiet.is_due(now).then(|| Arc::clone(topic.live.series())));
            quiet.collect()
        };
        for series in quiet {
            self.need(Need::Check { series }).await;
        }
    }

    /// Publishes whatever waits.
    async fn publish_all(&self) {
        let waiting: Vec<Arc<LiveWriter>> = {
            let topics = self.topics.lock();
            let all = topics.values().map(|topic| Arc::clone(topic.live.live_writer()));
            all.filter(|live| live.writer().wants_flush(Duration::ZERO)).collect()
        };
        join_all(waiting.into_iter().map(|live| self.publisher.publish(live))).await;
    }

    fn series_of(&self, topic: TopicId) -> Option<Arc<Series>> {
        self.topics.lock().get(&topic).map(|topic| Arc::clone(topic.live.series()))
    }

    async fn need(&self, need: Need) {
        // Its owner has ended: nothing needs anything any more.
        let _ = self.needs.send(need).await;
    }
}
