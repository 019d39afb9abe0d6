//! Two processes that both mean to own one data path: the lock file is removed, replaced, or the data path moved
//! under the first, the second's clock is an hour behind, and either is killed. One journal is written at a time,
//! the loser says who won, and no accepted row is lost.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use dccd::store::{DataLock, Layout, Store};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

use crate::account::Account;
use crate::dice::{Dice, times};
use crate::feed::{Feed, SERIES, series};
use crate::ingest::settings;
use crate::shim;

/// How long anything may take here that must come about.
const PATIENCE: Duration = Duration::from_secs(40);
const IN_USE: i32 = 75;

/// How the first owner ends.
#[derive(Clone, Copy, Debug)]
enum Trick {
    Removed,
    Replaced,
    Emptied,
    MovedAndLinked,
    CopiedAndLinked,
    ClockSetBack,
}

const TRICKS: [Trick; 6] = [
    Trick::Removed,
    Trick::Replaced,
    Trick::MovedAndLinked,
    Trick::ClockSetBack,
    Trick::CopiedAndLinked,
    Trick::Emptied,
];

/// Who is killed, and how long after the trick.
#[derive(Clone, Copy, Debug)]
enum Death {
    Neither,
    First(Duration),
    Second(Duration),
}

#[test]
fn of_two_owners_one_ends_and_says_who_won_and_no_accepted_row_is_lost() {
    let mut dice = Dice::drawn();
    let (mut rows, mut takeovers) = (0, 0);
    let most = times(9, 50);
    for round in 0..most {
        let trick = TRICKS[round as usize % TRICKS.len()];
        let after = Duration::from_micros(dice.below(400_000));
        let death = match dice.below(3) {
            0 => Death::Neither,
            1 => Death::First(after),
            _ => Death::Second(after),
        };
        let mut rivals = Rivals::new(dice.next());
        takeovers += u64::from(rivals.contend(trick, death, dice.below(60)));
        rows += rivals.rows;
    }
    println!(
        "{most} pairs of owners: {rows} rows accepted, none lost; the second took over {takeovers} times"
    );
    assert!(rows > 0 && takeovers > 0 && takeovers < most);
}

/// A data path and what its owners accepted.
struct Rivals {
    folder: TempDir,
    seed: u64,
    feed: Feed,
    accounts: Vec<Account>,
    taken: u64,
    rows: u64,
}

/// A process that would own the data path.
struct Owner {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Rivals {
    fn new(seed: u64) -> Self {
        Rivals {
            folder: TempDir::new().unwrap(),
            feed: Feed::new(seed, false),
            accounts: (0..SERIES).map(Account::of).collect(),
            seed,
            taken: 0,
            rows: 0,
        }
    }

