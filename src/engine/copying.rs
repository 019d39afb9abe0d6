//! Requests about the copies (sync, purge, restore) with progress on a feed, with or without a daemon.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{CopyAsked, CopyUpdate, NotCopied, RemoteSynced, RestoredFiles};
use crate::engine::{Engine, ProgressFeed};
use crate::jobs::{tell_finding, tell_flush};
use crate::model::{NoMatch, Series, matches_selector};
use crate::remote::{Pending, Remote, RemoteError, Restoring, Synced, free_bytes};
use crate::telemetry::events::Chain;

/// How often the progress of a sync is reported.
const TELL: Duration = Duration::from_secs(1);

impl Engine {
    /// Serves a request about the copies. Returns the series to restore: each becomes work of its own, so that
    /// nothing else works on it meanwhile.
    #[doc(hidden)]
    pub async fn copy(
        self: &Arc<Self>,
        asked: &CopyAsked,
        feed: &ProgressFeed,
        stop: &CancellationToken,
    ) -> Vec<Arc<Series>> {
        match asked {
            CopyAsked::Sync {} => self.sync_all(feed, stop).await,
            CopyAsked::Purge { wanted_bytes, dry_run } => {
                self.purge(*wanted_bytes, *dry_run, feed, stop).await;
            }
            CopyAsked::Restore { series } => return self.on_remotes(series, feed, stop).await,
        }
        Vec::new()
    }

    /// Syncs all remotes side by side.
    async fn sync_all(self: &Arc<Self>, feed: &ProgressFeed, stop: &CancellationToken) {
        let mut syncing = JoinSet::new();
        for remote in self.copies().remotes() {
            let (copies, remote, stop) = (self.copies().clone(), Arc::clone(remote), stop.clone());
            syncing.spawn(async move {
                let synced = copies.sync(&remote, true, &stop).await;
                synced.map(|synced| told(remote.name(), &synced))
            });
        }
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + TELL, TELL);
        let mut done = BTreeSet::new();
        loop {
            tokio::select! {
                ended = syncing.join_next() => match ended {
                    None => return,
                    Some(Ok(Some(synced))) => {
                        done.insert(synced.remote.clone());
                        feed.copied(CopyUpdate::Synced(synced));
                    }
                    Some(Ok(None)) => {}
                    Some(Err(error)) => tracing::error!(%error, "a sync broke off; please report this"),
                },
                _ = ticks.tick() => {
                    let waiting = self.copies().remotes().iter().map(|remote| remote.name());
                    for remote in waiting.filter(|name| !done.contains(*name)) {
                        let Pending { files, bytes } = self.copies().pending(remote);
                        feed.copied(CopyUpdate::Pending { remote: remote.to_owned(), files, bytes });
                    }
                }
            }
        }
    }

    /// Drops files until there is enough space, or lists what would be dropped. Once stopped, it only reports
    /// what was dropped.
    async fn purge(&self, wanted_bytes: u64, dry_run: bool, feed: &ProgressFeed, stop: &CancellationToken) {
        for file in self.copies().purge(wanted_bytes, dry_run, stop).await {
            feed.copied(CopyUpdate::Dropped {
                series: file.series.to_string(),
                period: file.period,
                bytes: file.bytes,
                remote: file.remote,
            });
        }
        if stop.is_cancelled() {
            return;
        }
        feed.copied(CopyUpdate::Purged { free_bytes: free_bytes(self.layout().root()).unwrap_or(0) });
    }

    /// The series on the remotes that match the selectors; reports selectors without a match.
    async fn on_remotes(
        &self,
        asked: &[String],
        feed: &ProgressFeed,
        stop: &CancellationToken,
    ) -> Vec<Arc<Series>> {
        let mut held: BTreeSet<Series> = BTreeSet::new();
        for remote in self.copies().remotes() {
            let restoring = self.restoring(remote);
            let listed = tokio::select! {
                listed = restoring.series() => listed,
                () = stop.cancelled() => return Vec::new(),
            };
            match listed {
                Ok(listed) => held.extend(listed),
                Err(error) => feed.copied(CopyUpdate::NotListed { error: Chain(&error).to_string() }),
            }
        }
        let is_meant = |series: &Series, asked: &String| matches_selector(asked, series);
        for asked in asked.iter().filter(|asked| !held.iter().any(|series| is_meant(series, asked))) {
            let nearest = NoMatch::among(asked, &held).nearest;
            feed.copied(CopyUpdate::NotHeld { asked: asked.clone(), nearest });
        }
        held.retain(|series| asked.is_empty() || asked.iter().any(|asked| is_meant(series, asked)));
        held.into_iter().map(Arc::new).collect()
    }

    /// Restores a series from every remote in turn; each adds what those before it lacked. Returns what was
    /// restored, and the errors.
    pub(crate) async fn restore_from_remotes(
        &self,
        series: &Series,
        stop: &CancellationToken,
    ) -> (Vec<RestoredFiles>, Vec<String>) {
        let (mut restored, mut failures) = (Vec::new(), Vec::new());
        for remote in self.copies().remotes() {
            let (began, restoring) = (Instant::now(), self.restoring(remote));
            let result = tokio::select! {
                result = restoring.restore(series) => result,
                () = stop.cancelled() => {
                    failures.push(format!("{series}: stopped"));
                    break;
                }
            };
            match result {
                Ok(None) => {}
                Ok(Some(found)) => {
                    found.findings.iter().for_each(|finding| tell_finding(self.telemetry(), series, finding));
                    tell_flush(self.telemetry(), series, &found.flushed, began.elapsed());
                    let (files, bytes, rows) = (found.files, found.bytes, found.rows);
                    restored.push(RestoredFiles { remote: remote.name().to_owned(), files, bytes, rows });
                }
                Err(error) => failures.push(format!("{series}: {}", Chain(&error))),
            }
        }
        (restored, failures)
    }

    fn restoring(&self, remote: &Arc<dyn Remote>) -> Restoring {
        Restoring {
            store: self.store().clone(),
            layout: self.layout().clone(),
            telemetry: self.telemetry().clone(),
            remote: Arc::clone(remote),
        }
    }
}

fn told(remote: &str, synced: &Synced) -> RemoteSynced {
    let failure = |series: String, error: &RemoteError| NotCopied {
        series,
        reason: error.reason().name().to_owned(),
        error: Chain(error).to_string(),
    };
    let of_series = synced.failures.iter().map(|(series, error)| failure(series.to_string(), error));
    let failures = of_series.chain(synced.unanswered.iter().map(|error| failure(String::new(), error)));
    RemoteSynced {
        remote: remote.to_owned(),
        files: synced.files,
        bytes: synced.bytes,
        pending_files: synced.pending_files,
        pending_bytes: synced.pending_bytes,
        failures: failures.collect(),
    }
}
