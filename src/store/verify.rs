//! Checking a series against its own account: every file, hash, order, key and window. Changes nothing.

use std::path::{Path, PathBuf};

use crate::disk::{Disk, Os};
use crate::model::{Micros, Series};
use crate::store::file::{Opened, PeriodFile, look_into};
use crate::store::ledger::Read;
use crate::store::merge::{keys, tidy};
use crate::store::read::pair_on;
use crate::store::{FileEntry, Layout, Ledger, Part, Period, StoreError};
use crate::telemetry::events::Chain;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub path: PathBuf,
    /// The fault.
    pub what: String,
}

const NO_LEDGER: &str = "the ledger is gone; `dccd repair` makes it anew from files of dccd's own, `dccd import` takes over those of others";
const NOWHERE: &str = "the ledger says it is on remotes only, and of none that it is there";
const GONE: &str = "the file is gone; `dccd repair` gets what it held again";

/// Checks every file of a series; no fault means every byte is accounted for.
///
/// # Errors
/// Where the operating system refuses to read.
pub fn verify_series(layout: &Layout, series: &Series) -> Result<Vec<Fault>, StoreError> {
    verify_series_on(&Os, layout, series)
}

pub(crate) fn verify_series_on(
    disk: &dyn Disk,
    layout: &Layout,
    series: &Series,
) -> Result<Vec<Fault>, StoreError> {
    let path = layout.ledger(series);
    let ledger = match Ledger::look(disk, &path, series)? {
        Read::Ledger(ledger) => *ledger,
        // A folder is there before its first file; a process that ended between the two left nothing in it.
        Read::Absent if unknown_files(disk, layout, series, &Ledger::default())?.is_empty() => {
            return Ok(Vec::new());
        }
        Read::Absent => return Ok(vec![Fault { path, what: NO_LEDGER.to_owned() }]),
        Read::Damaged(what) => return Ok(vec![Fault { path, what }]),
    };
    let mut faults = Vec::new();
    for part in [Part::File, Part::Open] {
        for (name, entry) in ledger.part(part) {
            let path = path_of(disk, &layout.folder(series), name, part)?;
            let found = verify_entry(disk, &path, series, name, entry)?;
            faults.extend(found.into_iter().map(|what| Fault { path: path.clone(), what }));
        }
    }
    for name in ledger.open_files.keys() {
        if let Some(what) = overlap(disk, layout, series, name) {
            faults.push(Fault { path: path_of(disk, &layout.folder(series), name, Part::Open)?, what });
        }
    }
    if let Some(window) = ledger.contradiction() {
        let what = format!("{window} is both covered and said to hold nothing");
        faults.push(Fault { path, what });
    }
    for path in unknown_files(disk, layout, series, &ledger)? {
        let what = verify_unknown(disk, &path, series, &ledger);
        faults.extend(what.map(|what| Fault { path, what }));
    }
    Ok(faults)
}

/// Checks a file that the ledger lists; returns its fault.
fn verify_entry(
    disk: &dyn Disk,
    path: &Path,
    series: &Series,
    name: &str,
    entry: &FileEntry,
) -> Result<Vec<String>, StoreError> {
    let look = || disk.look(path).map_err(StoreError::io("looking at", path));
    if entry.remote_only && look()?.is_none() {
        let is_nowhere = entry.remotes.is_empty();
        return Ok(is_nowhere.then(|| NOWHERE.to_owned()).into_iter().collect());
    }
    let Some(period) = Period::named(series.kind(), name) else {
        return Ok(vec!["the ledger names a file that is no period's".to_owned()]);
    };
    Ok(match verify_file(disk, path, series, &period, entry) {
        Ok(found) => found,
        Err(error) if is_gone(&error) => vec![GONE.to_owned()],
        Err(error) => vec![Chain(&error).to_string()],
    })
}

/// Checks a file that the ledger does not list; returns its fault. One that cannot be opened hides no other.
fn verify_unknown(disk: &dyn Disk, path: &Path, series: &Series, ledger: &Ledger) -> Option<String> {
    match look_into(disk, path, series.kind()) {
        Err(error) => Some(Chain(&error).to_string()),
        // A publish that was cut short: whole, and taken over by the next run.
        Ok(Opened::Ours(file)) if file.footer().generation > ledger.generation => None,
        Ok(Opened::Ours(_)) => Some("the ledger does not know it".to_owned()),
        Ok(Opened::Foreign) => Some("dccd did not write it; take it over with `dccd import`".to_owned()),
        Ok(Opened::Damaged(reason)) => Some(reason),
    }
}

