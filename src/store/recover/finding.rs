//! What is met when files, ledger and journal of a series are made to agree.

use std::path::PathBuf;

/// Something recovery met and dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it was.
    pub kind: FindingKind,
    /// The file.
    pub path: PathBuf,
    /// What was wrong with it, or done about it.
    pub detail: String,
}

/// What recovery can meet.
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
