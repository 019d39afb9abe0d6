//! A session with its topics, driven by hand.

use std::sync::Arc;
use std::time::Duration;

use dccd::exchange::live::{Event, Hole, Live, Mark, Now, Received, Session, Topic, TopicId};
use dccd::exchange::{self, Contract, Decimal, Instrument};
use dccd::model::{Candle, Kind, Micros, Series, Window};

use crate::read::instrument;

/// The number of an id; one that is none stands for itself by a number of its own.
pub(crate) const fn id_of(id: &str) -> u64 {
    let (bytes, mut place) = (id.as_bytes(), 0);
    let (mut number, mut drawn, mut is_number) = (0_u64, 0xcbf2_9ce4_8422_2325_u64, !bytes.is_empty());
    while place < bytes.len() {
        is_number = is_number && bytes[place].is_ascii_digit();
        number = number.wrapping_mul(10).wrapping_add(bytes[place].wrapping_sub(b'0') as u64);
        drawn = (drawn ^ bytes[place] as u64).wrapping_mul(0x100_0000_01b3);
        place += 1;
    }
    if is_number { number } else { drawn }
}

/// A row of either kind, without when it was received.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Row {
    Trade { id: u64, ts: Micros, price: f64, amount: f64, side: &'static str },
    Candle(Candle),
}

impl Row {
    pub(crate) fn ts(&self) -> Micros {
        match self {
            Row::Trade { ts, .. } => *ts,
            Row::Candle(candle) => candle.ts,
        }
    }
}

pub(crate) struct Listener {
    pub(crate) session: Box<dyn Session>,
    pub(crate) received: Received,
    pub(crate) series: Vec<Series>,
    pub(crate) now: Now,
}

pub(crate) fn live_of(exchange: &str) -> &'static dyn Live {
    exchange::find(exchange).unwrap().live().unwrap_or_else(|| panic!("{exchange} offers nothing live"))
}

/// The topic of a series, under a number.
pub(crate) fn topic(number: usize, series: &Series, held: Option<Mark>) -> Topic {
    let exchange = exchange::find(series.exchange()).unwrap();
    let own = (*instrument(exchange, series.pair())).clone();
    // BitMEX counts lots of spot markets too.
    let lots = (exchange.name() == "bitmex").then_some(Contract::Base(Decimal::ONE));
    let instrument = Instrument { pair: Some(series.pair().clone()), contract: own.contract.or(lots), ..own };
    let id = TopicId(u32::try_from(number).unwrap());
    Topic { id, series: Arc::new(series.clone()), instrument: Arc::new(instrument), held, book: None }
}

impl Listener {
    /// Listens to series of one line, from the number of each one's place on; the exchange's clock says `at`.
    pub(crate) fn of(series: &[&str], at: Micros) -> Self {
        let series: Vec<Series> = series.iter().map(|text| text.parse().unwrap()).collect();
        Self::behind(&series, &vec![None; series.len()], at)
    }

    pub(crate) fn behind(series: &[Series], held: &[Option<Mark>], at: Micros) -> Self {
        let live = live_of(series[0].exchange());
        let line = live.offer_for(&series[0]).unwrap_or_else(|| panic!("{} is not offered", series[0])).line;
        let mut session = live.session(line);
        for (number, (series, held)) in series.iter().zip(held).enumerate() {
            session.want(topic(number, series, *held)).unwrap();
        }
        let now = Now { elapsed: Duration::from_secs(100), at };
        session.opened(now);
        let mut own = Listener { session, received: Received::new(), series: series.to_vec(), now };
        own.send();
        own
    }

    /// The texts it has to send now.
    pub(crate) fn send(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.session.send(self.now)).collect()
    }

    /// Lets time pass, for both clocks.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.elapsed += time;
        self.now.at = self.now.at + time;
    }

    pub(crate) fn read(&mut self, frame: &str) {
        self.session.text(frame, self.now, &mut self.received);
    }

    pub(crate) fn tick(&mut self) {
        self.session.tick(self.now, &mut self.received);
    }

    /// The rows of a topic.
    pub(crate) fn rows(&self, number: usize) -> Vec<Row> {
        let Some(batch) = self.received.batch(TopicId(u32::try_from(number).unwrap())) else {
            return Vec::new();
        };
        if self.series[number].kind() == Kind::OrderBook {
            return Vec::new();
        }
        if self.series[number].span().is_some() {
            return batch.candles().iter().map(Row::Candle).collect();
        }
        let trades = batch.trades();
        let row = |trade: dccd::model::Trade<'_>| {
            assert!(trade.ts_recv.is_some(), "{}: it was not received", self.series[number]);
            Row::Trade {
                id: id_of(trade.id.unwrap()),
                ts: trade.ts,
                price: trade.price,
                amount: trade.amount,
                side: trade.side.unwrap().name(),
            }
        };
        trades.iter().map(row).collect()
    }

    pub(crate) fn holes(&self, number: usize) -> Vec<Hole> {
        let own = |event: &Event| match event {
            Event::Hole(hole) if hole.topic.0 as usize == number => Some(*hole),
            _ => None,
        };
        self.received.events.iter().filter_map(own).collect()
    }

    pub(crate) fn covered(&self, number: usize) -> Option<Window> {
        self.session.covered(TopicId(u32::try_from(number).unwrap()))
    }

    /// Events that name something that could not be read or cannot be true.
    pub(crate) fn faults(&self) -> Vec<&Event> {
        let is_fault = |event: &&Event| matches!(event, Event::Unreadable { .. } | Event::Odd { .. });
        self.received.events.iter().filter(is_fault).collect()
    }
}
