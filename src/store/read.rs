//! Reading one period: its file, then its open file where that is alive.

use std::path::Path;

use crate::disk::{Disk, Os};
use crate::model::Series;
use crate::store::file::{Opened, PeriodFile, look_into};
use crate::store::{Layout, Part, StoreError};

/// The files that hold a period's rows, each with keys beyond those of the one before. An open file that is not
/// newer than the file beside it is left out: its rows are in that one.
///
/// # Errors
/// Where a file cannot be read or is not ours.
pub fn period_files(layout: &Layout, series: &Series, period: &str) -> Result<Vec<PeriodFile>, StoreError> {
    period_files_on(&Os, layout, series, period)
}

pub(crate) fn period_files_on(
    disk: &dyn Disk,
    layout: &Layout,
    series: &Series,
    period: &str,
) -> Result<Vec<PeriodFile>, StoreError> {
    let folder = layout.folder(series);
    let path = |part: Part| folder.join(part.file_name(period));
    // The open one first: a fold in between then shows rows twice rather than not at all, and as dead.
    let open = read(disk, &path(Part::Open), series)?;
    let file = read(disk, &path(Part::File), series)?;
    let generation = file.as_ref().map_or(0, |file| file.footer().generation);
    let open = open.filter(|open| open.footer().generation > generation);
    Ok(file.into_iter().chain(open).collect())
}

fn read(disk: &dyn Disk, path: &Path, series: &Series) -> Result<Option<PeriodFile>, StoreError> {
    if disk.look(path).map_err(StoreError::io("looking at", path))?.is_none() {
        return Ok(None);
    }
    match look_into(disk, path, series.kind())? {
        Opened::Ours(file) => Ok(Some(*file)),
        Opened::Foreign => Err(StoreError::Foreign { path: path.to_owned() }),
        Opened::Damaged(reason) => Err(StoreError::Damaged { path: path.to_owned(), reason }),
    }
}
