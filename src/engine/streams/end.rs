//! How all streams end: what was received is accepted and published, and tasks are given back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::engine::streams::Streams;
use crate::engine::streams::attempts::{Recorded, settle};
use crate::engine::streams::entry::{EntryState, NotAdmitted};
use crate::jobs::stream::Need;
use crate::model::Series;
use crate::tracker::Verdict;

/// How long admissions may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

impl Streams {
    pub(super) async fn end(mut self) {
        self.listings.end().await;
        let admitting = async {
            while let Some((series, result)) = self.admitting.next().await {
                match result {
                    Ok(Ok(admitted)) => {
                        self.leaving.begin(&series, None, admitted.parts().0, Verdict::GivenBack, false);
                    }
                    Ok(Err(NotAdmitted { lease: Some(lease), .. })) => {
                        settle(&self.engine, lease, Verdict::GivenBack).await;
                    }
                    Ok(Err(_)) | Err(_) => {}
                }
            }
        };
        if timeout(ENDS_WITHIN, admitting).await.is_err() {
            self.admitting.abort().await;
        }
        let unsaved = self.end_connections().await;
        self.refills.end().await;
        self.books.end().await;
        self.audits.end().await;
        self.hourly.end().await;
        for (series, entry) in std::mem::take(&mut self.entries) {
            if let EntryState::Placed { held, .. } = entry.state {
                // Its rows are published; the fleet uploads them when it is closed.
                self.leaving.begin(&series, None, held, Verdict::GivenBack, false);
            }
        }
        while let Some(Recorded { series, begun }) = self.attempts.next().await {
            begun
                .ok()
                .flatten()
                .into_iter()
                .for_each(|lease| self.settle(&series, lease, Verdict::GivenBack));
        }
        self.leaving.end().await;
        unsaved.iter().for_each(|series| self.save(series));
        self.saving.end().await;
    }

    /// Ends the connections. Returns the series whose health is to be saved.
    async fn end_connections(&mut self) -> BTreeSet<Arc<Series>> {
        let mut unsaved = BTreeSet::new();
        let mut note = |need| match need {
            Need::Save { series } | Need::Ended { series, .. } => drop(unsaved.insert(series)),
            // The next start finds out what is missing.
            Need::Refill { .. }
            | Need::Check { .. }
            | Need::Book { .. }
            | Need::BookLost { .. }
            | Need::DeeperBook { .. }
            | Need::Audit { .. }
            | Need::AuditAgain { .. }
            | Need::Refused { .. } => {}
        };
        {
            let ending = self.connections.end();
            tokio::pin!(ending);
            loop {
                tokio::select! {
                    () = &mut ending => break,
                    Some(need) = self.needs.recv() => note(need),
                }
            }
        }
        while let Ok(need) = self.needs.try_recv() {
            note(need);
        }
        unsaved
    }
}
