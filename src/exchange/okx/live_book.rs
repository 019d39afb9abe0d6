//! OKX's books over its socket.
//!
//! Source: OKX v5 documentation, "Order book channel". Each update names the one before it; numbers may jump and fall.
//! The checksum was real until 2023 and is zero since, which is none.

use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::live_frames::Frame;
use crate::exchange::live::book::{
    BookRules, BookSink, BookWire, Chain, Change, Checksum, Levels, Object, Proof, ReadMembers, ReadRows,
    read_rows,
};
use crate::exchange::live::dialect::Unreadable;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::told::Told;
use crate::exchange::reading::wire::Int;
use crate::model::Side;

static RULES: BookRules =
    BookRules { chain: Chain::Previous, proof: Some(Proof::Sometimes(Checksum::Colons)), ..BookRules::USUAL };

/// The reader of its frames about books.
#[derive(Clone, Default)]
pub(in crate::exchange) struct Books {
    change: Change,
}

impl Books {
    /// Reads the rows of a frame.
    pub(super) fn read_data(
        &mut self,
        action: &str,
        symbol: &str,
        data: &str,
        sink: &mut dyn BookSink,
    ) -> Result<(), Unreadable> {
        let is_whole = match action {
            "snapshot" => true,
            "update" => false,
            // Channels of few levels send only whole books.
            "" => true,
            _ => return Err("its action is neither a snapshot nor an update".into()),
        };
        Ok(read_rows(data, &mut Data { change: &mut self.change, is_whole, symbol, sink })?)
    }
}

impl BookWire for Books {
    fn rules(&self) -> &'static BookRules {
        &RULES
    }

    fn read(&mut self, frame: &str, sink: &mut dyn BookSink) -> Result<(), Unreadable> {
        // It answers pings with a word.
        if frame == "pong" {
            return Ok(());
        }
        let Members(head): Members<Frame<'_>> = serde_json::from_str(frame)?;
        let (Some(Members(arg)), Some(data)) = (head.arg, head.data) else { return Ok(()) };
        if !arg.channel.starts_with("books") {
            return Ok(());
        }
        self.read_data(&head.action, &arg.instrument, data.get(), sink)
    }

    fn copy(&self) -> Box<dyn BookWire> {
        Box::new(self.clone())
    }
}

struct Data<'a> {
    change: &'a mut Change,
    is_whole: bool,
    symbol: &'a str,
    sink: &'a mut dyn BookSink,
}

impl<'de> ReadRows<'de> for Data<'_> {
    fn row<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        self.change.clear();
        self.change.is_whole = self.is_whole;
        let is_there = seq.next_element_seed(Object(&mut Body(self.change)))?.is_some();
        if is_there {
            self.sink.change(self.symbol, self.change);
        }
        Ok(is_there)
    }
}

struct Body<'a>(&'a mut Change);

impl<'de> ReadMembers<'de> for Body<'_> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let change = &mut *self.0;
        let side = |change, side| Levels::<Told<'de>> {
            change,
            side,
            is_written: true,
            orders: Some(3),
            number: PhantomData,
        };
        match name {
            "asks" => map.next_value_seed(side(change, Side::Ask))?,
            "bids" => map.next_value_seed(side(change, Side::Bid))?,
            "ts" => change.ts = Row(0).instant_millis(map.next_value::<Int>()?).ok(),
            // It is written as a signed number.
            "checksum" => {
                let told = map.next_value::<Int>()?.get();
                change.checksum = told.filter(|told| *told != 0).map(|told| told as u32);
            }
            "seqId" => change.ids.last = map.next_value::<Int>()?.get(),
            "prevSeqId" => change.ids.previous = map.next_value::<Int>()?.get(),
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}
