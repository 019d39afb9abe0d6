//! The HTTP server over a real socket, spoken to in plain HTTP/1.1.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A helper of a test fails its test; one writes a token.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dccd::daemon::{ExchangeView, JobRow, QueueView, STARTING, Snapshot, Status, StoreView, WorkerView};
use dccd::http::{Access, App, Auth, Limits, bind, routes, serve};
use dccd::model::Micros;
use dccd::telemetry::Telemetry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn metrics_are_text_0_0_4_with_the_exact_content_type() {
    let server = Server::start(Limits::default()).await;

    let answer = server.get("/metrics", "").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
    assert_eq!(answer.header("content-encoding"), None);
    assert!(answer.text().contains("\ndccd_storage_quarantined_files_total 0\n"));
}

#[tokio::test]
async fn openmetrics_is_sent_to_those_who_ask_for_it() {
    let server = Server::start(Limits::default()).await;

    let asked =
        "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n";
    let open = server.get("/metrics", asked).await;
    let less = server.get("/metrics", "Accept: text/plain, application/openmetrics-text;q=0.9\r\n").await;

    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.header("content-type"), Some(kind));
    assert_eq!(open.header("vary"), Some("Accept, Accept-Encoding"));
    assert!(open.text().ends_with("\n# EOF\n"));
    assert_eq!(less.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
}

#[tokio::test]
async fn a_scrape_that_is_not_ready_in_its_time_is_refused_and_keeps_its_place_until_it_ends() {
    let server = Server::start(Limits { scrapes: 1, ..Limits::default() }).await;
    let gate = Gate::on(&server.telemetry);
    let header = "X-Prometheus-Scrape-Timeout-Seconds: 0.1\r\n";
    let mut scrapes = JoinSet::new();
    scrapes.spawn(ask(server.address, format!("GET /metrics HTTP/1.1\r\n{header}{CLOSE}\r\n")));
    let gate = tokio::task::spawn_blocking(move || gate.until_reached(1)).await.unwrap();

    let late = scrapes.join_next().await.unwrap().unwrap();
    let meanwhile = server.get("/metrics", "").await;
    drop(gate);

    assert_eq!((late.status, late.header("retry-after")), (503, Some("1")));
    assert!(late.text().contains("not ready in time"), "{}", late.text());
    assert_eq!(meanwhile.status, 503);
    assert!(meanwhile.text().contains("too many scrapes"), "{}", meanwhile.text());
    // The work of the first one ends by itself now that the gate is open.
    let deadline = Instant::now() + PATIENCE;
    let text = loop {
        let answer = server.get("/metrics", "").await;
        if answer.status == 200 {
            break answer.text();
        }
        assert!(Instant::now() < deadline, "the place was never given back");
        tokio::task::yield_now().await;
    };
    assert!(text.contains("\ndccd_server_scrapes_refused_total{reason=\"late\"} 1\n"), "{text}");
}

#[tokio::test]
async fn gzip_decodes_to_the_same_text() {
    let server = Server::start(Limits::default()).await;

    let plain = server.get("/metrics", "").await;
    let packed = server.get("/metrics", "Accept-Encoding: deflate, gzip;q=0.5\r\n").await;

    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < plain.body.len() / 2);
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut unpacked).unwrap();
    assert_eq!(ours(&unpacked), ours(&plain.text()));
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let server = Server::start(Limits::default()).await;
    server.status.set_jobs(vec![job("plain")]);

    for path in ["/", "/-/healthy", "/-/ready", "/-/nothing"] {
        let get = server.get(path, "").await;
        let head = server.ask(&format!("HEAD {path} HTTP/1.1\r\n{CLOSE}\r\n")).await;

        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{path}");
        assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
    }
    assert_eq!(server.ask(&format!("HEAD /metrics HTTP/1.1\r\n{CLOSE}\r\n")).await.body, b"");
}

