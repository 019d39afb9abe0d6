//! One subscription of a connection: which rows it has published, and which are due by an instant.
//!
//! A row is published a fixed delay after it happened, so that what a connection sends is a pure function of
//! the symbols and the clock, as the rows themselves are.

use std::time::Duration;

use crate::model::{Grid, Micros};
use crate::sim::asked::World;
use crate::sim::book::UPDATE_MS;
use crate::sim::market::Market;
use crate::sim::quarter;

/// How long after it happened a row is published.
pub(super) const DELAY: Duration = Duration::from_millis(2);

/// How much later than a row of the same instant a repetition comes: a candle that is still running, a heartbeat.
const AFTER_ROWS: Duration = Duration::from_millis(1);

/// The kind of rows a topic publishes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::sim) enum Flow {
    /// Trades.
    Trades,
    /// Candles of a grid: the final one at its close, the running one so often.
    Candles { grid: Grid, every: Duration },
    /// Candles of a grid at their close alone, those in which nothing was traded too.
    Buckets { grid: Grid },
    /// Updates of the book, to a depth where only that many levels are told.
    Book { depth: Option<usize> },
    /// A sign of life each second.
    Heartbeats,
    /// Nothing: the stream does not exist, or not on this address.
    Nothing,
}

/// Which market a topic is of.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sim) enum Source {
    /// A symbol as the knobs write it, and when its contract ends.
    Symbol { symbol: String, ends: Option<Micros> },
    /// The dated contracts of a pair that follow one another: those of the running quarter, or of the next.
    Quarters { pair: String, next: bool },
    /// None.
    Nowhere,
}

/// One subscription.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Topic {
    /// How the client named it.
    pub(in crate::sim) name: String,
    pub(in crate::sim) source: Source,
    pub(in crate::sim) flow: Flow,
    is_silenced: bool,
    /// Nothing is due before this instant, in the world as it is.
    quiet_until: Micros,
}

/// A due row or sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Trade(u64),
    Candle {
        open: Micros,
        is_closed: bool,
    },
    /// An update of the book by its id.
    Book(i64),
    Heartbeat,
}

/// Something due at an instant, of the topic in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: Micros,
    pub(super) topic: usize,
    pub(super) event: Event,
}

impl Event {
    /// The order of what is due at the same instant: what vouches for trades comes after them.
    pub(super) fn rank(self) -> u8 {
        match self {
            Event::Trade(_) => 0,
            Event::Candle { .. } => 1,
            Event::Book(_) => 2,
            Event::Heartbeat => 3,
        }
    }
}

impl Topic {
    pub(in crate::sim) fn new(name: &str, source: Source, flow: Flow) -> Self {
        Topic { name: name.to_owned(), source, flow, is_silenced: false, quiet_until: Micros(0) }
    }

    /// A topic that never publishes anything.
    pub(in crate::sim) fn silent(name: &str) -> Self {
        Topic::new(name, Source::Nowhere, Flow::Nothing)
    }

    /// The market of what happens at an instant.
    pub(in crate::sim) fn market<'w>(&self, world: &'w World, at: Micros) -> Option<&'w Market> {
        match &self.source {
            Source::Symbol { symbol, .. } => world.market(symbol),
            Source::Quarters { pair, next } => {
                let current = quarter::end_after(at);
                let end = if *next { quarter::end_after(current) } else { current };
                quarter::market(world, pair, end)
            }
            Source::Nowhere => None,
        }
    }

    /// When its contract ends; never where it has none.
    fn ends(&self) -> Micros {
        match self.source {
            Source::Symbol { ends: Some(ends), .. } => ends,
            _ => Micros(i64::MAX),
        }
    }

    /// Publishes nothing any more.
    pub(super) fn silence(&mut self) {
        self.is_silenced = true;
    }

    /// Looks at the market anew, which may be another since.
    pub(super) fn refresh(&mut self) {
        self.quiet_until = Micros(0);
    }

    /// Adds what is due after `from` and until `until`, inclusive, in order.
    pub(super) fn due(
        &mut self,
        world: &World,
        (from, until): (Micros, Micros),
        place: usize,
        out: &mut Vec<Due>,
    ) {
        if self.is_silenced || until < self.quiet_until {
            return;
        }
        let mut add = |at, event| out.push(Due { at, topic: place, event });
        match self.flow {
            Flow::Trades => self.quiet_until = self.trades(world, (from, until), &mut add),
            Flow::Candles { grid, every } => self.candles(world, (from, until), (grid, every), &mut add),
            Flow::Buckets { grid } => {
                let mut ends = grid.next(grid.floor(from - DELAY));
                while ends + DELAY <= until {
                    add(ends + DELAY, Event::Candle { open: grid.step(ends, -1), is_closed: true });
                    ends = grid.next(ends);
                }
            }
            Flow::Book { .. } => {
                let ends = self.ends();
                let happened = |id: i64| Micros::from_millis(id * UPDATE_MS);
                let due = published_book(from) + 1..=published_book(until);
                for id in due.take_while(|id| happened(*id) < ends) {
                    add(happened(id) + DELAY, Event::Book(id));
                }
            }
            Flow::Heartbeats => {
                let mut at = next_beat(from, Duration::from_secs(1));
                while at <= until {
                    add(at, Event::Heartbeat);
                    at = next_beat(at, Duration::from_secs(1));
                }
            }
            Flow::Nothing => {}
        }
    }

    /// Returns when the next trade is due.
    fn trades(
        &self,
        world: &World,
        (from, until): (Micros, Micros),
        add: &mut impl FnMut(Micros, Event),
    ) -> Micros {
        const NEVER: Micros = Micros(i64::MAX);
        let Some(market) = self.market(world, until) else { return NEVER };
        let ends = self.ends();
        let mut id = unpublished_trade(market, from);
        loop {
            let ts = market.trade(id).ts;
            let at = ts + DELAY;
            if ts >= ends {
                return NEVER;
            }
            if at > until {
                return at;
            }
            add(at, Event::Trade(id));
            id += 1;
        }
    }

    fn candles(
        &self,
        world: &World,
        (from, until): (Micros, Micros),
        (grid, every): (Grid, Duration),
        add: &mut impl FnMut(Micros, Event),
    ) {
        let Some(market) = self.market(world, until) else { return };
        let mut done = from;
        loop {
            let open = market.next_open(grid, grid.floor(done - DELAY));
            let (closes, beats) = (grid.next(open) + DELAY, next_beat(done, every));
            done = closes.min(beats);
            if done > until {
                return;
            }
            if done == closes {
                add(done, Event::Candle { open, is_closed: true });
            } else if open < done - DELAY {
                add(done, Event::Candle { open, is_closed: false });
            }
        }
    }
}

