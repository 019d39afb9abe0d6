//! The client against a scripted server on loopback.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::SignedDuration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::script::{Reply, Script, answer};
use crate::exchange::{self, Budget, HttpRequest, RefusalKind};
use crate::model::Micros;
use crate::net::{Advice, Client, NetError, Received, Settings, Silent, Watch};
use crate::telemetry::Reason;

/// What a watch heard, in order.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn push(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Watch for Heard {
    fn request_done(&self, who: &'static str, what: &'static str, code: u16, _: Duration, bytes: usize) {
        self.push(format!("done {who} {what} {code} {bytes}"));
    }
    fn request_failed(&self, who: &'static str, what: &'static str, error: &NetError, _: Duration) {
        self.push(format!("failed {who} {what} {}", error.reason().name()));
    }
    fn limit_waited(&self, _: &'static str, _: Duration) {}
    fn limit_level(&self, who: &'static str, level: f64, capacity: f64) {
        self.push(format!("level {who} {level:.0} {capacity:.0}"));
    }
    fn limited(&self, who: &'static str, _: Micros) {
        self.push(format!("limited {who}"));
    }
    fn banned(&self, who: &'static str, _: Micros) {
        self.push(format!("banned {who}"));
    }
    fn clock_measured(&self, who: &'static str, _: SignedDuration) {
        self.push(format!("clock {who}"));
    }
}

fn assert_banned(error: &NetError, secs: u64) {
    let NetError::Banned { exchange: "binance", wait, .. } = error else { panic!("{error:?}") };
    assert_eq!(*wait, Duration::from_secs(secs));
}

fn client_of(url: &str, timeout: Duration, watch: Arc<dyn Watch>) -> Client {
    let exchange = exchange::find("binance").unwrap();
    let settings = Settings { rest_url: Some(url.to_owned()), requests_per_second: None, timeout };
    Client::new(exchange, settings, watch).unwrap()
}

fn client(script: &Script) -> Client {
    client_of(&script.url, Duration::from_secs(10), Arc::new(Silent))
}

fn request(endpoint: &'static str) -> HttpRequest {
    HttpRequest::new(endpoint, "/api?a=1".to_owned(), 2).paid_from(Budget::named("spot"))
}

async fn get_once(reply: Reply) -> Result<Received, NetError> {
    let script = Script::serve(vec![reply]).await;
    client(&script).get(&request("ohlc"), &CancellationToken::new()).await
}

async fn error_of(status: &str, headers: &str, body: &[u8]) -> NetError {
    get_once(Reply::Bytes(answer(status, headers, body))).await.unwrap_err()
}

#[tokio::test]
async fn an_answer_is_its_body_and_the_request_says_who_asks() {
    let script = Script::serve(vec![Reply::Bytes(answer("200 OK", "", b"[]"))]).await;

    let received = client(&script).get(&request("ohlc"), &CancellationToken::new()).await.unwrap();

    let head = &script.seen()[0].head;
    assert_eq!(received.body, b"[]");
    assert!(head.starts_with("GET /api?a=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(concat!("user-agent: dccd/", env!("CARGO_PKG_VERSION"), "\r\n")), "{head}");
    assert!(head.contains("accept-encoding: gzip\r\n"), "{head}");
}

#[tokio::test]
async fn a_page_of_html_with_status_200_is_handed_on_for_the_parser_to_refuse() {
    let received = get_once(Reply::Bytes(answer("200 OK", "content-type: text/html\r\n", b"<html>"))).await;

    assert_eq!(received.unwrap().body, b"<html>");
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
async fn a_limit_reported_in_an_error_body_is_a_rate_limit_whatever_the_status() {
    let limited = error_of("400 Bad Request", "", br#"{"code":-1003,"msg":"Too many requests."}"#).await;
    let banned = error_of("403 Forbidden", "", br#"{"code":-1003,"msg":"Too many requests."}"#).await;

    assert_eq!(limited.reason(), Reason::RateLimited);
    assert_banned(&banned, 120);
}

#[tokio::test]
async fn a_server_fault_is_retried_but_not_before_the_time_it_names() {
    let fault = error_of("502 Bad Gateway", "", b"<html>").await;
    let busy = error_of("503 Service Unavailable", "retry-after: 9\r\n", b"").await;

    assert_eq!((fault.advice(), fault.reason()), (Advice::Retry, Reason::Http5xx));
    assert_eq!(busy.advice(), Advice::Wait(Duration::from_secs(9)));
}

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

    assert_eq!(received.unwrap().body, b"[]");
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
async fn a_gzip_body_is_decoded_and_a_bomb_is_stopped_at_the_cap() {
    let small = get_once(Reply::Bytes(answer("200 OK", "content-encoding: gzip\r\n", &gzip(b"[]")))).await;
    let bomb = gzip(&vec![b' '; (16 << 20) + 1]);
    assert!(bomb.len() < 64 << 10);

    let error = error_of("200 OK", "content-encoding: gzip\r\n", &bomb).await;

    assert_eq!(small.unwrap().body, b"[]");
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

    assert_eq!(received.unwrap().body, b"[]");
    assert!(script.seen()[1].head.starts_with("GET /elsewhere "));
    assert!(matches!(error, NetError::Redirected { .. }), "{error:?}");
    assert!(circle.seen().len() <= 7, "{}", circle.seen().len());
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
    assert_eq!(levels[0], "level binance 538 540");
    let second: f64 = levels[1].split(' ').nth(2).unwrap().parse().unwrap();
    assert!(second < 400.0, "{levels:?}");
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

#[tokio::test]
async fn another_error_with_status_200_is_left_to_the_parser() {
    let body = br#"{"code":-1121,"msg":"Invalid symbol."}"#;

    let received = get_once(Reply::Bytes(answer("200 OK", "", body))).await;

    assert_eq!(received.unwrap().body, body);
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

/// What each exchange says of a limit or a ban, where and how long it means: status, headers, body, seconds.
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

/// Whether the address is shut out, rather than asked to send less.
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
        let settings = Settings { rest_url: Some(script.url.clone()), ..Settings::default() };
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

#[test]
fn an_address_that_is_no_url_is_refused_when_the_client_is_built() {
    for url in ["api.binance.com", "ftp://api.binance.com", ""] {
        let settings = Settings { rest_url: Some(url.to_owned()), ..Settings::default() };

        let built = Client::new(exchange::find("binance").unwrap(), settings, Arc::new(Silent));

        assert!(matches!(built.err(), Some(NetError::Unusable { .. })), "{url:?}");
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}
