//! One run of one series: prepare, plan, walk the windows side by side, publish, account.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::exchange::{Ask, History, Instrument, Offer, Page, SetAside, Step};
use crate::jobs::ends::Ends;
use crate::jobs::fetch::Fetcher;
use crate::jobs::fresh::Held;
use crate::jobs::odd::set_aside;
use crate::jobs::survey::{Contracted, Ground};
use crate::jobs::walks::Turn;
use crate::jobs::{Context, FetchError, Order, Outcome, Progress, RunError, coverage, plan};
use crate::model::{Batch, Micros, Series, Window, Windows};
use crate::net::NetError;
use crate::store::{Accepted, Finding, FindingKind, Flushed, StoreError, Writer};
use crate::telemetry::events::{
    CandlesRevised, EmptyWindowsDoubted, FileAdopted, FileMissing, FilePublished, FileQuarantined,
    FileRenamed, HolesRepaired, IdHoleBelieved, JournalTorn, OpenFilesFolded, PublishFailed, RowsAccepted,
    RowsBuffered, RowsDiscarded, RowsFetched, RowsStored,
};
use crate::telemetry::{Discard, Telemetry, trace};

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

pub(super) struct Run<'a> {
    pub(super) context: &'a Context,
    pub(super) order: &'a Order,
    pub(super) progress: &'a (dyn Fn(Progress) + Sync),
    pub(super) fetcher: Fetcher,
    pub(super) at: Progress,
    /// What came empty without a row that shows it was true.
    pub(super) unsure: Windows,
    /// Rows accepted and not published yet.
    waiting: u64,
    /// Where rows are held, to tell which of those accepted are new.
    held: Held,
    stored: u64,
    revised: u64,
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
            ends: Arc::new(Ends::default()),
            sparing: false,
            stop: stop.clone(),
        };
        let (at, unsure) = (Progress::default(), Windows::new());
        let held = Held::default();
        Run { context, order, progress, fetcher, at, unsure, waiting: 0, held, stored: 0, revised: 0 }
    }

    async fn all(&mut self) -> Result<(), RunError> {
        let offer = self.offer().ok_or_else(|| self.no_offer())?;
        let mut writer = self.open().await?;
        let introduced = self.introduce().await?;
        if offer.history == History::Now {
            let writer = self.snapshot(writer, offer, introduced.now).await?;
            return self.finish(writer, Ok(())).await;
        }
        let mut walked = Ok(());
        for contract in self.contracts(&writer, offer, introduced) {
            if walked.is_ok() {
                (writer, walked) = self.fill(writer, offer, contract).await?;
            }
        }
        self.finish(writer, walked).await
    }

    /// Gets what is missing of the time in which a pair was one instrument.
    async fn fill(
        &mut self,
        mut writer: Writer,
        offer: &'static Offer,
        contract: Contracted,
    ) -> Result<(Writer, Result<(), RunError>), RunError> {
        (self.at.done, self.unsure) = (0, Windows::new());
        let ground = self.survey(&mut writer, offer, contract);
        self.doubt_one_answer(&mut writer);
        match self.probe(&mut writer, &ground).await {
            Ok(true) => {}
            Ok(false) => self.settle_before_listing(&mut writer, &ground),
            Err(error) => return Ok((writer, Err(error))),
        }
        self.doubt(&mut writer, &ground);
        let knows_rows = self.fetcher.ends.known().is_some();
        // What was ever wanted is on record before the first page, whatever happens then.
        let writer = self.flush(writer).await?;
        let missing = self.plan(&writer, &ground);
        let (new, holes) = self.split(&writer, missing);
        self.at.planned = plan::count(&new, ground.offer, ground.grid);
        let (mut writer, mut walked) = self.walk_all(writer, &ground, &new, Turn::First).await?;
        if walked.is_ok() && !holes.is_empty() {
            (writer, walked) = self.repair(writer, &ground, &holes).await?;
        }
        let doubted = self.doubt(&mut writer, &ground);
        if walked.is_ok() && !doubted.is_empty() {
            self.at.planned += plan::count(&doubted, ground.offer, ground.grid);
            (writer, walked) = self.walk_all(writer, &ground, &doubted, Turn::First).await?;
        }
        if walked.is_ok() {
            (writer, walked) = self.make_sure(writer, &ground, knows_rows).await?;
        }
        if walked.is_ok() {
            (writer, walked) = self.derive(writer, &ground).await?;
        }
        Ok((writer, walked))
    }

    /// Asks once more for what came empty, now that rows beside it are known: the answers have to show those. What was
    /// believed before any row was known is asked for again too.
    async fn make_sure(
        &mut self,
        mut writer: Writer,
        ground: &Ground,
        knew_rows: bool,
    ) -> Result<(Writer, Result<(), RunError>), RunError> {
        let mut unsure = std::mem::take(&mut self.unsure);
        if !knew_rows {
            unsure.add_all(&self.doubt_all_before(&mut writer, ground));
        }
        if unsure.is_empty() {
            return Ok((writer, Ok(())));
        }
        let (series, windows) = (&self.order.series, unsure.len() as u64);
        self.context.telemetry.emit(EmptyWindowsDoubted { series, windows });
        self.at.planned += Turn::Last.windows(&unsure, ground).len();
        self.walk_all(writer, ground, &unsure, Turn::Last).await
    }

    /// What to walk at once and what to repair after it.
    fn split(&self, writer: &Writer, missing: Windows) -> (Windows, Windows) {
        if self.order.spare_repairs {
            plan::holes(missing, &writer.settled())
        } else {
            (missing, Windows::new())
        }
    }

    /// Fills holes, within the share of the limit that repairs may have.
    async fn repair(
        &mut self,
        writer: Writer,
        ground: &Ground,
        holes: &Windows,
    ) -> Result<(Writer, Result<(), RunError>), RunError> {
        self.at.planned += plan::count(holes, ground.offer, ground.grid);
        self.fetcher.sparing = true;
        let before = self.at.rows;
        let (writer, walked) = self.walk_all(writer, ground, holes, Turn::First).await?;
        self.fetcher.sparing = false;
        let (series, rows) = (&self.order.series, self.at.rows - before);
        self.context.telemetry.emit(HolesRepaired {
            series,
            holes: holes.len() as u64,
            rows,
            ok: walked.is_ok(),
        });
        Ok((writer, walked))
    }

    async fn open(&self) -> Result<Writer, RunError> {
        let (store, series) = (self.context.store.clone(), Arc::clone(&self.order.series));
        let opened = self.on_disk(move || store.writer(&series)).await?;
        let (writer, findings) = opened.map_err(|source| self.store_failed(source))?;
        findings
            .iter()
            .for_each(|finding| tell_finding(&self.context.telemetry, &self.order.series, finding));
        Ok(writer)
    }

    pub(super) async fn accept(&mut self, mut writer: Writer, step: Step) -> Result<Writer, RunError> {
        if let Some((before, ids)) = step.id_hole {
            self.context.telemetry.emit(IdHoleBelieved { series: &self.order.series, before, ids });
        }
        if let Some(gone) = step.gone {
            self.gone(&mut writer, gone);
        }
        if !step.set_aside.is_empty() {
            writer = self.set_aside(writer, &step.set_aside).await?;
        }
        let mut covered = step.covered.map(Windows::from).unwrap_or_default();
        step.set_aside.iter().filter_map(|odd| odd.window).for_each(|window| covered.remove(window));
        let mut empty = step.empty.map(Windows::from).unwrap_or_default();
        if self.fetcher.ends.known().is_none() {
            empty = self.seen_empty_before(&mut writer, empty);
        }
        let (mut covered, mut empty) = (covered.iter(), empty.iter());
        let page = Accepted { rows: step.rows, covered: covered.next(), empty: empty.next(), derived: false };
        let mut writer = self.keep(writer, page, step.stray).await?;
        // A frame proves one window of each.
        for (covered, empty) in covered.map(|own| (Some(own), None)).chain(empty.map(|own| (None, Some(own))))
        {
            let rows = Batch::of(self.order.series.kind());
            writer = self.keep(writer, Accepted { rows, covered, empty, derived: false }, 0).await?;
        }
        Ok(writer)
    }

    /// Sets odd rows aside, before anything speaks of the rest of their page.
    async fn set_aside(&self, mut writer: Writer, odd: &[SetAside]) -> Result<Writer, RunError> {
        let odd: Vec<_> = odd.iter().map(|odd| (odd.row.clone(), odd.window)).collect();
        let (telemetry, now) = (self.context.telemetry.clone(), self.context.client.clock().now());
        let (writer, kept) = self
            .on_disk(move || {
                let kept = set_aside(&mut writer, &telemetry, &odd, now);
                (writer, kept)
            })
            .await?;
        kept.map_err(|source| self.store_failed(source))?;
        Ok(writer)
    }

    /// Has a page accepted and tells of it; `stray` rows of the answer were left out.
    pub(super) async fn keep(
        &mut self,
        writer: Writer,
        page: Accepted,
        stray: u64,
    ) -> Result<Writer, RunError> {
        let rows = page.rows.len() as u64;
        let writer = self.take(writer, page).await?;
        let (telemetry, series) = (&self.context.telemetry, &self.order.series);
        self.at.rows += rows;
        telemetry.emit(RowsFetched { series, rows });
        telemetry.emit(RowsDiscarded { series, reason: Discard::OutOfRange, rows: stray });
        (self.progress)(self.at);
        if writer.wants_flush(self.context.flush_interval) {
            return self.flush(writer).await;
        }
        Ok(writer)
    }

    /// Has a page accepted; nothing may speak of its rows before.
    async fn take(&mut self, mut writer: Writer, page: Accepted) -> Result<Writer, RunError> {
        let fresh = self.held.take(&page.rows, writer.ledger());
        let (writer, accepted) = self
            .on_disk(move || {
                let accepted = writer.accept(page);
                (writer, accepted)
            })
            .await?;
        let repeats = accepted.map_err(|source| self.store_failed(source))?;
        let series = &self.order.series;
        self.context.telemetry.emit(RowsAccepted { series, fresh: fresh.saturating_sub(repeats) });
        self.context.telemetry.emit(RowsDiscarded { series, reason: Discard::Duplicate, rows: repeats });
        self.buffered(writer.waiting_rows());
        Ok(writer)
    }

    /// One snapshot of a book.
    async fn snapshot(
        &mut self,
        writer: Writer,
        offer: &Offer,
        instrument: Arc<Instrument>,
    ) -> Result<Writer, RunError> {
        let now = self.context.client.clock().now();
        let window = Window { from: now, until: Micros(now.0 + 1) };
        let rows = self.order.depth.min(offer.page_rows);
        let series = Arc::clone(&self.order.series);
        let page = Page { series, instrument, window, ask: Ask::Now, rows };
        self.at.planned = 1;
        let taken = self.fetcher.page(&page, |rows, _| Ok(rows)).await;
        let mut rows = taken.map_err(|(_, error)| self.unprepared(error))?;
        rows.book_mut().number_from(writer.next_ord());
        self.at.done = 1;
        self.at.rows = rows.len() as u64;
        let page = Accepted { rows, covered: None, empty: None, derived: false };
        let writer = self.take(writer, page).await?;
        self.context.telemetry.emit(RowsFetched { series: &self.order.series, rows: self.at.rows });
        (self.progress)(self.at);
        Ok(writer)
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
        self.held.published();
        self.buffered(writer.waiting_rows());
        Ok(writer)
    }

    fn buffered(&mut self, rows: usize) {
        let (kind, before, now) = (self.order.series.kind(), self.waiting, rows as u64);
        self.context.telemetry.emit(RowsBuffered { kind, before, now });
        self.waiting = now;
    }

    fn tell(&mut self, flushed: &Flushed, took: Duration) {
        self.stored += flushed.tally.added;
        self.revised += flushed.tally.revised;
        tell_flush(&self.context.telemetry, &self.order.series, flushed, took);
    }

    /// Does file work off the runtime's threads.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RunError> {
        tokio::task::spawn_blocking(trace::carried(work)).await.map_err(|error| self.broken(&error))
    }

    fn store_failed(&self, source: StoreError) -> RunError {
        self.context.telemetry.emit(PublishFailed {
            series: &self.order.series,
            reason: source.reason(),
            error: &source,
        });
        RunError::Store { series: Arc::clone(&self.order.series), source }
    }

    pub(super) fn unprepared(&self, source: FetchError) -> RunError {
        match source {
            FetchError::Net(NetError::Stopped) => {
                RunError::Stopped { series: Arc::clone(&self.order.series) }
            }
            source => RunError::Unprepared { series: Arc::clone(&self.order.series), source },
        }
    }

    pub(super) fn broken(&self, error: &tokio::task::JoinError) -> RunError {
        RunError::Broken { series: Arc::clone(&self.order.series), reason: error.to_string() }
    }
}

/// Tells what opening a series met.
pub fn tell_finding(telemetry: &Telemetry, series: &Series, finding: &Finding) {
    let (file, why) = (&finding.path, finding.detail.as_str());
    match finding.kind {
        FindingKind::Quarantined => telemetry.emit(FileQuarantined { series, file, why }),
        FindingKind::Missing => telemetry.emit(FileMissing { series, file }),
        FindingKind::Adopted => telemetry.emit(FileAdopted { series, file }),
        FindingKind::Torn => telemetry.emit(JournalTorn { file, why }),
        FindingKind::Renamed => telemetry.emit(FileRenamed { series, file }),
        FindingKind::Emptied | FindingKind::Swept => {}
    }
}

/// Tells what a flush made durable.
pub fn tell_flush(telemetry: &Telemetry, series: &Series, flushed: &Flushed, took: Duration) {
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
    telemetry.emit(OpenFilesFolded { series, folds: flushed.folds });
    telemetry.emit(RowsStored { series, rows: flushed.tally.added, took });
    if flushed.tally.revised > 0 {
        telemetry.emit(CandlesRevised { series, rows: flushed.tally.revised });
    }
}
