//! One frame of the journal as bytes: rows of one series with what they prove, or the word of a live session.
//!
//! A frame is `length u32 | crc u32 | position u64 | payload`, little-endian. The check sum is seeded with
//! the journal's id and the segment's first position, so that a stale or misplaced block never passes.

use crate::model::{Batch, Series, Window};
use crate::store::journal::payload::{Payload, length, put_column, put_series, put_text, put_window};

/// Bytes before a frame's payload.
pub(super) const HEAD_BYTES: usize = 16;
/// Room for everything in a page's frame that is no row: its series has a short name.
const MOST_ABOUT_BYTES: usize = 128;
/// The longest payload: what reads a journal never takes more into memory at once.
pub(super) const MOST_PAYLOAD_BYTES: usize = 8 << 20;
/// The most rows of one frame, so that its payload stays below its bound.
pub(crate) const MOST_ROWS: usize = 16_384;

const PAGE: u8 = 1;
const STOPPED: u8 = 2;
/// A version that does not know it takes the frame for damage: the window is then a gap, and no row is lost.
const VOUCH: u8 = 3;
/// A version that does not know it takes the frame for damage: the window is then a gap for another reason.
const UNFILLABLE: u8 = 4;
const COVERED: u8 = 1;
const EMPTY: u8 = 2;
const DERIVED: u8 = 4;
const FENCED: u8 = 8;
const PUBLISHED: u8 = 16;
const DISOWNED: u8 = 32;

/// The content of a frame.
#[derive(Debug, PartialEq)]
pub(crate) enum Entry {
    /// Rows of a series with what they prove.
    Page(Series, Rows),
    /// Coverage that a live session vouches for.
    Vouch(Series, Vouch),
    /// Time of a series that nothing can ever fill.
    Unfillable(Series, Unfillable),
    /// The process ended in good order; everything before is durable.
    Stopped,
}

/// The rows of one answer and what they prove: one frame, so that neither is there without the other.
#[derive(Debug, PartialEq)]
pub(crate) struct Rows {
    pub(crate) rows: Batch,
    pub(crate) covered: Option<Window>,
    pub(crate) empty: Option<Window>,
    pub(crate) derived: bool,
    /// The ownership they were accepted under; 0 for none.
    pub(crate) fence: u64,
}

/// The word of a live session that everything of a window is in the journal frames named here or published.
#[derive(Debug, PartialEq)]
pub(crate) struct Vouch {
    pub(crate) window: Window,
    /// Positions of the series' frames since the session's first row of the window that were not published yet, in
    /// order.
    pub(crate) frames: Vec<u64>,
    /// The last position published by then, if it lies behind that first row.
    pub(crate) published: Option<u64>,
    /// The ownership it was given under; 0 for none.
    pub(crate) fence: u64,
}

/// Time of a series that nothing can ever fill.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unfillable {
    pub(crate) window: Window,
    pub(crate) reason: String,
    /// Whatever was covered in it is taken back, since it was wrong.
    pub(crate) is_disowned: bool,
    /// The ownership it was found under; 0 for none.
    pub(crate) fence: u64,
}

/// The windows that rows prove, and the ownership they were accepted under.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Proof {
    pub(crate) covered: Option<Window>,
    pub(crate) empty: Option<Window>,
    pub(crate) derived: bool,
    /// The ownership they were accepted under; 0 for none.
    pub(crate) fence: u64,
}

impl Entry {
    /// The series, of an entry of one.
    pub(crate) fn series(&self) -> Option<&Series> {
        match self {
            Entry::Page(series, _) | Entry::Vouch(series, _) | Entry::Unfillable(series, _) => Some(series),
            Entry::Stopped => None,
        }
    }
}

/// The payload of a page's frame, behind room for its head.
pub(crate) fn page(series: &Series, page: &Rows) -> Vec<u8> {
    let Rows { rows, covered, empty, derived, fence } = page;
    let proof = Proof { covered: *covered, empty: *empty, derived: *derived, fence: *fence };
    page_of(series, rows, proof)
}

/// The same of rows that another owns.
pub(crate) fn page_of(series: &Series, rows: &Batch, proof: Proof) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + MOST_ABOUT_BYTES + rows.bytes());
    out.resize(HEAD_BYTES, 0);
    out.push(PAGE);
    put_series(&mut out, series);
    out.push(
        flag(proof.covered.is_some(), COVERED)
            | flag(proof.empty.is_some(), EMPTY)
            | flag(proof.derived, DERIVED)
            | flag(proof.fence > 0, FENCED),
    );
    proof.covered.iter().chain(&proof.empty).for_each(|window| put_window(&mut out, *window));
    if proof.fence > 0 {
        out.extend(proof.fence.to_le_bytes());
    }
    out.extend(length(rows.len()));
    rows.columns().iter().for_each(|column| put_column(&mut out, column));
    out
}

