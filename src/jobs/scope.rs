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

    /// A known row adjacent to the start of a walk over a window: the oldest or the newest of the contract, or the end of
    /// what is settled before it. If nothing between them is missing, the exchange still serves that row, and one request
    /// can cover both.
    pub(super) fn beside(
        &self,
        window: Window,
        ends: Option<(Micros, Micros)>,
        settled: &Windows,
    ) -> Option<Micros> {
        let instant = Duration::from_micros(1);
        let (row, between) = match (self.offer.direction, ends) {
            (Direction::OldestFirst, Some(ends)) if ends.1 <= window.from => {
                (ends.1, Window::new(ends.1 + instant, window.from))
            }
            // One that forgets early confirms nothing empty that does not follow a row which it still shows.
            (Direction::OldestFirst, _)
                if self.offer.is_forgetful && settled.holds(window.from - instant) =>
            {
                (window.from - instant, None)
            }
            (Direction::NewestFirst, Some(ends)) if window.until <= ends.0 + instant => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::find;
    use crate::model::Series;

    #[test]
    fn what_follows_settled_time_begins_with_its_last_instant_where_the_exchange_forgets_early() {
        let at = |secs: i64| Micros::from_secs(1_719_561_000 + secs);
        let held: Windows = Window::new(at(0), at(500)).into_iter().collect();
        for (exchange, expected) in [("binance", None), ("binancecoinm", Some(Micros(at(500).0 - 1)))] {
            let series: Series = format!("{exchange}/BTC-USD_QUARTER/trades").parse().unwrap();
            let scope = RunScope {
                offer: find(exchange).unwrap().offer_for(&series).unwrap(),
                instrument: Arc::new(Instrument::named("BTCUSD_240628".to_owned())),
                grid: None,
                horizon: at(900),
                since: at(0),
                until: at(600),
                older: None,
            };
            let window = Window::new(at(500), at(600)).unwrap();

            // Neither the oldest row of the series nor its newest is of the contract.
            assert_eq!(scope.beside(window, None, &held), expected, "{exchange}");
        }
    }
}
