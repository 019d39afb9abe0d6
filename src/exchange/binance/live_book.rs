//! Binance's books over WebSockets.
//!
//! Source: Binance spot API documentation, "How to manage a local order book correctly", and the same of its futures.
//! Whole books are asked for over REST. On spot markets the next update begins behind the last change of the one before
//! it; of contracts each names the one before it.

use serde::de::{IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use super::live_frames::Frame;
use crate::exchange::live::book::{
    BookRules, BookSink, BookWire, Chain, Change, Levels, ReadMembers, Source, read_object,
};
use crate::exchange::live::dialect::Unreadable;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::told::Told;
use crate::exchange::reading::wire::{Int, Text};
use crate::model::{Micros, Side};

pub(super) static SPOT: BookRules =
    BookRules { chain: Chain::Ranges, source: Source::Request { next: 1 }, ..BookRules::USUAL };

pub(super) static CONTRACTS: BookRules =
    BookRules { chain: Chain::Previous, source: Source::Request { next: 0 }, ..BookRules::USUAL };

/// The reader of its frames about books.
#[derive(Clone)]
pub(in crate::exchange) struct Books {
    rules: &'static BookRules,
    change: Change,
}

impl Books {
    pub(in crate::exchange) fn of_spot() -> Self {
        Books { rules: &SPOT, change: Change::default() }
    }

    pub(in crate::exchange) fn of_contracts() -> Self {
        Books { rules: &CONTRACTS, change: Change::default() }
    }

    /// Reads an update; returns the time of its event.
    pub(super) fn read_update(
        &mut self,
        body: &str,
        sink: &mut dyn BookSink,
    ) -> Result<Option<Micros>, Unreadable> {
        self.change.clear();
        let mut update = Update { change: &mut self.change, event_time: None, symbol: Text::default() };
        read_object(body, &mut update)?;
        let Update { change, event_time, symbol } = update;
        change.ts = change.ts.or(event_time);
        sink.change(&symbol, change);
        Ok(event_time)
    }
}

impl BookWire for Books {
    fn rules(&self) -> &'static BookRules {
        self.rules
    }

    fn read(&mut self, frame: &str, sink: &mut dyn BookSink) -> Result<(), Unreadable> {
        let Members(head): Members<Frame<'_>> = serde_json::from_str(frame)?;
        if !is_update(head.event()) {
            return Ok(());
        }
        self.read_update(head.data.map_or(frame, RawValue::get), sink)?;
        Ok(())
    }

    fn copy(&self) -> Box<dyn BookWire> {
        Box::new(self.clone())
    }
}

/// Whether an event, or the name of a stream behind its symbol, is of updates: those with a number are whole books of few
/// levels.
pub(super) fn is_update(event: &str) -> bool {
    matches!(event.split('@').next(), Some("depthUpdate" | "depth"))
}

struct Update<'c, 'a> {
    change: &'c mut Change,
    event_time: Option<Micros>,
    symbol: Text<'a>,
}

impl<'de> ReadMembers<'de> for Update<'_, 'de> {
    #[inline]
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "E" => self.event_time = Row(0).instant_millis(map.next_value::<Int>()?).ok(),
            // The time of the matching engine, which only futures tell.
            "T" => self.change.ts = Row(0).instant_millis(map.next_value::<Int>()?).ok(),
            "s" => self.symbol = map.next_value()?,
            "U" => self.change.ids.first = map.next_value::<Int>()?.get(),
            "u" => self.change.ids.last = map.next_value::<Int>()?.get(),
            "pu" => self.change.ids.previous = map.next_value::<Int>()?.get(),
            "b" => map.next_value_seed(Levels::<Told<'de>>::of(self.change, Side::Bid))?,
            "a" => map.next_value_seed(Levels::<Told<'de>>::of(self.change, Side::Ask))?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}
