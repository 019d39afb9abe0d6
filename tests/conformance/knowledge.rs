//! Facts the suite cannot derive from an exchange's own code, or must not: the other side of each check.

use dccd::exchange::{self, Exchange, HttpRequest, RefusalKind};
use dccd::model::{Micros, Side};

use crate::KNOWN;
use crate::books::BookForm;
use crate::read::{Read, What, payloads};

pub(crate) struct Knowledge {
    pub(crate) exchange: &'static str,
    /// Whether prices are JSON numbers, so that a fraction in place of a whole number is no other type.
    pub(crate) json_numbers: bool,
    /// Reads back what a request asks for, from its text alone.
    pub(crate) asked: fn(&HttpRequest) -> Asked,
    /// The meaning of a recorded endpoint; `None` for one we do not use.
    pub(crate) recorded: fn(&str) -> Option<Recorded>,
    /// The values each recording is known to begin with.
    pub(crate) first: &'static [(&'static str, First)],
    /// Recordings that are not parsed, by file name (a `*` at its end stands for anything), and why.
    pub(crate) skipped: &'static [(&'static str, &'static str)],
    /// The error payloads: file name, meaning, the exchange's words.
    pub(crate) errors: &'static [(&'static str, RefusalKind, &'static str)],
    /// Payloads made impossible: file name, a text in it, what it is replaced by.
    pub(crate) impossible: &'static [(&'static str, &'static str, &'static str)],
    /// Where the entries of its listing lie.
    pub(crate) entries: &'static str,
    /// Words of a listing that are not known: file name, a text in it, what it is replaced by, the symbol it concerns.
    pub(crate) unknown_words: &'static [(&'static str, &'static str, &'static str, &'static str)],
    /// How it writes a book.
    pub(crate) book: BookForm,
    /// Whether all its contracts are worth a fixed amount of the quote asset.
    pub(crate) counts_quote: bool,
}

/// The knowledge of an exchange, by name.
pub(crate) fn known(exchange: &str) -> &'static Knowledge {
    let mut all = KNOWN.into_iter();
    all.find(|known| known.exchange == exchange).unwrap_or_else(|| panic!("{exchange} has no module here"))
}

/// The bounds of a request, as half-open times; `None` where the request does not name it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Asked {
    pub(crate) from: Option<Micros>,
    pub(crate) until: Option<Micros>,
    /// The row whose id or cursor it goes on from, that row included.
    pub(crate) id: Option<u64>,
    pub(crate) skip: Option<u32>,
    pub(crate) limit: Option<u32>,
}

/// A recorded endpoint, with the exchange's word for the span where it has one.
pub(crate) struct Recorded {
    pub(crate) what: What,
    pub(crate) word: Option<String>,
}

/// The values a recording begins with.
pub(crate) enum First {
    Candle {
        ts_millis: i64,
        open: f64,
        high: f64,
        low: f64,
        close: f64,
        volume: f64,
    },
    Trade {
        ts_millis: i64,
        price: f64,
        amount: f64,
        side: Side,
        id: &'static str,
    },
    /// The same with an instant finer than a millisecond.
    TradeAt {
        ts: Micros,
        price: f64,
        amount: f64,
        side: Side,
        id: &'static str,
    },
    Book {
        bid: (f64, f64),
        ask: (f64, f64),
        levels: (usize, usize),
    },
    Refusal {
        kind: RefusalKind,
        code: &'static str,
        message: &'static str,
    },
}

/// A parameter of a request's query.
pub(crate) fn query<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let (_, query) = request.path.split_once('?')?;
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

impl Knowledge {
    pub(crate) fn exchange(&self) -> &'static dyn Exchange {
        exchange::find(self.exchange).unwrap_or_else(|| panic!("{} is not in the registry", self.exchange))
    }

    /// Parses a hand-written payload.
    pub(crate) fn payload(&self, name: &str) -> Read {
        let sample = payloads(self.exchange).into_iter().find(|sample| sample.name == name).unwrap();
        sample.read(self.exchange()).unwrap()
    }
}

#[test]
fn every_exchange_of_the_registry_is_known_here_and_simulated() {
    let known: Vec<_> = KNOWN.iter().map(|known| known.exchange).collect();

    assert_eq!(known, exchange::names(), "tests/conformance has a module for each, listed in main.rs");
    assert_eq!(
        dccd::sim::names(),
        exchange::names(),
        "src/sim/venues has a simulator for each, listed in sim/registry.rs"
    );
}
