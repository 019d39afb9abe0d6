//! Listens to one connection: accepts its rows, vouches for what they cover, and reports what is missing.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::exchange::live::{Event, Hole, Line, TopicId};
use crate::jobs::stream::{LiveSeries, Quiet};
use crate::jobs::tell_flush;
use crate::model::{Micros, Series, Window};
use crate::net::ws::{Ended, Handover, Inlet, Update};
use crate::store::{StoreError, Writer};
use crate::telemetry::events::{
    Chain, PublishFailed, StreamAccepted, StreamConnected, StreamConnecting, StreamCovered, StreamEnded,
    StreamFailed, StreamFrames, StreamHole, StreamOdd, StreamState, StreamUncovered, StreamUnreadable,
};
use crate::telemetry::{LiveState, Reason, Telemetry};

/// How often a connection's series are looked at: whether to publish them, and whether they are quiet for too long.
const LOOK: Duration = Duration::from_millis(250);
/// The stretch of coverage that counts as one success.
const SUCCESS: Duration = Duration::from_secs(60);

/// A request of a listener to its owner.
#[derive(Debug)]
pub(crate) enum Need {
    /// Rows of a series before an instant are missing.
    Refill { series: Arc<Series>, until: Micros },
    /// A topic has been quiet for longer than its rhythm explains; whether the exchange has newer rows is to be asked.
    Check { series: Arc<Series> },
    /// The health of a series changed and is to be saved.
    Save { series: Arc<Series> },
    /// The exchange will not send a series.
    Refused { series: Arc<Series>, words: String },
}

/// A topic of a connection.
pub(crate) struct ListenedTopic {
    pub(crate) live: LiveSeries,
    pub(crate) quiet: Quiet,
    /// Whether the present connection has covered anything of it.
    is_linked: bool,
    /// Where the last success ended.
    counted: Option<Micros>,
    /// Rows stored since the last success.
    stored: u64,
}

impl ListenedTopic {
    pub(crate) fn new(live: LiveSeries) -> Self {
        ListenedTopic { live, quiet: Quiet::new(Instant::now()), is_linked: false, counted: None, stored: 0 }
    }

    /// Has whatever is missing fetched once it is covered again.
    pub(crate) fn unlink(&mut self) {
        self.is_linked = false;
    }
}

/// The topics of a connection, shared with its owner.
#[derive(Clone, Default)]
pub(crate) struct Topics(Arc<Mutex<BTreeMap<TopicId, ListenedTopic>>>);

impl Topics {
    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<TopicId, ListenedTopic>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes what one connection hands over.
pub(crate) struct Listener {
    pub(crate) exchange: &'static str,
    pub(crate) line: &'static Line,
    pub(crate) topics: Topics,
    pub(crate) telemetry: Telemetry,
    pub(crate) needs: mpsc::Sender<Need>,
    /// The exchange's clock.
    pub(crate) clock: Arc<dyn Fn() -> Micros + Send + Sync>,
    /// How long accepted rows may wait to be published.
    pub(crate) flush_interval: Duration,
    /// Since when the present connection is open.
    pub(crate) opened: Instant,
}

/// The result of accepting a handover.
#[derive(Default)]
struct Taken {
    accepted: Vec<(Arc<Series>, u64)>,
    needs: Vec<Need>,
    /// Each with the minutes and the new rows stored.
    covered: Vec<(Arc<Series>, u64, u64)>,
    holes: Vec<(Arc<Series>, &'static str, Window)>,
    failed: Vec<(Arc<Series>, StoreError)>,
    live: Vec<Arc<Series>>,
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
        self.publish(Duration::ZERO).await;
        self.count_rest().await;
    }

    /// Counts rows that were published since the last minute covered.
    async fn count_rest(&self) {
        let rest: Vec<(Arc<Series>, u64)> = {
            let mut topics = self.topics.lock();
            let rest = topics.values_mut().filter(|topic| topic.stored > 0);
            rest.map(|topic| (Arc::clone(topic.live.series()), std::mem::take(&mut topic.stored))).collect()
        };
        for (series, rows) in rest {
            self.telemetry.emit(StreamCovered { series: &series, minutes: 0, rows });
            self.need(Need::Save { series }).await;
        }
    }

