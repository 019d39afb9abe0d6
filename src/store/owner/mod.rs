//! The owner of a data path: one journal, one writer a series, and what waits between writers.
//!
//! Opening one replays the journal of the process before: what files and ledgers do not hold yet is published
//! first, then its segments go.

mod replay;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::disk::{Disk, Os};
use crate::model::Series;
use crate::store::folders::Folders;
use crate::store::journal::{Entry, Journal, Rows, scan};
use crate::store::ledger::Read;
use crate::store::older::series_to_rename;
use crate::store::owner::replay::Replaying;
use crate::store::recover::Finding;
use crate::store::settings::{Bounds, Settings};
use crate::store::writer::Waiting;
use crate::store::{Bring, Copied, Layout, Ledger, Mark, Part, StoreError, Watermarks, Writer};
use crate::telemetry::{Reason, trace};

/// The owner of a data path. The process holds its lock.
#[derive(Clone, Debug)]
pub struct Store(pub(crate) Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folders: Arc<Folders>,
    pub(crate) layout: Layout,
    journal: Journal,
    sync_each: bool,
    pub(crate) bounds: Bounds,
    state: Mutex<State>,
    bring: OnceLock<Arc<dyn Bring>>,
    /// Told when a series is no longer held.
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Series that have a writer now.
    busy: HashSet<Series>,
    /// Series whose ledger is changed without one, which takes no longer than that.
    held: HashSet<Series>,
    /// What the last writer of a series left unpublished.
    waiting: HashMap<Series, Waiting>,
    /// Series that could not be opened when the journal was read, with the position before which their frames
    /// still wait in it.
    unread: HashMap<Series, u64>,
    /// Why nothing is accepted now.
    refusing: Option<String>,
    /// Series that the operating system refused to publish, with its words; their rows stay in the journal.
    unpublished: BTreeMap<Series, String>,
    /// What was found on remotes while the series had a writer, which enters it.
    copied: HashMap<Series, Vec<Copied>>,
}

/// How long changing a ledger may take before a writer gives up on it: a disk that hangs.
const HELD_WITHIN: Duration = Duration::from_secs(30);
/// What waits for one writer to be entered; more is found again by the next sync.
const MOST_COPIED: usize = 64;

/// What opening a store met and did.
#[derive(Debug, Default)]
pub struct Replay {
    /// Whole frames in the journal of the process before.
    pub frames: u64,
    /// Rows of them that were not published yet.
    pub rows: u64,
    /// Whether that process ended in good order, or there was none.
    pub is_clean: bool,
    /// Damaged files and frames, each with its series where that is known.
    pub findings: Vec<(Option<Series>, Finding)>,
    /// Series whose rows could not be published; they stay in the journal and are tried again.
    pub failures: Vec<(Series, StoreError)>,
}

impl Store {
    /// Opens the store under a layout on the operating system's disk.
    ///
    /// # Errors
    /// See [`Store::on`].
    pub fn open(layout: &Layout, settings: Settings) -> Result<(Self, Replay), StoreError> {
        Store::on(Arc::new(Os), layout, settings)
    }

    /// Opens the store under a layout, publishing what the journal holds and the files do not.
    ///
    /// # Errors
    /// Where the journal cannot be read. A series that cannot be published is among the
    /// [`failures`](Replay::failures) and keeps its rows in the journal.
    pub fn on(
        disk: Arc<dyn Disk>,
        layout: &Layout,
        settings: Settings,
    ) -> Result<(Self, Replay), StoreError> {
        let folders = Arc::new(Folders::default());
        let shared = Shared {
            journal: Journal::new(Arc::clone(&disk), Arc::clone(&folders), layout, settings),
            disk,
            folders,
            layout: layout.clone(),
            sync_each: settings.sync_each,
            bounds: settings.bounds,
            state: Mutex::default(),
            bring: OnceLock::new(),
            freed: Condvar::new(),
        };
        let store = Store(Arc::new(shared));
        let mut replay = Replaying::run(&store, settings.now)?;
        for series in series_to_rename(&*store.0.disk, layout) {
            // One that cannot be opened says why to whoever wants to write it.
            if let Ok((_, findings)) = store.writer(&series) {
                replay.findings.extend(findings.into_iter().map(|finding| (Some(series.clone()), finding)));
            }
        }
        Ok((store, replay))
    }

