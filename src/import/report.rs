//! The report of an import.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::import::reason::{Change, Reason};
use crate::import::taken::Taken;
use crate::model::{Micros, Series};
use crate::store::Ledger;

/// The report of one series.
#[derive(Clone, Debug)]
pub struct SeriesReport {
    /// The series.
    pub series: Series,
    /// Files read.
    pub files: usize,
    /// Rows now stored that were not.
    pub imported: u64,
    /// Rows that were held already, alike.
    pub held: u64,
    /// Rows left out.
    pub left_out: BTreeMap<Reason, u64>,
    /// Rows corrected.
    pub changed: BTreeMap<Change, u64>,
    /// The end of what was read, left-out rows included.
    pub until: Option<Micros>,
    /// Gaps of the series up to the end of what was read.
    pub gaps: usize,
    /// Their length in seconds.
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

    /// Counts what was not taken as it was from one file, and how the series stands after it.
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

/// Something that was left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A file or a folder.
    pub path: PathBuf,
    /// Why, and what to do.
    pub what: String,
    /// Whether rows may be in it that should have been imported.
    pub is_failure: bool,
}

/// The report of a whole import.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every series that was read, in the order of their names.
    pub series: Vec<SeriesReport>,
    /// Files and folders that were left alone.
    pub problems: Vec<Problem>,
}
