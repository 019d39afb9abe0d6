//! The built program on a simulated exchange: what it tells Prometheus, its status file and its users is one truth.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and write its own configuration.

mod needs;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use dccd::sim::{Knobs, Sim};
use flate2::read::GzDecoder;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long anything may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks at something that is awaited.
const PAUSE: Duration = Duration::from_millis(20);
/// How long the program may take to end once it is told to.
const END_WITHIN: Duration = Duration::from_secs(5);

const SERIES: [&str; 3] =
    ["binance/BTC-USDT/ohlc/1h", "binance/BTC-USDT/ohlc/1d", "binance/ETH-USDT/ohlc/1h"];

#[tokio::test(flavor = "multi_thread")]
async fn the_scraped_metrics_pass_promtool_and_are_the_same_compressed_or_not() {
    let mut daemon = Daemon::start().await;
    daemon.wait_for_success().await;

    let plain = daemon.get("/metrics", "identity").await;
    let packed = daemon.get("/metrics", "gzip").await;

    assert_eq!((plain.encoding.as_deref(), packed.encoding.as_deref()), (None, Some("gzip")));
    assert_eq!(plain.content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(packed.content_type, plain.content_type);
    let (one, other) = (samples(&plain.text()), samples(&packed.text()));
    assert!(one.len() > 100, "only {} samples", one.len());
    assert_eq!(one.keys().collect::<BTreeSet<_>>(), other.keys().collect::<BTreeSet<_>>());
    let settled = |all: &BTreeMap<String, f64>| -> Vec<(String, f64)> {
        let names = ["dccd_rows_", "dccd_job_last_", "dccd_series_", "dccd_http_requests_total"];
        let is_settled = |name: &str| names.iter().any(|prefix| name.starts_with(prefix));
        all.iter().filter(|(name, _)| is_settled(name)).map(|(name, value)| (name.clone(), *value)).collect()
    };
    assert_eq!(settled(&one), settled(&other));
    if let Some(findings) = promtool(&plain.text()) {
        assert_eq!(findings, "");
    }
    daemon.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_fresh_run_every_place_that_counts_rows_says_the_same() {
    let mut daemon = Daemon::start().await;
    daemon.wait_for_success().await;
    let metrics = samples(&daemon.get("/metrics", "identity").await.text());
    let home = daemon.end().await;
    // The exchange and the daemon are gone: what follows works offline.

    let in_footers = SERIES.map(|series| (series, home.rows_in_footers(series)));
    let in_metrics = SERIES.map(|series| (series, metrics[&written(series)] as u64));
    let lines: Vec<InventoryLine> =
        serde_json::from_slice(&home.dccd(&["inventory", "--json"]).await).unwrap();
    let in_inventory: BTreeMap<&str, u64> =
        lines.iter().map(|line| (line.series.as_str(), line.rows)).collect();
    let in_file: BTreeMap<String, PairLine> =
        serde_json::from_slice(&fs::read(home.data().join(".dccd/metrics.json")).unwrap()).unwrap();
    let in_status: BTreeMap<String, PairLine> =
        serde_json::from_slice(&home.dccd(&["status", "--json"]).await).unwrap();

    assert!(in_footers.iter().all(|(_, rows)| *rows > 300), "{in_footers:?}");
    assert_eq!(in_metrics, in_footers);
    assert_eq!(in_inventory, BTreeMap::from(in_footers));
    let rows_of = |pairs: &BTreeMap<String, PairLine>| -> Vec<(String, u64)> {
        pairs.iter().map(|(pair, line)| (pair.clone(), line.rows_collected)).collect()
    };
    let [btc_hours, btc_days, eth_hours] = in_footers.map(|(_, rows)| rows);
    let of_pairs =
        [("binance/BTC/USDT".to_owned(), btc_hours + btc_days), ("binance/ETH/USDT".to_owned(), eth_hours)];
    assert_eq!(rows_of(&in_file), of_pairs);
    assert_eq!(rows_of(&in_status), of_pairs);
    assert!(in_status.values().all(|line| line.errors_count == 0 && line.last_success_at.is_some()));
    let table = String::from_utf8(home.dccd(&["status"]).await).unwrap();
    assert!(table.contains("binance/BTC/USDT") && table.contains("binance/ETH/USDT"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_collect_leaves_behind_is_served_by_node_exporter_after_a_failure_too() {
    let sim = Sim::start((Ipv4Addr::LOCALHOST, 0).into(), Knobs::default()).await.unwrap();
    let home = Home::new(&sim.url());
    let text = fs::read_to_string(home.config()).unwrap().replace("span:", "max_retries: 1, span:");
    fs::write(home.config(), &text).unwrap();
    let folder = home.0.path().join("textfiles");
    fs::create_dir(&folder).unwrap();
    let collect = async || {
        let mut command = home.command(&["collect", "--textfile", folder.to_str().unwrap()]);
        let ended = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
        let left = fs::read_to_string(folder.join("dccd.prom")).unwrap();
        if let Some(findings) = promtool(&left) {
            assert_eq!(findings, "");
        }
        (ended.status.code().unwrap(), samples(&left), left)
    };
    let of = |name: &str| format!("dccd_collect_{name}{}", labels(SERIES[0]));
    let (last_run, last_success) = (of("last_run_timestamp_seconds"), of("last_success_timestamp_seconds"));

    let (well, good, left) = collect().await;
    let served = node_exporter(&folder).await;
    sim.stop().await;
    let (failed, bad, _) = collect().await;
    fs::write(home.config(), text.replace("binance", "binanze")).unwrap();
    let (refused, neither, _) = collect().await;

    assert_eq!((well, good["dccd_collect_exit_code"]), (0, 0.0), "{left}");
    assert!(
        good[&last_success] > 1.7e9
            && good[&of("rows")] > 300.0
            && good.contains_key(&of("duration_seconds"))
    );
    if let Some(served) = served {
        let served = samples(&served);
        assert!(good.iter().all(|(name, value)| served.get(name) == Some(value)), "{served:?}");
        assert_eq!(served["node_textfile_scrape_error"], 0.0);
    }
    assert_eq!((failed, bad["dccd_collect_exit_code"]), (1, 1.0));
    assert_eq!(bad[&last_success], good[&last_success]);
    assert!(bad[&last_run] > good[&last_run] && bad[&of("rows")] == 0.0);
    assert_eq!((refused, neither["dccd_collect_exit_code"]), (78, 78.0));
    let without = |all: &BTreeMap<String, f64>| -> BTreeMap<String, f64> {
        all.iter()
            .filter(|(name, _)| *name != "dccd_collect_exit_code")
            .map(|(name, value)| (name.clone(), *value))
            .collect()
    };
    assert_eq!(without(&neither), without(&bad));
}

/// The metrics that node_exporter serves from a folder; `None` if it is not installed.
async fn node_exporter(folder: &Path) -> Option<String> {
    if !needs::programs(&["prometheus-node-exporter"]) {
        return None;
    }
    let address = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let _exporter = Command::new("prometheus-node-exporter")
        .args(["--collector.disable-defaults", "--collector.textfile"])
        .arg(format!("--collector.textfile.directory={}", folder.display()))
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut stream = loop {
        match TcpStream::connect(address).await {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "node_exporter does not listen: {error}"),
        }
        sleep(PAUSE).await;
    };
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.unwrap();
    let mut said = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut said)).await.unwrap().unwrap();
    Some(said.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// A pair's entry of `metrics.json`.
#[derive(Deserialize)]
struct PairLine {
    last_success_at: Option<f64>,
    rows_collected: u64,
    errors_count: u64,
}

#[derive(Deserialize)]
struct InventoryLine {
    series: String,
    rows: u64,
}

/// A folder with a configuration and the data it names.
struct Home(TempDir);

impl Home {
    /// The daemon's first run is the only one: a yearly line leaves nothing to race with.
    fn new(rest_url: &str) -> Self {
        let home = Home(tempfile::tempdir().unwrap());
        let text = format!(
            "settings: {{data_path: {data:?}}}\n\
             http: {{listen: [\"127.0.0.1:0\"]}}\n\
             exchanges: {{binance: {{rest_url: {rest_url:?}}}}}\n\
             histo_jobs:\n\
             - {{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, start: 2026-01-01, cron: \"0 0 1 1 *\"}}\n\
             - {{exchange: binance, pairs: [BTC/USDT], span: 86400, start: 2024-01-01, cron: \"0 0 1 1 *\"}}\n",
            data = home.data(),
        );
        fs::write(home.config(), text).unwrap();
        home
    }

    fn config(&self) -> PathBuf {
        self.0.path().join("config.yml")
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dccd"));
        command.arg("--config").arg(self.config()).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// The output of a command, which must succeed.
    async fn dccd(&self, arguments: &[&str]) -> Vec<u8> {
        let Output { status, stdout, stderr } =
            timeout(PATIENCE, self.command(arguments).output()).await.unwrap().unwrap();
        assert!(status.success(), "{arguments:?}: {status} {}", String::from_utf8_lossy(&stderr));
        stdout
    }

    /// The rows the Parquet files of a series say they hold, read without this program's own reader.
    fn rows_in_footers(&self, series: &str) -> u64 {
        let parts: Vec<&str> = series.split('/').collect();
        let folder = self.data().join(parts[0]).join(parts[2]).join(parts[1]).join(parts[3]);
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let parquet = files.filter(|path| path.extension().is_some_and(|extension| extension == "parquet"));
        parquet.map(|path| rows_of(&path)).sum()
    }
}

fn rows_of(path: &Path) -> u64 {
    let file = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    u64::try_from(file.metadata().file_metadata().num_rows()).unwrap()
}

/// A running `dccd start`, killed when it is dropped.
struct Daemon {
    home: Home,
    sim: Sim,
    child: Child,
    address: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

impl Daemon {
    async fn start() -> Self {
        let sim = Sim::start((Ipv4Addr::LOCALHOST, 0).into(), Knobs::default()).await.unwrap();
        let home = Home::new(&sim.url());
        let stderr = File::create(home.0.path().join("stderr")).unwrap();
        let mut child = home.command(&["start"]).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let address = timeout(PATIENCE, served_address(&mut stdout)).await.unwrap();
        let Some(address) = address else {
            panic!("it did not start: {}", fs::read_to_string(home.0.path().join("stderr")).unwrap());
        };
        Daemon { home, sim, child, address, _stdout: stdout }
    }

    /// Waits until every job has succeeded once.
    async fn wait_for_success(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let metrics = samples(&self.get("/metrics", "identity").await.text());
            let waiting: Vec<&str> = SERIES
                .into_iter()
                .filter(|series| metrics.get(&succeeded(series)).is_none_or(|at| *at == 0.0))
                .collect();
            if waiting.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "no success of {waiting:?}: {}", self.complaints());
            sleep(PAUSE).await;
        }
    }

    /// Its standard error.
    fn complaints(&self) -> String {
        fs::read_to_string(self.home.0.path().join("stderr")).unwrap()
    }

    async fn get(&self, path: &str, encoding: &str) -> Answer {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n",
            self.address
        );
        let mut bytes = Vec::new();
        timeout(PATIENCE, async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.read_to_end(&mut bytes).await.unwrap();
        })
        .await
        .unwrap();
        Answer::read(&bytes)
    }

    /// Tells it to end; it must end well, and in time. The simulated exchange goes with it.
    async fn end(mut self) -> Home {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let ended = timeout(END_WITHIN, self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("still there: {}", self.complaints())).unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.complaints());
        self.sim.stop().await;
        self.home
    }
}

/// The address in `Serving http://127.0.0.1:40123/ and …`; none where standard output ends without it.
async fn served_address(stdout: &mut BufReader<ChildStdout>) -> Option<SocketAddr> {
    let mut lines = stdout.lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some(rest) = line.strip_prefix("Serving http://") {
            return Some(rest.split('/').next().unwrap().parse().unwrap());
        }
    }
    None
}

