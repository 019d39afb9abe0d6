//! Rows come in order, in whole batches, and no faster than they are taken.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::world::{PATIENCE, World, heard, ids, say, topic};
use crate::exchange::live::{Event, TopicId};
use crate::model::{Micros, Window};
use crate::net::ws::{Command, Ended, Update};

#[tokio::test]
async fn topics_are_asked_for_and_rows_come_with_what_they_are_vouched_for() {
    let mut world = World::new().await;
    let mut peer = world.accept().await;
    assert_eq!(heard(&mut peer).await, "want 0");
    say(&mut peer, "ack").await;
    let full = world.handover().await;
    assert_eq!(full.received.events, [Event::Acknowledged { topic: TopicId(0) }]);
    world.inlet.give_back(full);
    say(&mut peer, "trade 41").await;
    let full = world.handover().await;
    assert_eq!(ids(&full), [41]);
    let trade = full.received.batch(TopicId(0)).unwrap().trades().get(0);
    assert_eq!(trade.ts_recv, Some(Micros(7)));
    assert_eq!(full.covered, [(TopicId(0), Window::new(Micros(0), Micros(41)).unwrap())]);
    assert_eq!(full.heard, Some(Micros(41)));
    assert!(full.read_at.is_some_and(|at| at.elapsed() < PATIENCE) && !full.is_last);
}

#[tokio::test]
async fn rows_are_read_when_their_frame_is_and_not_when_one_before_it_meant_nothing() {
    let mut world = World::new().await;
    let mut peer = world.accept().await;
    heard(&mut peer).await;
    say(&mut peer, "idle").await;
    while world.log.lock().unwrap().idle == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let between = Instant::now();

    say(&mut peer, "trade 41").await;

    let full = world.handover().await;
    assert_eq!(ids(&full), [41]);
    assert!(full.read_at.is_some_and(|at| at >= between));
}

#[tokio::test]
async fn topics_come_and_go_and_one_that_the_line_has_not_is_refused() {
    let mut world = World::new().await;
    let mut peer = world.accept().await;
    heard(&mut peer).await;
    for command in [Command::Want(topic(1)), Command::Want(topic(1)), Command::Leave(TopicId(0))] {
        world.commands.send(command).await.unwrap();
    }
    assert_eq!(heard(&mut peer).await, "want 1");
    assert_eq!(heard(&mut peer).await, "leave 0");
    world.commands.send(Command::Want(topic(99))).await.unwrap();
    let full = world.handover().await;
    assert!(matches!(&full.received.events[..], [Event::Refused { topic: TopicId(99), .. }]));
    world.commands.send(Command::Leave(TopicId(1))).await.unwrap();
    assert_eq!(world.ended().await, (Ended::GivenUp, false));
    world.commands.send(Command::Want(topic(2))).await.unwrap();
    let mut peer = world.accept().await;
    assert_eq!(heard(&mut peer).await, "want 2");
}

#[tokio::test]
async fn what_lies_in_the_socket_is_handed_over_in_whole_batches_of_bounded_size() {
    let mut world = World::new().await;
    let mut peer = world.accept().await;
    heard(&mut peer).await;
    for id in 0..2_000 {
        peer.feed(Message::text(format!("trade {id}"))).await.unwrap();
    }
    peer.flush().await.unwrap();
    let (mut got, mut sizes) = (Vec::new(), Vec::new());
    while got.len() < 2_000 {
        let full = world.handover().await;
        sizes.push(full.received.counts.frames);
        got.extend(ids(&full));
        world.inlet.give_back(full);
    }
    assert_eq!(got, (0..2_000).collect::<Vec<u64>>());
    assert!(sizes.iter().all(|frames| *frames <= 256), "{sizes:?}");
    assert!(sizes.len() < 200, "{} handovers for 2000 frames", sizes.len());
}

#[tokio::test]
async fn a_socket_is_left_unread_while_nobody_takes_what_was_read() {
    let mut world = World::new().await;
    let mut peer = world.accept().await;
    heard(&mut peer).await;
    let filling = "x".repeat(60_000);
    let mut sent = 0_u64;
    // Buffers of the kernel on both sides hold some megabytes; beyond them the peer has to wait.
    let is_held = loop {
        let text = Message::text(format!("trade {sent}{filling}"));
        match timeout(Duration::from_millis(300), peer.send(text)).await {
            Ok(done) => done.unwrap(),
            Err(_) => break true,
        }
        sent += 1;
        if sent > 2_000 {
            break false;
        }
    };
    assert!(is_held, "{sent} frames were taken that nobody wanted");
    let finish = async {
        peer.flush().await.unwrap();
        say(&mut peer, &format!("trade {}", sent + 1)).await;
    };
    let collect = async {
        let mut got = Vec::new();
        while got.last() != Some(&(sent + 1)) {
            let full = world.handover().await;
            got.extend(ids(&full));
            world.inlet.give_back(full);
        }
        got
    };
    let ((), got) = tokio::join!(finish, collect);
    assert_eq!(got, (0..=sent + 1).collect::<Vec<u64>>());
}

#[tokio::test]
async fn when_stopped_what_was_read_is_handed_over_and_the_connection_closed_in_good_order() {
    let mut world = World::new().await;
    let mut peer = world.accept().await;
    heard(&mut peer).await;
    for id in 0..10 {
        say(&mut peer, &format!("trade {id}")).await;
    }
    let first = world.handover().await;
    let mut got = ids(&first);
    let mut is_last = first.is_last;
    world.stop.cancel();
    let why = loop {
        match world.update().await {
            Update::Received(full) => {
                assert!(!is_last, "nothing comes after the last");
                got.extend(ids(&full));
                is_last = full.is_last;
            }
            Update::Disconnected { why, .. } => break why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((why, is_last), (Ended::Stopped, true));
    assert_eq!(got, (0..got.len() as u64).collect::<Vec<_>>());
    assert!(timeout(PATIENCE, world.inlet.next()).await.unwrap().is_none());
    assert!(matches!(peer.next().await, Some(Ok(Message::Close(_)))));
    world.tasks.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_task_whose_caller_is_gone_ends() {
    let mut world = World::new().await;
    let mut peer = world.accept().await;
    heard(&mut peer).await;
    drop(world.inlet);
    say(&mut peer, "trade 1").await;
    timeout(PATIENCE, world.tasks.join_next()).await.unwrap().unwrap().unwrap();
}
