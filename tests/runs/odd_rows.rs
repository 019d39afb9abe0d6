//! Rows that cannot be true, among many that can, on every exchange: each costs itself alone, and is named.

use std::collections::HashSet;

use dccd::exchange::{ALL, find};
use dccd::jobs::Order;
use dccd::model::{Kind, Micros};
use dccd::store::set_aside_rows;

use crate::every_exchange::{CASES, Case};
use crate::reported;
use crate::test_daemon::{Metrics, TestDaemon, at, backfill, error_of, run};

/// Candles and trades of an exchange in full pages.
fn cases(exchange: &str) -> impl Iterator<Item = &'static Case> {
    let of_pages =
        |case: &&Case| matches!(case.series().kind(), Kind::Ohlc | Kind::Trades) && !case.is_computed();
    CASES.iter().filter(of_pages).filter(move |case| case.series().exchange() == exchange)
}

/// An exchange one row of which in so many cannot be true.
async fn setup(case: &Case, odd_one_in: u64) -> (TestDaemon, Order) {
    let setup = case.setup().await;
    setup.sim.set(|knobs| knobs.odd_one_in = odd_one_in);
    (setup, Order { until: Some(at(case.until)), ..backfill(case.series, case.from) })
}

/// One odd row a page: all others are stored, the job succeeds, and each odd row is named.
async fn one_odd_row_a_page_costs_itself(case: &Case) {
    let series = case.series();
    let page_rows = u64::from(find(series.exchange()).unwrap().offer_for(&series).unwrap().page_rows);
    let (setup, order) = setup(case, page_rows).await;

    let engine = setup.engine().await;
    let outcome = run(&engine, &order).await;
    let counted = Metrics::of(&engine).sum("dccd_rows_set_aside_total");
    engine.close().await;

    assert_eq!(error_of(&outcome), "", "{series}");
    let existing = reported::comparable(&series, &setup.existing(case.series, case.window()));
    let mut aside = set_aside_rows(&setup.layout(), &series).unwrap().rows;
    assert_eq!(counted, aside.len() as f64, "{series}");
    // A page goes on beyond the end of the window on an exchange that takes no end.
    aside.retain(|row| row.at.is_none_or(|at| case.window().holds(at)));
    let pages = existing.len() as u64 / page_rows;
    assert!(
        aside.len() as u64 * 3 > pages && !aside.is_empty(),
        "{series}: {} in {pages} pages",
        aside.len()
    );
    let odd: HashSet<Micros> = aside.iter().filter_map(|row| row.at).collect();
    assert!(aside.iter().all(|row| row.at.is_some() && !row.text.is_empty()), "{series}");
    let stored = reported::comparable(&series, &setup.stored(case.series));
    assert_eq!(stored.len() + aside.len(), existing.len(), "{series}");
    let mut left = 0;
    for row in 0..existing.len() {
        if left < stored.len() && stored.same_row(left, &existing, row) {
            left += 1;
        } else {
            let at = Micros(existing.ts()[row]);
            assert!(odd.contains(&at), "{series}: the row of {at} is lost");
        }
    }
    assert_eq!(left, stored.len(), "{series}: a row that the exchange does not have");
    let ledger = setup.ledger(case.series);
    assert!(ledger.settled().missing(case.window()).is_empty(), "{series}: left open");
    assert!(
        ledger.unfillable.iter().all(|note| note.reason.contains("cannot be true")),
        "{:?}",
        ledger.unfillable
    );
    println!(
        "{series}: {} rows of {}, {} set aside, {pages} pages",
        stored.len(),
        existing.len(),
        aside.len()
    );
}

/// A page of which more than a tenth is odd is no page: the job fails by name, and nothing untrue is stored.
async fn many_odd_rows_fail_the_job(case: &Case) {
    let series = case.series();
    let (setup, order) = setup(case, 6).await;

    let engine = setup.engine().await;
    let outcome = run(&engine, &order).await;
    let refused = Metrics::of(&engine).sum("dccd_rows_discarded_total");
    engine.close().await;

    let error = error_of(&outcome);
    assert!(refused > 0.0, "{series}: it is told");
    assert!(error.contains("cannot be true"), "{series}: {error:?}");
    assert_eq!(setup.stored(case.series).len(), 0, "{series}");
    assert!(set_aside_rows(&setup.layout(), &series).unwrap().rows.is_empty(), "{series}");
}

macro_rules! exchanges {
    ($($name:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];

        mod one_odd_row_of_a_page_costs_itself_and_many_fail_the_job_on {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    for case in super::cases(stringify!($name)) {
                        super::one_odd_row_a_page_costs_itself(case).await;
                        super::many_odd_rows_fail_the_job(case).await;
                    }
                }
            )*
        }
    };
}

exchanges! { binance binancecoinm kraken krakenfutures coinbase bybit okx bitfinex bitmex }

#[test]
fn no_exchange_is_forgotten() {
    for exchange in ALL {
        assert!(
            TESTED.contains(&exchange.name()) && cases(exchange.name()).count() > 0,
            "{}",
            exchange.name()
        );
    }
}
