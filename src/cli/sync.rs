//! `dccd sync`: copies everything that is not verified on a remote.

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::hand_over::do_copies;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::progress::Bars;
use crate::config::Config;
use crate::engine::{CopyAsked, CopyUpdate, RemoteSynced, Update};
use crate::model::{bytes, thousands};

/// Copy what is missing to the remotes and verify it there.
///
/// Exits with 1 if anything could not be copied. If a daemon runs on the data path, it does the work and this shows
/// its progress. Ctrl-C then cancels the work. If this command is lost, with its terminal for instance, the daemon
/// goes on.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd sync"]))]
pub struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Syncs every remote, all of them side by side.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    if config.storage.remotes.is_empty() {
        return out.fail(Exit::Failed, NO_REMOTE);
    }
    let (mut ended, mut bars): (Vec<RemoteSynced>, Bars) = (Vec::new(), Bars::of_terminal());
    let done = do_copies(&config, "sync", CopyAsked::Sync {}, out, &stop, |update, out| {
        bars.show(&update);
        if let Update::Copied(CopyUpdate::Synced(synced)) = update {
            if !args.json {
                print(&synced, out);
            }
            ended.push(synced);
        }
    });
    let failed = done.await.err();
    if let (Some(failed), true) = (failed, ended.is_empty()) {
        return failed;
    }
    if args.json {
        ended.sort_unstable_by(|one, other| one.remote.cmp(&other.remote));
        out.json(&ended);
    }
    let is_done = !ended.is_empty() && ended.iter().all(|own| own.failures.is_empty());
    failed.unwrap_or(Exit::Done).or_worse(Exit::of(is_done && !stop.is_cancelled()))
}

/// The error of a command that needs a remote.
pub(super) const NO_REMOTE: &str = "no remote is configured; add one under `storage.remotes`";

fn print(synced: &RemoteSynced, out: &mut Output) {
    for failure in &synced.failures {
        let whose = if failure.series.is_empty() { String::new() } else { format!("{}: ", failure.series) };
        out.error(format!("{}: {whose}{}", synced.remote, failure.error));
    }
    let pending = match synced.pending_files {
        // A series without a readable ledger is not counted.
        0 if synced.failures.iter().any(|failure| !failure.series.is_empty()) => {
            "nothing else pending".to_owned()
        }
        0 => "nothing pending".to_owned(),
        files => format!("{} file(s), {} pending", thousands(files), bytes(synced.pending_bytes)),
    };
    let (files, sent) = (thousands(synced.files), bytes(synced.bytes));
    out.line(format!("{}: {files} file(s), {sent} sent and verified; {pending}.", synced.remote));
}
