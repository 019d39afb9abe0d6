//! Fetches what live series miss, one run a series at a time, ahead of everything else of its exchange, and asks about
//! those that are quiet.
//!
//! A new hole is asked for at once; what a refill left missing waits longer each time. A check spends of a small share of
//! the exchange's limit and asks only for what is newer than everything received.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::engine::streams::check_budget::CheckBudget;
use crate::jobs::stream::{Tasks, ask_newer, refill_order};
use crate::jobs::{Outcome, Since};
use crate::model::{Micros, Series, Window};
use crate::telemetry::events::{Chain, CheckOutcome, StreamCheck};

/// How many refills and checks of an exchange run side by side: one that is slow, or does not answer, holds up no other.
const AT_ONCE: usize = 2;
/// How long a quiet series is asked about with one walk: then a run settles what is old enough.
const LONG_QUIET: Duration = Duration::from_secs(2 * 3_600);
/// How far behind the exchange's present a quiet topic is checked: what is newer may be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(2);
/// The first wait after a refill that left something missing; it doubles up to the longest.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The purpose of a run.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) series: Arc<Series>,
    /// Everything before this is to be there.
    pub(super) until: Option<Micros>,
    /// Whether it is to find out if the exchange has newer rows than it sent.
    pub(super) is_check: bool,
}

/// A run that ended.
pub(super) struct Filled {
    pub(super) asked: Asked,
    /// The newest row stored.
    pub(super) newest: Option<Micros>,
    pub(super) rows: u64,
    /// Windows that were missing before.
    pub(super) windows: u64,
    requests: u32,
    /// Whether it got everything.
    pub(super) is_done: bool,
}

#[derive(Debug, Default)]
struct Wanted {
    /// Everything before this is to be there.
    until: Option<Micros>,
    /// Since when a hole waits that no run has asked for.
    new_since: Option<Instant>,
    /// Refills in a row that left something missing.
    failed: u32,
    /// When what they left is asked for again.
    not_before: Option<Instant>,
    check: Option<Check>,
}

/// A check that is to be made.
#[derive(Clone, Copy, Debug)]
struct Check {
    since: Instant,
    /// The end of what is settled; without it all that is missing is asked for.
    from: Option<Micros>,
    is_postponed: bool,
}

impl Wanted {
    fn back_off(&mut self) {
        self.failed += 1;
        let doubled = 2_u32.saturating_pow(self.failed.saturating_sub(1).min(8));
        self.not_before = Some(Instant::now() + AFTER_FAILURE.saturating_mul(doubled).min(LONGEST_WAIT));
    }

    /// Since when a refill of it is due.
    fn refill_due(&self, now: Instant) -> Option<Instant> {
        self.until?;
        self.new_since.or(self.not_before.filter(|at| *at <= now))
    }
}

/// The refills and checks that are wanted or run.
pub(super) struct Refills {
    engine: Arc<Engine>,
    wanted: BTreeMap<Arc<Series>, Wanted>,
    running: Tasks<Asked, Filled>,
    checks: CheckBudget,
}

impl Refills {
    pub(super) fn new(engine: &Arc<Engine>) -> Self {
        Refills {
            engine: Arc::clone(engine),
            wanted: BTreeMap::new(),
            running: Tasks::new("a refill"),
            checks: CheckBudget::default(),
        }
    }

    /// Fetches whatever is missing of a series before an instant.
    pub(super) fn want(&mut self, series: &Arc<Series>, until: Micros, stop: &CancellationToken) {
        let wanted = self.wanted.entry(Arc::clone(series)).or_default();
        wanted.until = wanted.until.max(Some(until));
        wanted.new_since.get_or_insert_with(Instant::now);
        self.look(stop);
    }

    /// Asks for whatever there is of a series by now from `from` on, as soon as that is within the share of checks.
    pub(super) fn check(&mut self, series: &Arc<Series>, from: Option<Micros>, stop: &CancellationToken) {
        let wanted = self.wanted.entry(Arc::clone(series)).or_default();
        let before = wanted.check;
        let check = Check { since: Instant::now(), from, is_postponed: false };
        wanted.check = Some(before.map_or(check, |before| Check { from, ..before }));
        self.look(stop);
    }

