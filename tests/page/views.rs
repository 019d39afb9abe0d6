//! Every view that the navigation names: it opens, everyone can read it, and it asks for nothing elsewhere.

use dccd::sim::Knobs;

use crate::rig::{Rig, Wanted};

#[tokio::test(flavor = "multi_thread")]
async fn every_view_opens_for_everyone_wide_and_narrow_with_scripts_and_without() {
    let wanted = Wanted {
        jobs: "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, start: 2026-06-01}\n\
               {exchange: binance, pairs: [BTC/USDT], span: 86400, start: 2025-01-01}\n\
               {exchange: binance, pairs: [NONE/USDT], span: 3600, retry_delay: 0.01, max_retries: 1}",
        streams: "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], channels: [trades]}\n\
                  {exchange: binance, pairs: [BTC/USDT], channels: [book], depth: 20}",
        knobs: Knobs { weight_limit: 60_000, ..Knobs::default() },
        has_token: true,
        hostile: None,
    };
    let Some(rig) = Rig::start(wanted).await else { return };

    rig.browse("views.py", async |_, wish| panic!("{wish}")).await;

    rig.stop().await;
}
