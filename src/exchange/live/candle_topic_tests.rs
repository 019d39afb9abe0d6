use super::*;
use crate::exchange::SpanOffer;
use crate::exchange::live::{Line, LineLimits, Ping};
use crate::model::{Kind, Market, Span};

const SPANS: [SpanOffer; 1] = [SpanOffer::usual(60, "1m")];

const LINE: Line = Line {
    name: "any",
    host: "wss://any",
    path: "/",
    markets: &[Market::Spot],
    limits: LineLimits::USUAL,
    lifetime: None,
    ping: Ping::USUAL,
};

static OFFER: LiveOffer = LiveOffer {
    kind: Kind::Ohlc,
    markets: LINE.markets,
    spans: &SPANS,
    depths: &[],
    asks_for_books: false,
    line: &LINE,
    ids_are_contiguous: false,
    grace: Duration::from_secs(5),
    recorded: false,
};

fn topic(closing: Closing) -> CandleTopic {
    CandleTopic::new(&OFFER, OFFER.grid(Span::MINUTE), closing)
}

/// An instant in seconds after a whole minute.
fn at(secs: i64) -> Micros {
    Micros::from_secs(1_700_000_040 + secs)
}

fn window(from: i64, until: i64) -> Option<Window> {
    Window::new(at(from), at(until))
}

/// A candle of a minute after so many trades.
fn candle(minute: i64, trades: i64) -> Candle {
    Candle {
        ts: at(minute * 60),
        open: 1.0,
        high: 2.0,
        low: 1.0,
        close: 2.0,
        volume: trades as f64,
        quote_volume: None,
        trades: Some(trades),
    }
}

fn row(candle: Candle) -> Outcome {
    Outcome { row: Some(candle), ..Outcome::default() }
}

fn hole(from: i64, until: i64, reason: HoleReason) -> Outcome {
    Outcome::hole(at(from), at(until), reason)
}

const NOTHING: Outcome = Outcome { hole: None, row: None, is_repeated: false };

#[test]
fn a_candle_is_a_row_when_the_exchange_calls_it_closed_and_not_before() {
    let mut topic = topic(Closing::Told);
    assert_eq!(topic.take(candle(0, 1), false), NOTHING);
    assert_eq!(topic.covered(None), None);
    assert_eq!(topic.take(candle(0, 3), true), row(candle(0, 3)));
    assert_eq!(topic.take(candle(0, 3), true), Outcome::REPEATED);
    assert_eq!(topic.take(candle(0, 4), true), hole(0, 60, HoleReason::Doubtful), "which one is true?");
    assert_eq!(topic.take(candle(1, 1), true), row(candle(1, 1)));
    assert_eq!(topic.covered(None), window(0, 120));
}

#[test]
fn a_closed_candle_that_was_skipped_is_missing_and_a_row_where_it_comes_late() {
    let mut topic = topic(Closing::Told);
    topic.take(candle(0, 1), true);
    let outcome = topic.take(candle(3, 1), true);
    assert_eq!((outcome.hole, outcome.row), (hole(60, 180, HoleReason::LeftOut).hole, Some(candle(3, 1))));
    assert_eq!(topic.take(candle(2, 7), false), NOTHING, "it runs no more, and this is not its end");
    assert_eq!(topic.take(candle(2, 8), true), row(candle(2, 8)));
    assert_eq!(topic.take(candle(2, 8), true), Outcome::REPEATED);
    assert_eq!(topic.take(candle(-1, 8), true), Outcome::REPEATED, "it was not listened to then");
    assert_eq!(topic.covered(None), window(0, 240));
}

#[test]
fn a_candle_that_is_not_called_closed_in_time_is_missing_once() {
    let mut topic = topic(Closing::Told);
    topic.take(candle(0, 1), false);
    assert_eq!(topic.tick(Some(at(64))), NOTHING);
    assert_eq!(topic.tick(Some(at(65))), hole(0, 60, HoleReason::Overdue));
    assert_eq!(topic.tick(Some(at(66))), NOTHING);
    assert_eq!(topic.take(candle(0, 9), true), row(candle(0, 9)));
    topic.begin(at(30));
    assert_eq!(topic.tick(Some(at(185))), hole(60, 180, HoleReason::Overdue));
}

#[test]
fn a_topic_that_sends_no_candle_at_all_lacks_those_that_must_be() {
    let mut topic = topic(Closing::Told);
    topic.begin(at(30));
    assert_eq!((topic.tick(Some(at(124))), topic.covered(Some(at(124)))), (NOTHING, None));
    assert_eq!(topic.tick(Some(at(125))), hole(60, 120, HoleReason::Overdue));
}

