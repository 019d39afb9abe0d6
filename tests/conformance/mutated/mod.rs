//! Thousands of bodies, each an answer that an exchange really gave, or a payload written by hand, with one thing in
//! it changed.
//!
//! A change of form has to give the very same rows. A change of meaning costs the row it stands in
//! and no other, and that row is named; what stands around the rows may cost the page. No row is ever there that was
//! not in the answer, and none is left out in silence.

mod change;
mod judge;
mod mutation;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dccd::exchange::{Answer, Exchange, ParseError, Parsed};
use dccd::model::{Batch, Kind, Market, Span};

use crate::KNOWN;
use crate::columns::{Columns, Json};
use crate::needs;
use crate::read::{RECEIVED, Sample, What, page, page_of, payloads};
use crate::recordings;
use change::{Change, Draw};
use judge::{Verdict, judge};
use mutation::{Mutated, shortened};

/// How many bodies are made of each recorded answer, and of each that is written by hand.
const OF_RECORDED: u64 = 255;
const OF_WRITTEN: u64 = 85;

/// The fewest there have to be of all recorded ones.
const BODIES: usize = 5_000;

/// An answer before anything is changed in it.
pub(crate) struct Original {
    who: String,
    exchange: &'static dyn Exchange,
    kind: Kind,
    market: Market,
    span: Option<Span>,
    /// None of a book.
    columns: Option<&'static Columns>,
    tree: Json,
    whole: Batch,
}

impl Original {
    fn of(exchange: &'static dyn Exchange, sample: &Sample) -> Option<Original> {
        let What::Page(kind, market) = sample.what else { return None };
        let tree: Json = serde_json::from_slice(&sample.body).unwrap();
        let mut original = Original {
            who: format!("{}/{}", exchange.name(), sample.name),
            exchange,
            kind,
            market,
            span: sample.span,
            columns: Columns::of(exchange.name(), kind),
            tree: shortened(tree),
            whole: Batch::of(kind),
        };
        let (whole, parsed) = original.read(original.tree.to_string().as_bytes()).unwrap();
        assert!(parsed.odd.is_empty() && !whole.is_empty(), "{}: {:?}", original.who, parsed.odd.first());
        original.whole = whole;
        Some(original)
    }

    fn read(&self, body: &[u8]) -> Result<(Batch, Parsed), ParseError> {
        let mut batch = Batch::of(self.kind);
        let page = page(self.exchange, self.kind, self.market, self.span);
        let page = page_of(self.tree.to_string().as_bytes(), page);
        let parsed = self.exchange.parse(&page, &Answer::of(body, RECEIVED), &mut batch)?;
        Ok((batch, parsed))
    }

    /// The outcome of a changed body.
    fn judged(&self, mutated: &Mutated) -> Verdict {
        match catch_unwind(AssertUnwindSafe(|| self.read(&mutated.body))) {
            Ok(read) => judge(self, mutated, &read),
            Err(_) => Verdict::Panicked,
        }
    }
}

/// Every answer there is, with how many bodies are made of it.
fn originals() -> Vec<(Original, u64)> {
    let mut all = Vec::new();
    for known in KNOWN {
        let of = |sample: &Sample| Original::of(known.exchange(), sample);
        let written = payloads(known.exchange);
        all.extend(written.iter().filter_map(of).map(|original| (original, OF_WRITTEN)));
        if let Some(folder) = needs::recordings() {
            let (recorded, _) = recordings::samples(known, &folder);
            let recorded = recorded.iter().map(|(sample, _)| sample);
            all.extend(recorded.filter_map(of).map(|original| (original, OF_RECORDED)));
        }
    }
    all
}

fn factor() -> u64 {
    if std::env::var_os("DCCD_SIEGE").is_some() { 20 } else { 1 }
}

/// How many bodies of an exchange ended in which way, by what was changed.
type Table = BTreeMap<(&'static str, Change), BTreeMap<&'static str, usize>>;

fn print(table: &Table) {
    let words = Verdict::WORDS;
    println!("{:14} {:20} {}", "exchange", "change", words.map(|word| format!("{word:>9}")).join(" "));
    for ((exchange, change), counts) in table {
        let counts = words.map(|word| format!("{:9}", counts.get(word).copied().unwrap_or(0)));
        println!("{exchange:14} {:20} {}", change.word(), counts.join(" "));
    }
}

#[test]
fn no_changed_body_gives_a_wrong_row_or_loses_one_that_it_does_not_name() {
    let only = std::env::var("DCCD_MUTATED").unwrap_or_default();
    let (mut table, mut failing) = (Table::new(), Vec::new());
    let (mut bodies, mut of_recorded) = (0, 0);
    for (original, count) in originals().iter().filter(|(original, _)| original.who.contains(&only)) {
        for number in 0..count * factor() {
            let draw = Draw::new(&original.who, number);
            let Some(mutated) = Mutated::of(original, draw) else { continue };
            bodies += 1;
            of_recorded += usize::from(*count == OF_RECORDED);
            let verdict = original.judged(&mutated);
            let counts = table.entry((original.exchange.name(), mutated.change)).or_default();
            *counts.entry(verdict.word()).or_default() += 1;
            if verdict.fails() {
                failing.push(format!("{}: {}: {verdict:?}", original.who, mutated.what));
            }
        }
    }
    print(&table);
    failing.iter().for_each(|line| println!("{line}"));
    println!("{bodies} bodies, {of_recorded} of recordings; {} wrongly read", failing.len());
    assert!(
        of_recorded >= BODIES || !only.is_empty() || needs::recordings().is_none(),
        "{of_recorded} bodies"
    );
    assert!(failing.is_empty(), "{} of {bodies} changed bodies are wrongly read", failing.len());
}
