//! `dccd read SERIES`: stored rows of one or many series in the order of time, to standard output.

use std::io::{BufWriter, IsTerminal};

use clap_complete::engine::ArgValueCompleter;

use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::{Exit, complete};
use crate::clock::now;
use crate::config::Config;
use crate::engine::read::{AskError, Asked, RowFormat, WriteError};
use crate::store::{Layout, StoreError};
use crate::telemetry::events::Chain;

/// Bytes that wait before they are written.
const BUFFER_BYTES: usize = 1 << 16;

/// Print rows of one or many series in the order of time.
///
/// They are from one state: what is published and what the journal holds at this moment, beside a daemon that goes on.
/// Of many series, which are of one kind, the first columns are exchange and pair, and span where they differ in it.
///
/// Instants are as 2024-01-31T23:59:59.000000Z in CSV and JSON lines, numbers the shortest text that reads back as the same
/// number, nulls empty or null. `arrow` is the stream format, for pyarrow.ipc.open_stream.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd read binance/BTC-USDT/ohlc/1h --from 2024-01-01 --columns ts,close", "dccd read '*/BTC-*/ohlc/1d' --format jsonl --limit 100"]))]
pub struct Args {
    /// Series by name, prefix or glob: binance/BTC-USDT/ohlc/1h, binance/BTC/USDT, '*/BTC-*/trades'; see `dccd
    /// inventory`.
    #[arg(required = true, value_name = "SERIES", add = ArgValueCompleter::new(complete::series))]
    series: Vec<String>,
    /// From this time on, in the zone of the settings unless it has its own.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until this time, exclusive.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only these columns, parted by commas [default: all].
    #[arg(long, value_name = "NAMES")]
    columns: Option<String>,
    /// The most rows.
    #[arg(long, value_name = "N")]
    limit: Option<String>,
    /// csv, jsonl, arrow or parquet [default: csv].
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
}

/// Prints the rows.
pub(crate) fn run(args: Args, config: Config, out: &mut Output) -> Exit {
    let layout = Layout::new(&config.data_path);
    let Args { series, from, until, columns, limit, format } = args;
    let asked = Asked { series, from, until, columns, limit, format };
    let plan = match asked.plan(&layout, Some(&config.zone), now(), RowFormat::Csv) {
        Ok(plan) => plan,
        Err(error) => return out.fail(exit_of(&error), Chain(&error)),
    };
    if !plan.format.is_text() && std::io::stdout().is_terminal() {
        let why = format!("{} is no text for a terminal; add `> FILE`, or `| PROGRAM`", plan.format.name());
        return out.fail(Exit::Usage, why);
    }
    let rows = match plan.open(&layout) {
        Ok(rows) => rows,
        Err(error) => return out.fail(exit_of_store(&error), Chain(&error)),
    };
    match plan.write(rows, BufWriter::with_capacity(BUFFER_BYTES, out.raw())) {
        Ok(_) => Exit::Done,
        // `Output::finish` reports what standard output did not take.
        Err(WriteError::Write(_)) if out.is_refused() => Exit::Done,
        Err(WriteError::Store(error)) => out.fail(exit_of_store(&error), Chain(&error)),
        Err(error) => out.failed(&error),
    }
}

fn exit_of(error: &AskError) -> Exit {
    match error {
        AskError::Wrong(_) => Exit::Usage,
        AskError::NoSeries(_) | AskError::Broken { .. } => Exit::Failed,
        AskError::Store(error) => exit_of_store(error),
    }
}

fn exit_of_store(error: &StoreError) -> Exit {
    match error {
        StoreError::Foreign { .. } => Exit::Failed,
        _ => Exit::Storage,
    }
}
