//! Rows that cannot be true go aside before their page is accepted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::{Micros, OddFault, OddRow};
use crate::store::{StoreError, Writer, set_aside};

impl Writer {
    /// Sets rows aside that cannot be true, each text once with a fault, and returns how many are new by fault. When this
    /// returns all of them survive a power cut: only then may the rest of their page be accepted.
    ///
    /// # Errors
    /// [`StoreError::TooManyAside`] where so many are there already that the exchange cannot be believed, or a refusal
    /// of the operating system. Nothing is added then.
    pub fn set_aside(&self, rows: &[OddRow], seen_at: Micros) -> Result<BTreeMap<OddFault, u64>, StoreError> {
        // One writer at a time: the file is read and written anew.
        let _alone = self.own.setting_aside();
        set_aside::add(&self.own.place, rows, seen_at)
    }

    /// The file that rows are set aside in.
    #[must_use]
    pub fn set_aside_file(&self) -> PathBuf {
        self.own.place.layout.set_aside(self.series())
    }
}
