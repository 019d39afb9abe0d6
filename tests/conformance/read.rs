//! Calls the parser a body is for, and finds the bodies.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use dccd::exchange::{
    Answer, Ask, Contract, Decimal, Exchange, History, Instrument, Listing, Next, Page, ParseError, Parsed,
};
use dccd::model::{Batch, BookLevel, Kind, Market, Micros, Pair, Series, Span, Window};

use crate::knowledge::known;

/// When answers are taken to have been received.
pub(crate) const RECEIVED: Micros = Micros::from_secs(1_750_000_000);

/// The request a body answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    Page(Kind, Market),
    Clock,
    Listing,
    Error,
}

/// The result of parsing a body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Read {
    Rows(Batch, Next),
    /// Rows of an answer that says more than its rows.
    Odd(Batch, Parsed),
    Clock(Micros),
    Listing(Listing),
}

impl Read {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Read::Rows(batch, _) | Read::Odd(batch, _) => batch.is_empty(),
            Read::Clock(_) => false,
            Read::Listing(listing) => listing.instruments.is_empty(),
        }
    }
}

/// A body to be parsed, and where it is from.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) what: What,
    pub(crate) span: Option<Span>,
    pub(crate) body: Vec<u8>,
}

impl Sample {
    pub(crate) fn read(&self, exchange: &dyn Exchange) -> Result<Read, ParseError> {
        read(exchange, self.what, self.span, &self.body)
    }
}

pub(crate) fn read(
    exchange: &dyn Exchange,
    what: What,
    span: Option<Span>,
    body: &[u8],
) -> Result<Read, ParseError> {
    match what {
        What::Page(kind, market) => {
            let mut batch = Batch::of(kind);
            let page = page_of(body, page(exchange, kind, market, span));
            let parsed = exchange.parse(&page, &Answer::of(body, RECEIVED), &mut batch)?;
            let is_plain = parsed == Parsed::from(parsed.next);
            Ok(if is_plain { Read::Rows(batch, parsed.next) } else { Read::Odd(batch, parsed) })
        }
        What::Clock => {
            // The Date is of whole seconds.
            let date = |name: &str| (name == "date").then_some("Sun, 15 Jun 2025 15:06:40 GMT");
            exchange.parse_clock(&Answer { header: &date, ..Answer::of(body, RECEIVED) }).map(Read::Clock)
        }
        What::Listing => exchange.parse_listing(body).map(Read::Listing),
        What::Error => panic!("an error body is read as a refusal"),
    }
}

/// A page that asks about the symbol that a body names, if it does.
pub(crate) fn page_of(body: &[u8], mut page: Page) -> Page {
    if let Some(symbol) = named(body) {
        page.instrument = Arc::new(Instrument { symbol, ..Instrument::clone(&page.instrument) });
    }
    page
}

/// The symbol that the rows of a body name first.
pub(crate) fn named(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let named = |key: &&str| {
        let value =
            text[text.find(&format!("\"{key}\""))? + key.len() + 2..].trim_start().strip_prefix(':')?;
        Some(value.trim_start().strip_prefix('"')?.split('"').next()?.to_owned())
    };
    ["symbol", "s", "instId"].iter().find_map(named).filter(|symbol| !symbol.is_empty())
}

/// The levels of a book, in order.
pub(crate) fn levels(batch: &Batch) -> Vec<BookLevel> {
    (0..batch.len()).map(|row| batch.book().get(row)).collect()
}

/// The largest page of a kind.
pub(crate) fn page(exchange: &dyn Exchange, kind: Kind, market: Market, span: Option<Span>) -> Page {
    let offer = exchange.offer(kind, market).expect("the kind is offered");
    let span = span.or_else(|| offer.spans.first().map(|own| own.span()));
    let series = Series::new(exchange.name(), pair("BTC/USDT", market), kind, span).unwrap();
    let ask = if offer.history == History::Now { Ask::Now } else { Ask::ByTime };
    let window = Window::new(Micros::OLDEST, RECEIVED).unwrap();
    let instrument = instrument(exchange, series.pair());
    Page { series: Arc::new(series), instrument, window, ask, rows: offer.page_rows }
}

/// A pair on a market.
pub(crate) fn pair(assets: &str, market: Market) -> Pair {
    let colon = if market == Market::Spot { "" } else { ":" };
    format!("{assets}{colon}{}", market.suffix()).parse().unwrap()
}

/// The instrument of a pair in these tests: a contract of a derivative is one unit of the base asset, or a hundred
/// of the quote asset.
pub(crate) fn instrument(exchange: &dyn Exchange, pair: &Pair) -> Arc<Instrument> {
    let contract = if known(exchange.name()).counts_quote {
        Contract::Quote(Decimal::whole(100))
    } else {
        Contract::Base(Decimal::ONE)
    };
    let contract = (pair.market() != Market::Spot).then_some(contract);
    Arc::new(Instrument { contract, ..Instrument::named(exchange.symbol(pair)) })
}

/// The hand-written payloads of an exchange, named `<kind>_….json`, `ohlc_<span>_….json`, `time.json`,
/// `instruments_….json` or `error_….json`; a word of the name that is a market says which one, spot else.
pub(crate) fn payloads(exchange: &str) -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(exchange);
    files(&folder).into_iter().map(|(name, body)| payload(name, body)).collect()
}

fn payload(name: String, body: Vec<u8>) -> Sample {
    let stem = name.strip_suffix(".json").unwrap_or_else(|| panic!("{name} is no .json"));
    // The one kind with two words is written without its line between them.
    let mut words = stem.split('_');
    let word = words.next().unwrap_or_default();
    let markets = [Market::Perp, Market::Quarter, Market::NextQuarter];
    let named = |market: &Market| stem.split('_').any(|word| word == market.suffix());
    let market = markets.into_iter().find(named).unwrap_or(Market::Spot);
    let kind = |word: &str| word.parse().unwrap_or_else(|()| panic!("{name} begins with no kind"));
    let what = match word {
        "time" => What::Clock,
        "instruments" => What::Listing,
        "error" => What::Error,
        "openinterest" => What::Page(Kind::OpenInterest, market),
        word => What::Page(kind(word), market),
    };
    let has_span = matches!(what, What::Page(kind, _) if kind.has_span());
    let span = has_span.then(|| words.next().unwrap_or_default().parse().unwrap());
    Sample { name, what, span, body }
}

/// The files of a folder by name, in order, without white space at their ends.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap().trim_ascii().to_vec())
        })
        .collect();
    files.sort();
    files
}