    /// Fetches again, a little later, what a refill could not prove yet.
    pub(super) fn want_later(&mut self, series: &Arc<Series>, until: Micros) {
        let Some(wanted) = self.wanted.get_mut(series) else { return };
        wanted.until = wanted.until.max(Some(until));
        wanted.back_off();
    }

    /// The series of which a refill left something missing, each with its end, that is to be asked for again now.
    pub(super) fn left(&self) -> Vec<(Arc<Series>, Micros)> {
        let now = Instant::now();
        let due = |wanted: &Wanted| wanted.until.filter(|_| wanted.refill_due(now).is_some());
        let left = self.wanted.iter().filter(|(_, wanted)| wanted.new_since.is_none());
        left.filter_map(|(series, wanted)| Some((Arc::clone(series), due(wanted)?))).collect()
    }

    /// The rows that a refill left missing came live meanwhile.
    pub(super) fn came(&mut self, series: &Series) {
        if let Some(wanted) = self.wanted.get_mut(series) {
            wanted.until = None;
        }
        self.settled(series);
    }

    /// Nothing is missing any more.
    pub(super) fn settled(&mut self, series: &Series) {
        let wanted = self.wanted.get_mut(series);
        wanted.into_iter().for_each(|wanted| (wanted.failed, wanted.not_before) = (0, None));
    }

    /// Begins what is due and has room: what is missing before checks, the one that waited longest first.
    pub(super) fn look(&mut self, stop: &CancellationToken) {
        let now = Instant::now();
        let mut due: Vec<(bool, Instant, Arc<Series>)> = Vec::new();
        for (series, wanted) in &self.wanted {
            let refill = wanted.refill_due(now).map(|since| (false, since));
            let first = refill.or(wanted.check.map(|check| (true, check.since)));
            let is_idle = || !self.running.has(|asked| asked.series == *series);
            due.extend(first.filter(|_| is_idle()).map(|(check, since)| (check, since, Arc::clone(series))));
        }
        due.sort_unstable();
        for (is_check, _, series) in due {
            if self.running.count(|asked| asked.series.exchange() == series.exchange()) >= AT_ONCE {
                continue;
            }
            match is_check {
                false => self.begin_refill(&series, stop),
                true => self.begin_check(&series, now, stop),
            }
        }
    }

    fn begin_refill(&mut self, series: &Arc<Series>, stop: &CancellationToken) {
        let Some(wanted) = self.wanted.get_mut(series) else { return };
        let Some(until) = wanted.until.take() else { return };
        (wanted.new_since, wanted.not_before) = (None, None);
        let asked = Asked { series: Arc::clone(series), until: Some(until), is_check: false };
        self.begin(asked, None, until, stop);
    }

    fn begin_check(&mut self, series: &Arc<Series>, now: Instant, stop: &CancellationToken) {
        let is_within = self.engine.takes_check(&mut self.checks, series, now);
        let wanted = self.wanted.get_mut(series);
        let Some((check, own)) = wanted.and_then(|wanted| Some((wanted.check?, &mut wanted.check))) else {
            return;
        };
        if !is_within {
            *own = Some(Check { is_postponed: true, ..check });
            if !check.is_postponed {
                self.engine.telemetry().emit(StreamCheck { series, outcome: CheckOutcome::Postponed });
            }
            return;
        }
        *own = None;
        self.engine.telemetry().emit(StreamCheck { series, outcome: CheckOutcome::Asked });
        let present = self.engine.now_at(series) - ON_ITS_WAY;
        let asked = Asked { series: Arc::clone(series), until: None, is_check: true };
        self.begin(asked, check.from, present, stop);
    }

    fn begin(&mut self, asked: Asked, from: Option<Micros>, until: Micros, stop: &CancellationToken) {
        let (engine, own, stop) = (Arc::clone(&self.engine), asked.clone(), stop.clone());
        self.running.spawn(asked, async move { fill(&engine, own, from, until, &stop).await });
    }

