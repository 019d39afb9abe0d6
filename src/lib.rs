//! dccd collects market data: it backfills history, stores it as Parquet and tells the truth about itself.

pub mod db;
pub mod exchange;
pub mod jobs;
pub mod model;
pub mod net;
pub mod store;
pub mod telemetry;
