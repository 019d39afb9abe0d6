//! The content of a frame as bytes: numbers little-endian, texts with their length, columns one after the other.

use std::io::Write as _;

use crate::model::{Batch, Column, Kind, Micros, Series, Texts, Values, Window, fields};

pub(super) fn length(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes()
}

pub(super) fn put_window(out: &mut Vec<u8>, window: Window) {
    out.extend(window.from.0.to_le_bytes());
    out.extend(window.until.0.to_le_bytes());
}

pub(super) fn put_series(out: &mut Vec<u8>, series: &Series) {
    let from = out.len();
    out.extend([0; 2]);
    // Memory takes whatever is written.
    let _ = write!(out, "{series}");
    let length = u16::try_from(out.len() - from - 2).unwrap_or(u16::MAX);
    out[from..from + 2].copy_from_slice(&length.to_le_bytes());
}

/// A text of which at most so much is kept as the length of a short one can say.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    let text = &text[..text.floor_char_boundary(usize::from(u16::MAX))];
    out.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(text.as_bytes());
}

pub(super) fn put_column(out: &mut Vec<u8>, column: &Column) {
    if let Some(present) = &column.present {
        out.extend(present.iter().map(|flag| u8::from(*flag)));
    }
    match &column.values {
        Values::I64(values) => put_numbers(out, values, |value| value.to_le_bytes()),
        Values::I32(values) => put_numbers(out, values, |value| value.to_le_bytes()),
        Values::F64(values) => put_numbers(out, values, |value| value.to_le_bytes()),
        Values::Bool(values) => out.extend(values.iter().map(|value| u8::from(*value))),
        Values::Text(texts) => {
            for index in 0..texts.len() {
                let text = texts.bytes(index);
                out.extend_from_slice(&length(text.len()));
                out.extend_from_slice(text);
            }
        }
    }
}

fn put_numbers<T: Copy, const N: usize>(out: &mut Vec<u8>, values: &[T], bytes: impl Fn(T) -> [u8; N]) {
    let from = out.len();
    out.resize(from + values.len() * N, 0);
    let (places, _) = out[from..].as_chunks_mut::<N>();
    places.iter_mut().zip(values).for_each(|(place, value)| *place = bytes(*value));
}

/// The unread rest of a payload.
pub(super) struct Payload<'a> {
    pub(super) bytes: &'a [u8],
}

impl<'a> Payload<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let Some((taken, rest)) = self.bytes.split_at_checked(count) else {
            return Err(format!("it ends {} bytes early", count - self.bytes.len()));
        };
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| "it ends early".to_owned())
    }

    pub(super) fn u8(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u32(&mut self) -> Result<usize, String> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|error| error.to_string())
    }

    pub(super) fn text(&mut self) -> Result<&'a str, String> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        std::str::from_utf8(self.take(length)?).map_err(|error| error.to_string())
    }

    pub(super) fn series(&mut self) -> Result<Series, String> {
        let name = self.text()?;
        name.parse().map_err(|error| format!("`{name}` is no series: {error}"))
    }

    pub(super) fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn u64s(&mut self) -> Result<Vec<u64>, String> {
        let count = self.u32()?;
        self.numbers(count, u64::from_le_bytes)
    }

    pub(super) fn window(&mut self) -> Result<Window, String> {
        let (from, until) = (i64::from_le_bytes(self.array()?), i64::from_le_bytes(self.array()?));
        Window::new(Micros(from), Micros(until)).ok_or_else(|| "it holds an empty window".to_owned())
    }

    pub(super) fn batch(&mut self, kind: Kind) -> Result<Batch, String> {
        let rows = self.u32()?;
        if rows > self.bytes.len() {
            return Err(format!("it claims {rows} rows and holds {} bytes", self.bytes.len()));
        }
        let mut columns = Vec::with_capacity(fields(kind).len());
        for like in Batch::of(kind).columns() {
            columns.push(self.column(like, rows)?);
        }
        Ok(Batch::from_columns(kind, columns))
    }

    /// A column of the type of `like`.
    fn column(&mut self, like: &Column, rows: usize) -> Result<Column, String> {
        let present = match like.present {
            Some(_) => Some(self.take(rows)?.iter().map(|flag| *flag > 0).collect()),
            None => None,
        };
        let values = match &like.values {
            Values::I64(_) => Values::I64(self.numbers(rows, i64::from_le_bytes)?),
            Values::I32(_) => Values::I32(self.numbers(rows, i32::from_le_bytes)?),
            Values::F64(_) => Values::F64(self.numbers(rows, f64::from_le_bytes)?),
            Values::Bool(_) => Values::Bool(self.take(rows)?.iter().map(|flag| *flag > 0).collect()),
            Values::Text(_) => Values::Text(self.texts(rows)?),
        };
        Ok(Column { values, present })
    }

    fn numbers<T, const N: usize>(&mut self, rows: usize, of: fn([u8; N]) -> T) -> Result<Vec<T>, String> {
        let (numbers, _) = self.take(rows * N)?.as_chunks::<N>();
        Ok(numbers.iter().map(|bytes| of(*bytes)).collect())
    }

    fn texts(&mut self, rows: usize) -> Result<Texts, String> {
        let mut texts = Texts::default();
        for _ in 0..rows {
            let length = self.u32()?;
            texts.push(std::str::from_utf8(self.take(length)?).map_err(|error| error.to_string())?);
        }
        Ok(texts)
    }
}
