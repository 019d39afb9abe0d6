//! Connections that break, stall or are redirected.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::exchange::{self};
use crate::net::script::{Reply, Script, answer};
use crate::net::{Advice, Client, ClientSettings, NetError, Silent};
use crate::telemetry::Reason;

use super::*;

#[tokio::test]
async fn a_body_shorter_than_announced_is_broken_and_not_asked_again() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[[1,".to_vec();
    let script = Script::serve(vec![Reply::Bytes(short), Reply::Bytes(answer("200 OK", "", b"[]"))]).await;

    let broken = client(&script).get(&request("ohlc"), &CancellationToken::new()).await.unwrap_err();

    assert!(matches!(broken, NetError::Broken { answered: true, .. }), "{broken:?}");
    assert_eq!(broken.advice(), Advice::Retry);
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test]
async fn a_chunked_body_that_ends_early_is_broken() {
    let cut = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n[[1,\r\n".to_vec();

    let broken = get_once(Reply::Bytes(cut)).await.unwrap_err();

    assert!(matches!(broken, NetError::Broken { answered: true, .. }), "{broken:?}");
}

#[tokio::test]
async fn a_connection_that_broke_before_an_answer_is_tried_once_more() {
    let script = Script::serve(vec![Reply::Reset, Reply::Bytes(answer("200 OK", "", b"[]"))]).await;

    let received = client(&script).get(&request("ohlc"), &CancellationToken::new()).await;

    assert_eq!(received.unwrap().body, b"[]"[..]);
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test]
async fn a_connection_that_breaks_twice_is_an_error() {
    let script = Script::serve(vec![Reply::Reset, Reply::Reset]).await;

    let broken = client(&script).get(&request("ohlc"), &CancellationToken::new()).await.unwrap_err();

    assert!(matches!(broken, NetError::Broken { answered: false, .. }), "{broken:?}");
    assert_eq!((broken.advice(), broken.reason()), (Advice::Retry, Reason::Connect));
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_a_failed_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = client_of(&url, Duration::from_secs(10), Arc::new(Silent));

    let error = client.get(&request("ohlc"), &CancellationToken::new()).await.unwrap_err();

    assert!(matches!(error, NetError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn an_exchange_that_never_answers_is_a_timeout() {
    for reply in
        [Reply::Hang(Vec::new()), Reply::Hang(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[".to_vec())]
    {
        let script = Script::serve(vec![reply]).await;
        let client = client_of(&script.url, Duration::from_millis(150), Arc::new(Silent));

        let error = client.get(&request("ohlc"), &CancellationToken::new()).await.unwrap_err();

        assert_eq!(error, NetError::Timeout { exchange: "binance" });
        assert_eq!(script.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_request_on_its_way_gets_three_seconds_after_stop() {
    let script = Script::serve(vec![Reply::Hang(Vec::new())]).await;
    let (client, stop) = (client(&script), CancellationToken::new());
    let page = request("ohlc");

    let stopping = async {
        while script.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        stop.cancel();
        Instant::now()
    };
    let (outcome, stopped) = tokio::join!(client.get(&page, &stop), stopping);

    assert_eq!(outcome, Err(NetError::Stopped));
    let took = stopped.elapsed();
    assert!(took >= Duration::from_secs(3) && took < Duration::from_millis(3_100), "{took:?}");
}

#[tokio::test]
async fn a_body_that_only_drips_ends_with_the_total_timeout() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
    let script = Script::serve(vec![Reply::Drip(head)]).await;
    let client = client_of(&script.url, Duration::from_millis(200), Arc::new(Silent));

    let error = client.get(&request("ohlc"), &CancellationToken::new()).await.unwrap_err();

    assert_eq!(error, NetError::Timeout { exchange: "binance" });
}

#[tokio::test]
async fn a_redirect_to_another_host_is_refused_and_named() {
    let error = error_of("302 Found", "location: https://elsewhere.example/api\r\n", b"").await;

    assert_eq!(error, NetError::Redirected { exchange: "binance", to: "elsewhere.example".to_owned() });
    assert_eq!(error.advice(), Advice::GiveUp);
}

#[tokio::test]
async fn a_redirect_to_the_same_host_is_followed_but_not_for_ever() {
    let moved = Reply::Bytes(answer("302 Found", "location: /elsewhere\r\n", b""));
    let script = Script::serve(vec![moved.clone(), Reply::Bytes(answer("200 OK", "", b"[]"))]).await;
    let circle = Script::serve(vec![moved; 20]).await;

    let received = client(&script).get(&request("ohlc"), &CancellationToken::new()).await;
    let error = client(&circle).get(&request("ohlc"), &CancellationToken::new()).await.unwrap_err();

    assert_eq!(received.unwrap().body, b"[]"[..]);
    assert!(script.seen()[1].head.starts_with("GET /elsewhere "));
    assert!(matches!(error, NetError::Redirected { .. }), "{error:?}");
    assert!(circle.seen().len() <= 7, "{}", circle.seen().len());
}

#[test]
fn an_address_that_is_no_url_is_refused_when_the_client_is_built() {
    for url in ["api.binance.com", "ftp://api.binance.com", ""] {
        let settings = ClientSettings { rest_url: Some(url.to_owned()), ..ClientSettings::default() };

        let built = Client::new(exchange::find("binance").unwrap(), settings, Arc::new(Silent));

        assert!(matches!(built.err(), Some(NetError::Unusable { .. })), "{url:?}");
    }
}
