//! The README and the program say the same of the exchanges.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once; one writes the section anew.

use std::fs;
use std::path::Path;
use std::process::Command;

use dccd::exchange::{Offer, SpanOffer};
use dccd::model::{Micros, Span};
use serde::Deserialize;

const BEGIN: &str =
    "<!-- exchanges: `UPDATE_README=1 cargo test --test readme` writes this section anew -->\n";
const END: &str = "<!-- exchanges end -->";

#[test]
fn the_table_of_exchanges_in_the_readme_is_the_programs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has no section of exchanges");
    let (section, after) = rest.split_once(END).expect("the section of exchanges has no end");
    let own = format!("\n{}\n", exchanges(&["--markdown"]));

    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{own}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(section, own, "write it anew with `UPDATE_README=1 cargo test --test readme`");
}

#[test]
fn table_and_json_name_every_offer_of_every_exchange() {
    let table = exchanges(&[]);
    let lines: Vec<Line> = serde_json::from_str(&exchanges(&["--json"])).unwrap();

    assert_eq!(lines.len(), dccd::exchange::ALL.len());
    for (line, exchange) in lines.iter().zip(dccd::exchange::ALL) {
        assert_eq!(line.exchange, exchange.name());
        let limits: Vec<u32> = line.limits.iter().map(|limit| limit.weight).collect();
        assert_eq!(limits, exchange.quotas().iter().map(|quota| quota.weight).collect::<Vec<_>>());
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
    offers: Vec<Told>,
}

#[derive(Deserialize)]
struct Told {
    kind: String,
    markets: Vec<String>,
    spans: Vec<ToldSpan>,
    page_rows: u32,
    recorded: bool,
}

#[derive(Deserialize)]
struct ToldSpan {
    seconds: u32,
    label: String,
    word: String,
    anchor: Option<String>,
}

/// The span is told as it is, with an instant at which a candle opens where that is documented.
fn assert_span(told: &ToldSpan, offer: &Offer, own: &SpanOffer) {
    assert_eq!((told.seconds, told.word.as_str()), (own.secs, own.word));
    assert_eq!(told.anchor.is_none(), own.span() == Span::Fixed(259_200), "{}", told.label);
    let Some(anchor) = &told.anchor else { return };
    let anchor = Micros(anchor.parse::<jiff::Timestamp>().unwrap().as_microsecond());
    assert_eq!(offer.grid(own.span()).floor(anchor), anchor, "no {} opens there", told.label);
}

fn exchanges(args: &[&str]) -> String {
    let ended = Command::new(env!("CARGO_BIN_EXE_dccd")).arg("exchanges").args(args).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8(ended.stdout).unwrap()
}
