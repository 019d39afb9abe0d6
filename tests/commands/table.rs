//! Every command in every trouble: how it ends, and what it says.
//!
//! 0 stands only where all that was asked for was done and shown. What is damaged is named; what can be put right by
//! itself is put right, and that is no failure.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::CommandFactory;
use dccd::sim::{Endpoint, Fault, Rule};
use tokio::process::Child;
use tokio::task::JoinSet;

use crate::home::{BOOK, BTC, COLLECTED_AT, Home, Said, Template, closed, end, full};
use crate::mounts::Mounted;
use crate::program::terminate;

/// The damage or the bad argument in a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Where a command takes a SERIES: one that is nowhere.
    NoSuchSeries,
    /// A ledger was deleted.
    LedgerGone,
    /// A ledger ends in its middle.
    LedgerCut,
    /// A file was deleted.
    FileGone,
    /// One bit of a file is another, and nothing else of it tells.
    BitFlipped,
    /// Who reads standard output went away.
    OutputClosed,
    /// Standard output takes nothing.
    OutputFull,
    /// The daemon that does the work is told to stop.
    DaemonStopped,
    /// The embedded state store holds garbage.
    StoreBroken,
    /// There is no room left.
    DiskFull,
}

use Trouble::*;

const ALL: [Trouble; 10] = [
    NoSuchSeries,
    LedgerGone,
    LedgerCut,
    FileGone,
    BitFlipped,
    OutputClosed,
    OutputFull,
    DaemonStopped,
    StoreBroken,
    DiskFull,
];

/// How a command ends, and a part of what it says; `None` where the trouble cannot meet it.
type Cell = Option<(i32, &'static str)>;

/// A command with its words and its cells, in the order of [`ALL`].
struct Row(&'static [&'static str], [Cell; 10]);

/// A command that has nothing to do with what is held.
const fn apart(end: Cell) -> [Cell; 10] {
    [None, end, end, end, end, CLOSED, FULL, end, end, end]
}

const NOT_THERE: Cell = Some((1, "did you mean binance/BTC-USDT"));
const WELL: Cell = Some((0, ""));
const CLOSED: Cell = Some((141, ""));
const FULL: Cell = Some((74, "standard output took no more"));
const LEDGER: Cell = Some((1, "_series.json"));
const NO_LEDGER: Cell = Some((74, "_series.json cannot be read"));
const GONE: Cell = Some((1, "2024.parquet is gone, and what it held is a gap"));
const GONE_ROWS: Cell = Some((74, "2024.parquet is gone, and with it 36 rows"));
const DAMAGED: Cell = Some((74, "2024.parquet is damaged"));
const STOPPED: Cell = Some((1, "the daemon stopped before this was done"));
const LEFT_OFF: Cell = Some((1, "binance/BTC-USDT/ohlc/1h: stopped before everything was fetched"));
const NO_SPACE: Cell = Some((1, "store space: 0 B free"));
const IN_USE: Cell = Some((75, "is in use by dccd start"));
const NO_ROOM: Cell = Some((74, "No space left on device"));
const NO_STORE: Cell = Some((74, "its disk is full (0 B free); make room"));
/// The state store is made anew, and that is said.
const ANEW: Cell = Some((0, "the state store was damaged"));
/// So that it knows of no task any more.
const FORGOT: Cell = Some((1, "the state store was damaged"));
const UNHEALTHY: Cell = Some((1, "no daemon runs on this data path"));
const NOBODY: Cell = Some((1, "no daemon runs on"));
const UNHEARD: Cell = Some((1, "does not answer"));
const NO_STREAM: Cell = Some((1, "configures no stream that this version runs"));
const IDLE: Cell = Some((1, "nobody works on it"));
/// The demo ends before its year is fetched, and says that.
const CUT: Cell = Some((1, "The store differs from the simulator."));

