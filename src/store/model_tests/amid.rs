//! Other writers amid a publish: they accept pages of any series, make the journal durable, publish another series.
//!
//! It happens between two operations of the disk, on the one thread there is: were the gate of a series held while a file
//! is worked on, the test would stand still.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Dice;
use super::guard::Guard;
use super::oracle::GivenPage;
use super::session::{Session, Word};
use super::track::{Rows, Track};
use crate::model::{Batch, Kind, Series, Window};
use crate::store::{Accepted, Store};

/// One thing done amid a publish.
enum Action {
    Accept(Page),
    /// A session vouches for what it heard before.
    Vouch(usize, Word),
    Sync,
    Publish(usize),
}

/// A page of a series, drawn beforehand.
struct Page {
    track: usize,
    rows: Rows,
    batch: Batch,
    covered: Option<Window>,
}

/// The outcome of one of them.
pub(super) enum Done {
    /// A page was accepted, or refused.
    Answered(usize, GivenPage),
    /// Everything accepted so far is durable, or the journal refused.
    Synced(bool),
    /// Everything accepted of a series so far is published.
    Published(usize),
}

/// The outcomes, in their order.
pub(super) type Log = Arc<Mutex<Vec<Done>>>;

/// Actions with the number of operations before each.
pub(super) struct Interference {
    store: Store,
    series: Vec<Series>,
    sync_each: bool,
    without: Option<Guard>,
    actions: VecDeque<(u64, Action)>,
    log: Log,
}

impl Interference {
    /// Draws some, of which none publishes the series that is `busy`.
    pub(super) fn draw(
        dice: &mut Dice,
        store: &Store,
        (tracks, sessions): (&mut [Track], &mut [Session]),
        busy: usize,
        sync_each: bool,
        without: Option<Guard>,
    ) -> Self {
        let mut actions = VecDeque::new();
        for _ in 0..1 + dice.below(4) {
            let track = if dice.below(2) == 0 { busy } else { dice.below(tracks.len() as u64) as usize };
            let action = match dice.below(8) {
                0 => Action::Sync,
                1 if track != busy => Action::Publish(track),
                2 | 3 if let Some(word) = sessions[track].word(&tracks[track]) => Action::Vouch(track, word),
                _ => {
                    let (rows, covered) = tracks[track].page(dice, 0);
                    Action::Accept(Page { track, batch: tracks[track].batch(&rows), rows, covered })
                }
            };
            actions.push_back((dice.below(12), action));
        }
        let series = tracks.iter().map(|track| track.series.clone()).collect();
        Interference { store: store.clone(), series, sync_each, without, actions, log: Log::default() }
    }

    pub(super) fn log(&self) -> Log {
        Arc::clone(&self.log)
    }

    /// After how many operations the next is to be done.
    pub(super) fn next_after(&self) -> Option<u64> {
        self.actions.front().map(|(after, _)| *after)
    }

    /// Does the next one; says after how many operations the one after it is to be done.
    pub(super) fn act(&mut self) -> Option<u64> {
        let done = match self.actions.pop_front()?.1 {
            Action::Accept(page) => self.accept(page),
            Action::Vouch(track, word) => self.vouch(track, word),
            Action::Sync => Some(Done::Synced(self.store.sync().is_ok())),
            Action::Publish(track) => self.publish(track),
        };
        self.log.lock().unwrap_or_else(PoisonError::into_inner).extend(done);
        self.next_after()
    }

    fn accept(&self, page: Page) -> Option<Done> {
        let (writer, _) = self.store.writer(&self.series[page.track]).ok()?;
        let Page { track, rows, batch, covered } = page;
        // Updates are numbered when they are accepted.
        let rows: Rows = match batch.kind() {
            Kind::OrderBook => rows.into_keys().zip(writer.next_ord() as u64..).collect(),
            _ => rows,
        };
        let is_book = batch.kind() == Kind::OrderBook;
        let page = Accepted { rows: batch, covered, empty: None, derived: false };
        let accepted = if is_book { writer.accept_updates(page) } else { writer.accept(page) }.is_ok();
        let durable = accepted && self.sync_each;
        Some(Done::Answered(track, GivenPage { rows, covered, durable, accepted }))
    }

    fn vouch(&self, track: usize, word: Word) -> Option<Done> {
        let (writer, _) = self.store.writer(&self.series[track]).ok()?;
        let accepted = word.give(&writer, self.without);
        let (rows, covered, durable) = (word.rows, Some(word.window), accepted && self.sync_each);
        Some(Done::Answered(track, GivenPage { rows, covered, durable, accepted }))
    }

    fn publish(&self, track: usize) -> Option<Done> {
        let (writer, _) = self.store.writer(&self.series[track]).ok()?;
        writer.flush().ok().map(|_| Done::Published(track))
    }
}
