//! A topic as one socket knows it: what its own rows prove.

use crate::exchange::live::{Live, Received, Topic, TopicId};
use crate::model::{Grid, Kind, Micros, Window};

/// A topic of one connection.
pub(super) struct OwnTopic {
    pub(super) id: TopicId,
    /// The grid of its candles.
    grid: Option<Grid>,
    /// Whether it is a book, of which only one connection sends anything at a time, and whose state holds without rows.
    is_book: bool,
    /// Until when its pair names its contract: what comes from then on is not of the series.
    named_until: Option<Micros>,
    /// The end of what rows of this connection prove: where nothing came, nothing is vouched for, whatever came over
    /// another.
    proven: Option<Micros>,
}

impl OwnTopic {
    pub(super) fn new(topic: &Topic, live: &dyn Live) -> Self {
        let span = topic.series.span();
        let grid = span.and_then(|span| live.offer_for(&topic.series)?.grid(span));
        let named_until = topic.instrument.named_until();
        OwnTopic { id: topic.id, grid, is_book: is_book(topic), named_until, proven: None }
    }

    /// Heeds the rows of a batch, and leaves out those that are not of the series.
    pub(super) fn prove(&mut self, received: &mut Received) {
        if let Some(until) = self.named_until {
            received.leave_out_from(self.id, until);
        }
        let newest = received.batch(self.id).and_then(|rows| rows.ts().iter().max());
        let end = newest.map(|newest| self.grid.map_or(Micros(*newest), |grid| grid.next(Micros(*newest))));
        self.proven = self.proven.max(end);
    }

    /// The part of a window that the session covers which is vouched for.
    pub(super) fn vouched(&self, covered: Window) -> Option<Window> {
        let named = self.named_until.map_or(covered.until, |until| covered.until.min(until));
        if self.is_book {
            return Window::new(covered.from, named);
        }
        Window::new(covered.from, named.min(self.proven?))
    }
}

/// Whether a topic is a book. Rows of one book over two sockets would be those of neither.
pub(super) fn is_book(topic: &Topic) -> bool {
    topic.series.kind() == Kind::OrderBook
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exchange::{Instrument, find};
    use crate::model::{Trade, Zone};

    /// When the contract of June is the nearest, and that of September has the name of the next.
    const ROLLOVER: &str = "2024-03-29 08:00:00";

    fn at(text: &str) -> Micros {
        Micros::parse(text, &Zone::UTC).unwrap()
    }

    #[test]
    fn nothing_of_a_contract_is_of_its_pair_once_another_has_the_name() {
        let live = find("binance").unwrap().live().unwrap();
        let pair = "BTC/USDT:next_quarter".parse().unwrap();
        let instrument = Instrument {
            pair: Some(pair),
            ends: Some(at("2024-06-28 08:00:00")),
            ..Instrument::named("BTCUSDT_240628".to_owned())
        };
        let series = Arc::new("binance/BTC-USDT_NEXT_QUARTER/trades".parse().unwrap());
        let topic =
            Topic { id: TopicId(3), series, instrument: Arc::new(instrument), held: None, book: None };
        let mut own = OwnTopic::new(&topic, live);
        let mut received = Received::new();
        let rollover = at(ROLLOVER);
        for (number, ts) in
            [rollover.0 - 2_000, rollover.0 - 1_000, rollover.0, rollover.0 + 1_000].into_iter().enumerate()
        {
            let (id, ts) = (number.to_string(), Micros(ts));
            let trade = Trade { ts, ts_recv: None, id: Some(&id), price: 1.0, amount: 1.0, side: None };
            received.row_of(TopicId(3), Kind::Trades).trades_mut().push(trade);
        }

        own.prove(&mut received);

        assert_eq!(received.counts.rows, 2);
        let kept = received.batch(TopicId(3)).unwrap();
        assert_eq!(kept.ts(), [rollover.0 - 2_000, rollover.0 - 1_000]);
        let covered = Window { from: Micros(rollover.0 - 5_000), until: Micros(rollover.0 + 1_000) };
        assert_eq!(own.vouched(covered).unwrap().until, Micros(rollover.0 - 1_000));

        received.clear();
        let late = Trade { ts: rollover, ts_recv: None, id: Some("4"), price: 1.0, amount: 1.0, side: None };
        received.row_of(TopicId(3), Kind::Trades).trades_mut().push(late);
        own.prove(&mut received);
        assert!(received.is_empty());
    }
}
