//! Reading one period: its file, then its open file where that is alive.

use std::path::Path;

use crate::disk::{Disk, Os};
use crate::model::Series;
use crate::store::file::{Opened, PeriodFile, look_into};
use crate::store::pair::Pair;
use crate::store::{Layout, Part, StoreError};

/// How often a period is looked at anew that is changed while it is looked at.
const ATTEMPTS: u32 = 100;

/// The files that hold a period's rows, each with keys beyond those of the one before, as they were at one moment. Rows
/// that are in both amid a change of both are left out of the older one.
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
    let pair = pair_on(disk, layout, series, period)?;
    Ok(pair.file.into_iter().chain(pair.open).map(|file| *file).collect())
}

/// Both files as they were at one moment: the open one stands there before and after the other is opened.
pub(crate) fn pair_on(
    disk: &dyn Disk,
    layout: &Layout,
    series: &Series,
    period: &str,
) -> Result<Pair, StoreError> {
    let folder = layout.folder(series);
    let path = |part: Part| folder.join(part.file_name(period));
    let read_open = || match read(disk, &path(Part::Open), series)? {
        // A tree not opened since open files were renamed.
        None => read(disk, &folder.join(Part::older_name(period)), series),
        open => Ok(open),
    };
    let generation = |open: &Option<Box<PeriodFile>>| open.as_ref().map(|open| open.footer().generation);
    let mut open = read_open()?;
    for _ in 0..ATTEMPTS {
        let file = read(disk, &path(Part::File), series)?;
        let again = read_open()?;
        if generation(&again) == generation(&open) {
            return Ok(Pair::of(file, open));
        }
        open = again;
    }
    let path = path(Part::Open);
    let restless = std::io::Error::other("it is replaced again and again");
    Err(StoreError::io("reading", &path)(restless))
}

fn read(disk: &dyn Disk, path: &Path, series: &Series) -> Result<Option<Box<PeriodFile>>, StoreError> {
    if disk.look(path).map_err(StoreError::io("looking at", path))?.is_none() {
        return Ok(None);
    }
    match look_into(disk, path, series.kind())? {
        Opened::Ours(file) => Ok(Some(file)),
        Opened::Foreign => Err(StoreError::Foreign { path: path.to_owned() }),
        Opened::Damaged(reason) => Err(StoreError::Damaged { path: path.to_owned(), reason }),
    }
}
