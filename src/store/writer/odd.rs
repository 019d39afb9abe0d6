//! Rows that cannot be true go aside before their page is accepted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Writer;
use crate::model::{Micros, OddFault, OddRow};
use crate::store::{StoreError, set_aside};

impl Writer {
    /// Sets rows aside that cannot be true, each text once with a fault, and says how many are new by fault. When this
    /// returns all of them survive a power cut: only then may the rest of their page be accepted.
    ///
    /// # Errors
    /// [`StoreError::TooManyAside`] where so many are there already that the exchange cannot be believed, or a refusal
    /// of the operating system. Nothing is added then.
    pub fn set_aside(&self, rows: &[OddRow], seen_at: Micros) -> Result<BTreeMap<OddFault, u64>, StoreError> {
        set_aside::add(&self.place, rows, seen_at)
    }

    /// The file that rows are set aside in.
    #[must_use]
    pub fn set_aside_file(&self) -> PathBuf {
        self.place.layout.set_aside(&self.place.series)
    }
}
