//! The streamed answer to requested work: a line of JSON per update, and the reports in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A line of the answer to requested work.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProgressLine {
    /// The request was accepted.
    Accepted {
        /// The id to cancel it by.
        id: u64,
    },
    /// An update.
    #[serde(rename = "told")]
    Update(Update),
    /// Keep-alive: there is no news.
    Alive {},
    /// Everything is done; the last line.
    Over {},
    /// The daemon is stopping before everything is done; the last line.
    Stopped {},
}

/// An update on work in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// The progress of a run.
    Progress {
        /// The series of the run.
        series: String,
        done: usize,
        planned: usize,
        /// Rows received and stored so far.
        rows: u64,
    },
    /// A run ended.
    Ended(Report),
    /// News of the copies.
    Copied(CopyUpdate),
    /// Runs wait because an exchange accepts no requests until an instant.
    Held {
        /// Its name.
        exchange: String,
        /// The instant, in microseconds since 1970 by our clock.
        until: i64,
        /// Whether it has banned this address, rather than limited its rate.
        is_ban: bool,
    },
    /// Requested work was cancelled before it started.
    NotBegun {
        /// The series concerned.
        series: Vec<String>,
    },
}

/// The result of work on a series, in plain values that can be sent between processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The series worked on.
    pub series: String,
    /// New rows stored.
    pub rows: u64,
    /// Rows that replaced one of other content.
    pub revised: u64,
    /// Duration of the run.
    pub took_secs: f64,
    /// When a run of the series last ended, in seconds since 1970.
    pub last_run_secs: Option<f64>,
    /// When one last succeeded, in seconds since 1970.
    pub last_success_secs: Option<f64>,
    /// How it ended.
    pub how: How,
    /// The error with its causes, if it did not succeed.
    pub error: Option<String>,
    /// The result of the check of the files, if requested.
    pub files: Option<Files>,
    /// Files restored from each remote, if requested.
    #[serde(rename = "brought", default, skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<RestoredFiles>,
}

impl Report {
    /// A report with nothing but the outcome.
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
            restored: Vec::new(),
        }
    }
}

/// The outcome of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Everything that was wanted is stored.
    Done,
    /// This many windows could not be fetched.
    Skipped(usize),
    /// It was stopped.
    Stopped,
    /// It was not started: another worker has the series, or its task is ignored.
    Refused,
    /// It failed.
    Failed,
    /// The storage failed.
    Storage,
}

/// The result of a check of files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Files {
    /// Damaged files, which were set aside.
    pub set_aside: Vec<String>,
    /// Seconds known to be missing after the check.
    pub gap_seconds_before: f64,
    /// Seconds known to be missing at the end.
    pub gap_seconds_after: f64,
}

/// News of the copies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CopyUpdate {
    /// Files not verified on a remote yet.
    Pending {
        /// Its name.
        remote: String,
        /// Files and ledgers.
        files: u64,
        /// Their size.
        bytes: u64,
    },
    /// A remote was synced.
    Synced(RemoteSynced),
    /// A file was dropped, or would be in a dry run.
    Dropped {
        /// Its series.
        series: String,
        /// The period it covers.
        period: String,
        /// Its size.
        bytes: u64,
        /// A remote that holds it.
        remote: String,
    },
    /// A purge has ended.
    Purged {
        /// Free space after it.
        free_bytes: u64,
    },
    /// A remote could not be listed.
    NotListed {
        /// The error with its causes.
        error: String,
    },
    /// No remote holds a series that matches a selector.
    NotHeld {
        /// The selector.
        asked: String,
        /// The most similar series on the remotes.
        nearest: Option<String>,
    },
}

/// The result of syncing a remote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteSynced {
    /// Its name.
    pub remote: String,
    /// Files and ledgers sent and verified.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// Files and ledgers not verified there yet.
    pub pending_files: u64,
    /// Their size.
    pub pending_bytes: u64,
    /// Series that could not be copied, or the remote's own failure.
    pub failures: Vec<NotCopied>,
}

/// A series that could not be copied, or a remote that did not answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotCopied {
    /// The series; empty if the remote did not answer.
    pub series: String,
    /// The error's class, one of a closed set.
    pub reason: String,
    /// The error with its causes.
    pub error: String,
}

/// Files of a series restored from a remote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestoredFiles {
    /// Its name.
    pub remote: String,
    /// Whole files.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// Rows merged into existing files.
    pub rows: u64,
}
