//! `dccd backfill`: the history of the configured jobs, or of a series named on the command line.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use clap_complete::engine::ArgValueCompleter;
use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::complete;
use crate::cli::hand_over::{Ask, do_work};
use crate::cli::output::Output;
use crate::cli::progress::{Bars, label};
use crate::config::Config;
use crate::daemon::{How, Job, Report, Told, Work, now};
use crate::exchange::find;
use crate::jobs::{Order, Retry, Since, plan};
use crate::model::{Kind, Micros, Pair, Series, Span, Window, Windows, thousands};
use crate::store::{Layout, Ledger};

/// Where history begins when nothing else says so: 2020-01-01.
const USUAL_START: Micros = Micros::from_secs(1_577_836_800);

/// Fetch the history of the configured jobs, or of a series named here; only what is missing is asked for.
///
/// Where a daemon runs on the data path it does the work, and this shows how it goes. Ctrl-C then takes the work
/// back: what was stored stays. If this command is lost, with its terminal for instance, the daemon goes on.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this exchange; may be repeated.
    #[arg(short, long, value_name = "NAME", add = ArgValueCompleter::new(complete::exchanges))]
    exchange: Vec<String>,
    /// Only these pairs.
    #[arg(short, long, num_args = 1.., value_name = "PAIR", add = ArgValueCompleter::new(complete::pairs))]
    pairs: Vec<String>,
    /// Only this kind of rows: ohlc, trades, orderbook, funding or open_interest.
    #[arg(short = 't', long = "type", value_name = "KIND", value_parser = kind)]
    kind: Option<Kind>,
    /// Only this span, in seconds or as a label such as 1h.
    #[arg(short, long, value_parser = span)]
    span: Option<Span>,
    /// From this date on, in the zone of the settings.
    #[arg(long, value_name = "DATE")]
    start: Option<String>,
    /// Until this date, exclusive.
    #[arg(long, value_name = "DATE")]
    end: Option<String>,
    /// So many series side by side; all of them, up to the worker's slots, where no number is given.
    #[arg(long, num_args = 0..=1, default_missing_value = "256", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: u16,
    /// Say what would be asked for, and ask for nothing.
    #[arg(long)]
    dry_run: bool,
}

fn kind(text: &str) -> Result<Kind, String> {
    text.parse().map_err(|()| format!("use one of {}", Kind::ALL.map(Kind::name).join(", ")))
}

fn span(text: &str) -> Result<Span, String> {
    let secs = text.parse::<u64>().map(Span::of_secs);
    secs.unwrap_or_else(|_| text.parse()).map_err(|error| error.to_string())
}

/// Fetches, or says what would be fetched.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let orders = match orders(&args, &config) {
        Ok(orders) => orders,
        Err(reason) => return out.fail(Exit::Usage, reason),
    };
    if orders.is_empty() {
        return out.fail(Exit::Failed, "No matching jobs — check --exchange / --pairs filters.");
    }
    if args.dry_run {
        orders.iter().for_each(|order| out.line(dry_run(order, &config)));
        return Exit::Done;
    }
    let works = orders.into_iter().map(Work::fetch).collect();
    let at_once = usize::from(args.parallel).min(config.worker.slots as usize).max(1);
    let mut bars = Bars::of_terminal();
    let mut exit = Exit::Done;
    let done = do_work(&config, "backfill", Ask::Work { works, at_once }, out, &stop, |told, out| {
        bars.show(&told);
        if let Told::Ended(report) = &told {
            exit = exit.or_worse(Exit::of_run(report.how));
            tell(report, out);
        }
    });
    if let Err(failed) = done.await {
        exit = exit.or_worse(failed);
    }
    exit.or_worse(Exit::of(!stop.is_cancelled()))
}

fn tell(report: &Report, out: &mut Output) {
    let series = report.series.parse::<Series>();
    let (label, kind) = match &series {
        Ok(series) => (label(series), Some(series.kind())),
        Err(_) => (format!("[{}]", report.series), None),
    };
    let what = if kind == Some(Kind::Ohlc) { "candles" } else { "rows" };
    let rows = thousands(report.rows);
    match report.how {
        How::Done if report.rows == 0 && report.revised == 0 => {
            out.line(format!("{label} already up to date"))
        }
        How::Done => out.line(format!("{label} done — {rows} {what}, 0 windows skipped")),
        How::Skipped(failed) => out.line(format!("{label} done — {rows} {what}, {failed} windows skipped")),
        How::Stopped => out.line(format!("{label} stopped — {rows} {what} stored")),
        How::Refused => out.line(format!("{label} not fetched")),
        How::Failed | How::Storage => out.line(format!("{label} failed — {rows} {what} stored")),
    }
    report.error.iter().for_each(|error| out.error(error));
}

