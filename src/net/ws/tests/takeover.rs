//! A second connection carries the topics before the first one ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::world::{LINE, PATIENCE, Peer, World, heard, ids, say, topic};
use crate::exchange::live::{Line, Mark, Ping, Topic, TopicId};
use crate::model::{Micros, Window};
use crate::net::ws::{Command, Ended, Update};

/// Announces how long it lives, and bears silence.
static MORTAL: Line = Line {
    lifetime: Some(Duration::from_secs(1_000)),
    ping: Ping { every: Duration::from_secs(100_000), within: Duration::from_secs(10) },
    ..LINE
};

fn mark(id: u64) -> Mark {
    Mark { id, ts: Micros(i64::try_from(id).unwrap()) }
}

/// A connection that is live and has a trade.
async fn live(line: &'static Line) -> (World, Peer) {
    let mut world = World::over(line).await;
    let mut peer = world.accept().await;
    assert_eq!(heard(&mut peer).await, "want 0");
    say(&mut peer, "ack").await;
    world.handover().await;
    say(&mut peer, "trade 41").await;
    let full = world.handover().await;
    assert_eq!(ids(&full), [41]);
    world.inlet.give_back(full);
    (world, peer)
}

async fn is_closed_in_good_order(peer: &mut Peer) -> bool {
    matches!(timeout(PATIENCE, peer.next()).await.unwrap(), Some(Ok(Message::Close(_))))
}

#[tokio::test]
async fn at_a_notice_a_second_connection_has_the_topics_before_the_first_is_closed() {
    let (mut world, mut first) = live(&LINE).await;
    say(&mut first, "notice").await;
    let mut second = world.standby().await;
    assert_eq!(heard(&mut second).await, "want 0");
    say(&mut second, "ack").await;
    world.handover().await;

    say(&mut first, "trade 42").await;
    let full = world.handover().await;
    assert_eq!((ids(&full), full.covered.len()), (vec![42], 1), "the first goes on");
    say(&mut second, "trade 42").await;
    let full = world.handover().await;
    assert_eq!((ids(&full), full.covered.len()), (vec![42], 0), "the second vouches for nothing yet");
    let taken_over = world.next_but_rows().await;
    assert!(matches!(taken_over, Update::TakenOver { why: Ended::Notice }), "{taken_over:?}");
    assert!(is_closed_in_good_order(&mut first).await);

    say(&mut second, "trade 43").await;
    let full = world.handover().await;
    assert_eq!(ids(&full), [43]);
    assert_eq!(full.covered, [(TopicId(0), Window::new(Micros(0), Micros(43)).unwrap())]);
    let log = world.log.lock().unwrap();
    assert_eq!((&log.held[..], &log.resumed[..]), (&[None, None][..], &[(TopicId(0), mark(42))][..]));
}

#[tokio::test]
async fn a_first_connection_that_ends_at_once_is_followed_by_the_second_with_what_it_held() {
    let (mut world, mut first) = live(&LINE).await;
    say(&mut first, "notice").await;
    let mut second = world.standby().await;
    assert_eq!(heard(&mut second).await, "want 0");
    first.close(None).await.unwrap();
    let taken_over = world.next_but_rows().await;
    assert!(matches!(taken_over, Update::TakenOver { why: Ended::Notice }), "{taken_over:?}");
    say(&mut second, "ack").await;
    say(&mut second, "trade 44").await;
    let full = loop {
        let full = world.handover().await;
        if !ids(&full).is_empty() {
            break full;
        }
    };
    assert_eq!(full.covered.len(), 1);
    assert_eq!(world.log.lock().unwrap().resumed, [(TopicId(0), mark(41))]);
}

