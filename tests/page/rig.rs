//! A daemon with a page and a browser that looks at it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use dccd::sim::Knobs;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::needs;
use crate::program::{command, configure, end, signal, terminate, wait_for_exit};
use crate::test_daemon::TestDaemon;

/// The token of the daemon.
pub(crate) const TOKEN: &str = "a-token-of-this-test";
/// No script lasts longer.
const PATIENCE: Duration = Duration::from_secs(240);

/// A daemon with a page.
pub(crate) struct Rig {
    pub(crate) setup: TestDaemon,
    /// Its address, such as `http://127.0.0.1:1234`.
    pub(crate) url: String,
    child: Child,
}

/// The work of a daemon.
pub(crate) struct Wanted<'a> {
    /// Lines of `histo_jobs`.
    pub(crate) jobs: &'a str,
    /// Lines of `stream_jobs`.
    pub(crate) streams: &'a str,
    pub(crate) knobs: Knobs,
    /// Whether there is a token.
    pub(crate) has_token: bool,
    /// The address of okx, where it is not the simulated exchange.
    pub(crate) hostile: Option<&'a str>,
}

impl Rig {
    /// Starts a daemon whose exchange keeps the real time. `None` where the browser is missing.
    pub(crate) async fn start(wanted: Wanted<'_>) -> Option<Rig> {
        let python = needs::python();
        if !needs::programs(&["chromium"]) || python.is_none() || needs::node_modules().is_none() {
            return None;
        }
        let setup = TestDaemon::keeping_time("", wanted.knobs).await;
        let folder = setup.folder.path();
        let copies = folder.join("copies");
        std::fs::create_dir(&copies).unwrap();
        std::fs::write(folder.join("token"), TOKEN).unwrap();
        let token = if wanted.has_token { ", token_file: token" } else { "" };
        let (rest, ws) = (setup.sim.url(), setup.sim.ws_url());
        let addresses: String = ["binance", "kraken", "okx"]
            .iter()
            .map(|name| {
                let own = format!("{rest}/{name}");
                let rest = wanted.hostile.filter(|_| *name == "okx").unwrap_or(&own);
                format!("  {name}: {{rest_url: \"{rest}\", ws_url: \"{ws}/{name}\"}}\n")
            })
            .collect();
        let list = |key: &str, lines: &str| {
            let items = lines.lines().filter(|line| !line.trim().is_empty());
            let items: String = items.map(|line| format!("  - {}\n", line.trim())).collect();
            if items.is_empty() { String::new() } else { format!("{key}:\n{items}") }
        };
        let text = format!(
            "# Kept as it is.\nsettings: {{data_path: {}, environment: \"lab <1>\"}}\n\
             http: {{listen: [\"127.0.0.1:0\"]{token}}}\nstorage: {{flush_interval: 1, sync_interval: 0, remotes: [{{remote: \"{}\"}}]}}\n\
             telemetry: {{collect_interval: 1, history_interval: 1}}\nexchanges:\n{addresses}{}{}",
            setup.data_path().display(),
            copies.display(),
            list("histo_jobs", wanted.jobs),
            list("stream_jobs", wanted.streams),
        );
        configure(&setup, &text);
        let output = folder.join("stdout");
        let child = command(&setup, &["start"])
            .stdout(File::create(&output).unwrap())
            .stderr(File::create(folder.join("stderr")).unwrap())
            .spawn()
            .unwrap();
        wait_for_exit(&setup, &["healthcheck"], 0).await;
        let printed = std::fs::read_to_string(output).unwrap();
        let address =
            printed.lines().find_map(|line| line.strip_prefix("Serving http://")?.split('/').next());
        let url = format!("http://{}", address.unwrap_or_else(|| panic!("no address in {printed}")));
        Some(Rig { setup, url, child })
    }

    /// Runs a script of this folder in a browser. A line of it that begins with `@` is a wish, which `grant` grants.
    pub(crate) async fn browse(&self, script: &str, mut grant: impl AsyncFnMut(&Rig, &str) -> String) {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page");
        let modules = needs::node_modules().unwrap();
        let mut browsing = Command::new(needs::python().unwrap())
            .arg(own.join(script))
            .env("PAGE_URL", &self.url)
            .env("PAGE_TOKEN", TOKEN)
            .env("PAGE_AXE", modules.join("axe-core/axe.min.js"))
            .env("PAGE_DCCD", env!("CARGO_BIN_EXE_dccd"))
            .env("PAGE_FOLDER", self.setup.folder.path())
            .env("PAGE_PICTURES", pictures().unwrap_or_default())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("HOME", self.setup.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (mut answers, stdout) = (browsing.stdin.take().unwrap(), browsing.stdout.take().unwrap());
        let conversing = async {
            let (mut lines, mut said) = (BufReader::new(stdout).lines(), String::new());
            while let Some(line) = lines.next_line().await.unwrap() {
                match line.strip_prefix('@') {
                    Some(wish) => {
                        let answer = grant(self, wish).await;
                        answers.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
                    }
                    None => said.push_str(&format!("{line}\n")),
                }
            }
            (said, browsing.wait_with_output().await.unwrap())
        };
        let ended = tokio::time::timeout(PATIENCE, conversing).await;
        let (said, ended) = ended.unwrap_or_else(|_| panic!("{script} does not end; {}", self.log()));
        let complaint = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{script}:\n{said}{complaint}\n{}", self.log());
        print!("{said}");
    }

    /// Kills the daemon.
    pub(crate) async fn kill(&self) {
        signal(&self.child, "KILL").await;
    }

    /// The last lines of the daemon's log.
    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.setup.data_path().join(".dccd/dccd.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(30).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Ends the daemon.
    pub(crate) async fn stop(self) {
        terminate(&self.child).await;
        assert_eq!(end(self.child).await.code, Some(0));
    }
}

/// Where pictures of the views go, if they are wanted.
fn pictures() -> Option<PathBuf> {
    std::env::var_os("DCCD_PICTURES")?;
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures"))
}
