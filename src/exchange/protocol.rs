//! The interface of an exchange: a profile, and pure functions from pages to requests and from answers to rows.

use std::time::Duration;

use crate::exchange::error::malformed;
use crate::exchange::live::Live;
use crate::exchange::{
    Answer, AssetNames, Budget, HttpRequest, Listing, Offer, Page, ParseError, Parsed, Quota, Refusal,
};
use crate::model::{Batch, Kind, Market, Micros, Pair, Series};

/// Facts about an exchange as data; see the methods of [`Exchange`] with these names.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// Its usual host.
    pub rest_url: &'static str,
    /// Folders of recorded answers.
    pub recordings: &'static [&'static str],
    /// Its abilities.
    pub offers: &'static [Offer],
    /// Our names of its operations.
    pub endpoints: &'static [&'static str],
    /// Its request budgets, at least one, and what each may spend.
    pub quotas: &'static [(Budget, Quota)],
    /// The way round a geo-block.
    pub geo_block_advice: Option<&'static str>,
}

/// One exchange's public REST interface, as pure functions.
pub trait Exchange: Send + Sync {
    /// Its facts as data.
    fn profile(&self) -> &'static Profile;

    /// Its own name for a pair, as far as it can be told without the listing: of a dated contract, what its
    /// listing is asked by.
    fn symbol(&self, pair: &Pair) -> String;

    /// The request for one page.
    fn request(&self, page: &Page) -> HttpRequest;

    /// Reads the answer to one page and appends **all** its rows, oldest first, to `out`; rows outside the
    /// page's window too, since they prove where the window ends. The walk keeps what lies inside. Trades of
    /// one instant are in the order they happened. Rows that cannot be true are left out and named in the result.
    ///
    /// # Errors
    /// When the answer is a refusal or anything but the shape the exchange documents. `out` is then
    /// to be thrown away.
    fn parse(&self, page: &Page, answer: &Answer<'_>, out: &mut Batch) -> Result<Parsed, ParseError>;

    /// The refusal in a body with an error status, or in an error body with status 200. Returns `None` if it is no
    /// error body of this exchange.
    fn refusal(&self, status: u16, body: &[u8]) -> Option<Refusal>;

    /// The request for the exchange's clock.
    fn clock_request(&self) -> HttpRequest;

    /// Reads the exchange's clock: from the body, or where it has none from the `Date` of its answer.
    ///
    /// # Errors
    /// When the answer is not the documented shape.
    fn parse_clock(&self, answer: &Answer<'_>) -> Result<Micros, ParseError>;

    /// The request for what is listed: one pair, or everything.
    fn listing_request(&self, pair: Option<&Pair>) -> HttpRequest;

    /// The requests for everything that is listed on a market. One listing may cover several markets.
    fn market_listing(&self, _market: Market) -> Vec<HttpRequest> {
        vec![self.listing_request(None)]
    }

    /// Reads what is listed and the request budgets the exchange announces. An entry that is not understood is named
    /// in the result and affects no other.
    ///
    /// # Errors
    /// When the answer is a refusal or not the documented shape.
    fn parse_listing(&self, body: &[u8]) -> Result<Listing, ParseError>;

    /// The request for what its own names of assets mean, where it has such names and publishes them: its listing is
    /// to be read [with them](Listing::with_names).
    fn names_request(&self) -> Option<HttpRequest> {
        None
    }

    /// Reads the answer to [`names_request`](Exchange::names_request).
    ///
    /// # Errors
    /// When the answer is a refusal or not the documented shape.
    fn parse_names(&self, body: &[u8]) -> Result<AssetNames, ParseError> {
        Err(malformed(body, "it is not asked for names of assets"))
    }

    /// The weight used of a budget in the current window, from a header of an answer it paid for.
    /// `header` looks a header up by its lower-case name.
    fn used_weight(&self, _budget: Budget, _header: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
        None
    }

    /// When an exceeded limit ends, from a header of the answer.
    fn limit_ends(&self, _header: &dyn Fn(&str) -> Option<String>) -> Option<Micros> {
        None
    }

    /// How long a client with this refusal is locked out, where the exchange documents it and the answer names no
    /// time.
    fn lockout(&self, _refusal: &Refusal) -> Option<Duration> {
        None
    }

    /// The quota that a header of an answer announces.
    fn announced_quota(&self, _budget: Budget, _header: &dyn Fn(&str) -> Option<String>) -> Option<Quota> {
        None
    }

    /// Its offer over WebSockets. Returns `None` if none is supported.
    fn live(&self) -> Option<&'static dyn Live> {
        None
    }

    /// The name in configurations, paths and labels.
    fn name(&self) -> &'static str {
        self.profile().name
    }

    /// Where its public REST interface lives, without a trailing slash.
    fn rest_url(&self) -> &'static str {
        self.profile().rest_url
    }

    /// The folders of recorded answers that belong to this exchange.
    fn recordings(&self) -> &'static [&'static str] {
        self.profile().recordings
    }

    /// Its abilities, one entry for each kind and set of markets.
    fn offers(&self) -> &'static [Offer] {
        self.profile().offers
    }

    /// Our names of the operations asked of it: the values of the `endpoint` label.
    fn endpoints(&self) -> &'static [&'static str] {
        self.profile().endpoints
    }

    /// The request budgets it documents and the quota of each, which holds until it announces another. An exchange
    /// that counts all requests together has one, [`Budget::REQUESTS`].
    fn quotas(&self) -> &'static [(Budget, Quota)] {
        self.profile().quotas
    }

    /// The place of a budget among the [`quotas`](Exchange::quotas); that of the first for one that is not there, which
    /// the conformance suite rules out.
    fn place_of(&self, budget: Budget) -> usize {
        self.quotas().iter().position(|(own, _)| *own == budget).unwrap_or(0)
    }

    /// The documented quota of a budget.
    fn quota(&self, budget: Budget) -> Quota {
        self.quotas()[self.place_of(budget)].1
    }

    /// The way round a geo-block that the exchange itself documents, if it does.
    fn geo_block_advice(&self) -> Option<&'static str> {
        self.profile().geo_block_advice
    }

    /// The offer for a kind on a market.
    fn offer(&self, kind: Kind, market: Market) -> Option<&'static Offer> {
        self.offers().iter().find(|offer| offer.kind == kind && offer.markets.contains(&market))
    }

    /// The offer for a series.
    fn offer_for(&self, series: &Series) -> Option<&'static Offer> {
        self.offer(series.kind(), series.pair().market())
    }
}
