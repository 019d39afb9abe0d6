//! Bybit's books over its socket.
//!
//! Source: Bybit v5 documentation, "Orderbook". Updates of a topic are numbered one by one; a whole book may come at any
//! time, and number one is always one. Topics of one level send nothing else.

use serde::de::{IgnoredAny, MapAccess};

use super::live_frames::Frame;
use crate::exchange::live::book::{
    BookRules, BookSink, BookWire, Chain, Change, Levels, ReadMembers, read_object,
};
use crate::exchange::live::dialect::Unreadable;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::told::Told;
use crate::exchange::reading::wire::Int;
use crate::model::Side;

static RULES: BookRules = BookRules { chain: Chain::OneMore, begins_anew: Some(1), ..BookRules::USUAL };

/// The reader of its frames about books. A symbol stands behind its depth, as in the name of its topic.
#[derive(Clone, Default)]
pub(in crate::exchange) struct Books {
    change: Change,
}

impl Books {
    /// Reads the levels of a frame.
    pub(super) fn read_data(
        &mut self,
        kind: &str,
        symbol: &str,
        told: Int,
        data: &str,
        sink: &mut dyn BookSink,
    ) -> Result<(), Unreadable> {
        self.change.clear();
        self.change.is_whole = match kind {
            "snapshot" => true,
            "delta" => false,
            _ => return Err("its type is neither a snapshot nor a delta".into()),
        };
        self.change.ts = Row(0).instant_millis(told).ok();
        read_object(data, &mut Body(&mut self.change))?;
        sink.change(symbol, &mut self.change);
        Ok(())
    }
}

impl BookWire for Books {
    fn rules(&self) -> &'static BookRules {
        &RULES
    }

    fn read(&mut self, frame: &str, sink: &mut dyn BookSink) -> Result<(), Unreadable> {
        let Members(head): Members<Frame<'_>> = serde_json::from_str(frame)?;
        let (Some(symbol), Some(data)) = (head.topic.strip_prefix("orderbook."), head.data) else {
            return Ok(());
        };
        self.read_data(&head.kind, symbol, head.told(), data.get(), sink)
    }

    fn copy(&self) -> Box<dyn BookWire> {
        Box::new(self.clone())
    }
}

struct Body<'a>(&'a mut Change);

impl<'de> ReadMembers<'de> for Body<'_> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "b" => map.next_value_seed(Levels::<Told<'de>>::of(self.0, Side::Bid))?,
            "a" => map.next_value_seed(Levels::<Told<'de>>::of(self.0, Side::Ask))?,
            "u" => self.0.ids.last = map.next_value::<Int>()?.get(),
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}
