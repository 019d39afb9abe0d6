//! Fetches one window page by page, retrying each page by the retry policy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::exchange::{HttpRequest, Page, ParseError, Parsed, Step, Walk};
use crate::jobs::FetchError;
use crate::jobs::ends::Ends;
use crate::model::{Batch, Window};
use crate::net::{Advice, Client, Lane, NetError, Received};
use crate::telemetry::events::{RequestRetried, RowsDiscarded};
use crate::telemetry::{Discard, Telemetry, trace};

/// How often, and with which delays, a page is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Consecutive attempts without a usable answer, 1 to 10.
    pub attempts: u32,
    /// The delay before the second attempt; it doubles from one attempt to the next.
    pub delay: Duration,
}

impl Retry {
    /// The delay after this many failed attempts, never shorter than the exchange asked for.
    #[must_use]
    pub fn wait(&self, failed: u32, asked: Duration) -> Duration {
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1).min(16));
        self.delay.saturating_mul(doubled).max(asked)
    }
}

/// Shared by every fetch of a run.
#[derive(Clone)]
pub(crate) struct Fetcher {
    pub(crate) client: Arc<Client>,
    pub(crate) telemetry: Telemetry,
    pub(crate) retry: Retry,
    /// The oldest and the newest known row of the series.
    pub(crate) ends: Arc<Ends>,
    /// How urgent its requests are.
    pub(crate) lane: Lane,
    /// The requests sent so far.
    pub(crate) requests: Arc<AtomicU32>,
    pub(crate) stop: CancellationToken,
}

/// A window that could not be fetched completely.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The missing part.
    pub(crate) window: Window,
    pub(crate) attempts: u32,
    pub(crate) error: FetchError,
}

impl Fetcher {
    /// Walks one window, sends on what each page gave, and returns the finished walk. Ending before the
    /// window's end is no failure: rows near the present may not exist yet.
    pub(crate) async fn walk(&self, mut walk: Walk, pages: mpsc::Sender<Step>) -> Result<Box<Walk>, Failed> {
        while let Some(page) = walk.next() {
            let step = self.page(&page, |rows, answer| walk.take(rows, answer, self.ends.known()));
            let step = match step.await {
                Ok(step) => step,
                Err((attempts, error)) => {
                    return Err(Failed { window: walk.left().unwrap_or(page.window), attempts, error });
                }
            };
            self.ends.learn(step.rows.ts());
            if pages.send(step).await.is_err() {
                // The run has ended; the next one requests what was not taken.
                break;
            }
        }
        Ok(Box::new(walk))
    }

    /// Fetches a page, retrying until it is parsed or the attempts are used up.
    pub(crate) async fn page<T>(
        &self,
        page: &Page,
        mut take: impl FnMut(Batch, Parsed) -> Result<T, ParseError>,
    ) -> Result<T, (u32, FetchError)> {
        let exchange = self.client.exchange();
        let fetching = async {
            let mut came = 0;
            let read = |received: &Received| {
                let mut rows = Batch::of(page.series.kind());
                let parsed = received.with_answer(|answer| exchange.parse(page, answer, &mut rows))?;
                came = rows.len();
                take(rows, parsed)
            };
            let asked = self.ask(&exchange.request(page), read).await;
            match &asked {
                Ok(_) => trace::read(came),
                Err((_, error)) => {
                    trace::failed(error.reason().name(), error);
                    let (series, reason, rows) = (&page.series, Discard::Invalid, error.impossible_rows());
                    if rows > 0 {
                        self.telemetry.emit(RowsDiscarded { series, reason, rows });
                    }
                }
            }
            asked
        };
        fetching.instrument(trace::fetch_page(&page.series, page.window)).await
    }

    /// Sends a request, retrying until its answer is parsed or the attempts are used up.
    pub(crate) async fn ask<T>(
        &self,
        request: &HttpRequest,
        mut read: impl FnMut(&Received) -> Result<T, ParseError>,
    ) -> Result<T, (u32, FetchError)> {
        let (mut failed, mut sent) = (0, 0);
        loop {
            self.requests.fetch_add(1, Ordering::Relaxed);
            let error = match self.client.get_again(request, self.lane, &mut sent, &self.stop).await {
                Ok(received) => match read(&received) {
                    Ok(taken) => return Ok(taken),
                    Err(source) => self.unreadable(source),
                },
                Err(error) => error.into(),
            };
            failed += 1;
            self.wait_after(failed, error, request.endpoint).await?;
        }
    }

    /// Measures the exchange's clock, with the same retries as for a page.
    pub(crate) async fn measure_clock(&self) -> Result<(), FetchError> {
        let mut failed = 0;
        loop {
            let Err(error) = self.client.measure_clock(&self.stop).await else { return Ok(()) };
            failed += 1;
            self.wait_after(failed, error.into(), "time").await.map_err(|(_, error)| error)?;
        }
    }

    /// Waits until the next attempt; returns the error if there is to be none.
    async fn wait_after(
        &self,
        failed: u32,
        error: FetchError,
        endpoint: &'static str,
    ) -> Result<(), (u32, FetchError)> {
        let asked = match error.advice() {
            Advice::GiveUp | Advice::Stop => return Err((failed, error)),
            Advice::Retry => Duration::ZERO,
            Advice::Wait(asked) => asked,
        };
        if failed >= self.retry.attempts {
            return Err((failed, error));
        }
        self.telemetry.emit(RequestRetried { exchange: self.client.exchange().name(), endpoint });
        tokio::select! {
            () = tokio::time::sleep(self.retry.wait(failed, asked)) => Ok(()),
            () = self.stop.cancelled() => Err((failed, NetError::Stopped.into())),
        }
    }

    fn unreadable(&self, source: ParseError) -> FetchError {
        FetchError::Parse { exchange: self.client.exchange().name(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_never_undercut_what_the_exchange_asked_for() {
        let retry = Retry { attempts: 5, delay: Duration::from_secs(1) };
        let waits: Vec<u64> = (1..5).map(|failed| retry.wait(failed, Duration::ZERO).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8]);
        assert_eq!(retry.wait(1, Duration::from_secs(7)), Duration::from_secs(7));
    }
}