#[test]
fn a_candle_is_closed_by_the_next_one_or_by_the_exchanges_time_and_its_grace() {
    let mut topic = topic(Closing::ByNext);
    assert_eq!(topic.take(candle(0, 1), false), NOTHING);
    assert_eq!(topic.take(candle(0, 2), false), NOTHING);
    assert_eq!(topic.tick(Some(at(64))), NOTHING);
    assert_eq!(topic.take(candle(1, 1), false), row(candle(0, 2)));
    assert_eq!(topic.tick(Some(at(124))), NOTHING);
    assert_eq!(topic.covered(Some(at(124))), window(0, 60));
    assert_eq!(topic.tick(Some(at(125))), row(candle(1, 1)));
    assert_eq!(topic.tick(Some(at(305))), NOTHING, "in quiet minutes there are none");
    assert_eq!(topic.covered(Some(at(305))), window(0, 300));
}

#[test]
fn of_two_words_on_a_running_candle_the_one_with_less_in_it_is_the_older() {
    let mut topic = topic(Closing::ByNext);
    for trades in [2, 5, 4] {
        topic.take(candle(0, trades), false);
    }
    assert_eq!(topic.take(candle(1, 1), false), row(candle(0, 5)));
    assert_eq!(topic.take(candle(0, 5), false), Outcome::REPEATED);
    assert_eq!(
        topic.take(candle(0, 6), false),
        hole(0, 60, HoleReason::Doubtful),
        "what was taken lacked a trade"
    );
}

#[test]
fn words_that_contradict_one_another_make_a_candle_doubtful_until_it_grows_again() {
    let swollen = Candle { volume: 77.0, ..candle(0, 2) };
    let mut topic = topic(Closing::ByNext);
    topic.take(swollen, false);
    topic.take(candle(0, 3), false);
    assert_eq!(topic.take(candle(1, 1), false), hole(0, 60, HoleReason::Doubtful));
    topic.take(Candle { volume: 77.0, ..candle(1, 2) }, false);
    topic.take(candle(1, 3), false);
    topic.take(candle(1, 4), false);
    assert_eq!(topic.take(candle(2, 1), false), row(candle(1, 4)));
}

#[test]
fn a_lost_frame_makes_the_running_candle_doubtful_until_it_is_told_anew() {
    let mut told = topic(Closing::ByNext);
    told.take(candle(0, 1), false);
    told.doubt(at(20));
    told.take(candle(0, 3), false);
    assert_eq!(told.take(candle(1, 1), false), row(candle(0, 3)));

    let mut late = topic(Closing::ByNext);
    late.take(candle(0, 1), false);
    late.doubt(at(130));
    late.take(candle(0, 3), false);
    let outcome = late.take(candle(3, 1), false);
    let doubtful = hole(60, 180, HoleReason::Doubtful).hole;
    assert_eq!(
        (outcome.hole, outcome.row),
        (doubtful, Some(candle(0, 3))),
        "it says nothing of those behind it"
    );

    let mut lost = topic(Closing::ByNext);
    lost.take(candle(0, 1), false);
    lost.doubt(at(70));
    assert_eq!(lost.take(candle(2, 1), false), hole(0, 120, HoleReason::Doubtful));
    assert_eq!(lost.take(candle(3, 1), false), row(candle(2, 1)));

    let mut quiet = topic(Closing::ByNext);
    quiet.take(candle(0, 1), false);
    quiet.doubt(at(59));
    assert_eq!(quiet.tick(Some(at(250))), hole(0, 60, HoleReason::Doubtful), "later ones are not concerned");
    assert_eq!(quiet.tick(Some(at(310))), NOTHING);
    assert_eq!(quiet.covered(Some(at(310))), window(0, 300));
}

#[test]
fn a_quiet_topic_is_covered_by_the_exchanges_time_unless_a_frame_was_lost() {
    let mut topic = topic(Closing::ByNext);
    topic.begin(at(30));
    assert_eq!(topic.tick(Some(at(130))), NOTHING);
    assert_eq!(topic.covered(Some(at(130))), window(60, 120));
    topic.doubt(at(131));
    assert_eq!(topic.covered(Some(at(131))), None);
    assert_eq!(topic.tick(Some(at(190))), hole(60, 180, HoleReason::Doubtful));
    assert_eq!(topic.covered(Some(at(190))), window(60, 180));
}

#[test]
fn the_snapshot_of_a_new_connection_is_taken_whenever_it_comes() {
    let mut topic = topic(Closing::ByNext);
    topic.begin(at(310));
    assert_eq!(topic.take(candle(3, 1), false), NOTHING);
    assert_eq!(topic.take(candle(4, 1), false), row(candle(3, 1)));
    assert_eq!(topic.covered(None), window(180, 240));
}
