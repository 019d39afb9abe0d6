//! Every command of the README, run in order against the simulated exchange, and the terminal shown there.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dccd::sim::{Knobs, Sim};
use tempfile::TempDir;

use crate::{check_file, path, updates};

const SESSION: &str = "docs/pictures/session.txt";
/// Commands that need another machine, a network or minutes: how they begin, and the file that holds what they do.
const NOT_RUN: [(&str, &str); 5] = [
    ("cargo install --locked --path .", "Cargo.toml"),
    ("make test", "Makefile"),
    ("make secrets && docker compose up --detach", "docker-compose.yml"),
    ("sudo cp packaging/dccd.service", "packaging/dccd.service"),
    ("docker compose -f examples/fleet/docker-compose.yml up", "examples/fleet/docker-compose.yml"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_readme_does_what_it_says_and_the_picture_shows_what_they_print() {
    let terminal = Terminal::open().await;
    let (commands, shown) = (readme_commands(), shown_session());
    for (command, _) in &shown {
        assert!(commands.contains(command), "`{command}` of {SESSION} is not in the README");
    }
    let mut session = String::new();
    for command in &commands {
        if let Some((_, file)) = NOT_RUN.iter().find(|(begin, _)| command.starts_with(begin)) {
            assert!(path(file).exists(), "{file} is gone, which `{command}` needs");
            continue;
        }
        let output = tokio::task::block_in_place(|| terminal.run(command));
        let Some((_, shown)) = shown.iter().find(|(own, _)| own == command) else { continue };
        // Numbers alone are no reason to write it anew.
        let is_same = form(&output) == form(shown);
        assert!(is_same || updates(), "`{command}` does not print what {SESSION} shows:\n{output}");
        write!(session, "$ {command}\n{}", if is_same { shown } else { &output }).unwrap();
    }
    check_file(SESSION, &session);
    check_file("docs/pictures/session.svg", &drawn(&shown_session()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_that_load_the_data_give_one_sorted_table_of_all_exchanges() {
    let python = crate::needs::python();
    let terminal = Terminal::open().await;
    let blocks = blocks("python");
    assert_eq!(blocks.len(), 3, "Polars, pandas and DuckDB");
    tokio::task::block_in_place(|| {
        for command in readme_commands().iter().filter(|command| is_of_setup(command)) {
            terminal.run(command);
        }
        let Some(python) = python else { return };
        for block in blocks {
            assert!(block.lines().count() <= 6, "five lines and an import:\n{block}");
            let told = terminal.python(&python, &format!("{block}\n{JUDGE}"));
            let [rows, sorted, exchanges] = told.split('|').collect::<Vec<_>>()[..] else { panic!("{told}") };
            assert!(rows.parse::<u32>().unwrap() > 40_000, "{told}\n{block}");
            assert_eq!((sorted, exchanges), ("True", "binance okx BTC-USDT"), "{block}");
        }
    });
}

/// Prints how many rows there are, whether they are in the order of time, and what they are named.
const JUDGE: &str = r#"
table = rows.to_arrow() if hasattr(rows, "to_arrow") else rows.to_arrow_table() if hasattr(rows, "to_arrow_table") else __import__("pyarrow").Table.from_pandas(rows)
table = table.read_all() if hasattr(table, "read_all") else table
columns = {name: table.column(name).to_pylist() for name in ("ts", "exchange", "pair")}
names = sorted(set(columns["exchange"])) + sorted(set(columns["pair"]))
print(table.num_rows, columns["ts"] == sorted(columns["ts"]), " ".join(names), sep="|")
"#;

fn is_of_setup(command: &str) -> bool {
    ["dccd init", "dccd add", "dccd backfill"].iter().any(|begin| command.starts_with(begin))
        && !command.contains("--dry-run")
}

/// A folder to work in, a simulated exchange, and the daemon once it is started.
struct Terminal {
    sim: Sim,
    folder: TempDir,
    daemon: std::sync::Mutex<Option<Daemon>>,
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Terminal {
    async fn open() -> Terminal {
        let sim = Sim::start((Ipv4Addr::LOCALHOST, 0).into(), Knobs::default()).await.unwrap();
        Terminal { sim, folder: tempfile::tempdir().unwrap(), daemon: std::sync::Mutex::new(None) }
    }

    /// Runs one line of the README as a shell would; gives what it prints. It ends well, or the test fails.
    fn run(&self, line: &str) -> String {
        if line == "dccd start" {
            return self.start();
        }
        if line.ends_with("-- demo --for 60s") {
            return self.demo();
        }
        let ended = self.shell(line).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success(), "{line}: {:?}\n{out}{err}", ended.status);
        if line == "dccd init" {
            self.turn_to_simulator();
        }
        format!("{out}{err}")
    }

    /// The demo, ended as soon as everything is stored: a minute of it is not needed here.
    fn demo(&self) -> String {
        let line = "exec dccd demo --for 300s --listen 127.0.0.1:0";
        let mut child = self.shell(line).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = String::new();
        let mut complete = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            complete += u32::from(line.contains(" 1,051,200 candles and ") && !line.contains(" and 0 live"));
            // By then trades of both pairs are covered.
            if complete == 3 && line.contains(" live") {
                let id = child.id().to_string();
                assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
            }
            writeln!(told, "{line}").unwrap();
        }
        assert!(child.wait().unwrap().success(), "{told}");
        let shown = &blocks("text")[0];
        let verdict = |text: &str| form(text.split_once("Checking").unwrap().1);
        assert_eq!(verdict(&told), verdict(shown), "the demo ends otherwise than the README shows");
        told
    }

    /// Starts the daemon and waits until it says that it is well.
    fn start(&self) -> String {
        let child =
            self.shell("exec dccd start").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        *self.daemon.lock().unwrap() = Some(Daemon(child));
        let until = Instant::now() + Duration::from_secs(60);
        while !self.shell("dccd healthcheck").output().unwrap().status.success() {
            assert!(Instant::now() < until, "the daemon is not well after a minute");
            std::thread::sleep(Duration::from_millis(50));
        }
        String::new()
    }

    fn python(&self, python: &Path, script: &str) -> String {
        let ended =
            Command::new(python).args(["-c", script]).current_dir(self.folder.path()).output().unwrap();
        assert!(ended.status.success(), "{}\n{script}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap().trim().to_owned()
    }

    fn shell(&self, line: &str) -> Command {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_dccd"));
        let search = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.folder.path()).env("PATH", search).stdin(Stdio::null());
        command.env_remove("ENVIRONMENT").env("HOME", self.folder.path());
        command
    }

    /// The exchanges of the configuration are simulated, and its port is a free one.
    fn turn_to_simulator(&self) {
        let config = self.folder.path().join("config.yml");
        let mut text = fs::read_to_string(&config).unwrap().replace("127.0.0.1:9430", "127.0.0.1:0");
        text.push_str("\nexchanges:\n");
        for exchange in ["binance", "okx"] {
            writeln!(text, "  {exchange}: {{rest_url: \"{}/{exchange}\"}}", self.sim.url()).unwrap();
        }
        fs::write(&config, text).unwrap();
    }
}

/// The commands in the README's blocks of `sh`, in order, without their comments.
fn readme_commands() -> Vec<String> {
    let lines = blocks("sh");
    let lines = lines.iter().flat_map(|block| block.lines());
    lines
        .map(|line| line.split("  #").next().unwrap().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(path("README.md")).unwrap();
    let begin = format!("```{language}\n");
    readme.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The commands of the picture, each with what it prints there.
fn shown_session() -> Vec<(String, String)> {
    let text = fs::read_to_string(path(SESSION)).unwrap();
    let entries = text.split("$ ").skip(1).map(|entry| entry.split_once('\n').unwrap());
    entries.map(|(command, output)| (command.to_owned(), output.to_owned())).collect()
}

/// A text whose numbers and gaps do not matter: they are those of the day it was printed.
fn form(text: &str) -> String {
    let mut form = String::new();
    for word in text.split_whitespace() {
        let word =
            if word.contains(|c: char| c.is_ascii_digit()) && !word.contains('/') { "#" } else { word };
        form.push_str(word.trim_matches('-'));
        form.push(' ');
    }
    form
}

/// A terminal in which the commands appear one after the other; it ends with all of them.
fn drawn(session: &[(String, String)]) -> String {
    const LINE: usize = 18;
    let (mut body, mut y, mut at) = (String::new(), 30, 0.6);
    let mut line = |text: &str, class: &str, at: f64| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let text = if class == "c" { format!("<tspan class=\"p\">$ </tspan>{text}") } else { text };
        writeln!(
            body,
            "<text class=\"{class}\" x=\"16\" y=\"{y}\" style=\"animation-delay:{at:.1}s\">{text}</text>"
        )
        .unwrap();
        y += LINE;
    };
    for (command, output) in session {
        line(command, "c", at);
        at += 0.8;
        for text in output.lines() {
            line(text, "o", at);
            at += 0.05;
        }
        at += 0.9;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 920 {0}\" width=\"920\" height=\"{0}\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, monospace\" font-size=\"13\" xml:space=\"preserve\">\n\
         <title>dccd in a terminal</title>\n\
         <style>text{{white-space:pre;opacity:0;animation:show .1s forwards}}@keyframes show{{to{{opacity:1}}}}\
         .c{{fill:#f0f4f8}}.p{{fill:#7bc47f}}.o{{fill:#bcccdc}}\
         @media (prefers-reduced-motion:reduce){{text{{animation:none;opacity:1}}}}</style>\n\
         <rect width=\"920\" height=\"{0}\" rx=\"8\" fill=\"#102a43\"/>\n{body}</svg>\n",
        y
    )
}
