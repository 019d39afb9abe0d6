//! Rows that cannot be true: set aside once two answers have them.

use crate::exchange::ParseError;
use crate::exchange::paging::{SetAside, Walk};
use crate::model::{Micros, OddFault, OddRow, Window};

/// The share of an answer that odd rows may take: one in so many.
const ONE_IN: usize = 10;

/// So many may be odd in a short answer, unless they are most of it.
const FEW: usize = 10;

impl Walk {
    /// The odd rows of an answer once they are believed; `None` where the page has to be asked for again. `good` rows
    /// came beside them.
    pub(super) fn believed_odd(
        &mut self,
        odd: Vec<OddRow>,
        good: usize,
    ) -> Result<Option<Vec<OddRow>>, ParseError> {
        if odd.is_empty() {
            self.odd_before.clear();
            return Ok(Some(odd));
        }
        if odd.iter().any(|row| !self.odd_before.contains(&row.text)) {
            self.odd_before = odd.into_iter().map(|row| row.text).collect();
            self.contradicted(good)?;
            return Ok(None);
        }
        // Candles open off the grid for as long as an outage of the exchange lasts.
        let off_values = odd.iter().filter(|row| row.fault != OddFault::OffGrid).count();
        let most = ((odd.len() + good) / ONE_IN).max(FEW);
        let is_mostly = odd.len() > good || odd.len() > self.offer.page_rows as usize / ONE_IN;
        if is_mostly || off_values > most {
            return Err(ParseError::MostlyOdd {
                odd: odd.len(),
                rows: odd.len() + good,
                first: odd[0].detail.clone(),
            });
        }
        Ok(Some(odd))
    }

    /// The time that each odd row leaves without a row. `held` tells whether a good row is there.
    pub(super) fn set_aside(&self, odd: Vec<OddRow>, held: impl Fn(Micros) -> bool) -> Vec<SetAside> {
        let window = |row: &OddRow| {
            let at = row.at.filter(|at| self.window.holds(*at))?;
            let own = match self.grid {
                Some(grid) if !self.offer.is_unanchored(grid.span) => {
                    let open = grid.floor(at);
                    Window::new(open, grid.next(open)).filter(|window| !held(window.from))
                }
                _ => Window::new(at, Micros(at.0 + 1)).filter(|window| !held(window.from)),
            };
            own.and_then(|own| own.intersection(self.window))
        };
        odd.into_iter().map(|row| SetAside { window: window(&row), row }).collect()
    }
}
