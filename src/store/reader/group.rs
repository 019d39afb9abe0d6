//! One row group of a file, decoded a few rows at a time.

use parquet::column::reader::ColumnReader;
use parquet::errors::Result;

use crate::model::{Column, Kind, fields};
use crate::store::StoreError;
use crate::store::file::PeriodFile;
use crate::store::rows::{read_column, skip_rows};

/// A place in a row group.
pub(super) struct GroupRows {
    kind: Kind,
    index: usize,
    /// The columns that are decoded, by their places.
    columns: Vec<usize>,
    next: usize,
    rows: usize,
    readers: Vec<ColumnReader>,
}

impl GroupRows {
    /// The first row of a group; nothing is read yet.
    pub(super) fn begin(kind: Kind, file: &PeriodFile, index: usize, columns: Vec<usize>) -> Self {
        let rows = file.metadata().row_group(index).num_rows();
        let rows = usize::try_from(rows).unwrap_or(0);
        GroupRows { kind, index, columns, next: 0, rows, readers: Vec::new() }
    }

    pub(super) fn is_over(&self) -> bool {
        self.next == self.rows
    }

    /// The next rows, each column with its place.
    pub(super) fn next_rows(
        &mut self,
        file: &PeriodFile,
        most: usize,
    ) -> std::result::Result<Vec<(usize, Column)>, StoreError> {
        self.decode(file, most).map_err(StoreError::parquet(file.path()))
    }

    /// Lets the decoders go; they are made anew for the next rows.
    pub(super) fn rest(&mut self) {
        self.readers = Vec::new();
    }

    fn decode(&mut self, file: &PeriodFile, most: usize) -> Result<Vec<(usize, Column)>> {
        if self.readers.is_empty() {
            let group = file.row_group(self.index);
            for column in &self.columns {
                let mut reader = group.column(*column)?;
                if self.next > 0 {
                    skip_rows(&mut reader, self.next)?;
                }
                self.readers.push(reader);
            }
        }
        let rows = most.min(self.rows - self.next);
        let fields = fields(self.kind);
        let decoded = self.columns.iter().zip(&mut self.readers);
        let decoded =
            decoded.map(|(index, reader)| Ok((*index, read_column(&fields[*index], reader, rows)?)));
        let decoded = decoded.collect::<Result<Vec<_>>>()?;
        self.next += rows;
        if self.is_over() {
            self.rest();
        }
        Ok(decoded)
    }
}
