//! Workers of one fleet, the exchange they collect from, and what they may be asked for.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use dccd::exchange::find;
use dccd::model::{Batch, Micros, Series, Span, Window, Zone};
use dccd::remote::Bucket;
use dccd::sim::{Clock, Knobs, Sim};
use dccd::store::{Layout, Ledger, Opened, Part, open_period_file};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::bucket::Served;
use crate::postgres;

/// The series the workers collect, and when it has data.
pub(crate) const FROM: &str = "2024-01-01";
pub(crate) const NOW: &str = "2024-01-08";
/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);
/// The shortest lease a configuration may have.
pub(crate) const LEASE_SECS: u64 = 10;
const SYMBOLS: [&str; 12] =
    ["BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "LTC", "TRX", "UNI", "XLM", "ETC", "FIL"];

/// PostgreSQL, a bucket and an exchange whose clock stands.
pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) served: Served,
    pub(crate) database: String,
    folder: TempDir,
    /// Symbols each in candles of a minute and of an hour.
    symbols: usize,
    /// Seconds between two runs of a job.
    pub(crate) every: u32,
    /// Whether exchanges see each worker at an address of its own.
    pub(crate) own_addresses: bool,
    /// Worlds come one after the other: each is several processes.
    _alone: OwnedMutexGuard<()>,
}

static ALONE: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);

/// A worker: its own folder, and its process where it runs.
pub(crate) struct Worker {
    folder: PathBuf,
    child: Option<Child>,
}

impl World {
    /// `None` if PostgreSQL cannot run.
    pub(crate) async fn new(symbols: usize) -> Option<World> {
        Some(World::on(postgres::database().await?, symbols).await)
    }

    /// A fleet on a database.
    pub(crate) async fn on(database: String, symbols: usize) -> World {
        let knobs = Knobs {
            symbols: SYMBOLS.iter().map(|base| format!("{base}USDT")).collect(),
            clock: Clock::running_from(at(NOW)),
            weight_limit: u32::MAX,
            ..Knobs::default()
        };
        World { symbols, ..World::with(database, knobs).await }
    }

    /// A fleet on a database, with an exchange of its own.
    pub(crate) async fn with(database: String, knobs: Knobs) -> World {
        let alone = Arc::clone(&ALONE).lock_owned().await;
        let sim = Sim::start("127.0.0.1:0".parse().unwrap(), knobs).await.unwrap();
        let (served, folder) = (Served::new().await, tempfile::tempdir().unwrap());
        World { sim, served, database, folder, symbols: 0, every: 20, own_addresses: false, _alone: alone }
    }

    /// Every series that is configured.
    pub(crate) fn series(&self) -> Vec<Series> {
        let of = |base: &&str| {
            ["1m", "1h"].map(|span| format!("binance/{base}-USDT/ohlc/{span}").parse().unwrap())
        };
        SYMBOLS.iter().take(self.symbols).flat_map(of).collect()
    }

    /// A worker that starts, on the folder that it had before where it had one.
    pub(crate) fn start(&self, name: &str) -> Worker {
        let pairs: Vec<String> =
            SYMBOLS.iter().take(self.symbols).map(|base| format!("{base}/USDT")).collect();
        let pairs = pairs.join(", ");
        let jobs = format!(
            "exchanges: {{binance: {{rest_url: '{sim}'}}}}\n\
             histo_jobs:\n  - {{exchange: binance, pairs: [{pairs}], span: 60, start: {FROM}, every: {every}}}\n\
             \x20 - {{exchange: binance, pairs: [{pairs}], span: 3600, start: {FROM}, every: {every}}}\n",
            sim = self.sim.url(),
            every = self.every,
        );
        self.start_with(name, "", &jobs)
    }

