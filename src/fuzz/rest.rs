//! Answers of every exchange over REST: rows within bounds or an error, and a walk that they cannot lead astray.

use std::sync::{Arc, LazyLock};

use super::seeds;
use crate::exchange::{
    ALL, Answer, Ask, Contract, Decimal, Exchange, History, Instrument, Offer, Page, Walk,
};
use crate::model::{Batch, Kind, Market, Micros, Pair, Series, Values, Window, is_hidden};

/// When answers are received.
const RECEIVED: Micros = Micros::from_secs(1_750_000_000);

/// The most answers that one walk takes.
const ANSWERS: usize = 4;

/// Kinds of requests to an exchange: the first byte of an input is its place.
#[derive(Clone, Copy)]
enum Asked {
    Page(&'static Offer, Market),
    Clock,
    Listing,
    Names,
    Refusal,
}

static ASKED: LazyLock<Vec<(&'static dyn Exchange, Asked)>> = LazyLock::new(|| {
    let own = |exchange: &'static dyn Exchange| {
        let pages = exchange.offers().iter();
        let pages =
            pages.flat_map(|offer| offer.markets.iter().map(move |market| Asked::Page(offer, *market)));
        let others = [Asked::Clock, Asked::Listing, Asked::Names, Asked::Refusal];
        pages.chain(others).map(move |asked| (exchange, asked)).collect::<Vec<_>>()
    };
    ALL.into_iter().flat_map(own).collect()
});

pub(super) fn run(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    let (exchange, asked) = ASKED[usize::from(*first) % ASKED.len()];
    match asked {
        Asked::Page(offer, market) => page(exchange, offer, market, body),
        Asked::Clock => {
            let date = |name: &str| (name == "date").then_some("Sun, 15 Jun 2025 15:06:40 GMT");
            shown(exchange.parse_clock(&Answer { header: &date, ..Answer::of(body, RECEIVED) }));
        }
        Asked::Listing => listing(exchange, body),
        Asked::Names => shown(exchange.parse_names(body)),
        Asked::Refusal => {
            for status in [200, 400, 429, 500] {
                if let Some(refusal) = exchange.refusal(status, body) {
                    plain(&refusal.to_string());
                    let _ = exchange.lockout(&refusal);
                }
            }
        }
    }
}

/// An error is text for people, whatever stands in the body.
fn shown<T>(parsed: Result<T, crate::exchange::ParseError>) {
    if let Err(error) = parsed {
        plain(&error.to_string());
    }
}

fn plain(text: &str) {
    assert!(!text.chars().any(is_hidden), "hidden characters are shown: {text:?}");
}

fn listing(exchange: &dyn Exchange, body: &[u8]) {
    match exchange.parse_listing(body) {
        Ok(listing) => {
            assert!(listing.instruments.len() + listing.odd.len() <= body.len(), "more entries than bytes");
            for pair in listing.instruments.iter().filter_map(|own| own.pair.as_ref()) {
                // One without any capital is read in capitals, and found by that.
                let read: Option<Pair> = pair.to_string().parse().ok();
                assert!(
                    read.as_ref().is_some_and(|read| read.is_spelt_like(pair)),
                    "{pair} is read as {read:?}"
                );
            }
        }
        Err(error) => plain(&error.to_string()),
    }
}

fn page(exchange: &'static dyn Exchange, offer: &'static Offer, market: Market, body: &[u8]) {
    let Some((series, instrument)) = series(exchange, offer, market) else { return };
    let window = Window::new(Micros::OLDEST, RECEIVED).expect("the past is no empty window");
    let mut walk = Walk::new(Arc::clone(&series), Arc::clone(&instrument), offer, window, RECEIVED, RECEIVED);
    for _ in 0..ANSWERS {
        let Some(asked) = walk.next() else { return };
        let asked = if offer.history == History::Now { Page { ask: Ask::Now, ..asked } } else { asked };
        let mut rows = Batch::of(offer.kind);
        let parsed = match exchange.parse(&asked, &Answer::of(body, RECEIVED), &mut rows) {
            Ok(parsed) => parsed,
            Err(error) => return plain(&error.to_string()),
        };
        assert!(rows.len() + parsed.odd.len() <= body.len(), "{} rows of {} bytes", rows.len(), body.len());
        finite(&rows);
        let step = match walk.take(rows, parsed, None) {
            Ok(step) => step,
            Err(error) => return plain(&error.to_string()),
        };
        for proven in [step.covered, step.empty].into_iter().flatten() {
            assert!(
                window.from <= proven.from && proven.until <= window.until,
                "{proven} is beyond {window}"
            );
        }
        let both = step.covered.zip(step.empty).and_then(|(covered, empty)| covered.intersection(empty));
        assert!(both.is_none_or(|both| step.rows.ts().iter().all(|ts| !both.holds(Micros(*ts)))), "{both:?}");
    }
}

