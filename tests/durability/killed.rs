//! Processes killed at random moments and at chosen system calls while they take pages whose rows cannot be
//! fetched again: every row reported as accepted is there, once, however the process died.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use dccd::store::{FindingKind, Layout, Store};
use tempfile::TempDir;

use crate::account::Account;
use crate::dice::{Dice, times};
use crate::feed::{Feed, Page, SERIES, series};
use crate::ingest::{ACCEPTED, READY, Task, command, settings};
use crate::needs;

/// From start to ready.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// The pages a process takes if it is not killed before it ends.
const MOST_PAGES: u64 = 600;
const SIGKILL: i32 = 9;
/// System calls to die at, and how many of them a process may come by.
const CALLS: [(&str, u64); 8] = [
    ("write", 150),
    ("fdatasync", 40),
    ("rename", 25),
    ("openat", 90),
    ("unlink", 4),
    ("fallocate", 2),
    ("mkdir", 9),
    ("fsync", 40),
];

/// When a process is killed.
#[derive(Clone, Debug)]
enum Death {
    /// So long after its start.
    After(Duration),
    /// As it says that it has accepted so many pages.
    Accepted(u64),
    /// By the tracer, as it makes a system call for the n-th time.
    At(&'static str, u64),
}

#[test]
fn what_a_process_killed_at_any_moment_had_accepted_is_there_once() {
    let mut siege = Siege::new(false);
    for round in 0..times(20, 200) {
        // Two of ten fill segment after segment.
        if matches!(round % 10, 5 | 7) {
            siege.check_and_begin_anew(round % 10 == 5);
        }
        let death = match siege.dice.below(3) {
            0 => Death::After(Duration::from_micros(siege.dice.below(120_000))),
            _ if siege.task.is_heavy => Death::Accepted(20 + siege.dice.below(30)),
            _ => Death::Accepted(siege.dice.below(120)),
        };
        siege.kill(&death);
    }
    siege.check();
    println!("{}", siege.summary("at random moments"));
    assert!(siege.killed * 4 >= times(20, 200) * 3, "only {} were killed before they ended", siege.killed);
    assert!(siege.rows > 0);
}

#[test]
fn what_a_process_killed_at_any_system_call_had_accepted_is_there_once() {
    if !needs::programs(&["strace"]) {
        return;
    }
    let mut siege = Siege::new(false);
    let most = times(6, 60);
    let first = siege.dice.below(CALLS.len() as u64) as usize;
    for round in 0..most as usize {
        let (call, count) = CALLS[(first + round) % CALLS.len()];
        // Folders are made on an empty data path only.
        if call == "mkdir" {
            siege.check_and_begin_anew(false);
        }
        // Half of them among the first, where a process recovers.
        let nth = 1 + siege.dice.below(count).min(siege.dice.below(count * 2));
        siege.kill(&Death::At(call, nth));
    }
    siege.check();
    println!("{}", siege.summary("at system calls"));
    assert_eq!(siege.killed, most, "some ended before they came to the call");
}

/// A data path, the processes that die on it, and what they said.
struct Siege {
    dice: Dice,
    folder: TempDir,
    task: Task,
    feed: Feed,
    accounts: Vec<Account>,
    killed: u64,
    rows: u64,
    slowest: Duration,
    deaths: Vec<String>,
}

impl Siege {
    fn new(is_heavy: bool) -> Self {
        let mut dice = Dice::drawn();
        let task = Task { seed: dice.next(), is_heavy, from: 0, until: 0 };
        Siege {
            folder: TempDir::new().unwrap(),
            feed: Feed::new(task.seed, is_heavy),
            accounts: (0..SERIES).map(Account::of).collect(),
            task,
            dice,
            killed: 0,
            rows: 0,
            slowest: Duration::ZERO,
            deaths: Vec::new(),
        }
    }

    fn check_and_begin_anew(&mut self, is_heavy: bool) {
        self.check();
        self.task = Task { seed: self.dice.next(), is_heavy, from: 0, until: 0 };
        self.feed = Feed::new(self.task.seed, is_heavy);
        self.folder = TempDir::new().unwrap();
        self.accounts = (0..SERIES).map(Account::of).collect();
        self.deaths.clear();
    }

    /// Lets a process die. Most of the time its store is checked at once, else the next process finds it.
    fn kill(&mut self, death: &Death) {
        let mut death = death.clone();
        loop {
            if self.die(&death) {
                self.killed += 1;
                break;
            }
            match &mut death {
                // It did not come by so many of them: earlier, then.
                Death::At(_, nth) if *nth > 1 => *nth /= 2,
                _ => break,
            }
        }
        if !self.dice.once_in(3) {
            self.check();
        }
    }

