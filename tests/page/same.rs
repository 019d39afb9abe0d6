//! Every number of the page is the API's, and the command line's, for the same state.

use dccd::sim::Knobs;

use crate::rig::{Rig, Wanted};

#[tokio::test(flavor = "multi_thread")]
async fn every_number_of_the_page_is_that_of_the_api_and_of_the_command_line() {
    let wanted = Wanted {
        jobs: "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 86400, start: 2026-01-01}\n\
               {exchange: binance, pairs: [NONE/USDT], span: 86400, retry_delay: 300, max_retries: 1}",
        streams: "{exchange: binance, pairs: [BTC/USDT], channels: [trades]}",
        knobs: Knobs { weight_limit: 60_000, ..Knobs::default() },
        has_token: true,
        hostile: None,
    };
    let Some(rig) = Rig::start(wanted).await else { return };

    rig.browse("same.py", async |_, wish| panic!("{wish}")).await;

    rig.stop().await;
}