#[tokio::test]
async fn an_unknown_path_is_404_and_a_method_without_a_route_405_naming_the_others() {
    let server = Server::start(Limits::default()).await;

    let nothing = server.get("/nothing", "").await;
    let posted = server.ask(&format!("POST /metrics HTTP/1.1\r\nContent-Length: 2\r\n{CLOSE}\r\nhi")).await;

    assert_eq!((nothing.status, posted.status), (404, 405));
    assert_eq!(posted.header("allow"), Some("GET, HEAD"));
    for answer in [nothing, posted] {
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = Server::start(Limits::default()).await;

    for path in ["/", "/metrics", "/-/ready", "/nothing"] {
        let answer = server.get(path, "").await;

        assert!(
            answer.header("content-security-policy").unwrap().starts_with("default-src 'none';"),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let referrer = if path == "/" { "same-origin" } else { "no-referrer" };
        assert_eq!(answer.header("referrer-policy"), Some(referrer), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
    }
}

#[tokio::test]
async fn readiness_names_every_reason_against_it_and_is_200_without_one() {
    let server = Server::start(Limits::default()).await;
    server.status.set_unready("store", "no \"space\" left");

    let starting = server.get("/-/ready", "").await;
    server.status.clear_unready("store");
    server.status.clear_unready(STARTING);
    let ready = server.get("/-/ready", "").await;

    assert_eq!(starting.status, 503);
    assert_eq!(
        starting.text(),
        r#"{"ready":false,"reasons":["starting: the daemon is starting","store: no \"space\" left"]}"#
    );
    assert_eq!((ready.status, ready.text().as_str()), (200, r#"{"ready":true,"reasons":[]}"#));
    assert_eq!(ready.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn it_is_healthy_only_while_the_scheduler_ticks() {
    let ticking = Server::start(Limits::default()).await;
    let stuck = Server::start(Limits { tick: Duration::ZERO, ..Limits::default() }).await;

    assert_eq!(ticking.get("/-/healthy", "").await.status, 200);
    let answer = stuck.get("/-/healthy", "").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().starts_with("the scheduler has not ticked for"), "{}", answer.text());
}

#[tokio::test]
async fn every_action_over_tcp_needs_the_token_and_reading_here_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "s3cret\n").unwrap();
    let guarded = Server::with(Limits::default(), Auth::new(Some(&path), false).unwrap()).await;
    let bare = Server::start(Limits::default()).await;
    let post = |path: &str, token: &str| {
        format!("POST {path} HTTP/1.1\r\nContent-Length: 2\r\n{token}{CLOSE}\r\n{{}}")
    };

    let of = |wanted: Access| routes().filter(move |route| route.2 == wanted);
    let acts = |access| access == Access::Admin;
    assert!(
        routes().all(|(_, method, access)| access == Access::Open || (method == "GET") != acts(access)),
        "every action needs the token but those that sign in and out"
    );
    assert!(of(Access::Admin).count() >= 6);
    for (action, ..) in of(Access::Admin) {
        for wrong in ["", "Authorization: Bearer secret\r\n", "Authorization: Basic czNjcmV0\r\n"] {
            let refused = guarded.ask(&post(action, wrong)).await;
            assert_eq!(refused.status, 401, "{action} {wrong}");
            assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"dccd\""));
            assert_eq!(bare.ask(&post(action, wrong)).await.status, 403, "{action}");
        }
        let passed = guarded.ask(&post(action, "Authorization: Bearer s3cret\r\n")).await;
        // There is no daemon behind this server; a fire drill needs none, but to be told how long it lasts, and a form
        // without its fields is none.
        let is_incomplete = ["/api/v1/alerts/test", "/configuration/remove"].contains(&action);
        let answered = if is_incomplete { 400 } else { 503 };
        assert_eq!(passed.status, answered, "{action}");
        assert_eq!(guarded.get(action, "").await.status, 405, "{action}");
    }
    let mut open: Vec<&str> = of(Access::Open).map(|route| route.0).collect();
    open.sort_unstable();
    assert_eq!(open, ["/-/healthy", "/-/ready", "/assets/{name}", "/sign-in", "/sign-in", "/sign-out"]);
    for (reading, ..) in of(Access::Reader) {
        // The feed of events has no end.
        let ask = format!("HEAD {reading} HTTP/1.1\r\n{CLOSE}\r\n");
        let status = guarded.ask(&ask).await.status;
        assert!(![401, 403].contains(&status), "{reading}: {status}");
    }
}

#[tokio::test]
async fn a_browser_signs_in_with_the_token_and_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "s3cret\n").unwrap();
    let server = Server::with(Limits::default(), Auth::new(Some(&path), false).unwrap()).await;
    let post = async |path: &str, headers: &str, body: &str| {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Length: {length}\r\nAccept: text/html\r\n{headers}{CLOSE}\r\n"
        );
        server.ask(&format!("{head}{body}")).await
    };
    let signed_out = post("/-/reload", "", "").await;
    assert_eq!((signed_out.status, signed_out.header("location")), (303, Some("/sign-in?to=%2F%2D")));
    let asked = server.get("/sign-in?to=%2Fseries%3Fstate%3Dgap", "").await;
    assert!(asked.text().contains("name=\"to\" value=\"/series?state=gap\""), "{}", asked.text());

    let wrong = post("/sign-in", "", "token=secret&to=%2F").await;
    let foreign = post("/sign-in", "Origin: https://evil.example\r\n", "token=s3cret").await;
    let right =
        post("/sign-in", "Origin: http://localhost\r\n", "token=s3cret&to=%2Fseries%3Fstate%3Dgap").await;

    assert_eq!((wrong.status, foreign.status, right.status), (401, 403, 303));
    assert!(
        wrong.text().contains("that is not the token of http.token_file")
            && wrong.header("set-cookie").is_none()
    );
    assert_eq!(
        (right.header("location"), right.header("cache-control")),
        (Some("/series?state=gap"), Some("no-store"))
    );
    let cookie = right.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let cookie = format!("Cookie: {cookie}\r\n");
    // There is no daemon behind this server.
    assert_eq!(post("/-/reload", &cookie, "").await.status, 503);
    assert_eq!(post("/-/reload", &format!("{cookie}Origin: https://evil.example\r\n"), "").await.status, 403);
    let out = post("/sign-out", &cookie, "").await;
    assert_eq!((out.status, out.header("location")), (303, Some("/")));
    assert!(out.header("set-cookie").unwrap().starts_with("dccd_session=; Path=/; Max-Age=0; HttpOnly"));
    assert_eq!(post("/-/reload", &cookie, "").await.status, 303, "the session has ended");
}

