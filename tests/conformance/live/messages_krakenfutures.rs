//! Requests of sessions of Kraken's derivatives, answers to them, and the numbers of its trades.

use std::time::Duration;

use dccd::exchange::Instrument;
use dccd::exchange::live::{Event, HoleReason, Mark, NotOffered, Topic};
use dccd::model::{Micros, Series, Window};

use super::listener::{Listener, live_of, topic};
use super::messages::{SECOND, granted, refused, some, unsent};
use super::written::{BEGIN, Written, futures_trade};

const TRADES: &str = "krakenfutures/BTC-USD_PERP/trades";

/// The newest trades there were, newest first.
fn image(all: &[Written]) -> String {
    let rows: Vec<String> = all.iter().rev().map(|trade| futures_trade("PF_XBTUSD", trade)).collect();
    format!(r#"{{"feed":"trade_snapshot","product_id":"PF_XBTUSD","trades":[{}]}}"#, rows.join(","))
}

#[test]
fn the_derivatives_of_kraken_are_asked_for_feed_by_feed_and_grant_product_by_product() {
    let mut listener =
        unsent(&[TRADES, "krakenfutures/ETH-USD_PERP/orderbook", "krakenfutures/DOGE-USD_PERP/trades"]);
    listener.session.opened(listener.now);
    listener.read(r#"{"event":"info","version":1}"#);
    let ask = |verb: &str, feed: &str, products: &str| {
        format!(r#"{{"event":"{verb}","feed":"{feed}","product_ids":[{products}]}}"#)
    };
    assert_eq!(
        listener.send(),
        [ask("subscribe", "trade", r#""PF_XBTUSD","PF_XDGUSD""#), ask("subscribe", "book", r#""PF_ETHUSD""#)]
    );
    listener.read(&ask("subscribed", "trade", r#""PF_XBTUSD""#));
    listener.read(r#"{"event":"error","message":"Invalid product id"}"#);
    listener.read(&ask("subscribed", "book", r#""PF_ETHUSD""#));
    assert_eq!((granted(&listener), refused(&listener)), (vec![0, 1], vec![(2, "Invalid product id")]));
    listener.session.leave(dccd::exchange::live::TopicId(1));
    assert_eq!(listener.send(), [ask("unsubscribe", "book", r#""PF_ETHUSD""#)]);
    listener.read(&ask("unsubscribed", "book", r#""PF_ETHUSD""#));
    assert_eq!((listener.received.events.len(), listener.faults().len()), (3, 0));
}

#[test]
fn heartbeats_of_the_derivatives_are_asked_for_where_nothing_tells_the_time_and_tell_it() {
    let mut listener = Listener::of(&[TRADES], BEGIN);
    let heartbeats = r#"{"event":"subscribe","feed":"heartbeat"}"#;
    listener.pass(5 * SECOND);
    assert_eq!(listener.send(), [heartbeats]);
    listener.read(r#"{"event":"subscribed","feed":"heartbeat"}"#);
    for _ in 0..20 {
        listener.pass(SECOND);
        listener.read(&format!(r#"{{"feed":"heartbeat","time":{}}}"#, listener.now.at.millis_floor()));
        assert_eq!(listener.send(), [""; 0]);
    }
    assert_eq!(listener.session.heard(), Some(BEGIN + 25 * SECOND));
    listener.pass(5 * SECOND);
    assert_eq!(listener.send(), [heartbeats], "they have ended");
    listener.read(r#"{"event":"alert","message":"Already subscribed to feed, re-requesting"}"#);
    assert_eq!((listener.received.events.len(), listener.faults().len()), (0, 0));
}

#[test]
fn the_newest_trades_of_the_derivatives_bridge_a_reconnect_as_far_as_they_reach() {
    let all = some("krakenfutures", 30);
    let series: Series = TRADES.parse().unwrap();
    let held = |place: usize| Some(Mark { id: all[place].id, ts: all[place].ts });
    for (place, is_bridged) in [(9, true), (12, true), (5, false)] {
        let mut listener =
            Listener::behind(std::slice::from_ref(&series), &[held(place)], BEGIN + 60 * SECOND);
        listener.read(&image(&all[10..]));
        listener.tick();
        assert_eq!(listener.session.heard(), None, "what there was tells no time");
        assert_eq!(listener.rows(0).len(), 29 - place.max(9));
        let holes = listener.holes(0);
        match is_bridged {
            true => assert_eq!(holes, []),
            false => {
                let hole = holes[0];
                let ids = Some((all[6].id, all[9].id));
                assert_eq!((holes.len(), hole.ids, hole.reason), (1, ids, HoleReason::LeftOut));
            }
        }
        assert_eq!(listener.covered(0), Window::new(all[place].ts, all[29].ts), "{place}");
    }
}

#[test]
fn a_number_left_out_is_a_hole_though_ids_have_no_order_and_closes_when_it_comes_late() {
    let all = some("krakenfutures", 4);
    let mut listener = Listener::of(&[TRADES], BEGIN + 60 * SECOND);
    let named = |place: usize| {
        let uid = format!(r#""uid":"{place}d7e72-950c""#);
        futures_trade("PF_XBTUSD", &all[place]).replace(&format!(r#""uid":"{}""#, all[place].id), &uid)
    };
    [0, 1, 3].iter().for_each(|place| listener.read(&named(*place)));
    let hole = listener.holes(0)[0];
    assert_eq!((hole.ids, hole.reason), (Some((all[2].id, all[2].id)), HoleReason::LeftOut));
    listener.read(&named(2));
    let is_closed = |event: &&Event| matches!(event, Event::Closed { .. });
    assert_eq!(listener.received.events.iter().filter(is_closed).count(), 1);
    listener.read(&named(1));
    assert_eq!((listener.rows(0).len(), listener.received.counts.repeated), (4, 1));
}

#[test]
fn derivatives_of_which_no_contract_is_known_are_not_listened_to() {
    let live = live_of("krakenfutures");
    let series: Series = TRADES.parse().unwrap();
    let mut session = live.session(live.offer_for(&series).unwrap().line);
    let instrument = Instrument::named("PF_XBTUSD".to_owned());
    let refused = session.want(Topic { instrument: instrument.into(), ..topic(0, &series, None) });
    assert_eq!(refused, Err(NotOffered::Sizeless { symbol: "PF_XBTUSD".to_owned() }));
}

#[test]
fn one_trade_of_the_newest_that_cannot_be_true_costs_no_other() {
    let mut all = some("krakenfutures", 5);
    all[2].price = "0".to_owned();
    let mut listener = Listener::of(&[TRADES], BEGIN + 60 * SECOND);
    listener.read(&image(&all));
    assert!(matches!(listener.faults()[..], [Event::Odd { .. }]), "{:?}", listener.received.events);
    assert_eq!((listener.rows(0).len(), listener.holes(0).len()), (4, 1));
    let at = |ts: Micros| ts + Duration::from_micros(1);
    assert_eq!(listener.covered(0), Window::new(at(all[0].ts), all[4].ts));
}
