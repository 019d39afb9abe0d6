//! `dccd exchanges`: what every exchange offers, for people, for programs and for docs/.

use std::time::Duration;

use crate::api::{DepthLine, ExchangeLine, HistoryLine, LimitLine, OfferLine, SpanLine};
use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::live_offers;
use crate::cli::output::Output;
use crate::cli::table::{Column, Table};
use crate::exchange::{ALL, Budget, Direction, Exchange, History, Offer, Quota, SpanOffer};
use crate::model::{Grid, Market, Micros};

/// Show what each exchange offers: kinds, markets, spans, limits.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd exchanges", "dccd exchanges --json"]))]
pub struct Args {
    /// Print JSON.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the table of the documentation.
    #[arg(long)]
    markdown: bool,
}

/// A column of the tables: its head and the cell of an offer.
type Cells = (&'static str, fn(&dyn Exchange, &Offer) -> String);

/// The columns of both tables; a new field of an offer is a line here and one in [`OfferLine`].
const COLUMNS: [Cells; 10] = [
    ("exchange", |exchange, _| exchange.name().to_owned()),
    ("kind", |_, offer| offer.kind.name().to_owned()),
    ("markets", |_, offer| joined(offer.markets, |market| market.name().to_owned())),
    ("page", |_, offer| format!("{} {}", offer.page_rows, if is_book(offer) { "levels" } else { "rows" })),
    ("order", |_, offer| order(offer).unwrap_or("-").to_owned()),
    ("history", |_, offer| history(offer)),
    ("weight", |_, offer| weight(offer)),
    ("grace", |_, offer| format!("{} s", offer.grace.as_secs_f64())),
    ("recorded", |_, offer| if offer.recorded { "yes" } else { "no" }.to_owned()),
    ("spans", |_, offer| joined(offer.spans, |span| span_text(offer, span))),
];

/// Prints what every exchange offers.
pub(crate) fn run(args: &Args, out: &mut Output) -> Exit {
    if args.json {
        let lines: Vec<ExchangeLine> = ALL.iter().map(|exchange| line(*exchange)).collect();
        return out.json(&lines);
    }
    match args.markdown {
        true => markdown().iter().for_each(|line| out.line(line)),
        false => table(out),
    }
    Exit::Done
}

/// One row of cells for each offer.
fn rows() -> Vec<Vec<String>> {
    let offers = ALL.iter().flat_map(|exchange| exchange.offers().iter().map(move |offer| (exchange, offer)));
    offers.map(|(exchange, offer)| COLUMNS.iter().map(|(_, cell)| cell(*exchange, offer)).collect()).collect()
}

fn heads() -> Vec<String> {
    COLUMNS.iter().map(|(head, _)| (*head).to_owned()).collect()
}

fn table(out: &mut Output) {
    let (rows, heads) = (rows(), heads());
    let widest = |column: usize| {
        let cells = rows.iter().chain([&heads]).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let columns = heads.iter().enumerate().map(|(number, head)| Column::left(head, widest(number)).apart());
    let mut table = Table::new(columns.collect::<Vec<_>>());
    rows.iter().for_each(|row| table.row(row.clone()));
    table.print(out);
    out.line("");
    ALL.iter().for_each(|exchange| out.line(format!("{}: {}", exchange.name(), limit(*exchange))));
}

fn markdown() -> Vec<String> {
    let barred = |row: &[String]| format!("| {} |", row.join(" | "));
    let mut lines = vec![barred(&heads()), format!("|{}", "---|".repeat(COLUMNS.len()))];
    lines.extend(rows().iter().map(|row| barred(row)));
    lines.push(String::new());
    lines.extend(ALL.iter().map(|exchange| format!("* {}: {}", exchange.name(), limit(*exchange))));
    lines.push(String::new());
    lines.extend(live_offers::markdown());
    lines
}

fn limit(exchange: &dyn Exchange) -> String {
    let all: Vec<String> =
        exchange.quotas().iter().map(|&(budget, quota)| quota_text(exchange, budget, quota)).collect();
    format!("{}, {}, until it announces another limit", exchange.rest_url(), all.join("; "))
}

/// The weight of a budget, and what takes from it if there are several.
fn quota_text(exchange: &dyn Exchange, budget: Budget, quota: Quota) -> String {
    let weight = format!("{} per {} s", quota.weight, quota.per.as_secs_f64());
    let offers: Vec<_> = exchange.offers().iter().filter(|offer| offer.budget == budget).collect();
    let mut kinds: Vec<&str> = offers.iter().map(|offer| offer.kind.name()).collect();
    kinds.dedup();
    let is_shared = |offer: &Offer| offer.budget != budget && kinds.contains(&offer.kind.name());
    let mut markets: Vec<&str> = Vec::new();
    if exchange.offers().iter().any(is_shared) {
        markets.extend(offers.iter().flat_map(|offer| offer.markets).map(|market| market.name()));
        markets.sort_unstable();
        markets.dedup();
    }
    match (exchange.quotas().len(), kinds.as_slice(), markets.as_slice()) {
        (1, ..) => weight,
        (_, [], _) => format!("{weight} for other requests"),
        (_, kinds, []) => format!("{weight} for {}", kinds.join(", ")),
        (_, kinds, markets) => format!("{weight} for {} ({})", kinds.join(", "), markets.join(", ")),
    }
}

fn joined<T>(all: &[T], text: impl Fn(&T) -> String) -> String {
    if all.is_empty() { "-".to_owned() } else { all.iter().map(text).collect::<Vec<_>>().join(" ") }
}

fn is_book(offer: &Offer) -> bool {
    !offer.depths.is_empty()
}

/// Which rows of a window come first; a book has no order.
fn order(offer: &Offer) -> Option<&'static str> {
    let order = match offer.direction {
        Direction::OldestFirst => "oldest first",
        Direction::NewestFirst => "newest first",
    };
    (offer.history != History::Now).then_some(order)
}

fn history(offer: &Offer) -> String {
    let older = offer.derived_from.map(|kind| format!(", older from {kind}")).unwrap_or_default();
    let own = match offer.history {
        History::Full => "all".to_owned(),
        History::Rows(rows) => format!("newest {rows} rows"),
        History::For(length) => days(length),
        History::Now => return "the present".to_owned(),
    };
    own + &older + dated(offer)
}

/// Whole days, and the hours beyond them.
fn days(length: Duration) -> String {
    let hours = length.as_secs() / 3_600;
    match (hours / 24, hours % 24) {
        (days, 0) => format!("{days} days"),
        (days, hours) => format!("{days} days {hours} h"),
    }
}

/// Whether a dated pair reaches back over earlier contracts of the same name.
fn dated(offer: &Offer) -> &'static str {
    match offer.markets.contains(&Market::Quarter) {
        false => "",
        true if offer.is_continuous => "; dated pairs over all contracts",
        true => "; dated pairs since their contract has the name",
    }
}

