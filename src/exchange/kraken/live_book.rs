//! Kraken's books over WebSockets.
//!
//! Source: Kraken spot WebSocket v2 documentation, "Book". Only the levels of the depth that was asked for are told, and
//! one that leaves them goes without a word. Changes have no numbers; a checksum of ten levels comes with each.

use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::live_frames::Frame;
use crate::exchange::live::book::{
    BookRules, BookSink, BookWire, Change, Checksum, Levels, Object, Proof, ReadMembers, ReadRows,
    read_object, read_rows,
};
use crate::exchange::live::dialect::Unreadable;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::told::Raw;
use crate::exchange::reading::wire::{Int, Text};
use crate::model::Side;

pub(super) static RULES: BookRules =
    BookRules { proof: Some(Proof::Always(Checksum::Digits)), is_cut: true, ..BookRules::USUAL };

/// The reader of its frames about books.
#[derive(Clone, Default)]
pub(in crate::exchange) struct Books {
    change: Change,
}

/// The beginning of nearly all frames of updates, before the only one.
const UPDATE_AHEAD: &str = r#"{"channel":"book","type":"update","data":["#;

impl Books {
    /// Reads an update that is alone in its frame; returns `false`, and does nothing, where the frame is another. An update that
    /// is one value proves it.
    pub(super) fn read_update(&mut self, frame: &str, sink: &mut dyn BookSink) -> bool {
        let update = frame.strip_prefix(UPDATE_AHEAD).and_then(|rest| rest.strip_suffix("]}"));
        let Some(update) = update else { return false };
        self.change.clear();
        let mut body = Body { change: &mut self.change, symbol: Text::default() };
        if read_object(update, &mut body).is_err() {
            return false;
        }
        let Body { change, symbol } = body;
        sink.change(&symbol, change);
        true
    }

    /// Reads the rows of a frame of the channel.
    pub(super) fn read_data(
        &mut self,
        kind: &str,
        data: &str,
        sink: &mut dyn BookSink,
    ) -> Result<(), Unreadable> {
        let is_whole = match kind {
            "snapshot" => true,
            "update" => false,
            _ => return Err("its type is neither a snapshot nor an update".into()),
        };
        Ok(read_rows(data, &mut Data { change: &mut self.change, is_whole, sink })?)
    }
}

impl BookWire for Books {
    fn rules(&self) -> &'static BookRules {
        &RULES
    }

    fn read(&mut self, frame: &str, sink: &mut dyn BookSink) -> Result<(), Unreadable> {
        let Members(head): Members<Frame<'_>> = serde_json::from_str(frame)?;
        if &*head.channel != "book" {
            return Ok(());
        }
        self.read_data(&head.kind, head.data(frame)?, sink)
    }

    fn copy(&self) -> Box<dyn BookWire> {
        Box::new(self.clone())
    }
}

struct Data<'a> {
    change: &'a mut Change,
    is_whole: bool,
    sink: &'a mut dyn BookSink,
}

impl<'de> ReadRows<'de> for Data<'_> {
    fn row<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        self.change.clear();
        self.change.is_whole = self.is_whole;
        let mut body = Body { change: self.change, symbol: Text::default() };
        if seq.next_element_seed(Object(&mut body))?.is_none() {
            return Ok(false);
        }
        let Body { change, symbol } = body;
        self.sink.change(&symbol, change);
        Ok(true)
    }
}

struct Body<'c, 'a> {
    change: &'c mut Change,
    symbol: Text<'a>,
}

impl<'de> ReadMembers<'de> for Body<'_, 'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let side = |change, side| Levels::<Raw<'de>> {
            change,
            side,
            is_written: true,
            orders: None,
            number: PhantomData,
        };
        match name {
            "symbol" => self.symbol = map.next_value()?,
            "bids" => map.next_value_seed(side(self.change, Side::Bid))?,
            "asks" => map.next_value_seed(side(self.change, Side::Ask))?,
            "checksum" => {
                let told = map.next_value::<Int>()?.get();
                self.change.checksum = told.and_then(|told| u32::try_from(told).ok());
            }
            "timestamp" => self.change.ts = Row(0).rfc3339(&map.next_value::<Text<'de>>()?).ok(),
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}
