//! Findings of making files, ledger and journal of a series agree.

use std::path::PathBuf;

/// Something recovery met and dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub kind: FindingKind,
    /// The file.
    pub path: PathBuf,
    /// The fault, or how it was dealt with.
    pub detail: String,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A file of ours that was damaged and now lies in quarantine; its windows are gaps.
    Quarantined,
    /// A file the ledger knew that is gone; its windows are gaps.
    Missing,
    /// A whole file the ledger did not know yet: a publish cut short, or a ledger lost.
    Adopted,
    /// A change of both files of a period that was cut short after its first step, now brought to its end.
    Emptied,
    /// An open file that had the name of older versions, and has its own now.
    Renamed,
    /// A temporary file of a process that died.
    Swept,
    /// A stretch of the journal that is no frame; its bytes lie in quarantine.
    Torn,
}
