//! dccd as a library: one run of the first job of a configuration, without the daemon.
//!
//! `cargo run --example collect -- examples/config.yml`

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use dccd::config;
use dccd::engine::{Engine, Job};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name a configuration file")?;
    println!("{}", collect(Path::new(&path)).await?);
    Ok(())
}

/// Runs the first job of a configuration once, and says what came of it.
pub(crate) async fn collect(path: &Path) -> Result<String, Box<dyn Error>> {
    let config = config::load(Some(path))?;
    let job = Job::all(&config).into_iter().next().ok_or("this version runs none of its jobs")?;

    // The data path is locked until the engine is closed.
    let engine = Engine::open(&config, "example").await?;
    let stop = CancellationToken::new(); // cancel it, and the run stores what it has and ends
    let outcome = engine.run(&job.order, Duration::ZERO, &|_progress| {}, &stop).await;
    engine.close().await;

    let series = job.series();
    match outcome.error {
        None => Ok(format!("{series}: {} new rows in {:.1?}", outcome.rows, outcome.took)),
        Some(error) => Err(error.into()),
    }
}
