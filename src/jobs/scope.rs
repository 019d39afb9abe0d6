//! The scope of a prepared run: the offer, the instrument, and the range.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::{Bounds, Direction, Instrument, Offer};
use crate::jobs::plan;
use crate::model::{Grid, Micros, Window, Windows};

/// An instrument that the pair names or named, and whether it is the first to request.
pub(super) struct Contracted {
    pub(super) instrument: Arc<Instrument>,
    pub(super) is_first: bool,
}

/// The scope of a prepared run.
pub(super) struct RunScope {
    pub(super) offer: &'static Offer,
    pub(super) instrument: Arc<Instrument>,
    pub(super) grid: Option<Grid>,
    /// The first open or instant not to request.
    pub(super) horizon: Micros,
    pub(super) since: Micros,
    pub(super) until: Micros,
    /// Wanted time before the rows the exchange still serves, if it can be computed.
    pub(super) older: Option<Window>,
}

impl RunScope {
    /// The instant from which nothing can be confirmed empty.
    pub(super) fn unsettled_since(&self) -> Micros {
        let tenure = self.offer.tenure(&self.instrument);
        plan::unsettled_since(self.grid, self.horizon, tenure.map(|tenure| tenure.until))
    }

    /// The oldest or newest known row, if it is adjacent to the start of a walk over a window. If nothing
    /// between them is missing, the exchange still serves that row, and one request can cover both.
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
        // A page requested by id alone begins with a row of its own.
        if matches!(self.offer.bounds, Bounds::Page | Bounds::ById) {
            return None;
        }
        let is_next = between.is_none_or(|between| settled.missing(between).is_empty());
        (is_next && self.offer.reach(self.grid, self.horizon) <= row).then_some(row)
    }
}
