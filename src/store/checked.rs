//! Files for readers: complete as the ledger lists them, and each byte as it was published.
//!
//! Nothing is repaired here: a fault ends the reading with the name of the file.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::disk::{Disk, Os};
use crate::model::Series;
use crate::store::file::{Footer, PeriodFile};
use crate::store::inventory::parquet_files;
use crate::store::ledger::Read;
use crate::store::{FileEntry, Layout, Ledger, Part, StoreError, period_files};

/// Waits before something is looked at again that is not as it should be: a publish is several steps.
const AGAIN: [Duration; 3] = [Duration::from_millis(20), Duration::from_millis(200), Duration::from_secs(1)];

/// The files of a series as they were checked last.
#[derive(Debug)]
pub(crate) struct Checked {
    ledger: Ledger,
    /// Files up to this length are hashed, longer ones unless they are as they were published.
    hashed_bytes: u64,
    /// Generation and digest from the footers of the files whose bytes were checked.
    footers: HashMap<PathBuf, (u64, String)>,
}

impl Checked {
    /// Begins with the ledger of a series.
    ///
    /// # Errors
    /// Where it cannot be read, or is gone while files of the series are there.
    pub(crate) fn begin(layout: &Layout, series: &Series) -> Result<Self, StoreError> {
        let ledger = patiently(|| look(layout, series))?;
        Ok(Checked { ledger, hashed_bytes: u64::MAX, footers: HashMap::new() })
    }

    /// The same with another account of the files, which believes that a file longer than so many bytes is the one that
    /// was published if its size, time and generation are.
    pub(crate) fn trusting(self, ledger: Ledger, hashed_bytes: u64) -> Self {
        Checked { ledger, hashed_bytes, ..self }
    }

    /// The same, which believes that a file longer than so many bytes is the one that was published if its size, time and
    /// generation are.
    pub(crate) fn trusting_long(self, hashed_bytes: u64) -> Self {
        Checked { hashed_bytes, ..self }
    }

    /// The account of the series.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The files that hold a period's rows, each with keys beyond those of the one before, all of them checked.
    ///
    /// # Errors
    /// Where one is gone, damaged, not ours, or on remotes only.
    pub(crate) fn period(
        &mut self,
        layout: &Layout,
        series: &Series,
        period: &str,
    ) -> Result<Vec<PeriodFile>, StoreError> {
        patiently(|| {
            let files = self.files(layout, series, period);
            if files.is_err() {
                self.ledger = look(layout, series)?;
            }
            files
        })
    }

    fn files(
        &mut self,
        layout: &Layout,
        series: &Series,
        period: &str,
    ) -> Result<Vec<PeriodFile>, StoreError> {
        let files = self.opened(layout, series, period)?;
        files.iter().try_for_each(|file| self.verify(file, period))?;
        Ok(files)
    }

    /// The same files as they are found now, and not looked into yet.
    pub(crate) fn opened(
        &self,
        layout: &Layout,
        series: &Series,
        period: &str,
    ) -> Result<Vec<PeriodFile>, StoreError> {
        self.are_there(layout, series, period)?;
        period_files(layout, series, period).map_err(|error| self.not_foreign(error, period))
    }

    /// Checks the bytes of an opened file, once.
    pub(crate) fn verify(&mut self, file: &PeriodFile, period: &str) -> Result<(), StoreError> {
        let own = identity(file.footer());
        if self.footers.get(file.path()) == Some(&own) {
            return Ok(());
        }
        let known = self.ledger.part(part_of(file.footer())).get(period);
        if known.is_some_and(|entry| self.is_as_published(file, entry)) {
            return Ok(());
        }
        let newest = known.map_or(self.ledger.generation, |entry| entry.generation);
        check(file, known, file.footer().generation > newest)
            .map_err(|reason| StoreError::Damaged { path: file.path().to_owned(), reason })?;
        self.footers.insert(file.path().to_owned(), own);
        Ok(())
    }

    /// Checks that both files of a period are where the ledger lists them.
    pub(crate) fn are_there(&self, layout: &Layout, series: &Series, period: &str) -> Result<(), StoreError> {
        [Part::File, Part::Open].into_iter().try_for_each(|part| self.is_there(layout, series, period, part))
    }