    /// Accepts everything of a handover, then says what it means.
    async fn take(&mut self, handover: Box<Handover>) -> Option<Box<Handover>> {
        let (began, topics) = (Instant::now(), self.topics.clone());
        let accepting = tokio::task::spawn_blocking(move || {
            let taken = accept(&topics, &handover);
            (handover, taken)
        });
        let (handover, taken) = match accepting.await {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(%error, "accepting live rows broke off; please report this");
                return None;
            }
        };
        let (took, at) = (began.elapsed(), (self.clock)());
        let heard = handover.heard;
        for (series, rows) in &taken.accepted {
            let lag = heard.map(|heard| at.since(heard));
            self.telemetry.emit(StreamAccepted { series, rows: *rows, heard, lag, took, at });
        }
        for (series, error) in &taken.failed {
            self.telemetry.emit(PublishFailed { series, reason: error.reason(), error });
        }
        for (series, reason, window) in &taken.holes {
            self.telemetry.emit(StreamHole { series, reason, window: *window });
        }
        for series in &taken.live {
            self.telemetry.emit(StreamState { series, state: LiveState::Live });
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
                Event::Acknowledged { .. }
                | Event::Unanswered { .. }
                | Event::Hole(_)
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
                self.show(LiveState::Connecting);
            }
            Update::Connected => {
                self.opened = Instant::now();
                self.telemetry.emit(StreamConnected { exchange, line });
            }
            Update::Failed { error } => {
                self.telemetry.emit(StreamFailed { exchange, line, reason: error.name(), error: &error });
                let words = Chain(&error).to_string();
                self.fail(|_| true, Reason::Connect, &words).await;
            }
            Update::Disconnected { why, .. } => {
                let (reason, lived) = (why.name(), self.opened.elapsed());
                self.telemetry.emit(StreamEnded { exchange, line, reason, error: &why, lived });
                self.show(LiveState::Connecting);
                if !matches!(why, Ended::Stopped | Ended::GivenUp) {
                    self.fail(|topic| !topic.is_linked, Reason::Connect, &why).await;
                }
                self.topics.lock().values_mut().for_each(|topic| topic.is_linked = false);
            }
            Update::Received(_) => {}
        }
    }

    /// Shows one state for all series of the connection.
    fn show(&self, state: LiveState) {
        for topic in self.topics.lock().values() {
            self.telemetry.emit(StreamState { series: topic.live.series(), state });
        }
    }

    /// Counts a failure for the series that `is_failed` picks.
    async fn fail(
        &self,
        is_failed: impl Fn(&ListenedTopic) -> bool,
        reason: Reason,
        error: &(dyn Display + Sync),
    ) {
        let failed: Vec<Arc<Series>> = {
            let topics = self.topics.lock();
            let failed = topics.values().filter(|topic| is_failed(topic));
            failed.map(|topic| Arc::clone(topic.live.series())).collect()
        };
        for series in failed {
            self.telemetry.emit(StreamUncovered { series: &series, reason, error });
            self.need(Need::Save { series }).await;
        }
    }

    /// Publishes series whose rows waited long enough, and has quiet ones checked.
    async fn look(&mut self) {
        self.publish(self.flush_interval).await;
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

    async fn publish(&self, longest: Duration) {
        let due: Vec<(TopicId, Writer)> = {
            let topics = self.topics.lock();
            let due = topics.iter().filter(|(_, topic)| topic.live.writer().wants_flush(longest));
            due.map(|(id, topic)| (*id, topic.live.writer().clone())).collect()
        };
        if due.is_empty() {
            return;
        }
        let (topics, telemetry) = (self.topics.clone(), self.telemetry.clone());
        let publishing = tokio::task::spawn_blocking(move || {
            for (id, writer) in due {
                let (began, series) = (Instant::now(), writer.series());
                match writer.flush() {
                    Ok(flushed) => {
                        tell_flush(&telemetry, series, &flushed, began.elapsed());
                        if let Some(topic) = topics.lock().get_mut(&id) {
                            topic.stored += flushed.tally.added;
                        }
                    }
                    Err(error) => {
                        telemetry.emit(PublishFailed { series, reason: error.reason(), error: &error })
                    }
                }
            }
        });
        if let Err(error) = publishing.await {
            tracing::error!(%error, "publishing live rows broke off; please report this");
        }
    }

    fn series_of(&self, topic: TopicId) -> Option<Arc<Series>> {
        self.topics.lock().get(&topic).map(|topic| Arc::clone(topic.live.series()))
    }

    async fn need(&self, need: Need) {
        // Its owner has ended: nothing needs anything any more.
        let _ = self.needs.send(need).await;
    }
}

/// Accepts the rows, then leaves out the holes, then vouches: the order in which a session means them.
fn accept(topics: &Topics, handover: &Handover) -> Taken {
    let (mut topics, mut taken, now) = (topics.lock(), Taken::default(), Instant::now());
    for (id, rows) in handover.received.batches() {
        let Some(topic) = topics.get_mut(&id) else { continue };
        topic.quiet.heard(now);
        match topic.live.accept(rows) {
            Ok(count) => taken.accepted.push((Arc::clone(topic.live.series()), count)),
            Err(error) => {
                let series = Arc::clone(topic.live.series());
                if let Some(window) = topic.live.drop_rows(rows) {
                    taken.holes.push((Arc::clone(&series), "shed", window));
                    taken.needs.push(Need::Refill { series: Arc::clone(&series), until: window.until });
                }
                taken.failed.push((series, error));
            }
        }
    }
    for event in &handover.received.events {
        let Event::Hole(Hole { topic, window, reason, .. }) = event else { continue };
        let Some(topic) = topics.get_mut(topic) else { continue };
        topic.live.miss(*window);
        let series = Arc::clone(topic.live.series());
        taken.holes.push((Arc::clone(&series), reason.name(), *window));
        taken.needs.push(Need::Refill { series, until: window.until });
    }
    for (id, window) in &handover.covered {
        if let Some(topic) = topics.get_mut(id) {
            vouch(topic, *window, &mut taken);
        }
    }
    taken
}

fn vouch(topic: &mut ListenedTopic, window: Window, taken: &mut Taken) {
    let series = Arc::clone(topic.live.series());
    match topic.live.vouch(window) {
        Ok(new) if new.is_empty() => {}
        Ok(_) => {
            if !topic.is_linked {
                topic.is_linked = true;
                taken.live.push(Arc::clone(&series));
                if topic.live.is_missing_before(window.from) {
                    taken.needs.push(Need::Refill { series: Arc::clone(&series), until: window.from });
                }
            }
            let counted = *topic.counted.get_or_insert(window.from);
            let covered = topic.live.proven().map_or(Duration::ZERO, |proven| proven.since(counted));
            let minutes = covered.as_secs() / SUCCESS.as_secs();
            if minutes > 0 {
                topic.counted = topic.live.proven();
                taken.covered.push((Arc::clone(&series), minutes, std::mem::take(&mut topic.stored)));
                taken.needs.push(Need::Save { series });
            }
        }
        Err(error) => taken.failed.push((series, error)),
    }
}
