//! The program itself as a test runs it: a daemon with one series of a simulated exchange.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use dccd::sim::Sim;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use crate::process::{PATIENCE, ask, wait_for};

/// A running `dccd start`.
pub(crate) struct Daemon {
    home: TempDir,
    child: Child,
    pub(crate) address: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

impl Daemon {
    /// One with one minute series that is asked for every three seconds and never twice, so that a failed run is told of
    /// before the next one begins.
    pub(crate) async fn start(sim: &Sim, exchange: &str, pair: &str, threshold: u32) -> Daemon {
        let sections = format!(
            "alerts: {{max_consecutive_errors: {threshold}}}\n\
             exchanges: {{{exchange}: {{rest_url: \"{url}/{exchange}\"}}}}\n\
             histo_jobs:\n  - {{exchange: {exchange}, pairs: [{pair}], span: 60, every: 3, max_retries: 1}}\n",
            url = sim.url(),
        );
        Daemon::with(&sections, "").await
    }

    /// One with the given sections of the configuration, and the keys of `storage`.
    ///
    /// It keeps its address over restarts, as a target of Prometheus does.
    pub(crate) async fn with(sections: &str, storage: &str) -> Daemon {
        Daemon::within(TempDir::new().unwrap(), sections, storage).await
    }

    /// The same in a folder whose `data` may be there already.
    pub(crate) async fn within(home: TempDir, sections: &str, storage: &str) -> Daemon {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let config = format!(
            "settings: {{data_path: {data:?}}}\n\
             http: {{listen: [\"{listen}\"]}}\n\
             storage: {{{storage}}}\n\
             {sections}",
            data = home.path().join("data"),
            listen = listener.local_addr().unwrap(),
        );
        drop(listener);
        fs::write(home.path().join("config.yml"), config).unwrap();
        let (child, address, stdout) = launch(home.path()).await;
        Daemon { home, child, address, _stdout: stdout }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    /// Stops it and starts it again after a pause.
    pub(crate) async fn restart(&mut self, pause: Duration) {
        self.signal(Signal::TERM);
        assert!(timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().success());
        sleep(pause).await;
        self.start_again().await;
    }

    /// Starts it again where it ended.
    pub(crate) async fn start_again(&mut self) {
        let (child, address, stdout) = launch(self.home.path()).await;
        assert_eq!(address, self.address);
        (self.child, self._stdout) = (child, stdout);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits until the one sample of a family is as wanted.
    pub(crate) async fn wait_for(&self, family: &str, wanted: impl Fn(f64) -> bool) {
        wait_for(family, async || {
            let metrics = ask(self.address, "GET", "/metrics", "").await.unwrap();
            let sample = metrics
                .lines()
                .find(|line| line.strip_prefix(family).is_some_and(|rest| rest.starts_with(['{', ' '])));
            let value: f64 = sample?.rsplit(' ').next()?.parse().unwrap();
            wanted(value).then_some(())
        })
        .await;
    }

    /// Runs another command on its configuration.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Output {
        let config = self.home.path().join("config.yml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_dccd"));
        command.arg("--config").arg(config).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        timeout(PATIENCE, command.output()).await.unwrap().unwrap()
    }

    pub(crate) async fn end(mut self) {
        self.signal(Signal::TERM);
        assert!(timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().success());
    }
}

/// Starts the program on the configuration of a folder, with where it serves and what it prints.
async fn launch(home: &Path) -> (Child, SocketAddr, BufReader<ChildStdout>) {
    let stderr = home.join("stderr");
    let mut child = Command::new(env!("CARGO_BIN_EXE_dccd"))
        .arg("--config")
        .arg(home.join("config.yml"))
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
    (child, address, stdout)
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
