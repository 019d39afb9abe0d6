//! A collector that is not there, or does not answer: it costs spans, which are counted, and nothing else.

use std::time::{Duration, Instant};

use dccd::sim::Knobs;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::collector::Collector;
use crate::home::{Home, MINUTES, PATIENCE, end, page};

/// An address without a listener.
async fn unreachable() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// The rows a backfill stores, and how long it takes.
async fn backfill(telemetry: &str) -> (Home, Duration) {
    let home = Home::new(Knobs::default()).await;
    home.configure(telemetry);
    let began = Instant::now();
    let ended = home.run("backfill", &[]).await;
    let took = began.elapsed();
    assert_eq!((ended.code, home.rows()), (Some(0), MINUTES), "{ended:?}");
    (home, took)
}

#[tokio::test]
async fn without_a_collector_the_same_rows_are_stored_and_the_loss_is_said() {
    let (quiet, untraced) = backfill("").await;
    let (home, took) = backfill(&format!("otlp_endpoint: \"{}\"", unreachable().await)).await;
    let (silent, hung) = {
        let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", hanging.local_addr().unwrap());
        backfill(&format!("otlp_endpoint: \"{endpoint}\"")).await
    };

    assert!(!quiet.log().contains("traces not sent"));
    for home in [&home, &silent] {
        let log = home.log();
        let line = log.lines().find(|line| line.contains("traces not sent")).expect("nothing was said");
        assert!(!line.contains(" spans=0 "), "{line}");
    }
    println!("untraced {untraced:?}, unreachable {took:?}, no answer {hung:?}");
    // The last flush takes 3 s at most; the rest is room for a busy machine.
    for traced in [took, hung] {
        assert!(traced < 3 * untraced + Duration::from_secs(6), "{traced:?} after {untraced:?}");
    }
}

#[tokio::test]
async fn a_daemon_counts_what_it_cannot_send() {
    let home = Home::new(Knobs::default()).await;
    let (failures, spans) = losses(&home, &unreachable().await).await;
    assert!(spans >= failures);
}

#[tokio::test]
async fn spans_a_collector_takes_and_does_not_keep_are_counted_and_told_of() {
    let (home, collector) = (Home::new(Knobs::default()).await, Collector::start().await);
    collector.reject(1);
    let (answers, spans) = losses(&home, &collector.url()).await;
    assert!(spans >= answers, "one of each batch: {spans} spans in {answers} answers");
    let log = home.log();
    let line = log.lines().find(|line| line.contains("traces not sent")).expect("nothing was said");
    assert!(line.contains("its disk is full") && line.contains(" spans=1 "), "{line}");
}

/// The failures and the lost spans that a daemon shows once there are any.
async fn losses(home: &Home, collector: &str) -> (f64, f64) {
    home.configure(&format!("otlp_endpoint: \"{collector}\""));
    let mut daemon = home.command("start", &[("OTEL_BSP_SCHEDULE_DELAY", "50")]).spawn().unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    let served = lines.next_line().await.unwrap().unwrap();
    let metrics = served.split_whitespace().last().unwrap().to_owned();

    let counted = timeout(PATIENCE, async {
        loop {
            let text = page(&metrics, "text/plain").await;
            let of = |name: &str| -> f64 {
                text.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
            };
            let failures = of("dccd_trace_export_failures_total ");
            let spans = of("dccd_trace_spans_dropped_total ");
            // The spans of a failure are counted a moment later.
            if failures > 0.0 && spans >= failures {
                break (failures, spans);
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    let (failures, spans) = counted.await.expect("no failure was counted with its spans");

    let id = daemon.id().unwrap().to_string();
    assert!(tokio::process::Command::new("kill").arg(id).status().await.unwrap().success());
    assert_eq!(end(daemon).await.code, Some(0));
    (failures, spans)
}
