//! dccd collects market data: it backfills history, stores it as Parquet and tells the truth about itself.

pub mod cli;
pub mod config;
pub mod exchange;
pub mod model;
