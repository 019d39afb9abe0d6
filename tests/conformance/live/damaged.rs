//! Frames that are lost, doubled, swapped or damaged on the way: rows are what is left, or an event says so; what a
//! session calls covered is there, or was told missing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dccd::exchange;
use dccd::exchange::live::{Event, Hole, Mark, Now};
use dccd::model::{Candle, Micros, Series};

use super::listener::{Listener, Row};
use super::oracle::{self, Reported};
use super::written::{Dice, bitfinex_begins, candle_frame, trade_frames, trades};

/// How many frames of each run are broken.
const BROKEN: usize = 1_000;

/// How long a frame is under way.
const WAY: Duration = Duration::from_millis(40);

/// A frame as it was sent and as it arrives.
struct Delivery {
    at: Micros,
    sent: Option<String>,
    arrives: Option<String>,
}

/// The faults of a stream, counted.
#[derive(Default, Debug)]
struct Done {
    dropped: usize,
    doubled: usize,
    swapped: usize,
    damaged: usize,
}

/// Breaks so many of the frames, the last few left whole so that numbers show what is missing.
fn broken(frames: Vec<(Micros, String)>, dice: &mut Dice) -> (Vec<Delivery>, Done) {
    let count = frames.len();
    let mut chosen = BTreeSet::new();
    while chosen.len() < BROKEN {
        chosen.insert(dice.below(count as u64 - 20) as usize);
    }
    let (mut out, mut done): (Vec<Delivery>, Done) = (Vec::new(), Done::default());
    let whole = |at, text: String| Delivery { at, sent: Some(text.clone()), arrives: Some(text) };
    let mut swapped: Option<Delivery> = None;
    for (index, (at, text)) in frames.into_iter().enumerate() {
        let mut held = swapped.take().map(|own: Delivery| Delivery { at, ..own });
        // A frame swapped with a damaged one would be two faults in one: an older word behind a lost newer one.
        let ways = if held.is_some() { 3 } else { 4 };
        match (chosen.contains(&index), dice.below(ways)) {
            (false, _) => out.push(whole(at, text)),
            (true, 0) => {
                done.dropped += 1;
                out.push(Delivery { at, sent: Some(text), arrives: None });
            }
            (true, 1) => {
                done.doubled += 1;
                out.push(whole(at, text.clone()));
                out.push(whole(at, text));
            }
            (true, 2) => {
                done.swapped += 1;
                swapped = Some(whole(at, text));
            }
            (true, _) => {
                done.damaged += 1;
                let arrives = Some(damage(&text, dice));
                out.push(Delivery { at, sent: Some(text), arrives });
            }
        }
        out.extend(held.take());
    }
    out.extend(swapped);
    (out, done)
}

