//! Excel workbooks: real dates, numbers as numbers, a frozen header, a next sheet where one is full.
//!
//! Rows go to a temporary file as they come, so memory stays flat. Excel shows and keeps dates to the
//! millisecond, so instants of trades and books stand a second time as text with their microseconds,
//! in a column `ts_text`. Whole numbers of more than 15 digits are text, as Excel would round them.

use std::io::{self, Write};
use std::path::Path;

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use crate::export::stamp::Stamps;
use crate::model::{Batch, Column, Field, Kind, Micros, Type, Values, fields};

/// Rows of a sheet, its header among them.
const SHEET_ROWS: u32 = 1_048_576;
/// Whole numbers up to this many are exact in Excel.
const EXACT: u64 = 999_999_999_999_999;
/// 1970-01-01 as Excel counts days.
const EPOCH_DAYS: f64 = 25_569.0;

/// Writes batches of one kind as a workbook.
pub struct Xlsx {
    book: Workbook,
    kind: Kind,
    sheets: usize,
    next_row: u32,
    sheet_rows: u32,
    date: Format,
    stamps: Stamps,
}

impl Xlsx {
    /// An empty workbook whose temporary files lie in `folder`.
    ///
    /// # Errors
    /// Where nothing can be written there.
    pub fn new(kind: Kind, folder: &Path) -> io::Result<Self> {
        Xlsx::with_sheets_of(SHEET_ROWS, kind, folder)
    }

    fn with_sheets_of(sheet_rows: u32, kind: Kind, folder: &Path) -> io::Result<Self> {
        let mut book = Workbook::new();
        book.set_tempdir(folder).map_err(io::Error::other)?;
        let date = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000");
        let mut xlsx =
            Xlsx { book, kind, sheets: 0, next_row: 0, sheet_rows, date, stamps: Stamps::default() };
        xlsx.add_sheet().map_err(io::Error::other)?;
        Ok(xlsx)
    }

    /// Writes the rows of a batch.
    ///
    /// # Errors
    /// Where the temporary file takes no more.
    pub fn write(&mut self, rows: &Batch) -> io::Result<()> {
        debug_assert_eq!(self.kind, rows.kind());
        let mut from = 0;
        while from < rows.len() {
            if self.next_row == self.sheet_rows {
                self.add_sheet().map_err(io::Error::other)?;
            }
            let room = (self.sheet_rows - self.next_row) as usize;
            let until = rows.len().min(from + room);
            self.fill(rows, from..until).map_err(io::Error::other)?;
            from = until;
        }
        Ok(())
    }

    /// Puts the workbook together in `out`.
    ///
    /// # Errors
    /// A refusal of the stream.
    pub fn finish<W: Write + Send>(mut self, mut out: W) -> io::Result<W> {
        self.book.save_to_writer(&mut out).map_err(io::Error::other)?;
        Ok(out)
    }

    fn add_sheet(&mut self) -> Result<(), XlsxError> {
        let header = Format::new().set_bold();
        self.sheets += 1;
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(format!("rows {}", self.sheets))?;
        sheet.set_freeze_panes(1, 0)?;
        let titles = titles(self.kind);
        for (at, title) in (0..).zip(&titles) {
            let is_instant = title.starts_with("ts");
            sheet.set_column_width(at, if is_instant { 28 } else { 16 })?;
        }
        for (at, title) in (0..).zip(&titles) {
            sheet.write_string_with_format(0, at, title, &header)?;
        }
        self.next_row = 1;
        Ok(())
    }

    fn fill(&mut self, rows: &Batch, range: std::ops::Range<usize>) -> Result<(), XlsxError> {
        let sheet = self.book.worksheet_from_index(self.sheets - 1)?;
        let columns = || fields(self.kind).iter().zip(rows.columns());
        for row in range {
            let mut at = 0;
            for (field, column) in columns() {
                if column.has(row) {
                    cell(sheet, (self.next_row, at), field, (column, row), &self.date)?;
                }
                at += 1;
            }
            for (_, column) in columns().filter(|(field, _)| has_text(self.kind, field)) {
                if let (Values::I64(values), true) = (&column.values, column.has(row)) {
                    let mut text = Vec::with_capacity(27);
                    self.stamps.write(Micros(values[row]), &mut text);
                    sheet.write_string(self.next_row, at, String::from_utf8_lossy(&text))?;
                }
                at += 1;
            }
            self.next_row += 1;
        }
        Ok(())
    }
}

/// Whether an instant stands a second time as text: where exchanges stamp to less than a millisecond.
fn has_text(kind: Kind, field: &Field) -> bool {
    field.ty == Type::Time && matches!(kind, Kind::Trades | Kind::OrderBook)
}

fn titles(kind: Kind) -> Vec<String> {
    let names = fields(kind).iter().map(|field| field.name.to_owned());
    let texts = fields(kind).iter().filter(|field| has_text(kind, field));
    names.chain(texts.map(|field| format!("{}_text", field.name))).collect()
}

fn cell(
    sheet: &mut Worksheet,
    (row, at): (u32, u16),
    field: &Field,
    (column, index): (&Column, usize),
    date: &Format,
) -> Result<(), XlsxError> {
    match &column.values {
        Values::I64(values) if field.ty == Type::Time => {
            let days = values[index] as f64 / 86_400e6 + EPOCH_DAYS;
            sheet.write_number_with_format(row, at, days, date)?;
        }
        Values::I64(values) if values[index].unsigned_abs() > EXACT => {
            sheet.write_string(row, at, values[index].to_string())?;
        }
        Values::I64(values) => {
            sheet.write_number(row, at, values[index] as f64)?;
        }
        Values::I32(values) => {
            sheet.write_number(row, at, values[index])?;
        }
        Values::F64(values) if values[index].is_finite() => {
            sheet.write_number(row, at, values[index])?;
        }
        Values::F64(values) => {
            sheet.write_string(row, at, values[index].to_string())?;
        }
        Values::Bool(values) => {
            sheet.write_boolean(row, at, values[index])?;
        }
        Values::Text(values) => {
            sheet.write_string(row, at, values.get(index))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FundingRate;

    #[test]
    fn rows_past_the_end_of_a_sheet_go_to_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut xlsx = Xlsx::with_sheets_of(4, Kind::Funding, folder.path()).unwrap();
        let mut rows = Batch::of(Kind::Funding);
        for index in 0..7 {
            let ts = Micros::from_secs(1_704_067_200 + index * 28_800);
            rows.funding_mut().push(FundingRate { ts, rate: 1e-4, mark_price: None });
        }

        xlsx.write(&rows).unwrap();

        // Three rows a sheet under the header: 3, 3 and 1.
        assert_eq!((xlsx.sheets, xlsx.next_row), (3, 2));
        assert!(xlsx.finish(Vec::new()).unwrap().starts_with(b"PK"));
    }
}
