//! The JSON shapes of HTTP answers and `--json` output, which the page shows too. Each is defined once, so that a
//! figure has the same name wherever it appears.
//!
//! Data only: no socket, file or clock. The rooms above fill them in.

mod book;
mod config;
mod coverage;
mod events;
mod exchanges;
mod files;
mod health;
mod history;
mod import;
mod logs;
mod metrics;
mod overview;
mod problem;
mod progress;
mod questions;
mod requests;
mod series;
mod streams;
mod tasks;

pub(crate) use book::{BookAnswer, LevelLine, NoBook, UncoveredWindow};
pub use config::ReloadAnswer;
pub(crate) use config::{
    Configuration, ConfiguredJob, HistoryJobAsked, OnlineCheck, OnlineState, RemovePairAsked, SettingLine,
    StreamJobAsked, Validation,
};
pub(crate) use coverage::{Coverage, CoverageSeconds, CoverageWindow};
pub(crate) use events::{
    AcceptedEvent, EventsMissed, HealthEvent, JobEvent, RowsEvent, RunEvent, StreamEvent,
};
pub(crate) use exchanges::{DepthLine, ExchangeLine, HistoryLine, LimitLine, OfferLine, PairLine, SpanLine};
pub(crate) use files::{DroppedFile, FileFault, RepairLine, Verified};
pub(crate) use health::{
    BookHealth, BooksHealth, ExchangeHealth, Health, Healthcheck, PartHealth, QueueHealth, Queues, RateLimit,
    Readiness, StreamsHealth,
};
pub use health::{DiskView, OutOfStep, RemoteView, StoreView, StreamView, Trouble, WorkerView};
pub(crate) use history::{HistoryAnswer, HistoryMetric, HistoryPoint};
pub(crate) use import::{ImportLine, ImportProblem, ImportReport};
pub(crate) use logs::{LogsAsked, LogsLine, LogsPage};
pub(crate) use metrics::MetricLine;
pub use overview::{AlertView, Freshness};
pub(crate) use overview::{
    JobSums, Overview, OverviewExchange, OverviewFailing, OverviewJob, OverviewReason, OverviewRemote,
    OverviewWorker,
};
pub(crate) use problem::Problem;
pub use progress::{
    CopyUpdate, Files, How, NotCopied, ProgressLine, RemoteSynced, Report, RestoredFiles, Update,
};
pub(crate) use questions::{
    BookAsked, CoverageAsked, FilesAsked, GapsAsked, RunsAsked, SeriesAsked, TasksAsked,
};
pub use requests::{
    AlertAsked, AlertTested, CancelAsked, CopyAsked, JobsAsked, JobsChanged, WireWork, WorkAsked,
};
pub(crate) use requests::{BackfillAsked, IgnoreAsked, RetryAsked, Started, WireSince};
pub(crate) use series::{
    FileLine, FilesPage, GapLine, GapsPage, InventoryLine, SeriesLine, SeriesPage, SeriesStatus,
};
pub(crate) use series::{GAP_STATES, SERIES_SORTS, SERIES_STATES};
pub(crate) use streams::{StreamRate, Streams};
pub(crate) use tasks::{
    AttemptLine, PrunedTasks, RunLine, RunProgress, RunsPage, TaskDetail, TaskLine, TaskReasons, TasksPage,
};