    /// Lets a second owner come to the first; gives whether it became one.
    fn contend(&mut self, trick: Trick, death: Death, pages: u64) -> bool {
        let data = self.folder.path().join("data");
        let mut first = Owner::start(&data, self.seed, false);
        first.go_on(0);
        first.wait_for("accepted ", pages as usize + 1);
        play(trick, &data);
        let mut second = Owner::start(&data, self.seed, matches!(trick, Trick::ClockSetBack));
        match death {
            Death::Neither => {}
            Death::First(after) => first.kill_after(after),
            Death::Second(after) => second.kill_after(after),
        }
        let is_owner = second.wait_for("ready", 1);
        let story = |why: &str, one: &Owner, other: &Owner| {
            format!("{trick:?}, {death:?}: {why}\nfirst: {:?}\nsecond: {:?}", one.said, other.said)
        };
        let first_goes_on = !is_owner && !matches!(death, Death::First(_)) && first.is_alive();
        if !is_owner && !matches!(death, Death::Second(_)) {
            assert_eq!(
                second.ended().code(),
                Some(IN_USE),
                "{}",
                story("it was not refused", &first, &second)
            );
            let winner = first.child.id().to_string();
            assert!(second.says(&winner), "{}", story("it does not name the winner", &first, &second));
        }
        // It has its lock still; a move is seen only by who looks amid it.
        if first_goes_on && matches!(trick, Trick::ClockSetBack | Trick::Emptied | Trick::MovedAndLinked) {
            let more = first.pages().len() + 3;
            let goes_on = first.wait_for("accepted ", more) || matches!(trick, Trick::MovedAndLinked);
            assert!(goes_on, "{}", story("the first does not go on", &first, &second));
            let _ = first.child.kill();
        }
        let status = first.ended();
        if is_owner {
            let (last, ready) = (first.last_accepted(), second.time_of("ready"));
            assert!(last < ready, "{}", story("two journals were written at a time", &first, &second));
            if matches!(death, Death::Neither) {
                assert_eq!(
                    status.code(),
                    Some(IN_USE),
                    "{}",
                    story("the first did not end", &first, &second)
                );
                let winner = second.child.id().to_string();
                // Where it noticed before there was one, it says what became of its lock.
                let names_it = first.says(&winner) || first.says("is not there any more");
                assert!(names_it, "{}", story("it does not name the winner", &first, &second));
            }
        }
        self.take_up(&first.pages(), &story("", &first, &second));
        if is_owner {
            second.go_on(self.taken);
            second.wait_for("accepted ", 5);
            let _ = second.child.kill();
            second.ended();
            self.take_up(&second.pages(), &story("", &first, &second));
        }
        self.check(&data, &story("", &first, &second));
        is_owner
    }

    fn take_up(&mut self, accepted: &[u64], story: &str) {
        let expected: Vec<u64> = (self.taken..).take(accepted.len()).collect();
        assert_eq!(accepted, expected, "{story}");
        for _ in accepted {
            let page = self.feed.next().unwrap();
            self.accounts[page.track].sent(&page);
            self.accounts[page.track].accepted(&page);
            self.rows += page.keys().count() as u64;
        }
        let under_way = self.feed.clone().next().unwrap();
        self.accounts[under_way.track].sent(&under_way);
        self.taken += accepted.len() as u64;
    }

    fn check(&self, data: &Path, story: &str) {
        let layout = Layout::new(data);
        let lock = DataLock::take(&layout, "test").unwrap();
        let (store, replay) = Store::on(lock.disk(), &layout, settings(&layout, false)).unwrap();
        assert!(replay.failures.is_empty(), "{story}: {:?}", replay.failures);
        for track in 0..SERIES {
            store.writer(&series(track)).unwrap();
        }
        for account in &self.accounts {
            account.check(&layout).unwrap_or_else(|why| panic!("{why}: {story}"));
        }
        store.close().unwrap();
    }
}

/// A change that an administrator, or a script, makes to a data path in use.
fn play(trick: Trick, data: &Path) {
    let lock = data.join(".dccd/lock");
    let moved = data.with_file_name("moved");
    match trick {
        Trick::Removed => std::fs::remove_file(lock).unwrap(),
        Trick::Replaced => {
            std::fs::write(data.join(".dccd/other"), "").unwrap();
            std::fs::rename(data.join(".dccd/other"), lock).unwrap();
        }
        Trick::Emptied => std::fs::write(lock, "").unwrap(),
        Trick::MovedAndLinked => {
            std::fs::rename(data, &moved).unwrap();
            std::os::unix::fs::symlink(&moved, data).unwrap();
        }
        Trick::CopiedAndLinked => {
            // From here on rows may only be refused: the copy will not have them.
            std::fs::rename(data, data.with_file_name("before")).unwrap();
            std::thread::sleep(Duration::from_millis(20));
            let copied = Command::new("cp").arg("-a").arg(data.with_file_name("before")).arg(&moved).status();
            assert!(copied.unwrap().success());
            std::os::unix::fs::symlink(&moved, data).unwrap();
        }
        Trick::ClockSetBack => {}
    }
}

impl Owner {
    fn start(data: &Path, seed: u64, is_behind: bool) -> Self {
        let name = format!("{}::owns_a_data_path", module_path!().split_once("::").unwrap().1);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", &name, "--ignored", "--nocapture", "--test-threads=1"])
            .env("DCCD_OWNER", seed.to_string())
            .env("DCCD_OWNER_FOLDER", data)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if is_behind && let Some(library) = shim::library() {
            command.env("LD_PRELOAD", library).env("DCCD_CLOCK_OFFSET", "-3600");
        }
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            errors.map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        Owner { child, lines, said: Vec::new() }
    }

