//! The topics of one connection, found by the caller's number and by the exchange's symbol.

use std::collections::HashMap;

use crate::exchange::live::address::{Address, Channel};
use crate::exchange::live::book::BookRules;
use crate::exchange::live::book_topic::BookTopic;
use crate::exchange::live::candle_topic::{CandleTopic, Closing};
use crate::exchange::live::trade_topic::TradeTopic;
use crate::exchange::live::{LiveOffer, Topic, TopicId};

/// The place of a topic in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

/// A topic and what is known of it.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) topic: Topic,
    pub(crate) address: Address,
    /// How often the exchange had told its time when it granted the topic.
    pub(crate) granted: Option<u64>,
    pub(crate) rows: TopicRows,
}

/// The properties that all topics of an exchange share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    pub(crate) closing: Closing,
    pub(crate) rules: &'static BookRules,
    /// Whether amounts of books count contracts.
    pub(crate) counts_contracts: bool,
}

/// The state of a topic's rows.
#[derive(Debug)]
pub(crate) enum TopicRows {
    Trades(TradeTopic),
    Candles(CandleTopic),
    Book(Box<BookTopic>),
}

impl Slot {
    pub(crate) fn new(topic: Topic, address: Address, offer: &'static LiveOffer, shared: Shared) -> Self {
        let Shared { closing, rules, counts_contracts } = shared;
        let rows = match address.channel {
            Channel::Trades => TopicRows::Trades(TradeTopic::new(offer, topic.held)),
            Channel::Candles(span) => TopicRows::Candles(CandleTopic::new(offer, offer.grid(span), closing)),
            Channel::Book(_) => {
                let wish = topic.book.unwrap_or_default();
                TopicRows::Book(Box::new(BookTopic::new(topic.id, offer, wish, rules, counts_contracts)))
            }
        };
        Slot { topic, address, granted: None, rows }
    }
}

/// The topics of one connection.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    slots: Vec<Option<Slot>>,
    by_symbol: HashMap<String, Vec<(Channel, Place)>>,
    by_id: HashMap<TopicId, Place>,
}

impl Topics {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether a number, or what it stands for, is taken.
    pub(crate) fn has(&self, id: TopicId, address: &Address) -> bool {
        let is_taken = match address.channel {
            Channel::Book(_) => self.book(&address.symbol).is_some(),
            channel => self.find(&address.symbol, channel).is_some(),
        };
        self.by_id.contains_key(&id) || is_taken
    }

    /// The place of a symbol's book, whatever its depth.
    #[inline]
    pub(crate) fn book(&self, symbol: &str) -> Option<Place> {
        let own = self.by_symbol.get(symbol)?;
        own.iter().find(|(channel, _)| matches!(channel, Channel::Book(_))).map(|(_, place)| *place)
    }

    /// The places of all books.
    pub(crate) fn books(&self) -> impl Iterator<Item = Place> {
        let is_book = |slot: &Option<Slot>| matches!(slot, Some(Slot { rows: TopicRows::Book(_), .. }));
        self.slots.iter().enumerate().filter(move |(_, slot)| is_book(slot)).map(|(place, _)| Place(place))
    }

    pub(crate) fn insert(&mut self, slot: Slot) -> Place {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        let place = Place(free);
        if free == self.slots.len() {
            self.slots.push(None);
        }
        self.by_id.insert(slot.topic.id, place);
        self.by_symbol.entry(slot.address.symbol.clone()).or_default().push((slot.address.channel, place));
        self.slots[free] = Some(slot);
        place
    }

    pub(crate) fn remove(&mut self, place: Place) -> Option<Slot> {
        let slot = self.slots.get_mut(place.0)?.take()?;
        self.by_id.remove(&slot.topic.id);
        if let Some(own) = self.by_symbol.get_mut(&slot.address.symbol) {
            own.retain(|(_, other)| *other != place);
            if own.is_empty() {
                self.by_symbol.remove(&slot.address.symbol);
            }
        }
        Some(slot)
    }

    #[inline]
    pub(crate) fn find(&self, symbol: &str, channel: Channel) -> Option<Place> {
        let own = self.by_symbol.get(symbol)?;
        own.iter().find(|(other, _)| *other == channel).map(|(_, place)| *place)
    }

    pub(crate) fn knows(&self, symbol: &str) -> bool {
        self.by_symbol.contains_key(symbol)
    }

    pub(crate) fn place(&self, id: TopicId) -> Option<Place> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn get(&self, place: Place) -> Option<&Slot> {
        self.slots.get(place.0)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut Slot> {
        self.slots.get_mut(place.0)?.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().flatten()
    }
}

/// So many places, to be told apart.
#[cfg(test)]
pub(crate) fn places(count: usize) -> Vec<Place> {
    (0..count).map(Place).collect()
}
