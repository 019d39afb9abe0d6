//! The journal: a payload is refused or means one thing, and a segment gives its whole frames whatever stands between.

use super::folder;
use super::seeds;
use crate::disk::{Disk, Os};
use crate::store::fuzzed_journal::{Piece, recovered, segment_of, written_again};

/// The first byte of an input: a payload, a segment as it lies there, or one of frames and other bytes.
const PAYLOAD: u8 = 0;
const SEGMENT: u8 = 1;

pub(super) fn run(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    match first % 3 {
        PAYLOAD => payload(bytes),
        SEGMENT => {
            segment(bytes);
        }
        _ => {
            let pieces = pieces(bytes);
            let readable = pieces.iter().filter(|(is_frame, own)| *is_frame && written_again(own).is_some());
            // Bytes between may be a frame themselves, or make one no frame.
            let all_frames = pieces.iter().all(|(is_frame, _)| *is_frame);
            let readable = readable.count() as u64;
            let made = pieces.iter().map(|(is_frame, own)| match is_frame {
                true => Piece::Frame(own),
                false => Piece::Bytes(own),
            });
            let found = segment(&segment_of(made));
            assert!(!all_frames || found == readable, "{found} of {readable} frames were found");
        }
    }
}

fn payload(bytes: &[u8]) {
    let Some(written) = written_again(bytes) else { return };
    assert_eq!(written_again(&written).as_deref(), Some(&written[..]), "it means another thing when written");
}

fn segment(bytes: &[u8]) -> u64 {
    folder::with(|folder| {
        let own = folder.path().join("journal");
        Os.create_folder(&own).expect("the folder of temporary files can be written");
        recovered(&own, bytes)
    })
}

/// Pieces as their lengths cut them: a byte that says whether it is a frame, two of length.
fn pieces(mut bytes: &[u8]) -> Vec<(bool, &[u8])> {
    let mut pieces = Vec::new();
    while let [kind, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        pieces.push((kind % 4 != 0, &rest[..length]));
        bytes = &rest[length..];
    }
    pieces
}

/// Frames of every kind, by themselves and as a segment.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let mut payloads = frames();
    for journal in seeds::below(&seeds::root().join("tests/older/tree"), ".journal") {
        seeds.push([&[SEGMENT], &journal[..]].concat());
    }
    payloads.push(vec![2]);
    let cut = |(kind, own): (u8, &Vec<u8>)| {
        let length = u16::try_from(own.len()).unwrap_or(u16::MAX).to_le_bytes();
        [&[kind], &length[..], &own[..]].concat()
    };
    let all: Vec<u8> = payloads.iter().flat_map(|own| cut((1, own))).collect();
    let damaged: Vec<u8> =
        payloads.iter().flat_map(|own| [cut((1, own)), cut((0, &vec![9; 20]))].concat()).collect();
    seeds.extend(payloads.iter().map(|own| [&[PAYLOAD], &own[..]].concat()));
    seeds.push([&[SEGMENT], &segment_of(payloads.iter().map(|own| Piece::Frame(own)))[..]].concat());
    seeds.push([&[2], &all[..]].concat());
    seeds.push([&[2], &damaged[..]].concat());
    seeds
}

fn frames() -> Vec<Vec<u8>> {
    use crate::model::{Batch, Candle, Kind, Micros, Side, Trade, Window};
    use crate::store::fuzzed_journal::{page_payload, unfillable_payload, vouch_payload};
    let window = Window::new(Micros(0), Micros(9_000_000));
    let mut trades = Batch::of(Kind::Trades);
    for id in ["1", "2"] {
        let (ts, ts_recv) = (Micros(3), Some(Micros(7)));
        trades.trades_mut().push(Trade {
            ts,
            ts_recv,
            id: Some(id),
            price: 1.5,
            amount: 1.0,
            side: Some(Side::Buy),
        });
    }
    let mut candles = Batch::of(Kind::Ohlc);
    let (ts, quote_volume, count) = (Micros(0), Some(1.0), Some(1));
    candles.candles_mut().push(Candle {
        ts,
        open: 1.0,
        high: 2.0,
        low: 0.5,
        close: 1.0,
        volume: 1.0,
        quote_volume,
        trades: count,
    });
    let books = Batch::of(Kind::OrderBook);
    vec![
        page_payload("kraken/BTC-USD/trades", trades, window, None, 0),
        page_payload("binance/BTC-USDT/ohlc/1m", candles, window, None, 3),
        page_payload("kraken/BTC-USD/orderbook", books, None, window, 0),
        vouch_payload("kraken/BTC-USD/trades", window, &[1, 2, 5], Some(3)),
        unfillable_payload("kraken/BTC-USD/orderbook", window, "it was out of step", true),
    ]
}
