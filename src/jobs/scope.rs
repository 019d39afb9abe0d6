//! The scope of a prepared run: the offer, the instrument, from where to where.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::{Bounds, Direction, Instrument, Offer};
use crate::model::{Grid, Micros, Window, Windows};

/// The instrument that a pair is or was, and whether it is the first that is asked for.
pub(super) struct Contracted {
    pub(super) instrument: Arc<Instrument>,
    pub(super) is_first: bool,
}

/// The scope of a run once it is prepared.
pub(super) struct RunScope {
    pub(super) offer: &'static Offer,
    pub(super) instrument: Arc<Instrument>,
    pub(super) grid: Option<Grid>,
    /// The first open or instant not to be asked for.
    pub(super) horizon: Micros,
    pub(super) since: Micros,
    pub(super) until: Micros,
    /// Time that is wanted before the rows the exchange still gives, where it can be computed.
    pub(super) older: Option<Window>,
}

impl RunScope {
    /// The known row next to where a walk over a window begins, of the oldest and the newest one known: where nothing
    /// of what lies between is missing, the exchange still gives it, and one request can ask for both.
    pub(super) fn beside(&self, window: Window, ends: (Micros, Micros), settled: &Windows) -> Option<Micros> {
        let instant = Duration::from_micros(1);
        let (row, between) = match self.offer.direction {
            Direction::OldestFirst if ends.1 <= window.from => {
                (ends.1, Window::new(ends.1 + instant, window.from))
            }
            Direction::NewestFirst if window.until <= ends.0 + instant => {
                (ends.0, Window::new(window.until, ends.0))
            }
            _ => return None,
        };
        // A page asked for by id alone begins with a row of its own.
        if matches!(self.offer.bounds, Bounds::Page | Bounds::ById) {
            return None;
        }
        let is_next = between.is_none_or(|between| settled.missing(between).is_empty());
        (is_next && self.offer.reach(self.grid, self.horizon) <= row).then_some(row)
    }
}