    /// Takes the checks that wait for their share: of series that are quiet for longer than their rhythm explains.
    pub(super) fn take_checks(&mut self, is_taken: impl Fn(&Arc<Series>) -> bool) -> Vec<Arc<Series>> {
        let waiting = self.wanted.iter_mut().filter(|(series, _)| is_taken(series));
        waiting.filter_map(|(series, wanted)| wanted.check.take().map(|_| Arc::clone(series))).collect()
    }

    /// The next one to end.
    pub(super) async fn next(&mut self) -> Option<Filled> {
        let (asked, filled) = self.running.next().await?;
        let broken = Filled { asked, newest: None, rows: 0, windows: 0, requests: 0, is_done: false };
        let filled = filled.unwrap_or(broken);
        self.ended(&filled);
        Some(filled)
    }

    /// A refill that failed is tried again; the next check of a topic that stays quiet is asked for anyway.
    fn ended(&mut self, filled: &Filled) {
        let Asked { series, until, is_check } = &filled.asked;
        if *is_check {
            self.engine.count_check(&mut self.checks, series, filled.requests);
        }
        let wanted = self.wanted.get_mut(series).filter(|_| !filled.is_done && until.is_some());
        if let Some(wanted) = wanted {
            let present = self.engine.now_at(series) - ON_ITS_WAY;
            wanted.until = wanted.until.max(*until).max(Some(present));
            wanted.back_off();
        }
    }

    /// Drops what is wanted of a series; a run under way goes on.
    pub(super) fn forget(&mut self, series: &Series) {
        self.wanted.remove(series);
    }

    pub(super) async fn end(&mut self) {
        self.running.end().await;
    }
}

impl Engine {
    /// Whether a check of a series is within the share of its exchange's limit, which it then spends. A check whose
    /// exchange has no limit for it always is.
    fn takes_check(&self, checks: &mut CheckBudget, series: &Series, now: Instant) -> bool {
        let Some(context) = self.context(series.exchange()) else { return true };
        let (client, exchange) = (&context.client, context.client.exchange());
        let Some(offer) = exchange.offer_for(series) else { return true };
        let (budget, quota) = (offer.budget, client.quota(offer.budget));
        checks.take((exchange.name(), budget), quota, offer.weight, series, now)
    }

    /// Counts the requests that a check took.
    fn count_check(&self, checks: &mut CheckBudget, series: &Series, requests: u32) {
        let Some(context) = self.context(series.exchange()) else { return };
        let exchange = context.client.exchange();
        if let Some(offer) = exchange.offer_for(series) {
            checks.spent(exchange.name(), offer.budget, series, requests * offer.weight, Instant::now());
        }
    }

    /// Requests once whatever rows of a series there are in a window.
    async fn ask_newer(
        &self,
        series: &Arc<Series>,
        from: Micros,
        until: Micros,
        stop: &CancellationToken,
    ) -> Outcome {
        let own = Window::new(from, until).zip(self.context(series.exchange()));
        let Some((window, context)) = own else { return Outcome::nothing() };
        match self.fleet().enter(series, stop, true).await {
            Ok(permit) => {
                let outcome = ask_newer(&context, series, window, &permit.stop).await;
                let error = outcome.error.as_ref().filter(|error| !error.is_stop());
                if let Some(error) = error {
                    tracing::warn!(%series, error = %Chain(error), "a quiet series could not be checked");
                }
                outcome
            }
            Err(error) => Outcome::of_error(error),
        }
    }
}

