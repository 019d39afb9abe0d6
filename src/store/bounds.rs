//! Whether what the metadata of a Parquet file says can be: the Parquet library panics where columns begin before the file
//! does, and reads for hours where there are rows without end.

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

/// Rows that a byte of a file may hold: a thousand of one value are a few bytes, but no file is without a footer.
const MOST_ROWS_A_BYTE: u64 = 1_024;

/// The rows of a file of so many bytes.
///
/// # Errors
/// The reason why it cannot hold them.
pub(crate) fn rows_within(metadata: &ParquetMetaData, bytes: u64) -> Result<u64, String> {
    let mut rows = 0_u64;
    for group in metadata.row_groups() {
        let own = u64::try_from(group.num_rows()).ok();
        let all = own.and_then(|own| rows.checked_add(own));
        rows = all.ok_or_else(|| format!("a row group of it holds {} rows", group.num_rows()))?;
        if let Some(column) = group.columns().iter().find(|column| !is_within(column, bytes)) {
            return Err(format!("a column `{}` of it lies outside of the file", column.column_path()));
        }
    }
    if rows > bytes.saturating_mul(MOST_ROWS_A_BYTE) {
        return Err(format!("{rows} rows cannot be in its {bytes} bytes"));
    }
    Ok(rows)
}

/// Whether a column lies in a file of so many bytes.
fn is_within(column: &ColumnChunkMetaData, bytes: u64) -> bool {
    let from = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let (from, length) = (u64::try_from(from), u64::try_from(column.compressed_size()));
    from.ok()
        .zip(length.ok())
        .and_then(|(from, length)| from.checked_add(length))
        .is_some_and(|end| end <= bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::file::metadata::{FileMetaData, RowGroupMetaData};
    use parquet::schema::types::SchemaDescriptor;

    use super::*;
    use crate::model::Kind;
    use crate::store::rows::schema;

    /// A file of one row group for each of these: its rows, and where each of its columns lies.
    fn metadata(groups: &[(i64, i64, i64)]) -> ParquetMetaData {
        let schema = Arc::new(SchemaDescriptor::new(schema(Kind::Funding).unwrap()));
        let group = |&(rows, from, length): &(i64, i64, i64)| {
            let column = |own: &_| {
                let own = ColumnChunkMetaData::builder(Arc::clone(own)).set_data_page_offset(from);
                own.set_total_compressed_size(length).build().unwrap()
            };
            let columns = schema.columns().iter().map(column).collect();
            let group = RowGroupMetaData::builder(Arc::clone(&schema)).set_num_rows(rows);
            group.set_column_metadata(columns).build().unwrap()
        };
        let file = FileMetaData::new(1, 0, None, None, Arc::clone(&schema), None);
        ParquetMetaData::new(file, groups.iter().map(group).collect())
    }

    #[test]
    fn columns_lie_within_their_file() {
        assert_eq!(rows_within(&metadata(&[(3, 4, 6), (2, 0, 10)]), 10), Ok(5));
        for (from, length) in [(-1, 5), (4, -1), (4, 7), (i64::MAX, i64::MAX)] {
            let why = rows_within(&metadata(&[(3, from, length)]), 10).unwrap_err();
            assert_eq!(why, "a column `\"ts\"` of it lies outside of the file");
        }
    }

    #[test]
    fn rows_can_be_counted() {
        assert_eq!(rows_within(&metadata(&[(-1, 4, 6)]), 10).unwrap_err(), "a row group of it holds -1 rows");
        let many = metadata(&[(i64::MAX, 4, 6); 3]);
        assert_eq!(rows_within(&many, 10).unwrap_err(), format!("a row group of it holds {} rows", i64::MAX));
        assert_eq!(rows_within(&metadata(&[(10_240, 4, 6)]), 10), Ok(10_240));
        let many = rows_within(&metadata(&[(10_241, 4, 6)]), 10);
        assert_eq!(many.unwrap_err(), "10241 rows cannot be in its 10 bytes");
    }
}
