//! The account of a series from its ledger, in so few bytes that ten thousand of them fit into memory.

use crate::api::InventoryLine;
use crate::exchange::find;
use crate::jobs::plan::due_until;
use crate::model::{Micros, Series, Window, Windows};
use crate::store::{HeldSeries, Ledger};

/// The account of a series.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    series: Series,
    /// The figures of its ledger; the reason if it cannot be read.
    known: Result<Known, String>,
    /// Whether files that the ledger lists are gone, or the ledger itself.
    gone_files: Vec<String>,
    foreign_files: usize,
}

#[derive(Clone, Debug)]
struct Known {
    ends: Option<(Micros, Micros)>,
    rows: u64,
    bytes: u64,
    files: usize,
    remote_only_files: usize,
    remote_only_bytes: u64,
    wanted_since: Option<Micros>,
    newest_covered: Option<Window>,
    settled: Windows,
    unfillable_secs: f64,
}

/// The instant up to which rows of a series are due.
pub(crate) fn due(series: &Series, covered: &Windows, now: Micros) -> Micros {
    find(series.exchange()).map_or(now, |exchange| due_until(exchange, series, covered, now))
}

impl Account {
    /// The account of stored data.
    pub(crate) fn of(held: &HeldSeries) -> Self {
        Account {
            series: held.series.clone(),
            known: held.ledger.as_ref().map(Known::of).map_err(ToString::to_string),
            gone_files: held.gone.iter().map(|path| path.display().to_string()).collect(),
            foreign_files: held.unknown_files,
        }
    }

    /// Whether its ledger can be read.
    pub(crate) fn is_known(&self) -> bool {
        self.known.is_ok()
    }

    /// `ts` of the oldest and the newest row.
    pub(crate) fn ends(&self) -> Option<(Micros, Micros)> {
        self.known.as_ref().ok()?.ends
    }

    pub(crate) fn rows(&self) -> Option<u64> {
        self.known.as_ref().ok().map(|known| known.rows)
    }

    pub(crate) fn bytes(&self) -> Option<u64> {
        self.known.as_ref().ok().map(|known| known.bytes)
    }

    /// The end of what is covered.
    pub(crate) fn covered_until(&self) -> Option<Micros> {
        self.known.as_ref().ok()?.newest_covered.map(|newest| newest.until)
    }

    /// Windows that are wanted, due by `now` and not settled; `None` if its ledger cannot be read.
    pub(crate) fn gaps(&self, now: Micros) -> Option<Windows> {
        let known = self.known.as_ref().ok()?;
        let covered = known.newest_covered.map(Windows::from).unwrap_or_default();
        let until = due(&self.series, &covered, now);
        let wanted = known.wanted_since.and_then(|since| Window::new(since, until));
        Some(wanted.map(|wanted| known.settled.missing(wanted)).unwrap_or_default())
    }

    /// The line of the inventory.
    pub(crate) fn line(&self, now: Micros) -> InventoryLine {
        let series = &self.series;
        let known = self.known.as_ref().ok();
        let gaps = self.gaps(now);
        let ends = self.ends();
        InventoryLine {
            series: series.to_string(),
            exchange: series.exchange().to_owned(),
            pair: series.pair().to_string(),
            r#type: series.kind().to_string(),
            span: series.span().map(|span| span.to_string()),
            from: ends.map(|ends| ends.0.to_string()),
            to: ends.map(|ends| ends.1.to_string()),
            rows: self.rows(),
            bytes: self.bytes(),
            files: known.map_or(0, |known| known.files),
            remote_only_files: known.map_or(0, |known| known.remote_only_files),
            remote_only_bytes: known.map_or(0, |known| known.remote_only_bytes),
            missing: gaps.as_ref().and_then(|gaps| missing(series, gaps)),
            gap_seconds: gaps.as_ref().map(Windows::secs),
            gaps: gaps.as_ref().map(Windows::len),
            unfillable_seconds: known.map(|known| known.unfillable_secs),
            foreign_files: self.foreign_files,
            note: self.known.as_ref().err().cloned(),
            gone_files: self.gone_files.clone(),
        }
    }
}

impl Known {
    fn of(ledger: &Ledger) -> Self {
        let away: Vec<u64> = ledger.remote_only().map(|(_, _, entry)| entry.bytes).collect();
        Known {
            ends: ledger.ends(),
            rows: ledger.rows(),
            bytes: ledger.bytes(),
            files: ledger.files.len(),
            remote_only_files: away.len(),
            remote_only_bytes: away.iter().sum(),
            wanted_since: ledger.wanted_since,
            newest_covered: ledger.covered.last(),
            settled: ledger.settled(),
            unfillable_secs: ledger.unfillable.iter().map(|note| note.window).collect::<Windows>().secs(),
        }
    }
}

/// How many candles the gaps hold; none for kinds that have no count.
fn missing(series: &Series, gaps: &Windows) -> Option<u64> {
    let span = series.span()?;
    let offer = find(series.exchange()).and_then(|exchange| exchange.offer_for(series));
    let grid = offer.map_or_else(|| span.grid(), |offer| offer.grid(span));
    Some(gaps.iter().map(|gap| grid.count(gap)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_time_that_can_no_longer_be_had_and_it_is_no_gap() {
        let series: Series = "binance/BTC-USDT/orderbook".parse().unwrap();
        let window = |from, until| Window::new(Micros::from_secs(from), Micros::from_secs(until)).unwrap();
        let mut ledger = Ledger { wanted_since: Some(Micros::from_secs(0)), ..Ledger::default() };
        ledger.cover(window(0, 100));
        ledger.give_up(window(100, 130), "reconnect");
        ledger.give_up(window(140, 145), "restart");
        let account =
            Account { series, known: Ok(Known::of(&ledger)), gone_files: Vec::new(), foreign_files: 0 };

        let line = account.line(Micros::from_secs(145));

        assert_eq!(line.unfillable_seconds, Some(35.0));
        assert!(line.gap_seconds.is_some_and(|secs| secs <= 10.0), "{:?}", line.gap_seconds);
    }
}
