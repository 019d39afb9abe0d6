//! How one exchange speaks: its messages to ask for topics, and its frames.

use crate::exchange::live::address::Address;
use crate::exchange::live::book::BookRules;
use crate::exchange::live::candle_topic::Closing;
use crate::exchange::live::frame_handler::FrameHandler;
use crate::exchange::live::{LiveOffer, NotOffered, Topic};

/// The words of one exchange. Everything that is no word of it is written once, in
/// [`Conversation`](crate::exchange::live::conversation::Conversation).
pub(crate) trait Dialect: Send {
    /// The exchange's name.
    fn exchange(&self) -> &'static str;

    /// Its live offers.
    fn offers(&self) -> &'static [LiveOffer];

    /// How it is known that a candle is closed.
    fn closing(&self) -> Closing;

    /// The rules of its books.
    fn book_rules(&self) -> &'static BookRules {
        &BookRules::USUAL
    }

    /// Whether amounts of a topic's book count contracts.
    fn counts_contracts(&self, _: &Topic) -> bool {
        false
    }

    /// The message that is sent before any other.
    fn opening(&self) -> Option<String> {
        None
    }

    /// A topic's symbol as frames have it.
    ///
    /// # Errors
    /// When its rows could not be read.
    fn symbol(&self, topic: &Topic) -> Result<String, NotOffered>;

    /// Whether two topics may stand in one message.
    fn fits(&self, _: &Address, _: &Address) -> bool {
        true
    }

    /// The message that asks for topics, or asks for them no more; `topics` is never empty.
    fn message(&self, verb: Verb, request: u64, topics: &[&Address]) -> String;

    /// Whether the exchange answers messages that ask for its time.
    fn has_pings(&self) -> bool {
        false
    }

    /// The message that asks for it.
    fn ping(&self, _request: u64) -> Option<String> {
        None
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// When it is not what is documented; nothing of it was taken then.
    fn read(&mut self, frame: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable>;
}

/// The purpose of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Subscribe,
    Unsubscribe,
}

impl Verb {
    /// The word most exchanges have for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Verb::Subscribe => "subscribe",
            Verb::Unsubscribe => "unsubscribe",
        }
    }
}

/// Why a frame cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable(pub(crate) String);

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Unreadable(error.to_string())
    }
}

impl From<&str> for Unreadable {
    fn from(why: &str) -> Self {
        Unreadable(why.to_owned())
    }
}
