//! From an exchange that fails to a message in the place of Slack, and back: the program on a simulated exchange, a
//! real Prometheus, a real Alertmanager, and the shipped files. On the way every alert and every panel is asked of that
//! Prometheus.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Instant;

use dccd::sim::{Fault, Knobs, Rule, Sim};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::answers::assert_answers;
use crate::overlay;
use crate::post::{PostBox, Posted};
use crate::process::{PATIENCE, ask, have, until};

/// Failed runs in a row that make an alert, by exchange: each of its own daemon and configuration.
const THRESHOLDS: [(&str, &str, u32); 2] = [("binance", "BTC/USDT", 3), ("kraken", "ETH/USD", 5)];

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_fails_is_told_of_once_and_its_recovery_once() {
    if !have(&["prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let (folder, slack) = (TempDir::new().unwrap(), PostBox::open().await);
    fs::create_dir(folder.path().join("secrets")).unwrap();
    for name in ["slack_url", "second_url"] {
        fs::write(folder.path().join("secrets").join(name), slack.url(name)).unwrap();
    }
    let sim = Sim::start("127.0.0.1:0".parse().unwrap(), knobs()).await.unwrap();
    let mut daemons = Vec::new();
    for (exchange, pair, threshold) in THRESHOLDS {
        daemons.push(Daemon::start(&sim, exchange, pair, threshold).await);
    }
    let addresses: Vec<SocketAddr> = daemons.iter().map(|daemon| daemon.address).collect();
    let alertmanager = overlay::alertmanager(folder.path()).await;
    let prometheus = overlay::prometheus(folder.path(), alertmanager.address, &addresses).await;
    for daemon in &daemons {
        daemon.wait_for("dccd_job_last_success_timestamp_seconds", |at| at > 0.0).await;
    }
    until("the first scrapes", async || {
        let scraped = prometheus.get("/api/v1/query?query=count(up==1)").await;
        scraped.contains(r#""4"]"#).then_some(())
    })
    .await;

    sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Status500)]);
    for (daemon, (exchange, pair, threshold)) in daemons.iter().zip(THRESHOLDS) {
        daemon.wait_for("dccd_job_consecutive_errors", |errors| errors >= f64::from(threshold)).await;
        let failed = Instant::now();
        let message =
            until("a message that it fails", async || first(&slack, exchange, "danger|warning")).await;
        println!("{exchange}: {:?} from failure {threshold} to the message", message.at - failed);
        assert_firing(&message, exchange, pair, threshold);
    }
    sim.set(|knobs| knobs.faults.clear());
    tokio::join!(
        recovery(&daemons[0], &slack, THRESHOLDS[0].0),
        recovery(&daemons[1], &slack, THRESHOLDS[1].0)
    );

    assert_answers(&prometheus).await;
    let told: Vec<String> = slack.messages().iter().map(|message| message.attachment().title).collect();
    assert_eq!(
        told.len(),
        2 * THRESHOLDS.len(),
        "one message each when it fails and when it is over: {told:#?}"
    );
    for daemon in daemons {
        daemon.end().await;
    }
    sim.stop().await;
}

async fn recovery(daemon: &Daemon, slack: &PostBox, exchange: &str) {
    daemon.wait_for("dccd_job_consecutive_errors", |errors| errors == 0.0).await;
    let recovered = Instant::now();
    let message = until("a message that it is over", async || first(slack, exchange, "good")).await;
    println!("{exchange}: {:?} from recovery to \"resolved\"", message.at - recovered);
}

fn knobs() -> Knobs {
    Knobs { symbols: vec!["BTCUSDT".to_owned(), "ETHUSD".to_owned()], ..Knobs::default() }
}

fn first(slack: &PostBox, exchange: &str, colors: &str) -> Option<Posted> {
    slack.messages().into_iter().find(|message| {
        let attachment = message.attachment();
        attachment.title.contains(exchange) && colors.contains(&attachment.color)
    })
}

fn assert_firing(message: &Posted, exchange: &str, pair: &str, threshold: u32) {
    let told = message.attachment();
    assert_eq!(message.path, "/slack_url");
    assert_eq!(told.title, format!(":warning: dccd: {threshold} consecutive errors on {exchange} {pair}"));
    assert!(
        told.text.starts_with(&told.title) && told.text.contains("*DccdConsecutiveErrors*"),
        "{}",
        told.text
    );
    let links: BTreeMap<&str, &str> =
        told.actions.iter().map(|action| (action.text.as_str(), action.url.as_str())).collect();
    assert!(links["Runbook"].ends_with("/docs/runbooks/DccdConsecutiveErrors.md"), "{links:?}");
    assert!(links.contains_key("Dashboard"), "{links:?}");
}

/// A running `dccd start` with one minute series that is asked for every three seconds and never twice, so that a
/// failed run is told of before the next one begins.
struct Daemon {
    _home: TempDir,
    child: Child,
    address: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

impl Daemon {
    async fn start(sim: &Sim, exchange: &str, pair: &str, threshold: u32) -> Daemon {
        let home = TempDir::new().unwrap();
        let config = format!(
            "settings: {{data_path: {data:?}}}\n\
             http: {{listen: [\"127.0.0.1:0\"]}}\n\
             alerts: {{max_consecutive_errors: {threshold}}}\n\
             exchanges: {{{exchange}: {{rest_url: \"{url}/{exchange}\"}}}}\n\
             histo_jobs:\n  - {{exchange: {exchange}, pairs: [{pair}], span: 60, every: 3, max_retries: 1}}\n",
            data = home.path().join("data"),
            url = sim.url(),
        );
        fs::write(home.path().join("config.yml"), config).unwrap();
        let stderr = home.path().join("stderr");
        let mut child = Command::new(env!("CARGO_BIN_EXE_dccd"))
            .arg("--config")
            .arg(home.path().join("config.yml"))
            .arg("start")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&stderr).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let address = timeout(PATIENCE, served_address(&mut stdout)).await.unwrap();
        let address = address.unwrap_or_else(|| panic!("{}", fs::read_to_string(&stderr).unwrap()));
        Daemon { _home: home, child, address, _stdout: stdout }
    }

    /// Waits until the one sample of a family is as wanted.
    async fn wait_for(&self, family: &str, wanted: impl Fn(f64) -> bool) {
        until(family, async || {
            let metrics = ask(self.address, "GET", "/metrics", "").await.unwrap();
            let sample = metrics
                .lines()
                .find(|line| line.strip_prefix(family).is_some_and(|rest| rest.starts_with('{')));
            let value: f64 = sample?.rsplit(' ').next()?.parse().unwrap();
            wanted(value).then_some(())
        })
        .await;
    }

    async fn end(mut self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().success());
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