/// What to run: the matching jobs, or where all of it is named, the series itself.
fn orders(args: &Args, config: &Config) -> Result<Vec<Order>, String> {
    let start = args
        .start
        .as_deref()
        .map(|text| Micros::parse(text, &config.zone))
        .transpose()
        .map_err(|e| e.to_string())?;
    let until = args
        .end
        .as_deref()
        .map(|text| Micros::parse(text, &config.zone))
        .transpose()
        .map_err(|e| e.to_string())?;
    let pairs: Vec<Pair> = args
        .pairs
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map_err(|e: crate::model::PairError| e.to_string())?;
    if let Some(unknown) = args.exchange.iter().find(|name| find(name).is_none()) {
        return Err(format!(
            "`{unknown}` has no adapter in this version; use one of {}",
            crate::exchange::names().join(", ")
        ));
    }
    let fits = |series: &Series| {
        (args.exchange.is_empty() || args.exchange.iter().any(|name| name == series.exchange()))
            && (pairs.is_empty() || pairs.contains(series.pair()))
            && args.kind.is_none_or(|kind| kind == series.kind())
            && args.span.is_none_or(|span| Some(span) == series.span())
    };
    let jobs = Job::all(config);
    let mut orders: Vec<Order> =
        jobs.into_iter().map(|job| job.order).filter(|order| fits(&order.series)).collect();
    let known: HashSet<Series> = orders.iter().map(|order| (*order.series).clone()).collect();
    orders.extend(ad_hoc(args, &pairs).into_iter().filter(|series| !known.contains(series)).map(order_for));
    for order in &mut orders {
        order.until = until;
        order.since = match (start, order.since) {
            (Some(start), _) => Since::Exactly(start),
            (None, Since::Known) => Since::AtLeast(USUAL_START),
            (None, configured) => configured,
        };
    }
    Ok(orders)
}

/// The series the command line names in full, configured or not.
fn ad_hoc(args: &Args, pairs: &[Pair]) -> Vec<Series> {
    let kind = args.kind.or(args.span.map(|_| Kind::Ohlc));
    let Some(kind) = kind.filter(|kind| !kind.has_span() || args.span.is_some()) else { return Vec::new() };
    let named = args.exchange.iter().flat_map(|exchange| pairs.iter().map(move |pair| (exchange, pair)));
    named.filter_map(|(exchange, pair)| Series::new(exchange, pair.clone(), kind, args.span).ok()).collect()
}

fn order_for(series: Series) -> Order {
    let retry = Retry { attempts: 3, delay: Duration::from_secs(2) };
    Order {
        series: Arc::new(series),
        since: Since::Known,
        until: None,
        retry,
        depth: 50,
        spare_repairs: false,
    }
}

fn dry_run(order: &Order, config: &Config) -> String {
    let series = &order.series;
    let label = label(series);
    let Some((exchange, offer)) = find(series.exchange()).and_then(|own| Some((own, own.offer_for(series)?)))
    else {
        return format!("{label} DRY RUN — the exchange does not offer this");
    };
    let layout = Layout::new(&config.data_path);
    let ledger = match Ledger::read(&layout.ledger(series), series) {
        Ok(ledger) => ledger.unwrap_or_default(),
        Err(error) => return format!("{label} DRY RUN — {error}"),
    };
    let grid = series.span().map(|span| offer.grid(span));
    let horizon = plan::horizon(offer, grid, now());
    let until = order.until.map_or(horizon, |until| until.min(horizon));
    let since = match order.since {
        Since::Exactly(since) => since,
        Since::AtLeast(since) => ledger.wanted_since.map_or(since, |known| known.min(since)),
        Since::Origin => Micros::OLDEST,
        Since::Known => ledger.wanted_since.unwrap_or_else(|| plan::newest_page(offer, grid, horizon)),
    };
    let missing = Window::new(since, until)
        .map_or_else(Windows::new, |wanted| plan::missing(&ledger.settled(), &ledger.covered, wanted, grid));
    let reach = offer.reach(grid, horizon);
    let computed = offer.derived_from.filter(|_| missing.first().is_some_and(|gap| gap.from < reach));
    let asked = match computed {
        Some(_) => Window::new(reach, until).map(|own| missing.within(own)).unwrap_or_default(),
        None => missing,
    };
    let windows = plan::count(&asked, offer, grid);
    let quota = exchange.quotas()[offer.budget];
    let minutes =
        windows as f64 * f64::from(offer.weight) / f64::from(quota.weight) * quota.per.as_secs_f64() / 60.0;
    // How many pages they fill is known only once they were read.
    let more = computed.map_or_else(String::new, |kind| {
        format!(", and what the {kind} before {reach} take, from which older candles are computed")
    });
    format!(
        "{label} DRY RUN — {} windows, ~{:.0} min at {} weight/min{more}",
        thousands(windows as u64),
        minutes,
        thousands(u64::from(quota.weight))
    )
}
