//! Reading every file of a series, and setting aside those that are not what they were.

use crate::store::accept::Written;
use crate::store::{FileEntry, Finding, FindingKind, Part, Period, StoreError, Writer};

impl Writer {
    /// Reads every file and sets those aside that do not have the ledger's hash; their windows are gaps. A publish
    /// of the series waits meanwhile.
    ///
    /// # Errors
    /// A refusal of the operating system.
    pub fn set_aside_damaged(&self) -> Result<Vec<Finding>, StoreError> {
        let files = self.own.files();
        let mut findings = Vec::new();
        for part in [Part::File, Part::Open] {
            let entries: Vec<_> = self.ledger().part(part).clone().into_iter().collect();
            for (name, entry) in entries {
                let Some(period) = Period::named(self.series().kind(), &name) else { continue };
                if !entry.remote_only {
                    findings.extend(self.set_aside_if_damaged(&period, part, &entry, &files)?);
                }
            }
        }
        Ok(findings)
    }

    fn set_aside_if_damaged(
        &self,
        period: &Period,
        part: Part,
        entry: &FileEntry,
        files: &Written,
    ) -> Result<Option<Finding>, StoreError> {
        let checked = self.own.place.open(period, part).and_then(|file| file.hashes());
        let reason = match checked {
            Ok(hashes) if hashes.whole == entry.sha256 => return Ok(None),
            Ok(_) => "its content is not what the ledger's hash says".to_owned(),
            Err(StoreError::Damaged { reason, .. }) => reason,
            // Our entry in its footer is gone: the file we wrote is not this one.
            Err(StoreError::Foreign { .. }) => "our entry is missing from its footer".to_owned(),
            Err(error) => return Err(error),
        };
        let path = self.own.place.path(&period.name, part);
        self.lose(period, path.clone(), reason.clone(), files)?;
        // A copy takes its place at once; where it cannot, the ledger lists it as on remotes only.
        if self.restore(period, part, files).is_ok() {
            self.own.write_ledger(files)?;
        }
        Ok(Some(Finding { kind: FindingKind::Quarantined, path, detail: reason }))
    }
}
