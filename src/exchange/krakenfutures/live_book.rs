//! The books of Kraken's derivatives over their socket.
//!
//! Source: Kraken Futures WebSocket documentation, "Book". Each message changes one level; they are numbered one by one
//! for each product.

use serde::de::{IgnoredAny, MapAccess};

use crate::exchange::live::book::{
    BookRules, BookSink, BookWire, Chain, Change, Levels, ReadMembers, read_object,
};
use crate::exchange::live::dialect::Unreadable;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::told::{Raw, Told};
use crate::exchange::reading::wire::{Int, Text};
use crate::model::Side;

static RULES: BookRules = BookRules { chain: Chain::OneMore, ..BookRules::USUAL };

/// The reader of its frames about books.
#[derive(Clone, Default)]
pub(in crate::exchange) struct Books {
    change: Change,
}

/// A frame, of which the levels go into the change at once.
struct Frame<'c, 'a> {
    change: &'c mut Change,
    event: Text<'a>,
    feed: Text<'a>,
    product: Text<'a>,
    side: Text<'a>,
    price: Told<'a>,
    qty: Told<'a>,
}

impl BookWire for Books {
    fn rules(&self) -> &'static BookRules {
        &RULES
    }

    fn read(&mut self, frame: &str, sink: &mut dyn BookSink) -> Result<(), Unreadable> {
        self.change.clear();
        let mut read = Frame {
            change: &mut self.change,
            event: Text::default(),
            feed: Text::default(),
            product: Text::default(),
            side: Text::default(),
            price: Told::default(),
            qty: Told::default(),
        };
        read_object(frame, &mut read)?;
        let Frame { change, event, feed, product, side, price, qty } = read;
        if !event.is_empty() {
            return Ok(());
        }
        match &*feed {
            "book_snapshot" => change.is_whole = true,
            "book" => {
                let side = match &*side {
                    "buy" => Side::Bid,
                    "sell" => Side::Ask,
                    _ => return Err("it does not name its side".into()),
                };
                change.push(side, price, qty, Int::Absent);
            }
            _ => return Ok(()),
        }
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
            "event" => self.event = map.next_value()?,
            "feed" => self.feed = map.next_value()?,
            "product_id" => self.product = map.next_value()?,
            "side" => self.side = map.next_value()?,
            "seq" => self.change.ids.last = map.next_value::<Int>()?.get(),
            "timestamp" => self.change.ts = Row(0).instant_millis(map.next_value::<Int>()?).ok(),
            "price" => self.price = map.next_value::<Raw<'de>>()?.told(),
            "qty" => self.qty = map.next_value::<Raw<'de>>()?.told(),
            "bids" => map.next_value_seed(Levels::<Raw<'de>>::of(self.change, Side::Bid))?,
            "asks" => map.next_value_seed(Levels::<Raw<'de>>::of(self.change, Side::Ask))?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}
