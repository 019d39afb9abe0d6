//! dccd as a library: keep `metrics.json` for jobs of your own, as dccd does for its jobs.
//!
//! `cargo run --example health_monitor -- /tmp/some-folder`

use std::error::Error;
use std::path::Path;

use dccd::telemetry::{HealthMonitor, PairHealth};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name a folder")?;
    println!("{:?}", monitor(Path::new(&folder))?);
    Ok(())
}

/// Two runs that went well and one that did not; each is in the file when the call returns.
pub(crate) fn monitor(data_path: &Path) -> Result<PairHealth, Box<dyn Error>> {
    let monitor = HealthMonitor::open(data_path)?;
    monitor.record_success("binance", "BTC/USDT", 120)?;
    monitor.record_success("binance", "BTC/USDT", 95)?;
    monitor.record_failure("binance", "BTC/USDT")?;

    // Another process reads the same.
    let read = HealthMonitor::open(data_path)?.get_metrics();
    Ok(read.get("binance/BTC/USDT").cloned().ok_or("nothing was kept")?)
}
