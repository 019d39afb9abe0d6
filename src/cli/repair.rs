//! `dccd repair`: every file checked, damaged ones set aside, every hole asked for again.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::inventory::open_gaps;
use crate::cli::one_shot::OneShot;
use crate::cli::output::{Output, thousands};
use crate::config::Config;
use crate::daemon::{Job, Site};
use crate::exchange::find;
use crate::jobs::{Order, Retry, Since};
use crate::model::{Series, Windows};
use crate::store::{Layout, Ledger};
use crate::telemetry::events::Chain;

/// Check every file, set damaged ones aside and fill every hole now; end with 1 if a hole could not be asked for.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only series whose text begins so, such as binance/BTC-USDT.
    series: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What became of one series.
#[derive(Serialize)]
struct Line {
    series: String,
    set_aside: Vec<String>,
    gap_seconds_before: f64,
    gap_seconds_after: f64,
    rows: u64,
    error: Option<String>,
}

/// How a series outside of the configuration is asked for.
const RETRY: Retry = Retry { attempts: 3, delay: Duration::from_secs(2) };

/// Repairs every series there is, one after the other.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let wanted =
        |series: &Series| args.series.as_deref().is_none_or(|asked| series.to_string().starts_with(asked));
    let jobs: Vec<Job> = Job::all(&config).into_iter().filter(|job| wanted(job.series())).collect();
    let is_configured = |series: &Series| jobs.iter().any(|job| **job.series() == *series);
    let layout = Layout::new(&config.data_path);
    let others: Vec<Series> =
        layout.series().into_iter().filter(|series| wanted(series) && !is_configured(series)).collect();
    let one_shot = match OneShot::open(&config, "repair", others.iter(), out).await {
        Ok(one_shot) => one_shot,
        Err(exit) => return exit,
    };
    let site = one_shot.site();
    let mut orders: Vec<Order> = jobs.iter().map(|job| job.order.clone()).collect();
    orders.extend(others.iter().map(|series| held_only(&layout, series)));
    let (mut lines, mut exit) = (Vec::new(), Exit::Done);
    for order in orders {
        if stop.is_cancelled() {
            break;
        }
        let line = repair(&site, &layout, &order, &stop, &mut exit).await;
        if !args.json {
            out.line(text(&line));
        }
        lines.push(line);
    }
    drop(site);
    one_shot.close().await;
    if args.json {
        match serde_json::to_string_pretty(&lines) {
            Ok(text) => out.line(text),
            Err(error) => return out.fail(Exit::Failed, error),
        }
    } else {
        out.line(format!("Repaired {} series.", thousands(lines.len() as u64)));
    }
    exit.or_worse(Exit::of(!stop.is_cancelled()))
}

async fn repair(
    site: &Site,
    layout: &Layout,
    order: &Order,
    stop: &CancellationToken,
    exit: &mut Exit,
) -> Line {
    let series = &order.series;
    let checked = site.set_aside_damaged(series).await;
    let before = gaps(layout, series);
    let mut line = Line {
        series: series.to_string(),
        set_aside: checked.as_deref().unwrap_or_default().to_vec(),
        gap_seconds_before: before.secs(),
        gap_seconds_after: before.secs(),
        rows: 0,
        error: None,
    };
    if let Err(error) = checked {
        line.error = Some(Chain(&error).to_string());
        *exit = exit.or_worse(Exit::Storage);
        return line;
    }
    // Without an adapter nothing can be asked for; its gaps stay what they are.
    if find(series.exchange()).is_some() {
        let outcome = site.run(order, Duration::ZERO, &|_| {}, stop).await;
        *exit = exit.or_worse(Exit::of_run(outcome.error.as_ref()));
        line.rows = outcome.rows;
        line.error = outcome.error.map(|error| Chain(&error).to_string());
    }
    line.gap_seconds_after = gaps(layout, series).secs();
    line
}

fn gaps(layout: &Layout, series: &Series) -> Windows {
    let ledger = Ledger::read(&layout.ledger(series), series).ok().flatten();
    ledger.map(|ledger| open_gaps(series, &ledger)).unwrap_or_default()
}

/// A series nobody collects any more is repaired as far as it reaches, and not beyond.
fn held_only(layout: &Layout, series: &Series) -> Order {
    let ledger = Ledger::read(&layout.ledger(series), series).ok().flatten().unwrap_or_default();
    Order {
        series: Arc::new(series.clone()),
        since: Since::Known,
        until: ledger.settled().last().map(|window| window.until),
        retry: RETRY,
        depth: 50,
        spare_repairs: false,
    }
}

fn text(line: &Line) -> String {
    let aside = match line.set_aside.len() {
        0 => String::new(),
        count => format!(", {count} damaged file(s) set aside"),
    };
    let error = line.error.iter().map(|error| format!(": {error}")).collect::<String>();
    let (before, after) = (line.gap_seconds_before, line.gap_seconds_after);
    format!(
        "{}: {} rows{aside}, gaps {before:.0} s -> {after:.0} s{error}",
        line.series,
        thousands(line.rows)
    )
}
