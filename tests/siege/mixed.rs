//! Faults of every kind at once, drawn one after the other, over sockets and REST: in the end every row is there once, and
//! the process is as small as it was.
//!
//! It runs with `DCCD_SIEGE=1` alone, for an hour or for as many seconds as `DCCD_SIEGE_SECS` says. `DCCD_SEED` repeats a
//! run; with half of them the state store is PostgreSQL, which goes away too. Power cuts have tests of their own: `tests/power`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use dccd::sim::{Fault, Knobs, Rate, Rule, WsFault};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::task::JoinSet;

use crate::dice::{Dice, times};
use crate::needs::is_left_to_siege;
use crate::postgres::Server;
use crate::program::{command, configure, end, signal, terminate, try_request};
use crate::rig::Rig;
use crate::shim;

/// How long until nothing may be missing any more: a lapse is asked for page by page beside the other tests.
const HEALED_WITHIN: Duration = Duration::from_secs(300);

/// The most that a process may take however long it is besieged: MiB in memory, descriptors, threads.
const MOST: Size = Size { memory: 160, descriptors: 96, threads: 40 };

/// Growth from the first calm to the last that is still flat.
const FLAT: Size = Size { memory: 48, descriptors: 12, threads: 8 };

/// A stand-in of rclone that hangs while the file `hang` is there, and copies nothing.
const RCLONE: &str =
    "#!/bin/sh\n[ \"$1\" = version ] && { echo 'rclone v1.60.1'; exit; }\n[ -e hang ] && sleep 30\nexit 1\n";

/// Faults that can happen. Each undoes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Blow {
    Kill,
    Stop,
    Freeze,
    Socket(u8),
    Rest(u8),
    Reload,
    WrongReload,
    Scrapes,
    RcloneHangs,
    ClockStep,
    Disk(u8),
    StoreAway,
}

const SOCKETS: [WsFault; 8] = [
    WsFault::Cut,
    WsFault::Reset,
    WsFault::Hole,
    WsFault::Double,
    WsFault::Swap,
    WsFault::Burst,
    WsFault::Stall,
    WsFault::Notice,
];

const ANSWERS: [Fault; 10] = [
    Fault::Status500,
    Fault::Status429,
    Fault::Html,
    Fault::Truncated,
    Fault::Reset,
    Fault::Empty,
    Fault::Short,
    Fault::Stuck,
    Fault::Impossible,
    Fault::Bomb,
];

/// States of the disk: nothing is written, nothing becomes durable, or that takes long.
const DISKS: [&str; 3] = ["full", "broken", "slow"];

/// The code with which the daemon ends when its storage failed; who runs it starts it again.
const STORAGE_FAILED: i32 = 74;

