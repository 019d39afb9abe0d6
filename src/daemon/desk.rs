//! Where people ask a running daemon for copies: one thing at a time, taken back by its number.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::daemon::{Control, Refusal};
use crate::engine::{CopyAsked, ProgressFeed, Work};

/// Requests that may wait.
const WAITING: usize = 16;
/// The numbers of requests begin here, beyond those of the scheduler's.
const FIRST: u64 = 1 << 40;

/// How long a request that is stopped has to tell what was done of it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What was asked for and is not done.
pub(super) struct Desk {
    asked: mpsc::Sender<Request>,
    inbox: Mutex<Option<mpsc::Receiver<Request>>>,
    last: AtomicU64,
    open: Mutex<HashMap<u64, CancellationToken>>,
}

struct Request {
    id: u64,
    asked: CopyAsked,
    feed: Arc<ProgressFeed>,
    stop: CancellationToken,
}

impl Default for Desk {
    fn default() -> Self {
        let (asked, inbox) = mpsc::channel(WAITING);
        let last = AtomicU64::new(FIRST);
        Desk { asked, inbox: Mutex::new(Some(inbox)), last, open: Mutex::default() }
    }
}

impl Desk {
    /// Takes a request back; gives whether there was one of that number.
    pub(super) fn cancel(&self, id: u64) -> bool {
        self.open().get(&id).inspect(|stop| stop.cancel()).is_some()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, CancellationToken>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    /// Takes a request about the copies in. It goes on whether or not anybody follows it.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing of it is done then.
    pub async fn copies(&self, asked: CopyAsked) -> Result<(u64, Arc<ProgressFeed>), Refusal> {
        if self.engine().copies().remotes().is_empty() {
            return Err(Refusal::NoRemote);
        }
        let id = self.desk().last.fetch_add(1, Ordering::Relaxed);
        let (feed, stop) = (Arc::new(ProgressFeed::default()), CancellationToken::new());
        self.desk().open().insert(id, stop.clone());
        let request = Request { id, asked, feed: Arc::clone(&feed), stop };
        if self.desk().asked.try_send(request).is_err() {
            self.desk().open().remove(&id);
            return Err(Refusal::TooMuch);
        }
        Ok((id, feed))
    }

    /// Does what is asked of the copies, until `stop`.
    pub async fn serve_copies(self, stop: CancellationToken) {
        let inbox = self.desk().inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut inbox) = inbox else { return };
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => break,
                request = inbox.recv() => request,
            };
            let Some(request) = request else { break };
            let mut serving = pin!(self.serve(&request));
            tokio::select! {
                () = stop.cancelled() => {
                    request.stop.cancel();
                    // What was done by then is still told; where that takes longer, the rest of it is not.
                    let _ = tokio::time::timeout(LAST_WORDS, &mut serving).await;
                    request.feed.cut_short();
                }
                () = &mut serving => request.feed.close(),
            }
            self.desk().open().remove(&request.id);
        }
        inbox.close();
        while let Some(request) = inbox.recv().await {
            request.feed.cut_short();
        }
    }

    async fn serve(&self, Request { asked, feed, stop, .. }: &Request) {
        let engine = self.engine();
        match asked {
            CopyAsked::Sync {} => engine.sync_all(feed, stop).await,
            CopyAsked::Purge { wanted_bytes, dry_run } => {
                engine.purge(*wanted_bytes, *dry_run, feed, stop).await;
            }
            CopyAsked::Restore { series } => self.restore(series, feed, stop).await,
        }
    }

    /// Each series by the scheduler, so that nobody else works on it meanwhile.
    async fn restore(&self, asked: &[String], feed: &ProgressFeed, stop: &CancellationToken) {
        let held = self.engine().on_remotes(asked, feed, stop).await;
        let works: Vec<Work> = held.into_iter().map(Work::restore).collect();
        if works.is_empty() || stop.is_cancelled() {
            return;
        }
        let (id, told) = match self.work(works, 1).await {
            Ok(taken) => taken,
            Err(refusal) => {
                return feed.copied(crate::engine::CopyUpdate::NotListed { error: refusal.to_string() });
            }
        };
        loop {
            tokio::select! {
                next = told.next() => match next {
                    Some(told) => told.into_iter().for_each(|told| feed.repeat(told)),
                    None => return,
                },
                () = stop.cancelled() => {
                    // What runs ends by itself; it is told no more.
                    let _ = self.cancel(id).await;
                    return;
                }
            }
        }
    }
}
