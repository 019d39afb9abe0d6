//! dccd as a library: an exchange of your own, which configurations then name like any other.
//!
//! Binance.US speaks the protocol of Binance's spot market at another address, so the answers are read by the exchange
//! that is there already; what differs is said here. An exchange with a protocol of its own writes the same functions.
//!
//! `cargo run --example own_exchange -- config.yml`, with `exchange: binanceus` in a job

use std::error::Error;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use dccd::exchange::{
    self, Answer, Budget, HttpRequest, Listing, Offer, Page, ParseError, Parsed, Profile, Refusal,
};
use dccd::model::{Batch, Market, Micros, Pair};
use dccd::{Engine, Exchange, Job, config};
use tokio_util::sync::CancellationToken;

struct BinanceUs;

static OFFERS: LazyLock<Vec<Offer>> = LazyLock::new(|| {
    let is_spot = |offer: &&Offer| offer.markets == [Market::Spot];
    binance().offers().iter().filter(is_spot).copied().collect()
});

static PROFILE: LazyLock<Profile> = LazyLock::new(|| Profile {
    name: "binanceus",
    rest_url: "https://api.binance.us",
    recordings: &[],
    offers: &OFFERS,
    ..*binance().profile()
});

fn binance() -> &'static dyn Exchange {
    exchange::find("binance").expect("dccd speaks to Binance")
}

impl Exchange for BinanceUs {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn symbol(&self, pair: &Pair) -> String {
        binance().symbol(pair)
    }

    fn request(&self, page: &Page) -> HttpRequest {
        binance().request(page)
    }

    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError> {
        binance().parse(page, answer, out)
    }

    fn refusal(&self, status: u16, body: &[u8]) -> Option<Refusal> {
        binance().refusal(status, body)
    }

    fn clock_request(&self) -> HttpRequest {
        binance().clock_request()
    }

    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError> {
        binance().parse_clock(answer)
    }

    fn listing_request(&self, pair: Option<&Pair>) -> HttpRequest {
        binance().listing_request(pair)
    }

    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError> {
        binance().parse_listing(body)
    }

    fn used_weight(&self, budget: Budget, header: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
        binance().used_weight(budget, header)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name a configuration file")?;
    println!("{} new rows", collect(Path::new(&path)).await?);
    Ok(())
}

/// Runs every job of a configuration once and returns how many new rows that brought.
pub(crate) async fn collect(path: &Path) -> Result<u64, Box<dyn Error>> {
    exchange::add(&BinanceUs);
    let config = config::load(Some(path))?;
    let engine = Engine::open(&config, "example").await?;
    let mut rows = 0;
    for job in Job::all(&config) {
        let outcome = engine.run(&job.order, Duration::ZERO, &|_| {}, &CancellationToken::new()).await;
        outcome.error.into_iter().for_each(|error| eprintln!("{error}"));
        rows += outcome.rows;
    }
    engine.close().await;
    Ok(rows)
}
