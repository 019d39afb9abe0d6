//! Candles that the exchange corrects after it sent them, and those that closed while nothing was heard.

use std::time::Duration;

use dccd::engine::LiveJob;
use dccd::model::{Micros, Series, Window};
use dccd::sim::{Endpoint, Knobs};
use tokio_util::sync::CancellationToken;

use dccd::store::Ledger;

use crate::rig::Rig;
use crate::test_daemon::Metrics;

/// How soon a candle is there that closed while nothing was heard; the next of its series closes in an hour.
const FETCHED_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candle_that_closed_while_nothing_was_heard_is_fetched_before_the_next_one_closes() {
    for (exchange, pair) in [("binance", "BTC/USDT"), ("kraken", "BTC/USD")] {
        let rig = Rig::of_hours(exchange, &[pair], Knobs { ws_rate: 2, ..Knobs::default() }).await;
        let (name, series): (&str, Series) = (&rig.series[0], rig.series[0].parse().unwrap());
        let daemon = rig.start().await;
        rig.complete_until(dccd::clock::now(), FETCHED_WITHIN).await;
        daemon.stop().await;
        let path = rig.setup.layout().ledger(&series);
        let mut ledger = Ledger::read(&path, &series).unwrap().unwrap();
        let newest = ledger.covered.last().unwrap().until;
        let hour = Window::new(newest - Duration::from_secs(3_600), newest).unwrap();
        ledger.covered.remove(hour);
        ledger.write(&path, &series).unwrap();

        let daemon = rig.start().await;
        rig.complete_until(newest, FETCHED_WITHIN).await;
        daemon.stop().await;
        rig.exact(name);
    }
}

/// The first minute that is heard whole ends within two.
const CLOSED_WITHIN: Duration = Duration::from_secs(130);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candle_that_the_exchange_corrects_is_counted_and_the_later_answer_stays() {
    let rig = Rig::of("binance", &["BTC/USDT"], Knobs { ws_rate: 2, ..Knobs::default() }).await;
    let series: Series = rig.series[1].parse().unwrap();
    let (grid, daemon) = (series.span().unwrap().grid(), rig.start().await);
    rig.complete_until(dccd::clock::now(), CLOSED_WITHIN).await;
    let job = LiveJob::all(&rig.config()).into_iter().find(|job| *job.series == series).unwrap();
    let now = dccd::clock::now();
    let hour = Window::new(grid.floor(now) - Duration::from_secs(3_600), grid.floor(now)).unwrap();
    let mismatched = || Metrics::of(&daemon.engine).of_kind("dccd_stream_mismatches_total", &series);
    let compare = async || {
        let asked = rig.setup.asked(Endpoint::Ohlc).len();
        assert!(daemon.engine.compare(&job, hour, &CancellationToken::new()).await);
        assert!(rig.setup.asked(Endpoint::Ohlc).len() > asked, "it was not asked for again");
        mismatched()
    };

    let before = mismatched();
    assert_eq!(compare().await, before, "the exchange answers what it sent");
    rig.setup.sim.set(|knobs| knobs.revise_spans = 120);
    let corrected = compare().await - before;
    assert_eq!(corrected, 60.0, "every candle of the hour is another now");
    let volumes = |wanted: Window| {
        let stored = rig.setup.stored(&rig.series[1]);
        let of: Vec<(Micros, f64)> = stored
            .candles()
            .iter()
            .filter(|own| wanted.holds(own.ts))
            .map(|own| (own.ts, own.volume))
            .collect();
        of
    };
    let (ours, market) = (volumes(hour), rig.setup.sim.market("BTCUSDT").unwrap());
    let latest = |ts: Micros| market.provisional(grid, ts).stored().volume;
    assert_eq!(ours, ours.iter().map(|(ts, _)| (*ts, latest(*ts))).collect::<Vec<_>>());
    assert_eq!(ours.len(), 60);

    rig.setup.sim.set(|knobs| knobs.revise_spans = 0);
    assert_eq!(compare().await - before, 120.0, "and once more, as it was");
    daemon.stop().await;
    rig.exact(&rig.series[1]);
}