    /// The writer of a series, which it makes agree with its files first.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while the series has one, [`StoreError::Foreign`] where a file that is not ours
    /// lies in the way, or a refusal of the operating system.
    pub fn writer(&self, series: &Series) -> Result<(Writer, Vec<Finding>), StoreError> {
        if !self.0.take_turn(series) {
            return Err(StoreError::Busy { series: series.to_string() });
        }
        let opened = Writer::open(Arc::clone(&self.0), series).inspect_err(|_| {
            self.0.state().busy.remove(series);
        });
        let (mut writer, findings) = opened?;
        self.take_unread(&mut writer)?;
        Ok((writer, findings))
    }

    /// Gives a writer the frames of the process before that nobody could take when they were read.
    fn take_unread(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let series = writer.series().clone();
        let Some(before) = self.0.state().unread.get(&series).copied() else { return Ok(()) };
        writer.sync_names()?;
        let mut pages = Vec::new();
        scan(&*self.0.disk, &self.0.layout.journal(), &mut |journal, position, entry| {
            if let Entry::Page(own, page) = entry
                && own == series
                && position < before
            {
                pages.push((Mark { journal, position }, page));
            }
            Ok(())
        })?;
        // Anything newer would speak for them once it is published.
        pages.into_iter().for_each(|(mark, page)| writer.replay(mark, page));
        self.0.state().unread.remove(&series);
        Ok(())
    }

    /// Says who brings back what is on remotes only; once.
    pub fn bring_with(&self, bring: Arc<dyn Bring>) {
        // A second one would be for the same remotes.
        let _ = self.0.bring.set(bring);
    }

    /// Enters into the ledger of a series what was found on a remote; where the series has a writer, that one
    /// enters it when it publishes next, or [`Store::enter_copied`] once it has none.
    ///
    /// # Errors
    /// A refusal of the operating system.
    pub fn copied(&self, series: &Series, copied: Copied) -> Result<(), StoreError> {
        let mut state = self.0.state();
        let waiting = state.copied.entry(series.clone()).or_default();
        if waiting.len() < MOST_COPIED {
            waiting.push(copied);
        }
        drop(state);
        self.enter_copied_of(series)
    }

    /// Enters what was found on remotes while a series had a writer, where it has none any more.
    ///
    /// # Errors
    /// A refusal of the operating system.
    pub fn enter_copied(&self) -> Result<(), StoreError> {
        let waiting: Vec<Series> = self.0.state().copied.keys().cloned().collect();
        waiting.iter().try_for_each(|series| self.enter_copied_of(series))
    }

    fn enter_copied_of(&self, series: &Series) -> Result<(), StoreError> {
        let Some(_slot) = self.0.slot(series) else { return Ok(()) };
        let path = self.0.layout.ledger(series);
        let Read::Ledger(mut ledger) = Ledger::look(&*self.0.disk, &path, series)? else { return Ok(()) };
        let before = ledger.clone();
        self.0.take_copied(series).into_iter().for_each(|copied| copied.enter(&mut ledger));
        if ledger == before { Ok(()) } else { ledger.write_on(&*self.0.disk, &path, series) }
    }

    /// Drops the file of a period that its remotes hold, if it still has the hash that was verified there; the
    /// ledger says so first. Gives its size, none where it may not be dropped.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while the series has a writer, or a refusal of the operating system.
    pub fn drop_copied(
        &self,
        series: &Series,
        period: &str,
        sha256: &str,
    ) -> Result<Option<u64>, StoreError> {
        let busy = || StoreError::Busy { series: series.to_string() };
        let _slot = self.0.slot(series).ok_or_else(busy)?;
        let path = self.0.layout.ledger(series);
        let Read::Ledger(mut ledger) = Ledger::look(&*self.0.disk, &path, series)? else { return Ok(None) };
        if ledger.droppable(period).is_none_or(|entry| entry.sha256 != sha256) {
            return Ok(None);
        }
        let Some(entry) = ledger.files.get_mut(period) else { return Ok(None) };
        entry.remote_only = true;
        let bytes = entry.bytes;
        ledger.write_on(&*self.0.disk, &path, series)?;
        let folder = self.0.layout.folder(series);
        let file = folder.join(Part::File.file_name(period));
        let removed = self.0.disk.remove(&file).and_then(|()| self.0.disk.sync_folder(&folder));
        removed.map_err(StoreError::io("removing", &file))?;
        Ok(Some(bytes))
    }

