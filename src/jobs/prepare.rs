//! Prepares a run before its first page: resolves the instrument, reads the exchange's clock, and settles the
//! wanted range, where rows begin, and which of them are missing.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::{
    AssetNames, Budget, Direction, Instrument, Listing, Offer, ParseError, Quota, RefusalKind,
};
use crate::jobs::ends::Ends;
use crate::jobs::handle::Handle;
use crate::jobs::run::Run;
use crate::jobs::scope::{Contracted, RunScope};
use crate::jobs::{FetchError, Instruments, RunError, RunErrorKind, Since, plan};
use crate::model::{Grid, Micros, Pair, Window, Windows};
use crate::net::{NetError, Received};
use crate::store::Ledger;
use crate::telemetry::events::{Chain, ContractRolledOver, ListingEntriesOdd};

/// How long after the expiry of a dated contract its rows are still requested.
const ASKED_AFTER_ITS_END: Duration = Duration::from_secs(86_400);

/// How long before the listing date that an exchange states its first rows may lie.
const TRADED_BEFORE_LISTED: Duration = Duration::from_secs(30 * 86_400);

/// Why time is a gap that one run found empty, while no row of the series is known.
const ONE_RUN: &str = "one run got only empty answers and no row is known; the next run asks again";

impl Run<'_> {
    pub(super) fn offer(&self) -> Option<&'static Offer> {
        let series = &self.order.series;
        let offer = self.context.client.exchange().offer_for(series);
        offer.filter(|offer| series.span().is_none_or(|span| offer.span(span).is_some()))
    }

    pub(super) fn no_offer(&self) -> RunError {
        let series = &self.order.series;
        let exchange = self.context.client.exchange().name();
        let what = format!("{} {} for {}", series.kind(), series.span_label(), series.pair());
        RunErrorKind::NoOffer { exchange, what }.of(series)
    }

    /// Measures the exchange's clock, without which it is unknown which candles are closed. Once per symbol,
    /// also looks up the listed instrument and the announced budgets; again for a dated contract that has
    /// expired.
    pub(super) async fn resolve_instrument(&self) -> Result<Instruments, RunError> {
        let client = &self.context.client;
        if client.clock().is_due() {
            match self.fetcher.measure_clock().await {
                // A clock that was measured once keeps running, and the pages themselves will show
                // more.
                Err(error) if client.clock().is_measured() && !is_stop(&error) => {
                    tracing::warn!(error = %Chain(&error), "the exchange's clock could not be measured again");
                }
                // The system's own clock does not show which candles are closed.
                measured => measured.map_err(|error| self.unprepared(error))?,
            }
        }
        let pair = self.order.series.pair();
        let known = self.context.instruments().get(pair).cloned();
        let now = client.clock().now();
        let has_its_name = |own: &Instruments| own.now.named_until().is_none_or(|until| now < until);
        if let Some(known) = known.clone().filter(has_its_name) {
            return Ok(known);
        }
        let (instrument, quotas) = self.look_up(pair).await.map_err(|error| self.unprepared(error))?;
        quotas.into_iter().for_each(|(budget, quota)| client.set_quota(budget, quota));
        let before = known.map(|known| known.now).filter(|known| known.symbol != instrument.symbol);
        if let Some(before) = &before {
            self.context.telemetry.emit(ContractRolledOver {
                series: &self.order.series,
                before: &before.symbol,
                now: &instrument.symbol,
                tenure: before.tenure(),
            });
        }
        let instruments = Instruments { now: instrument, before };
        self.context.instruments().insert(pair.clone(), instruments.clone());
        Ok(instruments)
    }

    /// The instrument of a pair, and the budgets that the listing announces. If the exchange has no pair of
    /// that spelling, it is looked up in capitals.
    async fn look_up(&self, pair: &Pair) -> Result<(Arc<Instrument>, Vec<(Budget, Quota)>), FetchError> {
        let names = self.names().await?;
        let exchange = self.context.client.exchange();
        let read = |received: &Received| {
            let listing = self.read_listing(received, &names)?;
            Ok((Arc::new(listing.find(pair)?.clone()), listing.quotas))
        };
        let listed = self.fetcher.ask(&exchange.listing_request(Some(pair)), read).await;
        let (error, raised) = match (listed, pair.raised()) {
            (Err((_, error)), Some(raised)) if is_unlisted(&error) => (error, raised),
            (listed, _) => return listed.map_err(|(_, error)| error),
        };
        self.fetcher.ask(&exchange.listing_request(Some(&raised)), read).await.map_err(|_| error)
    }

    pub(super) fn read_listing(
        &self,
        received: &Received,
        names: &AssetNames,
    ) -> Result<Listing, ParseError> {
        let exchange = self.context.client.exchange();
        let listing = exchange.parse_listing(&received.body)?.with_names(names);
        let entries: Vec<_> = listing.odd.iter().map(|odd| (odd.symbol.as_str(), odd.why.as_str())).collect();
        self.context.telemetry.emit(ListingEntriesOdd { exchange: exchange.name(), entries: &entries });
        Ok(listing)
    }

    /// The meaning of the exchange's own names of assets; empty if it publishes none.
    pub(super) async fn names(&self) -> Result<Arc<AssetNames>, FetchError> {
        let client = &self.context.client;
        let request = match client.known_names() {
            Some(known) => return Ok(known),
            None => client.exchange().names_request(),
        };
        let Some(request) = request else { return Ok(Arc::default()) };
        let read = |received: &Received| client.exchange().parse_names(&received.body);
        let names = self.fetcher.ask(&request, read).await;
        Ok(client.learn_names(names.map_err(|(_, error)| error)?))
    }

    /// The instruments to request, in order: the contract that a dated pair named before, while part of it is
    /// missing and the exchange may still serve it, then the present one.
    pub(super) fn contracts(
        &self,
        writer: &Handle,
        offer: &'static Offer,
        instruments: Instruments,
    ) -> Vec<Contracted> {
        let grid = self.order.series.span().map(|span| offer.grid(span));
        let now = self.context.client.clock().now();
        let asked = self.asked(writer, offer, grid, plan::horizon(offer, grid, now));
        let before = instruments.before.filter(|before| {
            let Some(tenure) = offer.tenure(before) else { return false };
            let closed = grid.map_or(tenure.until, |grid| grid.next(grid.floor(tenure.until)));
            let wanted = Window::new(asked.max(tenure.from), tenure.until);
            now < closed + ASKED_AFTER_ITS_END
                && wanted.is_some_and(|wanted| !writer.settled().missing(wanted).is_empty())
        });
        let is_first = before.is_none();
        let before = before.map(|instrument| Contracted { instrument, is_first: true });
        before.into_iter().chain([Contracted { instrument: instruments.now, is_first }]).collect()
    }

    /// The beginning of the wanted rows.
    fn asked(&self, writer: &Handle, offer: &Offer, grid: Option<Grid>, horizon: Micros) -> Micros {
        let known = writer.ledger().wanted_since;
        match self.order.since {
            Since::Exactly(since) => since,
            Since::AtLeast(since) => known.map_or(since, |known| known.min(since)),
            Since::Origin => known.map_or(Micros::OLDEST, |known| known.min(Micros::OLDEST)),
            // Rows that came live are wanted as well: what is missing behind them is a gap.
            Since::Known => known.unwrap_or_else(|| {
                let page = plan::newest_page(offer, grid, horizon);
                writer.settled().first().map_or(page, |held| held.from.min(page))
            }),
        }
    }

    /// Settles the wanted range.
    pub(super) fn prepare(
        &mut self,
        writer: &Handle,
        offer: &'static Offer,
        contract: Contracted,
    ) -> RunScope {
        let Contracted { instrument, is_first } = contract;
        let grid = self.order.series.span().map(|span| offer.grid(span));
        let horizon = plan::horizon(offer, grid, self.context.client.clock().now());
        let tenure = offer.tenure(&instrument);
        let until = self.order.until.map_or(horizon, |until| until.min(horizon));
        let until = tenure.map_or(until, |tenure| until.min(tenure.until));
        let asked = self.asked(writer, offer, grid, horizon);
        let mut since = self.reach(writer, offer, grid, asked, horizon);
        if let Some(tenure) = tenure {
            let earlier = Window::new(since, tenure.from).filter(|_| is_first);
            earlier.into_iter().for_each(|window| self.had_another(writer, &instrument, window));
            since = since.max(tenure.from);
        }
        // A start in the future wants nothing yet, and must not hide what lies before it.
        writer.account(|ledger| want(ledger, asked.min(horizon)));
        // Rows of another contract show nothing about this one.
        self.fetcher.ends = Arc::new(Ends::default());
        let ends = writer.ledger().ends();
        for end in ends.into_iter().flat_map(|ends| [ends.0, ends.1]) {
            if tenure.is_none_or(|tenure| tenure.holds(end)) {
                self.fetcher.ends.learn(&[end.0]);
            }
        }
        let older = Window::new(asked, since.min(until)).filter(|_| offer.derived_from.is_some());
        RunScope { offer, instrument, grid, horizon, since, until, older }
    }

    /// Marks time of an earlier contract that the exchange no longer lists under the pair's name as
    /// unfillable.
    fn had_another(&self, writer: &Handle, instrument: &Instrument, window: Window) {
        let exchange = self.context.client.exchange().name();
        let (symbol, since) = (&instrument.symbol, window.until);
        let reason =
            format!("an earlier contract had this name; {exchange} calls {symbol} by it since {since}");
        writer.account(|ledger| ledger.give_up(window, &reason));
    }

    /// If the first row cannot be probed for, marks the time well before the listing date as empty, if the
    /// exchange states that date.
    pub(super) fn settle_before_listing(&self, writer: &Handle, scope: &RunScope) {
        let goes_further_back = scope.offer.is_continuous && scope.instrument.tenure().is_some();
        let Some(listed) = scope.instrument.listed.filter(|_| !goes_further_back) else { return };
        let surely = listed - TRADED_BEFORE_LISTED;
        let opens = scope.grid.map_or(surely, |grid| scope.offer.open_before(grid, surely));
        let settled = scope.unsettled_since();
        let Some(before) = Window::new(scope.since, scope.until.min(opens).min(settled)) else { return };
        let exchange = self.context.client.exchange().name();
        let reason = format!("{exchange} lists {} since {listed}", scope.instrument.symbol);
        for gap in writer.settled().missing(before).iter() {
            writer.account(|ledger| ledger.confirm_empty(gap, &reason));
        }
    }

    /// Marks time that the exchange no longer serves as unfillable, before the first request.
    fn reach(
        &self,
        writer: &Handle,
        offer: &Offer,
        grid: Option<Grid>,
        since: Micros,
        horizon: Micros,
    ) -> Micros {
        let oldest = offer.reach(grid, horizon);
        // Rows that can be computed from another kind are not given up.
        let lost = Window::new(since, oldest).filter(|_| offer.derived_from.is_none());
        lost.into_iter().for_each(|window| self.lost(writer, window));
        since.max(oldest)
    }

    /// Marks time that the exchange no longer serves as unfillable.
    pub(super) fn lost(&self, writer: &Handle, window: Window) {
        let exchange = self.context.client.exchange().name();
        writer.account(|ledger| ledger.give_up(window, &format!("{exchange} does not go back this far")));
    }

    pub(super) fn plan(&mut self, writer: &Handle, scope: &RunScope) -> Windows {
        let wanted = Window::new(scope.since, scope.until);
        let (ledger, settled) = (writer.ledger(), writer.settled());
        let mut missing = wanted
            .map(|wanted| plan::missing(&settled, &ledger.covered, wanted, scope.grid))
            .unwrap_or_default();
        // The exchange's own rows replace computed ones wherever it serves them.
        missing.add_all(&wanted.map(|wanted| ledger.derived.within(wanted)).unwrap_or_default());
        self.at.planned = plan::count(&missing, scope.offer, scope.grid);
        (self.progress)(self.at);
        missing
    }

    /// Revokes every claim of emptiness that a later row contradicts: had nothing been there, that row would
    /// have been the answer. The time is requested again, now that the row is known.
    pub(super) fn doubt(&self, writer: &Handle, scope: &RunScope) -> Windows {
        let (offer, since, until) = (scope.offer, scope.since, scope.until);
        let ends = self.fetcher.ends.known().filter(|_| offer.is_open_ended());
        let contradicted = ends.and_then(|(oldest, newest)| match offer.direction {
            Direction::OldestFirst => Window::new(since, until.min(newest)),
            // A row that the exchange has dropped since contradicts nothing.
            Direction::NewestFirst if oldest < offer.reach(scope.grid, scope.horizon) => None,
            Direction::NewestFirst => Window::new(since.max(oldest), until),
        });
        contradicted.map(|window| writer.doubt_empty(window)).unwrap_or_default()
    }

    /// Revokes what earlier versions recorded as empty after one answer.
    pub(super) fn doubt_one_answer(&self, writer: &Handle) {
        let exchange = self.context.client.exchange().name();
        let Some(ever) = Window::new(Micros(i64::MIN), Micros(i64::MAX)) else { return };
        for row in ["row", "trade"] {
            let reason = format!("the first {row} {exchange} has is later");
            writer.account(|ledger| {
                ledger.doubt_empty(ever, &reason);
            });
        }
    }

    /// Of time found empty now, the part that an earlier run also found empty, for a series without known
    /// rows. The rest stays a gap, which the next run requests again.
    pub(super) fn seen_empty_before(&self, writer: &Handle, empty: Windows) -> Windows {
        let ledger = writer.ledger();
        let notes = ledger.notes.iter().filter(|note| note.reason == ONE_RUN);
        let before: Windows = notes.map(|note| note.window).collect();
        let (mut new, mut seen) = (empty.clone(), empty);
        new.remove_all(&before);
        seen.remove_all(&new);
        writer.account(|ledger| new.iter().for_each(|window| ledger.note(window, ONE_RUN)));
        seen
    }

    /// Revokes claims of emptiness before the oldest row, which no further row can contradict.
    pub(super) fn doubt_all_before(&self, writer: &Handle, scope: &RunScope) -> Windows {
        let goes_down = scope.offer.is_open_ended() && scope.offer.direction == Direction::NewestFirst;
        let ends = self.fetcher.ends.known().filter(|_| goes_down);
        let before = ends.and_then(|(oldest, _)| Window::new(scope.since, oldest.min(scope.until)));
        before.map(|window| writer.doubt_empty(window)).unwrap_or_default()
    }
}

/// Whether the exchange says that it has no such pair.
pub(crate) fn is_unlisted(error: &FetchError) -> bool {
    let refusal = match error {
        FetchError::Net(NetError::Refused { refusal, .. }) => refusal,
        FetchError::Parse { source: ParseError::Refused(refusal), .. } => refusal,
        _ => return false,
    };
    refusal.kind == RefusalKind::UnknownSymbol
}

fn is_stop(error: &FetchError) -> bool {
    matches!(error, FetchError::Net(NetError::Stopped))
}

fn want(ledger: &mut Ledger, since: Micros) {
    ledger.wanted_since = Some(ledger.wanted_since.map_or(since, |known| known.min(since)));
}
