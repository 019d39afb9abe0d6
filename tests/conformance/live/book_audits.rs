//! Books in step beside the same over REST: compared, replaced by a deeper one, and not believed where they differ twice.

use std::time::Duration;

use dccd::exchange::live::{AuditOutcome, BookFault, BookWish, Event, TopicId};
use dccd::model::{Batch, BookLevel, Kind, Micros, Side};

use super::book_sessions::{DELTAS, SECOND, answer, book_events, in_step, listener, rows, update};
use super::listener::Listener;
use super::written::BEGIN;

const OWN: TopicId = TopicId(0);

/// The outcomes since the last look.
fn outcomes(listener: &mut Listener) -> Vec<AuditOutcome> {
    let mut outcomes = Vec::new();
    listener.received.events.retain(|event| match event {
        Event::Audited { topic: OWN, outcome } => {
            outcomes.push(*outcome);
            false
        }
        _ => true,
    });
    outcomes
}

fn answered(listener: &mut Listener, rows: Option<&Batch>, levels: u32) -> Vec<AuditOutcome> {
    listener.session.give_audit(OWN, rows, levels, listener.now, &mut listener.received);
    outcomes(listener)
}

/// The next update of the pair, which sets a bid.
fn next(listener: &mut Listener, id: i64, bid: &str) {
    let at = BEGIN + SECOND;
    listener.read(&update("BTCUSDT", (id, id, id - 1), at, bid, ""));
}

/// The answer as the book of [`in_step`] is at its change 20, with another amount at the best bid.
fn at_twenty(best: f64, levels: u32) -> Batch {
    let (whole, mut rows) = (answer(20, levels), Batch::of(Kind::OrderBook));
    for row in 0..whole.len() {
        let own = whole.book().get(row);
        let amount = match (own.side, own.price) {
            (Side::Bid, 99.0) => best,
            (Side::Bid, 98.0) => 2.0,
            (Side::Ask, 101.0) => 3.0,
            _ => own.amount,
        };
        rows.book_mut().push(BookLevel { amount, ..own });
    }
    rows
}

