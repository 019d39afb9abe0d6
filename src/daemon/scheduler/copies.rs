//! Requests about the copies, served one at a time beside the runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::timeout;

use super::Scheduler;
use crate::daemon::Refusal;
use crate::daemon::requests::NextCopies;
use crate::engine::{CopyUpdate, Engine, Work};

/// How long a stopped request has to report what it did.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Scheduler {
    pub(super) fn start_copies(&mut self) {
        if let Some(next) = self.requests.next_copies() {
            self.copying.spawn(serve(Arc::clone(&self.engine), next));
        }
    }

    /// Enqueues the restores that remain of a request as work on series.
    pub(super) fn copies_served(&mut self, served: Result<Vec<Work>, JoinError>) {
        let works = served.unwrap_or_else(|error| {
            tracing::error!(%error, "work on the copies broke off; please report this");
            Vec::new()
        });
        self.requests.copies_served(works);
        self.requests.tidy();
    }

    /// Waits briefly for the request in progress to report what it did before the stop.
    pub(super) async fn leave_copies(&mut self) {
        let _ = timeout(LAST_WORDS, self.copying.join_next()).await;
        self.copying.shutdown().await;
    }
}

async fn serve(engine: Arc<Engine>, next: NextCopies) -> Vec<Work> {
    let NextCopies { asked, config, feed, stop } = next;
    let held = engine.copy(&asked, &feed, &stop).await;
    if stop.is_cancelled() {
        return Vec::new();
    }
    if let Err(error) = engine.register(&config, &held).await {
        feed.copied(CopyUpdate::NotListed { error: Refusal::from(error).to_string() });
        return Vec::new();
    }
    held.into_iter().map(Work::restore).collect()
}