fn drawn(dice: &mut Dice) -> Blow {
    match dice.below(18) {
        0 => Blow::Kill,
        1 => Blow::Stop,
        2 => Blow::Freeze,
        3..=5 => Blow::Socket(dice.below(SOCKETS.len() as u64) as u8),
        6..=8 => Blow::Rest(dice.below(ANSWERS.len() as u64) as u8),
        9 => Blow::Reload,
        10 => Blow::WrongReload,
        11 => Blow::Scrapes,
        12 => Blow::RcloneHangs,
        13 => Blow::ClockStep,
        14..=16 => Blow::Disk(dice.below(DISKS.len() as u64) as u8),
        _ => Blow::StoreAway,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_exists_is_stored_once_through_faults_of_every_kind_and_nothing_grows() {
    if is_left_to_siege() {
        return;
    }
    let Some(library) = shim::library() else { return };
    let seconds = std::env::var("DCCD_SIEGE_SECS").ok().and_then(|text| text.parse().ok());
    let lasts = Duration::from_secs(seconds.unwrap_or_else(|| times(40, 3_600)));
    let mut dice = Dice::drawn();
    let knobs = Knobs { ws_rate: 20, huge_bytes: 64 << 20, ..Knobs::default() };
    let rig = Rig::of("binance", &["BTC/USDT", "ETH/USDT"], knobs).await;
    let server = dice.once_in(2).then(|| Server::start("-c fsync=off")).flatten();
    let mut siege = Siege::begin(&rig, library, server).await;
    let before = siege.calm().await;

    let (began, mut struck, mut sizes) = (Instant::now(), BTreeMap::new(), Vec::new());
    // Each kind comes once before any comes at random.
    let disks = (0..DISKS.len() as u8).map(Blow::Disk);
    let first = [Blow::Scrapes, Blow::Socket(0), Blow::Rest(0), Blow::Reload, Blow::Kill, Blow::StoreAway];
    let mut first = first.into_iter().chain(disks);
    while began.elapsed() < lasts {
        let blow = first.next().unwrap_or_else(|| drawn(&mut dice));
        println!("{:>6.1} s: {blow:?}", began.elapsed().as_secs_f64());
        siege.strike(blow, &mut dice).await;
        *struck.entry(blow).or_insert(0) += 1;
        tokio::time::sleep(Duration::from_millis(500 + dice.below(2_500))).await;
        sizes.extend(siege.size());
    }
    siege.relieve().await;
    let last = dccd::clock::now();
    rig.complete_until(last, HEALED_WITHIN).await;
    rig.without_gaps(HEALED_WITHIN).await;
    let (calm, storage_failed) = (siege.calm().await, siege.storage_failed);
    siege.end().await;

    for name in &rig.series {
        let (window, rows) = rig.exact(name);
        println!("{name}: {} rows of {window}", rows.len());
    }
    let largest = sizes.iter().copied().fold(calm, Size::max);
    let blows: u64 = struck.values().sum();
    println!("{blows} blows: {struck:?}; its storage failed it {storage_failed} times");
    println!("{before:?} before, at most {largest:?}, {calm:?} in the end");
    assert!(largest.is_within(MOST), "{largest:?} of {MOST:?}");
    assert!(calm.less(before).is_within(FLAT), "{calm:?} after {before:?}");
}

/// A process's size: MiB in memory, descriptors, threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    memory: u64,
    descriptors: u64,
    threads: u64,
}

impl Size {
    fn of(process: u32) -> Option<Size> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let figure = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count() as u64;
        Some(Size { memory: figure("VmRSS:")? >> 10, descriptors, threads: figure("Threads:")? })
    }

    fn max(self, other: Size) -> Size {
        Size {
            memory: self.memory.max(other.memory),
            descriptors: self.descriptors.max(other.descriptors),
            threads: self.threads.max(other.threads),
        }
    }

    fn is_within(self, most: Size) -> bool {
        self.memory <= most.memory && self.descriptors <= most.descriptors && self.threads <= most.threads
    }

    fn less(self, other: Size) -> Size {
        Size {
            memory: self.memory.saturating_sub(other.memory),
            descriptors: self.descriptors.saturating_sub(other.descriptors),
            threads: self.threads.saturating_sub(other.threads),
        }
    }
}

/// The process that is besieged, and what is around it.
struct Siege<'a> {
    rig: &'a Rig,
    library: &'static Path,
    text: String,
    /// Where the state store is, unless it is a file.
    server: Option<Server>,
    child: Child,
    /// How often it ended because its storage failed, and was started again.
    storage_failed: u64,
}

