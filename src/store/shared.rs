//! The common ground of all writers of a store: its disk, its journal, and every series that was ever opened.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::disk::Disk;
use crate::model::Series;
use crate::store::accept::OpenSeries;
use crate::store::folders::Folders;
use crate::store::journal::Journal;
use crate::store::series_folder::SeriesFolder;
use crate::store::{Bounds, Copied, Layout, Mark, Restore, StoreError, StoreSettings};
use crate::telemetry::{Reason, trace};

/// Shared by all writers of a data path.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folders: Arc<Folders>,
    pub(crate) layout: Layout,
    pub(crate) journal: Journal,
    sync_each: bool,
    pub(crate) bounds: Bounds,
    state: Mutex<SharedState>,
    pub(crate) restore: OnceLock<Arc<dyn Restore>>,
    /// Files that came from elsewhere so far.
    asides: AtomicU64,
}

#[derive(Debug, Default)]
struct SharedState {
    /// Every series that was opened, with what waits of it.
    series: HashMap<Series, Arc<OpenSeries>>,
    /// Series that could not be opened when the journal was read, with the position before which their frames
    /// still wait in it.
    unread: HashMap<Series, u64>,
    /// Why nothing is accepted now.
    refusing: Option<String>,
    /// Series that the operating system refused to publish, with its words; their rows stay in the journal.
    unpublished: BTreeMap<Series, String>,
    /// Found on remotes while the series was open; the next publish enters it.
    copied: HashMap<Series, Vec<Copied>>,
}

/// The most findings of one series that wait to be entered; more are found again by the next sync.
const MOST_COPIED: usize = 64;

impl Shared {
    pub(crate) fn new(disk: Arc<dyn Disk>, layout: &Layout, settings: StoreSettings) -> Self {
        let folders = Arc::new(Folders::default());
        Shared {
            journal: Journal::new(Arc::clone(&disk), Arc::clone(&folders), layout, settings),
            disk,
            folders,
            layout: layout.clone(),
            sync_each: settings.sync_each,
            bounds: settings.bounds,
            state: Mutex::default(),
            restore: OnceLock::new(),
            asides: AtomicU64::new(0),
        }
    }

    pub(crate) fn series(&self, series: &Series) -> Arc<OpenSeries> {
        let mut state = self.state();
        let own = state.series.get(series).cloned();
        own.unwrap_or_else(|| {
            let own = Arc::new(OpenSeries::new(self.place(series)));
            state.series.insert(series.clone(), Arc::clone(&own));
            own
        })
    }

    pub(crate) fn place(&self, series: &Series) -> SeriesFolder {
        SeriesFolder::new(Arc::clone(&self.disk), Arc::clone(&self.folders), &self.layout, series)
    }

    /// The closed series of which something waits.
    pub(crate) fn waiting(&self) -> Vec<Series> {
        let all: Vec<Arc<OpenSeries>> = self.state().series.values().cloned().collect();
        let left = all.iter().filter(|own| own.is_left_waiting());
        left.map(|own| own.place.series.clone()).collect()
    }

    /// A number for the next file that comes from elsewhere.
    pub(crate) fn next_aside(&self) -> u64 {
        self.asides.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes frames to the journal at once, with so many rows in all; returns the mark of the first.
    pub(crate) fn append(&self, frames: Vec<(&Series, Vec<u8>)>, rows: usize) -> Result<Mark, StoreError> {
        self.appended(rows, || self.journal.append(frames))
    }

    /// The same for frames of live sessions, which wait for no sync but where each frame has one.
    pub(crate) fn append_live(
        &self,
        frames: Vec<(&Series, Vec<u8>)>,
        rows: usize,
    ) -> Result<Mark, StoreError> {
        self.appended(rows, || self.journal.append_live(frames))
    }

    fn appended(
        &self,
        rows: usize,
        append: impl FnOnce() -> Result<u64, StoreError>,
    ) -> Result<Mark, StoreError> {
        let append = || {
            let appended = append().and_then(|first| {
                if self.sync_each {
                    self.journal.sync()?;
                }
                Ok(self.journal.mark(first))
            });
            appended.inspect_err(|error| trace::failed(Reason::Storage.name(), error))
        };
        let appended = trace::journal_append(rows).in_scope(append);
        self.state().refusing = appended.as_ref().err().map(with_cause);
        appended
    }

    /// Everything of a series up to a mark is in its files and its ledger; `None` if nothing ever was.
    pub(crate) fn settled(&self, series: &Series, mark: Option<Mark>) -> Result<(), StoreError> {
        mark.into_iter().for_each(|mark| self.journal.settle(series, mark));
        self.journal.release().map(drop)
    }

    /// Why nothing is accepted at present.
    pub(crate) fn refusing(&self) -> Option<String> {
        self.state().refusing.clone()
    }

    /// Tries whether rows can be accepted again, after they were refused.
    pub(crate) fn probe(&self) {
        if self.refusing().is_some() && self.journal.probe().is_ok() {
            self.state().refusing = None;
        }
    }

    /// Keeps whether the operating system refused to publish a series.
    pub(crate) fn tried_to_publish(&self, series: &Series, refusal: Option<&StoreError>) {
        let mut state = self.state();
        match refusal {
            Some(error @ StoreError::Io { .. }) => {
                state.unpublished.insert(series.clone(), with_cause(error));
            }
            // A fault of one series' files is not one of the disk.
            _ => drop(state.unpublished.remove(series)),
        }
    }

    /// Why something cannot be published at present.
    pub(crate) fn unpublished(&self) -> Option<String> {
        let state = self.state();
        let (series, why) = state.unpublished.first_key_value()?;
        let others = state.unpublished.len() - 1;
        let others = if others == 0 { String::new() } else { format!(", nor {others} other series") };
        Some(format!("{series} cannot be published{others}; its rows stay in the journal: {why}"))
    }

    /// The position before which frames of a series still wait to be read.
    pub(crate) fn unread_before(&self, series: &Series) -> Option<u64> {
        self.state().unread.get(series).copied()
    }

    /// A series could not be opened while the journal was read.
    pub(crate) fn is_unread(&self, series: Series, before: u64) {
        self.state().unread.insert(series, before);
    }

    /// The frames of a series that waited were read.
    pub(crate) fn was_read(&self, series: &Series) {
        self.state().unread.remove(series);
    }

    /// Keeps what was found on remotes until it can be entered.
    pub(crate) fn keep_copied(&self, series: &Series, copied: Copied) {
        let mut state = self.state();
        let waiting = state.copied.entry(series.clone()).or_default();
        if waiting.len() < MOST_COPIED {
            waiting.push(copied);
        }
    }

    /// The series of which something was found on remotes and is not entered.
    pub(crate) fn with_copied(&self) -> Vec<Series> {
        self.state().copied.keys().cloned().collect()
    }

    /// Takes what was found on remotes since the series was last written.
    pub(crate) fn take_copied(&self, series: &Series) -> Vec<Copied> {
        self.state().copied.remove(series).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, SharedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn with_cause(error: &StoreError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
