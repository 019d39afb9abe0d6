//! The processor time and size of each way of encoding, for candles and trades, simulated and
//! after recorded ones. With a folder as argument the files are left there, to try other readers on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use dccd::exchange::{Answer, Ask, Page};
use dccd::model::{Batch, Candle, Kind, Micros, Side, Span, Trade, Type, Values, Window, fields};
use dccd::sim::{Listing, Market};
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type as SchemaType};
use serde::Deserialize;

use crate::common::{BEGIN, exchange, fixtures, median, timed};

const ROWS: usize = 1_000_000;
const GROUP_ROWS: usize = 131_072;
const ROUNDS: usize = 3;

#[derive(Clone, Copy, PartialEq)]
enum Numbers {
    Plain,
    Split,
    Dictionary,
}

pub(crate) fn main() {
    let folder = std::env::args().skip(2).find(|word| !word.starts_with('-')).map(PathBuf::from);
    let zstd = |level| Compression::ZSTD(ZstdLevel::try_new(level).expect("a level"));
    let codecs = [
        ("uncompressed", Compression::UNCOMPRESSED),
        ("snappy", Compression::SNAPPY),
        ("zstd 1", zstd(1)),
        ("zstd 3", zstd(3)),
    ];
    let ways = [("plain", Numbers::Plain), ("split", Numbers::Split), ("dictionary", Numbers::Dictionary)];
    println!("encodings, {ROWS} rows each; speeds in M rows per CPU second");
    println!(
        "  {:<18} {:<13} {:<11} {:>6} {:>6} {:>8}",
        "rows", "codec", "numbers", "write", "read", "bytes"
    );
    for (name, rows) in data_sets() {
        for (codec_name, codec) in codecs {
            for (way_name, way) in ways {
                if way == Numbers::Dictionary && codec_name != "zstd 1" {
                    continue;
                }
                let written: Vec<_> = (0..ROUNDS).map(|_| timed(|| write(&rows, codec, way))).collect();
                let file = Bytes::from(written[0].0.clone());
                let writing = median(written.iter().map(|(_, secs)| *secs).collect());
                let reading = median((0..ROUNDS).map(|_| timed(|| read(&file)).1).collect());
                let speed = |secs: f64| ROWS as f64 / secs / 1e6;
                println!(
                    "  {name:<18} {codec_name:<13} {way_name:<11} {:>6.1} {:>6.1} {:>8.2}",
                    speed(writing),
                    speed(reading),
                    file.len() as f64 / ROWS as f64,
                );
                if let Some(folder) = &folder {
                    keep(folder, &format!("{name} {codec_name} {way_name}"), &file);
                }
            }
        }
    }
}

fn keep(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(format!("{}.parquet", name.replace(' ', "_")));
    dccd::disk::atomic::replace(&path, bytes).expect("the file is written");
}

fn data_sets() -> Vec<(&'static str, Batch)> {
    let listing = Listing {
        from: BEGIN,
        trades_per_hour: 3_600,
        cluster: 8,
        holes: dccd::model::Windows::new(),
        surges: Vec::new(),
    };
    let market = Market::new("BTCUSDT", listing);
    let until =
        |secs: usize| Window::new(BEGIN, Micros(BEGIN.0 + secs as i64 * 1_000_000)).expect("a window");
    let mut sets = vec![
        ("candles simulated", market.candles(Span::Fixed(60).grid(), until(ROWS * 60))),
        ("trades simulated", market.trades(until(ROWS))),
    ];
    match (recorded_candles(), recorded_trades()) {
        (Some(candles), Some(trades)) => {
            sets.push(("candles recorded", like_candles(&candles)));
            sets.push(("trades recorded", like_trades(&trades)));
        }
        _ => println!("  (no recordings in {}; set DCCD_FIXTURES)", fixtures().display()),
    }
    sets
}

