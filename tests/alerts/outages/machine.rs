//! Outages that are not an exchange's: the disk, a remote, a job that hangs, the state store, a bad configuration.

use std::fs::{self, File};
use std::io::Write;
use std::time::Instant;

use dccd::sim::{Fault, Rule};
use rustix::process::Signal;
use tempfile::TempDir;

use super::site::{Plan, Samples, TestSetup, jobs, recovers};
use crate::mounts::Mounted;
use crate::needs;
use crate::overlay::Timing;
use crate::postgres;

const ONE: [(&str, &str); 1] = [("kraken", "ETH/USD")];
const BOTH: [(&str, &str); 2] = [("binance", "BTC/USDT, ETH/USDT"), ("kraken", "ETH/USD")];

/// Everything that writes fails, the state store included.
pub(super) async fn a_full_disk(timing: Timing) {
    let home = TempDir::new().unwrap();
    let disk = match Mounted::tmpfs(&home.path().join("data"), "size=64m") {
        Ok(disk) => disk,
        Err(why) => return needs::forbids(&format!("a small disk needs root and mounts: {why}")),
    };
    let plan = Plan { home, ..Plan::of(jobs(timing, &BOTH)) };
    let site = TestSetup::start("a full disk", timing, plan).await;
    site.pass(60).await;
    let path = site.daemon.path("data/.filler");
    let mut filler = File::create(&path).unwrap();
    while filler.write_all(&[0; 4_096]).is_ok() {}
    site.wait_for("runs fail", |metrics| metrics.any("dccd_job_consecutive_errors", |errors| errors > 5.0))
        .await;
    site.pass(400).await;
    drop(filler);
    fs::remove_file(path).unwrap();
    site.wait_for("it stores again", |metrics| {
        metrics.all("dccd_job_consecutive_errors", |errors| errors == 0.0)
            && metrics.all("dccd_storage_free_bytes", |bytes| bytes > 8e6)
    })
    .await;

    let told = site.rest().await;
    site.daemon.end().await;
    drop(disk);
    assert_eq!(told, ["the disk of dccd on DCCD is full", "resolved: the disk of dccd on DCCD is full"]);
}

pub(super) async fn a_remote(timing: Timing) {
    let home = TempDir::new().unwrap();
    let (nas, away) = (home.path().join("nas"), home.path().join("away"));
    fs::create_dir(&nas).unwrap();
    let storage = format!(
        "sync_interval: 20, flush_interval: 5, remotes: [{{provider: rclone, remote: {:?}}}]",
        nas.join("crypto/")
    );
    let plan = Plan { home, storage, sections: jobs(timing, &BOTH) };
    let site = TestSetup::start("a remote", timing, plan).await;
    site.wait_for("a copy", |metrics| metrics.all("dccd_sync_last_success_timestamp_seconds", |at| at > 0.0))
        .await;
    fs::rename(&nas, &away).unwrap();
    fs::write(&nas, "").unwrap();
    let failed = site
        .wait_for("three failures", |metrics| {
            metrics.any("dccd_sync_consecutive_errors", |errors| errors >= 3.0)
        })
        .await;
    site.is_told(0, failed).await;
    site.pass(400).await;
    fs::remove_file(&nas).unwrap();
    fs::rename(&away, &nas).unwrap();
    let recovered = site
        .wait_for("a copy", |metrics| metrics.all("dccd_sync_consecutive_errors", |errors| errors == 0.0))
        .await;
    site.is_resolved(1, recovered).await;

    let failing = "N syncs in a row to HOME/nas/crypto failed";
    assert_eq!(site.rest().await, [failing, &format!("resolved: {failing}")]);
}

/// An exchange that takes requests and never answers, with the longest time-out there is.
pub(super) async fn a_stuck_job(timing: Timing) {
    let sections = jobs(timing, &ONE)
        .replace("rest_url: KRAKEN", "rest_url: KRAKEN, timeout: 600")
        .replace("span: 60", "span: 60, max_retries: 10");
    let site = TestSetup::start("a stuck job", timing, Plan::of(sections)).await;
    site.kraken.set(|knobs| knobs.faults = vec![Rule::always(Fault::Silent)]);
    site.message(0, Instant::now()).await;
    recovers(&site.kraken);
    let recovered = site
        .wait_for("no run is under way", |metrics| {
            metrics.all("dccd_job_lease_timestamp_seconds", |at| at == 0.0)
        })
        .await;
    site.is_resolved(1, recovered).await;

    let stuck = "kraken ETH/USD ohlc Nm has been running for Nm Ns without receiving data";
    assert_eq!(site.rest().await, [stuck, &format!("resolved: {stuck}")]);
}

/// Collecting goes on.
pub(super) async fn the_state_store(timing: Timing) {
    let Some(mut server) = postgres::Server::start("-c fsync=off") else { return };
    let url = server.database().await;
    let sections = format!("store: {url}\n{}", jobs(timing, &BOTH));
    let site = TestSetup::start("the state store", timing, Plan::of(sections)).await;
    site.pass(60).await;
    server.order("stop");
    site.message(0, Instant::now()).await;
    site.pass(300).await;
    server.order("start");
    let recovered = site
        .wait_for("a heartbeat", |metrics| {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
            metrics.all("dccd_worker_heartbeat_timestamp_seconds", |at| now - at < 15.0)
        })
        .await;
    site.is_resolved(1, recovered).await;

    let away = "dccd on DCCD has not reached its state store for Nm Ns";
    assert_eq!(site.rest().await, [away, &format!("resolved: {away}")]);
}

pub(super) async fn a_bad_reload(timing: Timing) {
    let site = TestSetup::start("a bad reload", timing, Plan::of(jobs(timing, &BOTH))).await;
    site.pass(60).await;
    let path = site.daemon.path("config.yml");
    let good = fs::read_to_string(&path).unwrap();
    let is_refused = |wanted: bool| {
        move |metrics: &Samples| {
            metrics.all("dccd_config_last_reload_successful", |is_good| (is_good == 0.0) == wanted)
        }
    };
    fs::write(&path, good.replace("span: 60", "spam: 60")).unwrap();
    site.daemon.signal(Signal::HUP);
    site.wait_for("it is refused", is_refused(true)).await;
    site.message(0, Instant::now()).await;
    site.pass(120).await;
    fs::write(&path, good).unwrap();
    site.daemon.signal(Signal::HUP);
    let recovered = site.wait_for("it is accepted", is_refused(false)).await;
    site.is_resolved(1, recovered).await;

    let older = "dccd on DCCD runs an older configuration than its file";
    assert_eq!(site.rest().await, [older, &format!("resolved: {older}")]);
}
