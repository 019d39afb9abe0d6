//! Complete answers, and answers that only look complete.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio_util::sync::CancellationToken;

use crate::exchange::RefusalKind;
use crate::model::Micros;
use crate::net::script::{Reply, Script, answer};
use crate::net::{Advice, NetError, Watch};
use crate::telemetry::Reason;

use super::*;

#[tokio::test]
async fn an_answer_is_its_body_and_the_request_says_who_asks() {
    let script = Script::serve(vec![Reply::Bytes(answer("200 OK", "", b"[]"))]).await;

    let received = client(&script).get(&request("ohlc"), &CancellationToken::new()).await.unwrap();

    let head = &script.seen()[0].head;
    assert_eq!(received.body, b"[]"[..]);
    assert!(head.starts_with("GET /api?a=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(concat!("user-agent: dccd/", env!("CARGO_PKG_VERSION"), "\r\n")), "{head}");
    assert!(head.contains("accept-encoding: gzip\r\n"), "{head}");
}

#[tokio::test]
async fn a_page_of_html_with_status_200_is_handed_on_for_the_parser_to_refuse() {
    let received = get_once(Reply::Bytes(answer("200 OK", "content-type: text/html\r\n", b"<html>"))).await;

    assert_eq!(received.unwrap().body, b"<html>"[..]);
}

#[tokio::test]
async fn a_block_by_address_names_the_way_round() {
    for status in ["403 Forbidden", "451 Unavailable For Legal Reasons"] {
        let blocked = error_of(status, "", b"<html>").await;

        assert!(matches!(blocked, NetError::GeoBlocked { .. }), "{blocked:?}");
        assert!(blocked.to_string().contains("data-api.binance.vision"), "{blocked}");
        assert_eq!((blocked.advice(), blocked.reason()), (Advice::GiveUp, Reason::Http4xx));
    }
}

#[tokio::test]
async fn an_error_body_of_the_exchange_is_its_refusal() {
    let refused = error_of("400 Bad Request", "", br#"{"code":-1121,"msg":"Invalid symbol."}"#).await;

    let NetError::Refused { refusal, status: 400, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(refusal.kind, RefusalKind::UnknownSymbol);
    assert_eq!(refused.to_string(), "binance refused the request: Invalid symbol. (code -1121), HTTP 400");
    assert_eq!((refused.advice(), refused.reason()), (Advice::GiveUp, Reason::Refused));
}

#[tokio::test]
async fn a_server_fault_is_retried_but_not_before_the_time_it_names() {
    let fault = error_of("502 Bad Gateway", "", b"<html>").await;
    let busy = error_of("503 Service Unavailable", "retry-after: 9\r\n", b"").await;

    assert_eq!((fault.advice(), fault.reason()), (Advice::Retry, Reason::Http5xx));
    assert_eq!(busy.advice(), Advice::Wait(Duration::from_secs(9)));
}

#[tokio::test]
async fn a_gzip_body_is_decoded_and_a_bomb_is_stopped_at_the_cap() {
    let small = get_once(Reply::Bytes(answer("200 OK", "content-encoding: gzip\r\n", &gzip(b"[]")))).await;
    let bomb = gzip(&vec![b' '; (16 << 20) + 1]);
    assert!(bomb.len() < 64 << 10);

    let error = error_of("200 OK", "content-encoding: gzip\r\n", &bomb).await;

    assert_eq!(small.unwrap().body, b"[]"[..]);
    assert_eq!(error, NetError::TooLarge { exchange: "binance", limit: 16 << 20 });
}

#[tokio::test]
async fn a_listing_may_be_larger_than_a_page() {
    let body = vec![b' '; (16 << 20) + 1];
    let bytes = answer("200 OK", "content-encoding: gzip\r\n", &gzip(&body));
    let script = Script::serve(vec![Reply::Bytes(bytes)]).await;

    let received = client(&script).get(&request("instruments"), &CancellationToken::new()).await;

    assert_eq!(received.unwrap().body.len(), body.len());
}

#[tokio::test]
async fn a_broken_gzip_stream_is_a_broken_answer() {
    let whole = gzip(&vec![b'7'; 4_000]);
    let cut = &whole[..whole.len() / 2];

    let error = error_of("200 OK", "content-encoding: gzip\r\n", cut).await;

    assert!(matches!(error, NetError::Broken { answered: true, .. }), "{error:?}");
}

#[tokio::test]
async fn the_clock_is_the_exchanges_once_measured() {
    let body = br#"{"serverTime":1900000000000}"#;
    let script = Script::serve(vec![
        Reply::Bytes(answer("200 OK", "", body)),
        Reply::Bytes(answer("200 OK", "", b"[]")),
    ])
    .await;
    let (client, stop) = (client(&script), CancellationToken::new());
    assert!(client.clock().is_due());

    client.measure_clock(&stop).await.unwrap();
    let received = client.get(&request("ohlc"), &stop).await.unwrap();

    assert!(!client.clock().is_due());
    let ahead = received.at.since(Micros::from_secs(1_900_000_000));
    assert!(ahead > Duration::ZERO && ahead < Duration::from_secs(5), "{ahead:?}");
}

#[tokio::test]
async fn a_clock_that_cannot_be_read_is_an_error_and_changes_nothing() {
    let script = Script::serve(vec![Reply::Bytes(answer("200 OK", "", b"<html>"))]).await;
    let client = client(&script);

    let error = client.measure_clock(&CancellationToken::new()).await.unwrap_err();

    assert_eq!((error.reason(), error.advice()), (Reason::Parse, Advice::Retry));
    assert!(client.clock().is_due());
}

#[tokio::test]
async fn the_watch_hears_answers_failures_and_bans() {
    let script = Script::serve(vec![
        Reply::Bytes(answer("200 OK", "", b"[]")),
        Reply::Bytes(answer("429 Too Many Requests", "retry-after: 5\r\n", b"no")),
    ])
    .await;
    let heard = Arc::new(Heard::default());
    let client = client_of(&script.url, Duration::from_secs(10), Arc::clone(&heard) as Arc<dyn Watch>);
    let stop = CancellationToken::new();

    client.get(&request("ohlc"), &stop).await.unwrap();
    client.get(&request("trades"), &stop).await.unwrap_err();

    let lines: Vec<_> = heard.lines().into_iter().filter(|line| !line.starts_with("level")).collect();
    assert_eq!(
        lines,
        [
            "done binance ohlc 200 2",
            "done binance trades 429 2",
            "limited binance",
            "failed binance trades rate_limited",
        ]
    );
}

#[tokio::test]
async fn another_error_with_status_200_is_left_to_the_parser() {
    let body = br#"{"code":-1121,"msg":"Invalid symbol."}"#;

    let received = get_once(Reply::Bytes(answer("200 OK", "", body))).await;

    assert_eq!(received.unwrap().body, body[..]);
}

#[tokio::test]
async fn a_success_that_is_not_200_is_no_whole_answer_and_is_asked_again() {
    for status in ["206 Partial Content", "202 Accepted", "203 Non-Authoritative Information"] {
        let partial = error_of(status, "", b"[]").await;

        let number: u16 = status[..3].parse().unwrap();
        assert_eq!(partial, NetError::NotWhole { exchange: "binance", status: number });
        assert_eq!((partial.advice(), partial.reason()), (Advice::Retry, Reason::Parse));
        assert!(
            partial.to_string().contains(&format!("HTTP {number}, which is no whole answer")),
            "{partial}"
        );
    }
    assert!(matches!(error_of("204 No Content", "", b"").await, NetError::NotWhole { status: 204, .. }));
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}
