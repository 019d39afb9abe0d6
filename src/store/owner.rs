//! The owner of a data path: one journal, and as many writers a series as there is work for it.
//!
//! Opening one replays the journal of the process before: what files and ledgers do not hold yet is published
//! first, then its segments go.

use std::sync::Arc;

use crate::disk::{Disk, Os};
use crate::model::Series;
use crate::store::accept::OpenSeries;
use crate::store::ledger::Read;
use crate::store::older::series_to_rename;
use crate::store::recover::Replaying;
use crate::store::shared::Shared;
use crate::store::{
    Copied, Finding, Layout, Ledger, Part, Replay, Restore, StoreError, StoreSettings, Watermarks, Writer,
};

/// The owner of a data path. The process holds its lock.
#[derive(Clone, Debug)]
pub struct Store(pub(crate) Arc<Shared>);

impl Store {
    /// Opens the store under a layout on the operating system's disk.
    ///
    /// # Errors
    /// See [`Store::on`].
    pub fn open(layout: &Layout, settings: StoreSettings) -> Result<(Self, Replay), StoreError> {
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
        settings: StoreSettings,
    ) -> Result<(Self, Replay), StoreError> {
        let store = Store(Arc::new(Shared::new(disk, layout, settings)));
        let mut replay = Replaying::run(&store.0, settings.now)?;
        for series in series_to_rename(&*store.0.disk, layout) {
            // One that cannot be opened fails again, with its reason, when it is to be written.
            if let Ok((_, findings)) = store.writer(&series) {
                replay.findings.extend(findings.into_iter().map(|finding| (Some(series.clone()), finding)));
            }
        }
        Ok((store, replay))
    }

    /// A writer of a series, beside those it has. The first one makes the ledger agree with the files, and says what it
    /// met.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] where a file that is not ours lies in the way, or a refusal of the operating system.
    pub fn writer(&self, series: &Series) -> Result<(Writer, Vec<Finding>), StoreError> {
        Writer::open(&self.0, series)
    }

    /// Sets how files that are on remotes only come back; once.
    pub fn restore_with(&self, restore: Arc<dyn Restore>) {
        // A second one would be for the same remotes.
        let _ = self.0.restore.set(restore);
    }

    /// Enters into the ledger of a series what was found on a remote; where the series is open, its next publish
    /// enters it, or [`Store::enter_copied`] once it is closed.
    ///
    /// # Errors
    /// A refusal of the operating system.
    pub fn copied(&self, series: &Series, copied: Copied) -> Result<(), StoreError> {
        self.0.keep_copied(series, copied);
        self.enter_copied_of(series)
    }

    /// Enters what was found on remotes while a series was open, where it is closed now.
    ///
    /// # Errors
    /// A refusal of the operating system.
    pub fn enter_copied(&self) -> Result<(), StoreError> {
        self.0.with_copied().iter().try_for_each(|series| self.enter_copied_of(series))
    }

    fn enter_copied_of(&self, series: &Series) -> Result<(), StoreError> {
        let own = self.0.series(series);
        if own.is_open() {
            return Ok(());
        }
        let _files = own.files();
        // It may have been opened meanwhile.
        if own.is_open() {
            return Ok(());
        }
        let Some(mut ledger) = self.ledger_on_disk(&own)? else { return Ok(()) };
        let before = ledger.clone();
        self.0.take_copied(series).into_iter().for_each(|copied| copied.enter(&mut ledger));
        if ledger == before { Ok(()) } else { ledger.write_on(&*self.0.disk, &own.place.ledger(), series) }
    }

    /// Drops the file of a period that its remotes hold, if it still has the hash that was verified there; the
    /// ledger says so first. Returns its size, or `None` if it may not be dropped. A publish of the series is waited for.
    ///
    /// # Errors
    /// A refusal of the operating system.
    pub fn drop_copied(
        &self,
        series: &Series,
        period: &str,
        sha256: &str,
    ) -> Result<Option<u64>, StoreError> {
        let own = self.0.series(series);
        let _files = own.files();
        let may_go = |ledger: &Ledger| ledger.droppable(period).is_some_and(|entry| entry.sha256 == sha256);
        // A publish that failed may have left changes in memory alone: they are not written here, but must agree.
        let Some(mut ledger) = self.ledger_on_disk(&own)?.filter(may_go) else { return Ok(None) };
        if own.is_open() && !may_go(&own.intake().ledger()) {
            return Ok(None);
        }
        let bytes = drop_file(&mut ledger, period);
        ledger.write_on(&*self.0.disk, &own.place.ledger(), series)?;
        if own.is_open() {
            own.intake().account(|ledger| {
                drop_file(ledger, period);
            });
        }
        let folder = &own.place.folder;
        let file = folder.join(Part::File.file_name(period));
        let removed = self.0.disk.remove(&file).and_then(|()| self.0.disk.sync_folder(folder));
        removed.map_err(StoreError::io("removing", &file))?;
        Ok(bytes)
    }

    fn ledger_on_disk(&self, own: &OpenSeries) -> Result<Option<Ledger>, StoreError> {
        match Ledger::look(&*self.0.disk, &own.place.ledger(), &own.place.series)? {
            Read::Ledger(ledger) => Ok(Some(*ledger)),
            Read::Absent | Read::Damaged(_) => Ok(None),
        }
    }

    /// Makes everything accepted durable.
    ///
    /// # Errors
    /// [`StoreError::Journal`] where that failed twice: the process must end.
    pub fn sync(&self) -> Result<Watermarks, StoreError> {
        self.0.journal.sync()
    }

    /// Waits until so much is not durable that [`Store::sync`] should be called at once.
    pub async fn sync_is_due(&self) {
        self.0.journal.sync_is_due().await;
    }

    /// How far the journal has come.
    #[must_use]
    pub fn watermarks(&self) -> Watermarks {
        self.0.journal.watermarks()
    }

    /// Why nothing is accepted at present; `None` if all is well.
    #[must_use]
    pub fn refusing(&self) -> Option<String> {
        self.0.refusing()
    }

    /// Tries whether rows can be accepted again, after they were refused.
    pub fn probe(&self) {
        self.0.probe();
    }

    /// Why something cannot be published at present, though rows are still accepted; `None` if all is well.
    #[must_use]
    pub fn unpublished(&self) -> Option<String> {
        self.0.unpublished()
    }

    /// The series whose rows wait for a writer to publish them.
    #[must_use]
    pub fn waiting(&self) -> Vec<Series> {
        self.0.waiting()
    }

    /// Ends in good order. What is not published stays in the journal.
    ///
    /// # Errors
    /// A refusal of the operating system; the journal then is as after a crash.
    pub fn close(&self) -> Result<(), StoreError> {
        self.0.journal.close()
    }
}

/// Marks the file of a period as being on remotes only; returns its size.
fn drop_file(ledger: &mut Ledger, period: &str) -> Option<u64> {
    let entry = ledger.files.get_mut(period)?;
    entry.remote_only = true;
    Some(entry.bytes)
}
