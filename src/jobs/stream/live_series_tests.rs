use tempfile::TempDir;

use super::*;
use crate::model::{Kind, Side, Trade};
use crate::store::{Layout, StoreSettings};

const SOON: Duration = Duration::from_millis(10);

fn live() -> (LiveSeries, TempDir) {
    let root = TempDir::new().unwrap();
    let settings = StoreSettings::of(7, Micros(0));
    let (store, _) = Store::open(&Layout::new(root.path()), settings).unwrap();
    let series = Arc::new("kraken/BTC-USD/trades".parse().unwrap());
    (LiveSeries::open(&store, &series, None).unwrap(), root)
}

fn accept(live: &mut LiveSeries, ts: &[i64]) {
    let mut rows = Batch::of(Kind::Trades);
    for ts in ts {
        let (id, side, ts) = (ts.to_string(), Some(Side::Sell), Micros(*ts));
        let trade = Trade { ts, ts_recv: Some(ts), id: Some(&id), price: 1.0, amount: 1.0, side };
        rows.trades_mut().push(trade);
    }
    let mark = live.live_writer().writer().accept_live(rows.clone(), None).unwrap();
    live.accepted(&rows, mark);
}

fn window(from: i64, until: i64) -> Window {
    Window::new(Micros(from), Micros(until)).unwrap()
}

fn settled(live: &LiveSeries) -> Vec<Window> {
    live.live_writer().writer().settled().iter().collect()
}

#[test]
fn a_busy_series_is_vouched_for_now_and_then_and_when_its_connection_ends() {
    let ((mut live, _root), now) = (live(), Instant::now());
    accept(&mut live, &[0, 10]);
    live.cover(window(0, 10), now, false).unwrap();
    accept(&mut live, &[20]);
    live.cover(window(0, 20), now + SOON, false).unwrap();
    assert_eq!(settled(&live), [window(0, 10)]);

    accept(&mut live, &[30]);
    live.cover(window(0, 30), now + VOUCH_EVERY, false).unwrap();
    assert_eq!(settled(&live), [window(0, 30)]);

    accept(&mut live, &[40]);
    live.cover(window(0, 40), now + VOUCH_EVERY + SOON, true).unwrap();
    assert_eq!(settled(&live), [window(0, 40)]);
}

#[test]
fn what_a_connection_covered_counts_where_the_next_begins_before_it_was_vouched_for() {
    let ((mut live, _root), now) = (live(), Instant::now());
    accept(&mut live, &[0, 10]);
    live.cover(window(0, 10), now, false).unwrap();
    accept(&mut live, &[20]);
    live.cover(window(0, 20), now, false).unwrap();

    accept(&mut live, &[25, 30]);
    live.cover(window(25, 30), now + SOON, true).unwrap();

    assert_eq!(settled(&live), [window(0, 20), window(25, 30)]);
}

#[test]
fn a_hole_that_shows_before_a_window_is_vouched_for_is_left_out_of_it() {
    let ((mut live, _root), now) = (live(), Instant::now());
    accept(&mut live, &[0, 10]);
    live.cover(window(0, 10), now, false).unwrap();
    accept(&mut live, &[20, 30]);
    live.cover(window(0, 30), now, false).unwrap();

    live.miss(window(20, 25));
    live.cover(window(0, 30), now, true).unwrap();

    assert_eq!(settled(&live), [window(0, 20), window(25, 30)]);
}

#[test]
fn a_hole_whose_rows_come_late_is_vouched_for_before_and_after_others_were() {
    let ((mut live, _root), now) = (live(), Instant::now());
    accept(&mut live, &[0, 10, 30]);
    live.miss(window(10, 31));
    live.cover(window(0, 30), now, true).unwrap();
    assert_eq!(settled(&live), [window(0, 10)]);

    accept(&mut live, &[20]);
    assert_eq!(live.close(window(10, 31)).unwrap(), Windows::from(window(10, 31)));
    assert_eq!(settled(&live), [window(0, 30)]);

    accept(&mut live, &[50]);
    live.miss(window(30, 51));
    accept(&mut live, &[40]);
    live.close(window(30, 51)).unwrap();
    live.cover(window(0, 50), now, true).unwrap();
    assert_eq!(settled(&live), [window(0, 50)]);
    assert_eq!(live.close(window(0, 50)).unwrap(), Windows::from(window(10, 50)), "nothing else was a hole");
}

#[test]
fn rows_that_come_late_do_not_close_a_hole_of_rows_that_were_left_out_here() {
    let ((mut live, _root), now) = (live(), Instant::now());
    accept(&mut live, &[0, 10]);
    let mut rows = Batch::of(Kind::Trades);
    let (id, side) = (Some("30"), Some(Side::Buy));
    rows.trades_mut().push(Trade { ts: Micros(30), ts_recv: None, id, price: 1.0, amount: 1.0, side });
    assert_eq!(live.drop_rows(&rows), Some(window(10, 31)));
    live.miss(window(10, 31));
    accept(&mut live, &[20, 40]);
    live.close(window(10, 31)).unwrap();
    live.cover(window(0, 40), now, true).unwrap();
    assert_eq!(settled(&live), [window(0, 10), window(31, 40)]);
}

