//! dccd as a library: every job of a configuration once, as `dccd collect` does.
//!
//! `cargo run --example run_once -- examples/config.yml`

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use dccd::config;
use dccd::engine::{Engine, Job};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name a configuration file")?;
    let (successes, failures) = run_once(Path::new(&path)).await?;
    println!("successes={successes} failures={failures}");
    Ok(())
}

/// Runs every job once and counts how that ended; a failure of one stops none of the others.
pub(crate) async fn run_once(path: &Path) -> Result<(usize, usize), Box<dyn Error>> {
    let config = config::load(Some(path))?;
    let engine = Engine::open(&config, "example").await?;
    let stop = CancellationToken::new();
    let (mut successes, mut failures) = (0, 0);
    for job in Job::all(&config) {
        let show = |progress| eprintln!("{}: {progress:?}", job.series());
        match engine.run(&job.order, Duration::ZERO, &show, &stop).await.error {
            None => successes += 1,
            Some(error) => {
                failures += 1;
                eprintln!("{error}");
            }
        }
    }
    engine.close().await;
    Ok((successes, failures))
}
