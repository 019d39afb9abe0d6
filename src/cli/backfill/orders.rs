//! The series that a backfill fetches: those of matching jobs, and those that its options name in full.

use std::collections::HashSet;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cli::backfill::args::{Args, Selector};
use crate::cli::output::Output;
use crate::cli::{Exit, naming, wildcard};
use crate::clock::now;
use crate::config::Config;
use crate::engine::Job;
use crate::engine::series::order_without_job;
use crate::jobs::{Order, Since};
use crate::model::{Kind, Micros, Pair, Series, Span, thousands};

/// The default start of history: 2020-01-01.
const USUAL_START: Micros = Micros::from_secs(1_577_836_800);

/// The options, parsed.
struct Options {
    pairs: Vec<Selector>,
    span: Option<Span>,
    since: Option<Since>,
    until: Option<Micros>,
}

/// The orders of the matching jobs, and of a series that is named in full.
///
/// # Errors
/// The exit code and the messages.
pub(super) async fn of(
    args: &Args,
    config: &Config,
    out: &mut Output,
    stop: &CancellationToken,
) -> Result<Vec<Order>, (Exit, Vec<String>)> {
    let options = read(args, config).map_err(|reason| (Exit::Usage, vec![reason]))?;
    let fits = |series: &Series| {
        (args.exchange.is_empty() || args.exchange.iter().any(|name| name == series.exchange()))
            && (options.pairs.is_empty() || options.pairs.iter().any(|own| own.matches(series.pair())))
            && args.kind.is_none_or(|kind| kind == series.kind())
            && options.span.is_none_or(|span| Some(span) == series.span())
    };
    let jobs: Vec<Order> = Job::all(config).into_iter().map(|job| job.order).collect();
    let mut orders: Vec<Order> = jobs.iter().filter(|order| fits(&order.series)).cloned().collect();
    let known: HashSet<Series> = orders.iter().map(|order| (*order.series).clone()).collect();
    let named = ad_hoc(args, &options, config, out, stop).await.map_err(|why| (Exit::Failed, vec![why]))?;
    orders.extend(named.into_iter().filter(|series| !known.contains(series)).map(order_without_job));
    let unmet = unmet(args, &options, &orders, &jobs);
    let none =
        orders.is_empty().then(|| "No matching jobs \u{2014} check --exchange / --pairs filters.".to_owned());
    let complaints: Vec<String> = none.into_iter().chain(unmet).collect();
    if !complaints.is_empty() {
        return Err((Exit::Failed, complaints));
    }
    for order in &mut orders {
        order.until = options.until;
        order.since = match (options.since, order.since) {
            (Some(since), _) => since,
            (None, Since::Known) => Since::AtLeast(USUAL_START),
            (None, configured) => configured,
        };
    }
    Ok(orders)
}

fn read(args: &Args, config: &Config) -> Result<Options, String> {
    args.exchange.iter().try_for_each(|name| naming::exchange(name))?;
    let instant = |text: &str| Micros::parse(text, &config.zone).map_err(|error| error.to_string());
    let since = match args.start.as_deref() {
        None => None,
        Some("last") => Some(Since::Known),
        Some("origin") => Some(Since::Origin),
        Some(text) => Some(Since::Exactly(match ago(text) {
            Some(length) => now() - length,
            None => instant(text)?,
        })),
    };
    let until = args.end.as_deref().map(instant).transpose()?;
    if let (Some(Since::Exactly(since)), Some(until)) = (since, until)
        && since > until
    {
        return Err(format!("--start {since} is after --end {until}; exchange them"));
    }
    Ok(Options { pairs: args.pairs()?, span: args.span()?, since, until })
}

/// A length of time back from now: `36h`, `30d` or `8w`.
fn ago(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let secs = match unit {
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    // Longer than any exchange is old, and no instant lies further back than there are numbers for.
    let count = digits.parse::<u64>().ok().filter(|count| *count <= 100_000)?;
    Some(Duration::from_secs(count * secs))
}

/// The error of the first exchange or pair that matches nothing, with the nearest of the jobs.
fn unmet(args: &Args, options: &Options, orders: &[Order], jobs: &[Order]) -> Option<String> {
    let met = |fits: &dyn Fn(&Series) -> bool| orders.iter().any(|order| fits(&order.series));
    let exchange = args.exchange.iter().find(|name| !met(&|series| series.exchange() == *name));
    if let Some(name) = exchange {
        return Some(complaint(name, jobs.iter().map(|job| job.series.exchange().to_owned())));
    }
    let pair = options.pairs.iter().find(|pair| !met(&|series| pair.matches(series.pair())))?;
    let named = |job: &&Order| {
        args.exchange.is_empty() || args.exchange.iter().any(|name| name == job.series.exchange())
    };
    Some(complaint(&pair.to_string(), jobs.iter().filter(named).map(|job| job.series.pair().to_string())))
}

fn complaint(named: &str, known: impl Iterator<Item = String>) -> String {
    let likeness = |name: &String| strsim::normalized_damerau_levenshtein(name, named);
    let nearest = known.filter(|name| name != named);
    let nearest = nearest.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    let meant = nearest.map_or_else(|| ".".to_owned(), |nearest| format!("; did you mean {nearest}?"));
    format!(
        "no job that fits the other options collects `{named}`{meant} A series without a job is named with --exchange, \
         --pairs, --type and --span."
    )
}

/// The series that the options name in full, configured or not; wildcards are resolved against the listing.
async fn ad_hoc(
    args: &Args,
    options: &Options,
    config: &Config,
    out: &mut Output,
    stop: &CancellationToken,
) -> Result<Vec<Series>, String> {
    let kind = args.kind.or(options.span.map(|_| Kind::Ohlc));
    let Some(kind) = kind.filter(|kind| !kind.has_span() || options.span.is_some()) else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    for exchange in &args.exchange {
        let mut pairs: Vec<Pair> = Vec::new();
        for own in &options.pairs {
            match own {
                Selector::Pair(pair) => pairs.push(pair.clone()),
                Selector::Pattern(pattern) => {
                    let found = wildcard::resolve(config, exchange, pattern, stop).await?;
                    out.note(format!("`{pattern}` is {} pairs of {exchange}", thousands(found.len() as u64)));
                    pairs.extend(found);
                }
            }
        }
        let series = |pair| Series::new(exchange, pair, kind, options.span).ok();
        all.extend(pairs.into_iter().filter_map(series));
    }
    let mut seen = HashSet::new();
    all.retain(|series| seen.insert(series.clone()));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_may_be_so_long_ago() {
        let hours = |text| ago(text).map(|length| length.as_secs() / 3_600);
        assert_eq!(["36h", "30d", "8w"].map(hours), [Some(36), Some(720), Some(1_344)]);
        for other in ["", "d", "-1d", "30", "30m", "2024-01-01", "1.5d", "99999999999d", "é"] {
            assert_eq!(ago(other), None, "{other}");
        }
    }
}
