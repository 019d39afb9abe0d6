//! Whole books over REST for live ones that need them: asked for a few at a time, in turn with refills, and given back to
//! the connection that wants them. Rows that are missing can be had later, the time of a book never again.
//!
//! A book is subscribed only when there is room among those that come into step, so that a thousand of them neither ask
//! for a thousand answers at once nor hold the updates of all while they wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, LiveJob};
use crate::exchange::find;
use crate::jobs::Precedence;
use crate::jobs::stream::{Tasks, whole_book};
use crate::model::{Batch, Series};
use crate::telemetry::events::Chain;

/// How many whole books of an exchange are asked for at a time; each waits for its limit.
const AT_ONCE: usize = 4;
/// How many books of an exchange may wait for their whole book at a time, when they are subscribed first.
const COMING: usize = 32;
/// How long one of them keeps the others waiting: its connection may be down while theirs is not.
const COMES_WITHIN: Duration = Duration::from_secs(60);

/// The whole books that are wanted or asked for.
pub(super) struct Books {
    engine: Arc<Engine>,
    /// Those that wait, in order of arrival.
    waiting: VecDeque<(Arc<Series>, u32)>,
    asking: Tasks<Arc<Series>, Option<Batch>>,
    /// Those that are subscribed, or about to be, and whose whole book has not come yet, each with since when.
    coming: BTreeMap<Arc<Series>, Instant>,
}

impl Books {
    pub(super) fn new(engine: &Arc<Engine>) -> Self {
        Books {
            engine: Arc::clone(engine),
            waiting: VecDeque::new(),
            asking: Tasks::new("asking for a book"),
            coming: BTreeMap::new(),
        }
    }

    /// Whether there is room for a series among the books that come into step.
    pub(super) fn has_room(&self, job: &LiveJob) -> bool {
        let beside = self.coming(job.series.exchange()).filter(|own| **own != job.series);
        !is_asked_for(job) || beside.count() < COMING
    }

    /// The books of an exchange whose whole book has not come yet.
    fn coming(&self, exchange: &str) -> impl Iterator<Item = &Arc<Series>> {
        let coming = self.coming.iter().filter(move |(own, _)| own.exchange() == exchange);
        coming.filter(|(_, since)| since.elapsed() < COMES_WITHIN).map(|(own, _)| own)
    }

    /// A series is to come into step.
    pub(super) fn expect(&mut self, job: &LiveJob) {
        if is_asked_for(job) {
            self.coming.insert(Arc::clone(&job.series), Instant::now());
        }
    }

    /// Whether any book of an exchange is to come into step.
    pub(super) fn is_busy(&self, exchange: &str) -> bool {
        self.waiting.iter().any(|(own, _)| own.exchange() == exchange)
            || self.coming(exchange).next().is_some()
    }

    /// The whole book of a series came, or will not come for now.
    pub(super) fn arrived(&mut self, series: &Series) {
        self.coming.remove(series);
    }

    /// Asks for a whole book, unless it is asked for already.
    pub(super) fn want(&mut self, series: &Arc<Series>, levels: u32, stop: &CancellationToken) {
        let is_wanted =
            self.waiting.iter().any(|(own, _)| own == series) || self.asking.has(|own| own == series);
        if !is_wanted {
            self.waiting.push_back((Arc::clone(series), levels));
            self.begin(stop);
        }
    }

    fn begin(&mut self, stop: &CancellationToken) {
        while let Some((series, levels)) = self.next_with_room() {
            let (engine, own, stop) = (Arc::clone(&self.engine), Arc::clone(&series), stop.clone());
            self.asking
                .spawn(series, async move { ask(&engine, &own, levels, Precedence::Live, &stop).await });
        }
    }

    /// The book that waited longest of those whose exchange is not asked for enough already.
    fn next_with_room(&mut self) -> Option<(Arc<Series>, u32)> {
        let asking = |exchange: &str| self.asking.count(|own| own.exchange() == exchange);
        let place = self.waiting.iter().position(|(series, _)| asking(series.exchange()) < AT_ONCE)?;
        self.waiting.remove(place)
    }

    /// The next answer: a series and its whole book, if it could be had.
    pub(super) async fn next(&mut self, stop: &CancellationToken) -> Option<(Arc<Series>, Option<Batch>)> {
        let (series, answered) = self.asking.next().await?;
        self.begin(stop);
        Some((series, answered.ok().flatten()))
    }

    /// Drops what is wanted of a series.
    pub(super) fn forget(&mut self, series: &Series) {
        self.waiting.retain(|(own, _)| **own != *series);
        self.coming.remove(series);
    }

    pub(super) async fn end(&mut self) {
        self.waiting.clear();
        self.asking.end().await;
    }
}

/// Whether the whole book of a series has to be asked for over REST.
fn is_asked_for(job: &LiveJob) -> bool {
    let live = find(job.series.exchange()).and_then(|exchange| exchange.live());
    job.book.is_some()
        && live.and_then(|live| live.offer_for(&job.series)).is_some_and(|offer| offer.asks_for_books)
}

/// Requests the present book of a series.
pub(super) async fn ask(
    engine: &Engine,
    series: &Arc<Series>,
    levels: u32,
    precedence: Precedence,
    stop: &CancellationToken,
) -> Option<Batch> {
    let context = engine.context(series.exchange())?;
    let told = whole_book(&context, series, levels, precedence, stop).await.inspect_err(|error| {
        tracing::warn!(%series, error = %Chain(error), "the whole book could not be had");
    });
    told.ok()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::engine::streams::tests::streams;

    fn series(name: &str) -> Arc<Series> {
        Arc::new(format!("{name}/orderbook").parse().unwrap())
    }

    #[tokio::test]
    async fn an_exchange_that_does_not_answer_holds_up_the_books_of_no_other() {
        let folder = TempDir::new().unwrap();
        let streams = streams(&folder).await;
        let (mut books, stop) = (Books::new(&streams.engine), CancellationToken::new());
        for number in 0..AT_ONCE {
            books.asking.spawn(series(&format!("kraken/A{number}-USD")), std::future::pending());
        }

        for name in ["kraken/BTC-USD", "binance/BTC-USDT"] {
            books.want(&series(name), 100, &stop);
        }

        let asking = |exchange: &str| books.asking.count(|own| own.exchange() == exchange);
        assert_eq!((asking("kraken"), asking("binance")), (AT_ONCE, 1));
        assert_eq!(books.waiting, [(series("kraken/BTC-USD"), 100)]);
        streams.end().await;
    }
}
