//! Imports trees of Python dccd 2.x and 3.x: every row that can be told from an invented one, and no other.
//!
//! In place, the original is kept under `.dccd/imported/` before anything replaces it; another tree is only read.
//! An interrupted run is simply repeated: what is in the ledger is done, everything else is converted again from
//! the originals.
//!
//! **An import trusts only what a file can prove.** The version is determined row by row from the unit of its
//! instant; a row that may be invented is left out and its window becomes a gap. In place, originals are kept
//! first, then files are written, then the ledger; data not in the ledger is converted again, so an interruption
//! is harmless.

mod account;
mod books;
mod candles;
mod folder;
mod layout;
mod originals;
mod raw;
mod reading;
mod reason;
mod report;
mod samples;
mod taken;
mod trades;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::import::tree::{Folder, Folders, Source, look};
use crate::model::{Micros, Series};
use crate::store::{Layout, StoreError};

#[cfg(any(test, fuzzing))]
pub(crate) use raw::RawFile;
pub use reason::{Change, Reason};
pub use report::{Problem, Report, SeriesReport};

#[derive(Clone, Debug)]
pub struct Import<'a> {
    /// The data path to import into. It must be locked, except for a dry run.
    pub layout: &'a Layout,
    /// Another tree to read; `None` imports the data path itself.
    pub source: Option<&'a Path>,
    /// Only report what would be done.
    pub dry_run: bool,
    /// The present: newer rows, and candles that end later, are rejected.
    pub now: Micros,
}

impl Import<'_> {
    /// Imports everything that is found.
    ///
    /// # Errors
    /// If reading or writing fails; what was finished by then stays. A series that could not be imported for
    /// another reason is among the report's problems.
    pub fn run(&self) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let mut lines: BTreeMap<Series, SeriesReport> = BTreeMap::new();
        for (_, folder) in self.folders(&mut report.problems) {
            let line = lines.entry(folder.series.clone());
            let line = line.or_insert_with(|| SeriesReport::new(folder.series.clone()));
            match self.folder(folder, line, &mut report.problems) {
                Ok(()) => {}
                Err(error @ StoreError::Io { .. }) => return Err(error),
                Err(error) => report.problems.push(Problem {
                    path: self.layout.folder(&line.series),
                    what: error.to_string(),
                    is_failure: true,
                }),
            }
        }
        report.series = lines.into_values().filter(|line| line.files > 0).collect();
        Ok(report)
    }

    /// The folders to import; in place, originals already kept count too, since an earlier run may have been
    /// interrupted.
    fn folders(&self, problems: &mut Vec<Problem>) -> Folders {
        if let Some(source) = self.source {
            return look(source, problems);
        }
        let mut folders = look(self.layout.root(), problems);
        for (inside, kept) in look(&originals::folder(self.layout), &mut Vec::new()) {
            let folder = folders
                .entry(inside)
                .or_insert_with(|| Folder { series: kept.series.clone(), sources: Vec::new() });
            let in_tree: BTreeSet<PathBuf> =
                folder.sources.iter().map(|source| source.inside.clone()).collect();
            let gone = kept.sources.into_iter().filter(|kept| !in_tree.contains(&kept.inside));
            folder.sources.extend(gone.map(|source| Source { is_kept_only: true, ..source }));
            folder.sources.sort_by_key(|source| source.period.window.from);
        }
        folders
    }
}
