//! Stored data, one line a series, from the ledgers alone: no data file is opened.

use std::collections::HashSet;
use std::path::PathBuf;

use thiserror::Error;

use crate::model::{Micros, Series};
use crate::store::{Layout, Ledger, Opened, Part, Period, StoreError, open_period_file};

/// The stored data of one series.
#[derive(Clone, Debug)]
pub struct HeldSeries {
    /// The series.
    pub series: Series,
    /// Its account, but for the files that are gone.
    pub ledger: Result<Ledger, Unaccounted>,
    /// Files that the ledger lists and that are neither here nor on a remote.
    pub gone: Vec<PathBuf>,
    /// Parquet files in the folder that no ledger lists.
    pub unknown_files: usize,
}

/// Why the files of a series cannot be accounted for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unaccounted {
    /// Another program wrote them.
    #[error("dccd did not write them; take them over with `dccd import`")]
    Foreign,
    /// dccd wrote them, and their ledger is gone.
    #[error("the ledger {} is gone", .0.display())]
    Gone(PathBuf),
    /// The ledger cannot be read.
    #[error("the ledger {} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The ledger.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
}

impl HeldSeries {
    /// `ts` of the oldest and the newest row.
    #[must_use]
    pub fn ends(&self) -> Option<(Micros, Micros)> {
        self.ledger.as_ref().ok()?.ends()
    }
}

/// Whether anything of a series lies in its folder: a ledger, whatever state it is in, or a Parquet file.
#[must_use]
pub fn is_held(layout: &Layout, series: &Series) -> bool {
    layout.ledger(series).symlink_metadata().is_ok() || !parquet_files(layout, series).is_empty()
}

/// Everything under a data path, in the order of the series' names.
///
/// # Errors
/// If a folder cannot be listed: what is in it is not known.
pub fn inventory(layout: &Layout) -> Result<Vec<HeldSeries>, StoreError> {
    Ok(layout.listed()?.iter().filter_map(|series| holding(layout, series)).collect())
}

/// The stored data of one series; `None` if there is none.
#[must_use]
pub fn holding(layout: &Layout, series: &Series) -> Option<HeldSeries> {
    let path = layout.ledger(series);
    let files = parquet_files(layout, series);
    let ledger = match Ledger::read(&path, series) {
        Ok(Some(ledger)) => Ok(ledger),
        Ok(None) if files.is_empty() => return None,
        Ok(None) if is_ours(layout, series, &files) => Err(Unaccounted::Gone(path)),
        Ok(None) => Err(Unaccounted::Foreign),
        Err(error) => {
            let reason =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Err(Unaccounted::Unreadable { path, reason })
        }
    };
    let (mut gone, mut known) = (Vec::new(), 0);
    let ledger = ledger.map(|mut ledger| {
        gone = without_gone(&mut ledger, layout, series, &files);
        known = ledger.entries().count() - ledger.remote_only().count();
        ledger
    });
    Some(HeldSeries {
        series: series.clone(),
        ledger,
        gone,
        unknown_files: files.len().saturating_sub(known),
    })
}

/// An account without the files that are not there, and the names of those that are on no remote either.
pub(super) fn without_gone_files(
    ledger: &Ledger,
    layout: &Layout,
    series: &Series,
) -> (Ledger, Vec<PathBuf>) {
    let mut ledger = ledger.clone();
    let gone = without_gone(&mut ledger, layout, series, &parquet_files(layout, series));
    (ledger, gone)
}

/// Takes the files out of an account that are not there, as the next writer of the series would; names those that are
/// on no remote either.
fn without_gone(
    ledger: &mut Ledger,
    layout: &Layout,
    series: &Series,
    files: &HashSet<String>,
) -> Vec<PathBuf> {
    let mut gone = Vec::new();
    for part in [Part::File, Part::Open] {
        let here = ledger.part(part).iter().filter(|(_, entry)| !entry.remote_only);
        // A tree not opened since open files were renamed holds them under the older name.
        let is_older = |name: &str| part == Part::Open && files.contains(&Part::older_name(name));
        let is_there = |name: &String| files.contains(&part.file_name(name)) || is_older(name);
        let missing: Vec<String> =
            here.map(|(name, _)| name.clone()).filter(|name| !is_there(name)).collect();
        for name in missing {
            let Some(period) = Period::named(series.kind(), &name) else { continue };
            let rows = ledger.part(part).get(&name).map_or(0, |entry| entry.rows);
            ledger.drop_file(&period, part, "its file was deleted");
            if rows > 0 && !ledger.part(part).contains_key(&name) {
                gone.push(layout.folder(series).join(part.file_name(&name)));
            }
        }
    }
    gone
}

/// Whether dccd wrote any of the files.
fn is_ours(layout: &Layout, series: &Series, files: &HashSet<String>) -> bool {
    let folder = layout.folder(series);
    files.iter().any(|name| {
        let opened = open_period_file(&folder.join(name), series.kind());
        // An unreadable file is more likely one of ours than one put here by hand.
        !matches!(opened, Ok(Opened::Foreign))
    })
}

/// The names of the Parquet files in a series' folder.
pub(super) fn parquet_files(layout: &Layout, series: &Series) -> HashSet<String> {
    let Ok(entries) = std::fs::read_dir(layout.folder(series)) else { return HashSet::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.ends_with(".parquet") && !name.starts_with('.')).collect()
}
