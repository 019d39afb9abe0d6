//! The ground a run stands on before its first page: what the exchange offers, its clock, from where to
//! where rows are wanted, where they begin, and what of all that is missing.

use std::sync::Arc;

use crate::exchange::{Ask, Direction, Instrument, Offer, Page, Probe};
use crate::jobs::run::Run;
use crate::jobs::{FetchError, RunError, Since, plan};
use crate::model::{Grid, Kind, Micros, Series, Window, Windows};
use crate::net::{NetError, Received};
use crate::store::{Ledger, Writer};
use crate::telemetry::events::Chain;

/// Missing windows from which on the oldest row is looked for first.
const WORTH_A_PROBE: usize = 3;

/// What is known once a run is prepared.
pub(super) struct Ground {
    pub(super) offer: &'static Offer,
    pub(super) instrument: Arc<Instrument>,
    pub(super) grid: Option<Grid>,
    /// The first open or instant not to be asked for.
    pub(super) horizon: Micros,
    pub(super) since: Micros,
    pub(super) until: Micros,
    /// What is wanted before the rows the exchange still gives, where it can be computed.
    pub(super) older: Option<Window>,
}

impl Run<'_> {
    pub(super) fn offer(&self) -> Option<&'static Offer> {
        let series = &self.order.series;
        let offer = self.context.client.exchange().offer_for(series);
        offer.filter(|offer| series.span().is_none_or(|span| offer.span(span).is_some()))
    }

    pub(super) fn no_offer(&self) -> RunError {
        let series = &self.order.series;
        RunError::NoOffer {
            series: Arc::clone(series),
            exchange: self.context.client.exchange().name(),
            what: format!("{} {} for {}", series.kind(), series.span_label(), series.pair()),
        }
    }

    /// The exchange's clock, without which nobody knows which candle is closed; and once a symbol whether
    /// what it is listed as and what budgets are announced. A dated contract is looked up again once it has ended.
    pub(super) async fn introduce(&self) -> Result<Arc<Instrument>, RunError> {
        let client = &self.context.client;
        if client.clock().is_due() {
            match self.fetcher.measure_clock().await {
                // A clock that was measured once runs on; the pages themselves will tell more.
                Err(error) if client.clock().is_measured() && !is_stop(&error) => {
                    tracing::warn!(error = %Chain(&error), "the exchange's clock could not be measured again");
                }
                // The system's own clock does not say which candles are closed.
                measured => measured.map_err(|error| self.unprepared(error))?,
            }
        }
        let pair = self.order.series.pair();
        let known = self.context.introduced().get(pair).cloned();
        let runs_on =
            |instrument: &Arc<Instrument>| instrument.ends.is_none_or(|ends| client.clock().now() < ends);
        if let Some(known) = known.filter(runs_on) {
            return Ok(known);
        }
        let request = client.exchange().listing_request(Some(pair));
        let read = |received: &Received| {
            let listing = client.exchange().parse_listing(&received.body)?;
            Ok((Arc::new(listing.find(pair)?.clone()), listing.quotas))
        };
        let listed = self.fetcher.ask(&request, read).await;
        let (instrument, quotas) = listed.map_err(|(_, error)| self.unprepared(error))?;
        quotas.into_iter().for_each(|(budget, quota)| client.set_quota(budget, quota));
        self.context.introduced().insert(pair.clone(), Arc::clone(&instrument));
        Ok(instrument)
    }

    /// Settles from where to where rows are wanted.
    pub(super) fn survey(
        &self,
        writer: &mut Writer,
        offer: &'static Offer,
        instrument: Arc<Instrument>,
    ) -> Ground {
        let grid = self.order.series.span().map(|span| offer.grid(span));
        let horizon = plan::horizon(offer, grid, self.context.client.clock().now());
        let until = self.order.until.map_or(horizon, |until| until.min(horizon));
        let known = writer.ledger().wanted_since;
        let asked = match self.order.since {
            Since::Exactly(since) => since,
            Since::AtLeast(since) => known.map_or(since, |known| known.min(since)),
            Since::Origin => known.map_or(Micros::OLDEST, |known| known.min(Micros::OLDEST)),
            Since::Known => known.unwrap_or_else(|| plan::newest_page(offer, grid, horizon)),
        };
        let since = self.reach(writer, offer, grid, asked, horizon);
        // A start in the future wants nothing yet, and must not hide what comes before it.
        writer.account(|ledger| want(ledger, asked.min(horizon)));
        if let Some((oldest, newest)) = writer.ledger().ends() {
            self.fetcher.ends.learn(&[oldest.0, newest.0]);
        }
        let older = Window::new(asked, since.min(until)).filter(|_| offer.derived_from.is_some());
        Ground { offer, instrument, grid, horizon, since, until, older }
    }

    /// What the exchange cannot give any more is unfillable, before the first request.
    fn reach(
        &self,
        writer: &mut Writer,
        offer: &Offer,
        grid: Option<Grid>,
        since: Micros,
        horizon: Micros,
    ) -> Micros {
        let oldest = offer.reach(grid, horizon);
        // What can be computed from rows of another kind is not given up.
        let lost = Window::new(since, oldest).filter(|_| offer.derived_from.is_none());
        lost.into_iter().for_each(|window| self.lost(writer, window));
        since.max(oldest)
    }

    /// What the exchange cannot give any more is unfillable.
    pub(super) fn lost(&self, writer: &mut Writer, window: Window) {
        let exchange = self.context.client.exchange().name();
        writer.account(|ledger| ledger.give_up(window, &format!("{exchange} does not go back this far")));
    }

    /// Finds the first row there is, so that the years before it cost one request.
    pub(super) async fn probe(&self, writer: &mut Writer, ground: &Ground) -> Result<(), RunError> {
        let Some(wanted) = Window::new(ground.since, ground.until) else { return Ok(()) };
        let settled = writer.settled();
        let before_all = settled.missing(wanted).first().filter(|gap| gap.from == wanted.from);
        let Some(gap) = before_all.filter(|gap| self.worth_a_probe(*gap, ground)) else { return Ok(()) };
        let Some(page) = self.look(ground) else { return Ok(()) };
        let first = self.fetcher.page(&page, |rows, _| {
            // A full page of many rows may have older ones before it.
            let is_all = page.rows == 1 || rows.len() < page.rows as usize;
            let first = rows.ts().iter().min().copied().map(Micros).filter(|_| is_all);
            // A trade lies inside the first candle, which opens before it.
            let opens = ground.grid.filter(|_| ground.offer.probe == Probe::FirstTrade);
            Ok(first.map(|first| opens.map_or(first, |grid| grid.floor(first))))
        });
        let first = first.await.map_err(|(_, error)| self.unprepared(error))?;
        if let Some(empty) = first.and_then(|first| Window::new(gap.from, gap.until.min(first))) {
            let exchange = self.context.client.exchange().name();
            writer.account(|ledger| {
                ledger.confirm_empty(empty, &format!("the first row {exchange} has is later"))
            });
        }
        Ok(())
    }

    /// The page that shows where history begins.
    fn look(&self, ground: &Ground) -> Option<Page> {
        let own = &self.order.series;
        let (ask, rows, kind, span) = match ground.offer.probe {
            Probe::None => return None,
            Probe::ByTime => (Ask::ByTime, 1, own.kind(), own.span()),
            Probe::ById => (Ask::FromId(0), 1, own.kind(), own.span()),
            Probe::FirstTrade => (Ask::FromId(0), 1, Kind::Trades, None),
            Probe::Longest => {
                let longest = ground.offer.spans.last()?.span();
                (Ask::ByTime, ground.offer.page_rows, own.kind(), Some(longest))
            }
        };
        let series = Series::new(own.exchange(), own.pair().clone(), kind, span).ok()?;
        let window = Window::new(Micros(0), ground.horizon)?;
        let instrument = Arc::clone(&ground.instrument);
        Some(Page { series: Arc::new(series), instrument, window, ask, rows })
    }

    fn worth_a_probe(&self, gap: Window, ground: &Ground) -> bool {
        self.order.since == Since::Origin
            || plan::walks(&gap.into(), ground.offer, ground.grid).take(WORTH_A_PROBE).count()
                == WORTH_A_PROBE
    }

    pub(super) fn plan(&mut self, writer: &Writer, ground: &Ground) -> Windows {
        let wanted = Window::new(ground.since, ground.until);
        let ledger = writer.ledger();
        let mut missing = wanted
            .map(|wanted| plan::missing(&writer.settled(), &ledger.covered, wanted, ground.grid))
            .unwrap_or_default();
        // What was computed gives way to the exchange's own rows, wherever it gives them.
        missing.add_all(&wanted.map(|wanted| ledger.derived.within(wanted)).unwrap_or_default());
        self.at.planned = plan::count(&missing, ground.offer, ground.grid);
        (self.progress)(self.at);
        missing
    }

    /// Takes back every claim of emptiness that a row beyond it contradicts: had nothing been there, that row
    /// would have been the answer. The time is asked for again, now that the row is known.
    pub(super) fn doubt(&self, writer: &mut Writer, ground: &Ground) -> Windows {
        let (offer, since, until) = (ground.offer, ground.since, ground.until);
        let ends = self.fetcher.ends.known().filter(|_| offer.is_open_ended());
        let contradicted = ends.and_then(|(oldest, newest)| match offer.direction {
            Direction::OldestFirst => Window::new(since, until.min(newest)),
            // A row the exchange has meanwhile dropped contradicts nothing.
            Direction::NewestFirst if oldest < offer.reach(ground.grid, ground.horizon) => None,
            Direction::NewestFirst => Window::new(since.max(oldest), until),
        });
        contradicted.map(|window| writer.doubt_empty(window)).unwrap_or_default()
    }
}

fn is_stop(error: &FetchError) -> bool {
    matches!(error, FetchError::Net(NetError::Stopped))
}

fn want(ledger: &mut Ledger, since: Micros) {
    ledger.wanted_since = Some(ledger.wanted_since.map_or(since, |known| known.min(since)));
}