    /// Runs a process until it dies or ends; says whether it was killed, and takes up what it had accepted.
    fn die(&mut self, death: &Death) -> bool {
        let task = Task { until: self.task.from + MOST_PAGES, ..self.task };
        let begun = Instant::now();
        let mut child = command(&tracer(death), self.folder.path(), task).spawn().unwrap();
        let (said, heard) = channel();
        let output = child.stderr.take().unwrap();
        let wanted = if let Death::Accepted(pages) = death { *pages } else { u64::MAX };
        let listening = std::thread::spawn(move || listen(output, begun, wanted, &said));
        let patience = if let Death::After(time) = death { *time } else { Duration::from_secs(60) };
        let _ = heard.recv_timeout(patience);
        if !matches!(death, Death::At(..)) {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        let (accepted, ready) = listening.join().unwrap();
        self.deaths.push(format!("{death:?}: {status}, pages {} and {} more", task.from, accepted.len()));
        // Under a tracer everything takes many times as long.
        if let (Some(ready), false) = (ready, matches!(death, Death::At(..))) {
            self.took(ready);
        }
        self.take_up(&accepted);
        let is_killed = status.signal() == Some(SIGKILL) || status.code() == Some(128 + SIGKILL);
        assert!(is_killed || status.success(), "{}", self.story("the process ended by itself"));
        is_killed
    }

    /// The pages were accepted, and the next one may be in the store as well.
    fn take_up(&mut self, accepted: &[u64]) {
        let expected: Vec<u64> = (self.task.from..).take(accepted.len()).collect();
        assert_eq!(accepted, expected, "{}", self.story("pages are missing from what it said"));
        for _ in accepted {
            let page = self.feed.next().unwrap();
            self.accounts[page.track].sent(&page);
            self.accounts[page.track].accepted(&page);
            self.rows += page.keys().count() as u64;
        }
        let under_way: Page = self.feed.clone().next().unwrap();
        self.accounts[under_way.track].sent(&under_way);
        self.task.from += accepted.len() as u64;
    }

    /// Opens the store as the next process would and compares.
    fn check(&mut self) {
        let layout = Layout::new(self.folder.path());
        let begun = Instant::now();
        let (store, replay) = Store::open(&layout, settings(&layout, false)).unwrap();
        assert!(replay.failures.is_empty(), "{}", self.story(&format!("{:?}", replay.failures)));
        let mut findings = replay.findings;
        for track in 0..SERIES {
            let found = store.writer(&series(track)).unwrap().1;
            findings.extend(found.into_iter().map(|finding| (None, finding)));
        }
        self.took(begun.elapsed());
        for (_, finding) in &findings {
            let is_damage = matches!(finding.kind, FindingKind::Quarantined | FindingKind::Missing);
            assert!(!is_damage, "{}", self.story(&format!("{finding:?}")));
        }
        for account in &self.accounts {
            account.check(&layout).unwrap_or_else(|why| panic!("{}", self.story(&why)));
        }
        if self.dice.once_in(3) {
            store.close().unwrap();
        }
    }

    fn took(&mut self, time: Duration) {
        assert!(time < READY_WITHIN, "{}", self.story(&format!("ready after {time:?}")));
        self.slowest = self.slowest.max(time);
    }

    fn summary(&self, when: &str) -> String {
        let (killed, rows, slowest) = (self.killed, self.rows, self.slowest);
        format!(
            "{killed} killed {when}: {rows} rows accepted, none lost or doubled; ready within {slowest:?}"
        )
    }

    fn story(&self, why: &str) -> String {
        let folder: PathBuf = self.folder.path().to_owned();
        format!("{why}\n{} after\n  {}", folder.display(), self.deaths.join("\n  "))
    }
}

fn tracer(death: &Death) -> Vec<String> {
    let Death::At(call, nth) = death else { return Vec::new() };
    let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
    let words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject];
    words.map(str::to_owned).to_vec()
}

/// Takes in what a process says until it ends, and reports once it has accepted as many pages as wanted, or
/// ended. Gives the pages and how long it took to be ready.
fn listen(
    output: impl std::io::Read,
    begun: Instant,
    wanted: u64,
    report: &Sender<()>,
) -> (Vec<u64>, Option<Duration>) {
    let (mut accepted, mut ready) = (Vec::new(), None);
    for line in BufReader::new(output).lines() {
        let line = line.unwrap();
        match line.strip_prefix(ACCEPTED) {
            Some(number) => accepted.push(number.parse().unwrap()),
            None if line == READY => ready = Some(begun.elapsed()),
            None => println!("the process says: {line}"),
        }
        if accepted.len() as u64 >= wanted && ready.is_some() {
            // The process may have ended meanwhile.
            let _ = report.send(());
        }
    }
    let _ = report.send(());
    (accepted, ready)
}
