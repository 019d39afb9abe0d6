//! One run of one series: prepare, plan, walk the windows side by side, publish, account.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::exchange::{Ask, History, Offer, Page, Probe, Step, Walk};
use crate::jobs::fetch::{Failed, Fetcher};
use crate::jobs::{FetchError, Retry, RunError, coverage, plan};
use crate::model::{Grid, Micros, Series, Window, Windows};
use crate::net::{Client, NetError, Received};
use crate::store::{Accepted, Finding, FindingKind, Flushed, Layout, Ledger, StoreError, Writer};
use crate::telemetry::events::{
    CandlesRevised, Chain, FileAdopted, FileMissing, FilePublished, FileQuarantined, PublishFailed,
    RowsBuffered, RowsDiscarded, RowsFetched, RowsStored, WindowFailed,
};
use crate::telemetry::{Discard, Telemetry};

/// Pages that may wait between the fetchers and the store.
const PAGES_WAITING: usize = 8;
/// Windows that may fail in a row before the rest is left to the next run.
const FAILURES_IN_A_ROW: usize = 5;
/// Missing windows from which on the oldest row is looked for first.
const WORTH_A_PROBE: usize = 3;

/// What the runs of one exchange share.
pub struct Context {
    /// Where data lies.
    pub layout: Layout,
    /// The exchange's client.
    pub client: Arc<Client>,
    /// What happens is told here.
    pub telemetry: Telemetry,
    /// How long an accepted row may wait before it is published.
    pub flush_interval: Duration,
    /// Windows of one series that are fetched side by side.
    pub walks_at_once: usize,
    /// The symbols that the exchange has confirmed to list since the program started.
    pub introduced: Mutex<HashSet<String>>,
}

/// From where on history is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From this instant on, and nothing before it in this run.
    Exactly(Micros),
    /// From this instant on, or earlier where more was ever asked for.
    AtLeast(Micros),
    /// From the first row the exchange has.
    Origin,
    /// From the earliest instant ever asked for, else the newest page.
    Known,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Order {
    /// The series.
    pub series: Arc<Series>,
    /// From where on.
    pub since: Since,
    /// Until when, exclusive; the present where it is none.
    pub until: Option<Micros>,
    /// The retry policy.
    pub retry: Retry,
    /// Levels of each side of a book.
    pub depth: u32,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Windows done, whatever became of them.
    pub done: usize,
    /// Windows planned.
    pub planned: usize,
    /// Rows received and kept so far.
    pub rows: u64,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// Rows stored that were not there before.
    pub rows: u64,
    /// Rows that replaced one of other content.
    pub revised: u64,
    /// How long it took.
    pub took: Duration,
    /// Why it did not get everything it wanted, if it did not.
    pub error: Option<RunError>,
}

impl Outcome {
    /// A run that failed before it began.
    #[must_use]
    pub fn of_error(error: RunError) -> Self {
        Outcome { rows: 0, revised: 0, took: Duration::ZERO, error: Some(error) }
    }
}

/// Runs a job for one series. Whatever was stored stays stored, also where the run fails.
pub async fn run(
    context: &Context,
    order: &Order,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &CancellationToken,
) -> Outcome {
    let started = Instant::now();
    let mut run = Run::new(context, order, progress, stop);
    let result = run.all().await;
    // What a failed publish left in memory ends with the run; its windows are still gaps.
    run.buffered(0);
    Outcome { rows: run.stored, revised: run.revised, took: started.elapsed(), error: result.err() }
}

struct Run<'a> {
    context: &'a Context,
    order: &'a Order,
    progress: &'a (dyn Fn(Progress) + Sync),
    fetcher: Fetcher,
    at: Progress,
    /// Rows accepted and not published yet.
    waiting: u64,
    stored: u64,
    revised: u64,
}

/// What is known once a run is prepared.
struct Ground {
    offer: &'static Offer,
    grid: Option<Grid>,
    /// The first open or instant not to be asked for.
    horizon: Micros,
    since: Micros,
    until: Micros,
}

