//! dccd as a library: everything wired by hand, as the daemon does it. Configuration, health monitor, scheduler, streams
//! and the sync of the remotes run until SIGINT or SIGTERM, and end in good order.
//!
//! `cargo run --example wiring -- examples/config.yml`

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use dccd::PairHealth;
use dccd::config;
use dccd::daemon::{Scheduler, Status};
use dccd::engine::{Engine, Job, Streams};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name a configuration file")?;
    let stop = CancellationToken::new();
    let (health, signalled) = tokio::join!(collect(Path::new(&path), &stop), until_signalled(&stop));
    signalled?;
    for (pair, health) in health? {
        println!("{pair}: {} rows, {} errors in a row", health.rows_collected, health.errors_count);
    }
    Ok(())
}

/// Cancels `stop` at the first SIGINT or SIGTERM, or ends with it.
async fn until_signalled(stop: &CancellationToken) -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = stop.cancelled() => {}
    }
    stop.cancel();
    Ok(())
}

/// Runs every job on its schedule and listens to every stream until `stop`; gives how each pair stands then.
pub(crate) async fn collect(
    path: &Path,
    stop: &CancellationToken,
) -> Result<BTreeMap<String, PairHealth>, Box<dyn Error>> {
    let config = config::load(Some(path))?;
    // The data path is locked until the engine is closed.
    let engine = Arc::new(Engine::open(&config, "example").await?);
    engine.keep_copies(); // syncs the remotes at their interval

    let status = Arc::new(Status::new()); // what a page of your own would show
    let slots = config.worker.slots as usize;
    let scheduler = Scheduler::new(Arc::clone(&engine), status, Job::all(&config), slots);
    let streams = Streams::of(Arc::clone(&engine), &config).await?;

    // Each ends by itself once it is told to: no new page is begun, and everything received is accepted.
    let (unfinished, ()) = tokio::join!(scheduler.run(stop), streams.run(stop));

    // The health monitor has heard of every run and every live minute.
    let health = engine.telemetry().health().get_metrics();
    match (unfinished, engine.close().await) {
        (0, true) => Ok(health),
        (left, _) => {
            Err(format!("{left} run(s) did not end in time; the next start goes on from there").into())
        }
    }
}
