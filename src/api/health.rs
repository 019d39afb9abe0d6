//! The state of the daemon: `/health`, `/health/v2/queues`, `/-/ready`, the page and `dccd healthcheck`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::model::Micros;

/// `/health`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health<'a> {
    /// `healthy`, `degraded` or `unhealthy`.
    pub(crate) status: &'static str,
    pub(crate) environment: &'a str,
    pub(crate) version: &'static str,
    /// The problems, and since when.
    pub(crate) reasons: Vec<Trouble>,
    pub(crate) workers: Vec<PartHealth<&'a WorkerView>>,
    pub(crate) store: PartHealth<&'a StoreView>,
    pub(crate) disk: PartHealth<&'a DiskView>,
    pub(crate) exchanges: Vec<PartHealth<ExchangeHealth<'a>>>,
    pub(crate) streams: StreamsHealth<'a>,
    pub(crate) books: BooksHealth<'a>,
    pub(crate) remotes: Vec<PartHealth<&'a RemoteView>>,
    pub(crate) generated_at: String,
}

/// A part, and what is wrong with it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PartHealth<T> {
    #[serde(flatten)]
    pub(crate) part: T,
    /// The problem, if there is one.
    pub(crate) reason: Option<String>,
    /// When it began.
    pub(crate) since: Option<String>,
}

/// The live books.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BooksHealth<'a> {
    pub(crate) in_step: u64,
    pub(crate) out_of_step: Vec<BookHealth<'a>>,
}

/// A live book that is out of step with its exchange.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BookHealth<'a> {
    pub(crate) series: &'a str,
    #[serde(flatten)]
    pub(crate) fallen: &'a OutOfStep,
}

/// Why a book is out of step, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OutOfStep {
    pub reason: String,
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub since: Micros,
}

/// A remote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct RemoteView {
    pub name: String,
    /// Files and ledgers that are not verified there.
    pub pending_files: u64,
    pub pending_bytes: u64,
    /// When everything was last verified there.
    #[serde(serialize_with = "maybe_as_text")]
    #[schemars(with = "Option<String>")]
    pub last_success: Option<Micros>,
    /// Syncs that failed in a row.
    pub consecutive_errors: u32,
    /// The error of the last of them.
    pub last_error: Option<String>,
}

/// The live series.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StreamsHealth<'a> {
    /// How many are in each state.
    pub(crate) states: BTreeMap<&'a str, u64>,
    /// Those that are not live, and why.
    pub(crate) not_live: Vec<&'a StreamView>,
}

/// A live series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct StreamView {
    pub series: String,
    /// `connecting`, `live`, `stale`, `refused` or `off`.
    pub state: &'static str,
    /// Since when it is in that state.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub since: Micros,
    /// Why it is not live, if known.
    pub why: Option<String>,
    /// The exchange's time of the newest message with rows.
    #[serde(serialize_with = "maybe_as_text")]
    #[schemars(with = "Option<String>")]
    pub last_message: Option<Micros>,
    /// Seconds from the exchange's time of that message to its receipt.
    pub lag_s: Option<f64>,
    /// Connections made for it after the first.
    pub reconnects: u64,
    /// Of a book that is out of step: why, and since when.
    pub out_of_step: Option<OutOfStep>,
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Trouble {
    /// The affected part.
    pub about: String,
    /// Plain text.
    pub why: String,
    /// When it began.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub since: Micros,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.about, self.why)
    }
}

fn as_text<S: Serializer>(at: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn maybe_as_text<S: Serializer>(at: &Option<Micros>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

/// A worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct WorkerView {
    /// Its name, unique among all processes that ever ran.
    pub id: String,
    /// Its process id, on its own host.
    pub pid: u32,
    pub version: String,
    /// `starting`, `running`, `stopping` or `stuck` for this process; `healthy`, `stale` or `dead` for others.
    pub state: &'static str,
    /// Seconds since its last heartbeat.
    pub last_seen_s: f64,
    /// Seconds since its scheduler's last tick.
    pub loop_lag_s: f64,
    pub in_progress: u64,
    pub rss_bytes: Option<u64>,
}

/// The state store at the last probe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct StoreView {
    /// `sqlite` or `postgres`.
    pub kind: &'static str,
    /// The version of the database engine.
    pub version: String,
    /// The duration of the last probe.
    pub latency_ms: Option<f64>,
    pub size_bytes: Option<u64>,
    pub wal_bytes: Option<u64>,
    pub connections: u32,
    /// Why it cannot be used, if it cannot.
    pub error: Option<String>,
}

/// The disk as last measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct DiskView {
    pub free_bytes: u64,
    pub size_bytes: u64,
    /// Why rows cannot be accepted or published, if so.
    pub error: Option<String>,
}

/// An exchange in use.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExchangeHealth<'a> {
    pub(crate) name: &'a str,
    pub(crate) up: bool,
    pub(crate) limited_until: Option<String>,
    pub(crate) banned_until: Option<String>,
}

/// `/health/v2/queues`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Queues<'a> {
    pub(crate) broker: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'a str>,
    pub(crate) store: &'a StoreView,
    pub(crate) environment: &'a str,
    pub(crate) queues: BTreeMap<&'a str, QueueHealth<'a>>,
    pub(crate) workers: &'a [WorkerView],
    pub(crate) generated_at: String,
}

/// The jobs of one exchange, counted by state.
#[derive(Serialize, JsonSchema)]
pub(crate) struct QueueHealth<'a> {
    pub(crate) name: &'a str,
    /// `active`, or `paused` if every job is.
    pub(crate) status: &'static str,
    pub(crate) depth: u64,
    pub(crate) scheduled: u64,
    pub(crate) in_progress: u64,
    pub(crate) failed: u64,
    pub(crate) exhausted: u64,
    pub(crate) paused: u64,
    pub(crate) oldest_waiting_s: f64,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) paused_until: Option<String>,
}

/// Request weight allowed in so many seconds.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RateLimit {
    pub(crate) limit: u32,
    pub(crate) per_s: f64,
    /// Seconds until the exchange accepts requests again; 0 if it does now.
    pub(crate) free_in_s: f64,
}

/// `/-/ready`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    pub(crate) reasons: Vec<String>,
}

/// `dccd healthcheck`. Unknown figures are null.
#[derive(Serialize)]
pub(crate) struct Healthcheck<'a> {
    /// `healthy`, `degraded` or `unhealthy`, as in `/health`.
    pub(crate) status: &'a str,
    /// `running`, `starting` or `stopping`; else the problem: `gone`, `silent` or `stuck`.
    pub(crate) worker: &'a str,
    pub(crate) broker: &'static str,
    pub(crate) database: &'static str,
    pub(crate) queue_depth: Option<u64>,
    pub(crate) processing: Option<u64>,
    pub(crate) failed: Option<u64>,
    pub(crate) environment: &'a str,
    /// The problem, if it is not healthy.
    pub(crate) reason: Option<String>,
}
