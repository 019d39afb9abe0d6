//! A paused job, and one that never ran, are called so.

use crate::home::{BTC, Home, Template};

#[tokio::test]
async fn a_paused_job_is_called_paused_wherever_jobs_are_shown() {
    let template = Template::new().await;
    let home = template.copy();
    let before = home.run(&["jobs", "why", BTC]).await;
    assert!(before.out.contains("is pending") && !before.out.contains("paused"), "{before:?}");

    assert_eq!(home.run(&["jobs", "pause", "binance/BTC/USDT"]).await.code, Some(0));

    let why = home.run(&["jobs", "why", BTC]).await;
    let resume = "It is paused and does not run by itself until `dccd jobs resume binance/BTC-USDT/ohlc/1h`.";
    assert_eq!(why.out.lines().next(), Some(resume), "{why:?}");
    assert!(!why.out.contains("start the daemon"), "{why:?}");
    assert!(home.run(&["jobs", "show", BTC]).await.out.contains(resume));
    let ls = home.run(&["jobs", "ls"]).await;
    let states: Vec<&str> =
        ls.out.lines().skip(2).map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(states.iter().filter(|state| **state == "paused").count(), 1, "{ls:?}");
    let json = home.run(&["jobs", "why", "binance", "--json"]).await;
    assert_eq!(json.out.matches("\"paused\": true").count(), 1, "{json:?}");
    let wide = home.run(&["status", "--wide"]).await;
    assert_eq!(wide.out.lines().filter(|line| line.ends_with(" paused")).count(), 1, "{wide:?}");
}

#[tokio::test]
async fn a_job_that_never_ended_a_run_is_not_called_ok() {
    let home = Home::with(
        "settings: {data_path: ./data}\nhisto_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 3600}]\n",
    );
    let wide = home.run(&["status", "--wide"]).await;
    assert!(wide.out.contains("no run ended yet") && !wide.out.contains("ok"), "{wide:?}");
    assert_eq!(home.run(&["jobs", "pause", BTC]).await.code, Some(0));
    let ls = home.run(&["jobs", "ls"]).await;
    assert!(
        ls.out.lines().nth(2).is_some_and(|line| line.starts_with("paused ") && line.ends_with(BTC)),
        "{ls:?}"
    );
    let why = home.run(&["jobs", "why", "binance/BTC/USDT"]).await;
    assert!(why.out.contains("It is paused") && why.out.contains("It has not run yet"), "{why:?}");
}
