//! `dccd export SERIES`: stored rows as CSV or an Excel workbook.

use std::path::{Path, PathBuf};

use clap_complete::engine::ArgValueCompleter;

use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::{Exit, complete, naming};
use crate::config::Config;
use crate::export::{ExportError, Format, to_file, to_stream};
use crate::model::{Micros, Series, thousands};
use crate::store::{Layout, Scan, StoreError, scan};

/// Write series as CSV or Excel workbooks.
///
/// Every file is checked before it is read.
///
/// CSV: a header, lines ended by a line feed, instants as 2024-01-31T23:59:59.000000Z (ISO 8601, UTC,
/// always six digits: pandas.read_csv(parse_dates=["ts"]) takes them), numbers as the shortest text that
/// reads back as the same number, nulls empty.
///
/// XLSX: instants as dates in UTC, which Excel keeps to the millisecond; trades and order books have
/// them a second time as text with microseconds (ts_text). Sheets hold 1,048,575 rows each.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd export kraken/BTC-USDT/ohlc/1h --from 2024-01-01 -o btc.csv", "dccd export '*/BTC-*/ohlc/1d' --format csv,xlsx"]))]
pub struct Args {
    /// Series by name, prefix or glob: binance/BTC-USDT/ohlc/1h, binance/BTC/USDT, '*/BTC-*/trades'; see `dccd
    /// inventory`.
    #[arg(required = true, value_name = "SERIES", add = ArgValueCompleter::new(complete::series))]
    series: Vec<String>,
    /// From this date on, in the zone of the settings.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Until this date, exclusive.
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// csv or xlsx, or both: csv,xlsx [default: as --output ends, else csv].
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', value_parser = format)]
    format: Vec<Format>,
    /// A file, a folder for binance_BTC-USDT_ohlc_1h.csv, or - for CSV on standard output [default: this folder].
    #[arg(short, long, value_name = "FILE|DIR|-", value_hint = clap::ValueHint::AnyPath)]
    output: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
}

fn format(text: &str) -> Result<Format, String> {
    let known = [Format::Csv, Format::Xlsx].into_iter().find(|format| format.name() == text);
    known.ok_or_else(|| "use csv or xlsx".to_owned())
}

/// The destination of rows.
enum Target {
    Stdout,
    Files(Vec<(Format, PathBuf)>),
}

/// The part of each series that is written.
struct Range {
    from: Option<Micros>,
    until: Option<Micros>,
}

/// Writes the files.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    let meant = match naming::held(&config, &args.series) {
        Ok(meant) => meant,
        Err(error) => return error.fail(out),
    };
    let range = match range(args, &config) {
        Ok(range) => range,
        Err(reason) => return out.fail(Exit::Usage, reason),
    };
    let targets: Result<Vec<Target>, String> =
        meant.iter().map(|series| target(args, series, meant.len())).collect();
    let targets = match targets {
        Ok(targets) => targets,
        Err(reason) => return out.fail(Exit::Usage, reason),
    };
    let layout = Layout::new(&config.data_path);
    meant.iter().zip(targets).fold(Exit::Done, |exit, (series, target)| {
        exit.or_worse(one(series, target, &layout, &range, args.force, out))
    })
}

fn range(args: &Args, config: &Config) -> Result<Range, String> {
    let instant = |text: &Option<String>| {
        text.as_deref().map(|text| Micros::parse(text, &config.zone)).transpose().map_err(|e| e.to_string())
    };
    let (from, until) = (instant(&args.from)?, instant(&args.until)?);
    match (from, until) {
        (Some(from), Some(until)) if from > until => {
            Err(format!("--from {from} is after --until {until}; exchange them"))
        }
        _ => Ok(Range { from, until }),
    }
}

/// Writes the rows of one series.
fn one(
    series: &Series,
    target: Target,
    layout: &Layout,
    range: &Range,
    force: bool,
    out: &mut Output,
) -> Exit {
    let rows = || scan(layout, series, range.from, range.until);
    let done = match target {
        Target::Stdout => to_stdout(series, rows, out),
        Target::Files(files) => files.iter().try_for_each(|(format, path)| {
            let written = to_file(series.kind(), rows()?, *format, path, force)?;
            out.line(format!("{series}: {} rows in {}", thousands(written), path.display()));
            Ok(())
        }),
    };
    match done {
        Ok(()) => Exit::Done,
        Err(error) => {
            out.cause(&error);
            exit_of(&error)
        }
    }
}

fn to_stdout(
    series: &Series,
    rows: impl Fn() -> Result<Scan, StoreError>,
    out: &mut Output,
) -> Result<(), ExportError> {
    match to_stream(series.kind(), rows()?, out.raw()) {
        // `Output::finish` reports what standard output did not take.
        Err(ExportError::Write { .. }) => Ok(()),
        written => written.map(|_| ()),
    }
}

fn exit_of(error: &ExportError) -> Exit {
    match error {
        ExportError::Exists { .. }
        | ExportError::NoFile { .. }
        | ExportError::Store(StoreError::Foreign { .. }) => Exit::Failed,
        ExportError::Store(_) | ExportError::Write { .. } => Exit::Storage,
    }
}

/// The destination, from `--output` and `--format`.
fn target(args: &Args, series: &Series, count: usize) -> Result<Target, String> {
    let output = args.output.as_deref();
    if output == Some(Path::new("-")) {
        return match args.format[..] {
            [] | [Format::Csv] if count == 1 => Ok(Target::Stdout),
            [] | [Format::Csv] => {
                Err(format!("{count} series cannot share standard output; name a folder as --output"))
            }
            _ => Err("a workbook cannot go to standard output; give --output FILE".to_owned()),
        };
    }
    let mut formats = args.format.clone();
    formats.sort();
    formats.dedup();
    let is_folder = |path: &Path| path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
    if let Some(file) = output.filter(|path| !is_folder(path)) {
        if count > 1 {
            return Err(format!("{count} series cannot share one file; name a folder as --output"));
        }
        let ending = file.extension().and_then(|ending| format(&ending.to_string_lossy()).ok());
        return match formats[..] {
            [] => Ok(Target::Files(vec![(ending.unwrap_or(Format::Csv), file.to_owned())])),
            [one] => Ok(Target::Files(vec![(one, file.to_owned())])),
            _ => Err("several formats need a folder as --output".to_owned()),
        };
    }
    if formats.is_empty() {
        formats.push(Format::Csv);
    }
    let name = series.to_string().replace('/', "_");
    let folder = output.unwrap_or(Path::new(""));
    Ok(Target::Files(
        formats
            .into_iter()
            .map(|format| (format, folder.join(format!("{name}.{}", format.name()))))
            .collect(),
    ))
}