/// The first trade that is not published yet at an instant.
pub(in crate::sim) fn unpublished_trade(market: &Market, at: Micros) -> u64 {
    market.first_trade_at_or_after(Micros((at - DELAY).0 + 1))
}

/// The newest update of a book that is published at an instant.
pub(in crate::sim) fn published_book(at: Micros) -> i64 {
    (at - DELAY).millis_floor().div_euclid(UPDATE_MS)
}

/// The first repetition after an instant.
fn next_beat(after: Micros, every: Duration) -> Micros {
    let every = i64::try_from(every.as_micros()).unwrap_or(1).max(1);
    let even = (after - DELAY - AFTER_ROWS).0;
    Micros((even.div_euclid(every) + 1) * every) + DELAY + AFTER_ROWS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;
    use crate::sim::knobs::Knobs;

    const NOON_SECS: i64 = 1_717_588_800;

    fn collected(topic: &mut Topic, world: &World, from: Micros, until: Micros, step: Duration) -> Vec<Due> {
        let (mut due, mut done) = (Vec::new(), from);
        while done < until {
            let next = (done + step).min(until);
            topic.due(world, (done, next), 0, &mut due);
            done = next;
        }
        due
    }

    #[test]
    fn what_is_due_does_not_depend_on_how_often_it_is_asked_for() {
        let world = World::new(Knobs { trades_per_hour: 36_000, ..Knobs::default() });
        let source = Source::Symbol { symbol: "BTCUSDT".to_owned(), ends: None };
        let grid = Span::Fixed(60).grid();
        let (from, until) = (Micros::from_secs(NOON_SECS), Micros::from_secs(NOON_SECS + 150));
        let every = Duration::from_millis(250);
        for flow in [Flow::Trades, Flow::Candles { grid, every }, Flow::Buckets { grid }, Flow::Heartbeats] {
            let of = |millis| {
                let mut topic = Topic::new("t", source.clone(), flow);
                collected(&mut topic, &world, from, until, Duration::from_millis(millis))
            };
            let least = if flow == (Flow::Buckets { grid }) { 2 } else { 150 };
            assert!(of(150_000).len() >= least, "{flow:?}");
            assert!(of(150_000).is_sorted_by_key(|due| due.at));
            assert_eq!(of(7), of(150_000), "{flow:?}");
        }
    }

    #[test]
    fn a_candle_closes_once_and_before_the_next_one_is_repeated() {
        let world = World::new(Knobs::default());
        let source = Source::Symbol { symbol: "BTCUSDT".to_owned(), ends: None };
        let flow = Flow::Candles { grid: Span::Fixed(60).grid(), every: Duration::from_secs(1) };
        let mut topic = Topic::new("t", source, flow);
        let (from, until) = (Micros::from_secs(NOON_SECS + 1), Micros::from_secs(NOON_SECS + 61));
        let due = collected(&mut topic, &world, from, until, Duration::from_millis(100));

        let open = Micros::from_secs(NOON_SECS);
        let closed = due.iter().position(|due| due.event == Event::Candle { open, is_closed: true }).unwrap();
        let of = |due: &Due| match due.event {
            Event::Candle { open, .. } => open,
            _ => Micros(0),
        };
        assert!(due[..closed].iter().all(|due| of(due) == open));
        assert_eq!(of(&due[closed + 1]), open + Duration::from_secs(60));
        assert_eq!(due[closed].at, Micros::from_secs(NOON_SECS + 60) + DELAY);
    }

    #[test]
    fn a_silenced_topic_publishes_nothing() {
        let world = World::new(Knobs::default());
        let source = Source::Symbol { symbol: "BTCUSDT".to_owned(), ends: None };
        let mut topic = Topic::new("t", source, Flow::Trades);
        topic.silence();
        let mut due = Vec::new();
        topic.due(&world, (Micros::from_secs(NOON_SECS), Micros::from_secs(NOON_SECS + 60)), 0, &mut due);
        assert_eq!(due, []);
    }
}
