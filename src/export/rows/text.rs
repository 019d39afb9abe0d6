//! CSV and JSON lines.
//!
//! Instants are ISO 8601 in UTC with microseconds, numbers the shortest text that parses to the same number. Nulls are
//! empty in CSV and `null` in JSON.

use std::io::{self, Write};
use std::sync::Arc;

use crate::export::csv::quoted;
use crate::export::rows::table::RowTable;
use crate::export::stamp::Stamps;
use crate::model::{Column, Micros, Type, Values};
use crate::store::reader::Run;

/// Text that waits before it is written, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// Rows as CSV.
pub(super) struct CsvRows<W> {
    out: Buffered<W>,
    table: Arc<RowTable>,
    /// The beginning of a line of each series.
    begins: Vec<Vec<u8>>,
}

impl<W: Write> CsvRows<W> {
    pub(super) fn new(out: W, table: Arc<RowTable>) -> io::Result<Self> {
        let mut out = Buffered::new(out);
        let names: Vec<&str> = table.fields.iter().map(|field| field.name).collect();
        out.text.extend_from_slice(names.join(",").as_bytes());
        out.text.push(b'\n');
        let begin = |labels: &Vec<String>| {
            let mut text = Vec::new();
            for label in labels {
                quoted(label, &mut text);
                text.push(b',');
            }
            text
        };
        let begins = table.labels.iter().map(begin).collect();
        Ok(CsvRows { out, table, begins })
    }

    pub(super) fn write(&mut self, run: &Run<'_>) -> io::Result<()> {
        let fields = &self.table.fields[self.table.labels[run.index].len()..];
        for row in run.rows.clone() {
            self.out.text.extend_from_slice(&self.begins[run.index]);
            for (at, (field, column)) in fields.iter().zip(run.columns).enumerate() {
                if at > 0 {
                    self.out.text.push(b',');
                }
                if !column.has(row) {
                    continue;
                }
                match &column.values {
                    Values::Text(texts) => quoted(texts.get(row), &mut self.out.text),
                    _ => self.out.value(field.ty, column, row)?,
                }
            }
            self.out.text.push(b'\n');
            self.out.drain()?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<W> {
        self.out.finish()
    }
}

/// Rows as a JSON object each.
pub(super) struct JsonRows<W> {
    out: Buffered<W>,
    table: Arc<RowTable>,
    /// The beginning of a line of each series.
    begins: Vec<Vec<u8>>,
}

impl<W: Write> JsonRows<W> {
    pub(super) fn new(out: W, table: Arc<RowTable>) -> Self {
        let begin = |labels: &Vec<String>| {
            let mut text = vec![b'{'];
            for (field, label) in table.fields.iter().zip(labels) {
                text.extend_from_slice(format!("\"{}\":", field.name).as_bytes());
                json_text(label, &mut text);
                text.push(b',');
            }
            text
        };
        let begins = table.labels.iter().map(begin).collect();
        JsonRows { out: Buffered::new(out), table, begins }
    }

    pub(super) fn write(&mut self, run: &Run<'_>) -> io::Result<()> {
        let table = Arc::clone(&self.table);
        let fields = &table.fields[table.labels[run.index].len()..];
        for row in run.rows.clone() {
            self.out.text.extend_from_slice(&self.begins[run.index]);
            for (at, (field, column)) in fields.iter().zip(run.columns).enumerate() {
                if at > 0 {
                    self.out.text.push(b',');
                }
                self.out.text.push(b'"');
                self.out.text.extend_from_slice(field.name.as_bytes());
                self.out.text.extend_from_slice(b"\":");
                self.json_value(field.ty, column, row)?;
            }
            self.out.text.extend_from_slice(b"}\n");
            self.out.drain()?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<W> {
        self.out.finish()
    }

    fn json_value(&mut self, ty: Type, column: &Column, row: usize) -> io::Result<()> {
        match &column.values {
            _ if !column.has(row) => self.out.text.extend_from_slice(b"null"),
            // JSON has no word for it.
            Values::F64(values) if !values[row].is_finite() => self.out.text.extend_from_slice(b"null"),
            Values::I64(_) if ty == Type::Time => {
                self.out.text.push(b'"');
                self.out.value(ty, column, row)?;
                self.out.text.push(b'"');
            }
            Values::Text(texts) => json_text(texts.get(row), &mut self.out.text),
            _ => self.out.value(ty, column, row)?,
        }
        Ok(())
    }
}

fn json_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a text is always JSON");
}

/// Text on its way to a stream.
struct Buffered<W> {
    out: W,
    text: Vec<u8>,
    stamps: Stamps,
}

impl<W: Write> Buffered<W> {
    fn new(out: W) -> Self {
        Buffered { out, text: Vec::with_capacity(2 * BUFFER_BYTES), stamps: Stamps::default() }
    }

    /// A value that is no text.
    fn value(&mut self, ty: Type, column: &Column, row: usize) -> io::Result<()> {
        match &column.values {
            Values::I64(values) if ty == Type::Time => {
                self.stamps.write(Micros(values[row]), &mut self.text);
                Ok(())
            }
            Values::I64(values) => write!(self.text, "{}", values[row]),
            Values::I32(values) => write!(self.text, "{}", values[row]),
            Values::F64(values) => write!(self.text, "{}", values[row]),
            Values::Bool(values) => write!(self.text, "{}", values[row]),
            Values::Text(_) => Ok(()),
        }
    }

    fn drain(&mut self) -> io::Result<()> {
        if self.text.len() >= BUFFER_BYTES {
            self.out.write_all(&self.text)?;
            self.text.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&self.text)?;
        Ok(self.out)
    }
}
