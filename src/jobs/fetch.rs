//! Fetching one window: its pages in turn, each tried again as the retry policy says.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::exchange::{Answer, Listing, Next, Page, ParseError, Step, Walk};
use crate::jobs::FetchError;
use crate::model::{Batch, Micros, Pair, Window};
use crate::net::{Advice, Client, NetError};
use crate::telemetry::Telemetry;
use crate::telemetry::events::RequestRetried;

/// How often and how patiently a window is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in a row without an answer of use, 1 to 10.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles from one attempt to the next.
    pub delay: Duration,
}

impl Retry {
    /// The wait after so many failed attempts, never less than what the exchange asked for.
    #[must_use]
    pub fn wait(&self, failed: u32, asked: Duration) -> Duration {
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1).min(16));
        self.delay.saturating_mul(doubled).max(asked)
    }
}

/// What every fetch of a run shares.
#[derive(Clone)]
pub(crate) struct Fetcher {
    pub(crate) client: Arc<Client>,
    pub(crate) telemetry: Telemetry,
    pub(crate) retry: Retry,
    /// `ts` of the newest row known of the series.
    pub(crate) newest: Arc<AtomicI64>,
    pub(crate) stop: CancellationToken,
}

/// A window that could not be fetched to its end.
#[derive(Debug)]
pub(crate) struct Failed {
    /// What of it is missing.
    pub(crate) window: Window,
    pub(crate) attempts: u32,
    pub(crate) error: FetchError,
}

impl Fetcher {
    /// Walks one window and sends on what each page gave. An end before the window's is no failure: the
    /// rows near the present may not be there yet.
    pub(crate) async fn walk(&self, mut walk: Walk, pages: mpsc::Sender<Step>) -> Result<(), Failed> {
        while let Some(page) = walk.next() {
            let step = self.page(&page, |rows, next| {
                let known = Some(Micros(self.newest.load(Ordering::Relaxed))).filter(|newest| newest.0 > 0);
                walk.take(rows, next, known)
            });
            let step = match step.await {
                Ok(step) => step,
                Err((attempts, error)) => {
                    return Err(Failed { window: walk.left().unwrap_or(page.window), attempts, error });
                }
            };
            if let Some(newest) = step.rows.ts().iter().max() {
                self.newest.fetch_max(*newest, Ordering::Relaxed);
            }
            if pages.send(step).await.is_err() {
                // The run has ended; what was not taken is asked again by the next one.
                return Ok(());
            }
        }
        Ok(())
    }

    /// One page, tried until it is understood or the attempts are spent.
    pub(crate) async fn page<T>(
        &self,
        page: &Page,
        mut take: impl FnMut(Batch, Next) -> Result<T, ParseError>,
    ) -> Result<T, (u32, FetchError)> {
        let mut tries = self.tries(self.client.exchange().request(page).endpoint);
        loop {
            let answer = self.attempt(page).await;
            match answer.and_then(|(rows, next)| take(rows, next).map_err(|source| self.unreadable(source))) {
                Ok(taken) => return Ok(taken),
                Err(error) => tries.again(error).await?,
            }
        }
    }

    /// The exchange's clock, where it is time to look at it.
    pub(crate) async fn clock(&self) -> Result<(), (u32, FetchError)> {
        let mut tries = self.tries(self.client.exchange().clock_request().endpoint);
        if !self.client.clock().is_due() {
            return Ok(());
        }
        loop {
            match self.client.measure_clock(&self.stop).await {
                Ok(()) => return Ok(()),
                Err(error) => tries.again(error.into()).await?,
            }
        }
    }

    /// What the exchange lists of a pair, and the budget it announces.
    pub(crate) async fn listing(&self, pair: &Pair) -> Result<Listing, (u32, FetchError)> {
        let exchange = self.client.exchange();
        let request = exchange.listing_request(Some(pair));
        let mut tries = self.tries(request.endpoint);
        loop {
            let listed = match self.client.get(&request, &self.stop).await {
                Ok(received) => {
                    exchange.parse_listing(&received.body).map_err(|source| self.unreadable(source))
                }
                Err(error) => Err(error.into()),
            };
            match listed {
                Ok(listing) => return Ok(listing),
                Err(error) => tries.again(error).await?,
            }
        }
    }

    fn tries(&self, endpoint: &'static str) -> Tries<'_> {
        Tries { fetcher: self, endpoint, failed: 0 }
    }

    async fn attempt(&self, page: &Page) -> Result<(Batch, Next), FetchError> {
        let exchange = self.client.exchange();
        let received = self.client.get(&exchange.request(page), &self.stop).await?;
        let mut rows = Batch::of(page.series.kind());
        let answer = Answer { body: &received.body, received: received.at };
        match exchange.parse(page, &answer, &mut rows) {
            Ok(next) => Ok((rows, next)),
            Err(source) => Err(self.unreadable(source)),
        }
    }

    fn unreadable(&self, source: ParseError) -> FetchError {
        FetchError::Parse { exchange: self.client.exchange().name(), source }
    }
}

/// The attempts at one thing.
struct Tries<'a> {
    fetcher: &'a Fetcher,
    endpoint: &'static str,
    failed: u32,
}

impl Tries<'_> {
    /// Waits until the next attempt is due; gives the error back, with the number of attempts, where there
    /// is to be none.
    async fn again(&mut self, error: FetchError) -> Result<(), (u32, FetchError)> {
        self.failed += 1;
        let Fetcher { client, telemetry, retry, stop, .. } = self.fetcher;
        let asked = match error.advice() {
            Advice::GiveUp | Advice::Stop => return Err((self.failed, error)),
            Advice::Retry => Duration::ZERO,
            Advice::Wait(asked) => asked,
        };
        if self.failed >= retry.attempts {
            return Err((self.failed, error));
        }
        telemetry.emit(RequestRetried { exchange: client.exchange().name(), endpoint: self.endpoint });
        tokio::select! {
            () = tokio::time::sleep(retry.wait(self.failed, asked)) => Ok(()),
            () = stop.cancelled() => Err((self.failed, NetError::Stopped.into())),
        }
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
