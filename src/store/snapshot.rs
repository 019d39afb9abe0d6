//! One published state of a series for as long as copying it takes: its ledger, and files that no publish replaces.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::{aside, atomic};
use crate::model::Series;
use crate::store::series_folder::SeriesFolder;
use crate::store::{FileEntry, Ledger, Part, Store, StoreError};

/// A published state of a series.
#[derive(Debug)]
pub struct Snapshot {
    /// Its ledger.
    pub ledger: Ledger,
    /// Its files that were to be copied.
    pub links: Links,
}

/// Second names of published files, in a folder of their own, under which they stay as they are. Removed on drop.
#[derive(Debug, Default)]
pub struct Links {
    folder: Option<PathBuf>,
    files: BTreeSet<(String, Part)>,
}

impl Store {
    /// The published state of a series, with links to the files that are not verified on a remote. A publish of the
    /// series is waited for. `None` if it has no ledger.
    ///
    /// # Errors
    /// A refusal of the operating system, or a damaged ledger.
    pub fn snapshot(&self, series: &Series, remote: &str) -> Result<Option<Snapshot>, StoreError> {
        let own = self.0.series(series);
        let _files = own.files();
        let Some(ledger) = Ledger::read(&own.place.ledger(), series)? else { return Ok(None) };
        let links = Links::to(&own.place, ledger.unverified(remote, None))?;
        Ok(Some(Snapshot { ledger, links }))
    }
}

impl Links {
    fn to(place: &SeriesFolder, files: Vec<(String, Part, FileEntry)>) -> Result<Links, StoreError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        if files.is_empty() {
            return Ok(Links::default());
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = aside(&place.layout.own().join(format!("links-{number}")));
        std::fs::create_dir_all(&folder).map_err(StoreError::io("creating", &folder))?;
        let mut links = Links { folder: Some(folder.clone()), files: BTreeSet::new() };
        for (period, part, _) in files {
            let path = place.path(&period, part);
            match atomic::link(&path, &folder.join(part.file_name(&period))) {
                // It is missed when it is to be copied.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                linked => {
                    linked.map_err(StoreError::io("linking", &path))?;
                    links.files.insert((period, part));
                }
            }
        }
        Ok(links)
    }

    /// The link to a file, if there is one.
    #[must_use]
    pub fn get(&self, period: &str, part: Part) -> Option<PathBuf> {
        let is_there = self.files.contains(&(period.to_owned(), part));
        self.folder.as_ref().filter(|_| is_there).map(|folder| folder.join(part.file_name(period)))
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
