//! BitMEX's books over its socket.
//!
//! Source: BitMEX WebSocket API, `orderBookL2`. Levels are named by an id, and changes need not tell its price: the one
//! that came with it first stands for it. Nothing numbers the changes; an id that is not known shows that one is missing.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::live::book::{BookFault, BookRules, BookSink, BookWire, Change};
use crate::exchange::live::dialect::Unreadable;
use crate::exchange::live::rows::each_row;
use crate::exchange::reading::row::Row;
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::told::{Raw, Told};
use crate::exchange::reading::wire::{Int, Num, Text};
use crate::model::Side;

static RULES: BookRules = BookRules::USUAL;

/// The prices of the levels of one book by their ids.
type Prices = HashMap<(i64, bool), f64>;

/// The reader of its frames about books.
#[derive(Clone, Default)]
pub(in crate::exchange) struct Books {
    /// Of the symbols whose whole book came.
    prices: HashMap<String, Prices>,
    change: Change,
    /// The symbol that the change is of.
    symbol: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Frame<'a> {
    #[serde(borrow)]
    table: Text<'a>,
    #[serde(borrow)]
    action: Text<'a>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireLevel<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    id: Int,
    #[serde(borrow)]
    side: Text<'a>,
    #[serde(borrow)]
    size: Raw<'a>,
    #[serde(borrow)]
    price: Raw<'a>,
    #[serde(borrow)]
    timestamp: Text<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Partial,
    Insert,
    Update,
    Delete,
}

impl Action {
    fn of(word: &str) -> Option<Self> {
        match word {
            "partial" => Some(Action::Partial),
            "insert" => Some(Action::Insert),
            "update" => Some(Action::Update),
            "delete" => Some(Action::Delete),
            _ => None,
        }
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
        match head.data.filter(|_| head.table.starts_with("orderBookL2")) {
            Some(data) => self.read_data(&head.action, data.get(), sink),
            None => Ok(()),
        }
    }

    fn copy(&self) -> Box<dyn BookWire> {
        Box::new(self.clone())
    }
}

impl Books {
    /// Reads the levels of a frame of the table.
    pub(super) fn read_data(
        &mut self,
        action: &str,
        data: &str,
        sink: &mut dyn BookSink,
    ) -> Result<(), Unreadable> {
        let action = Action::of(action).ok_or("its action is of no documented kind")?;
        self.symbol.clear();
        self.change.clear();
        each_row(data, |Members(level): Members<WireLevel<'_>>| {
            self.take(action, &level, sink);
            true
        })?;
        self.hand_over(sink);
        Ok(())
    }

    fn take(&mut self, action: Action, level: &WireLevel<'_>, sink: &mut dyn BookSink) {
        if *self.symbol != *level.symbol {
            self.hand_over(sink);
            self.symbol.push_str(&level.symbol);
            self.change.is_whole = action == Action::Partial;
            if action == Action::Partial {
                self.prices.insert(self.symbol.clone(), Prices::new());
            }
        }
        let Some(prices) = self.prices.get_mut(&self.symbol) else { return };
        let side = match &*level.side {
            "Buy" => Side::Bid,
            "Sell" => Side::Ask,
            _ => return self.change.refuse("a level of the book names no side"),
        };
        let Some(id) = level.id.get() else {
            return self.change.refuse("a level of the book has no id");
        };
        self.change.ts = Row(0).rfc3339(&level.timestamp).ok().max(self.change.ts);
        let (key, told) = ((id, side == Side::Bid), level.price.told());
        let known = prices.get(&key).copied();
        let is_new = matches!(action, Action::Partial | Action::Insert);
        let Some(price) = told.num.get().or(known.filter(|_| !is_new)) else {
            let symbol = std::mem::take(&mut self.symbol);
            self.prices.remove(&symbol);
            return sink.lost(Some(&symbol), BookFault::Sequence);
        };
        let priced = |price| Told { num: Num::of(price), text: "" };
        if let Some(known) = known.filter(|known| *known != price) {
            self.change.push(side, priced(known), Told::ZERO, Int::Absent);
        }
        let size = if action == Action::Delete { Told::ZERO } else { level.size.told() };
        self.change.push(side, priced(price), size, Int::Absent);
        if action == Action::Delete {
            prices.remove(&key);
        } else {
            prices.insert(key, price);
        }
    }

    /// Hands over the change so far.
    fn hand_over(&mut self, sink: &mut dyn BookSink) {
        if self.prices.contains_key(&self.symbol) {
            sink.change(&self.symbol, &mut self.change);
        }
        self.symbol.clear();
        self.change.clear();
    }
}
