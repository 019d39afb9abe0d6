//! However a connection ends, it is told by name and made anew with what it held.

use futures_util::{SinkExt, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::world::{LINE, World, heard, say};
use crate::exchange::live::{BrokenReason, Event, Mark};
use crate::model::Micros;
use crate::net::ws::{Command, Ended};

#[tokio::test]
async fn a_connection_that_is_closed_is_made_anew_with_the_newest_trade() {
    let mut world = World::new().await;
    let mut peer = world.accept().await;
    heard(&mut peer).await;
    say(&mut peer, "ack").await;
    say(&mut peer, "trade 12").await;
    let frame = CloseFrame { code: CloseCode::Away, reason: "maintenance".into() };
    peer.close(Some(frame)).await.unwrap();
    let why = Ended::Closed { code: 1001, words: "maintenance".to_owned() };
    assert_eq!(world.ended().await, (why, true));
    let mut peer = world.accept().await;
    assert_eq!(heard(&mut peer).await, "want 0");
    let held = world.log.lock().unwrap().held.clone();
    assert_eq!(held, [None, Some(Mark { id: 12, ts: Micros(12) })]);
}

#[tokio::test]
async fn a_reset_a_message_too_long_and_one_against_the_protocol_end_a_connection_by_name() {
    let mut world = World::new().await;
    for name in ["reset", "too_long", "protocol"] {
        let mut peer = world.accept().await;
        heard(&mut peer).await;
        match name {
            "reset" => peer.get_ref().set_zero_linger().unwrap(),
            "too_long" => say(&mut peer, &"x".repeat(LINE.limits.message_bytes + 1)).await,
            _ => {
                use tokio::io::AsyncWriteExt;
                peer.get_mut().write_all(&[0xff, 0]).await.unwrap();
            }
        }
        if name == "reset" {
            drop(peer);
        }
        assert_eq!(world.ended().await.0.name(), name);
    }
    assert_eq!(world.log.lock().unwrap().sessions, 3);
}

#[tokio::test]
async fn a_conversation_that_has_no_use_for_its_connection_ends_it_after_what_it_says() {
    let mut world = World::new().await;
    let mut peer = world.accept().await;
    heard(&mut peer).await;
    say(&mut peer, "broken").await;
    let full = world.handover().await;
    assert!(matches!(&full.received.events[..], [Event::Broken { .. }]));
    assert_eq!(world.ended().await, (Ended::Broken { reason: BrokenReason::Unanswered }, false));
    assert!(matches!(peer.next().await, Some(Ok(Message::Close(_)))));
}

#[tokio::test]
async fn a_topic_that_was_refused_is_not_asked_for_again() {
    let mut world = World::new().await;
    let mut peer = world.accept().await;
    heard(&mut peer).await;
    world.commands.send(Command::Want(super::world::topic(1))).await.unwrap();
    assert_eq!(heard(&mut peer).await, "want 1");
    say(&mut peer, "refuse").await;
    world.handover().await;
    world.commands.send(Command::Reconnect).await.unwrap();
    assert_eq!(world.ended().await.0, Ended::GivenUp);
    let mut peer = world.accept().await;
    assert_eq!(heard(&mut peer).await, "want 1");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_pinged_and_then_given_up() {
    let mut world = World::new().await;
    let _peer = world.accept().await;
    let began = Instant::now();
    assert_eq!(world.ended().await, (Ended::Silent, false));
    let silent = LINE.ping.every + LINE.ping.within;
    assert_eq!(began.elapsed().as_secs(), silent.as_secs());
    assert_eq!(world.log.lock().unwrap().spent, 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_is_kept_and_its_own_pings_count() {
    let mut world = World::new().await;
    let mut peer = world.accept().await;
    heard(&mut peer).await;
    let began = Instant::now();
    while began.elapsed() < LINE.ping.every * 10 {
        // Reading answers the pings that came.
        let _ = tokio::time::timeout(LINE.ping.every / 3, peer.next()).await;
        while let Ok(update) = tokio::time::timeout(std::time::Duration::ZERO, world.inlet.next()).await {
            assert!(matches!(update, Some(crate::net::ws::Update::Received(_))), "{update:?}");
        }
    }
    let pinged = world.log.lock().unwrap().spent;
    assert!((9..=11).contains(&pinged), "{pinged} pings");
    peer.send(Message::Ping("x".into())).await.unwrap();
    say(&mut peer, "trade 1").await;
    world.handover().await;
    assert!(world.log.lock().unwrap().spent > pinged);
}
