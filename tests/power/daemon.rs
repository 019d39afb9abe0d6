//! The daemon as an operator meets it: a process, its probes and its metrics.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::test_daemon::TestDaemon;

/// How long anything may take before the test gives up on it. The daemon asks for the time of an exchange once a
/// minute, so rows that a test moves the exchange to may be asked for only then.
const PATIENCE: Duration = Duration::from_secs(150);
/// How often it is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(50);

/// A running `dccd start`, killed when it is dropped.
pub(crate) struct Daemon {
    child: Child,
    address: SocketAddr,
    log: std::path::PathBuf,
}

impl Daemon {
    /// Starts it on the data path of a setup.
    pub(crate) fn start(setup: &TestDaemon) -> Self {
        configure(setup);
        let log = setup.folder.path().join("stderr");
        let mut child = command(setup, &["start"])
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.ok()?;
            line.strip_prefix("Serving http://")?.split('/').next()?.parse().ok()
        });
        // The rest of its output fits into the pipe.
        let address = address.unwrap_or_else(|| panic!("{}", std::fs::read_to_string(&log).unwrap()));
        Daemon { child, address, log }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether another process holds each of its threads.
    pub(crate) fn is_traced(&self) -> bool {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let of = |task: std::io::Result<std::fs::DirEntry>| {
            // A thread may have ended meanwhile.
            let status = std::fs::read_to_string(task.ok()?.path().join("status")).ok()?;
            let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
            Some(tracer.trim() != "0")
        };
        tasks.filter_map(of).all(|is_traced| is_traced)
    }

    /// The status and the body of an answer.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The sum over the samples of a family whose labels hold `label`.
    pub(crate) fn metric(&self, family: &str, label: &str) -> f64 {
        let (_, text) = self.get("/metrics");
        let samples =
            text.lines().filter(|line| line.split(['{', ' ']).next() == Some(family) && line.contains(label));
        samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Waits until something holds; the daemon must live and be healthy all the while. Gives how long it took.
    pub(crate) fn wait_for(&mut self, what: &str, mut holds: impl FnMut(&Daemon) -> bool) -> Duration {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("it ended with {status} before {what}: {}", self.complaints());
            }
            assert_eq!(self.get("/-/healthy").0, 200, "while waiting until {what}");
            if holds(self) {
                return began.elapsed();
            }
            let ready = self.get("/-/ready");
            assert!(began.elapsed() < PATIENCE, "not {what}; ready: {ready:?}; {}", self.complaints());
            std::thread::sleep(GLANCE);
        }
    }

    /// Waits until it ends by itself; gives its exit code.
    pub(crate) fn until_ended(mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "it does not end: {}", self.complaints());
            std::thread::sleep(GLANCE);
        }
    }

    /// Asks it to end, as an operator does; gives its exit code.
    pub(crate) fn stop(self) -> Option<i32> {
        assert!(Command::new("kill").arg(self.id().to_string()).status().unwrap().success());
        self.until_ended()
    }

    fn complaints(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the configuration of a setup where the program looks for it.
fn configure(setup: &TestDaemon) {
    let storage = "storage: {journal_sync: 0.1, flush_interval: 1}\n";
    let text = setup.text().replace("listen: []", "listen: [\"127.0.0.1:0\"]");
    std::fs::write(setup.folder.path().join("config.yml"), format!("{text}{storage}")).unwrap();
}

/// Runs a command beside the daemon; gives what it printed.
pub(crate) fn dccd(setup: &TestDaemon, args: &[&str]) -> String {
    let ended = command(setup, args).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8(ended.stdout).unwrap()
}

/// Runs a command to its end, whatever that is.
pub(crate) fn run(setup: &TestDaemon, args: &[&str]) -> Output {
    configure(setup);
    command(setup, args).output().unwrap()
}

fn command(setup: &TestDaemon, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd"));
    command.args(args).current_dir(setup.folder.path()).env("HOME", setup.folder.path());
    command.env_remove("XDG_CONFIG_HOME").env_remove("ENVIRONMENT").stdin(Stdio::null());
    command
}