/// Numbers are numbers: a parser never gives what stands for none.
pub(super) fn finite(rows: &Batch) {
    for column in rows.columns() {
        if let Values::F64(values) = &column.values {
            assert!(values.iter().all(|value| value.is_finite()), "{values:?}");
        }
    }
}

fn series(exchange: &dyn Exchange, offer: &Offer, market: Market) -> Option<(Arc<Series>, Arc<Instrument>)> {
    let span = offer.spans.first().map(|own| own.span());
    let series = Series::new(exchange.name(), pair(market)?, offer.kind, span).ok()?;
    let instrument = instrument(exchange, series.pair());
    Some((Arc::new(series), Arc::new(instrument)))
}

fn pair(market: Market) -> Option<Pair> {
    let colon = if market == Market::Spot { "" } else { ":" };
    format!("BTC/USDT{colon}{}", market.suffix()).parse().ok()
}

/// The instrument that an exchange lists for a pair.
pub(super) fn instrument(exchange: &dyn Exchange, pair: &Pair) -> Instrument {
    let contract = match (exchange.name(), pair.market()) {
        ("binancecoinm", _) => Some(Contract::Quote(Decimal::whole(100))),
        ("bitmex", _) => Some(Contract::Base(Decimal::ONE)),
        (_, market) => (market != Market::Spot).then_some(Contract::Base(Decimal::ONE)),
    };
    Instrument { contract, pair: Some(pair.clone()), ..Instrument::named(exchange.symbol(pair)) }
}

/// The whole book of an answer; none where it is refused.
pub(super) fn book(
    exchange: &dyn Exchange,
    series: Arc<Series>,
    instrument: Arc<Instrument>,
    body: &[u8],
    received: Micros,
) -> Option<Batch> {
    const LEVELS: u32 = 100;
    let window = Window::new(received, Micros(received.0 + 1))?;
    let page = Page { series, instrument, window, ask: Ask::Now, rows: LEVELS };
    let mut rows = Batch::of(Kind::OrderBook);
    exchange.parse(&page, &Answer::of(body, received), &mut rows).ok()?;
    Some(rows)
}

/// Payloads written by hand and recorded answers, each behind the place of what it answers.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (place, (exchange, asked)) in ASKED.iter().enumerate() {
        let Ok(place) = u8::try_from(place) else { continue };
        let own = seeds::files(&seeds::root().join("tests/fixtures").join(exchange.name()));
        let recorded =
            exchange.recordings().iter().flat_map(|own| seeds::files(&seeds::recordings().join(own)));
        let bodies = own.into_iter().chain(recorded);
        let answers = bodies.filter(|(name, _)| name.ends_with(".json") && is_of(*asked, name));
        seeds.extend(answers.map(|(_, body)| [&[place], &body[..]].concat()));
    }
    seeds
}

/// Whether a file is an answer to what is asked, by its name.
fn is_of(asked: Asked, name: &str) -> bool {
    let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    match asked {
        Asked::Page(offer, _) => match offer.kind {
            Kind::Ohlc => begins(&["ohlc", "rest_candles"]),
            Kind::Trades => begins(&["trades", "rest_trades", "rest_aggtrades"]),
            Kind::OrderBook => begins(&["orderbook", "rest_book"]),
            Kind::Funding => begins(&["funding", "rest_funding"]),
            Kind::OpenInterest => begins(&["openinterest", "rest_openinterest"]),
        },
        Asked::Clock => begins(&["time"]),
        Asked::Listing | Asked::Names => begins(&["instruments"]),
        Asked::Refusal => begins(&["error", "rest_error"]),
    }
}
