//! Updates of a book of a hundred levels a side, each checked and accepted into the journal.

#[path = "../live_books/written.rs"]
#[allow(dead_code, reason = "an exchange without an answer over REST is counted")]
mod written;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use dccd::exchange::live::{BookWish, Now, Received, Session, Topic, TopicId};
use dccd::exchange::{Instrument, find};
use dccd::model::{Micros, Series};

use crate::{most, open};
use written::Written;

const SERIES: &str = "kraken/BTC-USD/orderbook";
const LEVELS: u32 = 100;
/// Frames between two hand-overs.
const BURST: usize = 256;

pub(crate) fn update(times: usize) {
    let written = Written::of(SERIES, LEVELS, most("book"));
    let folder = tempfile::tempdir().expect("a folder");
    let series: Arc<Series> = Arc::new(SERIES.parse().expect("a series"));
    let (writer, _) = open(folder.path()).writer(&series).expect("an empty series");
    let (mut session, mut received) = (session(&series), Received::new());
    written.begin.iter().for_each(|frame| session.text(frame, now(), &mut received));
    received.clear();
    for burst in written.updates[..times].chunks(BURST) {
        burst.iter().for_each(|frame| session.text(black_box(frame), now(), &mut received));
        session.tick(now(), &mut received);
        for (_, rows) in received.batches() {
            writer.accept_live(rows.clone(), None).expect("the journal takes it");
        }
        received.clear();
    }
    assert!(session.book(TopicId(0)).is_some(), "the book is in step");
    assert!(writer.waiting_rows() >= 10 * times, "each level once");
}

fn session(series: &Arc<Series>) -> Box<dyn Session> {
    let exchange = find(series.exchange()).expect("it is registered");
    let live = exchange.live().expect("it is live");
    let mut session = live.session(live.offer_for(series).expect("it is offered").line);
    let instrument = Arc::new(Instrument::named(exchange.symbol(series.pair())));
    let book = Some(BookWish { depth: LEVELS, every: Duration::from_secs(60), deltas: true });
    let topic = Topic { id: TopicId(0), series: Arc::clone(series), instrument, held: None, book };
    session.want(topic).expect("it is offered");
    session
}

fn now() -> Now {
    Now { elapsed: Duration::from_secs(1), at: written::BEGIN + Duration::from_secs(2_000) }
}

/// The symbol of a series in frames.
fn symbol(_: &str) -> &'static str {
    "BTC/USD"
}

/// An instant written out.
fn instant(at: Micros) -> String {
    at.to_string()
}
