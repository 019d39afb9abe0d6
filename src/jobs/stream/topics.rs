//! The topics of a connection, shared by its listener, the acceptor and its owner.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::exchange::live::TopicId;
use crate::jobs::stream::live_series::LiveSeries;
use crate::jobs::stream::quiet::{Quiet, QuietLimits};
use crate::model::Micros;

/// How far the exchange's clock may differ from what was measured of it.
const CLOCKS_DIFFER: Duration = Duration::from_secs(1);

/// A topic of a connection.
pub(crate) struct ListenedTopic {
    pub(crate) live: LiveSeries,
    pub(super) quiet: Quiet,
    /// Whether the present connection has covered anything of it.
    pub(super) is_linked: bool,
    /// When the exchange acknowledged it on the present connection, by the exchange's clock.
    acknowledged: Option<Micros>,
    /// Where the last success ended.
    pub(super) counted: Option<Micros>,
}

impl ListenedTopic {
    pub(crate) fn new(live: LiveSeries, limits: QuietLimits) -> Self {
        let quiet = Quiet::new(Instant::now(), limits, live.grid().is_none());
        ListenedTopic { live, quiet, is_linked: false, acknowledged: None, counted: None }
    }

    /// The exchange sends it from now on; `at` by its clock.
    pub(super) fn begins(&mut self, at: Micros, now: Instant) {
        self.acknowledged = Some(at);
        self.quiet.begins(now);
    }

    /// It is to be sent anew: whatever is missing then is fetched once it is covered again.
    pub(crate) fn unlink(&mut self) {
        (self.is_linked, self.acknowledged) = (false, None);
    }

    /// Whether it is to be checked now, since it is quiet for longer than its rhythm explains. Of candles the rhythm is
    /// known: before one is late, the exchange has none that it should have sent.
    pub(super) fn is_doubtful(&mut self, at: Micros, now: Instant) -> bool {
        let late = at - self.quiet.overdue_after();
        self.live.is_overdue(self.acknowledged, late) && self.quiet.is_due(now)
    }

    /// Whether a stored row shows that the exchange does not send this topic: it came about after the exchange
    /// acknowledged it, and is newer than everything received.
    pub(crate) fn is_behind(&self, newest: Micros) -> bool {
        let (end, is_new) = match (self.live.grid(), self.live.proven()) {
            (Some(grid), proven) => (grid.next(newest), proven.is_none_or(|proven| newest >= proven)),
            (None, proven) => (newest, proven.is_none_or(|proven| newest > proven)),
        };
        is_new && self.acknowledged.is_some_and(|acknowledged| end > acknowledged + CLOCKS_DIFFER)
    }
}

/// The topics of a connection, shared with its owner.
#[derive(Clone, Default)]
pub(crate) struct Topics(Arc<Mutex<BTreeMap<TopicId, ListenedTopic>>>);

impl Topics {
    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<TopicId, ListenedTopic>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::model::{Batch, Candle, Kind, Series, Side, Span, Trade};
    use crate::store::{Layout, Store, StoreSettings};

    const MINUTE: i64 = 60;

    fn at(secs: i64) -> Micros {
        Micros::from_secs(1_699_999_200 + secs)
    }

    fn topic(series: &str) -> (ListenedTopic, TempDir) {
        let root = TempDir::new().unwrap();
        let (store, _) = Store::open(&Layout::new(root.path()), StoreSettings::of(7, Micros(0))).unwrap();
        let series: Arc<Series> = Arc::new(series.parse().unwrap());
        let grid = series.span().map(Span::grid);
        let live = LiveSeries::open(&store, &series, grid).unwrap();
        (ListenedTopic::new(live, QuietLimits::default()), root)
    }

    fn receive(topic: &mut ListenedTopic, ts: Micros) {
        let mut rows = Batch::of(topic.live.series().kind());
        if rows.kind() == Kind::Trades {
            let trade = Trade {
                ts,
                ts_recv: Some(ts),
                id: Some("7"),
                price: 1.0,
                amount: 1.0,
                side: Some(Side::Buy),
            };
            rows.trades_mut().push(trade);
        } else {
            let (open, high, low, close, volume) = (1.0, 1.0, 1.0, 1.0, 1.0);
            let (quote_volume, trades) = (None, Some(1));
            rows.candles_mut().push(Candle { ts, open, high, low, close, volume, quote_volume, trades });
        }
        topic.live.accepted(&rows, None);
    }

    #[test]
    fn a_topic_is_behind_what_came_about_after_it_was_acknowledged_and_is_newer_than_what_it_sent() {
        let (mut topic, _root) = topic("binance/BTC-USDT/trades");
        assert!(!topic.is_behind(at(100)), "the exchange did not say that it sends it");
        topic.begins(at(100), Instant::now());
        assert!(!topic.is_behind(at(99)), "it was traded before");
        assert!(topic.is_behind(at(102)));
        receive(&mut topic, at(110));
        assert!(!topic.is_behind(at(110)));
        assert!(topic.is_behind(at(111)));
        topic.unlink();
        assert!(!topic.is_behind(at(111)));
    }

    #[test]
    fn a_topic_of_candles_is_behind_one_that_closed_after_it_was_acknowledged() {
        let (mut topic, _root) = topic("binance/BTC-USDT/ohlc/1m");
        topic.begins(at(90), Instant::now());
        assert!(!topic.is_behind(at(0)), "it closed before");
        assert!(topic.is_behind(at(MINUTE)));
        receive(&mut topic, at(MINUTE));
        assert!(!topic.is_behind(at(MINUTE)));
        assert!(topic.is_behind(at(2 * MINUTE)));
    }

    #[test]
    fn candles_are_doubted_once_one_is_late_and_not_before_however_long_they_are() {
        let overdue = QuietLimits::default().overdue.as_secs() as i64;
        for (series, span) in [("kraken/BTC-USD/ohlc/1m", MINUTE), ("kraken/BTC-USD/ohlc/1h", 60 * MINUTE)] {
            let ((mut topic, _root), now) = (topic(series), Instant::now());
            topic.begins(at(-5), now - Duration::from_secs(100));
            receive(&mut topic, at(0));
            topic.quiet.heard(now - Duration::from_secs(60));
            assert!(!topic.is_doubtful(at(2 * span + overdue - 1), now), "{series}");
            assert!(topic.is_doubtful(at(2 * span + overdue), now), "{series}");
            assert!(
                !topic.is_doubtful(at(2 * span + overdue + 1), now),
                "{series}: it is asked about already"
            );
        }
    }
}