fn verify_file(
    disk: &dyn Disk,
    path: &std::path::Path,
    series: &Series,
    period: &Period,
    entry: &FileEntry,
) -> Result<Vec<String>, StoreError> {
    let file = match look_into(disk, path, series.kind())? {
        Opened::Ours(file) => file,
        Opened::Foreign => return Ok(vec!["dccd did not write it".to_owned()]),
        Opened::Damaged(reason) => return Ok(vec![reason]),
    };
    let hashes = file.hashes()?;
    if hashes.whole != entry.sha256 {
        if file.footer().generation > entry.generation && hashes.body == file.footer().body_sha256 {
            return Ok(Vec::new());
        }
        return Ok(vec!["its content is not what the ledger's hash says".to_owned()]);
    }
    let mut faults = Vec::new();
    if file.footer().series != series.to_string() || file.footer().period != period.name {
        faults.push(format!("it is a file of {}, period {}", file.footer().series, file.footer().period));
    }
    if file.footer().rows != entry.rows {
        faults.push(format!("it holds {} rows and the ledger says {}", file.footer().rows, entry.rows));
    }
    faults.extend(verify_rows(&file, period)?);
    Ok(faults)
}

/// Whether there is no such file.
fn is_gone(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
}

/// Order, keys and period, row group by row group.
fn verify_rows(file: &PeriodFile, period: &Period) -> Result<Vec<String>, StoreError> {
    let mut faults = Vec::new();
    let mut last = i64::MIN;
    for index in 0..file.groups() {
        let rows = file.group(index)?;
        if !keys(&rows).is_sorted() || keys(&rows).first().is_some_and(|first| *first < last) {
            faults.push(format!("the rows of group {index} are not in order"));
        }
        last = keys(&rows).last().copied().unwrap_or(last);
        if rows.ts().iter().any(|ts| !period.window.holds(Micros(*ts))) {
            faults.push(format!("group {index} holds rows of another period"));
        }
        let (_, repeats) = tidy(rows);
        if repeats > 0 {
            faults.push(format!("{repeats} rows of group {index} are there twice"));
        }
    }
    Ok(faults)
}

/// Where a file of a period lies, in a tree that was not opened since open files have another name too.
fn path_of(disk: &dyn Disk, folder: &Path, period: &str, part: Part) -> Result<PathBuf, StoreError> {
    let path = folder.join(part.file_name(period));
    let older = folder.join(Part::older_name(period));
    let is_there = |path: &Path| disk.look(path).map_err(StoreError::io("looking at", path));
    let is_older = part == Part::Open && is_there(&path)?.is_none() && is_there(&older)?.is_some();
    Ok(if is_older { older } else { path })
}

/// Checks that every key of a period's open file lies after the last of its file, unless a change of both was cut
/// short; returns the fault.
fn overlap(disk: &dyn Disk, layout: &Layout, series: &Series, period: &str) -> Option<String> {
    // A file that cannot be read was reported by itself.
    let pair = pair_on(disk, layout, series, period).ok()?;
    let (file, open) = (pair.file.as_ref()?, pair.open.as_ref()?);
    let is_cut_short = open.footer().out_of == Some(file.footer().generation);
    (pair.overlap && !is_cut_short).then(|| "it holds rows that belong into the file beside it".to_owned())
}

fn unknown_files(
    disk: &dyn Disk,
    layout: &Layout,
    series: &Series,
    ledger: &Ledger,
) -> Result<Vec<PathBuf>, StoreError> {
    let folder = layout.folder(series);
    let names = match disk.list(&folder) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("listing", &folder)(error)),
    };
    let is_known = |name: &str| match Part::of_older_name(name, series.kind()) {
        Some(period) => ledger.open_files.contains_key(&period.name),
        None => Part::of_name(name).is_none_or(|(period, part)| ledger.part(part).contains_key(period)),
    };
    let unknown = names.iter().filter(|name| !is_known(name) && !name.starts_with('.'));
    Ok(unknown.map(|name| folder.join(name)).collect())
}
