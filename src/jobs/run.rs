//! One run of one series: prepare, plan, walk the windows side by side, publish, report.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::exchange::{History, Offer, SetAside, Step};
use crate::jobs::ends::Ends;
use crate::jobs::fetch::Fetcher;
use crate::jobs::fresh::KnownRows;
use crate::jobs::handle::Handle;
use crate::jobs::odd::set_aside;
use crate::jobs::scope::{Contracted, RunScope};
use crate::jobs::turn::Turn;
use crate::jobs::{
    Context, FetchError, Instruments, Order, Outcome, Precedence, Progress, RunError, RunErrorKind, coverage,
    plan,
};
use crate::model::{Batch, Kind, Micros, Series, Window, Windows};
use crate::net::{Lane, NetError};
use crate::store::{Accepted, Finding, FindingKind, Flushed, Writer};
use crate::telemetry::events::{
    CandlesRevised, EmptyWindowsDoubted, FileAdopted, FileMissing, FilePublished, FileQuarantined,
    FileRenamed, HolesRepaired, IdHoleBelieved, JournalTorn, OpenFilesFolded, RowsAccepted, RowsBuffered,
    RowsDiscarded, RowsFetched, RowsStored, StreamMismatch,
};
use crate::telemetry::{Discard, Telemetry};

/// Runs a job for one series. Stored rows stay stored even if the run fails.
pub async fn run(
    context: &Context,
    order: &Order,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &CancellationToken,
) -> Outcome {
    let started = Instant::now();
    let mut run = Run::new(context, order, progress, stop);
    let result = run.all().await;
    // Rows that a failed publish left in memory end with the run; their windows are still gaps.
    run.buffered(0);
    run.outcome(started, result.err())
}

