//! Computes candles for time whose candles an exchange no longer serves: walks its trades page by page without
//! storing them, and stores the candles as derived, bucket by bucket.

use std::sync::Arc;

use crate::exchange::{Ask, Offer, Page, ParseError, Step, Walk};
use crate::jobs::derive::{Derivation, Derived};
use crate::jobs::failures::Failures;
use crate::jobs::fetch::Failed;
use crate::jobs::handle::Handle;
use crate::jobs::run::Run;
use crate::jobs::scope::RunScope;
use crate::jobs::{FetchError, RunError, RunErrorKind, plan};
use crate::model::{Grid, Kind, Micros, Series, Window};
use crate::net::NetError;
use crate::store::Accepted;
use crate::telemetry::events::CandlesDerived;

/// Trades per request where two answers have to agree on the first.
const FEW: u32 = 10;

/// The kind of rows that candles are computed from.
struct Source {
    series: Arc<Series>,
    offer: &'static Offer,
    grid: Grid,
    /// The first instant that is too recent to request.
    horizon: Micros,
}

impl Run<'_> {
    /// Computes wanted and missing candles from before those the exchange still serves. Complete ones are
    /// stored at once, so that an interrupted run continues from there.
    pub(super) async fn derive(&mut self, writer: &Handle, scope: &RunScope) -> Result<(), RunError> {
        let Some((source, older)) = self.source(scope).zip(scope.older) else { return Ok(()) };
        self.settle_before_first(writer, scope, &source, older).await?;
        let missing = writer.settled().missing(older);
        let windows: Vec<_> =
            missing.iter().filter_map(|opens| Derivation::new(source.grid, opens)).collect();
        if windows.is_empty() {
            return Ok(());
        }
        let later = self.trade_from(scope, &source, older.until, 1).await?.map(|at| (at, at));
        self.at.planned += windows.len();
        let mut failures = Failures::default();
        for window in windows {
            if failures.enough() || self.fetcher.stop.is_cancelled() {
                break;
            }
            let ended = self.derive_window(writer, scope, &source, window, later).await?;
            self.derived(writer, &mut failures, ended);
        }
        let planned = self.at.planned;
        match failures.into_error(&self.order.series, planned) {
            Some(error) => Err(error),
            None if self.at.done < planned => Err(RunErrorKind::Stopped.of(&self.order.series)),
            None => Ok(()),
        }
    }

    fn source(&self, scope: &RunScope) -> Option<Source> {
        let (own, exchange) = (&self.order.series, self.context.client.exchange());
        let kind = scope.offer.derived_from.filter(|kind| *kind == Kind::Trades)?;
        let offer = exchange.offer(kind, own.pair().market())?;
        let series = Series::new(own.exchange(), own.pair().clone(), kind, None).ok()?;
        let horizon = plan::horizon(offer, None, self.context.client.clock().now());
        Some(Source { series: Arc::new(series), offer, grid: scope.grid?, horizon })
    }

    /// Finds where trades begin with one request, if that is unknown.
    async fn settle_before_first(
        &self,
        writer: &Handle,
        scope: &RunScope,
        source: &Source,
        older: Window,
    ) -> Result<(), RunError> {
        let settled = writer.settled();
        let Some(gap) = settled.missing(older).first().filter(|gap| gap.from == older.from) else {
            return Ok(());
        };
        let first = self.first_trade(scope, source).await?;
        let before = first.and_then(|first| Window::new(gap.from, gap.until.min(source.grid.floor(first))));
        if let Some(before) = before {
            let exchange = self.context.client.exchange().name();
            let reason = format!("two answers show that the first trade {exchange} has is later");
            writer.account(|ledger| ledger.confirm_empty(before, &reason));
        }
        Ok(())
    }

    /// The very first trade, once two questions agree on it.
    async fn first_trade(&self, scope: &RunScope, source: &Source) -> Result<Option<Micros>, RunError> {
        let first = self.trade_from(scope, source, Micros(0), 1).await?;
        let again = self.trade_from(scope, source, Micros(0), FEW).await?;
        if first == again {
            return Ok(first);
        }
        let third = self.trade_from(scope, source, Micros(0), 2 * FEW).await?;
        Ok(third.filter(|_| third == first || third == again))
    }

    /// The first trade from an instant on, if the exchange shows one among this many rows.
    async fn trade_from(
        &self,
        scope: &RunScope,
        source: &Source,
        from: Micros,
        rows: u32,
    ) -> Result<Option<Micros>, RunError> {
        let Some(window) = Window::new(from, source.horizon) else { return Ok(None) };
        let (series, instrument) = (Arc::clone(&source.series), Arc::clone(&scope.instrument));
        let page = Page { series, instrument, window, ask: Ask::ByTime, rows };
        let read = self
            .fetcher
            .page(&page, |rows, _| Ok(rows.ts().iter().copied().map(Micros).filter(|at| *at >= from).min()));
        read.await.map_err(|(_, error)| self.unprepared(error))
    }

    fn derived(&mut self, writer: &Handle, failures: &mut Failures, ended: Result<(), Failed>) {
        match ended {
            Err(Failed { error: FetchError::Net(NetError::Stopped), .. }) => return,
            Ok(()) => failures.in_a_row = 0,
            Err(failed) => self.failed(writer, failures, failed),
        }
        self.at.done += 1;
        (self.progress)(self.at);
    }

    /// Walks the trades of one window, and returns why the walk failed, if it did. `later` is a trade after
    /// the window: while there is one, no number of empty answers ends the walk.
    async fn derive_window(
        &mut self,
        writer: &Handle,
        scope: &RunScope,
        source: &Source,
        mut derivation: Derivation,
        later: Option<(Micros, Micros)>,
    ) -> Result<Result<(), Failed>, RunError> {
        let (series, instrument) = (Arc::clone(&source.series), Arc::clone(&scope.instrument));
        let settled = plan::unsettled_since(None, source.horizon, None);
        let wanted = derivation.wanted();
        let mut proven = wanted.from;
        let mut walk = Walk::new(series, instrument, source.offer, wanted, source.horizon, settled).last();
        while let Some(page) = walk.next() {
            let step = self.fetcher.page(&page, |rows, answer| walk.take(rows, answer, later)).await;
            let step = match step {
                Ok(step) => step,
                Err((attempts, error)) => {
                    let window = derivation.left().unwrap_or(page.window);
                    return Ok(Err(Failed { window, attempts, error }));
                }
            };
            let wanting = wanting(&walk, &step);
            proven = [step.covered, step.empty]
                .into_iter()
                .flatten()
                .map(|own| own.until)
                .fold(proven, Micros::max);
            // Candles begin where an answer shows that no trade lies before.
            let shown = if walk.open_beginning().is_some() { wanted.from } else { proven };
            let derived = wanting.map_or_else(|| derivation.take(&step.rows, shown), Err);
            let derived = match derived {
                Ok(derived) => derived,
                Err(source) => {
                    let exchange = self.context.client.exchange().name();
                    let window = derivation.left().unwrap_or(wanted);
                    let error = FetchError::Parse { exchange, source };
                    return Ok(Err(Failed { window, attempts: 1, error }));
                }
            };
            let trades = step.rows.len() as u64;
            let rows = derived.as_ref().map_or(0, |derived| derived.candles.len() as u64);
            if let Some(derived) = derived {
                let page = accepted(derived, source.grid, step.empty.is_some());
                self.keep(writer, page, step.stray).await?;
            }
            self.context.telemetry.emit(CandlesDerived { series: &self.order.series, rows, trades });
        }
        Ok(Ok(()))
    }
}

/// Why no candle can be computed from a walk's trades, if so.
fn wanting(walk: &Walk, step: &Step) -> Option<ParseError> {
    if let Some(left_out) = walk.rest() {
        let reason = format!("its first answer left out trades of {left_out}");
        return Some(ParseError::Disobeyed { reason });
    }
    let odd = step.set_aside.first()?;
    let reason = format!("a trade that candles are computed from cannot be true: {}", odd.row.detail);
    Some(ParseError::Impossible { row: 0, reason })
}

/// Complete candles, as the store accepts them. Time after the very last trade is empty, not covered.
fn accepted(derived: Derived, grid: Grid, is_end: bool) -> Accepted {
    let Derived { candles, opens } = derived;
    let last = candles.ends().map_or(opens.from, |(_, last)| grid.next(last));
    let covered_until = if is_end { last } else { opens.until };
    Accepted {
        covered: Window::new(opens.from, covered_until),
        empty: Window::new(covered_until, opens.until),
        rows: candles,
        derived: true,
    }
}
