//! Where history begins is shown by rows, those that cannot be true among them.

use std::collections::HashSet;
use std::time::Duration;

use dccd::exchange::find;
use dccd::jobs::{Order, Since};
use dccd::model::{Grid, Micros, Series, Window};
use dccd::sim::Knobs;
use dccd::store::set_aside_rows;

use crate::test_daemon::{TestDaemon, assert_same, at, backfill, error_of, run};

const DAY: Duration = Duration::from_secs(86_400);

/// An exchange whose first candle of the longest span cannot be true, and no other of that span.
fn odd_from_the_start(series: &Series, longest: Grid) -> Knobs {
    let assets = format!("{}{}", series.pair().base(), series.pair().quote());
    let knobs = Knobs { odd_one_in: 200, symbols: vec![assets.clone()], ..Knobs::default() };
    let odd = |listed: Micros| {
        let knobs = Knobs { listed_from: listed, ..knobs.clone() };
        let all = Window::new(Micros(0), listed + 120 * DAY).unwrap();
        let opens: Vec<bool> =
            knobs.market(&assets).candles(longest, all).ts().iter().map(|at| knobs.is_odd(*at)).collect();
        (opens.len() > 1 && opens[0] && opens[1..].iter().all(|odd| !odd)).then_some(knobs)
    };
    (0..2_000).find_map(|day| odd(at("2020-01-01") + day * DAY)).expect("one day in two hundred will do")
}

async fn an_odd_first_candle_of_the_longest_span_hides_nothing(name: &str) {
    let series: Series = name.parse().unwrap();
    let offer = find(series.exchange()).unwrap().offer_for(&series).unwrap();
    let knobs = odd_from_the_start(&series, offer.grid(offer.spans.last().unwrap().span()));
    let job = format!(
        "{{exchange: {}, pairs: ['{}'], span: 60, retry_delay: 0.01}}",
        series.exchange(),
        series.pair()
    );
    let listed = knobs.listed_from;
    let (now, until) = ((listed + 120 * DAY).to_string(), listed + 5 * DAY);
    let setup = TestDaemon::unlimited(&job, &now, knobs).await;

    let engine = setup.engine().await;
    let order = Order { since: Since::Origin, until: Some(until), ..backfill(name, &listed.to_string()) };
    let outcome = run(&engine, &order).await;
    engine.close().await;

    assert_eq!(error_of(&outcome), "", "{name}");
    let aside = set_aside_rows(&setup.layout(), &series).unwrap().rows;
    let odd: HashSet<i64> = aside.iter().filter_map(|row| row.at).map(|at| at.0).collect();
    assert!(!odd.is_empty(), "{name}");
    let existing = setup.existing(name, Window::new(listed - DAY, until).unwrap());
    let true_ones: Vec<usize> =
        (0..existing.len()).filter(|row| !odd.contains(&existing.ts()[*row])).collect();
    assert_same(&setup.stored(name), &existing.gather(&true_ones));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_candle_that_cannot_be_true_hides_nothing_before_the_second() {
    for name in ["okx/BTC-USDT/ohlc/1m", "bybit/BTC-USDT/ohlc/1m", "krakenfutures/BTC-USD_PERP/ohlc/1m"] {
        an_odd_first_candle_of_the_longest_span_hides_nothing(name).await;
    }
}
