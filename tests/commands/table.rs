//! Every command in every trouble: how it ends, and what it says.
//!
//! 0 stands only where all that was asked for was done and shown. What is damaged is named; what can be put right by
//! itself is put right, and that is no failure.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use clap::CommandFactory;
use dccd::sim::{Endpoint, Fault, Rule};

use crate::home::{BTC, Home, Said, Template, closed, end, full};
use crate::mounts::Mounted;
use crate::program::{terminate, until};

/// What is not as it should be.
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

const NO_SERIES: Cell = Some((1, "did you mean binance/BTC-USDT"));
const WELL: Cell = Some((0, ""));
const CLOSED: Cell = Some((141, ""));
const FULL: Cell = Some((74, "standard output took no more"));
const LEDGER: Cell = Some((1, "_series.json"));
const GONE: Cell = Some((1, "2024.parquet is gone"));
const STOPS: Cell = Some((1, "the daemon stopped before this was done"));
const NO_ROOM: Cell = Some((74, "No space left on device"));
const IN_USE: Cell = Some((75, "is in use by dccd start"));
/// What a rebuilt state store does not know any more.
const FORGOTTEN: Cell = Some((1, "has not run yet"));

/// The cells of a command that has nothing to do with what is held.
const fn apart(end: Cell) -> [Cell; 10] {
    [None, end, end, end, end, CLOSED, FULL, end, end, end]
}

const TABLE: &[Row] = &[
    Row(&["validate"], apart(WELL)),
    Row(&["validate", "--online"], apart(WELL)),
    Row(&["backfill"], apart(WELL)),
    Row(&["backfill", "--dry-run"], apart(WELL)),
    Row(&["collect"], apart(WELL)),
    Row(&["start"], apart(WELL)),
    Row(&["healthcheck"], apart(WELL)),
    Row(&["status"], apart(WELL)),
    Row(&["status", "--wide"], apart(WELL)),
    Row(&["init", "other.yml"], apart(WELL)),
    Row(&["add", "-e", "binance", "-p", "BTC/USDT", "-s", "1d"], apart(WELL)),
    Row(&["remove", "-e", "binance", "-p", "ETH/USDT", "-s", "1h"], apart(WELL)),
    Row(&["inventory"], apart(WELL)),
    Row(&["gaps", "SERIES"], apart(WELL)),
    Row(&["verify", "SERIES"], apart(WELL)),
    Row(&["repair", "SERIES"], apart(WELL)),
    Row(&["sync"], apart(WELL)),
    Row(&["restore", "SERIES"], apart(WELL)),
    Row(&["purge", "--min-free-gb", "0.000001"], apart(WELL)),
    Row(&["export", "SERIES", "-o", "rows.csv"], apart(WELL)),
    Row(&["export", "SERIES", "-o", "-"], apart(WELL)),
    Row(&["export", "SERIES", "-o", "rows.xlsx"], apart(WELL)),
    Row(&["import", "--dry-run"], apart(WELL)),
    Row(&["import"], apart(WELL)),
    Row(&["jobs", "ls", "SERIES"], apart(WELL)),
    Row(&["jobs", "show", "SERIES"], apart(WELL)),
    Row(&["jobs", "why", "SERIES"], apart(WELL)),
    Row(&["jobs", "run", "SERIES"], apart(WELL)),
    Row(&["jobs", "pause", "SERIES"], apart(WELL)),
    Row(&["jobs", "resume", "SERIES"], apart(WELL)),
    Row(&["jobs", "retry", "--force", "SERIES"], apart(WELL)),
    Row(&["jobs", "ignore", "--reason", "x", "SERIES"], apart(WELL)),
    Row(&["jobs", "cancel", "SERIES"], apart(WELL)),
    Row(&["jobs", "unlock", "SERIES"], apart(WELL)),
    Row(&["jobs", "prune"], apart(WELL)),
    Row(&["logs", "SERIES"], apart(WELL)),
    Row(&["exchanges"], apart(WELL)),
    Row(&["metrics"], apart(WELL)),
    Row(&["alerts", "init", "rules"], apart(WELL)),
    Row(&["alerts", "test", "--for", "5"], apart(WELL)),
    Row(&["alerts", "runbook", "DccdDown"], apart(WELL)),
    Row(&["completions", "bash"], apart(WELL)),
    Row(&["demo", "--for", "1s", "--listen", "127.0.0.1:0"], apart(WELL)),
    Row(&["sim", "--listen", "127.0.0.1:0"], apart(WELL)),
];

