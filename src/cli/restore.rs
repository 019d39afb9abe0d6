//! `dccd restore`: what the remotes hold and this data path has not is brought back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::one_shot::OneShot;
use crate::cli::output::Output;
use crate::cli::sync::NO_REMOTE;
use crate::config::Config;
use crate::daemon::Site;
use crate::jobs::{tell_finding, tell_flush};
use crate::model::{Series, bytes, thousands};
use crate::remote::{Remote, RemoteError, Restored, Restoring};
use crate::telemetry::events::Chain;

/// Bring back what is missing here from the remotes, every file verified; end with 1 if anything did not come.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only series whose text begins so, such as binance/BTC-USDT.
    series: Vec<String>,
}

/// What came back over all remotes.
#[derive(Default)]
struct Sum {
    files: u64,
    bytes: u64,
    rows: u64,
    failures: u64,
    /// What was asked for by name and found.
    found: BTreeSet<String>,
}

/// Restores from every remote in turn: each brings what those before it did not.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    if config.storage.remotes.is_empty() {
        return out.fail(Exit::Failed, NO_REMOTE);
    }
    let one_shot = match OneShot::open(&config, "restore", std::iter::empty(), out).await {
        Ok(one_shot) => one_shot,
        Err(exit) => return exit,
    };
    let site = one_shot.site();
    let mut sum = Sum::default();
    for remote in site.copies().remotes() {
        tokio::select! {
            () = all(&site, remote, &args, out, &mut sum) => {}
            () = stop.cancelled() => break,
        }
    }
    drop(site);
    one_shot.close().await;
    for asked in args.series.iter().filter(|asked| !sum.found.contains(*asked)) {
        sum.failures += 1;
        out.error(format!("no remote holds {asked}"));
    }
    let (files, size, rows) = (thousands(sum.files), bytes(sum.bytes), thousands(sum.rows));
    out.line(format!("Restored {files} file(s), {size}, and {rows} rows into files that are here."));
    Exit::of(sum.failures == 0 && !stop.is_cancelled())
}

async fn all(site: &Site, remote: &Arc<dyn Remote>, args: &Args, out: &mut Output, sum: &mut Sum) {
    let restoring = Restoring {
        store: site.store().clone(),
        layout: site.layout().clone(),
        telemetry: site.telemetry().clone(),
        remote: Arc::clone(remote),
    };
    let held = match restoring.series().await {
        Ok(held) => held,
        Err(error) => {
            sum.failures += 1;
            return out.cause(&error);
        }
    };
    for series in held {
        let name = series.to_string();
        let asked: Vec<&String> =
            args.series.iter().filter(|asked| name.starts_with(asked.as_str())).collect();
        let is_asked = args.series.is_empty() || !asked.is_empty();
        sum.found.extend(asked.into_iter().cloned());
        if is_asked {
            site.declare(&series, Duration::ZERO);
            let began = Instant::now();
            let restored = restoring.restore(&series).await;
            told(site, remote.name(), &series, restored, began, out, sum);
        }
    }
}

fn told(
    site: &Site,
    remote: &str,
    series: &Series,
    restored: Result<Option<Restored>, RemoteError>,
    began: Instant,
    out: &mut Output,
    sum: &mut Sum,
) {
    let restored = match restored {
        Ok(Some(restored)) => restored,
        Ok(None) => return,
        Err(error) => {
            sum.failures += 1;
            return out.error(format!("{series}: {}", Chain(&error)));
        }
    };
    restored.findings.iter().for_each(|finding| tell_finding(site.telemetry(), series, finding));
    tell_flush(site.telemetry(), series, &restored.flushed, began.elapsed());
    sum.files += restored.files;
    sum.bytes += restored.bytes;
    sum.rows += restored.rows;
    if restored.files + restored.rows > 0 {
        let (files, rows) = (thousands(restored.files), thousands(restored.rows));
        out.line(format!("{series}: {files} file(s), {rows} rows from {remote}"));
    }
}
