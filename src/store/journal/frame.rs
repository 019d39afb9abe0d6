//! One frame of the journal: what an answer brought for one series, as bytes.
//!
//! A frame is `length u32 | crc u32 | position u64 | payload`, little-endian. The check sum is seeded with
//! the journal's id and the segment's first position, so that a stale or misplaced block never passes.

use crate::model::{Batch, Column, Kind, Micros, Series, Texts, Values, Window, fields};

/// Bytes before a frame's payload.
pub(super) const HEAD_BYTES: usize = 16;
/// The longest payload: what reads a journal never takes more into memory at once.
pub(super) const MOST_PAYLOAD_BYTES: usize = 8 << 20;
/// The most rows of one frame, so that its payload stays below its bound.
pub(crate) const MOST_ROWS: usize = 16_384;

const PAGE: u8 = 1;
const STOPPED: u8 = 2;
const COVERED: u8 = 1;
const EMPTY: u8 = 2;
const DERIVED: u8 = 4;
const FENCED: u8 = 8;

/// The content of a frame.
#[derive(Debug, PartialEq)]
pub(crate) enum Entry {
    /// Rows of a series with what they prove.
    Page(Series, Rows),
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

/// The payload of a page's frame, behind room for its head.
pub(super) fn page(series: &Series, page: &Rows) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + 96 + page.rows.len() * 96);
    out.resize(HEAD_BYTES, 0);
    out.push(PAGE);
    let name = series.to_string();
    out.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(name.as_bytes());
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    out.push(
        flag(page.covered.is_some(), COVERED)
            | flag(page.empty.is_some(), EMPTY)
            | flag(page.derived, DERIVED)
            | flag(page.fence > 0, FENCED),
    );
    for window in page.covered.iter().chain(&page.empty) {
        out.extend(window.from.0.to_le_bytes());
        out.extend(window.until.0.to_le_bytes());
    }
    if page.fence > 0 {
        out.extend(page.fence.to_le_bytes());
    }
    out.extend(length(page.rows.len()));
    page.rows.columns().iter().for_each(|column| put_column(&mut out, column));
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
            let name = usize::from(u16::from_le_bytes(from.array()?));
            let name = std::str::from_utf8(from.take(name)?).map_err(|error| error.to_string())?;
            let series: Series = name.parse().map_err(|error| format!("`{name}` is no series: {error}"))?;
            let flags = from.u8()?;
            let covered = if flags & COVERED > 0 { Some(from.window()?) } else { None };
            let empty = if flags & EMPTY > 0 { Some(from.window()?) } else { None };
            let fence = if flags & FENCED > 0 { u64::from_le_bytes(from.array()?) } else { 0 };
            let rows = from.batch(series.kind())?;
            Ok(Entry::Page(series, Rows { rows, covered, empty, derived: flags & DERIVED > 0, fence }))
        }
        other => Err(format!("there is no entry of kind {other}")),
    }
}

fn crc(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

fn length(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes()
}

fn put_column(out: &mut Vec<u8>, column: &Column) {
    if let Some(present) = &column.present {
        out.extend(present.iter().map(|flag| u8::from(*flag)));
    }
    match &column.values {
        Values::I64(values) => values.iter().for_each(|value| out.extend(value.to_le_bytes())),
        Values::I32(values) => values.iter().for_each(|value| out.extend(value.to_le_bytes())),
        Values::F64(values) => values.iter().for_each(|value| out.extend(value.to_le_bytes())),
        Values::Bool(values) => out.extend(values.iter().map(|value| u8::from(*value))),
        Values::Text(texts) => {
            for index in 0..texts.len() {
                let text = texts.bytes(index);
                out.extend(length(text.len()));
                out.extend(text);
            }
        }
    }
}

/// The unread rest of a payload.
struct Payload<'a> {
    bytes: &'a [u8],
}

impl<'a> Payload<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let Some((taken, rest)) = self.bytes.split_at_checked(count) else {
            return Err(format!("it ends {} bytes early", count - self.bytes.len()));
        };
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| "it ends early".to_owned())
    }

    fn u8(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<usize, String> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|error| error.to_string())
    }

    fn window(&mut self) -> Result<Window, String> {
        let (from, until) = (i64::from_le_bytes(self.array()?), i64::from_le_bytes(self.array()?));
        Window::new(Micros(from), Micros(until)).ok_or_else(|| "it holds an empty window".to_owned())
    }

    fn batch(&mut self, kind: Kind) -> Result<Batch, String> {
        let rows = self.u32()?;
        if rows > self.bytes.len() {
            return Err(format!("it claims {rows} rows and holds {} bytes", self.bytes.len()));
        }
        let mut columns = Vec::with_capacity(fields(kind).len());
        for like in Batch::of(kind).columns() {
            columns.push(self.column(like, rows)?);
        }
        Ok(Batch::from_columns(kind, columns))
    }

    /// A column of the type of `like`.
    fn column(&mut self, like: &Column, rows: usize) -> Result<Column, String> {
        let present = match like.present {
            Some(_) => Some(self.take(rows)?.iter().map(|flag| *flag > 0).collect()),
            None => None,
        };
        let values = match &like.values {
            Values::I64(_) => Values::I64(self.numbers(rows, i64::from_le_bytes)?),
            Values::I32(_) => Values::I32(self.numbers(rows, i32::from_le_bytes)?),
            Values::F64(_) => Values::F64(self.numbers(rows, f64::from_le_bytes)?),
            Values::Bool(_) => Values::Bool(self.take(rows)?.iter().map(|flag| *flag > 0).collect()),
            Values::Text(_) => Values::Text(self.texts(rows)?),
        };
        Ok(Column { values, present })
    }

    fn numbers<T, const N: usize>(&mut self, rows: usize, of: fn([u8; N]) -> T) -> Result<Vec<T>, String> {
        let (numbers, _) = self.take(rows * N)?.as_chunks::<N>();
        Ok(numbers.iter().map(|bytes| of(*bytes)).collect())
    }

    fn texts(&mut self, rows: usize) -> Result<Texts, String> {
        let mut texts = Texts::default();
        for _ in 0..rows {
            let length = self.u32()?;
            texts.push(std::str::from_utf8(self.take(length)?).map_err(|error| error.to_string())?);
        }
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Candle, Side, Trade};

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