impl<'a> Siege<'a> {
    async fn begin(rig: &'a Rig, library: &'static Path, server: Option<Server>) -> Siege<'a> {
        let at = |name: &str| rig.setup.folder.path().join(name);
        fs::create_dir(at("bin")).unwrap();
        fs::write(at("bin/rclone"), RCLONE).unwrap();
        fs::set_permissions(at("bin/rclone"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(at("hands"), "0").unwrap();
        let text = fs::read_to_string(at("config.yml")).unwrap();
        let storage = "storage: {flush_interval: 1, sync_interval: 5, remotes: [{remote: 'nas:x'}]}";
        let text = text.replace("storage: {flush_interval: 1}", storage);
        assert!(text.contains(storage), "{text}");
        let text = match &server {
            Some(server) => format!("{text}store: {}\n", server.database().await),
            None => text,
        };
        configure(&rig.setup, &text);
        let child = Siege::started(rig, library).await;
        Siege { rig, library, text, server, child, storage_failed: 0 }
    }

    async fn started(rig: &Rig, library: &Path) -> Child {
        let folder = rig.setup.folder.path();
        let mut command = command(&rig.setup, &["start"]);
        let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("LD_PRELOAD", library).env("DCCD_CLOCK_FILE", folder.join("hands"));
        command.env("DCCD_DISK_FILE", folder.join("disk"));
        // Its log would fill the pipes.
        let log = fs::File::options().create(true).append(true).open(folder.join("said")).unwrap();
        command.stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        let began = Instant::now();
        while !siege_is_up(rig).await {
            assert!(began.elapsed() < HEALED_WITHIN, "it does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        child
    }

    fn size(&self) -> Option<Size> {
        Size::of(self.child.id()?)
    }

    /// Starts it again if its storage failed; it ends for no other reason.
    async fn stays_up(&mut self) {
        let Some(ended) = self.child.try_wait().unwrap() else { return };
        assert_eq!(ended.code(), Some(STORAGE_FAILED), "it ended by itself");
        self.storage_failed += 1;
        self.child = Siege::started(self.rig, self.library).await;
    }

    async fn strike(&mut self, blow: Blow, dice: &mut Dice) {
        self.stays_up().await;
        let at = |name: &str| self.rig.setup.folder.path().join(name);
        match blow {
            Blow::Kill => {
                self.child.start_kill().unwrap();
                self.child.wait().await.unwrap();
                self.child = Siege::started(self.rig, self.library).await;
            }
            Blow::Stop => {
                terminate(&self.child).await;
                match self.child.wait().await.unwrap().code() {
                    Some(STORAGE_FAILED) => self.storage_failed += 1,
                    code => assert_eq!(code, Some(0)),
                }
                self.child = Siege::started(self.rig, self.library).await;
            }
            Blow::Freeze => {
                signal(&self.child, "STOP").await;
                tokio::time::sleep(Duration::from_millis(500 + dice.below(3_000))).await;
                signal(&self.child, "CONT").await;
            }
            Blow::Socket(place) => self.rig.setup.sim.strike(SOCKETS[usize::from(place)]),
            Blow::Rest(place) => {
                let rule = Rule { rate: Rate::share(0.5), ..Rule::always(ANSWERS[usize::from(place)]) };
                self.rig.setup.sim.set(|knobs| knobs.faults = vec![rule]);
                tokio::time::sleep(Duration::from_millis(500 + dice.below(4_000))).await;
                self.rig.setup.sim.set(|knobs| knobs.faults.clear());
            }
            Blow::Reload => {
                signal(&self.child, "HUP").await;
            }
            Blow::WrongReload => {
                configure(&self.rig.setup, "histo_jobs: [\n");
                signal(&self.child, "HUP").await;
                tokio::time::sleep(Duration::from_millis(200)).await;
                configure(&self.rig.setup, &self.text);
                signal(&self.child, "HUP").await;
            }
            Blow::Scrapes => self.scrapes().await,
            Blow::RcloneHangs => {
                let hang = at("hang");
                // The next such blow lets it go on.
                if hang.exists() { fs::remove_file(hang).unwrap() } else { fs::write(hang, "").unwrap() }
            }
            Blow::ClockStep => {
                let secs = [3_600_i64, -3_600, 90, -90][dice.below(4) as usize];
                fs::write(at("hands"), secs.to_string()).unwrap();
                tokio::time::sleep(Duration::from_millis(500 + dice.below(3_000))).await;
                fs::write(at("hands"), "0").unwrap();
            }
            Blow::Disk(place) => {
                fs::write(at("disk"), DISKS[usize::from(place)]).unwrap();
                tokio::time::sleep(Duration::from_millis(500 + dice.below(4_000))).await;
                fs::remove_file(at("disk")).unwrap();
            }
            Blow::StoreAway => {
                let Some(server) = &mut self.server else { return };
                server.order("stop");
                tokio::time::sleep(Duration::from_millis(500 + dice.below(4_000))).await;
                server.order("start");
            }
        }
    }

    /// Two hundred scrapes, fifty at once; whatever is refused is refused in words.
    async fn scrapes(&self) {
        for _ in 0..4 {
            let (mut asking, mut answered) = (JoinSet::new(), 0);
            for _ in 0..50 {
                asking.spawn(scrape(self.rig.setup.data_path().join(".dccd/daemon.sock")));
            }
            while let Some(status) = asking.join_next().await {
                let status = status.unwrap();
                assert!(["200", "503", ""].contains(&&*status), "a scrape was answered {status}");
                answered += usize::from(status == "200");
            }
            assert!(answered > 0, "no scrape of fifty was answered");
        }
    }

    /// Everything is as it should be from here on.
    async fn relieve(&mut self) {
        let at = |name: &str| self.rig.setup.folder.path().join(name);
        self.rig.setup.sim.set(|knobs| knobs.faults.clear());
        fs::write(at("hands"), "0").unwrap();
        let _ = fs::remove_file(at("hang"));
        configure(&self.rig.setup, &self.text);
        self.stays_up().await;
        signal(&self.child, "HUP").await;
    }

    async fn calm(&self) -> Size {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.size().expect("it runs")
    }

    async fn end(self) {
        terminate(&self.child).await;
        let ended = end(self.child).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

/// The status of a scrape; nothing where no answer came.
async fn scrape(socket: PathBuf) -> String {
    let asking = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok::<_, std::io::Error>(text.split(' ').nth(1).unwrap_or_default().to_owned())
    };
    tokio::time::timeout(HEALED_WITHIN, asking).await.expect("a scrape has an end").unwrap_or_default()
}

async fn siege_is_up(rig: &Rig) -> bool {
    try_request(&rig.setup, "GET", "/-/ready", "").await.is_some_and(|reply| reply.status == 200)
}
