//! `dccd import`: the tree of a Python dccd 2.x or 3.x becomes ours.

use std::path::{Path, PathBuf};

use crate::api::{ImportLine, ImportProblem, ImportReport};
use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::table::{Column, Table};
use crate::clock::now;
use crate::config::Config;
use crate::import::{Import, Problem, Report, SeriesReport};
use crate::model::thousands;
use crate::store::{DataLock, Layout, Store, StoreError, StoreSettings};

/// Import the data of a Python dccd 2.x or 3.x.
///
/// Rows that cannot be told from invented ones are left out and counted by reason, and their windows are
/// gaps: copies of the row before and rows without values (2.x), Kraken candles of 4 h and more, the last
/// candle of each series of 3.x. Coinbase's invented quote volume becomes null. In place, the originals are
/// kept in DATA_PATH/.dccd/imported; from another PATH they stay untouched. Rows already held stay.
/// Doing it twice is harmless.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd import --dry-run", "dccd import /var/lib/dccd-3/data"]))]
pub struct Args {
    /// The tree to read [default: the data path itself].
    #[arg(value_hint = clap::ValueHint::DirPath)]
    path: Option<PathBuf>,
    /// Print what would be imported, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Imports, or prints what would be imported.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    let layout = Layout::new(&config.data_path);
    let source = args.path.as_deref().filter(|path| !is_same(path, layout.root()));
    if let Some(path) = source.filter(|path| !path.is_dir()) {
        return out.fail(
            Exit::Failed,
            format!("{} is no folder; give the data path of the other dccd", path.display()),
        );
    }
    let import = Import { layout: &layout, source, dry_run: args.dry_run, now: now() };
    let report = locked(&layout, args.dry_run).and_then(|_lock| import.run());
    match report {
        Ok(report) => tell(args, source.unwrap_or(layout.root()), &report, out),
        Err(error) => {
            out.cause(&error);
            match error {
                StoreError::InUse { .. } => Exit::DataPathInUse,
                _ => Exit::Storage,
            }
        }
    }
}

/// Locks the data path; a dry run only checks that it is free.
fn locked(layout: &Layout, dry_run: bool) -> Result<Option<DataLock>, StoreError> {
    if !dry_run {
        let lock = DataLock::take(layout, "import")?;
        // Rows left in the journal are ours and come first: imported rows give way to them.
        publish_journal(layout)?;
        return Ok(Some(lock));
    }
    match DataLock::holder(layout.root()) {
        Some(holder) => Err(StoreError::InUse { path: layout.root().to_owned(), holder }),
        None => Ok(None),
    }
}

fn publish_journal(layout: &Layout) -> Result<(), StoreError> {
    let (store, _) = Store::open(layout, StoreSettings::drawn(layout, now(), false)?)?;
    store.close()
}

fn is_same(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

fn tell(args: &Args, root: &Path, report: &Report, out: &mut Output) -> Exit {
    let exit = Exit::of(!report.problems.iter().any(|problem| problem.is_failure));
    if args.json {
        let answer = ImportReport {
            dry_run: args.dry_run,
            series: report.series.iter().map(line).collect(),
            problems: report.problems.iter().map(trouble).collect(),
        };
        return exit.or_worse(out.json(&answer));
    }
    if report.series.is_empty() {
        out.line(format!("Nothing to import under {}.", root.display()));
    } else {
        table(report, out);
        let done = if args.dry_run { "Would import" } else { "Imported" };
        let rows = report.series.iter().map(|line| line.imported).sum();
        out.line(format!("{done} {} rows of {} series.", thousands(rows), report.series.len()));
    }
    for problem in &report.problems {
        let text = format!("{}: {}", problem.path.display(), problem.what);
        if problem.is_failure { out.error(text) } else { out.note(text) }
    }
    exit
}

fn table(report: &Report, out: &mut Output) {
    let names = report.series.iter().map(|own| own.series.to_string().len());
    let width = names.max().unwrap_or_default().max("series".len());
    let mut table = Table::new([
        Column::left("series", width),
        Column::right("files", 5),
        Column::right("imported", 12),
        Column::right("held", 10),
        Column::right("left out", 10),
        Column::right("gaps", 6),
        Column::left("reasons", 0).apart(),
    ]);
    for own in &report.series {
        let ImportLine { series, files, imported, held, left_out, changed, gaps, .. } = line(own);
        let reasons =
            left_out.iter().chain(&changed).map(|(name, count)| format!("{name} {}", thousands(*count)));
        table.row([
            series,
            files.to_string(),
            thousands(imported),
            thousands(held),
            thousands(left_out.values().sum()),
            gaps.to_string(),
            reasons.collect::<Vec<_>>().join(", "),
        ]);
    }
    table.print(out);
}

fn line(own: &SeriesReport) -> ImportLine {
    ImportLine {
        series: own.series.to_string(),
        files: own.files,
        imported: own.imported,
        held: own.held,
        left_out: own.left_out.iter().map(|(reason, count)| (reason.name(), *count)).collect(),
        changed: own.changed.iter().map(|(change, count)| (change.name(), *count)).collect(),
        gaps: own.gaps,
        gap_seconds: own.gap_secs,
    }
}

fn trouble(problem: &Problem) -> ImportProblem {
    ImportProblem { path: problem.path.display().to_string(), problem: problem.what.clone() }
}
