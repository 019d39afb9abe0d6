//! Accepts what connections hand over: one thread for all of them, one write of the journal for everything that waits.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::exchange::live::TopicId;
use crate::jobs::stream::live_writer::LiveWriter;
use crate::jobs::stream::taken::{Fate, Taken};
use crate::jobs::stream::topics::Topics;
use crate::jobs::stream::waiting_rows::WaitingRows;
use crate::net::ws::Handover;
use crate::store::{LiveRows, Mark, Store, StoreError};

/// How many handovers may wait; a connection has one at a time.
const WAITING: usize = 64;
/// The most handovers that are accepted with one write.
const AT_ONCE: usize = 32;
/// How long rows wait for room. Then they are shed, and all that follow, until there is some.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hands over to the accepting thread, which ends once every clone of this is dropped.
#[derive(Clone)]
pub(crate) struct Acceptor(mpsc::Sender<Work>);

/// A handover to be accepted.
struct Work {
    topics: Topics,
    handover: Box<Handover>,
    done: oneshot::Sender<(Box<Handover>, Taken)>,
}

impl Acceptor {
    /// An acceptor for a store, and the work of its thread.
    pub(crate) fn new(store: Store, waiting: WaitingRows) -> (Self, impl FnOnce() + Send + 'static) {
        Acceptor::with_patience(store, waiting, PATIENCE)
    }

    fn with_patience(
        store: Store,
        waiting: WaitingRows,
        patience: Duration,
    ) -> (Self, impl FnOnce() + Send + 'static) {
        let (sender, work) = mpsc::channel(WAITING);
        let accepting = Accepting { store, waiting, patience, is_shedding: false, pages: Vec::new() };
        (Acceptor(sender), move || accepting.run(work))
    }

    /// Accepts everything of a handover; returns it with what that means. Returns `None` where accepting broke off.
    pub(crate) async fn accept(
        &self,
        topics: &Topics,
        handover: Box<Handover>,
    ) -> Option<(Box<Handover>, Taken)> {
        let (done, taken) = oneshot::channel();
        self.0.send(Work { topics: topics.clone(), handover, done }).await.ok()?;
        taken.await.ok()
    }
}

/// The accepting thread.
struct Accepting {
    store: Store,
    waiting: WaitingRows,
    patience: Duration,
    /// Rows have waited for room in vain, and there is none yet.
    is_shedding: bool,
    /// The rows of the round under way.
    pages: Vec<Page>,
}

impl Accepting {
    fn run(mut self, mut work: mpsc::Receiver<Work>) {
        let mut round = Vec::with_capacity(AT_ONCE);
        while let Some(first) = work.blocking_recv() {
            round.push(first);
            while round.len() < AT_ONCE
                && let Ok(next) = work.try_recv()
            {
                round.push(next);
            }
            // A fault in one round is that of its handovers alone.
            if catch_unwind(AssertUnwindSafe(|| self.accept(&mut round))).is_err() {
                round.clear();
                self.pages.clear();
            }
        }
    }

    /// Accepts the rows of several handovers with one write, then what else they say, each by itself.
    fn accept(&mut self, round: &mut Vec<Work>) {
        let patience = if self.is_shedding { Duration::ZERO } else { self.patience };
        self.is_shedding = !self.waiting.wait_for_room(patience);
        find_pages(round, &mut self.pages);
        let pages = &self.pages;
        let accepted = if self.is_shedding { Accepted::Shed } else { accept_rows(&self.store, round, pages) };
        pages.iter().for_each(|page| self.waiting.accepted(&page.writer));
        let mut done = 0;
        for (at, work) in round.drain(..).enumerate() {
            let own = done..pages.partition_point(|page| page.work <= at);
            done = own.end;
            let rows = own.map(|number| (pages[number].topic, accepted.fate(number)));
            let taken = Taken::of(&work.topics, &work.handover, rows);
            // Its listener may have ended.
            let _ = work.done.send((work.handover, taken));
        }
        self.pages.clear();
    }
}

fn accept_rows(store: &Store, round: &[Work], pages: &[Page]) -> Accepted {
    let live_rows = pages.iter().filter_map(|page| {
        let rows = Cow::Borrowed(round[page.work].handover.received.batch(page.topic)?);
        Some(LiveRows { writer: page.writer.writer(), rows, covered: None })
    });
    match store.accept_live(live_rows.collect()) {
        Ok(marks) => Accepted::All(marks),
        Err(error) => Accepted::None(Arc::new(error)),
    }
}

/// Rows of a topic in a handover of the round.
struct Page {
    work: usize,
    topic: TopicId,
    writer: Arc<LiveWriter>,
}

/// Finds the rows of a round that anyone listens to.
fn find_pages(round: &[Work], pages: &mut Vec<Page>) {
    for (work, Work { topics, handover, .. }) in round.iter().enumerate() {
        let topics = topics.lock();
        for (topic, _) in handover.received.batches() {
            let own = topics.get(&topic).filter(|own| own.live.takes_rows());
            let own = own.map(|own| Arc::clone(own.live.live_writer()));
            pages.extend(own.map(|writer| Page { work, topic, writer }));
        }
    }
}

/// The fate of the rows of a round.
enum Accepted {
    /// All of them are in the journal, each where its mark says.
    All(Vec<Option<Mark>>),
    None(Arc<StoreError>),
    Shed,
}

impl Accepted {
    fn fate(&self, page: usize) -> Fate {
        match self {
            Accepted::All(marks) => Fate::Accepted(marks.get(page).copied().flatten()),
            Accepted::None(error) => Fate::Refused(Arc::clone(error)),
            Accepted::Shed => Fate::Shed,
        }
    }
}

#[cfg(test)]
#[path = "acceptor_tests.rs"]
mod tests;
