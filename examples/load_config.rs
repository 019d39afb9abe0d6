//! dccd as a library: load a configuration, with everything that is wrong with it at once.
//!
//! `cargo run --example load_config -- examples/config.yml`

use std::error::Error;
use std::path::Path;

use dccd::config;
use dccd::engine::Job;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name a configuration file")?;
    for line in load(Path::new(&path))? {
        println!("{line}");
    }
    Ok(())
}

/// A configuration's series, one per line; or all of its problems, each with its place.
pub(crate) fn load(path: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let config = config::load(Some(path)).map_err(|error| error.lines().join("\n"))?;
    let jobs = Job::all(&config);
    Ok(jobs.iter().map(|job| format!("{} into {}", job.series(), config.data_path.display())).collect())
}
