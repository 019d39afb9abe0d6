//! Where the reader of a message about a book puts it: the topic that listens to it.

use crate::exchange::live::book::{BookFault, BookSink, Change};
use crate::exchange::live::clock::may_be;
use crate::exchange::live::frame_handler::FrameHandler;
use crate::exchange::live::topics::{Place, Slot, TopicRows};

impl FrameHandler<'_> {
    /// The place of the book of a symbol that is listened to.
    pub(crate) fn find_book(&self, symbol: &str) -> Option<Place> {
        self.topics.book(symbol)
    }
}

impl BookSink for FrameHandler<'_> {
    fn change(&mut self, symbol: &str, change: &mut Change) {
        let Some(place) = self.topics.book(symbol) else { return self.unasked() };
        match change.ts {
            // A whole book may be of long ago; its time would be taken for one at which the others were listened to.
            Some(ts) if may_be(ts, self.now) && change.is_whole => {}
            Some(ts) if may_be(ts, self.now) => self.hear(Ok(ts)),
            Some(_) => change.refuse("its time lies in the future, or long ago"),
            None => {}
        }
        self.acknowledge(place);
        let (now, heard) = (self.now, self.clock.newest());
        let Some(Slot { rows: TopicRows::Book(rows), topic, .. }) = self.topics.get_mut(place) else {
            return;
        };
        if rows.counts_contracts {
            change.of_contracts(&topic.instrument);
        }
        rows.take(change, now, heard, self.into);
    }

    fn checksum(&mut self, symbol: &str, checksum: u32) {
        let Some(place) = self.topics.book(symbol) else { return self.unasked() };
        if let Some(Slot { rows: TopicRows::Book(rows), .. }) = self.topics.get_mut(place) {
            rows.take_checksum(checksum, self.now, self.into);
        }
    }

    fn lost(&mut self, symbol: Option<&str>, fault: BookFault) {
        for slot in self.topics.iter_mut() {
            if let TopicRows::Book(rows) = &mut slot.rows
                && symbol.is_none_or(|symbol| symbol == slot.address.symbol)
            {
                rows.lose(fault, self.now, self.into);
            }
        }
    }
}
