//! CSV: a header, then a line per row, quoted by RFC 4180 if needed, with line feeds.
//!
//! Instants are ISO 8601 in UTC with microseconds, numbers the shortest text that parses to the same number, nulls
//! empty, and booleans `true` and `false`.

use std::io::{self, Write};

use crate::export::stamp::Stamps;
use crate::model::{Batch, Column, Field, Kind, Micros, Type, Values, fields};

/// Writes batches of one kind as CSV.
pub struct Csv<W> {
    out: W,
    kind: Kind,
    stamps: Stamps,
    line: Vec<u8>,
}

impl<W: Write> Csv<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// An I/O error of the stream.
    pub fn new(mut out: W, kind: Kind) -> io::Result<Self> {
        let names: Vec<&str> = fields(kind).iter().map(|field| field.name).collect();
        writeln!(out, "{}", names.join(","))?;
        Ok(Csv { out, kind, stamps: Stamps::default(), line: Vec::with_capacity(256) })
    }

    /// Writes the rows of a batch.
    ///
    /// # Errors
    /// An I/O error of the stream.
    pub fn write(&mut self, rows: &Batch) -> io::Result<()> {
        debug_assert_eq!(self.kind, rows.kind());
        for row in 0..rows.len() {
            self.line.clear();
            for (index, (field, column)) in fields(self.kind).iter().zip(rows.columns()).enumerate() {
                if index > 0 {
                    self.line.push(b',');
                }
                if column.has(row) {
                    self.cell(field, column, row)?;
                }
            }
            self.line.push(b'\n');
            self.out.write_all(&self.line)?;
        }
        Ok(())
    }

    /// Returns the stream, without flushing it.
    ///
    /// # Errors
    /// Never; the signature is common to all formats.
    pub fn finish(self) -> io::Result<W> {
        Ok(self.out)
    }

    fn cell(&mut self, field: &Field, column: &Column, row: usize) -> io::Result<()> {
        match &column.values {
            Values::I64(values) if field.ty == Type::Time => {
                self.stamps.write(Micros(values[row]), &mut self.line);
                Ok(())
            }
            Values::I64(values) => write!(self.line, "{}", values[row]),
            Values::I32(values) => write!(self.line, "{}", values[row]),
            Values::F64(values) => write!(self.line, "{}", values[row]),
            Values::Bool(values) => write!(self.line, "{}", values[row]),
            Values::Text(values) => {
                quoted(values.get(row), &mut self.line);
                Ok(())
            }
        }
    }
}

pub(super) fn quoted(text: &str, out: &mut Vec<u8>) {
    if !text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Side, Trade};

    #[test]
    fn texts_are_quoted_where_they_must_be_and_nulls_are_empty() {
        let mut rows = Batch::of(Kind::Trades);
        let trade = Trade {
            ts: Micros(1_706_745_599_000_001),
            ts_recv: None,
            id: Some("a\"b,c"),
            price: 0.1,
            amount: 1e-8,
            side: Some(Side::Buy),
        };
        rows.trades_mut().push(trade);
        rows.trades_mut().push(Trade { id: None, side: None, price: 42_000.0, ..trade });

        let mut csv = Csv::new(Vec::new(), Kind::Trades).unwrap();
        csv.write(&rows).unwrap();

        let text = String::from_utf8(csv.finish().unwrap()).unwrap();
        assert_eq!(
            text,
            "ts,ts_recv,id,price,amount,side\n\
             2024-01-31T23:59:59.000001Z,,\"a\"\"b,c\",0.1,0.00000001,buy\n\
             2024-01-31T23:59:59.000001Z,,,42000,0.00000001,\n"
        );
    }
}