/// An answer with status 200.
struct Answer {
    content_type: String,
    encoding: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let header = |wanted: &str| {
            head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
            })
        };
        let body = bytes[end + 4..].to_vec();
        assert_eq!(header("content-length"), Some(body.len().to_string()), "{head}");
        Answer { content_type: header("content-type").unwrap(), encoding: header("content-encoding"), body }
    }

    fn text(&self) -> String {
        let body = self.body.as_slice();
        let text = match self.encoding {
            None => io::read_to_string(body),
            Some(_) => io::read_to_string(GzDecoder::new(body)),
        };
        text.unwrap()
    }
}

/// Every sample of an exposition: its name with its labels, and its value.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

fn written(series: &str) -> String {
    format!("dccd_rows_written_total{}", labels(series))
}

fn succeeded(series: &str) -> String {
    format!("dccd_job_last_success_timestamp_seconds{}", labels(series))
}

/// The labels of a series such as `binance/BTC-USDT/ohlc/1h`.
fn labels(series: &str) -> String {
    let parts: Vec<&str> = series.split('/').collect();
    let pair = parts[1].replace('-', "/");
    format!(r#"{{exchange="{}",kind="{}",pair="{pair}",span="{}"}}"#, parts[0], parts[2], parts[3])
}

/// The problems that promtool finds; `None` if it is not installed.
fn promtool(metrics: &str) -> Option<String> {
    if !needs::programs(&["promtool"]) {
        return None;
    }
    let mut promtool = std::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let findings = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
    Some(if said.status.success() { findings } else { format!("{}\n{findings}", said.status) })
}
