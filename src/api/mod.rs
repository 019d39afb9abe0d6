//! The shapes in which this program answers programs: what HTTP sends, `--json` prints and the page shows. One
//! definition each, so that a figure has one name wherever it is read.
//!
//! Only data: no socket, file or clock, and no word of where a figure comes from. Whoever knows fills them in.

mod config;
mod exchanges;
mod files;
mod health;
mod import;
mod metrics;
mod progress;
mod requests;
mod series;
mod tasks;

pub use config::ReloadAnswer;
pub(crate) use config::{OnlineCheck, OnlineState, Validation};
pub(crate) use exchanges::{DepthLine, ExchangeLine, HistoryLine, LimitLine, OfferLine, SpanLine};
pub(crate) use files::{DroppedFile, FileFault, RepairLine};
pub(crate) use health::{
    ActionError, ExchangeHealth, Health, Healthcheck, QueueHealth, Queues, RateLimit, Readiness,
};
pub use health::{DiskView, StoreView, Trouble, WorkerView};
pub(crate) use import::{ImportLine, ImportProblem, ImportReport};
pub(crate) use metrics::MetricLine;
pub use progress::{
    CopyUpdate, Files, How, NotCopied, ProgressLine, RemoteSynced, Report, RestoredFiles, Update,
};
pub(crate) use requests::WireSince;
pub use requests::{
    AlertAsked, AlertTested, CancelAsked, CopyAsked, JobsAsked, JobsChanged, WireWork, WorkAsked,
};
pub(crate) use series::{GapLine, InventoryLine, SeriesStatus};
pub(crate) use tasks::{AttemptLine, PrunedTasks, TaskDetail, TaskLine, TaskReasons};
