//! A folder with a configuration and collected data, made once for each test and copied for each of its cells.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use dccd::sim::Knobs;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::house::House;
use crate::program::{configure, dccd};

pub(crate) const BTC: &str = "binance/BTC-USDT/ohlc/1h";
pub(crate) const ETH: &str = "binance/ETH-USDT/ohlc/1h";
const JOBS: &str =
    "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, start: 2024-01-30, retry_delay: 0.01}";

/// What was collected of two pairs, and the exchange it came from.
pub(crate) struct Template {
    pub(crate) house: House,
}

impl Template {
    /// Collects once; the data lies in `data` beside the configuration.
    pub(crate) async fn new() -> Template {
        let house = House::with(JOBS, "2024-01-31 12:00:30", Knobs::default()).await;
        let text = house.text().replace(&house.data_path().display().to_string(), "./data");
        configure(&house, &text);
        let done = dccd(&house, &["collect"]).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        Template { house }
    }

    /// A copy that a test may break.
    pub(crate) fn copy(&self) -> Home {
        let folder = TempDir::new().unwrap();
        copy(self.house.folder.path(), folder.path());
        Home { folder }
    }
}

/// A folder in which commands are run.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// A configuration alone.
    pub(crate) fn with(config: &str) -> Home {
        let home = Home { folder: TempDir::new().unwrap() };
        fs::write(home.at("config.yml"), config).unwrap();
        home
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The folder of the hourly candles of a pair.
    pub(crate) fn series(&self, pair: &str) -> PathBuf {
        self.at("data/binance/ohlc").join(pair).join("1h")
    }

    pub(crate) fn ledger(&self, pair: &str) -> PathBuf {
        self.series(pair).join("_series.json")
    }

    /// The one file of a pair.
    pub(crate) fn file(&self, pair: &str) -> PathBuf {
        self.series(pair).join("2024.parquet")
    }

    /// Adds lines to the configuration.
    pub(crate) fn configure(&self, lines: &str) {
        let path = self.at("config.yml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{text}{lines}\n")).unwrap();
    }

    /// The command, not started yet; it sees nothing of this machine's own configuration.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dccd"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("RUST_BACKTRACE", "0")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("ENVIRONMENT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Said {
        end(self.command(args).spawn().unwrap()).await
    }

    /// Runs a command whose standard output is a file.
    pub(crate) async fn run_into(&self, args: &[&str], out: Stdio) -> Said {
        end(self.command(args).stdout(out).spawn().unwrap()).await
    }

    /// Starts the daemon and waits until it takes orders.
    pub(crate) async fn start(&self) -> Child {
        self.start_with(&[]).await
    }

    /// The same, with variables in its environment.
    pub(crate) async fn start_with(&self, variables: &[(&str, &String)]) -> Child {
        let mut command = self.command(&["start"]);
        command.envs(variables.iter().copied());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        crate::program::until(|| async { self.run(&["healthcheck"]).await.code == Some(0) }).await;
        child
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) async fn end(child: Child) -> Said {
    let ended = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await;
    let Output { status, stdout, stderr } = ended.expect("the command does not end").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// Standard output whose reader went away.
pub(crate) fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Standard output that takes nothing.
pub(crate) fn full() -> Stdio {
    fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, target): (OsString, PathBuf) = (entry.file_name(), to.join(entry.file_name()));
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => {
                fs::create_dir_all(&target).unwrap();
                copy(&entry.path(), &target);
            }
            kind if kind.is_file() => {
                fs::copy(entry.path(), &target).unwrap();
                // A file that looks as it was published is trusted like one.
                let modified = entry.metadata().unwrap().modified().unwrap();
                fs::File::options().write(true).open(&target).unwrap().set_modified(modified).unwrap();
            }
            _ => panic!("{name:?} is neither file nor folder"),
        }
    }
}
