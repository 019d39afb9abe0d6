use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::jobs::stream::{ListenedTopic, LiveSeries, Publisher, QuietLimits};
use crate::model::{Batch, Kind, Micros, Series, Side, Trade, Window};
use crate::store::{Layout, StoreSettings};
use crate::telemetry::Telemetry;

const SERIES: [&str; 2] = ["binance/BTC-USDT/trades", "kraken/BTC-USD/trades"];
const BEGIN: i64 = 1_704_067_200_000_000;

#[tokio::test]
async fn what_waits_of_several_connections_is_accepted_in_one_round_and_vouched_for() {
    let home = Home::new(1 << 20);
    let [own, other] = SERIES.map(|series| home.topics(series));
    let acceptor = home.acceptor.clone();
    let accept = async |topics, rows| acceptor.accept(topics, handover(rows, true)).await.unwrap().1;
    // Both wait before the thread begins.
    let started = async { home.start() };
    let (own, other, (store, mut thread, _root)) =
        tokio::join!(accept(&own, 0..300), accept(&other, 0..5), started);
    let taken = [own, other];

    let rows = taken.each_ref().map(|taken| taken.accepted.iter().map(|own| own.1).collect::<Vec<_>>());
    assert_eq!(rows, [vec![300], vec![5]]);
    assert!(taken.iter().all(|taken| taken.holes.is_empty() && taken.failed.is_empty()));
    assert_eq!(taken.iter().map(|taken| taken.live.len()).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(store.watermarks().accepted_frames, 4, "a frame of rows and a word of each");
    for (series, rows) in SERIES.iter().zip([300, 5]) {
        let writer = writer(&store, series);
        assert_eq!(writer.waiting_rows(), rows);
        let proven = Window::new(Micros(BEGIN), Micros(BEGIN + rows as i64 - 1)).unwrap();
        assert!(writer.settled().cover(proven), "{series}");
    }
    drop(acceptor);
    thread.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn rows_without_room_are_a_hole_that_no_word_covers_until_there_is_room_again() {
    let home = Home::new(100);
    let (topics, acceptor, waiting) = (home.topics(SERIES[0]), home.acceptor.clone(), home.waiting.clone());
    let (store, _thread, _root) = home.start();
    let accept = async |rows, is_last| acceptor.accept(&topics, handover(rows, is_last)).await.unwrap().1;

    let first = accept(0..10, true).await;
    let second = accept(10..20, true).await;
    let writer = writer(&store, SERIES[0]);
    writer.flush().unwrap();
    let live = Arc::clone(topics.lock()[&TopicId(0)].live.live_writer());
    waiting.published(&live);
    let third = accept(20..30, true).await;

    assert_eq!([&first, &second, &third].map(|taken| taken.accepted.len()), [1, 0, 1]);
    let hole = Window::new(Micros(BEGIN + 9), Micros(BEGIN + 20)).unwrap();
    let holes: Vec<_> = second.holes.iter().map(|hole| (hole.1, hole.2)).collect();
    assert_eq!(holes, [("shed", hole)]);
    assert_eq!(second.needs.len(), 1, "what was shed is fetched");
    writer.flush().unwrap();
    let covered = &writer.ledger().covered;
    assert_eq!(covered.missing(Window::new(Micros(BEGIN), Micros(BEGIN + 29)).unwrap()).first(), Some(hole));
}

#[tokio::test]
async fn a_series_that_is_published_for_long_delays_neither_its_own_rows_nor_those_of_others() {
    let home = Home::new(1 << 20);
    let [own, other] = SERIES.map(|series| home.topics(series));
    let (acceptor, waiting) = (home.acceptor.clone(), home.waiting.clone());
    let (store, mut thread, _root) = home.start();
    let publisher = Publisher::new(waiting, Telemetry::new());
    let stop = CancellationToken::new();
    thread.spawn(publisher.run(Duration::ZERO, stop.clone()));
    let slow = writer(&store, SERIES[0]);

    acceptor.accept(&own, handover(0..10, false)).await.unwrap();
    let folding = Folding::begin(&slow);
    for at in 1..20 {
        acceptor.accept(&own, handover(10 * at..10 * at + 10, false)).await.unwrap();
        acceptor.accept(&other, handover(10 * at..10 * at + 10, false)).await.unwrap();
    }
    assert!(slow.waiting_rows() >= 190);
    folding.end();
    stop.cancel();
    drop(acceptor);
    while thread.join_next().await.is_some() {}
    slow.flush().unwrap();
    assert_eq!(slow.ledger().periods().count(), 1);
}

#[tokio::test]
async fn while_much_waits_the_largest_series_is_published_first_and_no_more_than_needed() {
    let home = Home::new(13_000);
    let [small, large] = SERIES.map(|series| home.topics(series));
    let (acceptor, waiting) = (home.acceptor.clone(), home.waiting.clone());
    let (_store, _thread, _root) = home.start();
    acceptor.accept(&small, handover(0..10, false)).await.unwrap();
    assert_eq!(due(&waiting), Vec::<String>::new(), "little waits, and not for long");

    acceptor.accept(&large, handover(0..250, false)).await.unwrap();

    assert_eq!(due(&waiting), [SERIES[1]]);
    assert_eq!(due(&waiting), Vec::<String>::new(), "it is being published");
    let before = waiting.bytes();
    drop(large);
    // The round before is over once the next one is.
    acceptor.accept(&small, handover(10..11, false)).await.unwrap();
    assert!(waiting.bytes() < before / 10, "a series that is left counts no more");
}

#[tokio::test]
async fn each_series_that_is_listened_to_adds_to_what_may_wait_and_takes_it_away_when_it_ends() {
    let home = Home { waiting: WaitingRows::new(1_000, 10), ..Home::new(0) };
    let mut lives = SERIES.map(|series| {
        let live = LiveSeries::open(&home.store, &Arc::new(series.parse().unwrap()), None).unwrap();
        home.waiting.accepted(live.live_writer());
        Some(live)
    });
    assert_eq!(home.waiting.most(), 1_020);

    lives[0] = None;
    due(&home.waiting);

    assert_eq!(home.waiting.most(), 1_010);
}

/// Has the files of a series, as a fold of a large one does.
struct Folding {
    over: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Folding {
    fn begin(writer: &crate::store::Writer) -> Self {
        let ((over, is_over), (began, has_begun)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
        let own = writer.clone();
        let thread = std::thread::spawn(move || {
            let _files = own.own.files();
            began.send(()).unwrap();
            is_over.recv().unwrap();
        });
        has_begun.recv().unwrap();
        Folding { over, thread }
    }

    fn end(self) {
        self.over.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

fn due(waiting: &WaitingRows) -> Vec<String> {
    let due = waiting.take_due(Duration::from_secs(60), 4);
    due.iter().map(|own| own.writer().series().to_string()).collect()
}

/// Trades of a topic, one a microsecond, and that all of them are there.
fn handover(rows: std::ops::Range<i64>, is_last: bool) -> Box<Handover> {
    let mut handover = Handover { is_last, ..Handover::default() };
    let covered = Window::new(Micros(BEGIN), Micros(BEGIN + rows.end)).unwrap();
    handover.covered.push((TopicId(0), covered));
    let batch = handover.received.row_of(TopicId(0), Kind::Trades);
    for at in rows {
        push(batch, at);
    }
    Box::new(handover)
}

fn push(batch: &mut Batch, at: i64) {
    let (ts, id, side) = (Micros(BEGIN + at), at.to_string(), Some(Side::Buy));
    let trade = Trade { ts, ts_recv: Some(ts), id: Some(&id), price: 1.0, amount: 1.0, side };
    batch.trades_mut().push(trade);
}

fn writer(store: &Store, series: &str) -> crate::store::Writer {
    store.writer(&series.parse().unwrap()).unwrap().0
}

struct Home {
    store: Store,
    waiting: WaitingRows,
    acceptor: Acceptor,
    accept: Box<dyn FnOnce() + Send>,
    root: TempDir,
}

impl Home {
    /// A store whose live rows may take so many bytes.
    fn new(most: usize) -> Self {
        let root = TempDir::new().unwrap();
        let settings = StoreSettings::of(7, Micros(BEGIN));
        let (store, _) = Store::open(&Layout::new(root.path()), settings).unwrap();
        let waiting = WaitingRows::new(most, 0);
        let (acceptor, accept) = Acceptor::with_patience(store.clone(), waiting.clone(), Duration::ZERO);
        Home { store, waiting, acceptor, accept: Box::new(accept), root }
    }

    fn topics(&self, series: &str) -> Topics {
        let series: Arc<Series> = Arc::new(series.parse().unwrap());
        let live = LiveSeries::open(&self.store, &series, None).unwrap();
        let topics = Topics::default();
        topics.lock().insert(TopicId(0), ListenedTopic::new(live, QuietLimits::default()));
        topics
    }

    /// Starts the accepting thread. The folder stays for as long as the last of what this returns.
    fn start(self) -> (Store, JoinSet<()>, TempDir) {
        let mut thread = JoinSet::new();
        thread.spawn_blocking(self.accept);
        (self.store, thread, self.root)
    }
}
