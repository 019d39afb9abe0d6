//! Where one series lies: its folder on a disk, and the paths in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;
use crate::model::{Kind, Series};
use crate::store::file::{Opened, PeriodFile, look_into};
use crate::store::folders::Folders;
use crate::store::{Layout, Period, StoreError};

/// The two files a period can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `YYYY.parquet`: the period's rows.
    File,
    /// `YYYY_open.parquet`: rows that are not in it yet, all after its last. Its name follows the file's and comes
    /// before that of the next period, so that the order of names is the order of time.
    Open,
}

/// Suffix of an open file's stem.
const OPEN: &str = "_open";
/// The older suffix, which sorts before the file's name and so breaks the order of time.
const OLDER_OPEN: &str = ".open.parquet";

impl Part {
    /// The period a file name belongs to by its looks, and which of its files it is.
    pub(crate) fn of_name(name: &str) -> Option<(&str, Part)> {
        let stem = name.strip_suffix(".parquet")?;
        Some(stem.strip_suffix(OPEN).map_or((stem, Part::File), |period| (period, Part::Open)))
    }

    /// The period of a file of this name, where it is one of a series of the kind.
    #[must_use]
    pub fn of(name: &str, kind: Kind) -> Option<(Period, Part)> {
        let (period, part) = Part::of_name(name)?;
        Period::named(kind, period).map(|period| (period, part))
    }

    /// The period whose open file had this name in the older style.
    #[must_use]
    pub fn of_older_name(name: &str, kind: Kind) -> Option<Period> {
        name.strip_suffix(OLDER_OPEN).and_then(|period| Period::named(kind, period))
    }

    /// The name of a period's open file in the older style.
    #[must_use]
    pub fn older_name(period: &str) -> String {
        format!("{period}{OLDER_OPEN}")
    }

    /// The name a file had in the older style, where that was another one.
    #[must_use]
    pub fn older_of(name: &str) -> Option<String> {
        Part::of_name(name)
            .filter(|(_, part)| *part == Part::Open)
            .map(|(period, _)| Part::older_name(period))
    }

    /// The name of this file of a period.
    #[must_use]
    pub fn file_name(self, period: &str) -> String {
        match self {
            Part::File => format!("{period}.parquet"),
            Part::Open => format!("{period}{OPEN}.parquet"),
        }
    }
}

/// Where one series lies.
#[derive(Clone, Debug)]
pub(crate) struct SeriesFolder {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) series: Series,
    pub(crate) folder: PathBuf,
    pub(crate) folders: Arc<Folders>,
}

impl SeriesFolder {
    pub(crate) fn new(disk: Arc<dyn Disk>, folders: Arc<Folders>, layout: &Layout, series: &Series) -> Self {
        SeriesFolder {
            disk,
            layout: layout.clone(),
            series: series.clone(),
            folder: layout.folder(series),
            folders,
        }
    }

    pub(crate) fn path(&self, period: &str, part: Part) -> PathBuf {
        self.folder.join(part.file_name(period))
    }

    /// The open file of a period as older versions named it.
    pub(crate) fn older_path(&self, period: &str) -> PathBuf {
        self.folder.join(Part::older_name(period))
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.layout.ledger(&self.series)
    }

    pub(crate) fn look_into(&self, path: &Path) -> Result<Opened, StoreError> {
        look_into(&*self.disk, path, self.series.kind())
    }

    /// The file of a period that the ledger lists as present.
    pub(crate) fn open(&self, period: &Period, part: Part) -> Result<Box<PeriodFile>, StoreError> {
        let path = self.path(&period.name, part);
        match self.look_into(&path)? {
            Opened::Ours(file) => Ok(file),
            Opened::Foreign => Err(StoreError::Foreign { path }),
            Opened::Damaged(reason) => Err(StoreError::Damaged { path, reason }),
        }
    }

    pub(crate) fn create_folder(&self) -> Result<(), StoreError> {
        let made = self.folders.make(&*self.disk, self.layout.root(), &self.folder);
        made.map_err(StoreError::io("creating", &self.folder))
    }

    /// Makes the names of the series' files durable.
    pub(crate) fn sync_names(&self) -> Result<(), StoreError> {
        let (disk, folder) = (&self.disk, &self.folder);
        let synced = disk.look(folder).and_then(|found| found.map_or(Ok(()), |_| disk.sync_folder(folder)));
        synced.map_err(StoreError::io("syncing", folder))
    }

    /// Moves a file into the quarantine under a name of its own, never over another.
    pub(crate) fn set_aside(&self, path: &Path) -> Result<PathBuf, StoreError> {
        self.quarantine(path).map_err(StoreError::io("setting aside", path))
    }

    fn quarantine(&self, path: &Path) -> std::io::Result<PathBuf> {
        let (disk, layout, folder) = (&*self.disk, &self.layout, self.layout.quarantine());
        self.folders.make(disk, layout.root(), &folder)?;
        let inside = path.strip_prefix(layout.root()).unwrap_or(path);
        let flat = inside.to_string_lossy().replace('/', "__");
        let mut to = folder.join(&flat);
        for again in 1_u32.. {
            if disk.look(&to)?.is_none() {
                break;
            }
            to = folder.join(format!("{flat}.{again}"));
        }
        disk.rename(path, &to)?;
        disk.sync_folder(&folder)?;
        disk.sync_folder(crate::disk::folder_of(path))?;
        Ok(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_names_is_the_order_of_time() {
        for (kind, periods) in [
            (Kind::Ohlc, ["2023", "2024", "2025"]),
            (Kind::Trades, ["2023-12-31", "2024-01-01", "2024-01-02"]),
        ] {
            let in_time = periods.map(|period| [Part::File, Part::Open].map(|part| (period, part)));
            let names: Vec<String> =
                in_time.iter().flatten().map(|(period, part)| part.file_name(period)).collect();

            assert!(names.is_sorted(), "{names:?}");
            for ((period, part), name) in in_time.iter().flatten().zip(&names) {
                assert_eq!(Part::of(name, kind), Period::named(kind, period).map(|period| (period, *part)));
            }
        }
    }
}