#[tokio::test]
async fn a_body_that_is_too_long_or_does_not_come_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "s3cret").unwrap();
    let limits = Limits { body_bytes: 8, head: Duration::from_millis(100), ..Limits::default() };
    let server = Server::with(limits, Auth::new(Some(&path), false).unwrap()).await;
    let head = "POST /api/v1/work HTTP/1.1\r\nAuthorization: Bearer s3cret\r\n";

    let long = server.ask(&format!("{head}Content-Length: 9\r\n{CLOSE}\r\n123456789")).await;
    let missing = server.ask(&format!("{head}Content-Length: 8\r\n{CLOSE}\r\n1234")).await;

    assert_eq!((long.status, missing.status), (413, 408));
}

#[tokio::test]
async fn health_and_queues_are_told_from_the_snapshot() {
    let server = Server::start(Limits::default()).await;
    assert_eq!(server.get("/health", "").await.status, 503, "nothing is known yet");
    server.status.clear_unready(STARTING);
    server.status.set_snapshot(snapshot(None));

    let (health, queues) = (server.get("/health", "").await, server.get("/health/v2/queues", "").await);

    assert_eq!((health.status, queues.status), (200, 200));
    assert!(
        health.text().starts_with(r#"{"status":"healthy","environment":"production""#),
        "{}",
        health.text()
    );
    let said = queues.text();
    for part in [
        r#"{"broker":"connected","store":{"kind":"sqlite","#,
        r#""environment":"production","queues":{"binance":{"name":"binance","status":"active","depth":2,"scheduled":3,"in_progress":1,"failed":0,"exhausted":0,"paused":0,"oldest_waiting_s":4.5,"#,
        r#""rate_limit":{"limit":6000,"per_s":60.0,"free_in_s":0.0},"paused_until":null}"#,
        r#""workers":[{"id":"host-7","#,
        r#""generated_at":"2025-05-17T00:00:00Z"}"#,
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }

    server.status.set_snapshot(snapshot(Some("the state store is locked")));
    let (health, queues) = (server.get("/health", "").await, server.get("/health/v2/queues", "").await);
    assert_eq!((health.status, queues.status), (200, 503));
    assert!(health.text().starts_with(r#"{"status":"degraded""#));
    let said = queues.text();
    assert!(said.starts_with(r#"{"broker":"error","error":"the state store is locked","#), "{said}");
    assert!(said.contains(r#""depth":2"#), "what is known is told all the same: {said}");
}

fn snapshot(store_error: Option<&str>) -> Snapshot {
    let at = Micros::from_secs(1_747_440_000);
    Snapshot {
        at,
        environment: "production".to_owned(),
        workers: vec![WorkerView {
            id: "host-7".to_owned(),
            pid: 7,
            state: "running",
            ..WorkerView::default()
        }],
        store: StoreView { kind: "sqlite", error: store_error.map(str::to_owned), ..StoreView::default() },
        exchanges: vec![ExchangeView {
            name: "binance",
            is_up: true,
            limit: 6_000,
            per_secs: 60.0,
            ..ExchangeView::default()
        }],
        queues: vec![QueueView {
            name: "binance".to_owned(),
            depth: 2,
            scheduled: 3,
            in_progress: 1,
            oldest_due: Some(at - Duration::from_millis(4_500)),
            ..QueueView::default()
        }],
        ..Snapshot::default()
    }
}

#[tokio::test]
async fn the_page_shows_jobs_and_lets_no_markup_through() {
    let server = Server::start(Limits::default()).await;
    server.status.set_jobs(vec![job("<img src=x onerror=alert(1)>")]);

    let answer = server.get("/", "").await;

    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let page = answer.text();
    assert!(page.contains("binance/BTC-USDT/ohlc/1h"), "{page}");
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;") && !page.contains("<img"), "{page}");
    assert_eq!(page.matches("<script").count(), page.matches("src=\"/assets/").count(), "{page}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.contains("script-src 'self'; style-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
}

#[tokio::test]
async fn a_client_that_is_slow_with_its_head_is_cut_off() {
    let server = Server::start(Limits { head: Duration::from_millis(50), ..Limits::default() }).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n").await.unwrap();

    let mut said = Vec::new();
    let cut = timeout(PATIENCE, slow.read_to_end(&mut said)).await;

    assert!(cut.is_ok(), "the connection stayed open");
    assert!(!said.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = Server::start(Limits { head: Duration::from_millis(50), ..Limits::default() }).await;
    let mut kept = server.connect().await;
    kept.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();

    let mut said = Vec::new();
    timeout(PATIENCE, kept.read_to_end(&mut said)).await.expect("the connection stayed open").unwrap();

    assert!(said.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn the_sixth_scrape_at_once_is_refused_and_the_next_one_served() {
    let server = Server::start(Limits::default()).await;
    let gate = Gate::on(&server.telemetry);
    let mut scrapes = JoinSet::new();
    for _ in 0..5 {
        scrapes.spawn(ask(server.address, format!("GET /metrics HTTP/1.1\r\n{CLOSE}\r\n")));
    }
    let gate = tokio::task::spawn_blocking(move || gate.until_reached(5)).await.unwrap();

    let sixth = server.get("/metrics", "").await;
    let page = server.get("/", "").await;
    drop(gate);

    assert_eq!((sixth.status, sixth.header("retry-after")), (503, Some("1")));
    assert_eq!(page.status, 200);
    while let Some(answer) = scrapes.join_next().await {
        assert_eq!(answer.unwrap().status, 200);
    }
    assert_eq!(server.get("/metrics", "").await.status, 200);
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_until_another_ends() {
    let server = Server::start(Limits { connections: 1, ..Limits::default() }).await;
    let first = server.connect().await;
    let mut waiting = JoinSet::new();
    waiting.spawn(ask(server.address, format!("GET /-/healthy HTTP/1.1\r\n{CLOSE}\r\n")));
    assert!(timeout(Duration::from_millis(100), waiting.join_next()).await.is_err());

    drop(first);

    assert_eq!(waiting.join_next().await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn stop_finishes_what_is_asked_and_cuts_off_the_rest_within_its_grace() {
    let mut server = Server::start(Limits::default()).await;
    let gate = Gate::on(&server.telemetry);
    let mut scrapes = JoinSet::new();
    scrapes.spawn(ask(server.address, format!("GET /metrics HTTP/1.1\r\n{CLOSE}\r\n")));
    let gate = tokio::task::spawn_blocking(move || gate.until_reached(1)).await.unwrap();
    let mut half = server.connect().await;
    half.write_all(b"GET /metrics HT").await.unwrap();

    let began = Instant::now();
    server.stop.cancel();
    drop(gate);
    let ended = timeout(PATIENCE, server.running.join_next()).await;

    assert!(ended.is_ok(), "the server went on");
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    assert_eq!(scrapes.join_next().await.unwrap().unwrap().status, 200);
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn an_address_in_use_is_named_and_keeps_its_kind() {
    let server = Server::start(Limits::default()).await;

    let error = bind(&[server.address]).await.unwrap_err();

    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&server.address.to_string()), "{error}");
}

const CLOSE: &str = "Host: localhost\r\nConnection: close\r\n";

struct Server {
    address: SocketAddr,
    telemetry: Telemetry,
    status: Arc<Status>,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        Server::with(limits, Auth::default()).await
    }

    async fn with(limits: Limits, auth: Auth) -> Self {
        let listeners = bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        let address = listeners[0].local_addr().unwrap();
        let (telemetry, status) = (Telemetry::new(), Arc::new(Status::new()));
        let stop = CancellationToken::new();
        let app = App::with_limits(telemetry.clone(), Arc::clone(&status), limits).with_auth(auth);
        let mut running = JoinSet::new();
        running.spawn(serve(listeners, app, stop.clone()));
        Server { address, telemetry, status, stop, running }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\n{headers}{CLOSE}\r\n")).await
    }

    async fn ask(&self, request: &str) -> Answer {
        ask(self.address, request.to_owned()).await
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Asks and reads until the server closes.
async fn ask(address: SocketAddr, request: String) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("no answer").unwrap();
    let end = said.windows(4).position(|four| four == b"\r\n\r\n").expect("no end of the head");
    let head = String::from_utf8(said[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: said[end + 4..].to_vec() }
}

/// A family that holds every scrape up until the gate is dropped.
struct Gate {
    reached: Receiver<()>,
    held: Sender<()>,
}

struct Held {
    reached: Mutex<Sender<()>>,
    opened: Mutex<Receiver<()>>,
    desc: Desc,
}

impl Gate {
    fn on(telemetry: &Telemetry) -> Self {
        let (reached_here, reached) = channel();
        let (held, opened) = channel();
        let desc = Desc::new("gate".into(), "A gate.".into(), vec![], std::collections::HashMap::new());
        telemetry.metrics().register(Box::new(Held {
            reached: Mutex::new(reached_here),
            opened: Mutex::new(opened),
            desc: desc.unwrap(),
        }));
        Gate { reached, held }
    }

    fn until_reached(self, scrapes: usize) -> Sender<()> {
        for _ in 0..scrapes {
            self.reached.recv_timeout(PATIENCE).expect("a scrape did not begin");
        }
        self.held
    }
}

impl Collector for Held {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Once the gate is gone the counts no longer matter.
        let _ = self.reached.lock().unwrap().send(());
        // Ends with an error when the gate is dropped.
        let _ = self.opened.lock().unwrap().recv_timeout(PATIENCE);
        Vec::new()
    }
}

fn job(last_error: &str) -> JobRow {
    JobRow {
        series: "binance/BTC-USDT/ohlc/1h".parse().unwrap(),
        last_run_at: Some(Micros::from_secs(1_747_440_000)),
        last_success_at: None,
        rows: 120,
        consecutive_errors: 2,
        last_error: Some(last_error.to_owned()),
        newest_row: None,
        next_run_at: None,
        is_running: false,
        is_paused: false,
    }
}

/// The lines that do not change by themselves.
fn ours(text: &str) -> Vec<&str> {
    let own = ["process_", "dccd_server_scrape_duration_seconds"];
    text.lines().filter(|line| !own.iter().any(|name| line.starts_with(name))).collect()
}
