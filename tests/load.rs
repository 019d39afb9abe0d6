//! The server under load: many scrapes leave nothing behind, and many slow clients take nothing away.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails its test")]

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dccd::daemon::Status;
use dccd::http::{App, Limits, bind, serve};
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
