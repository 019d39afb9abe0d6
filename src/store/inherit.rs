//! Taking a series over from another process: what this data path holds of it is set aside, what the other one
//! published takes its place, and rows that only this one has are merged as late ones.
//!
//! Every step can be cut short and done again: a ledger is the last thing to leave and the last to come, so a
//! series without one was not taken over, and files set aside stay until their rows are in the journal.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::is_aside;
use crate::model::{Batch, Kind, Micros, Series, Windows};
use crate::store::accept::EARLIER;
use crate::store::file::Opened;
use crate::store::ledger::Read;
use crate::store::series_folder::SeriesFolder;
use crate::store::{Finding, Ledger, Part, Period, Store, StoreError, Writer};

/// The files that the previous owner published, as they came.
#[derive(Debug)]
pub struct Inheritance {
    /// A folder under the data path with its files, durable, each under its name.
    pub folder: PathBuf,
    /// Its account, with the ownership that is in force now.
    pub ledger: Ledger,
}

/// The outcome of merging rows of an earlier ownership.
#[derive(Debug, Default)]
pub struct Merged {
    /// Rows that were only there.
    pub rows: u64,
    /// Files they were in.
    pub files: u64,
    /// Findings on the way.
    pub findings: Vec<Finding>,
}

impl Store {
    /// Puts what another process published in the place of what is here of a series, which is set aside under
    /// [`Layout::earlier`](crate::store::Layout::earlier). Every file is judged by its own footer when the series is
    /// opened next.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while the series has a writer, [`StoreError::Foreign`] where a file that is not ours
    /// lies in the way, or a refusal of the operating system: it is to be done again then.
    pub fn inherit(&self, series: &Series, from: &Inheritance) -> Result<(), StoreError> {
        // Accepted rows go into the files that are set aside.
        let (writer, _) = self.writer(series)?;
        writer.flush()?;
        let (journal, last_ord) = (writer.ledger().journal, writer.ledger().last_ord);
        drop(writer);
        let own = self.0.series(series);
        let _files = own.files();
        if own.is_open() || own.is_left_waiting() {
            return Err(StoreError::Busy { series: series.to_string() });
        }
        let place = &own.place;
        place.create_folder()?;
        self.set_aside_earlier(place)?;
        for name in place.disk.list(&from.folder).map_err(StoreError::io("listing", &from.folder))? {
            let (from, to) = (from.folder.join(&name), place.folder.join(&name));
            place.disk.rename(&from, &to).map_err(StoreError::io("renaming", &to))?;
        }
        place.disk.sync_folder(&place.folder).map_err(StoreError::io("syncing", &place.folder))?;
        let mut ledger = Ledger { journal, lost_until: journal, ..from.ledger.clone() };
        ledger.saw_ord(last_ord);
        ledger.write_on(&*place.disk, &place.ledger(), series)
    }

    /// Goes on with what is here of a series, under a new ownership of the same process.
    ///
    /// # Errors
    /// A refusal of the operating system.
    pub fn acquire(&self, series: &Series, fence: u64) -> Result<(), StoreError> {
        let (writer, _) = self.writer(series)?;
        loop {
            // Waiting rows were accepted under the previous ownership.
            writer.flush()?;
            if writer.own.intake().acquire(fence) {
                return writer.flush().map(drop);
            }
        }
    }

    /// Forgets that a remote holds anything of a series.
    ///
    /// # Errors
    /// A refusal of the operating system.
    pub fn forget_copies(&self, series: &Series, remote: &str) -> Result<(), StoreError> {
        let (writer, _) = self.writer(series)?;
        writer.account(|ledger| ledger.forget_copies(remote));
        writer.flush().map(drop)
    }

