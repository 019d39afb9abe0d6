//! Bitfinex's books over its socket.
//!
//! Source: Bitfinex v2 documentation, "Order Books" and "WebSocket: conf flags". A level is `[price, count, amount]`; a
//! count of zero removes it, and the sign of the amount is its side. Where the connection was told to, each frame ends
//! with a number, one more than that of the frame before it, whatever channel that was of, and checksums come by
//! themselves.

use std::collections::HashMap;

use super::live_frames::{Event, Numbered};
use crate::exchange::live::book::{BookFault, BookRules, BookSink, BookWire, Change, Checksum, Proof};
use crate::exchange::live::dialect::Unreadable;
use crate::exchange::live::rows::each_row;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::shape::{Columns, Members};
use crate::exchange::reading::told::{Raw, Told};
use crate::exchange::reading::wire::Int;
use crate::model::{Micros, Side};

static RULES: BookRules = BookRules { proof: Some(Proof::Apart(Checksum::Colons)), ..BookRules::USUAL };

/// The reader of its frames about books.
#[derive(Clone, Default)]
pub(in crate::exchange) struct Books {
    /// The symbols of the channels that carry books.
    channels: HashMap<i64, String>,
    numbered: Numbered,
    change: Change,
}

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
        let rows = self.numbered.read(frame)?;
        if rows.is_behind_others {
            sink.lost(None, BookFault::Sequence);
        }
        let Some(symbol) = self.channels.get(&rows.channel).filter(|_| !rows.is_repeated) else {
            return Ok(());
        };
        match rows.word {
            Some("cs") => {
                let told = rows.body.parse::<i64>().map_err(|_| "its checksum is no number")?;
                // It is written as a signed number.
                sink.checksum(symbol, told as u32);
            }
            Some(_) => {}
            None => {
                read_levels(rows.body, &mut self.change)?;
                self.change.ts = rows.at.and_then(|at| Row(0).millis(at).ok());
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
            ("conf", _) => self.numbered.agreed(event.flags.get().unwrap_or_default()),
            ("subscribed", Some(channel)) if &*event.channel == "book" && &*event.prec != "R0" => {
                self.channels.insert(channel, event.symbol.to_string());
            }
            ("unsubscribed", Some(channel)) => drop(self.channels.remove(&channel)),
            _ => {}
        }
    }

    /// Reads the levels of one channel.
    pub(super) fn read_levels(
        &mut self,
        symbol: &str,
        levels: &str,
        at: Option<Micros>,
        sink: &mut dyn BookSink,
    ) -> Result<(), Unreadable> {
        read_levels(levels, &mut self.change)?;
        self.change.ts = at;
        sink.change(symbol, &mut self.change);
        Ok(())
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