    /// Lets it take pages once it is the owner.
    fn go_on(&mut self, from: u64) {
        let _ = writeln!(self.child.stdin.as_mut().unwrap(), "{from}");
    }

    /// Waits until it has said something so often; false where it ended first.
    fn wait_for(&mut self, what: &str, times: usize) -> bool {
        let began = Instant::now();
        loop {
            if self.said.iter().filter(|line| line.starts_with(what)).count() >= times {
                return true;
            }
            assert!(began.elapsed() < PATIENCE, "it never says {what}: {:?}", self.said);
            match self.lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn kill_after(&mut self, time: Duration) {
        std::thread::sleep(time);
        let _ = self.child.kill();
    }

    fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end and takes in the rest of what it said.
    fn ended(&mut self) -> ExitStatus {
        self.said.extend(self.lines.iter());
        self.child.wait().unwrap()
    }

    fn says(&self, what: &str) -> bool {
        self.said.iter().any(|line| line.starts_with("refused: ") && line.contains(what))
    }

    fn pages(&self) -> Vec<u64> {
        let accepted = self.said.iter().filter_map(|line| line.strip_prefix("accepted "));
        accepted.map(|rest| rest.split(' ').next().unwrap().parse().unwrap()).collect()
    }

    fn last_accepted(&self) -> u128 {
        self.time_of("accepted ")
    }

    /// When it last said something, by the clock that all processes share.
    fn time_of(&self, what: &str) -> u128 {
        let line = self.said.iter().rfind(|line| line.starts_with(what));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }
}

#[test]
#[ignore = "not a test by itself: a process that would own a data path"]
fn owns_a_data_path() {
    let Ok(seed) = std::env::var("DCCD_OWNER") else { return };
    let layout = Layout::new(std::env::var("DCCD_OWNER_FOLDER").unwrap());
    let why = owns(&layout, seed.parse().unwrap()).unwrap_err();
    say(&format!("refused: {why}"));
    std::process::exit(IN_USE);
}

fn owns(layout: &Layout, seed: u64) -> Result<std::convert::Infallible, String> {
    let lock = DataLock::take(layout, "test").map_err(|error| error.to_string())?;
    let lost = |error: dccd::store::StoreError| {
        // As the daemon ends: by then the process that took its place has said so.
        std::thread::sleep(Duration::from_millis(200));
        lock.watch().lost().map_or_else(|| format!("{error:?}"), |lost| lost.to_string())
    };
    let (store, replay) = Store::on(lock.disk(), layout, settings(layout, false)).map_err(lost)?;
    assert!(replay.failures.is_empty(), "{:?}", replay.failures);
    say(&format!("ready {}", monotonic()));
    let mut from = String::new();
    std::io::stdin().read_line(&mut from).unwrap();
    let from: usize = from.trim().parse().unwrap();
    let (mut writers, mut dice) = (BTreeMap::new(), Dice::new(seed));
    for page in Feed::new(seed, false).skip(from) {
        if let std::collections::btree_map::Entry::Vacant(place) = writers.entry(page.track) {
            place.insert(store.writer(&series(page.track)).map_err(lost)?.0);
        }
        let writer = writers.get_mut(&page.track).unwrap();
        writer.accept(page.accepted()).map_err(lost)?;
        say(&format!("accepted {} {}", page.number, monotonic()));
        if dice.once_in(5) {
            writer.flush().map_err(lost)?;
        }
        if dice.once_in(7) {
            store.sync().map_err(lost)?;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    unreachable!("the pages have no end")
}

fn monotonic() -> u128 {
    let at = clock_gettime(ClockId::Monotonic);
    at.tv_sec as u128 * 1_000_000_000 + at.tv_nsec as u128
}

fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
