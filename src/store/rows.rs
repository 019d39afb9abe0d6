//! Batches to Parquet row groups and back, by the schema table of the model.
//!
//! Prices are written plain, without a dictionary: it costs several times the time and makes the file
//! larger. Instants and counts are delta-packed, words keep a dictionary. Splitting the bytes of prices
//! would save two fifths of a candle's time, but can nearly triple trades, and not every reader takes it.

use std::borrow::Cow;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{RowGroupMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type as SchemaType, TypePtr};

use crate::model::{Batch, Column, Field, Kind, Texts, Type, Values, fields};
use crate::store::decoding::decoded;
use crate::store::pages::RowGroup;

/// Rows of a full row group: with its page index it is the unit readers skip and publishing copies.
pub(crate) const GROUP_ROWS: usize = 131_072;

/// The Parquet schema of a kind.
pub(crate) fn schema(kind: Kind) -> Result<TypePtr> {
    schema_of(fields(kind))
}

/// The Parquet schema of some fields.
pub(crate) fn schema_of(fields: &[Field]) -> Result<TypePtr> {
    let columns = fields.iter().map(|field| schema_field(field).map(Arc::new)).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(SchemaType::group_type_builder("schema").with_fields(columns).build()?))
}

fn schema_field(field: &Field) -> Result<SchemaType> {
    let (physical, logical) = match field.ty {
        Type::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Type::I64 => (Physical::INT64, None),
        Type::I32 => (Physical::INT32, None),
        Type::F64 => (Physical::DOUBLE, None),
        Type::Bool => (Physical::BOOLEAN, None),
        Type::Text | Type::Word => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let repetition = if field.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    SchemaType::primitive_type_builder(field.name, physical)
        .with_logical_type(logical)
        .with_repetition(repetition)
        .build()
}

/// How files of a kind are written.
pub(crate) fn properties(kind: Kind) -> WriterProperties {
    let sorted = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
    properties_of(fields(kind)).set_sorting_columns(Some(vec![sorted])).build()
}

/// How files of some fields are written.
pub(crate) fn properties_of(fields: &[Field]) -> WriterPropertiesBuilder {
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("dccd {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_write_batch_size(8_192)
        .set_max_row_group_row_count(Some(GROUP_ROWS));
    for field in fields {
        let column = ColumnPath::from(field.name);
        properties = match field.ty {
            Type::Time | Type::I64 | Type::I32 => {
                properties.set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
            }
            Type::Text => properties.set_column_encoding(column, Encoding::DELTA_BYTE_ARRAY),
            Type::Word => properties.set_column_dictionary_enabled(column, true),
            Type::F64 | Type::Bool => properties.set_column_encoding(column, Encoding::PLAIN),
        };
    }
    properties
}

/// Writes ranges of rows, the first ones first, as one row group.
pub(crate) fn write_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    parts: &[(&Batch, Range<usize>)],
) -> Result<()> {
    let parts: Vec<_> = parts.iter().map(|(batch, rows)| (batch.columns(), rows.clone())).collect();
    write_columns(writer, &parts)
}

/// Writes ranges of the rows of some columns as one row group.
pub(crate) fn write_columns<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    parts: &[(&[Column], Range<usize>)],
) -> Result<()> {
    let mut group = writer.next_row_group()?;
    for index in 0..parts.first().map_or(0, |(columns, _)| columns.len()) {
        let mut out =
            group.next_column()?.ok_or_else(|| ParquetError::General("a column without a writer".into()))?;
        for (columns, rows) in parts {
            write_values(&mut out, &columns[index], rows.clone())?;
        }
        out.close()?;
    }
    group.close()?;
    Ok(())
}

fn write_values(out: &mut SerializedColumnWriter<'_>, column: &Column, rows: Range<usize>) -> Result<usize> {
    let present = column.present.as_deref().map(|flags| &flags[rows.clone()]);
    let levels: Option<Vec<i16>> = present.map(|flags| flags.iter().map(|flag| i16::from(*flag)).collect());
    let levels = levels.as_deref();
    match &column.values {
        Values::I64(values) => {
            out.typed::<Int64Type>().write_batch(&dense(&values[rows], present), levels, None)
        }
        Values::I32(values) => {
            out.typed::<Int32Type>().write_batch(&dense(&values[rows], present), levels, None)
        }
        Values::F64(values) => {
            out.typed::<DoubleType>().write_batch(&dense(&values[rows], present), levels, None)
        }
        Values::Bool(values) => {
            out.typed::<BoolType>().write_batch(&dense(&values[rows], present), levels, None)
        }
        Values::Text(texts) => {
            out.typed::<ByteArrayType>().write_batch(&dense(&byte_arrays(texts, rows), present), levels, None)
        }
    }
}

/// The values that are present: Parquet keeps no place for a null.
fn dense<'a, T: Clone>(values: &'a [T], present: Option<&[bool]>) -> Cow<'a, [T]> {
    match present {
        Some(flags) if flags.contains(&false) => Cow::Owned(
            values.iter().zip(flags).filter(|(_, flag)| **flag).map(|(value, _)| value.clone()).collect(),
        ),
        _ => Cow::Borrowed(values),
    }
}

