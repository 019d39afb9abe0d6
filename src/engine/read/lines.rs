//! Rows in memory as the lines that a reader of files gets.

use crate::export::rows::{RowFormat, RowTable, RowWriter};
use crate::model::{Batch, Series, fields};
use crate::store::reader::Run;

/// The rows of a series as JSON lines, with all their columns.
pub(crate) fn json_lines(series: &Series, rows: &Batch) -> String {
    let columns: Vec<usize> = (0..fields(series.kind()).len()).collect();
    let table = RowTable::of(std::slice::from_ref(series), &columns);
    let run = Run { series, index: 0, columns: rows.columns(), rows: 0..rows.len() };
    let mut writer = RowWriter::new(Vec::new(), RowFormat::Jsonl, table).expect("memory takes any bytes");
    writer.write(&run).expect("memory takes any bytes");
    let text = writer.finish().expect("memory takes any bytes");
    String::from_utf8(text).expect("JSON lines are text")
}
