//! dccd as a library: the scheduler in a program of your own, ended gracefully.
//!
//! `cargo run --example scheduler -- examples/config.yml`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use dccd::config;
use dccd::daemon::Scheduler;
use dccd::daemon::Status;
use dccd::engine::{Engine, Job};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name a configuration file")?;
    let stop = CancellationToken::new();
    let until_interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
        stop.cancel();
    };
    let (rows, ()) = tokio::join!(schedule(Path::new(&path), &stop), until_interrupted);
    println!("{} rows so far", rows?);
    Ok(())
}

/// Runs every job on its schedule until `stop`; gives the rows its series hold then.
pub(crate) async fn schedule(path: &Path, stop: &CancellationToken) -> Result<u64, Box<dyn Error>> {
    let config = config::load(Some(path))?;
    let engine = Arc::new(Engine::open(&config, "example").await?);
    let status = Arc::new(Status::new()); // what a page of your own would show
    let slots = config.worker.slots as usize;
    let scheduler = Scheduler::new(Arc::clone(&engine), Arc::clone(&status), Job::all(&config), slots);

    let unfinished = scheduler.run(stop).await;

    let rows = engine.telemetry().health().series().iter().map(|series| series.rows).sum();
    // The data path is free again only once the engine is closed.
    match (unfinished, engine.close().await) {
        (0, true) => Ok(rows),
        (left, _) => {
            Err(format!("{left} run(s) did not end in time; the next start goes on from there").into())
        }
    }
}
