//! Limits and bans: however an exchange states them, they hold for the requests that follow.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::exchange::{self, HttpRequest};
use crate::net::script::{Reply, Script, answer};
use crate::net::{Advice, Client, ClientSettings, NetError, Silent, Watch};
use crate::telemetry::Reason;

use super::*;

fn assert_banned(error: &NetError, secs: u64) {
    let NetError::Banned { exchange: "binance", wait, .. } = error else { panic!("{error:?}") };
    assert_eq!(*wait, Duration::from_secs(secs));
}

#[tokio::test]
async fn no_request_is_sent_before_retry_after_is_over() {
    let script = Script::serve(vec![
        Reply::Bytes(answer("429 Too Many Requests", "retry-after: 1\r\n", b"")),
        Reply::Bytes(answer("200 OK", "", b"[]")),
    ])
    .await;
    let (client, stop) = (client(&script), CancellationToken::new());

    let limited = client.get(&request("ohlc"), &stop).await.unwrap_err();
    client.get(&request("ohlc"), &stop).await.unwrap();

    let seen = script.seen();
    assert_eq!(limited, NetError::RateLimited { exchange: "binance", wait: Duration::from_secs(1) });
    assert_eq!(limited.advice(), Advice::Wait(Duration::from_secs(1)));
    assert!(seen[1].at - seen[0].at >= Duration::from_millis(990), "{:?}", seen[1].at - seen[0].at);
}

#[tokio::test]
async fn a_ban_holds_every_later_request_until_stopped() {
    let script =
        Script::serve(vec![Reply::Bytes(answer("418 I'm a teapot", "retry-after: 300\r\n", b""))]).await;
    let (client, stop) = (client(&script), CancellationToken::new());

    let banned = client.get(&request("ohlc"), &stop).await.unwrap_err();
    let next = request("trades");
    let (second, ()) = tokio::join!(client.get(&next, &stop), async { stop.cancel() });

    assert_banned(&banned, 300);
    assert!(client.held().is_some_and(|hold| hold.is_ban));
    assert_eq!(second, Err(NetError::Stopped));
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test]
async fn retry_after_as_a_date_counts_from_the_date_of_the_answer() {
    let headers = "date: Sun, 06 Nov 1994 08:49:30 GMT\r\nretry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

    let limited = error_of("429 Too Many Requests", headers, b"").await;

    assert_eq!(limited, NetError::RateLimited { exchange: "binance", wait: Duration::from_secs(7) });
}

#[tokio::test]
async fn a_429_without_a_time_backs_off_by_about_a_second() {
    let NetError::RateLimited { wait, .. } = error_of("429 Too Many Requests", "", b"").await else {
        panic!("a 429 is a rate limit")
    };

    assert!(wait >= Duration::from_millis(500) && wait <= Duration::from_secs(1), "{wait:?}");
}

#[tokio::test]
async fn a_418_without_a_time_is_a_ban_of_two_minutes() {
    let banned = error_of("418 I'm a teapot", "", b"").await;

    assert_banned(&banned, 120);
}

