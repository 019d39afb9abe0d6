//! Rows that cannot be true, kept as text: a file for each series in the quarantine, a JSON object a line.
//!
//! A text is durable before anything speaks of the rest of its page. What is in such a file stays in it: a line that
//! is damaged is passed over by readers and kept as it is by writers.
//!
//! **An odd row is durable as text before its page is accepted** (`store/set_aside.rs`), so that coverage never
//! passes over a row that is nowhere. A text that is there already is made durable again by name: the process
//! that wrote it may have died before it synced the folder.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::disk::{Disk, Named, Os, is_aside};
use crate::model::{Micros, OddFault, OddRow, Series};
use crate::store::series_folder::SeriesFolder;
use crate::store::{Layout, StoreError};

/// Rows that are set aside of one series before it stops being collected: so many are no odd rows any more.
const MOST_ROWS: usize = 10_000;
/// The most bytes of them.
const MOST_BYTES: u64 = 16 << 20;
/// How much of what is wrong with a row is kept, in bytes.
const DETAIL_BYTES: usize = 1_024;
const EXTENSION: &str = ".jsonl";

/// A row that cannot be true, as it was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAsideRow {
    /// When it was.
    pub seen_at: Micros,
    /// Its open or instant, where that can be true.
    pub at: Option<Micros>,
    /// The word of its [fault](OddFault), or one of a later version.
    pub fault: String,
    /// The fault, in words.
    pub detail: String,
    /// The row as the exchange sent it, cut to a few kilobytes.
    pub text: String,
}

/// The rows of a series that are set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowsAside {
    /// The rows, in the order they were set aside.
    pub rows: Vec<SetAsideRow>,
    /// Lines that cannot be read.
    pub damaged: u64,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct AsideLine<'a> {
    seen_at: Written,
    at: Option<Written>,
    #[serde(borrow)]
    fault: Cow<'a, str>,
    #[serde(borrow)]
    detail: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// An instant as RFC 3339 writes it.
struct Written(Micros);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let at: Timestamp = Cow::<str>::deserialize(from)?.parse().map_err(D::Error::custom)?;
        Ok(Written(Micros(at.as_microsecond())))
    }
}

impl Layout {
    /// The folder of the rows that are set aside.
    fn rows_aside(&self) -> PathBuf {
        self.quarantine().join("rows")
    }

    /// The file of the rows of a series that are set aside; absent where none ever was.
    #[must_use]
    pub fn set_aside(&self, series: &Series) -> PathBuf {
        self.rows_aside().join(Layout::key(series).replace('/', "__") + EXTENSION)
    }

    /// Every series of which rows are set aside, whatever else there is of it.
    ///
    /// # Errors
    /// Where their folder cannot be read.
    pub fn series_with_rows_aside(&self) -> Result<Vec<Series>, StoreError> {
        let folder = self.rows_aside();
        let names = match Os.list(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            listed => listed.map_err(StoreError::io("reading", &folder))?,
        };
        let mut series: Vec<Series> = names.iter().filter_map(|name| series_of(name)).collect();
        series.sort();
        Ok(series)
    }
}

/// The series whose file has a name; its parts have never two underscores in a row.
fn series_of(name: &str) -> Option<Series> {
    Layout::series_at(&name.strip_suffix(EXTENSION)?.replace("__", "/"))
}

/// The rows of a series that are set aside.
///
/// # Errors
/// Where the operating system refuses, or what lies there is no file or longer than dccd ever writes one.
pub fn set_aside_rows(layout: &Layout, series: &Series) -> Result<RowsAside, StoreError> {
    rows_on(&Os, layout, series)
}

pub(crate) fn rows_on(disk: &dyn Disk, layout: &Layout, series: &Series) -> Result<RowsAside, StoreError> {
    let bytes = read(disk, &layout.set_aside(series))?;
    let mut found = RowsAside::default();
    for raw in lines(&bytes) {
        let Ok(line) = serde_json::from_slice::<AsideLine<'_>>(raw) else {
            found.damaged += 1;
            continue;
        };
        found.rows.push(SetAsideRow {
            seen_at: line.seen_at.0,
            at: line.at.map(|at| at.0),
            fault: line.fault.into_owned(),
            detail: line.detail.into_owned(),
            text: line.text.into_owned(),
        });
    }
    Ok(found)
}