/// The payload of the frame of a word, behind room for its head.
pub(crate) fn vouch(series: &Series, vouch: &Vouch) -> Vec<u8> {
    let mut out = vec![0; HEAD_BYTES];
    out.push(VOUCH);
    put_series(&mut out, series);
    out.push(flag(vouch.fence > 0, FENCED) | flag(vouch.published.is_some(), PUBLISHED));
    put_window(&mut out, vouch.window);
    let numbers = Some(vouch.fence).filter(|fence| *fence > 0).into_iter().chain(vouch.published);
    numbers.for_each(|number| out.extend(number.to_le_bytes()));
    out.extend(length(vouch.frames.len()));
    vouch.frames.iter().for_each(|position| out.extend(position.to_le_bytes()));
    out
}

/// The payload of a frame that says what nothing can fill, behind room for its head.
pub(crate) fn unfillable(series: &Series, own: &Unfillable) -> Vec<u8> {
    let mut out = vec![0; HEAD_BYTES];
    out.push(UNFILLABLE);
    put_series(&mut out, series);
    out.push(flag(own.fence > 0, FENCED) | flag(own.is_disowned, DISOWNED));
    put_window(&mut out, own.window);
    if own.fence > 0 {
        out.extend(own.fence.to_le_bytes());
    }
    put_text(&mut out, &own.reason);
    out
}

/// The payload of the last frame of a process that ends in good order, behind room for its head.
pub(super) fn stopped() -> Vec<u8> {
    let mut out = vec![0; HEAD_BYTES];
    out.push(STOPPED);
    out
}

/// Fills in the head of a frame.
pub(super) fn seal(frame: &mut [u8], seed: u32, position: u64) {
    let payload = frame.len() - HEAD_BYTES;
    frame[..4].copy_from_slice(&length(payload));
    frame[8..HEAD_BYTES].copy_from_slice(&position.to_le_bytes());
    let crc = crc(seed, &frame[8..]);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// The seed of a segment's check sums.
pub(super) fn seed(journal: u64, first: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&journal.to_le_bytes());
    hasher.update(&first.to_le_bytes());
    hasher.finalize()
}

/// The frame at the start of `bytes`, if a whole one stands there: its position, payload and length.
pub(super) fn whole(bytes: &[u8], seed: u32) -> Option<(u64, &[u8], usize)> {
    let head = bytes.get(..HEAD_BYTES)?;
    let payload = usize::try_from(u32::from_le_bytes(head[..4].try_into().ok()?)).ok()?;
    if payload == 0 || payload > MOST_PAYLOAD_BYTES {
        return None;
    }
    let frame = bytes.get(..HEAD_BYTES + payload)?;
    let claimed = u32::from_le_bytes(head[4..8].try_into().ok()?);
    let position = u64::from_le_bytes(head[8..].try_into().ok()?);
    (crc(seed, &frame[8..]) == claimed).then(|| (position, &frame[HEAD_BYTES..], frame.len()))
}

/// Reads a payload.
///
/// # Errors
/// Describes the fault. Since the check sum is right, another version of the program wrote it.
pub(super) fn entry(payload: &[u8]) -> Result<Entry, String> {
    let mut from = Payload { bytes: payload };
    match from.u8()? {
        STOPPED => Ok(Entry::Stopped),
        PAGE => {
            let (series, flags) = (from.series()?, from.u8()?);
            let covered = if flags & COVERED > 0 { Some(from.window()?) } else { None };
            let empty = if flags & EMPTY > 0 { Some(from.window()?) } else { None };
            let fence = if flags & FENCED > 0 { from.u64()? } else { 0 };
            let rows = from.batch(series.kind())?;
            Ok(Entry::Page(series, Rows { rows, covered, empty, derived: flags & DERIVED > 0, fence }))
        }
        VOUCH => {
            let (series, flags, window) = (from.series()?, from.u8()?, from.window()?);
            let fence = if flags & FENCED > 0 { from.u64()? } else { 0 };
            let published = if flags & PUBLISHED > 0 { Some(from.u64()?) } else { None };
            Ok(Entry::Vouch(series, Vouch { window, frames: from.u64s()?, published, fence }))
        }
        UNFILLABLE => {
            let (series, flags, window) = (from.series()?, from.u8()?, from.window()?);
            let fence = if flags & FENCED > 0 { from.u64()? } else { 0 };
            let (reason, is_disowned) = (from.text()?.to_owned(), flags & DISOWNED > 0);
            Ok(Entry::Unfillable(series, Unfillable { window, reason, is_disowned, fence }))
        }
        other => Err(format!("there is no entry of kind {other}")),
    }
}

fn flag(is_set: bool, flag: u8) -> u8 {
    if is_set { flag } else { 0 }
}

