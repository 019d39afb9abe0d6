//! A folder with a configuration and collected data, made once for each test and copied for each of its cells.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use dccd::model::{Batch, BookLevel, Kind, Micros, Side, Window, Zone};
use dccd::sim::Knobs;
use dccd::store::{Accepted, Layout, Store, StoreSettings};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::program::{configure, dccd};
use crate::test_daemon::TestDaemon;

pub(crate) const BTC: &str = "binance/BTC-USDT/ohlc/1h";
pub(crate) const ETH: &str = "binance/ETH-USDT/ohlc/1h";
pub(crate) const BOOK: &str = "binance/BTC-USDT/orderbook";
/// The time of the exchange.
pub(crate) const COLLECTED_AT: &str = "2024-01-31 12:00:30";
/// A stand-in of rclone for a folder `nas` in the folder it is run in. It hangs over what a file `hang` names, or over everything where
/// that is empty.
const RCLONE: &str = r#"#!/bin/sh
[ -e hang ] && case "$*" in *"$(cat hang)"*) touch asked; sleep 60 ;; esac
command=$1
[ "$command" = version ] && { echo 'rclone v1.60.1'; exit; }
case "$*" in *--stat*) command=stat ;; esac
while [ "$1" != -- ]; do shift; done
shift
path() { printf 'nas/%s' "${1#nas:}"; }
case $command in
copyto) to=$(path "$2"); mkdir -p "${to%/*}"; cp "$1" "$to" ;;
stat)
    at=$(path "$1"); [ -f "$at" ] || exit 4
    printf '{"Path":"x","Size":%s,"IsDir":false,"Hashes":{"sha256":"%s"}}' "$(wc -c <"$at")" "$(sha256sum <"$at" | cut -d' ' -f1)" ;;
lsjson)
    mkdir -p nas; cd nas; between=''; printf '['
    for at in $(find . -name _series.json); do
        printf '%s{"Path":"%s","Size":1,"IsDir":false}' "$between" "${at#./}"; between=,
    done
    printf ']' ;;
cat) cat "$(path "$1")" ;;
lsd) ;;
deletefile) rm -f "$(path "$1")" ;;
*) exit 1 ;;
esac
"#;
const JOBS: &str =
    "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, start: 2024-01-30, retry_delay: 0.01}";

/// The collected rows of two pairs, and the exchange they came from.
pub(crate) struct Template {
    pub(crate) setup: TestDaemon,
}

impl Template {
    /// Collects once; the data lies in `data` beside the configuration.
    pub(crate) async fn new() -> Template {
        Template::of(JOBS).await
    }

    async fn of(jobs: &str) -> Template {
        let setup = TestDaemon::with(jobs, COLLECTED_AT, Knobs::default()).await;
        let text = setup.text().replace(&setup.data_path().display().to_string(), "./data");
        configure(&setup, &text);
        let done = dccd(&setup, &["collect"]).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        Template { setup }
    }

    /// The same, with a remote in the configuration to which nothing was sent yet: a folder beside the data.
    pub(crate) async fn with_remote() -> Template {
        Template::with_remote_since("2024-01-30").await
    }

    /// The same with rows from a day on.
    pub(crate) async fn with_remote_since(day: &str) -> Template {
        use std::os::unix::fs::PermissionsExt;
        let template = Template::of(&JOBS.replace("2024-01-30", day)).await;
        let at = |path: &str| template.setup.folder.path().join(path);
        fs::create_dir(at("bin")).unwrap();
        fs::write(at("bin/rclone"), RCLONE).unwrap();
        fs::set_permissions(at("bin/rclone"), fs::Permissions::from_mode(0o755)).unwrap();
        let text = fs::read_to_string(at("config.yml")).unwrap();
        let remote = "storage: {remotes: [{remote: 'nas:'}], sync_interval: 0}\n";
        fs::write(at("config.yml"), format!("{text}{remote}")).unwrap();
        // Where rules are made for: this machine's Prometheus has something to scrape there.
        let listening =
            fs::read_to_string(at("config.yml")).unwrap().replace("listen: []", "listen: ['127.0.0.1:9430']");
        fs::write(at("listening.yml"), listening).unwrap();
        template
    }

    /// A copy that a test may break.
    pub(crate) fn copy(&self) -> Home {
        let folder = TempDir::new().unwrap();
        copy(self.setup.folder.path(), folder.path());
        Home { at: folder.path().to_owned(), _folder: folder }
    }
}

/// A folder in which commands are run.
pub(crate) struct Home {
    at: PathBuf,
    _folder: TempDir,
}

impl Home {
    /// A configuration alone.
    pub(crate) fn with(config: &str) -> Home {
        let folder = TempDir::new().unwrap();
        let home = Home { at: folder.path().to_owned(), _folder: folder };
        fs::write(home.at("config.yml"), config).unwrap();
        home
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.at.join(path)
    }

    /// The same in a folder of itself.
    pub(crate) fn moved_to(self, path: &str) -> Home {
        let to = self.at(path);
        for name in ["config.yml", "listening.yml", "data", "nas", "bin"] {
            let from = self.at(name);
            match from.is_dir() {
                true => {
                    fs::create_dir(to.join(name)).unwrap();
                    copy(&from, &to.join(name));
                }
                false if from.exists() => drop(fs::copy(&from, to.join(name)).unwrap()),
                false => {}
            }
        }
        Home { at: to, ..self }
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

    /// The folder of the book that [`Home::add_book`] writes.
    pub(crate) fn book(&self) -> PathBuf {
        self.at("data/binance/orderbook/BTC-USDT")
    }

    /// Adds a book that was in step for a minute.
    pub(crate) fn add_book(&self) {
        let layout = Layout::new(self.at("data"));
        let (store, _) = Store::open(&layout, StoreSettings::of(77, Micros(0))).unwrap();
        let (writer, _) = store.writer(&BOOK.parse().unwrap()).unwrap();
        let from = Micros::parse(COLLECTED_AT, &Zone::UTC).unwrap();
        let mut rows = Batch::of(Kind::OrderBook);
        for (side, price) in [(Side::Bid, 41_999.5), (Side::Ask, 42_000.5)] {
            rows.book_mut().push(BookLevel {
                ord: 0,
                ts: from,
                ts_recv: from,
                seq: Some(7),
                is_snapshot: true,
                side,
                price,
                amount: 2.0,
                count: None,
            });
        }
        let covered = Window::new(from, from + Duration::from_secs(60));
        writer.accept(Accepted { rows, covered, empty: None, derived: false }).unwrap();
        writer.flush().unwrap();
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
            .current_dir(&self.at)
            .env("HOME", &self.at)
            .env("PATH", format!("{}:{}", self.at("bin").display(), std::env::var("PATH").unwrap()))
            .env("TMPDIR", &self.at)
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
        crate::program::wait_for(|| async { self.run(&["healthcheck"]).await.code == Some(0) }).await;
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
