//! The report of an import.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::import::reason::{Change, Reason};
use crate::import::taken::Taken;
use crate::model::{Micros, Series};
use crate::store::Ledger;

/// The result of one series.
#[derive(Clone, Debug)]
pub struct SeriesReport {
    /// The series.
    pub series: Series,
    /// Files read.
    pub files: usize,
    /// New rows stored.
    pub imported: u64,
    /// Rows that were already stored.
    pub held: u64,
    /// Rows left out.
    pub left_out: BTreeMap<Reason, u64>,
    /// Rows corrected.
    pub changed: BTreeMap<Change, u64>,
    /// The end of the data read, including rows left out.
    pub until: Option<Micros>,
    /// Gaps of the series up to that end.
    pub gaps: usize,
    /// Their total length in seconds.
    pub gap_secs: f64,
}

impl SeriesReport {
    pub(crate) fn new(series: Series) -> Self {
        SeriesReport {
            series,
            files: 0,
            imported: 0,
            held: 0,
            left_out: BTreeMap::new(),
            changed: BTreeMap::new(),
            until: None,
            gaps: 0,
            gap_secs: 0.0,
        }
    }

    /// Adds the rows of one file that were left out or corrected, and the series' gaps after it.
    pub(crate) fn add(&mut self, taken: &Taken, ledger: &Ledger) {
        for (reason, (count, _)) in &taken.left {
            *self.left_out.entry(*reason).or_default() += count;
        }
        for (change, count) in &taken.changed {
            *self.changed.entry(*change).or_default() += count;
        }
        self.until = self.until.max(taken.hull.map(|hull| hull.until));
        let gaps = self.until.map(|until| ledger.gaps(until)).unwrap_or_default();
        (self.gaps, self.gap_secs) = (gaps.len(), gaps.secs());
    }
}

/// Something that was not imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file or folder.
    pub path: PathBuf,
    /// Why, and what to do about it.
    pub what: String,
    /// Whether it may contain rows that should have been imported.
    pub is_failure: bool,
}

/// The report of a whole import.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every series read, ordered by name.
    pub series: Vec<SeriesReport>,
    /// Files and folders that were not imported.
    pub problems: Vec<Problem>,
}
