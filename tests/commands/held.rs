//! A command that waits for an exchange says for what, and until when.

use std::time::Duration;

use dccd::sim::{Endpoint, Fault, RetryAfter, Rule};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr};

use crate::home::{Home, Template, end};
use crate::program::{signal, terminate};

const BANNED: &str = "binance has banned this address until 20";
const LIMITED: &str = "binance limits our requests until 20";

/// A copy of which one series is missing, and an exchange that refuses candles for five minutes.
async fn refused(fault: Fault) -> (Template, Home) {
    let template = Template::new().await;
    let home = template.copy();
    std::fs::remove_dir_all(home.series("BTC-USDT")).unwrap();
    template.setup.sim.set(|knobs| {
        knobs.retry_after = RetryAfter::Seconds(300);
        knobs.faults = vec![Rule::always(fault).at(Endpoint::Ohlc)];
    });
    (template, home)
}

fn backfill(home: &Home) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut child = home.command(&["backfill", "--pairs", "BTC/USDT"]).spawn().unwrap();
    let err = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, err)
}

/// Follows a command that waits, and stops it.
async fn says_so_at_once_and_when_it_is_stopped(home: &Home, words: &str) {
    let (child, mut err) = backfill(home);
    let first = tokio::time::timeout(Duration::from_secs(20), err.next_line()).await;
    let first = first.expect("it waits without a word").unwrap().unwrap();
    assert!(
        first.starts_with(&format!("Note: {words}")) && first.ends_with("; waiting until then"),
        "{first}"
    );

    signal(&child, "INT").await;
    let mut rest = Vec::new();
    while let Ok(Some(line)) = err.next_line().await {
        rest.push(line);
    }
    assert_eq!(end(child).await.code, Some(130), "{rest:?}");
    let stopped = format!("Note: stopped while {words}");
    assert!(rest.iter().any(|line| line.starts_with(&stopped)), "{rest:?}");
}

#[tokio::test]
async fn a_command_that_waits_for_a_ban_says_so_at_once_and_when_it_is_stopped() {
    let (_template, home) = refused(Fault::Status418).await;
    says_so_at_once_and_when_it_is_stopped(&home, BANNED).await;
}

#[tokio::test]
async fn a_limit_is_not_called_a_ban() {
    let (_template, home) = refused(Fault::Status429).await;
    says_so_at_once_and_when_it_is_stopped(&home, LIMITED).await;
}

#[tokio::test]
async fn so_does_a_command_whose_work_the_daemon_does() {
    let (_template, home) = refused(Fault::Status418).await;
    assert_eq!(home.run(&["jobs", "pause", "binance"]).await.code, Some(0));
    let daemon = home.start().await;

    says_so_at_once_and_when_it_is_stopped(&home, BANNED).await;

    terminate(&daemon).await;
    assert_eq!(end(daemon).await.code, Some(0));
}

#[tokio::test]
async fn page_metrics_and_health_tell_a_limit_from_a_ban() {
    for (fault, is_ban) in [(Fault::Status418, true), (Fault::Status429, false)] {
        let (_template, home) = refused(fault).await;
        home.run(&["jobs", "pause", "binance"]).await;
        let daemon = home.start().await;
        let (child, mut err) = backfill(&home);
        err.next_line().await.unwrap().unwrap();

        let get = |path: &'static str| get(&home, path);
        let until =
            |kind: &str| format!("dccd_exchange_{kind}_until_timestamp_seconds{{exchange=\"binance\"}} ");
        let metrics = get("/metrics").await;
        let value = |kind: &str| {
            let (_, rest) = metrics.split_once(&until(kind)).unwrap();
            rest.lines().next().unwrap().parse::<f64>().unwrap()
        };
        assert_eq!((value("banned") > 0.0, value("limited") > 0.0), (is_ban, !is_ban));
        crate::program::wait_for(|| async {
            let (page, health) = (get("/").await, get("/health").await);
            page.contains(">banned</span>") == is_ban
                && page.contains(">limited</span>") != is_ban
                && health.contains("\"banned_until\":null") != is_ban
                && health.contains("\"limited_until\":null") == is_ban
        })
        .await;

        signal(&child, "INT").await;
        end(child).await;
        terminate(&daemon).await;
        end(daemon).await;
    }
}

/// Asks the daemon over its socket.
async fn get(home: &Home, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::UnixStream::connect(home.at("data/.dccd/daemon.sock")).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}
