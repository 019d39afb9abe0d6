//! Actions of a visitor on the page, and what the daemon does then.

use std::time::Duration;

use dccd::model::{Kind, Micros, Series, Window};
use dccd::sim::{Endpoint, Fault, Knobs, Rule};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::needs;
use crate::rig::{Rig, Wanted};
use crate::test_daemon::{at, grid};

const HOURLY: &str = "binance/BTC-USDT/ohlc/1h";

/// A daemon with one job of hours.
fn hours(knobs: Knobs) -> Wanted<'static> {
    let jobs = "{exchange: binance, pairs: [BTC/USDT], span: 3600, start: 2026-06-01, retry_delay: 0.01}";
    Wanted {
        jobs,
        streams: "",
        knobs: Knobs { weight_limit: 60_000, ..knobs },
        has_token: true,
        hostile: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_series_turns_red_within_five_seconds_and_its_retry_button_mends_it() {
    // It runs each second, so that what is seen late is late because of the page.
    let jobs =
        "{exchange: binance, pairs: [BTC/USDT], span: 3600, every: 1, retry_delay: 300, max_retries: 1}";
    let Some(rig) = Rig::start(Wanted { jobs, ..hours(Knobs::default()) }).await else { return };

    rig.browse("failing.py", async |rig, wish| {
        rig.setup.sim.set(|knobs| match wish {
            "fail" => knobs.faults = vec![Rule::always(Fault::Status500).at(Endpoint::Ohlc)],
            "heal" => knobs.faults.clear(),
            "slow" => knobs.latency = Duration::from_secs(3),
            "fast" => knobs.latency = Duration::ZERO,
            other => panic!("{other}"),
        });
        String::new()
    })
    .await;

    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_started_on_the_page_shows_its_progress_and_ends() {
    let Some(rig) = Rig::start(hours(Knobs::default())).await else { return };

    rig.browse("backfill.py", async |rig, wish| {
        assert_eq!(wish, "slow");
        rig.setup.sim.set(|knobs| (knobs.latency, knobs.page_limit) = (Duration::from_millis(400), 48));
        String::new()
    })
    .await;

    let from = at("2026-05-01");
    let series: Series = HOURLY.parse().unwrap();
    assert!(rig.setup.ledger(&series.to_string()).covered.holds(from), "it is fetched");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tap_shows_rows_of_the_series_that_is_asked_for_as_they_are_accepted() {
    let streams = "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], channels: [trades]}";
    let symbols = ["BTCUSDT", "ETHUSDT"].map(str::to_owned).to_vec();
    let knobs = Knobs { symbols, ws_rate: 5, ..Knobs::default() };
    let Some(rig) = Rig::start(Wanted { jobs: "", streams, ..hours(knobs) }).await else { return };

    rig.browse("tap.py", async |_, wish| panic!("{wish}")).await;

    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_daemon_was_killed_says_that_it_does_not_answer() {
    let Some(rig) = Rig::start(hours(Knobs::default())).await else { return };

    rig.browse("away.py", async |rig, wish| {
        assert_eq!(wish, "kill");
        rig.kill().await;
        String::new()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_made_by_deleting_a_file_appears_and_is_repaired_from_the_page() {
    let Some(rig) = Rig::start(hours(Knobs::default())).await else { return };

    rig.browse("gap.py", async |rig, wish| {
        assert_eq!(wish, "delete");
        let folder = rig.setup.layout().folder(&HOURLY.parse().unwrap());
        let files = std::fs::read_dir(folder).unwrap().flatten().map(|file| file.path());
        let mut old: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|own| own == "parquet")).collect();
        old.sort();
        std::fs::remove_file(&old[0]).unwrap();
        old[0].display().to_string()
    })
    .await;

    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_candles_of_the_chart_are_those_of_the_exchange() {
    let Some(rig) = Rig::start(hours(Knobs::default())).await else { return };

    rig.browse("candles.py", async |rig, wish| {
        let (from, until) = wish.split_once(' ').unwrap();
        let series: Series = HOURLY.parse().unwrap();
        let window = Window { from: instant(from), until: instant(until) };
        let market = rig.setup.sim.market("BTCUSDT").unwrap();
        assert_eq!(series.kind(), Kind::Ohlc);
        let rows = market.candles(grid(&series), window);
        let all: Vec<_> = rows
            .candles()
            .iter()
            .map(|own| json!([own.ts.0, own.open, own.high, own.low, own.close, own.volume]))
            .collect();
        serde_json::to_string(&all).unwrap()
    })
    .await;

    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_refuse_bad_input_in_the_words_of_validate_and_edit_the_file_in_place() {
    let Some(rig) = Rig::start(hours(Knobs::default())).await else { return };

    rig.browse("forms.py", async |_, wish| panic!("{wish}")).await;

    let text = std::fs::read_to_string(rig.setup.folder.path().join("config.yml")).unwrap();
    assert!(text.starts_with("# Kept as it is.\n"), "{text}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_are_sent_from_the_page_and_it_shows_what_a_purge_would_drop_and_what_is_damaged() {
    if !needs::programs(&["rclone"]) {
        return;
    }
    // The file of this year stays here, whatever room is wanted.
    let jobs = "{exchange: binance, pairs: [BTC/USDT], span: 3600, start: 2024-06-01, retry_delay: 0.01}";
    let Some(rig) = Rig::start(Wanted { jobs, ..hours(Knobs::default()) }).await else { return };

    rig.browse("storage.py", async |rig, wish| {
        assert_eq!(wish, "damage");
        let folder = rig.setup.layout().folder(&HOURLY.parse().unwrap());
        let files = std::fs::read_dir(folder).unwrap().flatten().map(|file| file.path());
        let mut old: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|own| own == "parquet")).collect();
        old.sort();
        let mut bytes = std::fs::read(&old[0]).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&old[0], bytes).unwrap();
        String::new()
    })
    .await;

    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_asked_for_where_it_must_be_and_a_page_of_another_site_cannot_act() {
    let Some(rig) = Rig::start(hours(Knobs::default())).await else { return };
    let bare = Rig::start(Wanted { has_token: false, ..hours(Knobs::default()) }).await.unwrap();

    rig.browse("signing.py", async |_, wish| {
        assert_eq!(wish, "bare");
        bare.url.clone()
    })
    .await;

    bare.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_the_error_of_an_exchange_and_in_names_is_never_executed() {
    let (address, exchange) = hostile().await;
    let jobs = "{exchange: okx, pairs: [BTC/USDT], span: 3600, retry_delay: 0.01, max_retries: 1}";
    let wanted = Wanted { jobs, hostile: Some(&address), ..hours(Knobs::default()) };
    let Some(rig) = Rig::start(wanted).await else { return };

    rig.browse("hostile.py", async |_, wish| panic!("{wish}")).await;

    rig.stop().await;
    exchange.abort();
}

/// An exchange whose every answer is an error with markup in it.
async fn hostile() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let body = r#"{"code":"51000","msg":"<img src=x onerror=alert(1)><script>alert(2)</script>","data":[]}"#;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4_096];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, serving)
}

fn instant(text: &str) -> Micros {
    Micros(text.parse().unwrap())
}