#[test]
fn a_hole_that_closed_counts_after_a_crash_only_with_the_row_that_came_late() {
    let (mut live, root) = live();
    accept(&mut live, &[0, 10, 30]);
    live.miss(window(10, 31));
    live.cover(window(0, 30), Instant::now(), true).unwrap();
    let before = read_journal(&root).len();
    accept(&mut live, &[20]);
    let late = read_journal(&root).len() - before;
    live.close(window(10, 31)).unwrap();
    let bytes = read_journal(&root);

    for is_lost in [false, true] {
        let crashed = TempDir::new().unwrap();
        let layout = Layout::new(crashed.path());
        let (mut bytes, segment) = (bytes.clone(), segment(&root));
        if is_lost {
            // A byte of the frame of the late row.
            bytes[before + late / 2] ^= 1;
        }
        std::fs::create_dir_all(layout.journal()).unwrap();
        let name = layout.journal().join(segment.file_name().unwrap());
        crate::disk::atomic::replace(&name, &bytes).unwrap();
        let (store, _) = Store::open(&layout, StoreSettings::of(8, Micros(0))).unwrap();
        let (writer, _) = store.writer(live.series()).unwrap();
        let covered: Vec<Window> = writer.settled().iter().collect();
        let whole = if is_lost { vec![window(0, 10)] } else { vec![window(0, 30)] };
        assert_eq!(covered, whole, "lost: {is_lost}");
    }
}

fn segment(root: &TempDir) -> std::path::PathBuf {
    let folder = Layout::new(root.path()).journal();
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names.pop().unwrap()
}

fn read_journal(root: &TempDir) -> Vec<u8> {
    std::fs::read(segment(root)).unwrap()
}

fn book() -> (LiveSeries, TempDir) {
    let root = TempDir::new().unwrap();
    let settings = StoreSettings::of(7, Micros(0));
    let (store, _) = Store::open(&Layout::new(root.path()), settings).unwrap();
    let series = Arc::new("kraken/BTC-USD/orderbook".parse().unwrap());
    (LiveSeries::open(&store, &series, None).unwrap(), root)
}

fn unfillable(live: &LiveSeries) -> Vec<(Window, String)> {
    let ledger = live.live_writer().writer().ledger();
    ledger.unfillable.iter().map(|note| (note.window, note.reason.clone())).collect()
}

#[test]
fn a_book_covers_the_time_in_which_it_was_in_step_and_the_rest_is_unfillable_with_its_reason() {
    let ((mut live, _root), now) = (book(), Instant::now());
    live.rose(Micros(0)).unwrap().unwrap();
    live.cover(window(0, 10), now, false).unwrap();
    live.fell(Micros(15), BookFault::Checksum);
    live.cover(window(0, 15), now + SOON, false).unwrap();
    assert_eq!(settled(&live), [window(0, 10)], "quiet time is vouched for with a later word");

    let rose = live.rose(Micros(18)).unwrap().unwrap();
    live.cover(window(0, 20), now, true).unwrap();

    assert_eq!(rose.gap, Some(("checksum", window(15, 18))));
    assert_eq!(settled(&live), [window(0, 20)]);
    assert_eq!(unfillable(&live), [(window(15, 18), Gap::words("checksum"))]);

    live.disconnected();
    live.rose(Micros(30)).unwrap().unwrap();
    assert_eq!(unfillable(&live)[1], (window(20, 30), Gap::words("reconnect")));
}

#[test]
fn time_after_a_connection_that_ended_as_soon_as_the_book_was_in_step_is_unfillable() {
    let ((mut live, _root), now) = (book(), Instant::now());
    live.rose(Micros(5)).unwrap().unwrap();
    live.disconnected();
    live.rose(Micros(12)).unwrap().unwrap();
    live.cover(window(12, 20), now, true).unwrap();

    assert_eq!(unfillable(&live), [(window(5, 12), Gap::words("reconnect"))]);
    assert_eq!(settled(&live), [window(5, 20)]);
}

#[test]
fn once_rows_of_a_book_were_lost_nothing_is_covered_before_its_session_began_anew() {
    let ((mut live, _root), now) = (book(), Instant::now());
    live.rose(Micros(0)).unwrap().unwrap();
    live.cover(window(0, 10), now, true).unwrap();

    assert!(live.lose_book(now) && !live.lose_book(now + SOON), "its session is told once in a while");
    live.cover(window(0, 20), now, true).unwrap();
    assert_eq!(live.rose(Micros(22)).unwrap(), None, "its whole book was not taken");
    assert!(!live.takes_rows());
    assert_eq!(settled(&live), [window(0, 10)]);

    live.fell(Micros(24), BookFault::Shed);
    live.rose(Micros(30)).unwrap().unwrap();
    live.cover(window(0, 40), now, true).unwrap();
    assert!(live.takes_rows());
    assert_eq!(settled(&live), [window(0, 40)]);
    assert_eq!(unfillable(&live), [(window(10, 30), Gap::words("shed"))]);
}

#[test]
fn a_book_that_no_process_followed_for_a_while_is_unfillable_for_so_long() {
    let ((mut live, root), now) = (book(), Instant::now());
    live.rose(Micros(0)).unwrap().unwrap();
    live.cover(window(0, 10), now, true).unwrap();
    live.live_writer().writer().flush().unwrap();
    drop(live);

    let settings = StoreSettings::of(8, Micros(0));
    let (store, _) = Store::open(&Layout::new(root.path()), settings).unwrap();
    let series = Arc::new("kraken/BTC-USD/orderbook".parse().unwrap());
    let mut live = LiveSeries::open(&store, &series, None).unwrap();
    live.rose(Micros(50)).unwrap().unwrap();

    assert_eq!(unfillable(&live), [(window(10, 50), Gap::words("restart"))]);
}
