//! The demo's live trades, compared with those of the simulator.

use std::collections::HashMap;

use crate::cli::demo::difference::Difference;
use crate::model::{Batch, Micros, Series, Side, Window, Windows};
use crate::sim::Market;
use crate::store::{Layout, Ledger, period_files};

/// A trade without its receipt.
type Seen = (Micros, u64, u64, Option<Side>);

/// Compares a series of trades with its market: every stored one is there, and every one of what is covered is
/// stored. Returns also the end of what is covered.
pub(super) fn compare(
    layout: &Layout,
    series: &Series,
    market: &Market,
) -> Result<(Difference, Option<Micros>), String> {
    let ledger =
        Ledger::read(&layout.ledger(series), series).map_err(|error| error.to_string())?.unwrap_or_default();
    let mut stored = Vec::new();
    for name in ledger.periods() {
        for file in period_files(layout, series, name).map_err(|error| error.to_string())? {
            for index in 0..file.groups() {
                stored.extend(trades(&file.group(index).map_err(|error| error.to_string())?));
            }
        }
    }
    let until = ledger.covered.last().map(|window| window.until);
    Ok((differ(&stored, &ledger.covered, market), until))
}

fn differ(stored: &[(String, Seen)], covered: &Windows, market: &Market) -> Difference {
    let mut difference = Difference { rows: stored.len() as u64, ..Difference::default() };
    let instants = stored.iter().map(|(_, seen)| seen.0);
    let from = instants.clone().chain(covered.first().map(|window| window.from)).min();
    let until = instants.map(|at| Micros(at.0 + 1)).chain(covered.last().map(|window| window.until)).max();
    let Some(all) = from.zip(until).and_then(|(from, until)| Window::new(from, until)) else {
        return difference;
    };
    let mut real: HashMap<String, Seen> = trades(&market.trades(all)).collect();
    let mut found: HashMap<&String, &Seen> = HashMap::new();
    for (id, seen) in stored {
        match real.get(id) {
            _ if found.insert(id, seen).is_some() => difference.doubled += 1,
            None => difference.invented += 1,
            Some(own) => difference.wrong += u64::from(own != seen),
        }
    }
    real.retain(|id, seen| covered.holds(seen.0) && !found.contains_key(id));
    difference.missing = real.len() as u64;
    difference
}

fn trades(rows: &Batch) -> impl Iterator<Item = (String, Seen)> {
    let seen = |trade: crate::model::Trade<'_>| {
        let seen = (trade.ts, trade.price.to_bits(), trade.amount.to_bits(), trade.side);
        (trade.id.unwrap_or_default().to_owned(), seen)
    };
    rows.trades().iter().map(seen).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Knobs, Sim};

    #[tokio::test]
    async fn trades_that_are_missing_doubled_wrong_or_invented_are_told_apart() {
        let sim = Sim::start("127.0.0.1:0".parse().unwrap(), Knobs::default()).await.unwrap();
        let market = sim.market("BTCUSDT").unwrap();
        let window = Window::new(Micros::from_secs(1_700_000_000), Micros::from_secs(1_700_000_100)).unwrap();
        let mut stored: Vec<_> = trades(&market.trades(window)).collect();
        let count = stored.len() as u64;
        assert!(count > 20);
        let covered = Windows::from(window);
        let none = Difference { rows: count, ..Difference::default() };
        assert_eq!(differ(&stored, &covered, &market), none);

        stored[3].1.1 += 1;
        stored[4].0 = "unheard of".to_owned();
        let doubled = stored[5].clone();
        stored.push(doubled);

        let told = differ(&stored, &covered, &market);
        let expected = Difference { rows: count + 1, missing: 1, doubled: 1, wrong: 1, invented: 1 };
        assert_eq!(told, expected);
        sim.stop().await;
    }
}
