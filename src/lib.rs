//! dccd collects market data: it backfills history, stores it as Parquet and tells the truth about itself.
//!
//! # The library
//!
//! [`Service`] is the whole program: every job on its schedule, pages and metrics, a graceful end. [`Engine`] is one
//! data path in use, to run jobs yourself. [`config`] reads and checks the YAML file, [`exchange`] holds the protocols,
//! to which [`exchange::add`] adds one of your own, and [`model`] has the values that all of them speak in.
//!
//! ```no_run
//! # async fn whole() -> Result<(), Box<dyn std::error::Error>> {
//! use dccd::{Service, config};
//! use tokio_util::sync::CancellationToken;
//!
//! let service = Service::prepare(config::load(None)?).await?;
//! let ended = service.run(CancellationToken::new()).await;
//! assert!(ended.is_durable);
//! # Ok(())
//! # }
//! ```
//!
//! # The rooms
//!
//! From the bottom up: [`model`], [`exchange`] and the clock know no file and no socket. Disk, [`telemetry`], the database
//! and the network client are above them; the tracker, the [`store`] and the remotes above those. `jobs` fetches one series,
//! `worker` is this process among others, [`engine`] what commands and the daemon share, [`daemon`] what runs for long, and
//! [`service`] starts and ends all of it. Rooms that are not shown here are for this project's own programs and tests,
//! and may change at any time.

#[doc(hidden)]
pub mod api;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod clock;
pub mod config;
#[doc(hidden)]
pub mod daemon;
#[doc(hidden)]
pub mod db;
#[doc(hidden)]
pub mod disk;
pub mod engine;
pub mod exchange;
#[doc(hidden)]
pub mod export;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
#[doc(hidden)]
pub mod http;
#[doc(hidden)]
pub mod import;
#[doc(hidden)]
pub mod jobs;
pub mod model;
#[doc(hidden)]
pub mod net;
#[doc(hidden)]
pub mod remote;
pub mod service;
#[doc(hidden)]
pub mod sim;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod telemetry;
#[doc(hidden)]
pub mod tracker;
#[doc(hidden)]
pub mod worker;

pub use config::Config;
pub use engine::{Engine, EngineError, Job, MetricHistory, history};
pub use exchange::Exchange;
pub use service::{Ended, Service, ServiceError};
pub use telemetry::{HealthMonitor, PairHealth, SeriesHealth};