/// Commands that go on until they are told to stop.
const ENDLESS: [&str; 2] = ["start", "sim"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_in_every_trouble_ends_as_it_should_and_says_why() {
    let template = Template::with_remote().await;
    let mut wrong = Vec::new();
    for trouble in ALL {
        for Row(words, cells) in TABLE {
            let place = ALL.iter().position(|own| *own == trouble).unwrap();
            let Some((code, part)) = cells[place] else { continue };
            let Some(said) = meet(&template, words, trouble).await else { continue };
            let whole = format!("{}{}", said.out, said.err);
            if std::env::var_os("DCCD_TABLE").is_some() {
                println!("{trouble:?} {words:?} {:?} | {}", said.code, said.err.replace('\n', " / "));
            }
            if said.code != Some(code) || !whole.contains(part) || whole.contains("panicked") {
                wrong.push(format!("{words:?} with {trouble:?}: wanted {code} and `{part}`, got {said:?}"));
            }
        }
    }
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
async fn meet(template: &Template, words: &[&str], trouble: Trouble) -> Option<Said> {
    let mut home = template.copy();
    let mut out = Stdio::piped();
    let series = if trouble == NoSuchSeries { "binance/BTC-USD" } else { BTC };
    let args: Vec<&str> = words.iter().map(|word| if *word == "SERIES" { series } else { word }).collect();
    let (ledger, file) = (home.ledger("BTC-USDT"), home.file("BTC-USDT"));
    let mut _mounted = None;
    match trouble {
        NoSuchSeries => {}
        LedgerGone => fs::remove_file(ledger).unwrap(),
        LedgerCut => {
            let bytes = fs::metadata(&ledger).unwrap().len();
            fs::File::options().write(true).open(ledger).unwrap().set_len(bytes / 2).unwrap();
        }
        FileGone => fs::remove_file(file).unwrap(),
        BitFlipped => flip(&file),
        OutputClosed => out = closed(),
        OutputFull => out = full(),
        DaemonStopped => return Some(amid_a_stop(template, &home, &args).await),
        StoreBroken => {
            for name in ["state.db-wal", "state.db-shm"] {
                let _ = fs::remove_file(home.at("data/.dccd").join(name));
            }
            fs::write(home.at("data/.dccd/state.db"), "garbage ".repeat(1_000)).unwrap();
        }
        DiskFull => match Mounted::tmpfs(&home.at("small"), "size=24m") {
            Ok(mounted) => {
                home = home.moved_to("small");
                fill(&home.at("filler"));
                _mounted = Some(mounted);
            }
            Err(why) => {
                println!("skipped: a full disk needs root and mounts: {why}");
                return None;
            }
        },
    }
    let child = home.command(&args).stdout(out).spawn().unwrap();
    if ENDLESS.contains(&args[0]) {
        // It ends by itself where it cannot begin.
        tokio::time::sleep(Duration::from_secs(2)).await;
        if child.id().is_some() {
            let _ = std::process::Command::new("kill").arg(child.id().unwrap().to_string()).status();
        }
    }
    Some(end(child).await)
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
    let before = template.house.sim.requests().len();
    template.house.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Hang).at(Endpoint::Ohlc)]);
    fs::write(home.at("hang"), "").unwrap();
    let mut child = home.command(args).spawn().unwrap();
    let began = std::time::Instant::now();
    loop {
        let is_asked =
            template.house.sim.requests()[before..].iter().any(|seen| seen.endpoint == Endpoint::Ohlc)
                || home.at("asked").exists();
        let is_over = child.try_wait().unwrap().is_some();
        if is_asked || is_over || began.elapsed() > Duration::from_secs(4) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    terminate(&daemon).await;
    let said = end(child).await;
    template.house.sim.set(|knobs| knobs.faults = Vec::new());
    end(daemon).await;
    said
}
