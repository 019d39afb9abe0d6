//! Each hour's closed candles of live series, asked for once more over REST and compared.
//!
//! An exchange may close a candle live and correct it afterwards. What differs is counted, and the later answer stays, as
//! with every revised candle. Time comes from outside: an hour is due some minutes after its end, other minutes for
//! other series, so that they do not ask all at once.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, LiveJob};
use crate::exchange::find;
use crate::jobs::stream::{Tasks, compare};
use crate::model::{Grid, Micros, Series, Span, Window};
use crate::telemetry::events::Chain;

/// How long an exchange may take to correct what it closed.
const SETTLED: Duration = Duration::from_secs(300);
/// The minutes over which series are spread.
const SPREAD_SECS: u64 = 600;
/// The wait after a comparison that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(300);
/// The most time of one series that is compared at once; what was not compared before is not any more.
const MOST: Duration = Duration::from_secs(24 * 3_600);
/// How many of an exchange are compared at a time.
const AT_ONCE: usize = 2;

/// Until a comparison has ended the next one is not due.
const UNDER_WAY: Micros = Micros(i64::MAX);

/// The next comparison of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Next {
    /// The beginning of the first hour that is not compared.
    from: Micros,
    /// Not before this.
    at: Micros,
}

/// The comparisons of all live series.
pub(super) struct Hourly {
    engine: Arc<Engine>,
    next: BTreeMap<Arc<Series>, Next>,
    /// Each with the end of its last hour; they say whether it was compared.
    running: Tasks<(Arc<Series>, Micros), bool>,
}

impl Hourly {
    pub(super) fn new(engine: &Arc<Engine>) -> Self {
        Hourly { engine: Arc::clone(engine), next: BTreeMap::new(), running: Tasks::new("a comparison") }
    }

    /// Begins to compare what is due of a series that is listened to now.
    pub(super) fn look(&mut self, job: &LiveJob, now: Micros, stop: &CancellationToken) {
        let Some(grid) = grid_of(&job.series) else { return };
        let series = &job.series;
        let next = self.next.entry(Arc::clone(series)).or_insert_with(|| Next::first(series, now));
        if self.running.count(|(own, _)| own.exchange() == series.exchange()) >= AT_ONCE {
            return;
        }
        let Some(hours) = next.due(now) else { return };
        let Some(window) = closed_in(grid, hours) else {
            *next = Next::after(series, hours.until);
            return;
        };
        next.at = UNDER_WAY;
        let (engine, job, stop) = (Arc::clone(&self.engine), job.clone(), stop.clone());
        let key = (Arc::clone(series), hours.until);
        self.running.spawn(key, async move { engine.compare(&job, window, &stop).await });
    }

    /// Waits for the next comparison to end.
    pub(super) async fn next(&mut self, now: impl Fn(&Series) -> Micros) -> Option<()> {
        let ((series, until), compared) = self.running.next().await?;
        // One that is not listened to any more has no next.
        if let Some(next) = self.next.get_mut(&series) {
            match compared {
                Ok(true) => *next = Next::after(&series, until),
                Ok(false) | Err(_) => next.at = now(&series) + AFTER_FAILURE,
            }
        }
        Some(())
    }

    /// Compares a series no more; one under way goes on.
    pub(super) fn forget(&mut self, series: &Series) {
        self.next.remove(series);
    }

    pub(super) async fn end(&mut self) {
        self.running.end().await;
    }
}

impl Engine {
    /// Requests a window of a live series again. Returns whether that was answered.
    #[doc(hidden)]
    pub async fn compare(&self, job: &LiveJob, window: Window, stop: &CancellationToken) -> bool {
        let Some(context) = self.context(job.series.exchange()) else { return true };
        let permit = match self.fleet().enter(&job.series, stop, true).await {
            Ok(permit) => permit,
            Err(_) => return false,
        };
        let compared = compare(&context, &job.series, window, &permit.stop).await;
        if let Err(error) = &compared {
            tracing::warn!(series = %job.series, error = %Chain(error), "candles could not be compared; trying again");
        }
        compared.is_ok()
    }
}

impl Next {
    /// Of a series that is listened to from now on: the running hour is its first.
    fn first(series: &Series, now: Micros) -> Self {
        Next::after(series, Span::HOUR.grid().floor(now))
    }

    /// Once everything before an instant is compared.
    fn after(series: &Series, from: Micros) -> Self {
        let mut hasher = DefaultHasher::new();
        series.hash(&mut hasher);
        let spread = Duration::from_secs(hasher.finish() % SPREAD_SECS);
        Next { from, at: Span::HOUR.grid().next(from) + SETTLED + spread }
    }

    /// The whole hours that are to be compared now.
    fn due(&self, now: Micros) -> Option<Window> {
        if now < self.at {
            return None;
        }
        let until = Span::HOUR.grid().floor(now - SETTLED);
        Window::new(self.from.max(until - MOST), until)
    }
}

/// The grid of a series of candles.
fn grid_of(series: &Series) -> Option<Grid> {
    let live = find(series.exchange())?.live()?;
    live.offer_for(series)?.grid(series.span()?)
}

/// The candles that closed in a window, by their opens.
fn closed_in(grid: Grid, window: Window) -> Option<Window> {
    Window::new(grid.floor(window.from), grid.floor(window.until))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    fn at(secs: i64) -> Micros {
        Micros::from_secs(1_700_000_000 - 1_700_000_000 % HOUR + secs)
    }

    fn series(span: &str) -> Series {
        format!("binance/BTC-USDT/ohlc/{span}").parse().unwrap()
    }

    #[test]
    fn an_hour_is_due_once_and_some_minutes_after_its_end() {
        let series = series("1m");
        let next = Next::first(&series, at(1_800));
        let hour = Window::new(at(0), at(HOUR)).unwrap();
        assert_eq!(next.due(at(HOUR + 299)), None);
        assert_eq!(next.due(at(HOUR + 900)), Some(hour));

        let next = Next::after(&series, hour.until);
        assert_eq!(next.due(at(HOUR + 900)), None);
        assert_eq!(next.due(at(2 * HOUR + 900)), Window::new(at(HOUR), at(2 * HOUR)));
    }

    #[test]
    fn hours_that_could_not_be_compared_are_with_the_next_and_those_of_yesterday_are_not() {
        let next = Next::first(&series("1m"), at(1_800));
        assert_eq!(next.due(at(3 * HOUR + 900)), Window::new(at(0), at(3 * HOUR)));
        assert_eq!(next.due(at(90 * HOUR + 900)), Window::new(at(66 * HOUR), at(90 * HOUR)));
    }

    #[test]
    fn the_candles_of_an_hour_are_those_that_closed_in_it() {
        let hour = Window::new(at(HOUR), at(2 * HOUR)).unwrap();
        let of = |span: &str| closed_in(grid_of(&series(span)).unwrap(), hour);
        assert_eq!(of("1m"), Some(hour));
        assert_eq!(of("1h"), Some(hour));
        let day = Span::Fixed(86_400).grid();
        let midnight = Window::new(day.next(at(0)) - Duration::from_secs(3_600), day.next(at(0))).unwrap();
        let noon = Window::new(at(-10 * HOUR), at(-9 * HOUR)).unwrap();
        assert_eq!(closed_in(day, noon), None, "none closes at noon");
        assert_eq!(closed_in(day, midnight), Window::new(day.floor(at(0)), day.next(at(0))));
    }

    #[test]
    fn trades_are_not_compared() {
        assert_eq!(grid_of(&"binance/BTC-USDT/trades".parse().unwrap()), None);
    }
}