#[tokio::test]
async fn a_limit_reported_in_an_error_body_is_a_rate_limit_whatever_the_status() {
    let limited = error_of("400 Bad Request", "", br#"{"code":-1003,"msg":"Too many requests."}"#).await;
    let banned = error_of("403 Forbidden", "", br#"{"code":-1003,"msg":"Too many requests."}"#).await;

    assert_eq!(limited.reason(), Reason::RateLimited);
    assert_banned(&banned, 120);
}

#[tokio::test]
async fn the_used_weight_an_answer_names_slows_the_next_request() {
    let headers = "x-mbx-used-weight-1m: 5395\r\n";
    let script = Script::serve(vec![
        Reply::Bytes(answer("200 OK", headers, b"[]")),
        Reply::Bytes(answer("200 OK", "", b"[]")),
    ])
    .await;
    let heard = Arc::new(Heard::default());
    let client = client_of(&script.url, Duration::from_secs(10), Arc::clone(&heard) as Arc<dyn Watch>);
    let stop = CancellationToken::new();

    client.get(&request("ohlc"), &stop).await.unwrap();
    client.get(&request("ohlc"), &stop).await.unwrap();

    let levels: Vec<_> = heard.lines().into_iter().filter(|line| line.starts_with("level")).collect();
    assert_eq!(levels[0], "level binance 5998 6000");
    let second: f64 = levels[1].split(' ').nth(2).unwrap().parse().unwrap();
    assert!(second < 604.0, "{levels:?}");
}

#[tokio::test]
async fn a_limit_reported_with_status_200_holds_the_next_request_and_doubles() {
    let limit = br#"{"code":-1003,"msg":"Too many requests."}"#;
    let replies = vec![Reply::Bytes(answer("200 OK", "", limit)); 2];
    let script = Script::serve(replies).await;
    let (client, stop) = (client(&script), CancellationToken::new());

    let first = client.get(&request("ohlc"), &stop).await.unwrap_err();
    let second = client.get(&request("ohlc"), &stop).await.unwrap_err();

    let seen = script.seen();
    let (Advice::Wait(first), Advice::Wait(second)) = (first.advice(), second.advice()) else {
        panic!("{first:?}, {second:?}")
    };
    assert!(seen[1].at - seen[0].at >= first, "{first:?}");
    assert!(second >= Duration::from_secs(1) && second <= Duration::from_secs(2), "{second:?}");
}

/// Limits and bans as each exchange states them: status, headers, body, seconds to wait.
const LIMITS_IN_WORDS: [(&str, &str, &str, &str, u64); 14] = [
    (
        "binance",
        "418 I'm a teapot",
        "",
        r#"{"code":-1003,"msg":"Way too much request weight used; IP banned until {ms}. Please use WebSocket Streams for live updates to avoid bans."}"#,
        600,
    ),
    (
        "binance",
        "429 Too Many Requests",
        "retry-after: 3\r\n",
        r#"{"code":-1003,"msg":"Too many requests; IP(10.0.0.1) banned until {ms}."}"#,
        600,
    ),
    (
        "binance",
        "403 Forbidden",
        "",
        r#"{"code":-1003,"msg":"Way too many requests; IP banned until {ms}."}"#,
        600,
    ),
    ("binance", "200 OK", "", r#"{"code":-1003,"msg":"Way too many requests; IP banned until {ms}."}"#, 600),
    ("binance", "418 I'm a teapot", "", "banned until {iso}", 600),
    (
        "binancecoinm",
        "418 I'm a teapot",
        "",
        r#"{"code":-1003,"msg":"Way too many requests; IP banned until {ms}."}"#,
        600,
    ),
    ("kraken", "200 OK", "", r#"{"error":["EService:Throttled: {s}"]}"#, 600),
    ("kraken", "200 OK", "", r#"{"error":["EGeneral:Temporary lockout"]}"#, 900),
    (
        "coinbase",
        "429 Too Many Requests",
        "",
        r#"{"message":"Public rate limit exceeded, try again in 10 minutes"}"#,
        600,
    ),
    (
        "bybit",
        "200 OK",
        "x-bapi-limit-reset-timestamp: {ms}\r\n",
        r#"{"retCode":10006,"retMsg":"Too many visits!"}"#,
        600,
    ),
    ("bybit", "403 Forbidden", "", "403, access too frequent. Please try it later", 600),
    (
        "okx",
        "429 Too Many Requests",
        "",
        r#"{"msg":"Requests too frequent, please wait 10 minutes","code":"50011"}"#,
        600,
    ),
    ("bitfinex", "429 Too Many Requests", "", r#"{"error":"ERR_RATE_LIMIT"}"#, 60),
    (
        "bitmex",
        "429 Too Many Requests",
        "retry-after: 1\r\nx-ratelimit-reset: {s}\r\n",
        r#"{"error":{"message":"Rate limit exceeded, retry in 1 seconds.","name":"RateLimitError"}}"#,
        600,
    ),
];

/// Whether the address is banned, rather than asked to slow down.
fn is_ban(status: &str, body: &str) -> bool {
    status.starts_with("403")
        || status.starts_with("418")
        || body.contains("banned")
        || body.contains("lockout")
}

#[tokio::test]
async fn limits_and_bans_that_stand_only_in_words_are_obeyed_to_their_end() {
    for (name, status, headers, body, secs) in LIMITS_IN_WORDS {
        let ends = jiff::Timestamp::now() + SignedDuration::from_secs(600);
        let put = |text: &str| {
            let text = text.replace("{ms}", &ends.as_millisecond().to_string());
            text.replace("{s}", &(ends.as_second() + 1).to_string()).replace("{iso}", &ends.to_string())
        };
        let reply = Reply::Bytes(answer(status, &put(headers), put(body).as_bytes()));
        let script = Script::serve(vec![reply]).await;
        let settings = ClientSettings { rest_url: Some(script.url.clone()), ..ClientSettings::default() };
        let exchange = exchange::find(name).unwrap();
        let client = Client::new(exchange, settings, Arc::new(Silent)).unwrap();
        let stop = CancellationToken::new();

        let limited = client.get(&request("ohlc"), &stop).await.unwrap_err();
        let held =
            HttpRequest::new("trades", "/".to_owned(), 1).paid_from(exchange.quotas().last().unwrap().0);
        let (next, ()) = tokio::join!(client.get(&held, &stop), async { stop.cancel() });

        let wait = match limited {
            NetError::Banned { wait, .. } if is_ban(status, body) => wait,
            NetError::RateLimited { wait, .. } if !is_ban(status, body) => wait,
            other => panic!("{name} {body}: {other:?}"),
        };
        let long = Duration::from_secs(secs);
        assert!(
            wait + Duration::from_secs(2) >= long && wait <= long + Duration::from_secs(2),
            "{body}: {wait:?}"
        );
        assert_eq!((next, script.seen().len()), (Err(NetError::Stopped), 1), "{body}");
    }
}

#[tokio::test]
async fn a_limit_whose_words_name_no_time_ahead_backs_off_as_ever() {
    let past = br#"{"code":-1003,"msg":"Way too many requests; IP banned until 1500000000000."}"#;

    let NetError::Banned { wait, .. } = error_of("429 Too Many Requests", "", past).await else {
        panic!("it tells of a ban")
    };

    assert!(wait <= Duration::from_secs(1), "{wait:?}");
}
