//! An exchange's answer is believed only as far as it shows itself: untrue answers, well formed and of true rows, at
//! each place of a backfill alone and at all of them, over every exchange and kind.
//!
//! A part of it always runs; `DCCD_SIEGE=1` runs all. `DCCD_UNTRUE=bitmex/` runs all of the cases whose name holds
//! that text, and prints the requests of those that lose something.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cases;
#[path = "../runs/computed.rs"]
mod computed;
mod honest;
mod judge;
mod report;
#[path = "../runs/reported.rs"]
mod reported;
#[path = "../runs/test_daemon.rs"]
#[allow(dead_code, reason = "shared with the tests of whole runs")]
mod test_daemon;
mod trial;

use std::collections::HashSet;

use dccd::exchange::{ALL, Bounds, History};
use dccd::model::Kind;
use dccd::sim::{Endpoint, Fault};

use crate::cases::{CASES, Case};
use crate::trial::{Honest, Place, Trial, UNTRUTHS, honest, side_by_side};

/// Of how many trials one always runs; it shares no factor with the number of untruths, so that each of them is tried.
const ONE_OF: usize = 11;

fn wanted() -> Vec<&'static Case> {
    let only = std::env::var("DCCD_UNTRUE").unwrap_or_default();
    CASES.iter().filter(|case| case.name().contains(&only)).collect()
}

fn runs_all() -> bool {
    ["DCCD_SIEGE", "DCCD_UNTRUE"].iter().any(|name| std::env::var_os(name).is_some())
}

/// The constant answers of an exchange that ignores the requested order, end or beginning.
fn ignored(endpoint: Endpoint, case: &Case) -> impl Iterator<Item = Fault> {
    let names_no_window = case.offer().bounds == Bounds::ById && endpoint == Endpoint::Trades;
    // Where trades are asked for by id alone, the last trade there is can only be believed.
    let other_end = (!names_no_window).then_some(Fault::OtherEnd);
    [Fault::Reversed, Fault::Newest].into_iter().chain(other_end)
}

fn trials<'a>(honest: &'a [(&'static Case, Honest)]) -> Vec<Trial<'a>> {
    let mut trials = Vec::new();
    for (case, honest) in honest {
        for &(endpoint, of) in &honest.places {
            let trial = |place| move |fault| Trial { case, honest, endpoint, place, fault };
            for place in (1..=of).map(|number| Place::Once { number, of }) {
                // Only trades have instants that may be untrue in silence: a candle has its place on the grid.
                let is_shown = |fault: &Fault| {
                    endpoint == Endpoint::Trades || !matches!(fault, Fault::Ahead | Fault::Back)
                };
                trials.extend(UNTRUTHS.into_iter().filter(is_shown).map(trial(place)));
            }
            // If an exchange never shows where its rows begin, all years before them are requested.
            if !case.from_origin {
                trials.extend(ignored(endpoint, case).map(trial(Place::Always)));
            }
        }
    }
    trials
}

#[test]
fn no_untrue_answer_anywhere_in_a_walk_loses_a_row_in_silence() {
    let cases = wanted();
    let honest: Vec<_> = side_by_side(&cases, |case| (*case, honest(case)));
    println!("requests of an honest backfill:");
    honest.iter().for_each(|(case, honest)| println!("  {:52} {:4}", case.name(), honest.requests));
    let mut trials = trials(&honest);
    let mut number = 0;
    trials.retain(|_| {
        number += 1;
        runs_all() || number % ONE_OF == 0
    });

    let tried = side_by_side(&trials, |trial| trial.run());

    let failing = report::failing(&tried, std::env::var_os("DCCD_UNTRUE").is_some());
    failing.iter().for_each(|line| println!("{line}"));
    println!("{}", report::table(&tried));
    assert!(failing.is_empty(), "{} untrue answers were believed", failing.len());
}

#[test]
fn no_kind_of_any_exchange_is_forgotten() {
    for exchange in ALL {
        let own = CASES.iter().map(Case::parsed).filter(|series| series.exchange() == exchange.name());
        let kinds: HashSet<Kind> = own.map(|series| series.kind()).collect();
        for offer in exchange.offers().iter().filter(|offer| offer.history != History::Now) {
            assert!(kinds.contains(&offer.kind), "{} {}", exchange.name(), offer.kind);
        }
    }
}