#[test]
fn a_book_is_the_same_as_an_answer_of_its_number_or_of_one_that_its_updates_reach() {
    let mut listener = in_step(DELTAS);
    listener.session.begin_audit(OWN);
    assert_eq!(answered(&mut listener, Some(&at_twenty(5.0, 100)), 100), [AuditOutcome::Same]);

    listener.session.begin_audit(OWN);
    next(&mut listener, 21, r#"["99","7"]"#);
    next(&mut listener, 22, r#"["97","0"]"#);
    assert_eq!(answered(&mut listener, Some(&at_twenty(5.0, 100)), 100), [AuditOutcome::Same]);

    // The answer is ahead of the connection.
    listener.session.begin_audit(OWN);
    let (whole, mut ahead) = (at_twenty(8.0, 100), Batch::of(Kind::OrderBook));
    for row in 0..whole.len() {
        let own = whole.book().get(row);
        if own.price != 97.0 {
            ahead.book_mut().push(BookLevel { seq: Some(24), ..own });
        }
    }
    assert_eq!(answered(&mut listener, Some(&ahead), 100), []);
    next(&mut listener, 23, r#"["99","6"]"#);
    assert_eq!(outcomes(&mut listener), []);
    next(&mut listener, 24, r#"["99","8"]"#);
    next(&mut listener, 25, r#"["98","2"]"#);
    assert_eq!(outcomes(&mut listener), [AuditOutcome::Same]);
}

#[test]
fn a_book_that_two_answers_contradict_is_not_believed_from_its_last_proof_on() {
    let mut listener = in_step(DELTAS);
    next(&mut listener, 21, r#"["99","5"]"#);
    let known = listener.covered(0).unwrap().until;
    assert!(known > BEGIN);
    for round in 0..2 {
        assert_eq!(book_events(&mut listener), [], "once may be the answer's fault");
        listener.session.begin_audit(OWN);
        next(&mut listener, 22 + round, r#"["98","2"]"#);
        let other = numbered(22 + round, &at_twenty(4.5, 100));
        assert_eq!(answered(&mut listener, Some(&other), 100), [AuditOutcome::Differs], "round {round}");
    }
    assert_eq!(
        book_events(&mut listener),
        [Event::OutOfStep { topic: OWN, at: BEGIN, fault: BookFault::Audit }]
    );
    assert!(listener.session.book(OWN).is_none());
    listener.tick();
    let asked = listener.send().join(" ");
    assert!(asked.contains("UNSUBSCRIBE") && asked.contains(r#""method":"SUBSCRIBE""#), "{asked}");
}

/// An answer with another number.
fn numbered(seq: i64, whole: &Batch) -> Batch {
    let mut rows = Batch::of(Kind::OrderBook);
    for row in 0..whole.len() {
        rows.book_mut().push(BookLevel { seq: Some(seq), ..whole.book().get(row) });
    }
    rows
}

#[test]
fn a_proof_reaches_to_where_the_book_was_known_when_its_comparison_began() {
    let mut listener = in_step(DELTAS);
    let later = |secs: u64| BEGIN + Duration::from_secs(secs);
    listener.pass(20 * SECOND);
    listener.read(&update("BTCUSDT", (21, 21, 20), later(5), r#"["98","2"]"#, ""));
    listener.session.begin_audit(OWN);
    listener.read(&update("BTCUSDT", (22, 22, 21), later(9), r#"["98","2"]"#, ""));
    let same = numbered(22, &at_twenty(5.0, 100));
    assert_eq!(answered(&mut listener, Some(&same), 100), [AuditOutcome::Same]);
    for id in [23, 24] {
        listener.session.begin_audit(OWN);
        listener.read(&update("BTCUSDT", (id, id, id - 1), later(12), r#"["98","2"]"#, ""));
        let other = numbered(id, &at_twenty(4.5, 100));
        assert_eq!(answered(&mut listener, Some(&other), 100), [AuditOutcome::Differs]);
    }
    let fell = Event::OutOfStep { topic: OWN, at: later(5), fault: BookFault::Audit };
    assert_eq!(book_events(&mut listener), [fell]);
}

#[test]
fn an_answer_whose_updates_do_not_come_shows_that_the_exchange_does_not_send_the_book() {
    let mut listener = in_step(DELTAS);
    for seq in [30, 40] {
        listener.session.begin_audit(OWN);
        assert_eq!(answered(&mut listener, Some(&numbered(seq, &at_twenty(5.0, 100))), 100), []);
        listener.pass(31 * SECOND);
        listener.tick();
        assert_eq!(outcomes(&mut listener), [AuditOutcome::Behind]);
    }
    let fell = |event: &Event| matches!(event, Event::OutOfStep { fault: BookFault::Audit, .. });
    assert!(book_events(&mut listener).iter().any(fell));
}

#[test]
fn an_answer_that_is_too_old_or_does_not_come_decides_nothing() {
    let mut listener = in_step(DELTAS);
    next(&mut listener, 21, r#"["99","7"]"#);
    listener.session.begin_audit(OWN);
    next(&mut listener, 22, r#"["99","8"]"#);
    assert_eq!(answered(&mut listener, Some(&at_twenty(5.0, 100)), 100), [AuditOutcome::Undecided]);
    listener.session.begin_audit(OWN);
    assert_eq!(answered(&mut listener, None, 100), [AuditOutcome::Undecided]);
    assert_eq!(answered(&mut listener, Some(&at_twenty(5.0, 100)), 100), [AuditOutcome::Undecided]);
    assert!(listener.session.book(OWN).is_some());
}

#[test]
fn a_book_that_is_known_to_no_more_levels_than_are_wanted_is_replaced_by_a_deeper_one_while_in_step() {
    let wish = BookWish { depth: 100, ..DELTAS };
    let mut listener = in_step(wish);
    listener.received.clear();
    listener.tick();
    assert_eq!(listener.received.events, [Event::BookDeeper { topic: OWN, levels: 500 }]);
    listener.received.clear();
    listener.session.begin_audit(OWN);
    let mut deeper = at_twenty(5.0, 100);
    let like = deeper.book().get(0);
    for level in 101..=500 {
        let level = f64::from(level);
        for (side, price) in [(Side::Bid, 0.5 - 0.0001 * level), (Side::Ask, 200.0 + level)] {
            deeper.book_mut().push(BookLevel { side, price, amount: 5.0, ..like });
        }
    }
    assert_eq!(answered(&mut listener, Some(&deeper), 500), [AuditOutcome::Same]);
    let book = listener.session.book(OWN).unwrap();
    assert_eq!((book.book.bids().len(), book.book.asks().len(), book.seq), (500, 500, Some(20)));
    let whole = rows(&listener, 0);
    assert_eq!((whole.len(), whole.iter().all(|row| row.is_snapshot)), (1_000, true), "it is written whole");
    listener.received.clear();
    next(&mut listener, 21, r#"["0.48","1"]"#);
    assert_eq!(rows(&listener, 0).len(), 1, "it goes on with the next update");
    listener.tick();
    assert_eq!(listener.received.events, [], "it is deep enough");
}

#[test]
fn a_book_without_numbers_is_held_to_what_its_best_prices_had_around_the_answer() {
    let listener = || {
        let mut listener = listener(&["coinbase/BTC-USD/orderbook"], DELTAS, BEGIN + SECOND);
        listener.read(
            r#"{"type":"snapshot","product_id":"BTC-USD","bids":[["99","1"],["98","2"]],"asks":[["101","2"]]}"#,
        );
        listener.received.clear();
        listener
    };
    let change = |at: Micros, size: &str| {
        format!(
            r#"{{"type":"l2update","product_id":"BTC-USD","changes":[["buy","99","{size}"]],"time":"{at}"}}"#
        )
    };
    let rest = |best: f64| {
        let mut rows = Batch::of(Kind::OrderBook);
        for (side, price, amount) in
            [(Side::Bid, 99.0, best), (Side::Bid, 98.0, 2.0), (Side::Ask, 101.0, 2.0)]
        {
            rows.book_mut().push(BookLevel {
                ord: 0,
                ts: BEGIN,
                ts_recv: BEGIN,
                seq: Some(1),
                is_snapshot: true,
                side,
                price,
                amount,
                count: Some(1),
            });
        }
        rows
    };
    for (best, outcome) in [
        (1.0, AuditOutcome::Same),
        (3.0, AuditOutcome::Same),
        (4.0, AuditOutcome::Same),
        (5.0, AuditOutcome::Differs),
    ] {
        let mut listener = listener();
        listener.session.begin_audit(OWN);
        listener.read(&change(BEGIN, "3"));
        assert_eq!(answered(&mut listener, Some(&rest(best)), 100), [], "updates may be on their way");
        listener.pass(SECOND);
        listener.read(&change(BEGIN + SECOND, "4"));
        listener.pass(SECOND);
        listener.tick();
        assert_eq!(outcomes(&mut listener), [outcome], "{best}");
    }
}
