//! A process that takes pages into a store and says on its error output which it has accepted, until it is
//! killed: this program once more, running one test of its own.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use dccd::model::Micros;
use dccd::store::{Bounds, Layout, Store, StoreSettings, Writer};

use crate::dice::Dice;
use crate::feed::{Feed, SERIES, series};

/// Small enough that open files and folds are frequent.
const SMALL_ROWS: u64 = 40;
/// How often the journal is made durable beside the ingest.
const SYNC_EVERY: Duration = Duration::from_millis(3);

/// The work of such a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    /// Of the pages.
    pub(crate) seed: u64,
    /// Large pages among them.
    pub(crate) is_heavy: bool,
    /// The first page that is not known to be accepted, and where to stop.
    pub(crate) from: u64,
    pub(crate) until: u64,
}

/// The words that a process says before it takes pages, and for each page.
pub(crate) const READY: &str = "ready";
pub(crate) const ACCEPTED: &str = "accepted ";

/// The command that begins with `words`, such as those of a tracer, and ends in the process.
pub(crate) fn command(words: &[String], folder: &Path, task: Task) -> Command {
    let own = std::env::current_exe().unwrap().display().to_string();
    let name = format!("{}::takes_pages_until_it_is_killed", module_path!().split_once("::").unwrap().1);
    let rest =
        [own, "--exact".into(), name, "--ignored".into(), "--nocapture".into(), "--test-threads=1".into()];
    let words: Vec<String> = words.iter().cloned().chain(rest).collect();
    let mut command = Command::new(&words[0]);
    let text = format!("{} {} {} {}", task.seed, task.is_heavy, task.from, task.until);
    command
        .args(&words[1..])
        .env("DCCD_INGEST", text)
        .env("DCCD_INGEST_FOLDER", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// How the stores of these tests are opened.
pub(crate) fn settings(layout: &Layout, sync_each: bool) -> StoreSettings {
    let drawn = StoreSettings::drawn(layout, Micros::from_secs(1_800_000_000), sync_each).unwrap();
    StoreSettings { bounds: Bounds { small_rows: SMALL_ROWS, ..Bounds::default() }, ..drawn }
}

#[test]
#[ignore = "not a test by itself: the process that the others kill"]
fn takes_pages_until_it_is_killed() {
    let Ok(text) = std::env::var("DCCD_INGEST") else { return };
    let words: Vec<&str> = text.split(' ').collect();
    let number = |at: usize| words[at].parse::<u64>().unwrap();
    let task = Task { seed: number(0), is_heavy: words[1] == "true", from: number(2), until: number(3) };
    let layout = Layout::new(std::env::var("DCCD_INGEST_FOLDER").unwrap());

    let (store, replay) = Store::open(&layout, settings(&layout, task.seed.is_multiple_of(5))).unwrap();
    assert!(replay.failures.is_empty(), "{:?}", replay.failures);
    let mut writers: Vec<Option<Writer>> = (0..SERIES).map(|track| Some(writer(&store, track))).collect();
    say(READY);

    let (ingesting, ended) = channel::<()>();
    std::thread::scope(|scope| {
        let syncing = store.clone();
        scope.spawn(move || {
            while ended.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Timeout) {
                syncing.sync().unwrap();
            }
        });
        ingest(&store, &mut writers, task, scope);
        drop(ingesting);
    });
}

fn ingest<'scope>(
    store: &Store,
    writers: &mut [Option<Writer>],
    task: Task,
    scope: &'scope std::thread::Scope<'scope, '_>,
) {
    let mut dice = Dice::new(task.seed ^ task.from);
    let (skipped, taken) = (task.from as usize, (task.until - task.from) as usize);
    for page in Feed::new(task.seed, task.is_heavy).skip(skipped).take(taken) {
        let own = &mut writers[page.track];
        // Now and then a series is left and taken up again, as runs of a job do.
        if dice.once_in(20) {
            drop(own.take());
        }
        let own = own.get_or_insert_with(|| writer(store, page.track));
        own.accept(page.accepted()).unwrap();
        say(&format!("{ACCEPTED}{}", page.number));
        if dice.once_in(if task.is_heavy { 12 } else { 5 }) {
            if dice.once_in(2) {
                own.flush().unwrap();
            } else {
                // Beside the pages that follow.
                let other = own.clone();
                scope.spawn(move || other.flush().map(drop).unwrap());
            }
        }
    }
}

fn writer(store: &Store, track: usize) -> Writer {
    store.writer(&series(track)).unwrap().0
}

/// One line by one system call: there is no half of it.
fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
