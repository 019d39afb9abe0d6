//! Readers that keep up and readers that do not.

use super::*;
use crate::telemetry::labels::FeedKind;

fn series(number: usize) -> Series {
    format!("binance/C{number}-USDT/trades").parse().unwrap()
}

fn paused(number: usize) -> FeedItem {
    FeedItem::Job { series: series(number), is_paused: true }
}

#[test]
fn a_reader_takes_each_event_once_and_in_order() {
    let feed = Feed::default();
    (0..5).for_each(|number| feed.put(paused(number), Micros(0)));

    let first = feed.behind(0, 3);
    let rest = feed.behind(first.events[2].number, 100);

    let numbers = |taken: &Taken| taken.events.iter().map(|event| event.number).collect::<Vec<_>>();
    assert_eq!((numbers(&first), numbers(&rest)), (vec![1, 2, 3], vec![4, 5]));
    assert_eq!((first.missed, rest.missed, feed.newest()), (0, 0, 5));
    assert!(feed.behind(5, 100).events.is_empty());
}

#[test]
fn whoever_does_not_keep_up_learns_how_much_is_gone() {
    let feed = Feed::default();
    (0..MOST_EVENTS + 10).for_each(|number| feed.put(paused(number), Micros(0)));

    let late = feed.behind(3, 1);

    assert_eq!((late.missed, late.events[0].number), (7, 11));
    assert_eq!(feed.behind(10, 1).missed, 0);
}

#[test]
fn the_ring_is_bounded_by_bytes_too() {
    let feed = Feed::default();
    for _ in 0..100 {
        (0..1_000).for_each(|number| feed.count_rows(&series(number), 2));
        let rows = feed.take_rows().unwrap();
        feed.put(FeedItem::Rows(rows), Micros(0));
    }

    let ring = feed.ring();
    assert!(ring.bytes <= MOST_BYTES && ring.events.len() > 5, "{} events", ring.events.len());
    assert_eq!(ring.bytes, ring.events.iter().map(|event| event.bytes()).sum::<usize>());
}

#[test]
fn rows_are_told_together_by_series() {
    let feed = Feed::default();
    feed.count_rows(&series(1), 2);
    feed.count_rows(&series(2), 1);
    feed.count_rows(&series(1), 5);
    feed.count_rows(&series(3), 0);

    let rows = feed.take_rows().unwrap();

    assert_eq!(rows.into_iter().collect::<Vec<_>>(), [(series(1), 7), (series(2), 1)]);
    assert!(feed.take_rows().is_none());
    assert_eq!(paused(1).kind(), FeedKind::Job);
}
