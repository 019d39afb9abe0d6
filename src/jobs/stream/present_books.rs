//! The present book of a live series, asked of the connection that follows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::exchange::live::TopicId;
use crate::model::Series;
use crate::net::ws::{Command, ShownBook};

/// How long a connection may take to show a book.
const WITHIN: Duration = Duration::from_secs(2);

/// Where the books are followed that are listened to, and which are to be. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct PresentBooks {
    followers: Arc<Mutex<BTreeMap<Arc<Series>, Follower>>>,
    /// The books that are to be listened to, now or with the next start.
    wanted: Arc<Mutex<BTreeSet<Arc<Series>>>>,
}

#[derive(Clone)]
struct Follower {
    /// Does not keep the connection.
    commands: mpsc::WeakSender<Command>,
    topic: TopicId,
}

/// How a book stands that is listened to.
#[derive(Debug, PartialEq)]
pub(crate) enum Present {
    /// It is in step.
    InStep(ShownBook),
    /// It is not.
    OutOfStep,
    /// Its connection is too busy to say.
    NoAnswer,
}

impl PresentBooks {
    /// These books are to be listened to, and no others.
    pub(crate) fn want(&self, books: impl Iterator<Item = Arc<Series>>) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = books.collect();
    }

    /// Whether a book is to be listened to: a snapshot from elsewhere would stand between its updates.
    pub(crate) fn is_wanted(&self, series: &Series) -> bool {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).contains(series)
    }

    /// A connection follows a book from now on.
    pub(crate) fn follow(&self, series: &Arc<Series>, commands: &mpsc::Sender<Command>, topic: TopicId) {
        let commands = commands.downgrade();
        self.all().insert(Arc::clone(series), Follower { commands, topic });
    }

    /// A connection follows a book no more, unless another does already.
    pub(crate) fn leave(&self, series: &Series, topic: TopicId) {
        let mut all = self.all();
        if all.get(series).is_some_and(|own| own.topic == topic) {
            all.remove(series);
        }
    }

    /// The books that are listened to.
    pub(crate) fn series(&self) -> Vec<Arc<Series>> {
        self.all().keys().cloned().collect()
    }

    /// The best levels of a book; `None` if it is not listened to.
    pub(crate) async fn of(&self, series: &Series, levels: usize) -> Option<Present> {
        let Follower { commands, topic } = self.all().get(series)?.clone();
        let (to, mut answer) = mpsc::channel(1);
        let commands = commands.upgrade()?;
        if commands.try_send(Command::ShowBook { topic, levels, to }).is_err() {
            return Some(Present::NoAnswer);
        }
        Some(match tokio::time::timeout(WITHIN, answer.recv()).await {
            Ok(Some(Some(book))) => Present::InStep(book),
            // A connection that is not open has no book.
            Ok(Some(None) | None) => Present::OutOfStep,
            Err(_) => Present::NoAnswer,
        })
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Arc<Series>, Follower>> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
