//! Changes of both files of a period that were cut short after their first step.

use crate::store::publish::{Flush, PeriodFiles};
use crate::store::recover::files::Recovery;
use crate::store::{FileEntry, FindingKind, Part, Period, StoreError};

impl Recovery<'_> {
    /// Brings every change of both files that was cut short after its first step to its end.
    pub(super) fn finish_changes(&mut self) -> Result<(), StoreError> {
        let ledger = &self.out.ledger;
        let may_be_cut = |name: &String, open: &FileEntry, file: &FileEntry| {
            let is_here = !open.remote_only && !file.remote_only;
            is_here && (open.generation <= file.generation || self.adopted.contains(name))
        };
        let both =
            ledger.open_files.iter().filter_map(|(name, open)| Some((name, open, ledger.files.get(name)?)));
        let cut = both.filter(|(name, open, file)| may_be_cut(name, open, file));
        let cut: Vec<String> = cut.map(|(name, ..)| name.clone()).collect();
        for name in cut {
            let Some(period) = Period::named(self.place.series.kind(), &name) else { continue };
            let (file, open) = (self.whole(&period, Part::File)?, self.whole(&period, Part::Open)?);
            let (Some(file), Some(open)) = (file, open) else { continue };
            let (place, ledger) = (self.place, &self.out.ledger);
            let held = PeriodFiles::of(Some(file), Some(open));
            let journal = ledger.mark_of(&name);
            let flush = Flush {
                place,
                period: &period,
                generation: ledger.generation.max(held.generation()),
                covered: &ledger.covered,
                journal,
                held: journal,
                small_rows: 0,
            };
            let finished = held.finish(&flush)?;
            if finished.files.is_empty() {
                continue;
            }
            finished.files.iter().for_each(|file| self.out.ledger.enter(file));
            let path = self.place.path(&name, Part::Open);
            self.found(
                FindingKind::Emptied,
                path,
                "rows were in the file beside it too: a fold was cut short",
            );
        }
        Ok(())
    }
}
