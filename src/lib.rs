//! dccd collects market data: it backfills history, stores it as Parquet and tells the truth about itself.

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod db;
pub mod disk;
pub mod engine;
pub mod exchange;
pub mod export;
pub mod http;
pub mod import;
pub mod jobs;
pub mod model;
pub mod net;
pub mod remote;
pub mod sim;
pub mod store;
pub mod telemetry;
pub mod tracker;
pub mod worker;