impl<'a> Run<'a> {
    fn new(
        context: &'a Context,
        order: &'a Order,
        progress: &'a (dyn Fn(Progress) + Sync),
        stop: &CancellationToken,
    ) -> Self {
        let fetcher = Fetcher {
            client: Arc::clone(&context.client),
            telemetry: context.telemetry.clone(),
            retry: order.retry,
            newest: Arc::new(AtomicI64::new(0)),
            stop: stop.clone(),
        };
        Run { context, order, progress, fetcher, at: Progress::default(), waiting: 0, stored: 0, revised: 0 }
    }

    async fn all(&mut self) -> Result<(), RunError> {
        let offer = self.offer().ok_or_else(|| self.no_offer())?;
        let mut writer = self.open().await?;
        self.introduce().await?;
        if offer.history == History::Now {
            let taken = self.snapshot(&mut writer, offer).await;
            return self.finish(writer, taken).await;
        }
        let ground = self.survey(&mut writer, offer);
        if let Err(error) = self.probe(&mut writer, &ground).await {
            return self.finish(writer, Err(error)).await;
        }
        self.doubt(&mut writer, &ground);
        let missing = self.plan(&writer, &ground);
        let (mut writer, mut walked) = self.walk_all(writer, &ground, &missing).await?;
        let doubted = self.doubt(&mut writer, &ground);
        if walked.is_ok() && !doubted.is_empty() {
            self.at.planned += plan::count(&doubted, ground.offer, ground.grid);
            (writer, walked) = self.walk_all(writer, &ground, &doubted).await?;
        }
        self.finish(writer, walked).await
    }

    /// Takes back every claim of emptiness that a row after it contradicts: had nothing been there, that row
    /// would have been the answer. The time is asked for again, now that the row is known.
    fn doubt(&self, writer: &mut Writer, ground: &Ground) -> Windows {
        let newest = Micros(self.fetcher.newest.load(Ordering::Relaxed));
        let contradicted = Window::new(ground.since, ground.until.min(newest));
        contradicted.map(|window| writer.doubt_empty(window)).unwrap_or_default()
    }

