//! Finds where an exchange's rows begin: one probe, and a second question whose answer has to agree.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::{Ask, Edge, Gone, Offer, Page, Probe};
use crate::jobs::handle::Handle;
use crate::jobs::run::Run;
use crate::jobs::scope::RunScope;
use crate::jobs::{RunError, Since, plan};
use crate::model::{Kind, Micros, Series, Window};

/// The number of missing windows that makes probing for the oldest row worthwhile.
const WORTH_A_PROBE: usize = 3;

/// Rows requested by the second look at the first row.
const FEW: u32 = 10;

/// How many answers after the first may each begin with another row.
const MOST_LOOKS: usize = 4;

impl Run<'_> {
    /// Finds the first row, so that the years before it cost one request. Returns whether nothing more can be
    /// learned about the time before it.
    pub(super) async fn probe(&self, writer: &Handle, scope: &RunScope) -> Result<bool, RunError> {
        let Some(wanted) = Window::new(scope.since, scope.until) else { return Ok(true) };
        let settled = writer.settled();
        let before_all = settled.missing(wanted).first().filter(|gap| gap.from == wanted.from);
        let Some(gap) = before_all.filter(|gap| self.worth_a_probe(*gap, scope)) else { return Ok(true) };
        let Some(page) = self.look(scope) else { return Ok(false) };
        let Some(first) = self.first_row_in_two_attempts(&page, scope).await? else { return Ok(false) };
        let exchange = self.context.client.exchange().name();
        let before = Window::new(gap.from, gap.until.min(first.at));
        match (before, first.gone_before) {
            (Some(before), Some(id)) => {
                writer.account(|ledger| ledger.give_up(before, &no_longer_given(exchange, id)))
            }
            (Some(before), None) => {
                let reason = format!("two answers show that the first row {exchange} has is later");
                writer.account(|ledger| ledger.confirm_empty(before, &reason));
            }
            (None, _) => {}
        }
        Ok(true)
    }

    /// Marks time whose trades the exchange no longer serves as unfillable.
    pub(super) fn gone(&self, writer: &Handle, gone: Gone) {
        let reason = no_longer_given(self.context.client.exchange().name(), gone.first_id);
        writer.account(|ledger| ledger.give_up(gone.window, &reason));
    }

    /// A single false answer costs another attempt, rather than a walk over all the years before.
    async fn first_row_in_two_attempts(
        &self,
        page: &Page,
        scope: &RunScope,
    ) -> Result<Option<First>, RunError> {
        match self.first_row(page, scope).await? {
            None => self.first_row(page, scope).await,
            shown => Ok(shown),
        }
    }

    /// The open or instant of the first row, once two different questions agree on it: a page, and a second
    /// one that ends with that page's oldest row and has to begin with it.
    async fn first_row(&self, page: &Page, scope: &RunScope) -> Result<Option<First>, RunError> {
        let Some(mut first) = self.oldest_of(page, page.rows <= FEW).await? else { return Ok(None) };
        for look in 0..MOST_LOOKS {
            let number = first.number();
            let again = self.oldest_of(&looked_up_to(page, first.at, look), page.rows <= FEW).await?;
            if again.as_ref() == Some(&first) {
                // A trade lies inside the first candle, which opens before it.
                let opens = scope.grid.filter(|_| scope.offer.probe == Probe::FirstTrade);
                let at = opens.map_or(first.at, |grid| grid.floor(first.at));
                let gone_before = number.filter(|number| matches!(page.ask, Ask::FromId(_)) && *number > 1);
                return Ok(Some(First { at, gone_before }));
            }
            let Some(again) = again else { return Ok(None) };
            first = again;
        }
        Ok(None)
    }

    /// The oldest row of a page that shows everything there is, counting rows that cannot be true. An answer
    /// with rows outside the requested window shows nothing.
    async fn oldest_of(&self, page: &Page, begins_oldest: bool) -> Result<Option<Edge>, RunError> {
        let names_an_end = self.names_an_end(page);
        let oldest = self.fetcher.page(page, |rows, parsed| {
            // A full page of many rows may have older ones before it.
            let is_all = begins_oldest || rows.len() + parsed.odd.len() < page.rows as usize;
            let is_asked = !names_an_end || rows.ts().iter().all(|at| *at < page.window.until.0);
            let mut oldest = Edge::oldest(&rows);
            for odd in &parsed.odd {
                // Without an instant, its position is unknown.
                let Some(at) = odd.at else { return Ok(None) };
                oldest = oldest.filter(|row| row.at <= at).or(Some(Edge::at(at)));
            }
            // Even an unfinished first candle proves that nothing lies before its open.
            Ok(oldest.or(parsed.unfinished.map(Edge::at)).filter(|_| is_all && is_asked))
        });
        oldest.await.map_err(|(_, error)| self.unprepared(error))
    }

    /// Whether the request for a page states its end.
    fn names_an_end(&self, page: &Page) -> bool {
        let (exchange, series) = (self.context.client.exchange(), &page.series);
        let offer = exchange.offer(series.kind(), series.pair().market());
        page.ask == Ask::ByTime && offer.is_some_and(Offer::names_newer_end)
    }

    /// The page that shows where history begins.
    fn look(&self, scope: &RunScope) -> Option<Page> {
        let own = &self.order.series;
        let (ask, rows, kind, span) = match scope.offer.probe {
            Probe::None => return None,
            Probe::ByTime => (Ask::ByTime, 1, own.kind(), own.span()),
            Probe::ById => (Ask::FromId(0), 1, own.kind(), own.span()),
            Probe::FirstTrade => (Ask::FromId(0), 1, Kind::Trades, None),
            Probe::Longest => {
                let longest = scope.offer.spans.last()?.span();
                (Ask::ByTime, scope.offer.page_rows, own.kind(), Some(longest))
            }
        };
        let series = Series::new(own.exchange(), own.pair().clone(), kind, span).ok()?;
        let window = Window::new(Micros(0), scope.horizon)?;
        let instrument = Arc::clone(&scope.instrument);
        Some(Page { series: Arc::new(series), instrument, window, ask, rows })
    }

    fn worth_a_probe(&self, gap: Window, scope: &RunScope) -> bool {
        self.order.since == Since::Origin
            || plan::walks(&gap.into(), scope.offer, scope.grid).take(WORTH_A_PROBE).count() == WORTH_A_PROBE
    }
}

/// Where an exchange's rows begin.
struct First {
    at: Micros,
    /// The first id, if lower ones show that there were rows before.
    gone_before: Option<u64>,
}

/// A page that has to begin with the row another page began with: one that ends with it, if requests can state an
/// end, and of more rows than any before.
fn looked_up_to(page: &Page, first: Micros, look: usize) -> Page {
    let more = FEW << look;
    let window = Window::new(page.window.from, first + Duration::from_millis(1)).unwrap_or(page.window);
    match page.ask {
        Ask::FromId(_) => Page { rows: more, ..page.clone() },
        _ if page.rows == 1 => Page { rows: more, window, ..page.clone() },
        _ => Page { window, ..page.clone() },
    }
}

fn no_longer_given(exchange: &str, first_id: u64) -> String {
    format!("ids show that there were trades before {first_id}, which {exchange} no longer gives")
}