#[rustfmt::skip]
const TABLE: &[Row] = &[
    //        no such series, ledger gone, ledger cut, file gone, bit flipped,
    //        output closed, output full, daemon stopped, store broken, disk full
    Row(&["validate"], apart(WELL)),
    Row(&["validate", "--online"],
        [None, WELL, WELL, WELL, WELL, CLOSED, FULL, Some((1, "no answer within 10 s")),
         Some((1, "state.db is damaged")), NO_SPACE]),
    Row(&["backfill"], [None, WELL, WELL, WELL, DAMAGED, CLOSED, FULL, STOPPED, ANEW, NO_STORE]),
    Row(&["backfill", "--dry-run"],
        [None, LEDGER, LEDGER, Some((0, "2024.parquet is gone; what it held is asked for again")), WELL, CLOSED, FULL, WELL, WELL, WELL]),
    Row(&["collect"], [None, WELL, WELL, WELL, DAMAGED, CLOSED, FULL, LEFT_OFF, ANEW, NO_STORE]),
    Row(&["start"], [None, WELL, WELL, WELL, WELL, WELL, WELL, IN_USE, ANEW, NO_STORE]),
    Row(&["stream"],
        [None, NO_STREAM, NO_STREAM, NO_STREAM, NO_STREAM, NO_STREAM, NO_STREAM, NO_STREAM, NO_STREAM, NO_STREAM]),
    Row(&["healthcheck"],
        [None, UNHEALTHY, UNHEALTHY, UNHEALTHY, UNHEALTHY, Some((1, "")), FULL, WELL, UNHEALTHY, UNHEALTHY]),
    Row(&["status"], apart(WELL)),
    Row(&["top"], [None, NOBODY, NOBODY, NOBODY, NOBODY, Some((1, "")), NOBODY, WELL, NOBODY, NOBODY]),
    Row(&["tap", "binance/BTC-USDT/ohlc/1h"],
        [None, NOBODY, NOBODY, NOBODY, NOBODY, Some((1, "")), NOBODY, Some((1, "no live series")), NOBODY, NOBODY]),
    Row(&["status", "--wide"], [None, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, ANEW, NO_STORE]),
    Row(&["history"], [None, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, FORGOT, NO_STORE]),
    Row(&["init", "other.yml"], [None, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, WELL, NO_ROOM]),
    Row(&["add", "-e", "binance", "-p", "BTC/USDT", "-s", "1d"],
        [None, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, WELL, NO_ROOM]),
    Row(&["remove", "-e", "binance", "-p", "ETH/USDT", "-s", "1h"],
        [None, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, WELL, NO_ROOM]),
    Row(&["inventory"], [None, LEDGER, LEDGER, GONE, WELL, CLOSED, FULL, WELL, WELL, WELL]),
    Row(&["gaps", "SERIES"], [NOT_THERE, LEDGER, LEDGER, GONE, WELL, CLOSED, FULL, WELL, WELL, WELL]),
    Row(&["book", "BOOK", "--at", "2024-01-31T12:00:40Z"],
        [NOT_THERE, NO_LEDGER, NO_LEDGER, Some((1, "its file was deleted")), Some((74, "2024-01-31.parquet is damaged")),
         CLOSED, FULL, WELL, WELL, WELL]),
    Row(&["read", "SERIES"],
        [NOT_THERE, NO_LEDGER, NO_LEDGER, GONE_ROWS, DAMAGED, CLOSED, FULL, WELL, WELL, WELL]),
    Row(&["verify", "SERIES"],
        [NOT_THERE, LEDGER, LEDGER, Some((1, "the file is gone")), Some((1, "its content is not what the ledger's hash says")),
         CLOSED, FULL, WELL, WELL, WELL]),
    Row(&["repair", "SERIES"], [NOT_THERE, WELL, WELL, WELL, WELL, CLOSED, FULL, LEFT_OFF, ANEW, NO_STORE]),
    Row(&["sync"],
        [None, LEDGER, LEDGER, Some((1, "2024.parquet is gone, so it was not copied")), Some((1, "2024.parquet is not what its ledger says")),
         CLOSED, FULL, STOPPED, ANEW, NO_STORE]),
    Row(&["restore", "SERIES"], [NOT_THERE, WELL, WELL, WELL, WELL, CLOSED, FULL, STOPPED, ANEW, NO_STORE]),
    Row(&["purge", "--min-free-gb", "0.000001"], [None, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, ANEW, NO_STORE]),
    Row(&["export", "SERIES", "-o", "rows.csv"],
        [NOT_THERE, NO_LEDGER, NO_LEDGER, GONE_ROWS, DAMAGED, CLOSED, FULL, WELL, WELL, NO_ROOM]),
    Row(&["export", "SERIES", "-o", "-"],
        [NOT_THERE, NO_LEDGER, NO_LEDGER, GONE_ROWS, DAMAGED, CLOSED, FULL, WELL, WELL, WELL]),
    Row(&["export", "SERIES", "-o", "rows.xlsx"],
        [NOT_THERE, NO_LEDGER, NO_LEDGER, GONE_ROWS, DAMAGED, CLOSED, FULL, WELL, WELL, NO_ROOM]),
    Row(&["import", "--dry-run"], [None, WELL, WELL, WELL, WELL, CLOSED, FULL, IN_USE, WELL, WELL]),
    Row(&["import"], [None, WELL, WELL, WELL, WELL, CLOSED, FULL, IN_USE, WELL, WELL]),
    Row(&["jobs", "ls", "SERIES"], [NOT_THERE, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, ANEW, NO_STORE]),
    Row(&["jobs", "show", "SERIES"], [NOT_THERE, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, FORGOT, NO_STORE]),
    Row(&["jobs", "why", "SERIES"], [NOT_THERE, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, ANEW, NO_STORE]),
    Row(&["jobs", "run", "SERIES"], [NOT_THERE, WELL, WELL, WELL, DAMAGED, CLOSED, FULL, LEFT_OFF, ANEW, NO_STORE]),
    Row(&["jobs", "pause", "SERIES"], [NOT_THERE, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, ANEW, NO_STORE]),
    Row(&["jobs", "resume", "SERIES"], [NOT_THERE, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, ANEW, NO_STORE]),
    Row(&["jobs", "retry", "--force", "SERIES"],
        [NOT_THERE, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, FORGOT, NO_STORE]),
    Row(&["jobs", "ignore", "--reason", "x", "SERIES"],
        [NOT_THERE, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, FORGOT, NO_STORE]),
    Row(&["jobs", "cancel", "SERIES"], [NOT_THERE, IDLE, IDLE, IDLE, IDLE, IDLE, IDLE, IDLE, FORGOT, NO_STORE]),
    Row(&["jobs", "unlock", "SERIES"], [NOT_THERE, IDLE, IDLE, IDLE, IDLE, IDLE, IDLE, IDLE, FORGOT, NO_STORE]),
    Row(&["jobs", "prune"], [None, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, ANEW, NO_STORE]),
    Row(&["logs", "SERIES"], [NOT_THERE, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, WELL, WELL]),
    Row(&["exchanges"], apart(WELL)),
    Row(&["pairs", "binance"], apart(WELL)),
    Row(&["metrics"], apart(WELL)),
    Row(&["alerts", "init", "rules", "-c", "listening.yml"],
        [None, WELL, WELL, WELL, WELL, CLOSED, FULL, WELL, WELL, NO_ROOM]),
    Row(&["alerts", "test", "--for", "5", "--alertmanager", "http://127.0.0.1:1"],
        [None, UNHEARD, UNHEARD, UNHEARD, UNHEARD, UNHEARD, UNHEARD, UNHEARD, UNHEARD, UNHEARD]),
    Row(&["alerts", "runbook", "DccdDown"], apart(WELL)),
    Row(&["completions", "bash"], apart(WELL)),
    Row(&["demo", "--for", "1s", "--listen", "127.0.0.1:0"],
        [None, CUT, CUT, CUT, CUT, Some((1, "")), FULL, CUT, CUT, NO_ROOM]),
    Row(&["sim", "--listen", "127.0.0.1:0"], apart(WELL)),
];

