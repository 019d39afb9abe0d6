//! `dccd sync`: everything that is not verified on a remote is sent there now.

use std::sync::Arc;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::one_shot::OneShot;
use crate::cli::output::Output;
use crate::config::Config;
use crate::model::{bytes, thousands};
use crate::remote::Synced;
use crate::telemetry::events::Chain;

/// Send what is not on the remotes yet and verify it there; end with 1 if anything could not be.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What became of one remote.
#[derive(Serialize)]
struct Line {
    remote: String,
    files: u64,
    bytes: u64,
    pending_files: u64,
    pending_bytes: u64,
    failures: Vec<Failure>,
}

#[derive(Serialize)]
struct Failure {
    series: String,
    reason: &'static str,
    error: String,
}

/// Syncs every remote, all of them side by side.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    if config.storage.remotes.is_empty() {
        return out.fail(Exit::Failed, NO_REMOTE);
    }
    let one_shot = match OneShot::open(&config, "sync", std::iter::empty(), out).await {
        Ok(one_shot) => one_shot,
        Err(exit) => return exit,
    };
    let site = one_shot.site();
    let mut syncing = JoinSet::new();
    for (place, remote) in site.copies().remotes().iter().enumerate() {
        let (copies, remote, stop) = (site.copies().clone(), Arc::clone(remote), stop.clone());
        syncing.spawn(async move {
            let synced = copies.sync(&remote, &stop).await;
            (place, remote.name().to_owned(), synced)
        });
    }
    let mut ended = syncing.join_all().await;
    ended.sort_unstable_by_key(|(place, ..)| *place);
    drop(site);
    one_shot.close().await;
    let lines: Vec<Line> =
        ended.into_iter().filter_map(|(_, remote, synced)| Some(line(remote, &synced?))).collect();
    let is_done = !stop.is_cancelled() && lines.iter().all(|line| line.failures.is_empty());
    if args.json {
        match serde_json::to_string_pretty(&lines) {
            Ok(text) => out.line(text),
            Err(error) => return out.fail(Exit::Failed, error),
        }
    } else {
        lines.iter().for_each(|line| print(line, out));
    }
    Exit::of(is_done)
}

/// What is said where a command has nothing to work with.
pub(super) const NO_REMOTE: &str = "no remote is configured; add one under `storage.remotes`";

fn line(remote: String, synced: &Synced) -> Line {
    let failures = synced.failures.iter().map(|(series, error)| Failure {
        series: series.to_string(),
        reason: error.reason().name(),
        error: Chain(error).to_string(),
    });
    Line {
        remote,
        files: synced.files,
        bytes: synced.bytes,
        pending_files: synced.pending_files,
        pending_bytes: synced.pending_bytes,
        failures: failures.collect(),
    }
}

fn print(line: &Line, out: &mut Output) {
    for failure in &line.failures {
        out.error(format!("{}: {}: {}", line.remote, failure.series, failure.error));
    }
    let pending = match line.pending_files {
        0 => "nothing pending".to_owned(),
        files => format!("{} file(s), {} pending", thousands(files), bytes(line.pending_bytes)),
    };
    let (files, sent) = (thousands(line.files), bytes(line.bytes));
    out.line(format!("{}: {files} file(s), {sent} sent and verified; {pending}.", line.remote));
}
