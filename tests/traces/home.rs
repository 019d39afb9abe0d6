//! A simulated exchange, a data path, and the program run on it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use dccd::model::{Micros, Zone};
use dccd::sim::{Clock, Knobs, Sim};
use dccd::store::{Layout, period_files};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const MINUTELY: &str = "binance/BTC-USDT/ohlc/1m";

/// Minutes the job of a home asks for.
pub(crate) const MINUTES: usize = 4 * 1_440;

/// Where the program runs.
pub(crate) struct Home {
    pub(crate) sim: Sim,
    pub(crate) folder: TempDir,
}

/// How a process ended and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

impl Home {
    /// A home with four days of minutes to fetch.
    pub(crate) async fn new(knobs: Knobs) -> Home {
        let now = Micros::parse("2024-01-31 00:00:30", &Zone::UTC).unwrap();
        let knobs = Knobs { clock: Clock::of(move || now), ..knobs };
        let sim = Sim::start("127.0.0.1:0".parse().unwrap(), knobs).await.unwrap();
        Home { sim, folder: TempDir::new().unwrap() }
    }

    /// Writes a configuration with a `telemetry` section.
    pub(crate) fn configure(&self, telemetry: &str) {
        let text = format!(
            "settings: {{data_path: {}}}\nhttp: {{listen: [\"127.0.0.1:0\"]}}\nexchanges:\n  \
             binance: {{rest_url: \"{}/binance\", requests_per_second: 40}}\nhisto_jobs:\n  \
             - {{exchange: binance, pairs: [BTC/USDT], span: 60, start: 2024-01-27, retry_delay: 0.01}}\n\
             telemetry: {{{telemetry}}}\n",
            self.data_path().display(),
            self.sim.url(),
        );
        std::fs::write(self.folder.path().join("config.yml"), text).unwrap();
    }

    pub(crate) fn data_path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The command, not started yet; it sees nothing of this machine's own configuration.
    pub(crate) fn command(&self, command: &str, variables: &[(&str, &str)]) -> Command {
        let mut process = Command::new(env!("CARGO_BIN_EXE_dccd"));
        let foreign = std::env::vars_os().map(|(name, _)| name);
        foreign.filter(|name| name.to_string_lossy().starts_with("OTEL_")).for_each(|name| {
            process.env_remove(name);
        });
        process
            .arg(command)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("ENVIRONMENT")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        process
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, command: &str, variables: &[(&str, &str)]) -> Ended {
        end(self.command(command, variables).spawn().unwrap()).await
    }

    /// The log file.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.data_path().join(".dccd/dccd.log")).unwrap()
    }

    /// How many rows are stored.
    pub(crate) fn rows(&self) -> usize {
        let series = MINUTELY.parse().unwrap();
        let files = period_files(&Layout::new(self.data_path()), &series, "2024").unwrap();
        files.iter().map(|file| file.rows().unwrap().len()).sum()
    }
}

pub(crate) async fn end(child: Child) -> Ended {
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let ended = ended.expect("the program does not end").unwrap();
    let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
    Ended { code: ended.status.code(), said }
}

/// A page of the program, in the given accepted format.
pub(crate) async fn page(url: &str, accept: &str) -> String {
    // An error means that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let asked = reqwest::Client::new().get(url).header("accept", accept).send();
    asked.await.unwrap().text().await.unwrap()
}
