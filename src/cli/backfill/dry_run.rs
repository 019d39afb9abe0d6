//! `dccd backfill --dry-run`: what would be requested, from the ledgers alone.

use crate::cli::Exit;
use crate::cli::gaps::doubts;
use crate::cli::output::Output;
use crate::cli::progress::label;
use crate::clock::now;
use crate::config::Config;
use crate::exchange::{Quota, find};
use crate::jobs::{Order, Since, plan};
use crate::model::{Micros, Window, Windows, thousands};
use crate::store::{Layout, Ledger, holding};

/// Prints what each order would request; ends with 1 if that is not known or not offered.
pub(super) fn run(orders: &[Order], config: &Config, out: &mut Output) -> Exit {
    orders.iter().fold(Exit::Done, |exit, order| match ledger(order, config, out) {
        Ok(ledger) => exit.or_worse(one(order, &ledger, out)),
        Err(failed) => exit.or_worse(failed),
    })
}

/// The ledger that a run would begin with.
fn ledger(order: &Order, config: &Config, out: &mut Output) -> Result<Ledger, Exit> {
    let series = &order.series;
    let Some(held) = holding(&Layout::new(&config.data_path), series) else { return Ok(Ledger::default()) };
    for path in &held.gone {
        out.note(format!("{series}: {} is gone; what it held is asked for again", path.display()));
    }
    match held.ledger {
        Ok(ledger) => Ok(ledger),
        Err(_) => Err(doubts(&held, out)),
    }
}

fn one(order: &Order, ledger: &Ledger, out: &mut Output) -> Exit {
    let series = &order.series;
    let label = label(series);
    let Some((exchange, offer)) = find(series.exchange()).and_then(|own| Some((own, own.offer_for(series)?)))
    else {
        out.line(format!("{label} DRY RUN \u{2014} the exchange does not offer this"));
        return Exit::Failed;
    };
    let grid = series.span().map(|span| offer.grid(span));
    let horizon = plan::horizon(offer, grid, now());
    let until = order.until.map_or(horizon, |until| until.min(horizon));
    let since = match order.since {
        Since::Exactly(since) => since,
        Since::AtLeast(since) => ledger.wanted_since.map_or(since, |known| known.min(since)),
        Since::Origin => Micros::OLDEST,
        Since::Known => ledger.wanted_since.unwrap_or_else(|| plan::newest_page(offer, grid, horizon)),
    };
    let missing = Window::new(since, until)
        .map_or_else(Windows::new, |wanted| plan::missing(&ledger.settled(), &ledger.covered, wanted, grid));
    let reach = offer.reach(grid, horizon);
    let computed = offer.derived_from.filter(|_| missing.first().is_some_and(|gap| gap.from < reach));
    let asked = match computed {
        Some(_) => Window::new(reach, until).map(|own| missing.within(own)).unwrap_or_default(),
        None => missing,
    };
    let windows = plan::count(&asked, offer, grid);
    let quota = exchange.quota(offer.budget);
    let minutes =
        windows as f64 * f64::from(offer.weight) / f64::from(quota.weight) * quota.per.as_secs_f64() / 60.0;
    // How many pages they fill is known only once they were read.
    let more = computed.map_or_else(String::new, |kind| {
        format!(", and what the {kind} before {reach} take, from which older candles are computed")
    });
    out.line(format!(
        "{label} DRY RUN \u{2014} {} windows, ~{minutes:.0} min at {}{more}",
        thousands(windows as u64),
        rate(quota)
    ));
    Exit::Done
}

/// A limit as the exchange states it: `6,000 weight/min`, `20 weight per 2 s`.
fn rate(quota: Quota) -> String {
    let (weight, secs) = (thousands(u64::from(quota.weight)), quota.per.as_secs_f64());
    if secs == 60.0 { format!("{weight} weight/min") } else { format!("{weight} weight per {secs} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_over_the_time_it_holds_for() {
        let told = |name: &str| {
            let exchange = find(name).unwrap();
            rate(exchange.quota(exchange.offers()[0].budget))
        };
        assert_eq!(told("binance"), "6,000 weight/min");
        assert_eq!(told("okx"), "20 weight per 2 s");
    }
}
