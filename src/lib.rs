//! dccd collects market data: it backfills history, stores it as Parquet and tells the truth about itself.

pub mod exchange;
pub mod http;
pub mod model;
pub mod telemetry;
