//! Instants that cannot be believed: a trade that its neighbours by number deny, and a lone row past the end.
//!
//! One wrong instant must not end a walk: what lies behind it would be called covered.

use std::time::Duration;

use crate::exchange::ParseError;
use crate::exchange::paging::seen::Seen;
use crate::exchange::paging::{Edge, Walk};
use crate::model::{Batch, Kind, Micros, OddFault, OddRow};

/// Numbers and instants of neighbouring trades differ in their order by less.
const MOST_DISORDER: Duration = Duration::from_secs(60);

impl Seen<'_> {
    /// The rows whose instants lie before or behind those of both their neighbours by number, by more than the two
    /// orders differ. Neighbours that are out of order themselves deny nothing: one of them is the wrong one.
    pub(super) fn denied(&self) -> Vec<usize> {
        let Some(order) = self.by_number() else { return Vec::new() };
        let at = |row: usize| Micros(self.rows.ts()[row]);
        let is_denied = |before: Micros, own: Micros, after: Micros| {
            let are_in_order = before - MOST_DISORDER <= after;
            let (first, last) = (before.min(after), before.max(after));
            are_in_order && (own - MOST_DISORDER > last || own + MOST_DISORDER < first)
        };
        let trios = order.windows(3);
        let denied: Vec<usize> = trios
            .filter(|trio| is_denied(at(trio[0]), at(trio[1]), at(trio[2])))
            .map(|trio| trio[1])
            .collect();
        // Ids that do not grow with time deny everything, and so nothing.
        let are_few = self.numbers.is_some() || denied.len() <= 1 + self.rows.len() / 100;
        if are_few { denied } else { Vec::new() }
    }

    /// The rows in the order of their ids, where these are numbers.
    fn by_number(&self) -> Option<Vec<usize>> {
        if self.rows.kind() != Kind::Trades {
            return None;
        }
        if self.numbers.is_some() {
            return Some(self.in_order());
        }
        let trades = self.rows.trades();
        let number = |row: usize| trades.get(row).id.and_then(|id| id.parse::<u64>().ok());
        let numbers: Vec<u64> = (0..self.rows.len()).map(number).collect::<Option<_>>()?;
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_by_key(|row| numbers[*row]);
        Some(order)
    }

    /// The rows without these, and these as odd ones.
    pub(super) fn without(&self, denied: &[usize]) -> (Batch, Vec<OddRow>) {
        let kept: Vec<usize> = (0..self.rows.len()).filter(|row| !denied.contains(row)).collect();
        let odd = denied.iter().map(|row| odd_trade(self.rows, *row)).collect();
        (self.rows.gather(&kept), odd)
    }
}

fn odd_trade(rows: &Batch, row: usize) -> OddRow {
    let trade = rows.trades().get(row);
    let id = trade.id.unwrap_or_default();
    let text = format!("id {id}, {}, price {}, amount {:?}", trade.ts, trade.price, trade.amount);
    OddRow::new(OddFault::Time, "the trades before and after it are from another time", &text, Some(trade.ts))
}

impl Walk {
    /// Whether a full page of rows without a grid has one row past the end, which no answer before had: the page is to
    /// be asked for again.
    pub(super) fn doubts_the_only_one_past(
        &mut self,
        seen: &Seen<'_>,
        full: bool,
    ) -> Result<bool, ParseError> {
        let past: Vec<usize> = self.past(seen);
        let [only] = past[..] else { return Ok(false) };
        let edge = Edge::of(seen.rows, only);
        if !full || self.grid.is_some() || self.only_past.as_ref().is_some_and(|before| before.is(&edge)) {
            return Ok(false);
        }
        (self.only_past, self.empties) = (Some(edge), 0);
        self.contradicted(seen.rows.len())?;
        Ok(true)
    }

    /// The rows past the end that answer what was asked.
    pub(super) fn past(&self, seen: &Seen<'_>) -> Vec<usize> {
        let is_past = |row: &usize| {
            let at = Micros(seen.rows.ts()[*row]);
            self.is_past(at) && self.answers(at)
        };
        (0..seen.rows.len()).filter(is_past).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Offer;
    use crate::model::Trade;

    /// Trades of ids from 0 at these minutes.
    fn trades(minutes: &[i64]) -> Batch {
        let mut rows = Batch::of(Kind::Trades);
        for (id, minute) in minutes.iter().enumerate() {
            let (ts, id) = (Micros::from_secs(1_704_067_200 + minute * 60), id.to_string());
            let (id, ts_recv, side) = (Some(id.as_str()), None, None);
            rows.trades_mut().push(Trade { ts, ts_recv, id, price: 1.0, amount: 1.0, side });
        }
        rows
    }

    fn denied(minutes: &[i64]) -> Vec<usize> {
        let offer = Offer { kind: Kind::Trades, ids_are_contiguous: true, ..Offer::USUAL };
        Seen::of(&trades(minutes), &offer).unwrap().denied()
    }

    #[test]
    fn a_wrong_instant_is_denied_alone_however_quiet_the_market_is() {
        assert_eq!(denied(&[0, 10, 1_440, 20, 30]), [2], "ahead");
        assert_eq!(denied(&[0, 10, -1_440, 20, 30]), [2], "back");
    }

    #[test]
    fn quiet_times_and_a_minute_of_disorder_deny_nothing() {
        assert_eq!(denied(&[0, 500, 501, 2_000, 9_000]), [0; 0]);
        assert_eq!(denied(&[10, 12, 11, 13]), [0; 0]);
    }
}
