//! Every frame an exchange really sent goes through its session, whole and cut off after each.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use dccd::exchange;
use dccd::exchange::live::{Event, TopicId};
use dccd::model::{Candle, Micros};

use super::listener::{Listener, Row, id_of};
use super::oracle::{self, Reported};
use crate::needs;
use crate::read::files;

/// One recorded connection and what is known of it.
struct Recording {
    file: &'static str,
    /// The series listened to; everything else in it was not asked for.
    series: &'static [&'static str],
    /// Rows of each of them: trades, or candles that are closed.
    rows: &'static [usize],
    /// The known first row of the first series.
    first: Option<Known>,
    /// Frames that were not asked for.
    unasked: u64,
    /// Other events than grants.
    events: &'static [&'static str],
    /// The channel it was recorded over, and the one that is listened to, where the rows of both are set out alike.
    channel: Option<[&'static str; 2]>,
}

/// A known row: its instant in milliseconds and its values.
enum Known {
    Trade { millis: i64, id: u64, price: f64, amount: f64, side: &'static str },
    Candle { millis: i64, prices: [f64; 4], volume: f64 },
}

const NOTHING: Recording =
    Recording { file: "", series: &[], rows: &[], first: None, unasked: 0, events: &[], channel: None };

/// No trade of these recordings stands for several.
const OKX_TRADES: Option<[&str; 2]> = Some([r#""channel":"trades""#, r#""channel":"trades-all""#]);

const RECORDINGS: [Recording; 36] = [
    Recording { file: "binance/ws_ack_1.jsonl", series: &["binance/BTC-USDT/trades"], rows: &[0], ..NOTHING },
    Recording {
        file: "binance/ws_aggtrade_1.jsonl",
        series: &["binance/BTC-USDT/trades"],
        rows: &[1],
        first: Some(Known::Trade {
            millis: 1_616_176_861_893,
            id: 640_283_266,
            price: 58_942.01,
            amount: 0.000356,
            side: "buy",
        }),
        ..NOTHING
    },
    Recording {
        file: "binance/ws_error_1.jsonl",
        series: &["binance/BTC-USDT/trades"],
        rows: &[0],
        // The one message there was is refused, and then nothing is left to refuse.
        events: &["refused", "complaint"],
        ..NOTHING
    },
    // It runs still.
    Recording {
        file: "binance/ws_kline_1.jsonl",
        series: &["binance/BTC-USDT/ohlc/1m"],
        rows: &[0],
        ..NOTHING
    },
    // Raw trades, best prices and books.
    Recording {
        file: "binance/ws_session_1.jsonl",
        series: &["binance/BTC-USDT/trades", "binance/BTC-USDT/ohlc/1m"],
        rows: &[0, 0],
        unasked: 2_599,
        ..NOTHING
    },
    Recording {
        file: "binance/ws_session_3.jsonl",
        series: &[
            "binance/NKN-USDT/trades",
            "binance/LRC-BTC/trades",
            "binance/NKN-USDT/ohlc/1m",
            "binance/LRC-BTC/ohlc/1m",
        ],
        rows: &[1, 1, 0, 0],
        first: Some(Known::Trade {
            millis: 1_633_998_523_963,
            id: 15_683_430,
            price: 0.3528,
            amount: 58.0,
            side: "buy",
        }),
        unasked: 261,
        ..NOTHING
    },
    Recording {
        file: "binance/ws_shutdown_1.jsonl",
        series: &["binance/BTC-USDT/trades"],
        rows: &[0],
        events: &["notice", "notice"],
        ..NOTHING
    },
    Recording {
        file: "kraken/ws_book_1.jsonl",
        series: &["kraken/BTC-USD/trades"],
        rows: &[0],
        // Grants of books beside the books themselves.
        unasked: 309,
        events: &["trading"],
        ..NOTHING
    },
    Recording {
        file: "kraken/ws_book_2.jsonl",
        series: &["kraken/BTC-USD/trades"],
        rows: &[0],
        unasked: 1_466,
        events: &["trading"],
        ..NOTHING
    },
    Recording {
        file: "kraken/ws_book_6.jsonl",
        series: &["kraken/BTC-USD/trades"],
        rows: &[0],
        unasked: 1,
        ..NOTHING
    },
    Recording {
        file: "kraken/ws_error_1.jsonl",
        series: &["kraken/BTC-USDT/trades"],
        rows: &[0],
        // The first names a symbol that was not asked for, the second none: it is of the message there was.
        events: &["complaint", "refused"],
        ..NOTHING
    },
    Recording {
        file: "kraken/ws_ohlc_1.jsonl",
        series: &["kraken/BTC-USDT/ohlc/1m"],
        rows: &[9],
        first: Some(Known::Candle {
            millis: 1_789_061_520_000,
            prices: [77_400.0, 77_445.8, 77_400.0, 77_416.3],
            volume: 0.25302078,
        }),
        events: &["trading"],
        ..NOTHING
    },
    Recording { file: "kraken/ws_pong_1.jsonl", series: &["kraken/BTC-USD/trades"], rows: &[0], ..NOTHING },
    Recording {
        file: "kraken/ws_trade_1.jsonl",
        series: &["kraken/ETH-USD/trades", "kraken/BTC-USD/trades"],
        rows: &[1, 1],
        first: Some(Known::Trade {
            millis: 1_778_771_021_748,
            id: 62_886_870,
            price: 2_284.15,
            amount: 0.001,
            side: "sell",
        }),
        ..NOTHING
    },
    // Books.
    Recording {
        file: "okx/ws_book_2.jsonl",
        series: &["okx/BTC-USDT/trades"],
        rows: &[0],
        unasked: 8,
        ..NOTHING
    },
    Recording {
        file: "okx/ws_candle_1.jsonl",
        series: &[
            "okx/USDC-USDT/ohlc/1m",
            "okx/ETH-USD/ohlc/1m",
            "okx/BTC-USD/ohlc/1m",
            "okx/USDT-USD/ohlc/1m",
        ],
        rows: &[1, 1, 1, 1],
        first: Some(Known::Candle { millis: 1_685_221_620_000, prices: [0.9981; 4], volume: 0.0 }),
        ..NOTHING
    },
    // Of 2022: they do not say whether they are closed.
    Recording {
        file: "okx/ws_candle_2.jsonl",
        series: &["okx/BTC-USDT/ohlc/1m"],
        rows: &[0],
        unasked: 2,
        ..NOTHING
    },
    Recording {
        file: "okx/ws_error_1.jsonl",
        series: &["okx/BTC-USDT/trades"],
        rows: &[0],
        events: &["refused"],
        ..NOTHING
    },
    // Tickers, books, and the trades of a dated contract.
    Recording {
        file: "okx/ws_session_1.jsonl",
        series: &["okx/BTC-USDT/trades", "okx/UNI-USD_PERP/trades"],
        rows: &[69, 1],
        first: Some(Known::Trade {
            millis: 1_652_459_224_818,
            id: 338_476_307,
            price: 30_236.0,
            amount: 0.0002,
            side: "buy",
        }),
        unasked: 336,
        channel: OKX_TRADES,
        ..NOTHING
    },
    Recording {
        file: "okx/ws_session_3.jsonl",
        series: &[
            "okx/FUN-BTC/trades",
            "okx/XMR-USDT_PERP/trades",
            "okx/OKT-BTC/trades",
            "okx/PAY-BTC/trades",
        ],
        rows: &[6, 6, 8, 7],
        first: Some(Known::Trade {
            millis: 1_626_995_753_055,
            id: 3_435_655,
            price: 0.000_000_454,
            amount: 11.83,
            side: "sell",
        }),
        unasked: 535,
        channel: OKX_TRADES,
        ..NOTHING
    },
    Recording {
        file: "okx/ws_trade_1.jsonl",
        series: &["okx/BTC-USDT/trades", "okx/BTC-USDT_PERP/trades", "okx/BTC-USD_PERP/trades"],
        rows: &[1, 1, 1],
        first: Some(Known::Trade {
            millis: 1_646_311_839_593,
            id: 314_161_276,
            price: 43_474.1,
            amount: 0.003_736_95,
            side: "buy",
        }),
        unasked: 1,
        channel: OKX_TRADES,
        ..NOTHING
    },
    // Books of one level.
    Recording {
        file: "bybit/ws_book_1.jsonl",
        series: &["bybit/BAND-USDT_PERP/trades"],
        rows: &[0],
        unasked: 198,
        ..NOTHING
    },
    Recording {
        file: "bybit/ws_book_2.jsonl",
        series: &["bybit/OP-USDC/trades"],
        rows: &[0],
        unasked: 139,
        ..NOTHING
    },
    Recording {
        file: "bybit/ws_error_1.jsonl",
        series: &["bybit/BTC-USDT/trades"],
        rows: &[0],
        events: &["refused"],
        ..NOTHING
    },
    Recording {
        file: "bybit/ws_session_1.jsonl",
        series: &[
            "bybit/BTC-USDT_PERP/trades",
            "bybit/DOGE-USDT_PERP/trades",
            "bybit/BTC-USDT_PERP/ohlc/1m",
            "bybit/DOGE-USDT_PERP/ohlc/1m",
        ],
        rows: &[56, 83, 1, 1],
        first: Some(Known::Trade {
            millis: 1_786_310_819_680,
            id: id_of("a9188a0a-82bc-50de-be60-03eedbe3cdd7"),
            price: 65_114.2,
            amount: 0.004,
            side: "sell",
        }),
        unasked: 794,
        ..NOTHING
    },
    Recording {
        file: "bybit/ws_session_2.jsonl",
        series: &["bybit/ETH-USDT/trades", "bybit/ETH-USDT/ohlc/1m"],
        rows: &[9, 1],
        first: Some(Known::Trade {
            millis: 1_786_310_821_917,
            id: 2_280_000_001_739_247_417,
            price: 1_923.28,
            amount: 0.045_37,
            side: "sell",
        }),
        unasked: 250,
        ..NOTHING
    },
    Recording {
        file: "coinbase_exchange/ws_error_1.jsonl",
        series: &["coinbase/SKL-GBP/trades"],
        rows: &[0],
        events: &["refused"],
        ..NOTHING
    },
    Recording {
        file: "coinbase_exchange/ws_session_1.jsonl",
        series: &[
            "coinbase/SKL-GBP/trades",
            "coinbase/YFI-BTC/trades",
            "coinbase/CRV-EUR/trades",
            "coinbase/NU-GBP/trades",
        ],
        rows: &[2, 1, 1, 2],
        first: Some(Known::Trade {
            millis: 1_618_677_809_571,
            id: 82_007,
            price: 0.5752,
            amount: 1_008.2,
            side: "sell",
        }),
        unasked: 1_532,
        ..NOTHING
    },
    // The names of its contracts are those of perpetual ones here; the newest hundred trades come newest first.
    Recording {
        file: "kraken_futures/ws_session_1.jsonl",
        series: &[
            "krakenfutures/BCH-USD_PERP/trades",
            "krakenfutures/LTC-USD_PERP/trades",
            "krakenfutures/BTC-USD_PERP/trades",
        ],
        rows: &[101, 101, 100],
        first: Some(Known::Trade {
            millis: 1_626_979_159_119,
            id: id_of("8eaf71b7-81ac-4348-a859-edec0f3cf708"),
            price: 440.0,
            amount: 100.0,
            side: "buy",
        }),
        // Books, tickers, and the grants of both.
        unasked: 1_707 + 3 + 35 + 6,
        ..NOTHING
    },
    Recording {
        file: "bitfinex/ws_book_1.jsonl",
        series: &["bitfinex/XRP-BTC/trades"],
        rows: &[0],
        unasked: 4,
        ..NOTHING
    },
    Recording {
        file: "bitfinex/ws_error_1.jsonl",
        series: &["bitfinex/BTC-USD/trades"],
        rows: &[0],
        // It is about a ticker.
        events: &["complaint"],
        ..NOTHING
    },
    // The oldest of the newest thirty comes first.
    Recording {
        file: "bitfinex/ws_session_1.jsonl",
        series: &[
            "bitfinex/BFT-USD/trades",
            "bitfinex/MNA-BTC/trades",
            "bitfinex/SNG-USD/trades",
            "bitfinex/IOT-ETH/trades",
            "bitfinex/DOG-USD/trades",
            "bitfinex/ODE-USD/trades",
        ],
        rows: &[30; 6],
        // Tickers, books, a pair of tests, and the grants of them.
        unasked: 1_667,
        events: &["trading"],
        ..NOTHING
    },
    Recording {
        file: "bitmex/ws_error_1.jsonl",
        series: &["bitmex/BTC-USD_PERP/trades"],
        rows: &[0],
        // It repeats a message that was not sent.
        events: &["complaint"],
        ..NOTHING
    },
    Recording {
        file: "bitmex/ws_session_1.jsonl",
        series: &[
            "bitmex/XRP-U21_PERP/trades",
            "bitmex/UNI-USDT_PERP/trades",
            "bitmex/BTC-USD_PERP/trades",
            "bitmex/ADA-USDT_PERP/trades",
            "bitmex/SOL-USDT_PERP/trades",
            "bitmex/TRX-U21_PERP/trades",
            "bitmex/EOS-USDT_PERP/trades",
            "bitmex/TRX-USDT_PERP/trades",
            "bitmex/BCH-USD_PERP/trades",
            "bitmex/MATIC-USDT_PERP/trades",
        ],
        rows: &[1, 2, 16, 1, 1, 1, 1, 1, 1, 2],
        first: Some(Known::Trade {
            millis: 1_626_992_655_328,
            id: id_of("8f8fe9db-eb13-26a5-dea2-a398d89e04a8"),
            price: 0.00001819,
            amount: 15.0,
            side: "sell",
        }),
        // Books, best prices, and the grants of both.
        unasked: 1_979 + 93 + 20,
        ..NOTHING
    },
    Recording {
        file: "bitmex/ws_trade_1.jsonl",
        series: &["bitmex/BTC-USD_PERP/trades", "bitmex/ETH-USD_PERP/trades"],
        rows: &[1, 1],
        first: Some(Known::Trade {
            millis: 1_615_514_404_608,
            id: id_of("d1b82d61-d902-349c-936c-2588b8204aff"),
            price: 56_927.0,
            amount: 0.015813,
            side: "sell",
        }),
        unasked: 3,
        ..NOTHING
    },
    Recording {
        file: "bitmex/ws_tradeBin_1.jsonl",
        series: &["bitmex/BTC-USDT/ohlc/1m", "bitmex/BTC-USD_PERP/ohlc/1m", "bitmex/BTC-USDT_PERP/ohlc/5m"],
        rows: &[1, 1, 1],
        first: Some(Known::Candle {
            millis: 1_677_629_100_000,
            prices: [23_118.0, 23_145.5, 23_143.0, 23_145.5],
            volume: 0.0017000000000000001,
        }),
        // Frames of several connections: a month lies between two of them.
        events: &["hole", "hole"],
        ..NOTHING
    },
];

impl Recording {
    fn frames(&self, folder: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(folder.join(self.file)).unwrap();
        let [recorded, heard] = self.channel.unwrap_or_default();
        let frame = |line: &str| match self.channel {
            Some(_) => line.replace(recorded, heard),
            None => line.to_owned(),
        };
        text.lines().map(frame).map(|line| perpetual(&line)).collect()
    }

    /// The newest time in it, and a second for the way.
    fn at(&self, frames: &[String]) -> Micros {
        let newest = frames.iter().filter_map(|frame| oracle::newest(frame)).max();
        newest.unwrap_or(Micros::from_secs(1_750_000_000)) + Duration::from_secs(1)
    }

    fn listener(&self, at: Micros) -> Listener {
        Listener::of(self.series, at)
    }

    /// The rows told of each series.
    fn told(&self, frames: &[String]) -> Vec<Vec<Reported>> {
        let exchange = self.series[0].split('/').next().unwrap();
        let mut all: Vec<Reported> =
            frames.iter().flat_map(|frame| oracle::told(exchange, frame).unwrap()).collect();
        if exchange == "bitfinex" {
            let symbols = oracle::channels(frames);
            all.iter_mut()
                .for_each(|told| told.symbol = symbols.get(&told.symbol).cloned().unwrap_or_default());
        }
        let own = |text: &&str| all.iter().filter(|told| is_of(text, told)).cloned().collect();
        self.series.iter().map(own).collect()
    }
}

/// A frame of Kraken's derivatives in which dated and inverse contracts have the names of perpetual ones.
fn perpetual(frame: &str) -> String {
    let names =
        [("FI_BCHUSD_210730", "PF_BCHUSD"), ("PI_LTCUSD", "PF_LTCUSD"), ("FI_XBTUSD_210924", "PF_XBTUSD")];
    names.iter().fold(frame.to_owned(), |frame, (own, ours)| frame.replace(own, ours))
}

/// Whether a row is of a series.
fn is_of(series: &str, told: &Reported) -> bool {
    let series: dccd::model::Series = series.parse().unwrap();
    let pair = series.pair();
    let symbol = match series.exchange() {
        "kraken" => format!("{}/{}", pair.base(), pair.quote()),
        name => exchange::find(name).unwrap().symbol(pair),
    };
    let span = series.span().map_or(0, |span| u64::from(span.secs()));
    (told.symbol.as_str(), told.span_secs) == (symbol.as_str(), span)
}

fn event_name(event: &Event) -> &'static str {
    match event {
        Event::Acknowledged { .. } => "granted",
        Event::Refused { .. } => "refused",
        Event::Unanswered { .. } => "unanswered",
        Event::Hole(_) => "hole",
        Event::Closed { .. } => "closed",
        Event::BookDeeper { .. } => "deeper book wanted",
        Event::Audited { .. } => "book compared",
        Event::BookWanted { .. } => "book wanted",
        Event::InStep { .. } => "in step",
        Event::OutOfStep { .. } => "out of step",
        Event::Odd { .. } => "odd",
        Event::Unreadable { .. } => "unreadable",
        Event::Trading { .. } => "trading",
        Event::Complaint { .. } => "complaint",
        Event::Notice { .. } => "notice",
        Event::Broken { .. } => "broken",
    }
}

#[test]
fn every_recorded_frame_is_understood_and_its_rows_are_what_it_says() {
    let Some(folder) = needs::recordings() else { return };
    for recording in &RECORDINGS {
        let who = recording.file;
        let frames = recording.frames(&folder);
        let mut listener = recording.listener(recording.at(&frames));
        frames.iter().for_each(|frame| listener.read(frame));
        listener.tick();

        assert_eq!(listener.faults(), Vec::<&Event>::new(), "{who}");
        let names = listener.received.events.iter().map(event_name);
        let names: Vec<&str> = names.filter(|name| *name != "granted").collect();
        assert_eq!(names, recording.events, "{who}");
        let counts = listener.received.counts;
        assert_eq!((counts.frames, counts.unknown), (frames.len() as u64, 0), "{who}");
        assert_eq!(counts.unasked, recording.unasked, "{who}");

        let told = recording.told(&frames);
        for (number, told) in told.iter().enumerate() {
            let closed =
                told.iter().filter(|told| told.is_closed != Some(false)).map(|told| told.row.clone());
            assert_eq!(listener.rows(number), closed.collect::<Vec<_>>(), "{who} {number}");
            assert_eq!(listener.rows(number).len(), recording.rows[number], "{who} {number}");
        }
        if let Some(first) = &recording.first {
            assert_known(&listener.rows(0)[0], first, who);
        }
        println!("{who}: {} frames, {} rows", counts.frames, counts.rows);
    }
}

fn assert_known(row: &Row, known: &Known, who: &str) {
    match (row, known) {
        (Row::Trade { id, ts, price, amount, side }, Known::Trade { millis, id: own, .. }) => {
            assert_eq!((ts.millis_floor(), id), (*millis, own), "{who}");
            let Known::Trade { price: known_price, amount: known_amount, side: known_side, .. } = known
            else {
                unreachable!("it is a trade")
            };
            assert_eq!((price, amount, side), (known_price, known_amount, known_side), "{who}");
        }
        (Row::Candle(candle), Known::Candle { millis, prices, volume }) => {
            let Candle { open, high, low, close, .. } = *candle;
            assert_eq!((candle.ts.millis_floor(), [open, high, low, close]), (*millis, *prices), "{who}");
            assert_eq!(candle.volume, *volume, "{who}");
        }
        _ => panic!("{who}: {row:?} is of another kind"),
    }
}

#[test]
fn every_recording_of_a_socket_is_in_the_table() {
    let Some(folder) = needs::recordings() else { return };
    let known: BTreeSet<String> = RECORDINGS.iter().map(|own| own.file.to_owned()).collect();
    let mut there = BTreeSet::new();
    for own in exchange::ALL.iter().filter(|exchange| exchange.live().is_some()) {
        for recordings in own.recordings() {
            let names = files(&folder.join(recordings)).into_iter().map(|(name, _)| name);
            // The first version of Kraken's protocol is another one.
            let is_session = |name: &String| {
                name.starts_with("ws_")
                    && !name.starts_with("ws_v1")
                    && name.ends_with(".jsonl")
                    && !name.ends_with(".sent.jsonl")
            };
            there.extend(names.filter(is_session).map(|name| format!("{recordings}/{name}")));
        }
    }
    assert_eq!(there, known);
}

#[test]
fn a_recorded_candle_that_runs_is_a_row_once_it_is_called_closed() {
    let Some(folder) = needs::recordings() else { return };
    let frame = std::fs::read_to_string(folder.join("binance/ws_kline_1.jsonl")).unwrap();
    let mut listener = Listener::of(&["binance/BTC-USDT/ohlc/1m"], Micros::from_millis(1_653_818_820_010));
    listener.read(&frame.trim().replace("\"x\":false", "\"x\":true"));
    assert_known(
        &listener.rows(0)[0],
        &Known::Candle {
            millis: 1_653_818_760_000,
            prices: [29_038.46, 29_038.47, 29_038.46, 29_038.47],
            volume: 0.20926,
        },
        "ws_kline_1",
    );
    assert_eq!(listener.faults(), Vec::<&Event>::new());

    // The columns of today, of which the last says it.
    let frames = std::fs::read_to_string(folder.join("okx/ws_candle_2.jsonl")).unwrap();
    let frame = frames
        .lines()
        .next()
        .unwrap()
        .replace("\"333.86246417\"]", "\"333.86246417\",\"333.86246417\",\"1\"]");
    let mut listener = Listener::of(&["okx/BTC-USDT/ohlc/1m"], Micros::from_millis(1_654_154_640_010));
    listener.read(&frame);
    assert_known(
        &listener.rows(0)[0],
        &Known::Candle {
            millis: 1_654_154_580_000,
            prices: [29_930.7, 29_936.3, 29_930.7, 29_936.3],
            volume: 0.011_153_6,
        },
        "ws_candle_2",
    );
    assert_eq!(listener.faults(), Vec::<&Event>::new());
}

#[test]
fn a_connection_that_is_cut_after_any_frame_loses_no_row_and_the_next_one_goes_on() {
    let Some(folder) = needs::recordings() else { return };
    for recording in &RECORDINGS {
        let frames = recording.frames(&folder);
        let (at, told) = (recording.at(&frames), recording.told(&frames));
        let exchange = recording.series[0].split('/').next().unwrap();
        let is_grant = |frame: &String| exchange == "bitfinex" && frame.contains("\"subscribed\"");
        let has_rows = |frame: &String| is_grant(frame) || !oracle::told(exchange, frame).unwrap().is_empty();
        // Frames without rows change nothing behind the first few.
        let later: Vec<usize> = (0..frames.len()).filter(|index| has_rows(&frames[*index])).collect();
        let mut first = recording.listener(at);
        for cut in 0..=frames.len() {
            if let Some(before) = cut.checked_sub(1) {
                first.read(&frames[before]);
                first.tick();
            }
            let held: Vec<_> =
                (0..first.series.len()).map(|number| first.session.newest(TopicId(number as u32))).collect();
            let mut next = Listener::behind(&first.series, &held, at);
            // A new connection to Bitfinex numbers its channels before it sends their rows.
            frames[..cut].iter().filter(|frame| is_grant(frame)).for_each(|frame| next.read(frame));
            let near = (cut + 8).min(frames.len());
            let behind = later.iter().copied().filter(|index| *index >= near);
            (cut..near).chain(behind).for_each(|index| next.read(&frames[index]));
            next.tick();
            assert_eq!((first.faults(), next.faults()), (vec![], vec![]), "{} cut at {cut}", recording.file);
            for (number, told) in told.iter().enumerate() {
                let mut both = first.rows(number);
                both.extend(next.rows(number));
                let whole =
                    told.iter().filter(|told| told.is_closed != Some(false)).map(|told| told.row.clone());
                assert_eq!(both, whole.collect::<Vec<_>>(), "{} cut at {cut}", recording.file);
            }
        }
    }
}

#[test]
fn a_frame_that_is_cut_anywhere_is_an_event_and_no_row() {
    let Some(folder) = needs::recordings() else { return };
    for recording in &RECORDINGS {
        let frames = recording.frames(&folder);
        let mut lengths = BTreeSet::new();
        // One of each length stands for its kind.
        for frame in frames.iter().filter(|frame| lengths.insert(frame.len() / 16)).take(40) {
            let mut listener = recording.listener(recording.at(&frames));
            let step = 1 + frame.len() / 400;
            for end in (0..frame.trim_end().len()).step_by(step).filter(|end| frame.is_char_boundary(*end)) {
                listener.received.clear();
                listener.read(&frame[..end]);
                let events = &listener.received.events;
                assert!(
                    matches!(events[..], [Event::Unreadable { .. }]),
                    "{} {end}: {events:?}",
                    recording.file
                );
                assert_eq!(listener.received.counts.rows, 0);
            }
        }
    }
}
