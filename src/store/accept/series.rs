//! One series in its owner, with all its writers: the gate that rows pass, and the lock of its files.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::StoreError;
use crate::store::accept::intake::Intake;
use crate::store::series_folder::SeriesFolder;

/// A series of a store.
#[derive(Debug)]
pub(crate) struct OpenSeries {
    pub(crate) place: SeriesFolder,
    /// Taken first by what changes the series' files or writes its ledger: opening, publishing, restoring, purging.
    files: Mutex<Written>,
    /// The gate: taken for as long as one frame takes, and never while a file is worked on.
    intake: Mutex<Intake>,
    /// Taken while rows are set aside, which must not wait for a publish either.
    setting_aside: Mutex<()>,
}

/// Generations of the files that were written since the series was opened: those need not be hashed before they are
/// copied from.
#[derive(Debug, Default)]
pub(crate) struct Written(pub(crate) Vec<u64>);

impl OpenSeries {
    /// A series without a writer.
    pub(crate) fn new(place: SeriesFolder) -> Self {
        let intake = Mutex::new(Intake::new(place.series.kind()));
        OpenSeries { place, files: Mutex::default(), intake, setting_aside: Mutex::default() }
    }

    /// The right to its files; waits for whatever has it.
    pub(crate) fn files(&self) -> MutexGuard<'_, Written> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the gate, to the accepted rows and the ledger. Nothing that may take long happens while this is held.
    pub(crate) fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the ledger where it differs from the one on disk; the gate stays open meanwhile.
    pub(crate) fn write_ledger(&self, _: &Written) -> Result<(), StoreError> {
        let Some(ledger) = self.intake().take_unwritten() else { return Ok(()) };
        let written = self
            .place
            .create_folder()
            .and_then(|()| ledger.write_on(&*self.place.disk, &self.place.ledger(), &self.place.series));
        written.inspect_err(|_| self.intake().keep_unwritten())
    }

    /// The right to the file of rows that are set aside.
    pub(crate) fn setting_aside(&self) -> MutexGuard<'_, ()> {
        self.setting_aside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more writer, if the series is open.
    pub(crate) fn join(&self) -> bool {
        let mut intake = self.intake();
        let is_open = intake.writers > 0;
        intake.writers += usize::from(is_open);
        is_open
    }

    /// Whether it has a writer.
    pub(crate) fn is_open(&self) -> bool {
        self.intake().writers > 0
    }

    /// Whether rows wait and there is no writer to publish them.
    pub(crate) fn is_left_waiting(&self) -> bool {
        let intake = self.intake();
        intake.writers == 0 && intake.is_waiting()
    }

    /// A writer goes. The last one keeps only what waits; the next looks at files and ledger anew.
    pub(crate) fn leave(&self) {
        let mut intake = self.intake();
        intake.writers = intake.writers.saturating_sub(1);
        if intake.writers == 0 {
            intake.put_back();
            (intake.ledger, intake.unwritten) = (Arc::default(), false);
        }
    }
}
