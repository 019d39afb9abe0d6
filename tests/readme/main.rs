//! README, pages of `docs/` and the program say the same; `UPDATE_README=1 cargo test --test readme` writes anew what the
//! program writes.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once; one writes pages anew.

mod help;
#[path = "../needs/mod.rs"]
mod needs;
mod pages;
mod rooms;
mod schema;
mod session;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dccd::exchange::{Offer, SpanOffer};
use dccd::model::{Micros, Span};
use serde::Deserialize;

#[test]
fn table_and_json_of_the_metrics_name_every_family_once() {
    #[derive(Deserialize)]
    struct Line {
        name: String,
        r#type: String,
        unit: Option<String>,
        labels: Vec<String>,
        help: String,
        found: String,
    }
    let table = dccd(&["metrics"]);
    let lines: Vec<Line> = serde_json::from_str(&dccd(&["metrics", "--list", "--json"])).unwrap();

    let own = dccd::telemetry::Telemetry::new().metrics().families();
    let scraped: Vec<&Line> = lines.iter().filter(|line| line.found == "/metrics").collect();
    assert_eq!(scraped.len(), own.len());
    for (line, family) in scraped.iter().zip(&own) {
        assert_eq!((&line.name, line.r#type.as_str()), (&family.name, family.kind));
        assert_eq!(
            (line.unit.as_deref(), &line.labels, &line.help),
            (family.unit, &family.labels, &family.help)
        );
    }
    assert_eq!(lines.iter().filter(|line| line.found == "textfile").count(), 5);
    for line in &lines {
        let heads = table.lines().filter(|row| row.split([' ', '{']).next() == Some(line.name.as_str()));
        assert_eq!(heads.count(), 1, "{}", line.name);
        assert!(table.contains(&line.help));
    }
}

#[test]
fn table_and_json_name_every_offer_of_every_exchange() {
    let table = dccd(&["exchanges"]);
    let lines: Vec<Line> = serde_json::from_str(&dccd(&["exchanges", "--json"])).unwrap();

    assert_eq!(lines.len(), dccd::exchange::ALL.len());
    for (line, exchange) in lines.iter().zip(dccd::exchange::ALL) {
        assert_eq!(line.exchange, exchange.name());
        let limits: Vec<u32> = line.limits.iter().map(|limit| limit.weight).collect();
        assert_eq!(limits, exchange.quotas().iter().map(|(_, quota)| quota.weight).collect::<Vec<_>>());
        assert_eq!(line.offers.len(), exchange.offers().len());
        for (told, offer) in line.offers.iter().zip(exchange.offers()) {
            assert_eq!((told.kind.as_str(), told.page_rows), (offer.kind.name(), offer.page_rows));
            assert_eq!((told.recorded, told.markets.len()), (offer.recorded, offer.markets.len()));
            assert_eq!(told.spans.len(), offer.spans.len());
            told.spans.iter().zip(offer.spans).for_each(|(told, own)| assert_span(told, offer, own));
            let mut rows = table
                .lines()
                .filter(|row| row.split_whitespace().take(2).eq([exchange.name(), offer.kind.name()]));
            let is_told = |row: &str| told.spans.iter().all(|span| row.contains(&span.label));
            assert!(rows.any(is_told), "{table}");
        }
    }
}

#[derive(Deserialize)]
struct Limit {
    weight: u32,
}

#[derive(Deserialize)]
struct Line {
    exchange: String,
    limits: Vec<Limit>,
    offers: Vec<Reported>,
}

#[derive(Deserialize)]
struct Reported {
    kind: String,
    markets: Vec<String>,
    spans: Vec<ReportedSpan>,
    page_rows: u32,
    recorded: bool,
}

#[derive(Deserialize)]
struct ReportedSpan {
    seconds: u32,
    label: String,
    word: String,
    anchor: Option<String>,
}

/// The span is told as it is, with an instant at which a candle opens where that is documented.
fn assert_span(told: &ReportedSpan, offer: &Offer, own: &SpanOffer) {
    assert_eq!((told.seconds, told.word.as_str()), (own.secs, own.word));
    assert_eq!(told.anchor.is_none(), own.span() == Span::Fixed(259_200), "{}", told.label);
    let Some(anchor) = &told.anchor else { return };
    let anchor = Micros(anchor.parse::<jiff::Timestamp>().unwrap().as_microsecond());
    assert_eq!(offer.grid(own.span()).floor(anchor), anchor, "no {} opens there", told.label);
}

/// Whether what differs is to be written anew.
fn updates() -> bool {
    std::env::var_os("UPDATE_README").is_some()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A file that is all the program's.
fn check_file(name: &str, own: &str) {
    if updates() {
        fs::write(path(name), own).unwrap();
    }
    let held = fs::read_to_string(path(name)).unwrap_or_default();
    assert!(
        held == own,
        "{name} is out of date: write it anew with `UPDATE_README=1 cargo test --test readme`"
    );
}

/// The part of a page that is the program's, between two comments.
fn check_section(name: &str, own: &str) {
    check_section_of(name, "", own);
}

/// The same of the first such part after a heading.
fn check_section_of(name: &str, heading: &str, own: &str) {
    const BEGIN: &str =
        "<!-- generated: `UPDATE_README=1 cargo test --test readme` writes this section anew -->\n";
    const END: &str = "<!-- generated end -->";
    let page = fs::read_to_string(path(name)).unwrap();
    let (head, below) = page.split_once(heading).expect("the page lacks its heading");
    let (before, rest) = below.split_once(BEGIN).expect("the page lacks its section");
    let (_, after) = rest.split_once(END).expect("the section of the page has no end");
    check_file(name, &format!("{head}{heading}{before}{BEGIN}\n{}\n\n{END}{after}", own.trim_end()));
}

fn dccd(args: &[&str]) -> String {
    let ended = Command::new(env!("CARGO_BIN_EXE_dccd")).args(args).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8(ended.stdout).unwrap()
}
