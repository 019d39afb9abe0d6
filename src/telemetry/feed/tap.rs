//! The tap: rows received live, for those who watch their series.
//!
//! A series that no reader watches costs one look at a number.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use crate::model::{Batch, Micros, Series, matches_selector};
use crate::telemetry::feed::{Feed, FeedItem};
use crate::telemetry::locks::{read, write};

/// The most bytes of rows that are kept for readers who are a little behind, about: three seconds of 20,000 messages a
/// second, each with a row. How many events they are does not matter: a busy series brings one for each message.
const MOST_BYTES: usize = 48 << 20;

/// The tap of a process.
pub struct Tap {
    feed: Feed,
    watches: RwLock<Vec<(u64, Vec<String>)>>,
    count: AtomicUsize,
    next: AtomicU64,
}

/// The wish of one reader. Rows are kept for it until it is dropped.
pub struct Watch {
    tap: Arc<Tap>,
    id: u64,
}

impl Default for Tap {
    fn default() -> Self {
        let (count, next) = (AtomicUsize::new(0), AtomicU64::new(0));
        Tap { feed: Feed::bounded(usize::MAX, MOST_BYTES), watches: RwLock::default(), count, next }
    }
}

impl Tap {
    /// Watches the series of some selectors from now on.
    pub fn watch(self: &Arc<Self>, selectors: Vec<String>) -> Watch {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut watches = write(&self.watches);
        watches.push((id, selectors));
        self.count.store(watches.len(), Ordering::Release);
        Watch { tap: Arc::clone(self), id }
    }

    /// The rows that are kept.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Keeps a copy of rows if someone watches their series; returns whether someone does.
    pub(in crate::telemetry) fn offer(&self, series: &Series, rows: &Batch, at: Micros) -> bool {
        if self.count.load(Ordering::Acquire) == 0 || rows.is_empty() {
            return false;
        }
        let is_wanted = |asked: &[String]| asked.iter().any(|asked| matches_selector(asked, series));
        let is_watched = read(&self.watches).iter().any(|(_, asked)| is_wanted(asked));
        if is_watched {
            self.feed.put(FeedItem::Accepted { series: series.clone(), rows: rows.clone() }, at);
        }
        is_watched
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watches = write(&self.tap.watches);
        watches.retain(|(id, _)| *id != self.id);
        self.tap.count.store(watches.len(), Ordering::Release);
        if watches.is_empty() {
            self.tap.feed.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Trade;

    fn trades(count: usize) -> Batch {
        let mut rows = Batch::of(crate::model::Kind::Trades);
        for number in 0..count {
            let ts = Micros(number as i64);
            rows.trades_mut().push(Trade {
                ts,
                ts_recv: None,
                id: None,
                price: 1.0,
                amount: 1.0,
                side: None,
            });
        }
        rows
    }

    #[test]
    fn rows_are_kept_while_someone_watches_their_series_and_only_then() {
        let tap = Arc::new(Tap::default());
        let [own, other] =
            ["binance/BTC-USDT/trades", "binance/ETH-USDT/trades"].map(|name| name.parse().unwrap());
        let offer = || [&own, &other].map(|series| tap.offer(series, &trades(2), Micros(0)));
        let kept = || tap.feed().behind(0, 100).events.len();

        offer();
        assert_eq!(kept(), 0);
        let watch = tap.watch(vec!["*/BTC-*/trades".to_owned()]);
        offer();
        assert_eq!(kept(), 1);
        let both = tap.watch(vec!["binance".to_owned()]);
        offer();
        assert_eq!(kept(), 3);
        drop(watch);
        assert_eq!(kept(), 3);
        drop(both);
        offer();
        assert_eq!(kept(), 0);
    }

    #[test]
    fn a_reader_may_be_three_seconds_behind_twenty_thousand_messages_a_second() {
        let tap = Arc::new(Tap::default());
        let series: Series = "binance/BTC-USDT/trades".parse().unwrap();
        let _watch = tap.watch(vec![series.to_string()]);
        for _ in 0..60_000 {
            tap.offer(&series, &trades(1), Micros(0));
        }

        assert_eq!(tap.feed().behind(0, 1).missed, 0);
    }

    #[test]
    fn however_many_rows_come_what_is_kept_is_bounded() {
        let tap = Arc::new(Tap::default());
        let series: Series = "binance/BTC-USDT/trades".parse().unwrap();
        let _watch = tap.watch(vec![series.to_string()]);
        for _ in 0..100 {
            assert!(tap.offer(&series, &trades(5_000), Micros(0)));
        }

        let kept = tap.feed().behind(0, 100);
        assert_eq!(kept.missed + kept.events.len() as u64, 100);
        assert!((30..=32).contains(&kept.events.len()), "{} events", kept.events.len());
    }
}
