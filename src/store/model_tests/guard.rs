//! Guarantees of the disk and of the order of steps that can be left out, to see whether anything notices.

use std::path::{Path, PathBuf};

use super::names::{Change, Entry};
use crate::disk::{aside, is_aside};

/// A guarantee that can be left out, to see whether anything notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Guard {
    /// Frames of the journal.
    Frames,
    /// The name of a new segment.
    SegmentName,
    /// The content of a period's file.
    File,
    /// The content of an open file.
    OpenFile,
    /// The content of a ledger.
    Ledger,
    /// The name of a period's file.
    FileName,
    /// The name of an open file.
    OpenFileName,
    /// The name of a ledger.
    LedgerName,
    /// The name of a folder of a series, or above one.
    SeriesFolder,
    /// The name of the journal's folder, or of dccd's own.
    JournalFolder,
    /// The content of a file of rows that are set aside.
    SetAside,
    /// The name of such a file.
    SetAsideName,
    /// In a fold the file takes its name before the open file does.
    FoldOrder,
    /// Where rows are taken out of the file, the open file takes its name before that one does.
    TakeOutOrder,
    /// A word of a session counts only where all frames it names were found.
    NamedFrames,
}

/// The guarantee that a change of a name gives.
pub(super) fn guard_of(change: &Change) -> Option<Guard> {
    match change {
        Change::Rename(_, to, _) => match guard_of_content(to) {
            Some(Guard::Frames) => Some(Guard::SegmentName),
            Some(Guard::File) => Some(Guard::FileName),
            Some(Guard::OpenFile) => Some(Guard::OpenFileName),
            Some(Guard::Ledger) => Some(Guard::LedgerName),
            Some(Guard::SetAside) => Some(Guard::SetAsideName),
            _ => None,
        },
        Change::Set(path, Entry::Folder) if path.components().any(|part| part.as_os_str() == ".dccd") => {
            Some(Guard::JournalFolder)
        }
        Change::Set(_, Entry::Folder) => Some(Guard::SeriesFolder),
        _ => None,
    }
}

pub(super) fn guard_of_content(path: &Path) -> Option<Guard> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_prefix('.').filter(|_| is_aside(name)).unwrap_or(name);
    let name = name.split(".tmp-").next()?;
    match name {
        "_series.json" => Some(Guard::Ledger),
        _ if name.ends_with(".jsonl") => Some(Guard::SetAside),
        _ if name.ends_with(".journal") => Some(Guard::Frames),
        _ if name.ends_with("_open.parquet") => Some(Guard::OpenFile),
        _ if name.ends_with(".parquet") => Some(Guard::File),
        _ => None,
    }
}

/// The other file of a period, while it is written and has not its name yet.
pub(super) fn aside_of_other(path: &Path) -> Option<PathBuf> {
    let stem = path.file_stem()?.to_str()?;
    let other = stem.strip_suffix("_open").map_or_else(|| format!("{stem}_open"), str::to_owned);
    Some(aside(&path.with_file_name(format!("{other}.parquet"))))
}
