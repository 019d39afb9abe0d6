//! The live offer of an exchange whose sessions all begin alike, whatever the line.

use crate::exchange::live::conversation::Conversation;
use crate::exchange::live::dialect::Dialect;
use crate::exchange::live::{Line, Live, LiveOffer, Session};

/// An exchange that is spoken to in one dialect.
pub(crate) struct Spoken<D> {
    pub(crate) offers: &'static [LiveOffer],
    /// Begins a conversation.
    pub(crate) dialect: fn() -> D,
}

impl<D: Dialect + 'static> Live for Spoken<D> {
    fn offers(&self) -> &'static [LiveOffer] {
        self.offers
    }

    fn session(&self, line: &'static Line) -> Box<dyn Session> {
        Box::new(Conversation::new((self.dialect)(), line))
    }
}
