//! `dccd purge`: makes room on the disk by deleting files that a remote holds.

use tokio_util::sync::CancellationToken;

use crate::api::DroppedFile;
use crate::cli::Exit;
use crate::cli::hand_over::do_copies;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::sync::NO_REMOTE;
use crate::config::Config;
use crate::engine::{CopyAsked, CopyUpdate, Update};
use crate::model::{bytes, thousands};

/// Delete files that a remote holds too, oldest first, to make room.
///
/// Each file is read back from its remote before it is deleted here. If a daemon runs on the data path, it does the
/// work.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd purge --dry-run", "dccd purge --min-free-gb 20"]))]
pub struct Args {
    /// Room to make, in GiB [default: storage.min_free_gb].
    #[arg(long, value_name = "GIB")]
    min_free_gb: Option<f64>,
    /// Only show what would be deleted.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Deletes and prints; ends with 1 if there is still too little room.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    if config.storage.remotes.is_empty() {
        return out.fail(Exit::Failed, NO_REMOTE);
    }
    let wanted_gb = args.min_free_gb.unwrap_or(config.storage.min_free_gb);
    if !(0.0..=1e6).contains(&wanted_gb) || wanted_gb == 0.0 {
        return out.fail(Exit::Usage, "say how much room to make: --min-free-gb, or `storage.min_free_gb`");
    }
    let wanted = (wanted_gb * f64::from(1_u32 << 30)) as u64;
    let (mut dropped, mut free): (Vec<DroppedFile>, Option<u64>) = (Vec::new(), None);
    let asked = CopyAsked::Purge { wanted_bytes: wanted, dry_run: args.dry_run };
    let done = do_copies(&config, "purge", asked, out, &stop, |update, _| match update {
        Update::Copied(CopyUpdate::Dropped { series, period, bytes, remote }) => {
            dropped.push(DroppedFile { series, period, bytes, remote });
        }
        Update::Copied(CopyUpdate::Purged { free_bytes }) => free = Some(free_bytes),
        _ => {}
    });
    let done = done.await;
    let Some(free) = free.filter(|_| done.is_ok()) else {
        // These were deleted, whatever happened next.
        if !dropped.is_empty() {
            print(&args, &dropped, None, out);
        }
        return done.err().unwrap_or_else(|| out.fail(Exit::Failed, "stopped"));
    };
    let freed: u64 = dropped.iter().map(|file| file.bytes).sum();
    // The file system may free room late, and a dry run frees none.
    let is_enough = free.saturating_add(freed) >= wanted;
    print(&args, &dropped, Some(free), out);
    if is_enough {
        return Exit::Done;
    }
    out.fail(
        Exit::Failed,
        format!("{} are free of {} wanted; nothing more may be dropped", bytes(free), bytes(wanted)),
    )
}

fn print(args: &Args, dropped: &[DroppedFile], free: Option<u64>, out: &mut Output) {
    if args.json {
        out.json(&dropped);
        return;
    }
    for file in dropped {
        out.line(format!("{} {}: {}, on {}", file.series, file.period, bytes(file.bytes), file.remote));
    }
    let verb = if args.dry_run { "Would drop" } else { "Dropped" };
    let count = thousands(dropped.len() as u64);
    let freed = bytes(dropped.iter().map(|file| file.bytes).sum());
    let free = free.map(|free| format!("; {} are free", bytes(free))).unwrap_or_default();
    out.line(format!("{verb} {count} file(s), {freed}{free}."));
}
