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
    assert_eq!(why.out.lines().count(), 1, "it is not pending too: {why:?}");
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

#[tokio::test]
async fn a_ban_of_the_exchange_is_named_with_its_end() {
    let home = Template::new().await.copy();
    let written_at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let health = format!(
        "{{\"worker_id\": \"w\", \"worker\": \"running\", \"pid\": 1, \"version\": \"0\", \"environment\": \"\", \
         \"written_at\": {written_at}, \"tick_age_secs\": 0, \"status\": \"degraded\", \"store_error\": null, \
         \"reasons\": [\"exchange binance: it refuses every request until 2024-02-01T00:00:00Z\"], \
         \"queue_depth\": 0, \"processing\": 0, \"failed\": 0}}"
    );
    std::fs::write(home.at("data/.dccd/health.json"), health).unwrap();

    let why = home.run(&["jobs", "why", BTC]).await;

    let ban = "binance has banned this address: it refuses every request until 2024-02-01T00:00:00Z.";
    assert!(why.out.lines().any(|line| line == ban), "{why:?}");
}

#[tokio::test]
async fn a_command_notes_the_only_job_that_is_off() {
    let home = Home::with(
        "settings: {data_path: ./data}\nhisto_jobs: [{exchange: kraken, pairs: [BTC/USD], span: 180}]\n",
    );
    for args in [&["collect"][..], &["repair"]] {
        let ended = home.run(args).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.err.contains("Note: histo_jobs[0] is not running"), "{ended:?}");
    }
}

#[tokio::test]
async fn times_of_tables_are_in_the_zone_that_their_head_names() {
    let home = Template::new().await.copy();
    let path = home.at("config.yml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("settings: {", "settings: {timezone: Asia/Tokyo, ")).unwrap();
    let heads = [
        (&["status"][..], "last_run (Asia/Tokyo)"),
        (&["status", "--wide"], "last_success (Asia/Tokyo)"),
        (&["inventory"], "from (Asia/Tokyo)"),
        (&["jobs", "ls"], "due (Asia/Tokyo)"),
        (&["gaps"], "until (Asia/Tokyo)"),
    ];
    std::fs::remove_file(home.file("BTC-USDT")).unwrap();
    for (args, head) in heads {
        let shown = home.run(args).await;
        assert!(shown.out.lines().next().unwrap().contains(head), "{args:?}: {shown:?}");
    }
    let gaps = home.run(&["gaps"]).await;
    assert!(gaps.out.contains("2024-01-30 09:00:00"), "midnight UTC is nine o'clock in Tokyo: {gaps:?}");
}

#[tokio::test]
async fn a_series_named_in_full_needs_no_configuration_file() {
    let home = Home::with("");
    std::fs::remove_file(home.at("config.yml")).unwrap();
    let args = ["backfill", "-e", "binance", "-p", "BTC/USDT", "--span", "1h", "--start", "30d", "--dry-run"];

    let named = home.run(&args).await;
    let jobs = home.run(&["backfill", "--dry-run"]).await;
    let partly = home.run(&["backfill", "-e", "binance", "--dry-run"]).await;

    assert_eq!(named.code, Some(0), "{named:?}");
    assert!(named.out.starts_with("[Binance  BTC/USDT 1h] DRY RUN"), "{named:?}");
    assert!(
        named.err.contains("no configuration file was found; rows go to")
            && named.err.contains("data/crypto")
    );
    assert_eq!((jobs.code, partly.code), (Some(78), Some(78)));
}

#[tokio::test]
async fn tab_completes_series_kinds_spans_markets_and_exchanges() {
    let home = Template::new().await.copy();
    for (words, expected) in [
        (&["export", ""][..], BTC),
        (&["jobs", "why", "binance/B"], BTC),
        (&["logs", ""], BTC),
        (&["repair", ""], BTC),
        (&["backfill", "--type", "fun"], "funding"),
        (&["backfill", "--span", "1"], "1h"),
        (&["add", "--span", "4"], "4h"),
        (&["pairs", "krak"], "krakenfutures"),
        (&["pairs", "kraken", "--market", ""], "next_quarter"),
        (&["add", "--exchange", "ok"], "okx"),
    ] {
        let mut command = home.command(&["--", "dccd"]);
        let last = words.len().to_string();
        command.args(words).env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", last);
        command
            .env("_CLAP_IFS", "\n")
            .env("_CLAP_COMPLETE_COMP_TYPE", "9")
            .env("_CLAP_COMPLETE_SPACE", "true");
        let shown = crate::home::end(command.spawn().unwrap()).await;
        assert!(shown.out.lines().any(|line| line == expected), "{words:?}: {shown:?}");
    }
}
