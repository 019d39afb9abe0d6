//! Reads Parquet files of any writer, column by name and row group by row group, whatever types they use.
//!
//! Integers of any width become 64 bits, floats become doubles. Columns that are not requested, such as the index
//! that pandas leaves behind, are not read.

use std::path::Path;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::Length;
use parquet::schema::types::ColumnDescriptor;

use crate::model::{Column, Texts, Values};
use crate::store::{Chunks, RowGroup, check_footer, decoded, rows_within};

/// An open Parquet file.
pub(crate) struct RawFile {
    file: Chunks,
    metadata: ParquetMetaData,
}

impl RawFile {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = Chunks::open(path)?;
        let metadata = decoded(|| {
            check_footer(&file)?;
            ParquetMetaDataReader::new().parse_and_finish(&file)
        })?;
        rows_within(&metadata, file.len()).map_err(ParquetError::General)?;
        Ok(RawFile { file, metadata })
    }

    pub(crate) fn groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// The unit of a column with a timestamp type.
    pub(crate) fn time_unit(&self, name: &str) -> Option<TimeUnit> {
        let column = self.column(self.place(name)?);
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Timestamp(timestamp)), _) => Some(timestamp.unit),
            (None, ConvertedType::TIMESTAMP_MILLIS) => Some(TimeUnit::MILLIS),
            (None, ConvertedType::TIMESTAMP_MICROS) => Some(TimeUnit::MICROS),
            _ => None,
        }
    }

    /// The number of rows of a row group and its columns of these names; missing ones are all null.
    pub(crate) fn group(&self, index: usize, names: &[&str]) -> Result<(usize, Vec<Column>)> {
        decoded(|| {
            let group = RowGroup::new(&self.file, &self.metadata, index);
            let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            let held = |name: &&str| self.place(name).map(|place| self.read(&group, place, rows));
            let columns = names.iter().map(|name| held(name).transpose()).collect::<Result<Vec<_>>>()?;
            // Metadata that is damaged may speak of any number of rows: a column that is there has to show them.
            if rows > 0 && columns.iter().all(Option::is_none) {
                return Err(ParquetError::General(format!(
                    "it has none of the columns {}",
                    names.join(", ")
                )));
            }
            Ok((rows, columns.into_iter().map(|column| column.unwrap_or_else(|| nulls(rows))).collect()))
        })
    }

    fn column(&self, place: usize) -> &ColumnDescriptor {
        let schema = self.metadata.file_metadata().schema_descr();
        schema.columns()[place].as_ref()
    }

    fn place(&self, name: &str) -> Option<usize> {
        let columns = self.metadata.file_metadata().schema_descr().columns();
        columns.iter().position(|column| column.path().parts() == [name])
    }

    fn read(&self, group: &RowGroup, place: usize, rows: usize) -> Result<Column> {
        let column = self.column(place);
        let name = column.name();
        let odd = |what: &str| ParquetError::General(format!("column {name} holds {what}"));
        if column.max_rep_level() > 0 {
            return Err(odd("lists"));
        }
        if matches!(column.logical_type_ref(), Some(LogicalType::Decimal(_))) {
            return Err(odd("decimals"));
        }
        let level = column.max_def_level();
        match group.column(place)? {
            ColumnReader::BoolColumnReader(reader) => {
                let (values, present) = records(reader, rows, level)?;
                Ok(column_of(Values::Bool(spread(values, &present)), present))
            }
            ColumnReader::Int32ColumnReader(reader) => {
                let (values, present) = records(reader, rows, level)?;
                let wide = values.into_iter().map(i64::from).collect();
                Ok(column_of(Values::I64(spread(wide, &present)), present))
            }
            ColumnReader::Int64ColumnReader(reader) => {
                let (values, present) = records(reader, rows, level)?;
                Ok(column_of(Values::I64(spread(values, &present)), present))
            }
            ColumnReader::FloatColumnReader(reader) => {
                let (values, present) = records(reader, rows, level)?;
                let wide = values.into_iter().map(f64::from).collect();
                Ok(column_of(Values::F64(spread(wide, &present)), present))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                let (values, present) = records(reader, rows, level)?;
                Ok(column_of(Values::F64(spread(values, &present)), present))
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                let (values, present): (Vec<ByteArray>, _) = records(reader, rows, level)?;
                let mut texts = Texts::default();
                let mut values = values.iter();
                for is_present in &present {
                    let value = if *is_present { values.next() } else { None };
                    texts.push(value.map(ByteArray::as_utf8).transpose()?.unwrap_or_default());
                }
                Ok(column_of(Values::Text(texts), present))
            }
            _ => Err(odd("a type dccd never wrote")),
        }
    }
}

fn column_of(values: Values, present: Vec<bool>) -> Column {
    Column { values, present: Some(present) }
}

fn nulls(rows: usize) -> Column {
    column_of(Values::Bool(vec![false; rows]), vec![false; rows])
}

/// The non-null values of a column, and which rows have one.
fn records<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    level: i16,
) -> Result<(Vec<T::T>, Vec<bool>)> {
    // The rows of damaged metadata may be any number: room for them is made as they come.
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    let mut read = 0;
    while read < rows {
        let (records, ..) = reader.read_records(rows - read, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Err(ParquetError::General(format!("{read} of {rows} rows could be read")));
        }
        read += records;
    }
    let present = match level {
        0 => vec![true; rows],
        _ => levels.iter().map(|own| *own == level).collect(),
    };
    Ok((values, present))
}

/// Puts values back into the positions of their rows.
fn spread<T: Default>(values: Vec<T>, present: &[bool]) -> Vec<T> {
    if values.len() == present.len() {
        return values;
    }
    let mut values = values.into_iter();
    present.iter().map(|flag| if *flag { values.next().unwrap_or_default() } else { T::default() }).collect()
}

/// The number in a row; `None` for null and for NaN, which pandas writes for null.
pub(crate) fn number(column: &Column, row: usize) -> Option<f64> {
    let value = match &column.values {
        Values::F64(values) => values[row],
        Values::I64(values) => values[row] as f64,
        _ => return None,
    };
    (column.has(row) && !value.is_nan()).then_some(value)
}

/// The integer in a row, even if pandas turned it into a float to allow nulls.
pub(crate) fn whole(column: &Column, row: usize) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match &column.values {
        Values::I64(values) => column.has(row).then(|| values[row]),
        Values::F64(values) => {
            let value = values[row];
            (column.has(row) && value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
        }
        _ => None,
    }
}

/// The text in a row; `None` if null or empty.
pub(crate) fn text(column: &Column, row: usize) -> Option<&str> {
    match &column.values {
        Values::Text(texts) if column.has(row) => Some(texts.get(row)).filter(|text| !text.is_empty()),
        _ => None,
    }
}

/// The boolean in a row.
pub(crate) fn flag(column: &Column, row: usize) -> Option<bool> {
    match &column.values {
        Values::Bool(values) => column.has(row).then(|| values[row]),
        _ => None,
    }
}
