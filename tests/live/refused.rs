//! A pair that its exchange does not list among two hundred others.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use dccd::model::Series;
use dccd::sim::Knobs;
use dccd::telemetry::exposition;

use crate::rig::{Daemon, Rig, is_siege};

/// How soon the one is known to be refused: the request for it waits with those for the newest rows of the others.
const REFUSED_WITHIN: Duration = Duration::from_secs(60);

/// The exchanges with what they say of a pair that they do not list.
const EXCHANGES: [(&str, &str, &str); 3] = [
    ("binance", "USDT", "Invalid symbol."),
    ("kraken", "EUR", "Unknown asset pair"),
    ("coinbase", "EUR", "NotFound"),
];

/// Names of pairs in a currency.
fn pairs(quote: &str, count: usize) -> Vec<String> {
    let letters = || b'A'..=b'P';
    let all = letters().flat_map(|one| letters().map(move |two| format!("Q{}{}", one as char, two as char)));
    all.take(count).map(|base| format!("{base}/{quote}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unlisted_pair_is_refused_in_the_exchanges_words_and_two_hundred_others_are_live() {
    // How soon all others are to be live, on a machine that has nothing else to do, and beside all other tests.
    let live_within = Duration::from_secs(if is_siege() { 10 } else { 40 });
    for (exchange, quote, own_words) in EXCHANGES {
        let listed = pairs(quote, 200);
        let unlisted = format!("NOPE/{quote}");
        let all: Vec<&str> = listed.iter().map(String::as_str).chain([unlisted.as_str()]).collect();
        let rig = Rig::of_trades(exchange, &all, Knobs { ws_rate: 2, ..Knobs::default() }).await;
        rig.setup.sim.set(|knobs| knobs.symbols.retain(|symbol| !symbol.starts_with("NOPE")));
        let daemon = rig.start().await;
        let began = Instant::now();
        let live = || in_state(&daemon, "live");
        let others = listed.iter().map(|pair| pair.replace('/', "-"));
        let others: BTreeSet<String> = others.collect();
        let told = || format!("not live: {:?}", others.difference(&live()).take(5).collect::<Vec<_>>());
        rig.wait_for(live_within, || live().is_superset(&others), told).await;
        let took = began.elapsed();
        let refused = || in_state(&daemon, "refused");
        rig.wait_for(REFUSED_WITHIN, || !refused().is_empty(), || "none is refused".to_owned()).await;
        assert_eq!(refused(), BTreeSet::from([format!("NOPE-{quote}")]));
        let refused: Series = rig.series.last().unwrap().parse().unwrap();
        let words = daemon.engine.telemetry().health().of(&refused).unwrap().last_error.unwrap();
        assert!(words.contains(own_words), "{words}");
        println!("{exchange}: {} live within {took:?}; {words}", others.len());
        daemon.stop().await;
    }
}

/// The pairs of the series that are in a state.
fn in_state(daemon: &Daemon, state: &str) -> BTreeSet<String> {
    let text = exposition::text(daemon.engine.telemetry().metrics()).unwrap();
    let state = format!("state=\"{state}\"");
    let own = text.lines().filter(|line| {
        line.starts_with("dccd_websocket_state{") && line.contains(&state) && line.ends_with(" 1")
    });
    own.filter_map(|line| Some(line.split_once("pair=\"")?.1.split_once('"')?.0.replace('/', "-"))).collect()
}
