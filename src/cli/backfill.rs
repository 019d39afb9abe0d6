//! `dccd backfill`: the history of the configured jobs, or of a series named on the command line.

mod dry_run;
mod orders;

use clap_complete::engine::ArgValueCompleter;
use tokio_util::sync::CancellationToken;

use crate::cli::hand_over::{Ask, do_work};
use crate::cli::output::Output;
use crate::cli::progress::{Bars, label};
use crate::cli::{Exit, complete};
use crate::config::Config;
use crate::engine::{How, Report, Update, Work};
use crate::model::{Kind, Pair, Series, Span, thousands};

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
    #[arg(long, value_parser = span)]
    span: Option<Span>,
    /// The same as --span; a pair such as BTC/USDT is the same as --pairs.
    #[arg(short, value_name = "SPAN", value_parser = short)]
    short: Vec<Short>,
    /// The same as --pairs.
    #[arg(long, hide = true, value_name = "PAIR")]
    symbol: Vec<String>,
    /// From this date on, in the zone of the settings; so long ago, such as 30d, 36h or 8w; or origin or last, as in a
    /// job.
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

/// What stands behind `-s`: a span, or a pair as in version 3 of the Python dccd.
#[derive(Clone, Debug)]
enum Short {
    Span(Span),
    Pair(String),
}

fn short(text: &str) -> Result<Short, String> {
    match text.contains(['/', '-']) {
        true => text.parse::<Pair>().map(|_| Short::Pair(text.to_owned())).map_err(|error| error.to_string()),
        false => span(text).map(Short::Span),
    }
}

impl Args {
    /// Every pair that is named, whatever option names it.
    fn pairs(&self) -> Result<Vec<Pair>, String> {
        let short = self.short.iter().filter_map(|short| match short {
            Short::Pair(pair) => Some(pair),
            Short::Span(_) => None,
        });
        let named = self.pairs.iter().chain(&self.symbol).chain(short);
        named.map(|text| text.parse().map_err(|error: crate::model::PairError| error.to_string())).collect()
    }

    /// The one span that is named.
    fn span(&self) -> Result<Option<Span>, String> {
        let short = self.short.iter().filter_map(|short| match short {
            Short::Span(span) => Some(*span),
            Short::Pair(_) => None,
        });
        let mut named: Vec<Span> = self.span.into_iter().chain(short).collect();
        named.dedup();
        match named[..] {
            [] => Ok(None),
            [span] => Ok(Some(span)),
            _ => Err("--span is given more than once; give one".to_owned()),
        }
    }
}

/// Fetches, or says what would be fetched.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let orders = match orders::of(&args, &config) {
        Ok(orders) => orders,
        Err((exit, complaints)) => {
            complaints.iter().for_each(|complaint| out.error(complaint));
            return exit;
        }
    };
    if args.dry_run {
        return dry_run::tell(&orders, &config, out);
    }
    let works = orders.into_iter().map(Work::fetch).collect();
    let at_once = usize::from(args.parallel).min(config.worker.slots as usize).max(1);
    let mut bars = Bars::of_terminal();
    let mut exit = Exit::Done;
    let done = do_work(&config, "backfill", Ask::Work { works, at_once }, out, &stop, |told, out| {
        bars.show(&told);
        if let Update::Ended(report) = &told {
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