fn weight(offer: &Offer) -> String {
    match offer.depths {
        [] => offer.weight.to_string(),
        depths => {
            let each = depths.iter().map(|(depth, weight)| format!("{weight} to {depth}"));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}

/// `1w`, or `1w@1970-01-01` where candles do not open on the usual grid.
fn span_text(offer: &Offer, span: &SpanOffer) -> String {
    match span.anchor_secs {
        None => span.span().to_string(),
        Some(_) => format!("{}@{}", span.span(), anchor(offer.grid(span.span()))),
    }
}

/// An instant at which a candle opens.
fn anchor(grid: Grid) -> String {
    Micros::from_secs(grid.anchor_secs).to_string()
}

fn line(exchange: &dyn Exchange) -> ExchangeLine {
    let limits = exchange.quotas().iter();
    ExchangeLine {
        exchange: exchange.name(),
        rest_url: exchange.rest_url(),
        limits: limits
            .map(|(_, quota)| LimitLine { weight: quota.weight, seconds: quota.per.as_secs_f64() })
            .collect(),
        geo_block_advice: exchange.geo_block_advice(),
        offers: exchange.offers().iter().map(|offer| offer_line(exchange, offer)).collect(),
    }
}

fn offer_line(exchange: &dyn Exchange, offer: &Offer) -> OfferLine {
    let seconds = |length: Duration| length.as_secs();
    OfferLine {
        kind: offer.kind.name(),
        markets: offer.markets.iter().map(|market| market.name()).collect(),
        spans: offer.spans.iter().map(|span| span_line(offer, span)).collect(),
        page_rows: offer.page_rows,
        order: order(offer),
        history: match offer.history {
            History::Full => HistoryLine::All,
            History::Rows(rows) => HistoryLine::Rows(rows),
            History::For(length) => HistoryLine::Seconds(seconds(length)),
            History::Now => HistoryLine::Now,
        },
        continuous: offer.is_continuous,
        derived_from: offer.derived_from.map(|kind| kind.name()),
        depths: offer.depths.iter().map(|&(levels, weight)| DepthLine { levels, weight }).collect(),
        weight: offer.weight,
        limit: exchange.place_of(offer.budget),
        grace_seconds: offer.grace.as_secs_f64(),
        recorded: offer.recorded,
    }
}

fn span_line(offer: &Offer, span: &SpanOffer) -> SpanLine {
    // No exchange documents where its 3-day candles open, so rows of that span are held to no grid.
    let documented = span.secs != 259_200 || span.anchor_secs.is_some();
    SpanLine {
        seconds: span.secs,
        label: span.span().to_string(),
        word: span.word,
        anchor: documented.then(|| anchor(offer.grid(span.span()))),
    }
}
