//! What a backfill is to fetch: the jobs that its options mean, or the series that they name in full.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::backfill::args::Args;
use crate::cli::{Exit, naming};
use crate::clock::now;
use crate::config::Config;
use crate::engine::Job;
use crate::jobs::{Order, Retry, Since};
use crate::model::{Kind, Micros, Pair, Series, Span};

/// Where history begins when nothing else says so: 2020-01-01.
const USUAL_START: Micros = Micros::from_secs(1_577_836_800);
/// How a series outside of the configuration is asked for.
const RETRY: Retry = Retry { attempts: 3, delay: Duration::from_secs(2) };

/// What the options say, read.
struct Asked {
    pairs: Vec<Pair>,
    span: Option<Span>,
    since: Option<Since>,
    until: Option<Micros>,
}

/// What to run: the matching jobs, and where all of it is named, the series itself.
///
/// # Errors
/// What is wrong with the options, and how the command ends then.
pub(super) fn of(args: &Args, config: &Config) -> Result<Vec<Order>, (Exit, Vec<String>)> {
    let asked = read(args, config).map_err(|reason| (Exit::Usage, vec![reason]))?;
    let fits = |series: &Series| {
        (args.exchange.is_empty() || args.exchange.iter().any(|name| name == series.exchange()))
            && (asked.pairs.is_empty() || asked.pairs.contains(series.pair()))
            && args.kind.is_none_or(|kind| kind == series.kind())
            && asked.span.is_none_or(|span| Some(span) == series.span())
    };
    let jobs: Vec<Order> = Job::all(config).into_iter().map(|job| job.order).collect();
    let mut orders: Vec<Order> = jobs.iter().filter(|order| fits(&order.series)).cloned().collect();
    let known: HashSet<Series> = orders.iter().map(|order| (*order.series).clone()).collect();
    orders.extend(ad_hoc(args, &asked).into_iter().filter(|series| !known.contains(series)).map(order_for));
    let unmet = unmet(args, &asked, &orders, &jobs);
    let none =
        orders.is_empty().then(|| "No matching jobs \u{2014} check --exchange / --pairs filters.".to_owned());
    let complaints: Vec<String> = none.into_iter().chain(unmet).collect();
    if !complaints.is_empty() {
        return Err((Exit::Failed, complaints));
    }
    for order in &mut orders {
        order.until = asked.until;
        order.since = match (asked.since, order.since) {
            (Some(since), _) => since,
            (None, Since::Known) => Since::AtLeast(USUAL_START),
            (None, configured) => configured,
        };
    }
    Ok(orders)
}

fn read(args: &Args, config: &Config) -> Result<Asked, String> {
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
    Ok(Asked { pairs: args.pairs()?, span: args.span()?, since, until })
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

/// The complaint about the first exchange or pair that is named and means nothing, with the nearest that a job has.
fn unmet(args: &Args, asked: &Asked, orders: &[Order], jobs: &[Order]) -> Option<String> {
    let met = |fits: &dyn Fn(&Series) -> bool| orders.iter().any(|order| fits(&order.series));
    let exchange = args.exchange.iter().find(|name| !met(&|series| series.exchange() == *name));
    if let Some(name) = exchange {
        return Some(complaint(name, jobs.iter().map(|job| job.series.exchange().to_owned())));
    }
    let pair = asked.pairs.iter().find(|pair| !met(&|series| series.pair() == *pair))?;
    let named = |job: &&Order| {
        args.exchange.is_empty() || args.exchange.iter().any(|name| name == job.series.exchange())
    };
    Some(complaint(&pair.to_string(), jobs.iter().filter(named).map(|job| job.series.pair().to_string())))
}

fn complaint(asked: &str, known: impl Iterator<Item = String>) -> String {
    let likeness = |name: &String| strsim::normalized_damerau_levenshtein(name, asked);
    let nearest = known.filter(|name| name != asked);
    let nearest = nearest.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    let meant = nearest.map_or_else(|| ".".to_owned(), |nearest| format!("; did you mean {nearest}?"));
    format!(
        "no job that fits the other options collects `{asked}`{meant} A series without a job is named with --exchange, \
         --pairs, --type and --span."
    )
}

/// The series the command line names in full, configured or not.
fn ad_hoc(args: &Args, asked: &Asked) -> Vec<Series> {
    let kind = args.kind.or(asked.span.map(|_| Kind::Ohlc));
    let Some(kind) = kind.filter(|kind| !kind.has_span() || asked.span.is_some()) else { return Vec::new() };
    let named =
        args.exchange.iter().flat_map(|exchange| asked.pairs.iter().map(move |pair| (exchange, pair)));
    named.filter_map(|(exchange, pair)| Series::new(exchange, pair.clone(), kind, asked.span).ok()).collect()
}

fn order_for(series: Series) -> Order {
    Order {
        series: Arc::new(series),
        since: Since::Known,
        until: None,
        retry: RETRY,
        depth: 50,
        spare_repairs: false,
    }
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