/// One of the ways text is damaged.
pub(crate) fn damage(text: &str, dice: &mut Dice) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = dice.below(bytes.len() as u64) as usize;
    let printable = |dice: &mut Dice| b' ' + dice.below(95) as u8;
    match dice.below(6) {
        0 => bytes.truncate(at),
        1 => bytes[at] = printable(dice),
        2 => drop(bytes.remove(at)),
        3 => bytes.insert(at, printable(dice)),
        4 => drop(bytes.drain(at..(at + 1 + dice.below(30) as usize).min(text.len()))),
        _ => {
            let digits: Vec<usize> =
                (0..bytes.len()).filter(|place| bytes[*place].is_ascii_digit()).collect();
            let place = digits[dice.below(digits.len() as u64) as usize];
            bytes[place] = b'0' + dice.below(10) as u8;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A run of one topic: the session after it, and what arrived.
struct Run {
    listener: Listener,
    /// Rows of frames as they were sent.
    sent: Vec<Reported>,
    /// Rows of frames as they arrived.
    arrived: Vec<Reported>,
    /// Rows of frames that the session could not read.
    lost: Vec<Reported>,
}

fn run(series: &str, held: Option<Mark>, deliveries: Vec<Delivery>) -> Run {
    let own: Series = series.parse().unwrap();
    let begin = deliveries[0].at;
    let mut listener = Listener::behind(std::slice::from_ref(&own), &[held], begin);
    let (mut sent, mut arrived, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    let symbol = symbol(&own);
    if own.exchange() == "bitfinex" {
        let pair = exchange::find("bitfinex").unwrap().symbol(own.pair());
        bitfinex_begins(&pair).iter().for_each(|frame| listener.read(frame));
    }
    let span = own.span().map_or(0, |span| u64::from(span.secs()));
    let rows_of = |text: &String| {
        let told = oracle::told(own.exchange(), text).unwrap_or_default();
        told.into_iter().filter(|told| (&told.symbol, told.span_secs) == (&symbol, span)).collect::<Vec<_>>()
    };
    for delivery in deliveries {
        let at = delivery.at + WAY;
        listener.now = Now { elapsed: Duration::from_secs(100) + at.since(begin), at };
        let told = delivery.sent.as_ref().map(&rows_of).unwrap_or_default();
        if let Some(text) = &delivery.arrives {
            let before = listener.received.events.len();
            listener.read(text);
            arrived.extend(rows_of(text));
            let is_fault = |event: &Event| matches!(event, Event::Unreadable { .. } | Event::Odd { .. });
            if listener.received.events[before..].iter().any(is_fault) {
                lost.extend(told.clone());
            }
        }
        sent.extend(told);
        listener.tick();
    }
    Run { listener, sent, arrived, lost }
}

fn symbol(series: &Series) -> String {
    let pair = series.pair();
    match series.exchange() {
        "kraken" => format!("{}/{}", pair.base(), pair.quote()),
        // Its frames name a channel.
        "bitfinex" => "17".to_owned(),
        name => exchange::find(name).unwrap().symbol(pair),
    }
}

/// Whether a hole tells of a row.
fn tells(hole: &Hole, row: &Row) -> bool {
    match (hole.ids, row) {
        (Some((first, last)), Row::Trade { id, .. }) => (first..=last).contains(id),
        _ => hole.window.holds(row.ts()),
    }
}

#[test]
fn trades_that_are_broken_on_the_way_are_what_is_left_or_told_missing() {
    for (exchange, series, seed) in [
        ("binance", "binance/BTC-USDT/trades", 1),
        ("binance", "binance/BTC-USDT_PERP/trades", 2),
        ("binancecoinm", "binancecoinm/BTC-USD_PERP/trades", 3),
        ("kraken", "kraken/BTC-USD/trades", 4),
        ("coinbase", "coinbase/BTC-USD/trades", 5),
        ("krakenfutures", "krakenfutures/BTC-USD_PERP/trades", 7),
        ("okx", "okx/BTC-USDT/trades", 16),
        ("okx", "okx/BTC-USDT_PERP/trades", 17),
    ] {
        for round in 0..4 {
            let mut dice = Dice(seed * 1_000 + round);
            let trades = trades(exchange, 9_000, &mut dice);
            let held = Mark { id: trades[0].id - 1, ts: trades[0].ts };
            let frames = trade_frames(exchange, &symbol(&series.parse().unwrap()), &trades, &mut dice);
            let (deliveries, done) = broken(frames, &mut dice);
            let run = run(series, Some(held), deliveries);
            check_trades(&run, &format!("{series} {round} {done:?}"));
        }
    }
}

#[test]
fn trades_without_numbers_that_are_broken_on_the_way_are_what_is_left_and_only_lost_frames_go_unseen() {
    for (exchange, series, seed) in [
        ("bitmex", "bitmex/BTC-USD_PERP/trades", 6),
        ("bybit", "bybit/BTC-USDT/trades", 7),
        ("bybit", "bybit/BTC-USDT_PERP/trades", 8),
        ("bitfinex", "bitfinex/BTC-USD/trades", 9),
    ] {
        for round in 0..4 {
            let mut dice = Dice(seed * 1_000 + round);
            let trades = trades(exchange, 9_000, &mut dice);
            let frames = trade_frames(exchange, &symbol(&series.parse().unwrap()), &trades, &mut dice);
            let (deliveries, done) = broken(frames, &mut dice);
            let dropped = done.dropped;
            let run = run(series, None, deliveries);
            let unseen = check_unnumbered(&run, &format!("{series} {round} {done:?}"));
            // Of those near a frame that could not be read nothing is believed; damage may leave another trade.
            // Bitfinex numbers its frames.
            let most = if exchange == "bitfinex" { 0 } else { dropped };
            assert!(unseen <= most + BROKEN / 20, "{series} {round}: {unseen} of {dropped}");
            assert!(unseen > 0 || exchange == "bitfinex", "{series} {round}");
            println!("{series} {round}: {unseen} trades went unseen, {dropped} frames were lost on the way");
        }
    }
}

/// Holds rows to what came. Returns how many trades are missing of what is called covered, in no hole.
fn check_unnumbered(run: &Run, who: &str) -> usize {
    let (rows, holes) = (run.listener.rows(0), run.listener.holes(0));
    let came: Vec<&Row> = run.arrived.iter().chain(&run.sent).map(|told| &told.row).collect();
    let known: BTreeSet<String> = came.iter().map(|row| format!("{row:?}")).collect();
    for row in &rows {
        assert!(known.contains(&format!("{row:?}")), "{who}: nobody sent {row:?}");
    }
    let there: BTreeSet<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    let covered = run.listener.covered(0).unwrap_or_else(|| panic!("{who}: nothing is covered"));
    let is_told = |row: &Row| holes.iter().any(|hole| hole.window.holds(row.ts()));
    for lost in run.lost.iter().filter(|lost| covered.holds(lost.row.ts())) {
        let is_there = there.contains(&format!("{:?}", lost.row));
        assert!(is_there || is_told(&lost.row), "{who}: {lost:?} is neither there nor told missing");
    }
    let last = run.sent.last().unwrap().row.ts();
    // The last frames may be doubtful for a while.
    assert!(covered.until + Duration::from_secs(60) >= last, "{who}: {covered} of {last}");
    let sent: BTreeMap<String, &Row> =
        run.sent.iter().map(|told| (format!("{:?}", told.row), &told.row)).collect();
    let missing = sent.iter().filter(|(name, row)| !there.contains(*name) && covered.holds(row.ts()));
    missing.filter(|(_, row)| !is_told(row)).count()
}

fn check_trades(run: &Run, who: &str) {
    let rows = run.listener.rows(0);
    let holes = run.listener.holes(0);
    let mut by_id: BTreeMap<u64, &Row> = BTreeMap::new();
    let mut arrived: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
    // A member that is not read may be broken beyond what the other reader takes.
    for told in run.arrived.iter().chain(&run.sent) {
        let Row::Trade { id, .. } = told.row else { panic!("{who}: {told:?}") };
        arrived.entry(id).or_default().push(&told.row);
    }
    for row in &rows {
        let Row::Trade { id, .. } = row else { panic!("{who}: {row:?}") };
        assert!(arrived.get(id).is_some_and(|all| all.contains(&row)), "{who}: nobody sent {row:?}");
        let twin = by_id.insert(*id, row);
        // Where an id stands beside a number, damage may give a trade one of the two of another.
        let is_beside = who.starts_with("krakenfutures");
        assert!(twin.is_none() || is_beside, "{who}: {row:?} beside {twin:?}");
    }
    let covered = run.listener.covered(0).unwrap_or_else(|| panic!("{who}: nothing is covered"));
    let (mut missing, mut untold) = (0, 0);
    for told in &run.sent {
        let Row::Trade { id, ts, .. } = told.row else { unreachable!("they are trades") };
        assert!(covered.holds(ts) || ts >= covered.until || ts <= covered.from, "{who}");
        if !by_id.contains_key(&id) {
            missing += 1;
            let is_told = holes.iter().any(|hole| tells(hole, &told.row));
            untold += usize::from(!is_told && covered.holds(ts));
            let is_hidden = who.starts_with("krakenfutures") && untold <= BROKEN / 20;
            assert!(untold == 0 || is_hidden, "{who}: {told:?} is neither there nor told missing");
        }
    }
    // It is not by calling nothing covered that nothing is wrong.
    let last = run.sent.last().unwrap().row.ts();
    assert!(covered.until >= last && covered.from <= run.sent[0].row.ts(), "{who}: {covered}");
    assert!(
        missing > 0 && rows.len() * 10 > run.sent.len() * 8,
        "{who}: {} of {}",
        rows.len(),
        run.sent.len()
    );
}

/// Words on candles, in quiet minutes none or an empty one, as the exchange has it.
fn candle_frames(exchange: &str, symbol: &str, minutes: i64, dice: &mut Dice) -> Vec<(Micros, String)> {
    let mut frames = Vec::new();
    for minute in 0..minutes {
        let words = dice.below(5);
        if exchange != "bitmex" {
            let so_far = (1..=words).map(|trades| candle_frame(exchange, symbol, minute, trades, false));
            frames.extend(so_far);
        }
        if exchange != "kraken" {
            frames.push(candle_frame(exchange, symbol, minute, words, true));
        }
    }
    frames
}

#[test]
fn candles_that_are_broken_on_the_way_are_whole_or_told_missing() {
    for (exchange, series, seed) in [
        ("binance", "binance/BTC-USDT/ohlc/1m", 1),
        ("binance", "binance/BTC-USDT_QUARTER/ohlc/1m", 2),
        ("binancecoinm", "binancecoinm/BTC-USD_PERP/ohlc/1m", 3),
        ("kraken", "kraken/BTC-USD/ohlc/1m", 4),
        ("bitmex", "bitmex/BTC-USD_PERP/ohlc/1m", 5),
        ("bybit", "bybit/BTC-USDT/ohlc/1m", 7),
        ("bybit", "bybit/BTC-USDT_PERP/ohlc/1m", 8),
        ("okx", "okx/BTC-USDT/ohlc/1m", 5),
        ("okx", "okx/BTC-USDT_PERP/ohlc/1m", 6),
    ] {
        for round in 0..4 {
            let mut dice = Dice(seed * 1_000 + round);
            let frames = candle_frames(exchange, &symbol(&series.parse().unwrap()), 3_000, &mut dice);
            let (deliveries, done) = broken(frames, &mut dice);
            let run = run(series, None, deliveries);
            check_candles(&run, exchange == "kraken", &format!("{series} {round} {done:?}"));
        }
    }
}

fn check_candles(run: &Run, is_by_next: bool, who: &str) {
    let rows = run.listener.rows(0);
    let holes = run.listener.holes(0);
    let candle = |told: &Reported| match &told.row {
        Row::Candle(candle) => *candle,
        row => panic!("{who}: {row:?}"),
    };
    let mut best: BTreeMap<Micros, Candle> = BTreeMap::new();
    for told in run.arrived.iter().filter(|told| is_by_next || told.is_closed == Some(true)) {
        let own = candle(told);
        let known = best.entry(own.ts).or_insert(own);
        // Of a candle that is called closed the first word counts, of one that grows the one with most in it.
        if is_by_next && own.trades > known.trades {
            *known = own;
        }
    }
    // A damaged word may say more than the true one that follows.
    let last: BTreeMap<Micros, Candle> = run.sent.iter().map(candle).map(|own| (own.ts, own)).collect();
    let is_told = |row: &Row| holes.iter().any(|hole| tells(hole, row));
    let mut there = BTreeSet::new();
    for row in &rows {
        let Row::Candle(own) = row else { panic!("{who}: {row:?}") };
        assert!(there.insert(own.ts), "{who}: {row:?} is there twice");
        let is_whole = best.get(&own.ts) == Some(own) || last.get(&own.ts) == Some(own);
        // Damage may give a word the instant of another candle, so that it comes too early to be believed.
        let is_whole = is_whole || (!is_by_next && run.arrived.iter().any(|told| candle(told) == *own));
        assert!(is_whole || is_told(row), "{who}: {row:?} is not {:?}", best.get(&own.ts));
        // A word that was lost may have said more.
        let lost = run.lost.iter().map(candle).filter(|lost| is_by_next && lost.ts == own.ts);
        assert!(
            lost.max_by_key(|lost| lost.trades).is_none_or(|lost| lost.trades <= own.trades) || is_told(row),
            "{who}: {row:?}"
        );
    }
    let covered = run.listener.covered(0).unwrap_or_else(|| panic!("{who}: nothing is covered"));
    let reached = run.arrived.iter().chain(&run.lost).map(|told| told.row.ts()).collect::<BTreeSet<_>>();
    for told in run.sent.iter().filter(|told| !is_by_next || reached.contains(&told.row.ts())) {
        let is_settled = there.contains(&told.row.ts()) || is_told(&told.row);
        assert!(
            is_settled || !covered.holds(told.row.ts()),
            "{who}: {told:?} is neither there nor told missing"
        );
    }
    let minutes = run.sent.iter().map(|told| told.row.ts()).collect::<BTreeSet<_>>();
    assert!(covered.secs() >= 2_990.0 * 60.0, "{who}: {covered}");
    assert!(there.len() * 10 > minutes.len() * 6, "{who}: {} of {}", there.len(), minutes.len());
    let unreadable = |event: &&Event| matches!(event, Event::Unreadable { .. });
    assert!(run.listener.received.events.iter().filter(unreadable).count() > 50, "{who}");
}

#[test]
fn a_frame_of_trades_that_is_read_in_one_go_says_what_it_says_part_by_part() {
    for (name, symbol) in [
        ("binance/BTC-USDT/trades", "BTCUSDT"),
        ("kraken/BTC-USD/trades", "BTC/USD"),
        ("okx/BTC-USDT/trades", "BTC-USDT"),
    ] {
        let (exchange, mut dice) = (name.split('/').next().unwrap(), Dice(5));
        let frames = trade_frames(exchange, symbol, &trades(exchange, 3_000, &mut dice), &mut dice);
        let [mut whole, mut parted] = [(); 2].map(|()| Listener::of(&[name], frames[0].0));
        for (at, frame) in frames {
            let frame = if dice.below(3) == 0 { damage(&frame, &mut dice) } else { frame };
            for own in [&mut whole, &mut parted] {
                own.now = Now { elapsed: own.now.elapsed, at: at + WAY };
            }
            whole.read(&frame);
            // A space that changes nothing, and that no exchange writes there.
            parted.read(&frame.replacen('{', "{ ", 1));
            assert_eq!(whole.received.counts, parted.received.counts, "{frame}");
        }
        assert!(whole.received.counts.rows > 2_000, "{name}");
        assert_eq!((whole.rows(0), whole.holes(0)), (parted.rows(0), parted.holes(0)), "{name}");
        assert_eq!(whole.faults().len(), parted.faults().len(), "{name}");
        assert_eq!(whole.covered(0), parted.covered(0), "{name}");
    }
}