/// Slices of one shared buffer: a text costs no allocation of its own.
fn byte_arrays(texts: &Texts, rows: Range<usize>) -> Vec<ByteArray> {
    let (bytes, ends) = texts.parts();
    let begin = rows.start.checked_sub(1).map_or(0, |before| ends[before] as usize);
    let Some(last) = ends[rows.clone()].last() else { return Vec::new() };
    let shared = Bytes::copy_from_slice(&bytes[begin..*last as usize]);
    let mut from = 0;
    ends[rows]
        .iter()
        .map(|&end| {
            let until = end as usize - begin;
            let slice = shared.slice(from..until);
            from = until;
            ByteArray::from(slice)
        })
        .collect()
}

/// Reads a row group back into a batch.
pub(crate) fn read_group(kind: Kind, group: &RowGroup) -> Result<Batch> {
    let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
    let columns = fields(kind)
        .iter()
        .enumerate()
        .map(|(index, field)| read_column(field, &mut group.column(index)?, rows))
        .collect::<Result<Vec<_>>>()?;
    Ok(Batch::from_columns(kind, columns))
}

/// Reads the next rows of one column of a row group.
pub(crate) fn read_column(field: &Field, reader: &mut ColumnReader, rows: usize) -> Result<Column> {
    // Metadata that is damaged may speak of any number.
    let room = rows.min(GROUP_ROWS);
    let mut levels = field.nullable.then(|| Vec::with_capacity(room));
    macro_rules! read {
        ($reader:expr, $wrap:expr) => {{
            let mut values = Vec::with_capacity(room);
            let reader = $reader;
            let (records, ..) = decoded(|| reader.read_records(rows, levels.as_mut(), None, &mut values))?;
            if records != rows {
                return Err(ParquetError::General(format!(
                    "column {} holds {records} of {rows} rows",
                    field.name
                )));
            }
            let present =
                levels.map(|levels: Vec<i16>| levels.iter().map(|level| *level > 0).collect::<Vec<bool>>());
            Ok(Column { values: $wrap(values, present.as_deref()), present })
        }};
    }
    match (field.ty, reader) {
        (Type::Time | Type::I64, ColumnReader::Int64ColumnReader(reader)) => {
            read!(reader, |values, present| Values::I64(spread(values, present)))
        }
        (Type::I32, ColumnReader::Int32ColumnReader(reader)) => {
            read!(reader, |values, present| Values::I32(spread(values, present)))
        }
        (Type::F64, ColumnReader::DoubleColumnReader(reader)) => {
            read!(reader, |values, present| Values::F64(spread(values, present)))
        }
        (Type::Bool, ColumnReader::BoolColumnReader(reader)) => {
            read!(reader, |values, present| Values::Bool(spread(values, present)))
        }
        (Type::Text | Type::Word, ColumnReader::ByteArrayColumnReader(reader)) => {
            read!(reader, |values: Vec<ByteArray>, present| Values::Text(texts(&values, present)))
        }
        _ => Err(ParquetError::General(format!("column {} has another type than its kind says", field.name))),
    }
}

/// Passes over the next rows of one column of a row group.
pub(crate) fn skip_rows(reader: &mut ColumnReader, rows: usize) -> Result<()> {
    let skipped = decoded(|| match reader {
        ColumnReader::Int64ColumnReader(reader) => reader.skip_records(rows),
        ColumnReader::Int32ColumnReader(reader) => reader.skip_records(rows),
        ColumnReader::DoubleColumnReader(reader) => reader.skip_records(rows),
        ColumnReader::BoolColumnReader(reader) => reader.skip_records(rows),
        ColumnReader::ByteArrayColumnReader(reader) => reader.skip_records(rows),
        _ => Err(ParquetError::General("a column of a type that no kind has".into())),
    })?;
    if skipped == rows {
        return Ok(());
    }
    Err(ParquetError::General(format!("a column holds {skipped} of {rows} rows")))
}

/// Puts dense values back in the places of their rows.
fn spread<T: Default + Clone>(values: Vec<T>, present: Option<&[bool]>) -> Vec<T> {
    match present {
        Some(flags) if values.len() < flags.len() => {
            let mut values = values.into_iter();
            flags
                .iter()
                .map(|flag| if *flag { values.next().unwrap_or_default() } else { T::default() })
                .collect()
        }
        _ => values,
    }
}

/// The same for texts; a null's place is empty.
fn texts(values: &[ByteArray], present: Option<&[bool]>) -> Texts {
    let mut texts = Texts::default();
    let (count, mut values) = (values.len(), values.iter());
    let mut push = |is_present: bool| {
        let value = if is_present { values.next() } else { None };
        texts.push(value.and_then(|value| value.as_utf8().ok()).unwrap_or_default());
    };
    match present {
        Some(flags) => flags.iter().for_each(|flag| push(*flag)),
        None => (0..count).for_each(|_| push(true)),
    }
    texts
}

/// The keys of a row group, half-open.
pub(crate) fn key_range(group: &RowGroupMetaData) -> Option<Range<i64>> {
    let (first, last) = column_range(group, 0)?;
    Some(first..last.saturating_add(1))
}

/// The lowest and the highest value of a column of whole numbers.
pub(crate) fn column_range(group: &RowGroupMetaData, column: usize) -> Option<(i64, i64)> {
    match group.column(column).statistics()? {
        Statistics::Int64(range) => Some((*range.min_opt()?, *range.max_opt()?)),
        _ => None,
    }
}
