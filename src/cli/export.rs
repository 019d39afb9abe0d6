//! `dccd export SERIES`: stored rows as CSV or an Excel workbook.

use std::path::{Path, PathBuf};

use clap_complete::engine::ArgValueCompleter;

use crate::cli::Exit;
use crate::cli::complete;
use crate::cli::output::Output;
use crate::config::Config;
use crate::export::{ExportError, Format, to_file, to_stream};
use crate::model::{Micros, Series, thousands};
use crate::store::{Layout, Scan, StoreError, scan};

/// Write the rows of a series as CSV or an Excel workbook.
///
/// CSV: a header, lines ended by a line feed, instants as 2024-01-31T23:59:59.000000Z (ISO 8601, UTC,
/// always six digits: pandas.read_csv(parse_dates=["ts"]) takes them), numbers as the shortest text that
/// reads back as the same number, nulls empty.
///
/// XLSX: instants as dates in UTC, which Excel keeps to the millisecond; trades and order books have
/// them a second time as text with microseconds (ts_text). Sheets hold 1,048,575 rows each.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The series, such as binance/BTC-USDT/ohlc/1h or binance/BTC-USDT/trades; see `dccd inventory`.
    #[arg(add = ArgValueCompleter::new(complete::series))]
    series: String,
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

/// Where rows go.
enum Target {
    Stdout,
    Files(Vec<(Format, PathBuf)>),
}

/// Writes the files.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    let layout = Layout::new(&config.data_path);
    let series = match known(&layout, &args.series) {
        Ok(series) => series,
        Err(reason) => return out.fail(Exit::Failed, reason),
    };
    let instant = |text: &Option<String>| {
        text.as_deref().map(|text| Micros::parse(text, &config.zone)).transpose().map_err(|e| e.to_string())
    };
    let asked =
        instant(&args.from).and_then(|from| Ok((from, instant(&args.until)?, target(args, &series)?)));
    let (from, until, target) = match asked {
        Ok(asked) => asked,
        Err(reason) => return out.fail(Exit::Usage, reason),
    };
    let rows = || scan(&layout, &series, from, until);
    let done = match target {
        Target::Stdout => to_stdout(&series, rows, out),
        Target::Files(files) => files.iter().try_for_each(|(format, path)| {
            let written = to_file(series.kind(), rows()?, *format, path, args.force)?;
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
        // What standard output did not take is told where the command ends.
        Err(ExportError::Write { .. }) => Ok(()),
        written => written.map(|_| ()),
    }
}

fn exit_of(error: &ExportError) -> Exit {
    match error {
        ExportError::Exists { .. } | ExportError::Store(StoreError::Foreign { .. }) => Exit::Failed,
        ExportError::Store(_) | ExportError::Write { .. } => Exit::Storage,
    }
}

/// The series of a text, if it is held; else what may have been meant.
fn known(layout: &Layout, text: &str) -> Result<Series, String> {
    let held = layout.series();
    let asked = text.parse::<Series>();
    if let Ok(series) = &asked
        && held.contains(series)
    {
        return Ok(series.clone());
    }
    let what = match &asked {
        Ok(_) => format!("there are no rows of `{text}` under {}", layout.root().display()),
        Err(error) => error.to_string(),
    };
    let names = held.iter().map(ToString::to_string);
    let nearest = names.max_by(|a, b| likeness(a, text).total_cmp(&likeness(b, text)));
    Err(match nearest {
        Some(name) => format!("{what}; did you mean {name}?"),
        None => format!("{what}; nothing is stored there yet"),
    })
}

fn likeness(name: &str, text: &str) -> f64 {
    strsim::jaro_winkler(&name.to_lowercase(), &text.to_lowercase())
}

/// Where the rows go, by `--output` and `--format`.
fn target(args: &Args, series: &Series) -> Result<Target, String> {
    let output = args.output.as_deref();
    if output == Some(Path::new("-")) {
        return match args.format[..] {
            [] | [Format::Csv] => Ok(Target::Stdout),
            _ => Err("a workbook cannot go to standard output; give --output FILE".to_owned()),
        };
    }
    let mut formats = args.format.clone();
    formats.sort();
    formats.dedup();
    let is_folder = |path: &Path| path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
    if let Some(file) = output.filter(|path| !is_folder(path)) {
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