/// Runs what was asked for: for a check one walk is enough, until a run can settle the older part of a long quiet.
async fn fill(
    engine: &Engine,
    asked: Asked,
    from: Option<Micros>,
    until: Micros,
    stop: &CancellationToken,
) -> Filled {
    let outcome = match from.filter(|from| until.since(*from) < LONG_QUIET) {
        Some(from) => engine.ask_newer(&asked.series, from, until, stop).await,
        None => {
            let since = from.map_or(Since::Known, Since::Exactly);
            let order = refill_order(&asked.series, since, Some(until));
            engine.run(&order, Duration::ZERO, &|_| {}, stop).await
        }
    };
    Filled {
        newest: outcome.newest_row,
        rows: outcome.rows,
        windows: outcome.windows,
        requests: outcome.requests,
        is_done: outcome.error.is_none(),
        asked,
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::engine::streams::tests::streams;

    #[tokio::test]
    async fn a_refill_that_panics_is_wanted_again_after_a_wait_and_a_check_is_not() {
        let folder = TempDir::new().unwrap();
        let streams = streams(&folder).await;
        let mut refills = Refills::new(&streams.engine);
        let series: Arc<Series> = Arc::new("binance/BTC-USDT/trades".parse().unwrap());
        for until in [None, Some(Micros(7))] {
            refills.wanted.insert(Arc::clone(&series), Wanted::default());
            let asked = Asked { series: Arc::clone(&series), until, is_check: until.is_none() };
            refills.running.spawn(asked, async { panic!("a fault in a refill") });
            let filled = refills.next().await.unwrap();
            assert!(!filled.is_done && filled.asked.until == until);

            let (wanted, now) = (&refills.wanted[&series], Instant::now());
            assert_eq!(wanted.refill_due(now), None);
            assert_eq!(wanted.refill_due(now + AFTER_FAILURE).is_some(), until.is_some());
        }
        streams.end().await;
    }

    #[tokio::test]
    async fn what_a_forgotten_series_misses_is_not_asked_for_again() {
        let folder = TempDir::new().unwrap();
        let streams = streams(&folder).await;
        let mut refills = Refills::new(&streams.engine);
        let series: Arc<Series> = Arc::new("binance/BTC-USDT/trades".parse().unwrap());
        refills.wanted.insert(Arc::clone(&series), Wanted::default());
        let asked = Asked { series: Arc::clone(&series), until: Some(Micros(7)), is_check: false };
        refills.running.spawn(asked, async { panic!("a fault in a refill") });
        refills.forget(&series);
        refills.next().await.unwrap();
        assert!(refills.wanted.is_empty());
        streams.end().await;
    }

    #[tokio::test]
    async fn an_exchange_that_does_not_answer_holds_up_the_refills_of_no_other() {
        let folder = TempDir::new().unwrap();
        let streams = streams(&folder).await;
        let mut refills = Refills::new(&streams.engine);
        let series = |name: &str| -> Arc<Series> { Arc::new(format!("{name}/trades").parse().unwrap()) };
        for number in 0..AT_ONCE {
            let asked =
                Asked { series: series(&format!("kraken/A{number}-USD")), until: None, is_check: false };
            refills.running.spawn(asked, std::future::pending());
        }

        for name in ["kraken/BTC-USD", "binance/BTC-USDT"] {
            refills.want(&series(name), Micros(7), &CancellationToken::new());
        }

        let of = |exchange: &str| refills.running.count(|asked| asked.series.exchange() == exchange);
        assert_eq!((of("kraken"), of("binance")), (AT_ONCE, 1));
        assert!(refills.wanted[&series("kraken/BTC-USD")].refill_due(Instant::now()).is_some(), "it waits");
        streams.end().await;
    }

    #[test]
    fn a_new_hole_is_asked_for_at_once_however_often_an_old_one_was_not_found() {
        let mut wanted = Wanted { until: Some(Micros(1)), ..Wanted::default() };
        (0..6).for_each(|_| wanted.back_off());
        let now = Instant::now();
        assert_eq!(wanted.refill_due(now + LONGEST_WAIT / 2), None);
        assert!(wanted.refill_due(now + LONGEST_WAIT).is_some());

        wanted.new_since = Some(now);
        assert_eq!(wanted.refill_due(now), Some(now));
    }

    #[test]
    fn a_hole_that_shows_while_a_refill_runs_does_not_wait_for_what_that_left() {
        let now = Instant::now();
        let mut wanted = Wanted { until: Some(Micros(2)), new_since: Some(now), ..Wanted::default() };
        wanted.back_off();
        assert_eq!(wanted.refill_due(now), Some(now));
    }
}