#[tokio::test]
async fn a_notice_that_leaves_nothing_is_an_ordinary_end() {
    let (mut world, mut first) = live(&LINE).await;
    world.listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    say(&mut first, "notice").await;
    let failed = world.next_but_rows().await;
    assert!(matches!(failed, Update::StandbyFailed { .. }), "{failed:?}");
    first.close(None).await.unwrap();
    loop {
        match world.next_but_rows().await {
            Update::StandbyFailed { .. } => {}
            Update::Disconnected { why: Ended::Closed { .. }, was_live: true } => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(world.next_but_rows().await, Update::Connecting));
}

#[tokio::test]
async fn a_second_connection_that_is_lost_is_made_again_while_the_first_goes_on() {
    let (mut world, mut first) = live(&LINE).await;
    say(&mut first, "notice").await;
    let mut second = world.standby().await;
    second.close(None).await.unwrap();
    let lost = world.next_but_rows().await;
    assert!(matches!(lost, Update::StandbyEnded { why: Ended::Closed { .. } }), "{lost:?}");
    say(&mut first, "trade 42").await;
    let full = world.handover().await;
    assert_eq!(ids(&full), [42]);
    let mut third = world.standby().await;
    assert_eq!(heard(&mut third).await, "want 0");
}

#[tokio::test]
async fn what_is_wanted_or_left_meanwhile_is_so_on_both_connections() {
    let (mut world, mut first) = live(&LINE).await;
    say(&mut first, "notice").await;
    let mut second = world.standby().await;
    assert_eq!(heard(&mut second).await, "want 0");
    world.commands.send(Command::Want(topic(1))).await.unwrap();
    world.commands.send(Command::Leave(TopicId(0))).await.unwrap();
    for peer in [&mut first, &mut second] {
        assert_eq!(heard(peer).await, "want 1");
        assert_eq!(heard(peer).await, "leave 0");
    }
    world.commands.send(Command::Leave(TopicId(1))).await.unwrap();
    loop {
        match world.next_but_rows().await {
            Update::Disconnected { why: Ended::GivenUp, .. } => break,
            Update::TakenOver { why: Ended::GivenUp } | Update::StandbyEnded { why: Ended::GivenUp } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(
        timeout(Duration::from_millis(50), world.inlet.next()).await.is_err(),
        "nothing is wanted any more"
    );
}

/// Lets time pass for a connection that is open: the clock leaps, and what comes of it comes in real time.
async fn pass(secs: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(secs)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn before_its_announced_lifetime_ends_a_connection_is_replaced() {
    let (mut world, mut first) = live(&MORTAL).await;
    pass(840).await;
    for secs in 840..850 {
        let update = world.update().await;
        assert!(matches!(update, Update::Received(_)), "{update:?} after {secs} s");
        pass(1).await;
    }
    pass(101).await;
    let mut second = world.standby().await;
    say(&mut second, "ack").await;
    say(&mut second, "trade 42").await;
    let taken_over = world.next_but_rows().await;
    assert!(matches!(taken_over, Update::TakenOver { why: Ended::Lifetime }), "{taken_over:?}");
    assert!(is_closed_in_good_order(&mut first).await);
    pass(951).await;
    world.standby().await;
}

#[tokio::test]
async fn a_second_connection_whose_topics_are_not_acknowledged_takes_nothing_over() {
    let (mut world, mut first) = live(&MORTAL).await;
    say(&mut first, "notice").await;
    let mut second = world.standby().await;
    say(&mut second, "trade 42").await;
    for secs in 0..100 {
        let update = world.update().await;
        assert!(matches!(update, Update::Received(_)), "{update:?} after {secs} s");
        pass(1).await;
    }
}

/// A topic of a book.
fn book(id: u32) -> Topic {
    Topic { series: Arc::new("binance/BTC-USDT/orderbook".parse().unwrap()), ..topic(id) }
}

#[tokio::test]
async fn beside_a_book_no_second_connection_takes_over() {
    let (mut world, mut first) = live(&LINE).await;
    world.commands.send(Command::Want(book(1))).await.unwrap();
    assert_eq!(heard(&mut first).await, "want 1");
    say(&mut first, "notice").await;
    say(&mut first, "trade 42").await;
    loop {
        let full = world.handover().await;
        if ids(&full) == [42] {
            break;
        }
    }
    first.close(None).await.unwrap();
    let ended = world.next_but_rows().await;
    assert!(matches!(ended, Update::Disconnected { why: Ended::Closed { .. }, was_live: true }), "{ended:?}");
    let mut next = world.accept().await;
    assert_eq!([heard(&mut next).await, heard(&mut next).await], ["want 0", "want 1"]);
}

#[tokio::test]
async fn a_second_connection_is_given_up_once_a_book_is_wanted() {
    let (mut world, mut first) = live(&LINE).await;
    say(&mut first, "notice").await;
    let mut second = world.standby().await;
    assert_eq!(heard(&mut second).await, "want 0");
    world.commands.send(Command::Want(book(1))).await.unwrap();
    assert_eq!(heard(&mut first).await, "want 1");
    let given_up = world.next_but_rows().await;
    assert!(matches!(given_up, Update::StandbyEnded { why: Ended::GivenUp }), "{given_up:?}");
    assert!(is_closed_in_good_order(&mut second).await);
    say(&mut first, "trade 42").await;
    let full = world.handover().await;
    assert_eq!(ids(&full), [42]);
}
