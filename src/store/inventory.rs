//! What is held: one line a series, from the ledgers, without opening a data file.

use crate::model::{Micros, Series};
use crate::store::{Layout, Ledger, StoreError};

/// What is held of one series.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The series.
    pub series: Series,
    /// Its ledger; none where dccd did not write the folder or the ledger cannot be read.
    pub ledger: Result<Ledger, String>,
    /// Parquet files in the folder that no ledger speaks of.
    pub unknown_files: usize,
}

impl Holding {
    /// `ts` of the oldest and the newest row.
    #[must_use]
    pub fn ends(&self) -> Option<(Micros, Micros)> {
        self.ledger.as_ref().ok()?.ends()
    }
}

/// Everything under a data path, in the order of the series' names.
#[must_use]
pub fn inventory(layout: &Layout) -> Vec<Holding> {
    layout.series().into_iter().filter_map(|series| holding(layout, series)).collect()
}

fn holding(layout: &Layout, series: Series) -> Option<Holding> {
    let ledger = match Ledger::read(&layout.ledger(&series), &series) {
        Ok(Some(ledger)) => Ok(ledger),
        Ok(None) => Err("it has no ledger".to_owned()),
        Err(error @ StoreError::Io { .. }) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let known = ledger.as_ref().map_or(0, |ledger| ledger.entries().count() - ledger.remote_only().count());
    let files = parquet_files(layout, &series);
    if ledger.is_err() && files == 0 {
        return None;
    }
    Some(Holding { series, ledger, unknown_files: files.saturating_sub(known) })
}

fn parquet_files(layout: &Layout, series: &Series) -> usize {
    let Ok(entries) = std::fs::read_dir(layout.folder(series)) else { return 0 };
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.ends_with(".parquet") && !name.starts_with('.')
        })
        .count()
}
