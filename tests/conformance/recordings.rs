//! Every answer an exchange really gave is parsed and holds the values it is known to begin with.

use std::path::Path;

use dccd::exchange::{Direction, Exchange, Next, Offer, Probe};
use dccd::model::{Batch, Micros, Side, Span, Values};
use serde::Deserialize;

use crate::KNOWN;
use crate::knowledge::{First, Knowledge, Recorded};
use crate::needs;
use crate::read::{Read, Sample, What, files, levels};

/// No recording is later.
const RECORDED_BEFORE: Micros = Micros::from_secs(1_800_000_000);

/// Where a candle opens at the close of the one before, which may lie outside of its own low and high.
const OPENS_AT_THE_LAST_CLOSE: [&str; 1] = ["bitmex"];

/// The index of the recordings, as far as it is used here.
#[derive(Deserialize)]
struct Index {
    files: Vec<Entry>,
}

#[derive(Clone, Deserialize)]
struct Entry {
    file: String,
    endpoint: String,
    rows: String,
}

impl Entry {
    /// `24 rows`, `609 + 1000 levels`: the sum of its numbers.
    fn rows(&self) -> usize {
        self.rows.split(' ').filter_map(|word| word.parse::<usize>().ok()).sum()
    }
}

/// The recordings of an exchange to be parsed, with their entries, and how many are left out by its table.
pub(crate) fn samples(known: &Knowledge, folder: &Path) -> (Vec<(Sample, usize)>, usize) {
    let index = std::fs::read(folder.join("index.json")).unwrap();
    let index: Index = serde_json::from_slice(&index).unwrap();
    let (mut samples, mut skipped) = (Vec::new(), 0);
    for own in known.exchange().recordings() {
        for (name, body) in files(&folder.join(own)) {
            if reason_to_skip(known, &name).is_some() {
                skipped += 1;
                continue;
            }
            let path = format!("{own}/{name}");
            let entry = index.files.iter().find(|entry| entry.file == path);
            let entry = entry.unwrap_or_else(|| panic!("{path} is in no index and in no table"));
            let Recorded { what, word } = (known.recorded)(&entry.endpoint).unwrap_or_else(|| {
                panic!("{path} is neither parsed nor listed with a reason: {}", entry.endpoint)
            });
            let span = word.map(|word| span_of(known.exchange(), what, &word));
            samples.push((Sample { name, what, span, body }, entry.rows()));
        }
    }
    (samples, skipped)
}

fn reason_to_skip(known: &Knowledge, name: &str) -> Option<&'static str> {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(head) => name.starts_with(head),
        None => name == pattern,
    };
    known.skipped.iter().find(|(pattern, _)| fits(pattern)).map(|(_, reason)| *reason)
}

fn span_of(exchange: &dyn Exchange, what: What, word: &str) -> Span {
    let What::Page(kind, market) = what else { panic!("{what:?} has no span") };
    let offer = exchange.offer(kind, market).expect("a recorded kind is offered");
    offer.spans.iter().find(|own| own.word == word).unwrap_or_else(|| panic!("no span `{word}`")).span()
}

#[test]
fn every_recording_is_parsed_or_listed_with_a_reason() {
    let Some(folder) = needs::recordings() else { return };
    for known in KNOWN {
        let (samples, skipped) = samples(known, &folder);
        for (sample, rows) in &samples {
            let (_, first) =
                known.first.iter().find(|(name, _)| *name == sample.name).unwrap_or_else(|| {
                    panic!("{}/{} has no known first values", known.exchange, sample.name)
                });
            check(known.exchange(), sample, *rows, first);
        }
        assert_eq!(known.first.len(), samples.len(), "{}: a known file is not there", known.exchange);
        println!("{}: {} recordings parsed, {skipped} skipped:", known.exchange, samples.len());
        known.skipped.iter().for_each(|(pattern, reason)| println!("  {pattern}: {reason}"));
    }
}

fn check(exchange: &dyn Exchange, sample: &Sample, rows: usize, first: &First) {
    let who = format!("{}/{}", exchange.name(), sample.name);
    if let First::Refusal { kind, code, message } = first {
        let refusal = exchange.refusal(400, &sample.body).unwrap_or_else(|| panic!("{who} is no refusal"));
        assert_eq!((refusal.kind, &*refusal.code, &*refusal.message), (*kind, *code, *message), "{who}");
        return;
    }
    let read = sample.read(exchange).unwrap_or_else(|error| panic!("{who}: {error}"));
    let (batch, next) = match read {
        Read::Rows(batch, next) => (batch, next),
        // Some were asked for in the other order than ours.
        Read::Odd(batch, parsed) if parsed.odd.is_empty() && parsed.is_reversed => (batch, parsed.next),
        other => panic!("{who} is no page of good rows: {other:?}"),
    };
    assert_eq!(batch.len(), rows, "{who}");
    assert!(batch.in_order(), "{who}");
    assert_plausible(&batch, &who);
    match first {
        First::Candle { ts_millis, open, high, low, close, volume } => {
            let candle = batch.candles().get(first_sent(&batch, *ts_millis));
            let values = [candle.open, candle.high, candle.low, candle.close, candle.volume];
            assert_eq!(candle.ts.millis_floor(), *ts_millis, "{who}");
            assert_eq!(values, [*open, *high, *low, *close, *volume], "{who}");
            let What::Page(kind, market) = sample.what else { unreachable!("a page of candles") };
            let offer = exchange.offer(kind, market).expect("a recorded kind is offered");
            assert_on_grid(offer, &batch, sample.span.expect("candles have a span"), &who);
        }
        First::Trade { ts_millis, price, amount, side, id } => {
            let row = first_sent(&batch, *ts_millis);
            assert_eq!(batch.trades().get(row).ts.millis_floor(), *ts_millis, "{who}");
            assert_trades(exchange, sample, &batch, next, (row, *price, *amount, *side, *id), &who);
        }
        First::TradeAt { ts, price, amount, side, id } => {
            assert_eq!(batch.trades().get(0).ts, *ts, "{who}");
            assert_trades(exchange, sample, &batch, next, (0, *price, *amount, *side, *id), &who);
        }
        First::Book { bid, ask, levels } => assert_book(&batch, *bid, *ask, *levels, &who),
        First::Refusal { .. } => unreachable!("a refusal is no page"),
    }
}

