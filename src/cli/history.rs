//! `dccd history`: the history of metrics, from the state store.

use crate::api::{HistoryAnswer, HistoryMetric, HistoryPoint};
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::sparkline::sparkline;
use crate::cli::table::{Column, Table};
use crate::cli::{Exit, state};
use crate::clock::now;
use crate::config::Config;
use crate::db::Database;
use crate::engine::history::{AskError, Asked, answer};
use crate::model::{Micros, Zone};
use crate::telemetry::events::Chain;

/// Columns of a chart.
const CHART: usize = 30;

/// Show the history of metrics, all workers together.
///
/// Minutes are kept for an hour, five minutes for a day, hours for a week and days for 90 days. A running daemon writes its
/// last values every `telemetry.history_interval`.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd history queue", "dccd history job:binance/BTC-USDT/ohlc/1h --since 7d --json"]))]
pub struct Args {
    /// Whole segments that the keys begin with, such as queue:binance; all metrics by default.
    prefix: Option<String>,
    /// Only what one worker recorded.
    #[arg(long, value_name = "NAME")]
    worker: Option<String>,
    /// Width of a bucket: 1m, 5m, 1h or 1d [default: the finest that reaches back to --since, else 5m].
    #[arg(long)]
    resolution: Option<String>,
    /// From then on: a length of time such as 6h or 7d, a date, or an instant [default: all that is kept].
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Print JSON, as `GET /api/v1/metrics` answers.
    #[arg(long)]
    json: bool,
}

/// Prints the metrics.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output) -> Exit {
    let db = match state::open(&config, "history", out).await {
        Ok(Some(db)) => db,
        Ok(None) => return out.fail(Exit::Failed, "nothing has been recorded yet; a daemon or a run does"),
        Err(exit) => return exit,
    };
    let asked = Asked {
        prefix: args.prefix,
        worker: args.worker,
        resolution: args.resolution,
        since: args.since,
        ..Asked::default()
    };
    let read = whole(&db, asked, &config.zone).await;
    db.close().await;
    match read {
        Ok(answer) if args.json => out.json(&answer),
        Ok(answer) if answer.metrics.is_empty() => out.fail(Exit::Failed, nothing(&answer)),
        Ok(answer) => print(&answer, &config, out),
        Err(error @ AskError::Wrong(_)) => out.failed(&error),
        Err(AskError::Store(error)) => out.fail(Exit::Storage, Chain(&error)),
    }
}

/// All pages as one.
async fn whole(db: &Database, mut asked: Asked, zone: &Zone) -> Result<HistoryAnswer, AskError> {
    let at = now();
    let mut whole = answer(db, &asked, Some(zone), at).await?;
    while let Some(next) = whole.next.take() {
        asked.cursor = Some(next);
        let page = answer(db, &asked, Some(zone), at).await?;
        whole.metrics.extend(page.metrics);
        whole.next = page.next;
    }
    Ok(whole)
}

fn nothing(answer: &HistoryAnswer) -> String {
    let HistoryAnswer { prefix, resolution, from, .. } = answer;
    let under = if prefix.is_empty() { String::new() } else { format!(" under `{prefix}`") };
    format!(
        "nothing is kept{under} at {resolution} since {from}; `dccd history --resolution 1d` shows all there is"
    )
}

fn print(answer: &HistoryAnswer, config: &Config, out: &mut Output) -> Exit {
    let minute = |text: &str| config.zone.minute(instant(text));
    let (from, until) = (minute(&answer.from), minute(&answer.until));
    let chart = format!("{from} to {until} ({}), {} each", config.zone_name, answer.resolution);
    let mut table = Table::new([
        Column::left("metric", 44),
        Column::right("value", 10),
        Column::left("unit", 9),
        Column::right("min", 10),
        Column::right("p50", 10),
        Column::right("p99", 10),
        Column::right("max", 10),
        Column::left(&chart, 0).apart(),
    ]);
    for metric in &answer.metrics {
        table.row(row(metric, answer));
    }
    table.print(out);
    Exit::Done
}

fn row(metric: &HistoryMetric, answer: &HistoryAnswer) -> Vec<String> {
    let summary = metric.summary.as_ref();
    let of = |read: fn(&HistoryPoint) -> Option<f64>| summary.and_then(read).map_or_else(String::new, figure);
    vec![
        metric.key.clone(),
        of(|whole| Some(whole.value)),
        metric.unit.clone(),
        of(|whole| whole.min),
        of(|whole| whole.p50),
        of(|whole| whole.p99),
        of(|whole| whole.max),
        sparkline(&values(metric, answer), metric.kind == "counter", CHART),
    ]
}

/// The value of every bucket from first to last.
fn values(metric: &HistoryMetric, answer: &HistoryAnswer) -> Vec<Option<f64>> {
    let (from, width) = (instant(&answer.from).0, answer.seconds * 1_000_000);
    let buckets = usize::try_from((instant(&answer.until).0 - from) / width).unwrap_or(0);
    let mut values = vec![None; buckets];
    for point in &metric.points {
        let place = point.at.as_deref().map_or(-1, |at| (instant(at).0 - from) / width);
        if let Some(value) = usize::try_from(place).ok().and_then(|place| values.get_mut(place)) {
            *value = Some(point.value);
        }
    }
    values
}

/// An instant of an answer.
fn instant(text: &str) -> Micros {
    Micros::parse(text, &Zone::UTC).unwrap_or_default()
}

/// A number in at most ten characters, with four significant digits where it is not whole.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 1e10 || (size > 0.0 && size < 1e-3) => format!("{value:.3e}"),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 1_000.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_keeps_its_magnitude_in_ten_characters() {
        let shown = [0.0, 12.0, -3.0, 0.25, 12.3456, 123_456.78, 2.5e12, 4.2e-7].map(figure);

        assert_eq!(shown, ["0", "12", "-3", "0.2500", "12.346", "123456.8", "2.500e12", "4.200e-7"]);
        assert!(shown.iter().all(|figure| figure.len() <= 10));
    }
}
