//! Bitfinex's books over its socket.
//!
//! Source: Bitfinex v2 documentation, "Order Books" and "WebSocket: conf flags". A level is `[price, count, amount]`; a
//! count of zero removes it, and the sign of the amount is its side. Where the connection was told to, each frame ends
//! with a number, one more than that of the frame before it, whatever channel that was of, and checksums come by
//! themselves.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::live::book::{BookFault, BookRules, BookSink, BookWire, Change, Checksum, Proof};
use crate::exchange::live::dialect::Unreadable;
use crate::exchange::live::rows::each_row;
use crate::exchange::reading::shape::{Columns, Members};
use crate::exchange::reading::told::{Raw, Told};
use crate::exchange::reading::wire::{Int, Text};
use crate::model::Side;

static RULES: BookRules = BookRules { proof: Some(Proof::Apart(Checksum::Colons)), ..BookRules::USUAL };

/// A time stands behind the number of each frame.
const TIMESTAMPS: i64 = 32_768;

/// Each frame ends with its number.
const NUMBERS: i64 = 65_536;

/// The reader of its frames about books.
#[derive(Clone, Default)]
pub(in crate::exchange) struct Books {
    /// The symbols of the channels that carry books.
    channels: HashMap<i64, String>,
    flags: i64,
    /// The number of the last frame.
    number: Option<i64>,
    change: Change,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow)]
    event: Text<'a>,
    #[serde(borrow)]
    channel: Text<'a>,
    #[serde(rename = "chanId")]
    channel_id: Int,
    #[serde(borrow)]
    symbol: Text<'a>,
    /// The precision; `R0` is a book of orders.
    #[serde(borrow)]
    prec: Text<'a>,
    flags: Int,
}

/// The elements of a frame behind its channel; none has more.
type Elements<'a> = [Option<&'a RawValue>; 4];

impl BookWire for Books {
    fn rules(&self) -> &'static BookRules {
        &RULES
    }

    fn read(&mut self, frame: &str, sink: &mut dyn BookSink) -> Result<(), Unreadable> {
        if frame.trim_start().starts_with('{') {
            let Members(event): Members<Event<'_>> = serde_json::from_str(frame)?;
            self.note(&event);
            return Ok(());
        }
        let (mut elements, mut count) = (Elements::default(), 0);
        each_row(frame, |element: &RawValue| {
            elements.get_mut(count).into_iter().for_each(|own| *own = Some(element));
            count += 1;
            true
        })?;
        let is_repeated = self.count(&elements, count, sink)?;
        let channel = elements[0].and_then(|channel| channel.get().parse::<i64>().ok());
        let channel = channel.ok_or("it names no channel")?;
        let (Some(symbol), false) = (self.channels.get(&channel), is_repeated) else { return Ok(()) };
        let payload = elements[1].map(RawValue::get).ok_or("it is empty")?;
        match payload {
            "\"hb\"" => {}
            "\"cs\"" => {
                let told = elements[2].and_then(|told| told.get().parse::<i64>().ok());
                // It is written as a signed number.
                sink.checksum(symbol, told.ok_or("its checksum is no number")? as u32);
            }
            levels => {
                read_levels(levels, &mut self.change)?;
                sink.change(symbol, &mut self.change);
            }
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn BookWire> {
        Box::new(self.clone())
    }
}

impl Books {
    fn note(&mut self, event: &Event<'_>) {
        let channel = event.channel_id.get();
        match (&*event.event, channel) {
            ("conf", _) => self.flags = event.flags.get().unwrap_or_default(),
            ("subscribed", Some(channel)) if &*event.channel == "book" && &*event.prec != "R0" => {
                self.channels.insert(channel, event.symbol.to_string());
            }
            ("unsubscribed", Some(channel)) => drop(self.channels.remove(&channel)),
            _ => {}
        }
    }

    /// Compares the number of a frame with that of the frame before it. Returns whether it is the same frame again.
    fn count(
        &mut self,
        elements: &Elements<'_>,
        count: usize,
        sink: &mut dyn BookSink,
    ) -> Result<bool, Unreadable> {
        if self.flags & NUMBERS == 0 {
            return Ok(false);
        }
        let behind = if self.flags & TIMESTAMPS == 0 { 1 } else { 2 };
        let place = count.checked_sub(behind).filter(|place| *place >= 2);
        let number = place.and_then(|place| elements.get(place).copied().flatten());
        let number = number.and_then(|number| number.get().parse::<i64>().ok());
        let number = number.ok_or("it has no number")?;
        let last = self.number.replace(number);
        let is_repeated = last == Some(number);
        if !is_repeated && last.is_some_and(|last| last.checked_add(1) != Some(number)) {
            sink.lost(None, BookFault::Sequence);
        }
        Ok(is_repeated)
    }
}

/// Reads a whole book, a list of levels, or one that changed.
fn read_levels(levels: &str, change: &mut Change) -> Result<(), Unreadable> {
    change.clear();
    type Wire<'a> = Columns<(Raw<'a>, Int, Raw<'a>)>;
    let body = levels.strip_prefix('[').ok_or("its levels are no list")?;
    change.is_whole = body.trim_start().starts_with(['[', ']']);
    if change.is_whole {
        each_row(levels, |level: Wire<'_>| {
            push(level, change);
            true
        })?;
    } else {
        push(serde_json::from_str::<Wire<'_>>(levels)?, change);
    }
    Ok(())
}

fn push(Columns((price, count, amount)): Columns<(Raw<'_>, Int, Raw<'_>)>, change: &mut Change) {
    let amount = amount.told();
    let side = if amount.text.starts_with('-') { Side::Ask } else { Side::Bid };
    match count.get() {
        Some(0) => change.push_written(side, price.told(), Told::ZERO, Int::Absent),
        Some(orders) if orders > 0 => {
            // Its text keeps the sign, which the checksum is over too.
            let size = Told { num: amount.num.size(), ..amount };
            change.push_written(side, price.told(), size, count);
        }
        _ => change.refuse("a level of the book has no count of orders"),
    }
}
