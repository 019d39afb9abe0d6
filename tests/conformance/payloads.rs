//! Hand-written payloads keep every parser tested where there are no recordings.

use dccd::exchange::{ALL, Exchange};
use dccd::model::{Batch, Kind, Micros, Side};

use crate::KNOWN;
use crate::knowledge::First;
use crate::read::{Read, Sample, What, levels, payloads};

#[test]
fn every_parser_of_every_exchange_has_a_payload_written_by_hand() {
    for exchange in ALL {
        let pages = exchange.offers().iter().map(|offer| (offer, What::Page(offer.kind, offer.markets[0])));
        let have = payloads(exchange.name());
        for (offer, what) in pages {
            // One of its markets is enough.
            let fits = |sample: &What| match sample {
                What::Page(kind, market) => *kind == offer.kind && offer.markets.contains(market),
                _ => false,
            };
            let any = have.iter().any(|sample| fits(&sample.what));
            assert!(any, "tests/fixtures/{} has no payload for {what:?}", exchange.name());
        }
        for what in [What::Clock, What::Listing, What::Error] {
            let any = have.iter().any(|sample| sample.what == what);
            assert!(any, "tests/fixtures/{} has no payload for {what:?}", exchange.name());
        }
    }
}

#[test]
fn every_payload_of_an_answer_parses_to_something() {
    for known in KNOWN {
        for sample in payloads(known.exchange).iter().filter(|sample| sample.what != What::Error) {
            let read = sample.read(known.exchange());
            assert!(read.as_ref().is_ok_and(|read| !read.is_empty()), "{}: {read:?}", sample.name);
        }
    }
}

#[test]
fn what_each_recording_is_known_to_begin_with_is_in_a_payload_written_by_hand() {
    let mut lacking = Vec::new();
    for known in KNOWN {
        let payloads = payloads(known.exchange);
        for (file, first) in known.first {
            let holds = payloads.iter().any(|sample| holds(known.exchange(), sample, first));
            if !holds {
                lacking.push(format!("{}: {file}", known.exchange));
            }
        }
    }
    assert!(lacking.is_empty(), "no payload under tests/fixtures holds what begins {lacking:#?}");
}

/// Kinds are backed by recordings, which need not be here, or by the exchange's documentation alone. What stands among
/// the recordings may be a sample of the documentation, so that the other way round is not said.
#[test]
fn each_kind_that_is_said_to_be_recorded_has_a_recording_that_is_checked() {
    for known in KNOWN {
        let recorded = |kind: Kind| known.first.iter().any(|(_, first)| kind_of(first) == Some(kind));
        let offers = known.exchange().offers();
        for kind in [Kind::Ohlc, Kind::Trades, Kind::OrderBook, Kind::Funding, Kind::OpenInterest] {
            let mut of_kind = offers.iter().filter(|offer| offer.kind == kind).peekable();
            if of_kind.peek().is_none() {
                continue;
            }
            let is_said = of_kind.any(|offer| offer.recorded);
            let backing = if is_said { "recordings and documentation" } else { "documentation alone" };
            println!("{} {}: {backing}", known.exchange, kind.name());
            assert!(!is_said || recorded(kind), "{} {}", known.exchange, kind.name());
        }
    }
}

fn kind_of(first: &First) -> Option<Kind> {
    match first {
        First::Candle { .. } => Some(Kind::Ohlc),
        First::Trade { .. } | First::TradeAt { .. } => Some(Kind::Trades),
        First::Book { .. } => Some(Kind::OrderBook),
        First::Refusal { .. } => None,
    }
}

/// Whether a payload holds the known values: those of a row, the best of a book, or a refusal.
fn holds(exchange: &dyn Exchange, sample: &Sample, first: &First) -> bool {
    if let First::Refusal { kind, code, message } = first {
        let refusal = (sample.what == What::Error).then(|| exchange.refusal(400, &sample.body)).flatten();
        return refusal
            .is_some_and(|told| told.kind == *kind && &*told.code == *code && &*told.message == *message);
    }
    let wanted = kind_of(first).expect("only a refusal has no kind");
    if !matches!(sample.what, What::Page(kind, _) if kind == wanted) {
        return false;
    }
    let Ok(Read::Rows(batch, _) | Read::Odd(batch, _)) = sample.read(exchange) else { return false };
    match first {
        First::Candle { ts_millis, open, high, low, close, volume } => {
            let values = [*open, *high, *low, *close, *volume];
            batch.candles().iter().any(|row| {
                row.ts.millis_floor() == *ts_millis
                    && [row.open, row.high, row.low, row.close, row.volume] == values
            })
        }
        First::Trade { ts_millis, price, amount, side, id } => {
            has_trade(&batch, |ts| ts.millis_floor() == *ts_millis, (*price, *amount, *side, *id))
        }
        First::TradeAt { ts, price, amount, side, id } => {
            has_trade(&batch, |at| at == *ts, (*price, *amount, *side, *id))
        }
        First::Book { bid, ask, .. } => {
            let best = |side| {
                levels(&batch).into_iter().find(|row| row.side == side).map(|row| (row.price, row.amount))
            };
            best(Side::Bid) == Some(*bid) && best(Side::Ask) == Some(*ask)
        }
        First::Refusal { .. } => false,
    }
}

fn has_trade(batch: &Batch, is_then: impl Fn(Micros) -> bool, known: (f64, f64, Side, &str)) -> bool {
    let (price, amount, side, id) = known;
    batch.trades().iter().any(|row| {
        is_then(row.ts) && (row.price, row.amount, row.side, row.id) == (price, amount, Some(side), Some(id))
    })
}
