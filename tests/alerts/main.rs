//! The alerts that are shipped: their rules, the way they take, their runbooks and dashboards, held to the metrics
//! the program has. Prometheus and Alertmanager are Debian's; where one is missing a test says that it did not run.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and write its own configuration.

mod alertmanager;
mod answers;
mod catalogue;
mod compose;
mod consistency;
mod daemon;
mod dashboards;
mod drill;
mod fire;
mod init;
#[path = "../power/mounts.rs"]
#[allow(dead_code, reason = "shared with the tests of power")]
mod mounts;
#[path = "../needs/mod.rs"]
mod needs;
mod outages;
mod overlay;
mod post;
#[path = "../tracker/postgres.rs"]
#[allow(dead_code, reason = "shared with the tests of the tracker")]
mod postgres;
mod process;
mod promql;
mod rules;
mod shipped;
mod stalled;
mod types;
