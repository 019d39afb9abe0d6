//! Streams: the rows of live sessions, accepted beside every other writer of their series, and what they cover.
//!
//! Decisions:
//!
//! * **A live series covers what its rows prove, never time in which nothing came.** A trade whose id follows the one
//!   before proves the time between them; a closed candle proves itself. A quiet market is settled by the next row or by
//!   a request over REST, so that a socket that says nothing covers nothing.
//! * **One thread accepts for all connections**, with one write for everything that waits; it never waits for a publish of
//!   a series, only for room where all live series together have too much that is not published. Then reading stops, and
//!   if even that does not help, rows are left out as a hole that is fetched later.
//! * **Rows that come late close their hole**: where the exchange's numbers show that none is missing any more, the hole is
//!   vouched for like what lies around it, unless rows of it were left out.
//! * **Whatever is missing is fetched by an ordinary run**, which believes only what its walk proves.

mod acceptor;
mod book_steps;
mod followed_books;
mod holes;
mod listener;
mod live_series;
mod live_writer;
mod moment;
mod need;
mod pipeline;
mod present_books;
mod publisher;
mod quiet;
mod states;
mod taken;
mod tasks;
mod topics;
mod updates;
mod waiting_rows;
mod waiting_updates;

pub(crate) use acceptor::Acceptor;
pub(crate) use listener::Listener;
pub(crate) use live_series::LiveSeries;
pub(crate) use need::Need;
pub use pipeline::Pipeline;
pub(crate) use present_books::{Present, PresentBooks};
pub(crate) use publisher::Publisher;
pub(crate) use quiet::QuietLimits;
pub(crate) use states::{LiveStates, LiveStatus};
pub(crate) use tasks::Tasks;
pub(crate) use topics::{ListenedTopic, Topics};
pub(crate) use waiting_rows::{EACH_BYTES, MOST_BYTES, WaitingRows};
pub(crate) use waiting_updates::WaitingUpdates;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

pub(crate) use crate::jobs::prepare::is_unlisted;
use crate::jobs::run::Run;
use crate::jobs::{Context, FetchError, Instruments, Order, Outcome, Precedence, Retry, RunError, Since};
use crate::model::{Batch, Micros, Pair, Series, Window};

/// How requests that a live series needs are retried.
const RETRY: Retry = Retry { attempts: 3, delay: Duration::from_secs(2) };

/// Resolves the instrument that an exchange lists for a series' pair, and measures the exchange's clock if that is due.
///
/// # Errors
/// If the exchange does not list the pair or cannot be asked.
pub(crate) async fn resolve(
    context: &Context,
    series: &Arc<Series>,
    stop: &CancellationToken,
) -> Result<Instruments, RunError> {
    let order = refill_order(series, Since::Known, None);
    Run::new(context, &order, &|_| {}, stop).resolve_instrument().await
}

/// Resolves the instruments of many series of one market with one listing; those it does not hold are left to
/// [`resolve`].
///
/// # Errors
/// If the exchange cannot be asked.
pub(crate) async fn resolve_all(
    context: &Context,
    series: &[Arc<Series>],
    stop: &CancellationToken,
) -> Result<usize, FetchError> {
    let Some(first) = series.first() else { return Ok(0) };
    let order = refill_order(first, Since::Known, None);
    let pairs: Vec<Pair> = series.iter().map(|own| own.pair().clone()).collect();
    Run::new(context, &order, &|_| {}, stop).resolve_all(first.pair().market(), &pairs).await
}

/// Requests a window of a series again. What differs from the rows stored is counted, and the answer stays.
///
/// # Errors
/// If the exchange does not answer for all of it, or the store takes no rows.
pub(crate) async fn compare(
    context: &Context,
    series: &Arc<Series>,
    window: Window,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let order = refill_order(series, Since::Known, None);
    Run::new(context, &order, &|_| {}, stop).ask_again(window).await
}

/// Requests once whatever rows of a series there are from an instant on and until another. Settles nothing but what the
/// rows prove.
pub(crate) async fn ask_newer(
    context: &Context,
    series: &Arc<Series>,
    window: Window,
    stop: &CancellationToken,
) -> Outcome {
    let (order, started) = (refill_order(series, Since::Known, Some(window.until)), Instant::now());
    let mut run = Run::new(context, &order, &|_| {}, stop);
    let error = run.ask_newer(window.from).await.err();
    run.outcome(started, error)
}

/// Requests the present book of a series with so many levels a side.
///
/// # Errors
/// If the exchange cannot be asked, or its answer is no book.
pub(crate) async fn whole_book(
    context: &Context,
    series: &Arc<Series>,
    levels: u32,
    precedence: Precedence,
    stop: &CancellationToken,
) -> Result<Batch, RunError> {
    let order = Order { precedence, ..refill_order(series, Since::Known, None) };
    Run::new(context, &order, &|_| {}, stop).whole_book(levels).await
}

/// An order for whatever is missing of a live series before `until`.
pub(crate) fn refill_order(series: &Arc<Series>, since: Since, until: Option<Micros>) -> Order {
    Order { series: Arc::clone(series), since, until, retry: RETRY, depth: 1, precedence: Precedence::Live }
}