/// Commands that go on until they are told to stop.
const ENDLESS: [&str; 2] = ["start", "sim"];
/// Commands that are for what a remote holds: it holds everything beforehand.
const BRINGING: [&str; 2] = ["restore", "purge"];
/// Commands that leave no damage behind where they end with 0.
const MENDING: [&str; 6] = ["backfill", "collect", "repair", "restore", "sync", "run"];

/// How many cells are tried at a time, each on an exchange of its own.
const LANES: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_in_every_trouble_ends_as_it_should_and_says_why() {
    let cells = ALL.iter().enumerate().flat_map(|(place, trouble)| {
        TABLE.iter().filter_map(move |Row(words, cells)| Some((*trouble, *words, cells[place]?)))
    });
    let cells: Arc<Mutex<VecDeque<_>>> = Arc::new(Mutex::new(cells.collect()));
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let cells = Arc::clone(&cells);
        lanes.spawn(async move {
            let template = Template::with_remote().await;
            let mut wrong = Vec::new();
            loop {
                let next = cells.lock().unwrap().pop_front();
                let Some((trouble, words, (code, part))) = next else { return wrong };
                let Some(said) = try_command(&template, words, trouble).await else { continue };
                let whole = format!("{}{}", said.out, said.err);
                if said.code != Some(code) || !whole.contains(part) || whole.contains("panicked") {
                    wrong.push(format!(
                        "{words:?} with {trouble:?}: wanted {code} and `{part}`, got {said:?}"
                    ));
                }
            }
        });
    }
    let wrong = lanes.join_all().await.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_command_is_left_out() {
    fn leaves(command: &clap::Command, above: &[String], all: &mut BTreeSet<Vec<String>>) {
        for own in command.get_subcommands().filter(|own| !own.is_hide_set()) {
            let path = [above, &[own.get_name().to_owned()]].concat();
            match own.has_subcommands() {
                true => leaves(own, &path, all),
                false => drop(all.insert(path)),
            }
        }
    }
    let mut all = BTreeSet::new();
    leaves(&dccd::cli::Cli::command(), &[], &mut all);
    all.retain(|path| {
        !TABLE
            .iter()
            .any(|Row(words, _)| words.iter().zip(path).filter(|(a, b)| *a == b).count() == path.len())
    });
    assert!(all.is_empty(), "{all:?}");
}