/// Candles of Binance, as it sent them.
fn recorded_candles() -> Option<Vec<Candle>> {
    let body = std::fs::read(fixtures().join("binance/rest_candles_2.json")).ok()?;
    let series = Arc::new("binance/BTC-USDT/ohlc/1d".parse().expect("a series"));
    let window = Window::new(Micros(0), Micros::from_secs(4_000_000_000)).expect("a window");
    let page = Page {
        instrument: crate::common::instrument(&series),
        series,
        window,
        ask: Ask::ByTime,
        rows: 1_000,
    };
    let mut rows = Batch::of(Kind::Ohlc);
    let answer = Answer::of(&body, Micros(0));
    exchange().parse(&page, &answer, &mut rows).expect("recorded candles");
    Some(rows.candles().iter().collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    price: String,
    qty: String,
    time: i64,
    is_buyer_maker: bool,
}

/// Trades of Binance, as it sent them.
fn recorded_trades() -> Option<Vec<Recorded>> {
    let body = std::fs::read(fixtures().join("binance/rest_trades_1.json")).ok()?;
    Some(serde_json::from_slice(&body).expect("recorded trades"))
}

/// A million one-minute candles after recorded ones. Each repetition moves the prices by whole ticks and
/// draws other volumes, so that no compressor can copy it from the one before.
fn like_candles(recorded: &[Candle]) -> Batch {
    let mut draw = Draw(1);
    let mut rows = Batch::of(Kind::Ohlc);
    rows.reserve(ROWS);
    let mut shift = 0.0;
    for row in 0..ROWS {
        if row % recorded.len() == 0 {
            shift = (draw.below(200_000) as f64) / 100.0;
        }
        let own = recorded[row % recorded.len()];
        // A day's candle is about 1/1440 of itself in a minute.
        let volume = round(own.volume / 1_440.0 * (0.5 + draw.below(1_000_000) as f64 / 1e6), 1e5);
        let price = |own: f64| round(own + shift, 1e2);
        rows.candles_mut().push(Candle {
            ts: Micros(BEGIN.0 + row as i64 * 60_000_000),
            open: price(own.open),
            high: price(own.high),
            low: price(own.low),
            close: price(own.close),
            volume,
            quote_volume: Some(round(volume * price(own.close), 1e8)),
            trades: own.trades.map(|count| count / 1_440 + draw.below(100) as i64),
        });
    }
    rows
}

/// A million trades after recorded ones: their steps of price and time in turn, their amounts drawn anew.
fn like_trades(recorded: &[Recorded]) -> Batch {
    let mut draw = Draw(2);
    let mut rows = Batch::of(Kind::Trades);
    rows.reserve(ROWS);
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let length = recorded[recorded.len() - 1].time - recorded[0].time + 1;
    let (mut shift, mut id) = (0.0, String::new());
    for row in 0..ROWS {
        let (turn, at) = (row / recorded.len(), row % recorded.len());
        if at == 0 {
            shift = draw.below(4_000) as f64 / 1e6;
        }
        let own = &recorded[at];
        id.clear();
        id.push_str(&(409_018_748 + row).to_string());
        rows.trades_mut().push(Trade {
            ts: Micros::from_millis(own.time + turn as i64 * length),
            ts_recv: None,
            id: Some(&id),
            price: round(number(&own.price) + shift, 1e6),
            amount: number(&recorded[draw.below(recorded.len() as u64) as usize].qty),
            side: Some(if own.is_buyer_maker { Side::Sell } else { Side::Buy }),
        });
    }
    rows
}

fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

/// Numbers that look drawn and are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn write(rows: &Batch, codec: Compression, numbers: Numbers) -> Vec<u8> {
    let columns = fields(rows.kind());
    let mut properties = WriterProperties::builder()
        .set_compression(codec)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_write_batch_size(8_192);
    let mut schema = Vec::new();
    for field in columns {
        let path = ColumnPath::from(field.name);
        let (physical, logical) = match field.ty {
            Type::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
            Type::F64 => (Physical::DOUBLE, None),
            Type::Text | Type::Word => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            _ => (Physical::INT64, None),
        };
        properties = match (field.ty, numbers) {
            (Type::F64, Numbers::Plain) => properties.set_column_encoding(path, Encoding::PLAIN),
            (Type::F64, Numbers::Split) => properties.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
            (Type::F64, Numbers::Dictionary) | (Type::Word, _) => {
                properties.set_column_dictionary_enabled(path, true)
            }
            (Type::Text, _) => properties.set_column_encoding(path, Encoding::DELTA_BYTE_ARRAY),
            _ => properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
        };
        let repetition = if field.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let built = SchemaType::primitive_type_builder(field.name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition)
            .build();
        schema.push(Arc::new(built.expect("a field")));
    }
    let schema = SchemaType::group_type_builder("schema").with_fields(schema).build().expect("a schema");
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties.build()))
        .expect("a writer");
    for from in (0..rows.len()).step_by(GROUP_ROWS) {
        let part = rows.slice(from..rows.len().min(from + GROUP_ROWS));
        let mut group = writer.next_row_group().expect("a group");
        part.columns().iter().for_each(|column| match &column.values {
            Values::I64(own) => put::<Int64Type>(&mut group, own, column.present.as_deref()),
            Values::F64(own) => put::<DoubleType>(&mut group, own, column.present.as_deref()),
            Values::Text(own) => {
                let texts: Vec<ByteArray> =
                    (0..own.len()).map(|at| ByteArray::from(own.bytes(at).to_vec())).collect();
                put::<ByteArrayType>(&mut group, &texts, column.present.as_deref());
            }
            Values::I32(_) | Values::Bool(_) => unreachable!("candles and trades have none"),
        });
        group.close().expect("it closes");
    }
    writer.into_inner().expect("the file's bytes")
}

fn put<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    present: Option<&[bool]>,
) {
    let levels: Option<Vec<i16>> = present.map(|flags| flags.iter().map(|flag| i16::from(*flag)).collect());
    // A column of these data is present everywhere or nowhere.
    let values = if present.is_some_and(|flags| flags.contains(&false)) { &[] } else { values };
    let mut out = group.next_column().expect("a column").expect("one more column");
    out.typed::<T>().write_batch(values, levels.as_deref(), None).expect("it is written");
    out.close().expect("it closes");
}

fn read(file: &Bytes) -> usize {
    let reader = SerializedFileReader::new(file.clone()).expect("a file");
    let mut values = 0;
    for at in 0..reader.num_row_groups() {
        let group = reader.get_row_group(at).expect("a group");
        let rows = usize::try_from(group.metadata().num_rows()).expect("a count");
        for column in 0..group.num_columns() {
            let mut levels = Vec::with_capacity(rows);
            macro_rules! all {
                ($reader:expr) => {{
                    let mut own = Vec::with_capacity(rows);
                    let (_, count, _) =
                        $reader.read_records(rows, Some(&mut levels), None, &mut own).expect("its rows");
                    values += count;
                }};
            }
            match group.get_column_reader(column).expect("a column") {
                ColumnReader::Int64ColumnReader(mut own) => all!(own),
                ColumnReader::DoubleColumnReader(mut own) => all!(own),
                ColumnReader::ByteArrayColumnReader(mut own) => all!(own),
                _ => unreachable!("candles and trades have none of these"),
            }
        }
    }
    values
}