/// Sets rows of a series aside, but for those whose text is there with the same fault, and returns how many are new by
/// fault. When this returns all of them survive a power cut.
///
/// # Errors
/// [`StoreError::TooManyAside`] past the bound, or a refusal of the operating system; what was there stays.
pub(crate) fn add(
    place: &SeriesFolder,
    rows: &[OddRow],
    seen_at: Micros,
) -> Result<BTreeMap<OddFault, u64>, StoreError> {
    let (disk, layout) = (&*place.disk, &place.layout);
    if rows.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (folder, path) = (layout.rows_aside(), layout.set_aside(&place.series));
    let made = place.folders.make(disk, layout.root(), &folder);
    made.and_then(|()| expect(disk, &folder, Named::Folder)).map_err(StoreError::io("creating", &folder))?;
    let mut bytes = read(disk, &path)?;
    let new = unknown(&bytes, rows);
    if new.is_empty() {
        // A name that is seen need not be durable.
        disk.sync_folder(&folder).map_err(StoreError::io("syncing", &folder))?;
        return Ok(BTreeMap::new());
    }
    let held = lines(&bytes).count();
    if bytes.last().is_some_and(|last| *last != b'\n') {
        bytes.push(b'\n');
    }
    for row in &new {
        let line = encoded(row, seen_at).map_err(StoreError::io("encoding", &path))?;
        bytes.extend(line);
        bytes.push(b'\n');
    }
    if held + new.len() > MOST_ROWS || bytes.len() as u64 > MOST_BYTES {
        return Err(StoreError::TooManyAside { series: place.series.to_string(), path });
    }
    sweep(disk, &folder, &path)
        .and_then(|()| disk.replace(&path, &bytes))
        .map_err(StoreError::io("writing", &path))?;
    let mut by_fault = BTreeMap::new();
    new.iter().for_each(|row| *by_fault.entry(row.fault).or_default() += 1);
    Ok(by_fault)
}

/// Each row once whose text is not among the lines with the same fault.
fn unknown<'a>(bytes: &[u8], rows: &'a [OddRow]) -> Vec<&'a OddRow> {
    let held: Vec<AsideLine<'_>> =
        lines(bytes).filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let mut known: HashSet<(&str, &str)> = held.iter().map(|line| (&*line.fault, &*line.text)).collect();
    rows.iter().filter(|row| known.insert((row.fault.name(), row.text.as_str()))).collect()
}

fn encoded(row: &OddRow, seen_at: Micros) -> io::Result<Vec<u8>> {
    let detail = &row.detail[..row.detail.floor_char_boundary(DETAIL_BYTES)];
    let line = AsideLine {
        seen_at: Written(seen_at),
        at: row.at.map(Written),
        fault: row.fault.name().into(),
        detail: detail.into(),
        text: row.text.as_str().into(),
    };
    serde_json::to_vec(&line).map_err(io::Error::other)
}

/// The lines that are not empty.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// The content of the file; nothing where it is absent.
fn read(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, StoreError> {
    let within_bounds = || {
        expect(disk, path, Named::File)?;
        let Some(found) = disk.look(path)? else { return Ok(Vec::new()) };
        if found.bytes > MOST_BYTES {
            return Err(io::Error::other(
                "it is longer than dccd writes one; look into it, then move it away",
            ));
        }
        disk.read(path)
    };
    within_bounds().map_err(StoreError::io("reading", path))
}

/// Links lead elsewhere, and other things may never end.
fn expect(disk: &dyn Disk, path: &Path, wanted: Named) -> io::Result<()> {
    match disk.named(path)? {
        Some(named) if named != wanted => {
            let wanted = if wanted == Named::Folder { "folder" } else { "file" };
            Err(io::Error::other(format!("it is a link or no {wanted}; move it away")))
        }
        _ => Ok(()),
    }
}

/// Removes what processes left behind that ended while they wrote the file.
fn sweep(disk: &dyn Disk, folder: &Path, path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let own = format!(".{name}.");
    let left = disk.list(folder)?.into_iter().filter(|name| name.starts_with(&own) && is_aside(name));
    left.map(|name| folder.join(name)).try_for_each(|path| disk.remove(&path))
}

#[cfg(test)]
mod tests;