/// Runs a command on a copy of its own in which something is not as it should be.
async fn try_command(template: &Template, words: &[&'static str], trouble: Trouble) -> Option<Said> {
    let mut home = template.copy();
    // Only a question about clocks is told the right time: everything else is the same each day.
    let mut clock = JoinSet::new();
    template.setup.move_to(COLLECTED_AT);
    if words.contains(&"--online") {
        let now = Arc::clone(&template.setup.now);
        clock.spawn(async move {
            loop {
                now.store(dccd::clock::now().0, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }
    if BRINGING.contains(&words[0]) {
        assert_eq!(home.run(&["sync"]).await.code, Some(0));
    }
    if words.contains(&"BOOK") {
        home.add_book();
    }
    let named = |word: &'static str| match word {
        "SERIES" | "BOOK" if trouble == NoSuchSeries => "binance/BTC-USD",
        "SERIES" => BTC,
        "BOOK" => BOOK,
        word => word,
    };
    let args: Vec<&str> = words.iter().map(|word| named(word)).collect();
    if trouble == DaemonStopped {
        return Some(amid_a_stop(template, &home, &args).await);
    }
    let mut mounted = None;
    if trouble == DiskFull {
        match Mounted::tmpfs(&home.at("small"), "size=24m") {
            Ok(small) => mounted = Some(small),
            Err(why) => {
                crate::needs::forbids(&format!("a full disk needs root and mounts: {why}"));
                return None;
            }
        }
        home = home.moved_to("small");
    }
    harm(&home, trouble, words.contains(&"BOOK"));
    let out = match trouble {
        OutputClosed => closed(),
        OutputFull => full(),
        _ => Stdio::piped(),
    };
    let child = home.command(&args).stdout(out).spawn().unwrap();
    if ENDLESS.contains(&args[0]) {
        stop_once_begun(&home, &child, args[0]).await;
    }
    let mut said = end(child).await;
    // A restore does not fetch what is there already, only what is missing.
    let mends =
        args.iter().any(|word| MENDING.contains(word)) && (args[0], trouble) != ("restore", BitFlipped);
    if said.code == Some(0) && mends && !args.contains(&"--dry-run") {
        let left = home.run(&["verify"]).await;
        if left.code != Some(0) {
            said.code = None;
            said.err.push_str(&format!("and leaves {left:?}"));
        }
    }
    drop(mounted);
    Some(said)
}

/// Brings about what is wrong on the disk.
fn harm(home: &Home, trouble: Trouble, is_book: bool) {
    let (ledger, file) = match is_book {
        true => (home.book().join("_series.json"), home.book().join("2024-01-31.parquet")),
        false => (home.ledger("BTC-USDT"), home.file("BTC-USDT")),
    };
    match trouble {
        LedgerGone => fs::remove_file(ledger).unwrap(),
        LedgerCut => {
            let bytes = fs::metadata(&ledger).unwrap().len();
            fs::File::options().write(true).open(ledger).unwrap().set_len(bytes / 2).unwrap();
        }
        FileGone => fs::remove_file(file).unwrap(),
        BitFlipped => flip(&file),
        StoreBroken => {
            for name in ["state.db-wal", "state.db-shm"] {
                let _ = fs::remove_file(home.at("data/.dccd").join(name));
            }
            fs::write(home.at("data/.dccd/state.db"), "garbage ".repeat(1_000)).unwrap();
        }
        DiskFull => fill(&home.at("filler")),
        NoSuchSeries | OutputClosed | OutputFull | DaemonStopped => {}
    }
}

/// Tells a command that goes on to stop, once it works and takes the signal; it may have ended by itself.
async fn stop_once_begun(home: &Home, child: &Child, command: &str) {
    let Some(id) = child.id() else { return };
    let begun = async {
        loop {
            let Ok(status) = fs::read_to_string(format!("/proc/{id}/status")) else { return };
            let taken = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
            let is_taken = u64::from_str_radix(taken, 16).unwrap() & 1 << 14 != 0;
            let has_ended = status.contains("State:\tZ");
            let works = command != "start" || home.run(&["healthcheck"]).await.code == Some(0);
            if has_ended || is_taken && works {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), begun).await.expect("it does not begin");
    let _ = std::process::Command::new("kill").arg(id.to_string()).stderr(Stdio::null()).status();
}

/// Changes one bit in the middle of a file, which keeps its size and its time.
fn flip(path: &Path) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    let mut file = fs::File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(&bytes).unwrap();
    file.set_modified(modified).unwrap();
}

/// Writes until nothing more is taken.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    let mut chunk = vec![b'x'; 1 << 16];
    while !chunk.is_empty() {
        if file.write_all(&chunk).is_err() {
            chunk.truncate(chunk.len() / 2);
        }
    }
}

/// Runs a command beside a daemon that is told to stop while neither exchange nor remote answers.
async fn amid_a_stop(template: &Template, home: &Home, args: &[&str]) -> Said {
    home.run(&["jobs", "pause", "binance"]).await;
    let daemon = home.start().await;
    let before = template.setup.sim.requests().len();
    template.setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Hang).at(Endpoint::Ohlc)]);
    fs::write(home.at("hang"), "").unwrap();
    let mut child = home.command(args).spawn().unwrap();
    let began = std::time::Instant::now();
    loop {
        let is_asked =
            template.setup.sim.requests()[before..].iter().any(|seen| seen.endpoint == Endpoint::Ohlc)
                || home.at("asked").exists();
        let is_over = child.try_wait().unwrap().is_some();
        if is_asked || is_over || began.elapsed() > Duration::from_secs(4) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    terminate(&daemon).await;
    if args[0] == "sim" {
        stop_once_begun(home, &child, args[0]).await;
    }
    let said = end(child).await;
    template.setup.sim.set(|knobs| knobs.faults = Vec::new());
    end(daemon).await;
    said
}
