//! The same rows in each format.

use std::io::Cursor;

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field as Value;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::StreamReader;
use bytes::Bytes;

use super::*;
use crate::model::{Batch, Kind, Micros, Series, Side, Trade};

const BEGIN: i64 = 1_706_745_599_000_001;

fn series() -> Vec<Series> {
    ["binance/BTC-USDT/trades", "kraken/ETH-USD/trades"].map(|name| name.parse().unwrap()).to_vec()
}

fn trades(count: i64) -> Batch {
    let mut rows = Batch::of(Kind::Trades);
    for number in 0..count {
        let id = format!("a\"{number},é");
        rows.trades_mut().push(Trade {
            ts: Micros(BEGIN + number),
            ts_recv: None,
            id: (number % 3 > 0).then_some(&id),
            price: 0.1 * number as f64,
            amount: f64::NAN,
            side: (number % 2 > 0).then_some(Side::Buy),
        });
    }
    rows
}

/// Writes rows of two series, a few by turns.
fn written(format: RowFormat, rows: &Batch) -> Vec<u8> {
    let series = series();
    let mut writer = RowWriter::new(Vec::new(), format, RowTable::of(&series, &[0, 2, 3, 5])).unwrap();
    let columns = [0, 2, 3, 5].map(|index| rows.columns()[index].clone());
    for (turn, from) in (0..rows.len()).step_by(7).enumerate() {
        let index = turn % 2;
        let rows = from..rows.len().min(from + 7);
        writer.write(&Run { series: &series[index], index, columns: &columns, rows }).unwrap();
    }
    writer.finish().unwrap()
}

fn lines(format: RowFormat, rows: &Batch) -> Vec<String> {
    String::from_utf8(written(format, rows)).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn text_says_which_series_a_row_is_of_and_quotes_what_must_be() {
    let rows = trades(9);

    let csv = lines(RowFormat::Csv, &rows);
    let json = lines(RowFormat::Jsonl, &rows);

    assert_eq!((csv.len(), json.len()), (10, 9));
    assert_eq!(csv[0], "exchange,pair,ts,id,price,side");
    assert_eq!(csv[1], "binance,BTC/USDT,2024-01-31T23:59:59.000001Z,,0,");
    assert_eq!(csv[2], "binance,BTC/USDT,2024-01-31T23:59:59.000002Z,\"a\"\"1,é\",0.1,buy");
    assert!(csv[8].starts_with("kraken,ETH/USD,2024-01-31T23:59:59.000008Z,"), "{}", csv[8]);
    assert_eq!(
        json[1],
        r#"{"exchange":"binance","pair":"BTC/USDT","ts":"2024-01-31T23:59:59.000002Z","id":"a\"1,é","price":0.1,"side":"buy"}"#
    );
    assert!(json[0].ends_with(r#""id":null,"price":0,"side":null}"#), "{}", json[0]);
}

#[test]
fn a_number_that_json_has_no_word_for_is_null() {
    let (series, rows) = (&series()[..1], trades(1));
    let mut writer = RowWriter::new(Vec::new(), RowFormat::Jsonl, RowTable::of(series, &[4])).unwrap();
    let columns = [rows.columns()[4].clone()];
    writer.write(&Run { series: &series[0], index: 0, columns: &columns, rows: 0..1 }).unwrap();

    assert_eq!(writer.finish().unwrap(), b"{\"amount\":null}\n", "of one series, nothing names it");
}

#[test]
fn a_stream_of_arrow_has_the_same_rows() {
    let rows = trades(40_000);
    let stream = StreamReader::try_new(Cursor::new(written(RowFormat::Arrow, &rows)), None).unwrap();
    let batches: Vec<RecordBatch> = stream.map(Result::unwrap).collect();

    let names: Vec<String> = batches[0].schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["exchange", "pair", "ts", "id", "price", "side"]);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), rows.len());
    let mut row = 0;
    for batch in batches {
        let own = |index: usize| batch.column(index);
        for place in 0..batch.num_rows() {
            let trade = rows.trades().get(row);
            let exchange = if row / 7 % 2 == 0 { "binance" } else { "kraken" };
            let id = own(3).is_valid(place).then(|| own(3).as_string::<i32>().value(place));
            assert_eq!(own(0).as_string::<i32>().value(place), exchange, "{row}");
            assert_eq!(own(2).as_primitive::<TimestampMicrosecondType>().value(place), trade.ts.0);
            assert_eq!((id, own(4).as_primitive::<Float64Type>().value(place)), (trade.id, trade.price));
            assert_eq!(own(5).is_valid(place), trade.side.is_some());
            row += 1;
        }
    }
}

#[test]
fn a_parquet_file_has_the_same_rows() {
    let rows = trades(70_000);
    let file = SerializedFileReader::new(Bytes::from(written(RowFormat::Parquet, &rows))).unwrap();

    assert_eq!(file.num_row_groups(), 2);
    let mut row = 0;
    for found in file.get_row_iter(None).unwrap() {
        let found = found.unwrap();
        let values: Vec<&Value> = found.get_column_iter().map(|(_, value)| value).collect();
        let trade = rows.trades().get(row);
        assert_eq!(*values[1], Value::Str(if row / 7 % 2 == 0 { "BTC/USDT" } else { "ETH/USD" }.to_owned()));
        assert_eq!(*values[2], Value::TimestampMicros(trade.ts.0));
        assert_eq!(*values[3], trade.id.map_or(Value::Null, |id| Value::Str(id.to_owned())));
        assert_eq!(*values[4], Value::Double(trade.price));
        row += 1;
    }
    assert_eq!(row, rows.len());
}