/// Where the row is that an answer begins with: rows are read oldest first, whichever the exchange sent first.
fn first_sent(batch: &Batch, ts_millis: i64) -> usize {
    let is_oldest = Micros(batch.ts()[0]).millis_floor() == ts_millis;
    if is_oldest { 0 } else { batch.len() - 1 }
}

fn assert_plausible(batch: &Batch, who: &str) {
    assert!(batch.ts().iter().all(|ts| (Micros::OLDEST.0..RECORDED_BEFORE.0).contains(ts)), "{who}");
    for column in batch.columns() {
        if let Values::F64(values) = &column.values {
            assert!(values.iter().all(|value| value.is_finite() && *value >= 0.0), "{who}");
        }
    }
}

fn assert_on_grid(offer: &Offer, batch: &Batch, span: Span, who: &str) {
    if offer.is_unanchored(span) {
        return;
    }
    let grid = offer.grid(span);
    for candle in batch.candles().iter() {
        assert!(grid.holds(candle.ts), "{who}: {} is no open of {span}", candle.ts);
        let exchange = who.split('/').next().unwrap_or_default();
        let open = if OPENS_AT_THE_LAST_CLOSE.contains(&exchange) { candle.close } else { candle.open };
        assert!(candle.low <= open.min(candle.close), "{who}: {}", candle.ts);
        assert!(candle.high >= open.max(candle.close), "{who}: {}", candle.ts);
    }
    assert!(batch.ts().windows(2).all(|pair| pair[0] < pair[1]), "{who}: a candle is there twice");
}

/// The trades begin with the known one and keep their ids apart.
fn assert_trades(
    exchange: &dyn Exchange,
    sample: &Sample,
    batch: &Batch,
    next: Next,
    first: (usize, f64, f64, Side, &str),
    who: &str,
) {
    let trade = batch.trades().get(first.0);
    assert_eq!((trade.price, trade.amount), (first.1, first.2), "{who}");
    assert_eq!((trade.side, trade.id), (Some(first.3), Some(first.4)), "{who}");
    let What::Page(kind, market) = sample.what else { unreachable!("a page of trades") };
    let offer = exchange.offer(kind, market).expect("a recorded kind is offered");
    assert_ids(offer, batch, next, who);
}

/// Ids of one answer differ, and the walk by id goes on from the furthest one.
fn assert_ids(offer: &Offer, batch: &Batch, next: Next, who: &str) {
    let mut ids: Vec<_> = batch.trades().iter().map(|trade| trade.id.unwrap().to_owned()).collect();
    // An exchange whose first trade is found by time goes on by a cursor, not by ids.
    if let Next::FromId(id) = next
        && offer.probe != Probe::ByTime
    {
        let furthest = match offer.direction {
            Direction::OldestFirst => ids.last(),
            Direction::NewestFirst => ids.first(),
        };
        assert_eq!(furthest, Some(&id.to_string()), "{who}");
    }
    if offer.ids_are_contiguous {
        let mut numbers: Vec<u64> = ids.iter().map(|id| id.parse().unwrap()).collect();
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{who}: a number is left out");
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), batch.len(), "{who}");
}

fn assert_book(batch: &Batch, bid: (f64, f64), ask: (f64, f64), count: (usize, usize), who: &str) {
    let rows = levels(batch);
    let of = |side| -> Vec<_> {
        rows.iter().filter(|level| level.side == side).map(|level| (level.price, level.amount)).collect()
    };
    let (bids, asks) = (of(Side::Bid), of(Side::Ask));
    assert_eq!((bids.len(), asks.len()), count, "{who}");
    assert_eq!((bids[0], asks[0]), (bid, ask), "{who}");
    assert!(bids.is_sorted_by(|a, b| a.0 > b.0) && asks.is_sorted_by(|a, b| a.0 < b.0), "{who}");
    assert!(bid.0 < ask.0, "{who}");
    assert!(rows.iter().all(|level| level.is_snapshot), "{who}");
}