    fn offer(&self) -> Option<&'static Offer> {
        let series = &self.order.series;
        let offer = self.context.client.exchange().offer_for(series);
        offer.filter(|offer| series.span().is_none_or(|span| offer.span(span).is_some()))
    }

    fn no_offer(&self) -> RunError {
        let series = &self.order.series;
        RunError::NoOffer {
            series: Arc::clone(series),
            exchange: self.context.client.exchange().name(),
            what: format!("{} {} for {}", series.kind(), series.span_label(), series.pair()),
        }
    }

    async fn open(&self) -> Result<Writer, RunError> {
        let (layout, series) = (self.context.layout.clone(), Arc::clone(&self.order.series));
        let opened = self.on_disk(move || Writer::open(&layout, &series)).await?;
        let (writer, findings) = opened.map_err(|source| self.store_failed(source))?;
        findings.iter().for_each(|finding| self.tell_finding(finding));
        Ok(writer)
    }

    fn tell_finding(&self, finding: &Finding) {
        let (telemetry, series, file) = (&self.context.telemetry, &self.order.series, &finding.path);
        match finding.kind {
            FindingKind::Quarantined => {
                telemetry.emit(FileQuarantined { series, file, why: &finding.detail })
            }
            FindingKind::Missing => telemetry.emit(FileMissing { series, file }),
            FindingKind::Adopted => telemetry.emit(FileAdopted { series, file }),
            FindingKind::Swept => {}
        }
    }

    /// The exchange's clock, without which nobody knows which candle is closed; and once a symbol whether
    /// it is listed and what budget is announced.
    async fn introduce(&self) -> Result<(), RunError> {
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
        let symbol = client.exchange().symbol(pair);
        if self.introduced().contains(&symbol) {
            return Ok(());
        }
        let request = client.exchange().listing_request(Some(pair));
        let read = |received: &Received| client.exchange().parse_listing(&received.body);
        let listing = self.fetcher.ask(&request, read).await.map_err(|(_, error)| self.unprepared(error))?;
        listing.quota.into_iter().for_each(|quota| client.set_quota(quota));
        self.introduced().insert(symbol);
        Ok(())
    }

    fn introduced(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.context.introduced.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Settles from where to where rows are wanted.
    fn survey(&self, writer: &mut Writer, offer: &'static Offer) -> Ground {
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
        if let Some((_, newest)) = writer.ledger().ends() {
            self.fetcher.newest.fetch_max(newest.0, Ordering::Relaxed);
        }
        Ground { offer, grid, horizon, since, until }
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
        let oldest = match (offer.history, grid) {
            (History::Rows(rows), Some(grid)) => grid.step(horizon, -i64::from(rows)),
            (History::For(length), _) => horizon - length,
            _ => return since,
        };
        if let Some(lost) = Window::new(since, oldest) {
            let exchange = self.context.client.exchange().name();
            writer.account(|ledger| ledger.give_up(lost, &format!("{exchange} does not go back this far")));
        }
        since.max(oldest)
    }

    /// Finds the first row there is, so that the years before it cost one request.
    async fn probe(&self, writer: &mut Writer, ground: &Ground) -> Result<(), RunError> {
        let Some(wanted) = Window::new(ground.since, ground.until) else { return Ok(()) };
        let settled = writer.settled();
        let before_all = settled.missing(wanted).first().filter(|gap| gap.from == wanted.from);
        let Some(gap) = before_all.filter(|gap| self.worth_a_probe(*gap, ground)) else { return Ok(()) };
        let ask = match ground.offer.probe {
            Probe::None => return Ok(()),
            Probe::ByTime => Ask::ByTime,
            Probe::ById => Ask::FromId(0),
        };
        let Some(window) = Window::new(Micros(0), ground.horizon) else { return Ok(()) };
        let page = Page { series: Arc::clone(&self.order.series), window, ask, rows: 1 };
        let first = self.fetcher.page(&page, |rows, _| Ok(rows.ts().iter().min().copied())).await;
        let first = first.map_err(|(_, error)| self.unprepared(error))?;
        if let Some(empty) = first.and_then(|first| Window::new(gap.from, gap.until.min(Micros(first)))) {
            let exchange = self.context.client.exchange().name();
            writer.account(|ledger| {
                ledger.confirm_empty(empty, &format!("the first row {exchange} has is later"))
            });
        }
        Ok(())
    }

    fn worth_a_probe(&self, gap: Window, ground: &Ground) -> bool {
        plan::walks(&gap.into(), ground.offer, ground.grid).take(WORTH_A_PROBE).count() == WORTH_A_PROBE
    }

    fn plan(&mut self, writer: &Writer, ground: &Ground) -> Windows {
        let wanted = Window::new(ground.since, ground.until);
        let missing = wanted
            .map(|wanted| plan::missing(&writer.settled(), &writer.ledger().covered, wanted, ground.grid))
            .unwrap_or_default();
        self.at.planned = plan::count(&missing, ground.offer, ground.grid);
        (self.progress)(self.at);
        missing
    }

    /// Walks all windows, several side by side, storing what comes in.
    async fn walk_all(
        &mut self,
        mut writer: Writer,
        ground: &Ground,
        missing: &Windows,
    ) -> Result<(Writer, Result<(), RunError>), RunError> {
        let settled = plan::unsettled_since(ground.grid, ground.horizon);
        let mut windows = plan::walks(missing, ground.offer, ground.grid);
        let (sender, mut pages) = mpsc::channel(PAGES_WAITING);
        let mut walking: JoinSet<Result<(), Failed>> = JoinSet::new();
        let mut failures = Failures::default();
        loop {
            while walking.len() < self.context.walks_at_once
                && !failures.enough()
                && !self.fetcher.stop.is_cancelled()
            {
                let Some(window) = windows.next() else { break };
                let walk =
                    Walk::new(Arc::clone(&self.order.series), ground.offer, window, ground.horizon, settled);
                let (fetcher, sender) = (self.fetcher.clone(), sender.clone());
                walking.spawn(async move { fetcher.walk(walk, sender).await });
            }
            if walking.is_empty() {
                break;
            }
            tokio::select! {
                Some(step) = pages.recv() => writer = self.accept(writer, step).await?,
                Some(ended) = walking.join_next() => {
                    let ended = ended.map_err(|error| self.broken(&error))?;
                    self.ended(&mut writer, &mut failures, ended);
                }
            }
        }
        drop(sender);
        while let Some(step) = pages.recv().await {
            writer = self.accept(writer, step).await?;
        }
        let planned = self.at.planned;
        let failed = failures.into_error(&self.order.series, planned);
        let stopped = self.at.done < planned;
        let result = match failed {
            Some(error) => Err(error),
            None if stopped => Err(RunError::Stopped { series: Arc::clone(&self.order.series) }),
            None => Ok(()),
        };
        Ok((writer, result))
    }

    async fn accept(&mut self, mut writer: Writer, step: Step) -> Result<Writer, RunError> {
        let (telemetry, series) = (&self.context.telemetry, &self.order.series);
        let rows = step.rows.len() as u64;
        self.at.rows += rows;
        telemetry.emit(RowsFetched { series, rows });
        telemetry.emit(RowsDiscarded { series, reason: Discard::OutOfRange, rows: step.stray });
        let repeats = writer.accept(Accepted { rows: step.rows, covered: step.covered, empty: step.empty });
        telemetry.emit(RowsDiscarded { series, reason: Discard::Duplicate, rows: repeats });
        self.buffered(writer.waiting_rows());
        (self.progress)(self.at);
        if writer.wants_flush(self.context.flush_interval) {
            return self.flush(writer).await;
        }
        Ok(writer)
    }

    fn ended(&mut self, writer: &mut Writer, failures: &mut Failures, ended: Result<(), Failed>) {
        match ended {
            Err(Failed { error: FetchError::Net(NetError::Stopped), .. }) => return,
            Ok(()) => failures.in_a_row = 0,
            Err(failed) => {
                let (series, window, attempts) = (&self.order.series, failed.window, failed.attempts);
                self.context.telemetry.emit(WindowFailed { series, window, attempts, error: &failed.error });
                let reason = format!("{attempts} attempts failed: {}", Chain(&failed.error));
                writer.account(|ledger| ledger.note(window, &reason));
                failures.add(failed);
            }
        }
        self.at.done += 1;
        (self.progress)(self.at);
    }

    /// One snapshot of a book.
    async fn snapshot(&mut self, writer: &mut Writer, offer: &Offer) -> Result<(), RunError> {
        let now = self.context.client.clock().now();
        let window = Window { from: now, until: Micros(now.0 + 1) };
        let rows = self.order.depth.min(offer.page_rows);
        let page = Page { series: Arc::clone(&self.order.series), window, ask: Ask::Now, rows };
        self.at.planned = 1;
        let taken = self.fetcher.page(&page, |rows, _| Ok(rows)).await;
        let mut rows = taken.map_err(|(_, error)| self.unprepared(error))?;
        let next = writer.next_ord().map_err(|source| self.store_failed(source))?;
        rows.book_mut().number_from(next);
        self.at.done = 1;
        self.at.rows = rows.len() as u64;
        self.context.telemetry.emit(RowsFetched { series: &self.order.series, rows: self.at.rows });
        writer.accept(Accepted { rows, covered: None, empty: None });
        (self.progress)(self.at);
        Ok(())
    }

    /// Publishes what is left and tells how the series now stands.
    async fn finish(&mut self, writer: Writer, result: Result<(), RunError>) -> Result<(), RunError> {
        let writer = self.flush(writer).await?;
        let ledger = writer.ledger();
        let now = self.context.client.clock().now();
        let until = plan::due_until(self.context.client.exchange(), &self.order.series, &ledger.covered, now);
        self.context.telemetry.emit(coverage(&self.order.series, ledger, until));
        result
    }

    async fn flush(&mut self, mut writer: Writer) -> Result<Writer, RunError> {
        let started = Instant::now();
        let (writer, flushed) = self
            .on_disk(move || {
                let flushed = writer.flush();
                (writer, flushed)
            })
            .await?;
        let flushed = flushed.map_err(|source| self.store_failed(source))?;
        self.tell(&flushed, started.elapsed());
        self.buffered(writer.waiting_rows());
        Ok(writer)
    }

    fn buffered(&mut self, rows: usize) {
        let (kind, before, now) = (self.order.series.kind(), self.waiting, rows as u64);
        self.context.telemetry.emit(RowsBuffered { kind, before, now });
        self.waiting = now;
    }

    fn tell(&mut self, flushed: &Flushed, took: Duration) {
        let (telemetry, series) = (&self.context.telemetry, &self.order.series);
        for file in &flushed.files {
            telemetry.emit(FilePublished {
                series,
                rows: file.entry.rows,
                written_bytes: file.encoded_bytes,
                copied_bytes: file.copied_bytes,
                file_bytes: file.entry.bytes,
                took,
            });
        }
        self.stored += flushed.tally.added;
        self.revised += flushed.tally.revised;
        telemetry.emit(RowsStored { series, rows: flushed.tally.added, took });
        if flushed.tally.revised > 0 {
            telemetry.emit(CandlesRevised { series, rows: flushed.tally.revised });
        }
    }

    /// Does file work off the runtime's threads.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RunError> {
        tokio::task::spawn_blocking(work).await.map_err(|error| self.broken(&error))
    }

    fn store_failed(&self, source: StoreError) -> RunError {
        self.context.telemetry.emit(PublishFailed {
            series: &self.order.series,
            reason: source.reason(),
            error: &source,
        });
        RunError::Store { series: Arc::clone(&self.order.series), source }
    }

    fn unprepared(&self, source: FetchError) -> RunError {
        match source {
            FetchError::Net(NetError::Stopped) => {
                RunError::Stopped { series: Arc::clone(&self.order.series) }
            }
            source => RunError::Unprepared { series: Arc::clone(&self.order.series), source },
        }
    }

    fn broken(&self, error: &tokio::task::JoinError) -> RunError {
        RunError::Broken { series: Arc::clone(&self.order.series), reason: error.to_string() }
    }
}

fn is_stop(error: &FetchError) -> bool {
    matches!(error, FetchError::Net(NetError::Stopped))
}

fn want(ledger: &mut Ledger, since: Micros) {
    ledger.wanted_since = Some(ledger.wanted_since.map_or(since, |known| known.min(since)));
}

/// The windows of a run that failed.
#[derive(Default)]
struct Failures {
    first: Option<Failed>,
    count: usize,
    in_a_row: usize,
    is_final: bool,
}

impl Failures {
    fn add(&mut self, failed: Failed) {
        self.count += 1;
        self.in_a_row += 1;
        self.is_final |= failed.error.is_final();
        self.first.get_or_insert(failed);
    }

    /// Whether asking on would only meet the same.
    fn enough(&self) -> bool {
        self.is_final || self.in_a_row >= FAILURES_IN_A_ROW
    }

    fn into_error(self, series: &Arc<Series>, planned: usize) -> Option<RunError> {
        self.first.map(|first| RunError::Windows {
            series: Arc::clone(series),
            failed: self.count,
            planned,
            window: first.window,
            attempts: first.attempts,
            source: first.error,
        })
    }
}
