//! `dccd status`: how the jobs of each pair stand, from `metrics.json`, and the remotes, from `remotes.json`.

mod wide;

use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::table::{Column, Table};
use crate::cli::{Exit, naming};
use crate::config::Config;
use crate::model::{Micros, Zone, bytes};
use crate::remote::{Known, read_known};
use crate::store::Layout;
use crate::telemetry::{PairHealth, read_pairs};

/// Show last run, last success, rows and errors of each pair.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd status", "dccd status --wide --json"]))]
pub struct Args {
    /// Print metrics.json as it is.
    #[arg(long)]
    json: bool,
    /// Show each series, configured or not, from the state store.
    #[arg(long)]
    pub(crate) wide: bool,
}

/// Prints the table of series.
pub(crate) async fn run_wide(args: Args, config: Config, out: &mut Output) -> Exit {
    wide::run(args.json, &config, out).await
}

/// Prints the table.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    naming::note_jobs_off(&config, out);
    let pairs = match read_pairs(&config.data_path) {
        Ok(pairs) => pairs,
        Err(error) => return out.fail(Exit::Failed, error),
    };
    if args.json {
        return out.json(&pairs);
    }
    if pairs.is_empty() {
        out.line("No metrics yet.");
        return Exit::Done;
    }
    let mut table = Table::new([
        Column::left("job", 24),
        Column::time("last_run", 17, &config.zone_name),
        Column::time("last_success", 17, &config.zone_name),
        Column::right("rows", 6),
        Column::right("errors", 6),
    ]);
    pairs.iter().for_each(|(pair, health)| table.row(row(pair, health, &config.zone)));
    table.print(out);
    for (remote, known) in read_known(&Layout::new(&config.data_path).own()) {
        out.line(remote_row(&remote, &known, &config.zone));
    }
    Exit::Done
}

fn row(pair: &str, health: &PairHealth, zone: &Zone) -> [String; 5] {
    let time =
        |at: Option<f64>| at.map_or_else(|| "-".to_owned(), |at| zone.minute(Micros::from_secs_f64(at)));
    [
        pair.to_owned(),
        time(health.last_run_at),
        time(health.last_success_at),
        health.rows_collected.to_string(),
        health.errors_count.to_string(),
    ]
}

fn remote_row(remote: &str, known: &Known, zone: &Zone) -> String {
    let last = known.last_success.map_or_else(|| "never".to_owned(), |at| zone.minute(Micros(at)));
    let pending = match known.pending_files {
        0 => String::new(),
        files => format!(", {files} file(s), {} pending", bytes(known.pending_bytes)),
    };
    let failing = match known.consecutive_errors {
        0 => String::new(),
        errors => format!(", {errors} failed in a row: {}", known.last_error.as_deref().unwrap_or("unknown")),
    };
    format!("remote {remote}: last synced {last}{pending}{failing}")
}