pub(super) struct Run<'a> {
    pub(super) context: &'a Context,
    pub(super) order: &'a Order,
    pub(super) progress: &'a (dyn Fn(Progress) + Sync),
    pub(super) fetcher: Fetcher,
    pub(super) at: Progress,
    /// Windows found empty without a row to confirm it.
    pub(super) unsure: Windows,
    /// Rows accepted but not published.
    waiting: u64,
    /// Tells which of the accepted rows are new.
    known: KnownRows,
    stored: u64,
    revised: u64,
    /// Windows that were missing and are settled now.
    settled: u64,
    newest_row: Option<Micros>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
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
            requests: Arc::default(),
            lane: if order.precedence == Precedence::Live { Lane::Live } else { Lane::New },
            stop: stop.clone(),
        };
        let (at, unsure) = (Progress::default(), Windows::new());
        let known = KnownRows::default();
        Run {
            context,
            order,
            progress,
            fetcher,
            at,
            unsure,
            waiting: 0,
            known,
            stored: 0,
            revised: 0,
            settled: 0,
            newest_row: None,
        }
    }

    /// The result so far of a run that began at an instant.
    pub(super) fn outcome(&self, started: Instant, error: Option<RunError>) -> Outcome {
        Outcome {
            rows: self.stored,
            revised: self.revised,
            windows: self.settled,
            requests: self.fetcher.requests.load(Ordering::Relaxed),
            took: started.elapsed(),
            newest_row: self.newest_row,
            error,
        }
    }

    async fn all(&mut self) -> Result<(), RunError> {
        let offer = self.offer().ok_or_else(|| self.no_offer())?;
        let writer = self.open().await?;
        let instruments = self.resolve_instrument().await?;
        let filled = match offer.history {
            History::Now => self.snapshot(&writer, offer, instruments.now).await,
            _ => self.fill_all(&writer, offer, instruments).await,
        };
        match filled {
            // Another flush would fail in the same way.
            Err(RunError { series, kind: kind @ (RunErrorKind::Store(_) | RunErrorKind::Broken { .. }) }) => {
                Err(RunError { series, kind })
            }
            filled => self.finish(&writer, filled).await,
        }
    }

    async fn fill_all(
        &mut self,
        writer: &Handle,
        offer: &'static Offer,
        instruments: Instruments,
    ) -> Result<(), RunError> {
        for contract in self.contracts(writer, offer, instruments) {
            self.fill(writer, offer, contract).await?;
        }
        Ok(())
    }

    /// Fetches what is missing of the time in which the pair named this instrument.
    async fn fill(
        &mut self,
        writer: &Handle,
        offer: &'static Offer,
        contract: Contracted,
    ) -> Result<(), RunError> {
        (self.at.done, self.unsure) = (0, Windows::new());
        let scope = self.prepare(writer, offer, contract);
        self.doubt_one_answer(writer);
        if !self.probe(writer, &scope).await? {
            self.settle_before_listing(writer, &scope);
        }
        self.doubt(writer, &scope);
        let knows_rows = self.fetcher.ends.known().is_some();
        // Records the range that was ever wanted before the first page, whatever happens then.
        self.flush(writer).await?;
        let missing = self.plan(writer, &scope);
        let before = Window::new(scope.since, scope.until).map(|wanted| writer.settled().missing(wanted));
        let filled = self.fill_missing(writer, &scope, missing, knows_rows).await;
        let settled = writer.settled();
        let open = before.unwrap_or_default();
        self.settled += open.iter().filter(|window| settled.missing(*window).is_empty()).count() as u64;
        filled?;
        self.derive(writer, &scope).await
    }

    async fn fill_missing(
        &mut self,
        writer: &Handle,
        scope: &RunScope,
        missing: Windows,
        knows_rows: bool,
    ) -> Result<(), RunError> {
        let (new, holes) = self.split(writer, missing);
        self.at.planned = plan::count(&new, scope.offer, scope.grid);
        self.walk_all(writer, scope, &new, Turn::First).await?;
        if !holes.is_empty() {
            self.repair(writer, scope, &holes).await?;
        }
        let doubted = self.doubt(writer, scope);
        if !doubted.is_empty() {
            self.at.planned += plan::count(&doubted, scope.offer, scope.grid);
            self.walk_all(writer, scope, &doubted, Turn::First).await?;
        }
        self.make_sure(writer, scope, knows_rows).await
    }

    /// Requests empty windows again, now that rows beside them are known and the answers have to include
    /// those. Windows recorded as empty before any row was known are requested again too.
    async fn make_sure(
        &mut self,
        writer: &Handle,
        scope: &RunScope,
        knew_rows: bool,
    ) -> Result<(), RunError> {
        let mut unsure = std::mem::take(&mut self.unsure);
        if !knew_rows {
            unsure.add_all(&self.doubt_all_before(writer, scope));
        }
        if unsure.is_empty() {
            return Ok(());
        }
        let (series, windows) = (&self.order.series, unsure.len() as u64);
        self.context.telemetry.emit(EmptyWindowsDoubted { series, windows });
        self.at.planned += Turn::Last.windows(&unsure, scope).len();
        self.walk_all(writer, scope, &unsure, Turn::Last).await
    }

    /// Splits the missing windows into those to walk now and those to repair afterwards.
    fn split(&self, writer: &Handle, missing: Windows) -> (Windows, Windows) {
        if self.order.precedence == Precedence::RepairsLast {
            plan::holes(missing, &writer.settled())
        } else {
            (missing, Windows::new())
        }
    }

    /// Fills holes, within the share of the rate limit that repairs may have.
    async fn repair(&mut self, writer: &Handle, scope: &RunScope, holes: &Windows) -> Result<(), RunError> {
        self.at.planned += plan::count(holes, scope.offer, scope.grid);
        self.fetcher.lane = Lane::Repair;
        let before = self.at.rows;
        let walked = self.walk_all(writer, scope, holes, Turn::First).await;
        self.fetcher.lane = Lane::New;
        let (series, rows) = (&self.order.series, self.at.rows - before);
        self.context.telemetry.emit(HolesRepaired {
            series,
            holes: holes.len() as u64,
            rows,
            ok: walked.is_ok(),
        });
        walked
    }

    pub(super) async fn open(&self) -> Result<Handle, RunError> {
        let (series, telemetry) = (&self.order.series, &self.context.telemetry);
        let (writer, findings) = Handle::open(&self.context.store, series, telemetry).await?;
        findings.iter().for_each(|finding| tell_finding(telemetry, series, finding));
        Ok(writer)
    }

    pub(super) async fn accept(&mut self, writer: &Handle, step: Step) -> Result<(), RunError> {
        if let Some((before, ids)) = step.id_hole {
            self.context.telemetry.emit(IdHoleBelieved { series: &self.order.series, before, ids });
        }
        if let Some(gone) = step.gone {
            self.gone(writer, gone);
        }
        if !step.set_aside.is_empty() {
            self.set_aside(writer, &step.set_aside).await?;
        }
        let mut covered = step.covered.map(Windows::from).unwrap_or_default();
        step.set_aside.iter().filter_map(|odd| odd.window).for_each(|window| covered.remove(window));
        let mut empty = step.empty.map(Windows::from).unwrap_or_default();
        if self.fetcher.ends.known().is_none() {
            empty = self.seen_empty_before(writer, empty);
        }
        let (mut covered, mut empty) = (covered.iter(), empty.iter());
        let page = Accepted { rows: step.rows, covered: covered.next(), empty: empty.next(), derived: false };
        self.keep(writer, page, step.stray).await?;
        // A frame proves one window of each.
        for (covered, empty) in covered.map(|own| (Some(own), None)).chain(empty.map(|own| (None, Some(own))))
        {
            let rows = Batch::of(self.order.series.kind());
            self.keep(writer, Accepted { rows, covered, empty, derived: false }, 0).await?;
        }
        Ok(())
    }

    /// Sets odd rows aside before the rest of their page is accepted.
    async fn set_aside(&self, writer: &Handle, odd: &[SetAside]) -> Result<(), RunError> {
        let odd: Vec<_> = odd.iter().map(|odd| (odd.row.clone(), odd.window)).collect();
        let (telemetry, now) = (self.context.telemetry.clone(), self.context.client.clock().now());
        writer.on_disk(move |writer| set_aside(writer, &telemetry, &odd, now)).await.map(drop)
    }

    /// Accepts a page and reports it; `stray` rows of the answer were left out.
    pub(super) async fn keep(&mut self, writer: &Handle, page: Accepted, stray: u64) -> Result<(), RunError> {
        let rows = page.rows.len() as u64;
        self.take(writer, page).await?;
        let (telemetry, series) = (&self.context.telemetry, &self.order.series);
        self.at.rows += rows;
        telemetry.emit(RowsFetched { series, rows });
        telemetry.emit(RowsDiscarded { series, reason: Discard::OutOfRange, rows: stray });
        (self.progress)(self.at);
        let is_old = writer.waited().is_some_and(|waited| waited >= self.context.flush_interval);
        if is_old || (writer.wants_flush(Duration::MAX) && !writer.is_just_full()) {
            self.flush(writer).await?;
        }
        Ok(())
    }

    /// Accepts a page; nothing may report its rows before.
    pub(super) async fn take(&mut self, writer: &Handle, page: Accepted) -> Result<(), RunError> {
        let fresh = self.known.take(&page.rows, &writer.ledger());
        let is_book = page.rows.kind() == Kind::OrderBook;
        let accept = if is_book { Writer::accept_updates } else { Writer::accept };
        let repeats = writer.on_disk(move |writer| accept(writer, page)).await?;
        let series = &self.order.series;
        self.context.telemetry.emit(RowsAccepted { series, fresh: fresh.saturating_sub(repeats) });
        self.context.telemetry.emit(RowsDiscarded { series, reason: Discard::Duplicate, rows: repeats });
        self.buffered(writer.waiting_rows());
        Ok(())
    }

    /// Publishes what is left and emits the series' coverage.
    pub(super) async fn finish(
        &mut self,
        writer: &Handle,
        result: Result<(), RunError>,
    ) -> Result<(), RunError> {
        self.flush(writer).await?;
        let now = self.context.client.clock().now();
        let (exchange, series) = (self.context.client.exchange(), &self.order.series);
        let ledger = writer.ledger();
        let until = plan::due_until(exchange, series, &ledger.covered, now);
        let coverage = coverage(series, &ledger, until);
        self.newest_row = coverage.newest;
        self.context.telemetry.emit(coverage);
        result
    }

    pub(super) async fn flush(&mut self, writer: &Handle) -> Result<(), RunError> {
        let started = Instant::now();
        let flushed = writer.on_disk(Writer::flush).await?;
        self.tell(&flushed, started.elapsed());
        self.known.published();
        self.buffered(writer.waiting_rows());
        Ok(())
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

    pub(super) fn unprepared(&self, source: FetchError) -> RunError {
        match source {
            FetchError::Net(NetError::Stopped) => RunErrorKind::Stopped,
            source => RunErrorKind::Unprepared(source),
        }
        .of(&self.order.series)
    }

    pub(super) fn broken(&self, error: &tokio::task::JoinError) -> RunError {
        RunErrorKind::Broken { reason: error.to_string() }.of(&self.order.series)
    }
}

/// Emits a finding of opening a series.
pub(crate) fn tell_finding(telemetry: &Telemetry, series: &Series, finding: &Finding) {
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

/// Emits the result of a flush.
pub(crate) fn tell_flush(telemetry: &Telemetry, series: &Series, flushed: &Flushed, took: Duration) {
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
    if flushed.tally.mismatched > 0 {
        telemetry.emit(StreamMismatch { series, rows: flushed.tally.mismatched });
    }
    if flushed.tally.revised > 0 {
        telemetry.emit(CandlesRevised { series, rows: flushed.tally.revised });
    }
}
