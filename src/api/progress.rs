//! The answer to work that was asked for: one line of JSON as each thing happens, and the reports in it.

use serde::{Deserialize, Serialize};

/// A line of the answer to work that was asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgressLine {
    /// It was taken in.
    Accepted {
        /// What it is called where it is to be cancelled.
        id: u64,
    },
    /// How it goes.
    #[serde(rename = "told")]
    Update(Update),
    /// Nothing is new, and the daemon is alive.
    Alive {},
    /// Everything was told.
    Over {},
    /// Nothing more is told: the daemon stops, and not everything is done.
    Stopped {},
}

/// What is told of work under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// How far the run of a series is.
    Progress {
        /// Whose.
        series: String,
        /// Windows done.
        done: usize,
        /// Windows planned.
        planned: usize,
        /// Rows received and kept so far.
        rows: u64,
    },
    /// A run ended.
    Ended(Report),
    /// Something became of the copies.
    Copied(CopyUpdate),
    /// Runs wait: an exchange wants no request before an instant.
    Held {
        /// Who.
        exchange: String,
        /// Until when, in microseconds since 1970 by our clock.
        until: i64,
        /// Whether it has banned us, rather than asked for fewer requests.
        is_ban: bool,
    },
    /// Work that was asked for and is not done: it was stopped before these series were begun.
    NotBegun {
        /// Whose.
        series: Vec<String>,
    },
}

/// What came of it, in words and figures that can be handed from one process to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whose.
    pub series: String,
    /// New rows stored.
    pub rows: u64,
    /// Rows that replaced one of other content.
    pub revised: u64,
    /// How long it took.
    pub took_secs: f64,
    /// When a run of the series last ended, in seconds since 1970.
    pub last_run_secs: Option<f64>,
    /// When one last ended well, in seconds since 1970.
    pub last_success_secs: Option<f64>,
    /// How it ended.
    pub how: How,
    /// Why, with its causes, where it did not end well.
    pub error: Option<String>,
    /// What became of the files, where they were checked.
    pub files: Option<Files>,
    /// What each remote gave back, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brought: Vec<RestoredFiles>,
}

impl Report {
    /// A report of nothing but how the work of a series ended.
    #[must_use]
    pub fn new(series: &impl ToString, how: How) -> Self {
        Report {
            series: series.to_string(),
            rows: 0,
            revised: 0,
            took_secs: 0.0,
            last_run_secs: None,
            last_success_secs: None,
            how,
            error: None,
            files: None,
            brought: Vec::new(),
        }
    }
}

/// How work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Everything that was wanted is stored.
    Done,
    /// So many windows could not be fetched.
    Skipped(usize),
    /// It was told to stop.
    Stopped,
    /// It was not begun: somebody else works on it, or somebody decided that nobody does.
    Refused,
    /// It failed.
    Failed,
    /// The storage failed.
    Storage,
}

/// Files that were checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Files {
    /// The damaged ones, which were set aside.
    pub set_aside: Vec<String>,
    /// Known to be missing after that.
    pub gap_seconds_before: f64,
    /// Known to be missing at the end.
    pub gap_seconds_after: f64,
}

/// What is told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyUpdate {
    /// So much is not verified on a remote yet.
    Pending {
        /// The remote.
        remote: String,
        /// Files and ledgers.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// A remote was synced.
    Synced(RemoteSynced),
    /// A file was dropped, or would be.
    Dropped {
        /// Whose.
        series: String,
        /// The period.
        period: String,
        /// Its bytes.
        bytes: u64,
        /// A remote that holds it.
        remote: String,
    },
    /// A purge is over.
    Purged {
        /// The room there is.
        free_bytes: u64,
    },
    /// A remote does not say what it holds.
    NotListed {
        /// Why, with its causes.
        error: String,
    },
    /// No remote holds what was asked for.
    NotHeld {
        /// As it was asked for.
        asked: String,
        /// What they hold that is most like it.
        nearest: Option<String>,
    },
}

/// What became of one remote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoteSynced {
    /// Its name.
    pub remote: String,
    /// Files and ledgers sent and verified.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files and ledgers that are not verified there now.
    pub pending_files: u64,
    /// Their bytes.
    pub pending_bytes: u64,
    /// What could not be copied.
    pub failures: Vec<NotCopied>,
}

/// A series that could not be copied, or a remote that did not answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotCopied {
    /// Whose; empty where the remote did not answer.
    pub series: String,
    /// A word of a closed set.
    pub reason: String,
    /// Why, with its causes.
    pub error: String,
}

/// What a remote gave back of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoredFiles {
    /// The remote.
    pub remote: String,
    /// Whole files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows that went into files that are here.
    pub rows: u64,
}
