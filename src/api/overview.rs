//! The overview: `GET /api/v1/overview`, which `dccd top` shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The daemon at a glance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Overview {
    /// `healthy`, `degraded` or `unhealthy`.
    pub(crate) status: String,
    pub(crate) environment: String,
    pub(crate) version: String,
    pub(crate) generated_at: String,
    /// The problems, and since when.
    pub(crate) reasons: Vec<OverviewReason>,
    pub(crate) jobs: JobSums,
    pub(crate) freshness: Freshness,
    /// Alerts of the shipped rules whose threshold is met now; Prometheus waits for as long as each rule says.
    pub(crate) alerts: Vec<AlertView>,
    pub(crate) disk_free_bytes: u64,
    pub(crate) disk_size_bytes: u64,
    /// The kind of the state store, and how long it last took to answer.
    pub(crate) store: String,
    pub(crate) store_latency_ms: Option<f64>,
    pub(crate) exchanges: Vec<OverviewExchange>,
    /// How many live series are in each state.
    pub(crate) streams: BTreeMap<String, u64>,
    pub(crate) remotes: Vec<OverviewRemote>,
    pub(crate) workers: Vec<OverviewWorker>,
    /// Failing jobs by exchange, those whose pair is not listed by themselves.
    pub(crate) failing: Vec<OverviewFailing>,
    /// Failing jobs first, then running ones, then the others; the first few hundred.
    pub(crate) series: Vec<OverviewJob>,
}

impl Overview {
    /// Live series that are not listened to yet or no longer: what they miss is not known before they are.
    pub(crate) fn not_live(&self) -> u64 {
        let others = self.streams.iter().filter(|(state, _)| !matches!(state.as_str(), "live" | "off"));
        others.map(|(_, number)| number).sum()
    }
}

/// Failing jobs of one exchange.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OverviewFailing {
    pub(crate) exchange: String,
    /// Whether they fail because the exchange does not list their pairs.
    pub(crate) unlisted: bool,
    /// How many they are.
    pub(crate) series: u64,
    /// The first of them.
    pub(crate) first: Vec<String>,
    /// The last error of the first.
    pub(crate) last_error: Option<String>,
}

/// A problem.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OverviewReason {
    pub(crate) about: String,
    pub(crate) why: String,
    pub(crate) since: String,
}

/// The jobs of this process in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct JobSums {
    pub(crate) total: u64,
    pub(crate) running: u64,
    /// Due and waiting for a slot.
    pub(crate) waiting: u64,
    /// Failed when they last ran.
    pub(crate) failing: u64,
    pub(crate) paused: u64,
    /// New rows stored by their runs.
    pub(crate) rows: u64,
}

/// Series that are collected by themselves, and their newest rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Freshness {
    /// Series that are to have new rows by themselves and are not paused.
    pub expected: u64,
    /// Those whose newest row is no older than the alert for stale series allows.
    pub fresh: u64,
    /// Series with windows that are known to be missing.
    pub with_gaps: u64,
    /// The length of those windows together.
    pub gap_seconds: f64,
}

/// An alert that would fire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertView {
    /// As in the shipped rules.
    pub name: String,
    /// `critical` or `warning`.
    pub severity: String,
    /// The series, the exchange or the part of the daemon.
    pub about: String,
    /// The series, if it is about one.
    pub series: Option<String>,
    pub summary: String,
}

/// An exchange in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OverviewExchange {
    pub(crate) name: String,
    /// `up`, `down`, `limited`, `banned`, or `unknown` before the first answer.
    pub(crate) state: String,
    /// When a limit or a ban ends.
    pub(crate) until: Option<String>,
}

/// A remote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OverviewRemote {
    pub(crate) name: String,
    pub(crate) pending_files: u64,
    pub(crate) pending_bytes: u64,
    pub(crate) last_success: Option<String>,
    pub(crate) last_error: Option<String>,
}

/// A worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OverviewWorker {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) last_seen_s: f64,
    pub(crate) in_progress: u64,
    pub(crate) rss_bytes: Option<u64>,
}

/// A job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OverviewJob {
    pub(crate) series: String,
    /// `running`, `paused`, `new`, `ok` or `failed`.
    pub(crate) state: String,
    /// Whether it fails because the exchange does not list its pair.
    pub(crate) unlisted: bool,
    pub(crate) rows: u64,
    pub(crate) newest_row: Option<String>,
    pub(crate) last_run_at: Option<String>,
    pub(crate) next_run_at: Option<String>,
    /// Failed runs in a row.
    pub(crate) consecutive_errors: u32,
    pub(crate) last_error: Option<String>,
}
