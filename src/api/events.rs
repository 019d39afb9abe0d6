//! Events of `GET /api/v1/events`: the data of each kind.

use std::collections::BTreeMap;

use serde::Serialize;

/// `rows`: rows that were accepted within about a second.
#[derive(Serialize)]
pub(crate) struct RowsEvent {
    pub(crate) at: String,
    /// Rows of all series named here.
    pub(crate) rows: u64,
    /// Rows of each.
    pub(crate) series: BTreeMap<String, u64>,
}

/// `run`: a run began or ended.
#[derive(Serialize)]
pub(crate) struct RunEvent<'a> {
    pub(crate) at: String,
    pub(crate) series: String,
    /// `started`, `succeeded`, `failed` or `stopped`.
    pub(crate) state: &'static str,
    /// New rows, once it ended.
    pub(crate) rows: Option<u64>,
    /// Why it failed.
    pub(crate) error: Option<&'a str>,
}

/// `job`: a job was paused or resumed.
#[derive(Serialize)]
pub(crate) struct JobEvent {
    pub(crate) at: String,
    pub(crate) series: String,
    /// `paused` or `resumed`.
    pub(crate) state: &'static str,
}

/// `stream`: a live series is in another state.
#[derive(Serialize)]
pub(crate) struct StreamEvent {
    pub(crate) at: String,
    pub(crate) series: String,
    /// `connecting`, `live`, `stale`, `refused` or `off`.
    pub(crate) state: &'static str,
}

/// `health`: the daemon's health changed.
#[derive(Serialize)]
pub(crate) struct HealthEvent<'a> {
    pub(crate) at: String,
    /// `healthy`, `degraded` or `unhealthy`.
    pub(crate) status: &'static str,
    /// The problems.
    pub(crate) reasons: &'a [String],
}

/// `accepted`: rows received live were accepted. It is followed by a line of JSON for each row, as `read` writes them.
#[derive(Serialize)]
pub(crate) struct AcceptedEvent {
    pub(crate) at: String,
    pub(crate) series: String,
    pub(crate) rows: usize,
}

/// `missed`: events between the one named by `Last-Event-ID` and the next are gone.
#[derive(Serialize)]
pub(crate) struct EventsMissed {
    /// How many; null if they were those of an earlier process.
    pub(crate) missed: Option<u64>,
}
