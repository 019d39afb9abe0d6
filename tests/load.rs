//! The server under load: many scrapes leave nothing behind, and many slow clients take nothing away.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails its test")]

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dccd::daemon::Status;
use dccd::http::{App, Limits, bind, serve};
use dccd::model::Series;
use dccd::telemetry::events::JobsPaused;
use dccd::telemetry::{Telemetry, exposition};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each test measures the whole process, so they run one after the other.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_scrapes_leave_no_memory_behind() {
    let _alone = ALONE.lock().await;
    let server = Server::start(20, Limits::default()).await;
    for number in 0..100 {
        server.scrape(number).await;
    }
    let before = resident_bytes();

    for number in 0..1_000 {
        server.scrape(number).await;
    }

    let grown = resident_bytes().saturating_sub(before);
    println!("1 000 scrapes of {} samples: {} kB more than before", server.samples(), grown / 1_000);
    // One body kept of each scrape would be 90 MB.
    assert!(grown < 16 << 20, "{grown} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_scrape_is_answered_beside_two_hundred_slow_clients_which_are_then_cut_off() {
    let _alone = ALONE.lock().await;
    let limit = Duration::from_secs(3);
    let server = Server::start(1_000, Limits { head: limit, stall: limit, ..Limits::default() }).await;
    let mut slow = Vec::new();
    for number in 0..200 {
        let mut client = server.connect_with_little_room().await;
        if number % 2 == 0 {
            client.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc").await.unwrap();
        } else {
            // It asks for more than fits on the way, and takes no more than the first of it.
            client.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
            let mut first = [0; 15];
            timeout(PATIENCE, client.read_exact(&mut first)).await.unwrap().unwrap();
            assert_eq!(&first, b"HTTP/1.1 200 OK");
        }
        slow.push(client);
    }
    let began = Instant::now();

    server.scrape(0).await;

    let took = began.elapsed();
    println!("answered in {took:?} beside {} slow clients", slow.len());
    assert!(took < PATIENCE / 2, "{took:?}");
    let deadline = Instant::now() + PATIENCE;
    while server.sample("dccd_server_connections") > 0.0 {
        assert!(Instant::now() < deadline, "{} are still there", server.sample("dccd_server_connections"));
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_of_two_hundred_readers_of_events_that_never_read_cost_no_memory_and_no_event_of_the_others() {
    const ROUNDS: u64 = 400;
    const EVENTS: u64 = 50;
    let _alone = ALONE.lock().await;
    let limits = Limits { stall: Duration::from_secs(2), ..Limits::default() };
    let server = Server::start(20, limits).await;
    let mut idle = Vec::new();
    for _ in 0..50 {
        let mut client = server.connect_with_little_room().await;
        client.write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        idle.push(client);
    }
    let taken = Arc::new(AtomicU64::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..150 {
        let (address, taken) = (server.address, Arc::clone(&taken));
        readers.spawn(async move {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
            let (mut buffer, mut kept) = (vec![0; 1 << 14], Vec::new());
            let mut own = 0;
            while own < ROUNDS * EVENTS {
                let read = timeout(PATIENCE, client.read(&mut buffer)).await.unwrap().unwrap();
                assert!(read > 0, "it was cut off after {own} events");
                kept.extend_from_slice(&buffer[..read]);
                let end = kept.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let whole: Vec<u8> = kept.drain(..end).collect();
                let events =
                    whole.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"event: job"));
                let events = events.count() as u64;
                own += events;
                taken.fetch_add(events, Ordering::Relaxed);
            }
        });
    }
    let deadline = Instant::now() + PATIENCE;
    while server.sample("dccd_server_event_readers") < 200.0 {
        assert!(Instant::now() < deadline, "{} readers", server.sample("dccd_server_event_readers"));
        sleep(Duration::from_millis(20)).await;
    }
    let series: Series = "binance/A1-USDT/trades".parse().unwrap();
    let mut after_some = 0;

    for round in 0..ROUNDS {
        for _ in 0..EVENTS {
            server.telemetry.emit(JobsPaused { series: std::slice::from_ref(&series), is_paused: true });
        }
        // Those who read are given the time that they need.
        while taken.load(Ordering::Relaxed) < 150 * (round + 1) * EVENTS && !readers.is_empty() {
            assert!(Instant::now() < deadline, "the readers do not keep up");
            sleep(Duration::from_millis(1)).await;
        }
        if round == ROUNDS / 4 {
            after_some = resident_bytes();
        }
    }

    let grown = resident_bytes().saturating_sub(after_some);
    println!("{} events to 200 readers: {} kB more than after a quarter", ROUNDS * EVENTS, grown / 1_000);
    while let Some(ended) = readers.join_next().await {
        ended.unwrap();
    }
    // Kept for each of those who do not read, the last three quarters alone would be 120 MB.
    assert!(grown < 16 << 20, "{grown} bytes");
    while server.sample("dccd_server_event_readers") > 0.0 {
        assert!(Instant::now() < deadline, "{} are still there", server.sample("dccd_server_event_readers"));
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.sample("dccd_server_stalled_connections_total"), 50.0);
}

fn resident_bytes() -> u64 {
    let stat = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = stat.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size() as u64
}

struct Server {
    address: SocketAddr,
    telemetry: Telemetry,
    _running: JoinSet<()>,
}

impl Server {
    async fn start(series: usize, limits: Limits) -> Self {
        let listeners = bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        let address = listeners[0].local_addr().unwrap();
        let telemetry = Telemetry::new();
        telemetry.metrics().limit_series(series);
        for number in 0..series {
            let name = format!("binance/A{number}-USDT/trades").parse().unwrap();
            telemetry.declare_series(&name, "job", Duration::from_secs(60));
        }
        let app = App::with_limits(telemetry.clone(), Arc::new(Status::new()), limits);
        let mut running = JoinSet::new();
        running.spawn(serve(listeners, app, CancellationToken::new()));
        Server { address, telemetry, _running: running }
    }

    /// A whole scrape, by turns plain, compressed, and in OpenMetrics.
    async fn scrape(&self, number: usize) {
        let accept = match number % 3 {
            0 => "",
            1 => "Accept-Encoding: gzip\r\n",
            _ => "Accept: application/openmetrics-text\r\n",
        };
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{accept}Connection: close\r\n\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut said)).await.unwrap().unwrap();
        assert!(said.starts_with(b"HTTP/1.1 200 OK") && said.len() > 1_000);
    }

    async fn connect_with_little_room(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    fn sample(&self, name: &str) -> f64 {
        let text = exposition::text(self.telemetry.metrics()).unwrap();
        let mut values =
            text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        values.next().unwrap()
    }

    fn samples(&self) -> usize {
        let text = exposition::text(self.telemetry.metrics()).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).count()
    }
}
