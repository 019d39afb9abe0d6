//! The bare crates' bound: kline pages through `serde_json` into plain vectors, and those through the
//! Parquet column writers with the store's properties, with nothing of dccd around them.

use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{DoubleType, Int64Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type as SchemaType};
use serde::Deserialize;
use serde::de::IgnoredAny;

const GROUP_ROWS: usize = 131_072;

#[derive(Deserialize)]
struct Kline<'a>(
    i64,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    IgnoredAny,
    &'a str,
    i64,
    IgnoredAny,
    IgnoredAny,
    IgnoredAny,
);

/// Candles in plain vectors: `ts` and `trades`, then the six numbers.
#[derive(Default)]
pub(crate) struct Plain {
    whole: [Vec<i64>; 2],
    numbers: [Vec<f64>; 6],
}

impl Plain {
    /// Appends the rows of one page.
    pub(crate) fn decode(&mut self, body: &[u8]) {
        let rows: Vec<Kline<'_>> = serde_json::from_slice(body).expect("a page of candles");
        for Kline(ts, open, high, low, close, volume, _, quote, trades, ..) in rows {
            self.whole[0].push(ts * 1_000);
            self.whole[1].push(trades);
            for (column, text) in self.numbers.iter_mut().zip([open, high, low, close, volume, quote]) {
                column.push(text.parse().expect("a number"));
            }
        }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.whole[0].len()
    }

    /// Encodes everything as one file in memory.
    pub(crate) fn encode(&self, compression: Compression) -> Vec<u8> {
        const NUMBERS: [&str; 6] = ["open", "high", "low", "close", "volume", "quote_volume"];
        let mut properties = WriterProperties::builder()
            .set_compression(compression)
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_write_batch_size(8_192);
        for name in ["ts", "trades"] {
            properties =
                properties.set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
        }
        let time = Some(LogicalType::timestamp(true, TimeUnit::MICROS));
        let mut fields = vec![field("ts", Physical::INT64, time), field("trades", Physical::INT64, None)];
        fields.extend(NUMBERS.map(|name| field(name, Physical::DOUBLE, None)));
        let schema = SchemaType::group_type_builder("schema").with_fields(fields).build().expect("a schema");
        let mut writer =
            SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties.build()))
                .expect("a writer");
        for from in (0..self.len()).step_by(GROUP_ROWS) {
            let rows = from..self.len().min(from + GROUP_ROWS);
            let mut group = writer.next_row_group().expect("a group");
            for column in &self.whole {
                let mut out = group.next_column().expect("a column").expect("one more column");
                let written = out.typed::<Int64Type>().write_batch(&column[rows.clone()], None, None);
                written.expect("it is written");
                out.close().expect("it closes");
            }
            for column in &self.numbers {
                let mut out = group.next_column().expect("a column").expect("one more column");
                let written = out.typed::<DoubleType>().write_batch(&column[rows.clone()], None, None);
                written.expect("it is written");
                out.close().expect("it closes");
            }
            group.close().expect("it closes");
        }
        writer.into_inner().expect("the file's bytes")
    }
}

fn field(name: &str, physical: Physical, logical: Option<LogicalType>) -> Arc<SchemaType> {
    let built = SchemaType::primitive_type_builder(name, physical)
        .with_logical_type(logical)
        .with_repetition(Repetition::REQUIRED)
        .build();
    Arc::new(built.expect("a field"))
}