    /// A worker that starts with keys of `storage` and with sections of its own.
    pub(crate) fn start_with(&self, name: &str, storage: &str, sections: &str) -> Worker {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "settings: {{data_path: '{folder}/data'}}\nhttp: {{listen: []}}\nstore: '{database}'\n\
             worker: {{id: {name}, slots: 4, lease: {LEASE_SECS}, own_address: {own_address}}}\n\
             storage: {{{storage}flush_interval: 1, remotes: [{{provider: s3, remote: 's3://data/fleet', endpoint: '{endpoint}', fleet: true}}]}}\n\
             telemetry: {{log_level: debug}}\n{sections}",
            folder = folder.display(),
            database = self.database,
            own_address = self.own_addresses,
            endpoint = self.served.endpoint,
        );
        fs::write(folder.join("config.yml"), text).unwrap();
        let mut worker = Worker { folder, child: None };
        worker.child = Some(worker.command(&["start"]).spawn().unwrap());
        worker
    }

    /// The exchange's rows of a series up to a row, and at least all that are to be collected.
    fn existing(&self, series: &Series, last: Option<i64>) -> Batch {
        let market = self.sim.market(&format!("{}{}", series.pair().base(), series.pair().quote())).unwrap();
        let until = last.map_or(at(NOW), |last| at(NOW).max(Micros(last + 1)));
        let window = Window::new(at(FROM), until).unwrap();
        let grid =
            find("binance").unwrap().offer_for(series).unwrap().grid(series.span().unwrap_or(Span::DAY));
        market.candles(grid, window)
    }

    /// The account of a series in the bucket.
    pub(crate) async fn ledger(&self, series: &Series) -> Option<Ledger> {
        let bucket = Bucket::new(Arc::new(self.served.s3()), series.clone());
        bucket.ledger().await.unwrap().map(|(ledger, _)| ledger)
    }

    /// Whether the bucket's accounts cover everything.
    pub(crate) async fn is_complete(&self) -> bool {
        for series in self.series() {
            if !is_covered(&self.ledger(&series).await.unwrap_or_default()) {
                return false;
            }
        }
        true
    }

    /// Every row of the exchange is in the bucket once, to the bit and in order, and nothing else is; the objects
    /// are what their accounts say. Between a file and its account they are not, so it is looked again for a while.
    pub(crate) async fn assert_true(&self) {
        let began = tokio::time::Instant::now();
        for series in self.series() {
            while let Err(what) = self.check(&series).await {
                assert!(began.elapsed() < PATIENCE / 4, "{series}: {what}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    async fn check(&self, series: &Series) -> Result<(), String> {
        let (ledger, rows) = self.rows(series).await?;
        let existing = self.existing(series, rows.ts().iter().max().copied());
        let is_same = rows.len() == existing.len()
            && (0..rows.len()).all(|row| rows.same_row(row, &existing, row))
            && ledger.rows() == existing.len() as u64;
        let (own, all) = (rows.len(), existing.len());
        if is_same { Ok(()) } else { Err(format!("{own} rows, not the {all} of the exchange")) }
    }

    /// The account of a series in the bucket, and the rows of its objects.
    pub(crate) async fn rows(&self, series: &Series) -> Result<(Ledger, Batch), String> {
        let ledger = self.ledger(series).await.unwrap();
        let mut rows = Batch::of(series.kind());
        for period in ledger.periods() {
            for part in [Part::File, Part::Open] {
                let Some(entry) = ledger.entry(part, period) else { continue };
                let key = format!("fleet/{}/{}", Layout::key(series), part.file_name(period));
                let bytes = self.served.object(&key).ok_or(format!("{key} is not there"))?;
                if dccd::store::sha256(&bytes) != entry.sha256 {
                    return Err(format!("{key} is not what its ledger says"));
                }
                let file = self.folder.path().join("object.parquet");
                fs::write(&file, bytes).unwrap();
                let Opened::Ours(opened) = open_period_file(&file, series.kind()).unwrap() else {
                    return Err(format!("{key} is no file of ours"));
                };
                rows.take_all(&opened.rows().unwrap());
            }
        }
        Ok((ledger, rows))
    }

    /// The rows of a statement on the state store.
    pub(crate) async fn ask<T>(&self, statement: &'static str) -> Vec<T>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        let mut connection = PgConnection::connect(&self.database).await.unwrap();
        let rows = sqlx::query_as(statement).fetch_all(&mut connection).await;
        connection.close().await.unwrap();
        match rows {
            // The first worker has not made its tables yet.
            Err(sqlx::Error::Database(error))
                if matches!(error.code().as_deref(), Some("42P01" | "42883")) =>
            {
                Vec::new()
            }
            rows => rows.unwrap(),
        }
    }

    /// How many series each worker owns, by the name in its configuration.
    pub(crate) async fn owners(&self) -> BTreeMap<String, i64> {
        let rows: Vec<(String, i64)> = self
            .ask(
                "SELECT split_part(worker, ':', 1), COUNT(*) FROM owner
                 WHERE lease_until > tracker_now(NULL) AND worker <> '' GROUP BY 1",
            )
            .await;
        rows.into_iter().collect()
    }

    /// No two attempts at a series overlapped.
    pub(crate) async fn assert_one_at_a_time(&self) {
        let overlaps: Vec<(String, String, String)> = self
            .ask(
                "SELECT a.task_id, a.worker, b.worker FROM attempt a JOIN attempt b
                 ON a.task_id = b.task_id AND a.fence < b.fence
                 WHERE b.started_at < COALESCE(a.ended_at, b.started_at + 1)",
            )
            .await;
        assert_eq!(overlaps, []);
    }
}

impl Worker {
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dccd"));
        command
            .args(args)
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("ENVIRONMENT")
            .envs(Served::environment())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command on the worker's configuration; gives what it said.
    pub(crate) async fn output(&self, args: &[&str]) -> String {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = tokio::time::timeout(PATIENCE, command.output()).await.expect("stuck").unwrap();
        format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr))
    }

    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id().expect("it runs").to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().await.unwrap().success());
    }

    pub(crate) async fn kill(&mut self) {
        self.child.take().unwrap().kill().await.unwrap();
    }

    /// Ends it in good order.
    pub(crate) async fn stop(&mut self) {
        self.signal("TERM").await;
        let mut child = self.child.take().unwrap();
        let ended =
            tokio::time::timeout(Duration::from_secs(20), child.wait()).await.expect("it does not end");
        assert!(ended.unwrap().success(), "{}", self.log());
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::new(self.folder.join("data"))
    }

    pub(crate) fn ledger(&self, series: &Series) -> Option<Ledger> {
        Ledger::read(&self.layout().ledger(series), series).unwrap()
    }

    /// Bytes in its journal.
    pub(crate) fn journal_bytes(&self) -> u64 {
        let segments = fs::read_dir(self.layout().journal()).into_iter().flatten().flatten();
        segments.map(|segment| segment.metadata().map_or(0, |found| found.len())).sum()
    }

    /// Its answer over its own socket; none while it does not listen.
    pub(crate) async fn get(&self, path: &str) -> Option<String> {
        let asking = async {
            let mut stream = UnixStream::connect(self.layout().own().join("daemon.sock")).await.ok()?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await.ok()?;
            text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
        };
        tokio::time::timeout(Duration::from_secs(5), asking).await.ok().flatten()
    }

    /// The contents of its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.layout().own().join("dccd.log")).unwrap_or_default()
    }
}

/// Whether an account covers everything that is to be collected.
pub(crate) fn is_covered(ledger: &Ledger) -> bool {
    ledger.settled().missing(Window::new(at(FROM), at(NOW)).unwrap()).is_empty()
}

pub(crate) fn at(text: &str) -> Micros {
    Micros::parse(text, &Zone::UTC).unwrap()
}

/// Waits until something is so, or fails with what the workers wrote.
pub(crate) async fn wait_for<F: Future<Output = bool>>(
    what: &str,
    workers: &[&Worker],
    is_so: impl Fn() -> F,
) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        let tail = |worker: &&Worker| {
            let log = worker.log();
            let lines: Vec<&str> = log.lines().rev().take(60).collect();
            lines.into_iter().rev().collect::<Vec<_>>().join("\n")
        };
        let logs: Vec<String> = workers.iter().map(tail).collect();
        panic!("it never came about that {what}\n{}", logs.join("\n------\n"));
    }
}