    /// Merges the rows of files that were set aside: those in windows that are not covered are accepted and
    /// published, and prove nothing. Rows of books have no key over processes: they go to the quarantine and are
    /// a gap.
    ///
    /// # Errors
    /// A refusal of the operating system; what is not merged stays set aside.
    pub fn merge_earlier(&self, series: &Series) -> Result<Merged, StoreError> {
        let place = self.0.place(series);
        let folder = place.layout.earlier(series);
        let names = match place.disk.list(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Merged::default()),
            names => names.map_err(StoreError::io("listing", &folder))?,
        };
        if names.is_empty() {
            return Ok(Merged::default());
        }
        let (writer, findings) = self.writer(series)?;
        let mut merged = Merged { findings, ..Merged::default() };
        let derived = derived(&place, &folder, &names)?;
        for name in names.iter().filter(|name| name.contains(".parquet") && !is_aside(name)) {
            merged.rows += merge(&place, &writer, &folder.join(name), &derived)?;
            merged.files += 1;
        }
        writer.flush()?;
        for name in names {
            let path = folder.join(name);
            place.disk.remove(&path).or_else(gone).map_err(StoreError::io("removing", &path))?;
        }
        Ok(merged)
    }

    fn set_aside_earlier(&self, place: &SeriesFolder) -> Result<(), StoreError> {
        let folder = place.layout.earlier(&place.series);
        let (disk, root) = (&*place.disk, self.0.layout.root());
        self.0.folders.make(disk, root, &folder).map_err(StoreError::io("creating", &folder))?;
        let names = place.disk.list(&place.folder).map_err(StoreError::io("listing", &place.folder))?;
        let kind = place.series.kind();
        let is_period =
            |name: &&String| Part::of(name, kind).is_some() || Part::of_older_name(name, kind).is_some();
        // Without its ledger, the folder no longer counts as an account of the series.
        let ledger = "_series.json".to_owned();
        let ledger = Some(&ledger).filter(|name| names.contains(name));
        for name in ledger.into_iter().chain(names.iter().filter(is_period)) {
            let (from, to) = (place.folder.join(name), free_name(place, &folder, name)?);
            place.disk.rename(&from, &to).map_err(StoreError::io("setting aside", &from))?;
            place.disk.sync_folder(&folder).map_err(StoreError::io("syncing", &folder))?;
            place.disk.sync_folder(&place.folder).map_err(StoreError::io("syncing", &place.folder))?;
        }
        Ok(())
    }
}

/// A path in the folder that no file has.
fn free_name(place: &SeriesFolder, folder: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let mut to = folder.join(name);
    for again in 1_u32.. {
        if place.disk.look(&to).map_err(StoreError::io("looking at", &to))?.is_none() {
            break;
        }
        to = folder.join(format!("{name}.{again}"));
    }
    Ok(to)
}

/// Windows that the ledgers set aside list as computed by us.
fn derived(place: &SeriesFolder, folder: &Path, names: &[String]) -> Result<Windows, StoreError> {
    let mut derived = Windows::new();
    for name in names.iter().filter(|name| name.starts_with("_series.json")) {
        if let Read::Ledger(ledger) = Ledger::look(&*place.disk, &folder.join(name), &place.series)? {
            derived.add_all(&ledger.derived);
        }
    }
    Ok(derived)
}

/// Has the rows of one file accepted; one that is damaged, or of a book, goes to the quarantine.
fn merge(place: &SeriesFolder, writer: &Writer, path: &Path, derived: &Windows) -> Result<u64, StoreError> {
    let file = match place.look_into(path)? {
        Opened::Ours(file) => file,
        Opened::Foreign | Opened::Damaged(_) => return place.set_aside(path).map(|_| 0),
    };
    let is_whole = file.hashes()?.body == file.footer().body_sha256;
    if !is_whole || place.series.kind() == Kind::OrderBook {
        if let Some(period) = Period::named(place.series.kind(), &file.footer().period) {
            let open = writer.settled().missing(period.window);
            writer.account(|ledger| open.iter().for_each(|window| ledger.note(window, EARLIER)));
        }
        return place.set_aside(path).map(|_| 0);
    }
    let mut taken = 0;
    for index in 0..file.groups() {
        let rows = file.group(index)?;
        taken += writer.accept_late(without(&rows, derived))?;
    }
    Ok(taken)
}

fn without(rows: &Batch, windows: &Windows) -> Batch {
    let kept: Vec<usize> = (0..rows.len()).filter(|row| !windows.holds(Micros(rows.ts()[*row]))).collect();
    rows.gather(&kept)
}

fn gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
