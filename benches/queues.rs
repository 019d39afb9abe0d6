//! The time of `/health/v2/queues` over HTTP on a running daemon whose store holds a million finished tasks, on
//! both stores: `cargo bench --bench parts -- queues`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dccd::db::Database;

use crate::tasks::{DEFERRED, FINISHED, WAITING, defer, fill};

/// Requests that are measured.
const REQUESTS: usize = 2_000;
/// How long the daemon may take to show what its store holds.
const SHOWS_WITHIN: Duration = Duration::from_secs(120);

#[tokio::main]
pub(crate) async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("data/.dccd");
    std::fs::create_dir_all(&own).expect("a folder");
    let sqlite = Database::open(&own).await.expect("an empty folder");
    measure("SQLite", sqlite, folder.path(), "").await;
    match crate::postgres::Server::start("") {
        Some(server) => {
            let url = server.database().await;
            let database = Database::connect(&url).await.expect("a new database");
            let folder = tempfile::tempdir().expect("a folder");
            measure("PostgreSQL", database, folder.path(), &format!("store: {url}\n")).await;
        }
        None => println!("PostgreSQL cannot run here"),
    }
}

async fn measure(store: &str, database: Database, folder: &Path, setting: &str) {
    fill(&database, "finished", FINISHED, 40).await;
    defer(&database).await;
    fill(&database, "waiting", WAITING, 0).await;
    database.close().await;
    // Its exchange refuses the connection: nothing is collected, and the daemon runs all the same.
    let text = format!(
        "settings: {{data_path: {}/data}}\nhttp: {{listen: [\"127.0.0.1:0\"]}}\n{setting}\
         exchanges: {{binance: {{rest_url: \"http://127.0.0.1:1\"}}}}\n\
         histo_jobs:\n  - {{exchange: binance, pairs: [BTC/USDT], span: 3600}}\n",
        folder.display()
    );
    std::fs::write(folder.join("config.yml"), text).expect("room");
    let daemon = Daemon::start(folder);
    let mut connection = BufReader::new(TcpStream::connect(&daemon.address).expect("it listens"));
    let began = Instant::now();
    let depth = format!("\"depth\":{WAITING},");
    while !ask(&mut connection).contains(&depth) {
        assert!(began.elapsed() < SHOWS_WITHIN, "it never shows {depth}: {}", ask(&mut connection));
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut took = Vec::with_capacity(REQUESTS);
    let began = Instant::now();
    for _ in 0..REQUESTS {
        let asked = Instant::now();
        ask(&mut connection);
        took.push(asked.elapsed());
        // Spread over many rounds of counting.
        std::thread::sleep(Duration::from_millis(5));
    }
    took.sort_unstable();
    let (half, most) = (took[REQUESTS / 2], took[REQUESTS * 99 / 100]);
    println!(
        "{store}: /health/v2/queues over HTTP with {FINISHED} finished, {DEFERRED} due later and {WAITING} waiting: p50 {half:?}, p99 {most:?}, worst {:?}, in {:.0} s",
        took[REQUESTS - 1],
        began.elapsed().as_secs_f64()
    );
}

/// A daemon that is killed with its owner.
struct Daemon {
    child: Child,
    address: String,
}

impl Daemon {
    fn start(folder: &Path) -> Daemon {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dccd"))
            .args(["start", "--config"])
            .arg(folder.join("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program");
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it says where it serves");
        let address = line.strip_prefix("Serving http://").and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        Daemon { child, address }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection that is kept; gives the body.
fn ask(connection: &mut BufReader<TcpStream>) -> String {
    connection
        .get_mut()
        .write_all(b"GET /health/v2/queues HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("it takes requests");
    let mut length = 0;
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).expect("it answers");
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(given) = line.strip_prefix("content-length:") {
            length = given.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).expect("the whole body");
    String::from_utf8(body).expect("JSON")
}