fn crc(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Candle, Kind, Micros, Side, Trade};

    fn trades(prices: &[f64]) -> Rows {
        let mut rows = Batch::of(Kind::Trades);
        for (at, price) in prices.iter().enumerate() {
            let id = at.to_string();
            rows.trades_mut().push(Trade {
                ts: Micros(at as i64),
                ts_recv: (at % 2 == 0).then_some(Micros(7)),
                id: (at % 3 > 0).then_some(id.as_str()),
                price: *price,
                amount: 1.0,
                side: Some(Side::Sell),
            });
        }
        Rows { rows, covered: Window::new(Micros(0), Micros(9)), empty: None, derived: false, fence: 0 }
    }

    fn series(text: &str) -> Series {
        text.parse().unwrap()
    }

    proptest! {
        #[test]
        fn a_page_comes_back_as_it_went_in(prices in prop::collection::vec(any::<f64>(), 0..20), position in any::<u64>(), fence in 0_u64..3) {
            let (series, page) = (series("kraken/XBT-USD/trades"), Rows { fence, ..trades(&prices) });
            let mut frame = super::page(&series, &page);
            seal(&mut frame, 5, position);
            let (at, payload, bytes) = whole(&frame, 5).unwrap();
            prop_assert_eq!((at, bytes), (position, frame.len()));
            let Entry::Page(of, read) = entry(payload).unwrap() else { panic!("a page went in") };
            prop_assert_eq!(of, series);
            prop_assert_eq!((read.covered, read.fence), (page.covered, page.fence));
            for row in 0..page.rows.len() {
                prop_assert!(page.rows.same_row(row, &read.rows, row));
            }
        }

        #[test]
        fn a_word_comes_back_as_it_went_in(
            frames in prop::collection::vec(any::<u64>(), 0..20), published in any::<Option<u64>>(), fence in 0_u64..3,
        ) {
            let window = Window::new(Micros(-3), Micros(9)).unwrap();
            let vouch = Vouch { window, frames, published, fence };
            let series = series("kraken/XBT-USD/trades");
            let frame = super::vouch(&series, &vouch);
            prop_assert_eq!(entry(&frame[HEAD_BYTES..]), Ok(Entry::Vouch(series, vouch)));
        }

        #[test]
        fn time_that_nothing_can_fill_comes_back_as_it_went_in(reason in ".{0,40}", is_disowned in any::<bool>(), fence in 0_u64..3) {
            let window = Window::new(Micros(-3), Micros(9)).unwrap();
            let own = Unfillable { window, reason, is_disowned, fence };
            let series = series("kraken/XBT-USD/orderbook");
            let frame = super::unfillable(&series, &own);
            prop_assert_eq!(entry(&frame[HEAD_BYTES..]), Ok(Entry::Unfillable(series, own)));
        }

        #[test]
        fn a_frame_with_one_byte_changed_is_no_frame(at in 0_usize..120, bit in 0_u8..8) {
            let mut frame = super::page(&series("kraken/XBT-USD/trades"), &trades(&[1.0]));
            seal(&mut frame, 5, 1);
            let at = at % frame.len();
            frame[at] ^= 1 << bit;
            prop_assert_eq!(whole(&frame, 5), None);
        }

        #[test]
        fn bytes_that_are_no_payload_are_refused_rather_than_trusted(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
            let mut payload = super::page(&series("binance/BTC-USDT/ohlc/1m"), &Rows {
                rows: Batch::of(Kind::Ohlc), covered: None, empty: None, derived: true, fence: 0,
            }).split_off(HEAD_BYTES);
            payload.truncate(payload.len() - 4);
            payload.extend(&bytes);
            // Either an error or a batch that is no larger than what was there; never a panic.
            if let Ok(Entry::Page(_, page)) = entry(&payload) {
                prop_assert!(page.rows.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn an_entry_of_an_unknown_kind_is_refused() {
        let mut frame = stopped();
        frame[HEAD_BYTES] = 99;
        assert_eq!(entry(&frame[HEAD_BYTES..]), Err("there is no entry of kind 99".to_owned()));
    }

    #[test]
    fn a_frame_of_another_segment_is_no_frame_of_this_one() {
        let mut frame = stopped();
        seal(&mut frame, seed(1, 0), 3);
        assert!(whole(&frame, seed(1, 0)).is_some());
        assert!(whole(&frame, seed(1, 9)).is_none() && whole(&frame, seed(2, 0)).is_none());
    }

    #[test]
    fn the_largest_frame_of_candles_stays_below_the_bound() {
        let mut rows = Batch::of(Kind::Ohlc);
        for at in 0..MOST_ROWS {
            rows.candles_mut().push(Candle {
                ts: Micros(at as i64),
                open: 1.0,
                high: 1.0,
                low: 1.0,
                close: 1.0,
                volume: 1.0,
                quote_volume: Some(1.0),
                trades: Some(1),
            });
        }
        let frame = super::page(
            &series("binance/BTC-USDT/ohlc/1m"),
            &Rows { rows, covered: None, empty: None, derived: false, fence: 0 },
        );
        assert!(frame.len() < MOST_PAYLOAD_BYTES / 4, "{} bytes", frame.len());
    }
}
