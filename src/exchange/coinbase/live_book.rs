//! The books of Coinbase Exchange over its feed.
//!
//! Source: Coinbase Exchange WebSocket feed, "Level2 batch channel". Whole books have every level there is. Changes have
//! neither numbers nor checksums: only the connection, and sides that cross, show that one is missing.

use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use crate::exchange::live::book::{
    Array, BookRules, BookSink, BookWire, Change, Levels, ReadMembers, ReadRows, read_object,
};
use crate::exchange::live::dialect::Unreadable;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::shape::Columns;
use crate::exchange::reading::told::Told;
use crate::exchange::reading::wire::{Int, Text};
use crate::model::Side;

pub(super) static RULES: BookRules = BookRules::USUAL;

/// The reader of its frames about books.
#[derive(Clone, Default)]
pub(in crate::exchange) struct Books {
    change: Change,
}

/// A frame, of which the levels go into the change at once.
struct Frame<'c, 'a> {
    change: &'c mut Change,
    kind: Text<'a>,
    product: Text<'a>,
}

impl BookWire for Books {
    fn rules(&self) -> &'static BookRules {
        &RULES
    }

    fn read(&mut self, frame: &str, sink: &mut dyn BookSink) -> Result<(), Unreadable> {
        self.change.clear();
        let mut read = Frame { change: &mut self.change, kind: Text::default(), product: Text::default() };
        read_object(frame, &mut read)?;
        let Frame { change, kind, product } = read;
        change.is_whole = match &*kind {
            "snapshot" => true,
            "l2update" => false,
            _ => return Ok(()),
        };
        sink.change(&product, change);
        Ok(())
    }

    fn copy(&self) -> Box<dyn BookWire> {
        Box::new(self.clone())
    }
}

impl<'de> ReadMembers<'de> for Frame<'_, 'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            "product_id" => self.product = map.next_value()?,
            "time" => self.change.ts = Row(0).rfc3339(&map.next_value::<Text<'de>>()?).ok(),
            "bids" => map.next_value_seed(Levels::<Told<'de>>::of(self.change, Side::Bid))?,
            "asks" => map.next_value_seed(Levels::<Told<'de>>::of(self.change, Side::Ask))?,
            "changes" => map.next_value_seed(Array(&mut Changes(self.change)))?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// Levels that name their side.
struct Changes<'c>(&'c mut Change);

impl<'de> ReadRows<'de> for Changes<'_> {
    fn row<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        type Wire<'a> = Columns<(Text<'a>, Told<'a>, Told<'a>)>;
        let Some(Columns((side, price, amount))) = seq.next_element::<Wire<'de>>()? else { return Ok(false) };
        match &*side {
            "buy" => self.0.push(Side::Bid, price, amount, Int::Absent),
            "sell" => self.0.push(Side::Ask, price, amount, Int::Absent),
            _ => self.0.refuse("a level of the book names no side"),
        }
        Ok(true)
    }
}