    /// Whether a file is one of those that are trusted without a hash.
    fn is_as_published(&self, file: &PeriodFile, entry: &FileEntry) -> bool {
        let is_long = entry.bytes > self.hashed_bytes && entry.generation == file.footer().generation;
        let found = if is_long { Os.look(file.path()).ok().flatten() } else { None };
        found.is_some_and(|found| found.bytes == entry.bytes && found.modified == entry.modified)
    }

    /// Checks that a file is where the ledger lists it.
    fn is_there(&self, layout: &Layout, series: &Series, period: &str, part: Part) -> Result<(), StoreError> {
        let Some(entry) = self.ledger.part(part).get(period) else { return Ok(()) };
        let folder = layout.folder(series);
        let path = folder.join(part.file_name(period));
        let mut names = vec![path.clone()];
        if part == Part::Open {
            // A tree not opened since open files were renamed.
            names.push(folder.join(Part::older_name(period)));
        }
        for name in &names {
            if Os.look(name).map_err(StoreError::io("looking at", name))?.is_some() {
                return Ok(());
            }
        }
        let series = series.to_string();
        match entry.remote_only {
            true => Err(StoreError::RemoteOnly { series, path, reason: "its rows are asked for".to_owned() }),
            false if entry.rows > 0 => Err(StoreError::Gone { series, path, rows: entry.rows }),
            false => Ok(()),
        }
    }

    /// A file as long as the one published there is that one, and what says so in its footer is damaged.
    fn not_foreign(&self, error: StoreError, period: &str) -> StoreError {
        let StoreError::Foreign { path } = error else { return error };
        let bytes = Os.look(&path).ok().flatten().map(|found| found.bytes);
        let is_ours = |part: Part| {
            let known = self.ledger.part(part).get(period);
            known.is_some_and(|entry| Some(entry.bytes) == bytes && path.ends_with(part.file_name(period)))
        };
        match is_ours(Part::File) || is_ours(Part::Open) {
            true => {
                StoreError::Damaged { path, reason: "our entry in its footer cannot be found".to_owned() }
            }
            false => StoreError::Foreign { path },
        }
    }
}

fn part_of(footer: &Footer) -> Part {
    if footer.beside.is_some() { Part::Open } else { Part::File }
}

/// Whether a file is as the ledger lists it, or as its own footer says if it was published since.
fn check(file: &PeriodFile, known: Option<&FileEntry>, is_newer: bool) -> Result<(), String> {
    let hashes = file.hashes().map_err(|error| error.to_string())?;
    match known {
        Some(entry) if entry.sha256 == hashes.whole => Ok(()),
        _ if hashes.body != file.footer().body_sha256 => {
            Err("its content is not what its digest says".to_owned())
        }
        _ if is_newer => Ok(()),
        Some(_) => Err("it is not the file that was published last".to_owned()),
        None => Err("its ledger does not know it".to_owned()),
    }
}

fn identity(footer: &Footer) -> (u64, String) {
    (footer.generation, footer.body_sha256.clone())
}

fn look(layout: &Layout, series: &Series) -> Result<Ledger, StoreError> {
    let path = layout.ledger(series);
    let unread =
        |reason: String| StoreError::NoLedger { series: series.to_string(), path: path.clone(), reason };
    match Ledger::look(&Os, &path, series)? {
        Read::Ledger(ledger) => Ok(*ledger),
        Read::Damaged(reason) => Err(unread(reason)),
        Read::Absent => match parquet_files(layout, series).is_empty() {
            true => Ok(Ledger::default()),
            false => Err(unread("it is not there".to_owned())),
        },
    }
}

/// Looks again a few times at what is not as it should be, unless it cannot become so by itself.
#[allow(clippy::disallowed_methods, reason = "the waits are short and on a thread that only reads files")]
pub(crate) fn patiently<T>(mut look: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    for wait in AGAIN {
        match look() {
            Err(error) if may_pass(&error) => std::thread::sleep(wait),
            looked => return looked,
        }
    }
    look()
}

/// Whether a writer that is at work can be why.
pub(crate) fn may_pass(error: &StoreError) -> bool {
    match error {
        StoreError::NoLedger { .. } | StoreError::Gone { .. } | StoreError::Damaged { .. } => true,
        StoreError::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}