    /// Makes everything accepted durable.
    ///
    /// # Errors
    /// [`StoreError::Journal`] where that failed twice: the process must end.
    pub fn sync(&self) -> Result<Watermarks, StoreError> {
        self.0.journal.sync()
    }

    /// How far the journal has come.
    #[must_use]
    pub fn watermarks(&self) -> Watermarks {
        self.0.journal.watermarks()
    }

    /// Why nothing is accepted at present; none where all is well.
    #[must_use]
    pub fn refusing(&self) -> Option<String> {
        self.0.state().refusing.clone()
    }

    /// Tries whether rows can be accepted again, after they were refused.
    pub fn probe(&self) {
        if self.refusing().is_some() && self.0.journal.probe().is_ok() {
            self.0.state().refusing = None;
        }
    }

    /// Why something cannot be published at present, though rows are still accepted; none where all is well.
    #[must_use]
    pub fn unpublished(&self) -> Option<String> {
        let state = self.0.state();
        let (series, why) = state.unpublished.first_key_value()?;
        let others = state.unpublished.len() - 1;
        let others = if others == 0 { String::new() } else { format!(", nor {others} other series") };
        Some(format!("{series} cannot be published{others}; its rows stay in the journal: {why}"))
    }

    /// The series whose rows wait for a writer to publish them.
    #[must_use]
    pub fn waiting(&self) -> Vec<Series> {
        self.0.state().waiting.keys().cloned().collect()
    }

    /// Ends in good order. What is not published stays in the journal.
    ///
    /// # Errors
    /// A refusal of the operating system; the journal then is as after a crash.
    pub fn close(&self) -> Result<(), StoreError> {
        self.0.journal.close()
    }
}

impl Shared {
    pub(crate) fn append(&self, series: &Series, page: &Rows) -> Result<Mark, StoreError> {
        let append = || {
            let appended = self.journal.append(series, page).and_then(|position| {
                if self.sync_each {
                    self.journal.sync()?;
                }
                Ok(self.journal.mark(position))
            });
            appended.inspect_err(|error| trace::failed(Reason::Storage.name(), error))
        };
        let appended = trace::journal_append(page.rows.len()).in_scope(append);
        self.state().refusing = appended.as_ref().err().map(with_cause);
        appended
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

    /// Everything accepted of a series is in its files and its ledger.
    pub(crate) fn settled(&self, series: &Series) -> Result<(), StoreError> {
        self.journal.settle(series);
        self.journal.release().map(drop)
    }

    /// Keeps a series without a writer from getting one; none where it has one.
    pub(crate) fn slot<'a>(&'a self, series: &'a Series) -> Option<Slot<'a>> {
        let is_free = {
            let mut state = self.state();
            !state.busy.contains(series) && state.held.insert(series.clone())
        };
        // Only now: a slot gives its series back when it goes, and needs the state for it.
        is_free.then(|| Slot { shared: self, series })
    }

    /// Keeps a series for a writer, once nobody changes its ledger; false where it has one.
    fn take_turn(&self, series: &Series) -> bool {
        let state = self.state();
        let is_held = |state: &mut State| state.held.contains(series);
        let waited = self.freed.wait_timeout_while(state, HELD_WITHIN, is_held);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out() && state.busy.insert(series.clone())
    }

    /// What was found on remotes since the series was last written.
    pub(crate) fn take_copied(&self, series: &Series) -> Vec<Copied> {
        self.state().copied.remove(series).unwrap_or_default()
    }

    /// Who brings back what is on remotes only.
    pub(crate) fn bring(&self) -> Option<Arc<dyn Bring>> {
        self.bring.get().map(Arc::clone)
    }

    /// What the last writer of a series left.
    pub(crate) fn hand_over(&self, series: &Series) -> Waiting {
        self.state().waiting.remove(series).unwrap_or_else(|| Waiting::nothing(series))
    }

    /// Takes back what a writer leaves.
    pub(crate) fn hand_back(&self, series: &Series, waiting: Waiting) {
        let mut state = self.state();
        state.busy.remove(series);
        if !waiting.is_empty() {
            state.waiting.insert(series.clone(), waiting);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A series that nobody writes while this is held.
pub(crate) struct Slot<'a> {
    shared: &'a Shared,
    series: &'a Series,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.shared.state().held.remove(self.series);
        self.shared.freed.notify_all();
    }
}

fn with_cause(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
