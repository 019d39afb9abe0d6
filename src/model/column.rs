//! A column of a batch: values of one type, one per row, and which of them are present.

use std::ops::Range;

use crate::model::{Field, Type};

/// One column of a batch. A null holds the type's default value and `false` in `present`.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The values, one per row.
    pub values: Values,
    /// Which rows have a value; `None` if the column is never null.
    pub present: Option<Vec<bool>>,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Instants in microseconds, or integers.
    I64(Vec<i64>),
    /// Small integers.
    I32(Vec<i32>),
    /// Prices, amounts and rates.
    F64(Vec<f64>),
    /// Booleans.
    Bool(Vec<bool>),
    /// Text in one buffer.
    Text(Texts),
}

/// The space reserved for a text of unknown length: that of a word.
const WORD_BYTES: usize = 4;

/// Many short texts in one buffer, so that rows need no allocations of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Texts {
    /// Appends a text.
    ///
    /// # Panics
    /// Past 4 GiB in one batch, far beyond what the bounds on pages and row groups allow.
    pub fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(u32::try_from(self.bytes.len()).expect("a batch holds far less than 4 GiB of text"));
    }

    /// The bytes of the text at `index`; they are UTF-8.
    #[must_use]
    pub fn bytes(&self, index: usize) -> &[u8] {
        &self.bytes[self.range(index)]
    }

    /// The text at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> &str {
        std::str::from_utf8(self.bytes(index)).unwrap_or_default()
    }

    /// The number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no texts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn reserve(&mut self, count: usize) {
        self.bytes.reserve(count * WORD_BYTES);
        self.ends.reserve(count);
    }

    /// Keeps the first `count` texts.
    pub fn truncate(&mut self, count: usize) {
        self.ends.truncate(count);
        self.bytes.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    /// Texts in one buffer, by the end of each.
    pub(crate) fn of_parts(bytes: Vec<u8>, ends: Vec<u32>) -> Self {
        Texts { bytes, ends }
    }

    /// A range of the texts in one buffer, and the end of each in it.
    pub(crate) fn slice(&self, rows: Range<usize>) -> (&[u8], Vec<u32>) {
        let first = if rows.start == 0 { 0 } else { self.ends[rows.start - 1] };
        let last = self.ends[rows.clone()].last().copied().unwrap_or(first);
        let ends = self.ends[rows].iter().map(|end| end - first).collect();
        (&self.bytes[first as usize..last as usize], ends)
    }

    /// The whole buffer, and the end of each text in it.
    pub(crate) fn parts(&self) -> (&[u8], &[u32]) {
        (&self.bytes, &self.ends)
    }

    /// Appends a range of the texts of another.
    ///
    /// # Panics
    /// See [`Texts::push`].
    fn take(&mut self, from: &Texts, rows: Range<usize>) {
        let Some(last) = rows.end.checked_sub(1).filter(|_| !rows.is_empty()) else { return };
        let (first, base) = (from.range(rows.start).start, self.bytes.len());
        self.bytes.extend_from_slice(&from.bytes[first..from.range(last).end]);
        let _ = u32::try_from(self.bytes.len()).expect("a batch holds far less than 4 GiB of text");
        self.ends.extend(from.ends[rows].iter().map(|end| (*end as usize - first + base) as u32));
    }

    fn range(&self, index: usize) -> Range<usize> {
        let from = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        from..self.ends[index] as usize
    }
}

fn reserve_close<T>(values: &mut Vec<T>, more: usize) {
    if values.capacity() - values.len() < more {
        values.reserve_exact(more.max(values.len() / 4));
    }
}

/// The memory of values in bytes, with the room that [`reserve_close`] keeps beside them. Room that was made for many more
/// takes none before they come.
fn memory<T>(values: &Vec<T>) -> usize {
    values.capacity().min(values.len() + values.len() / 4) * size_of::<T>()
}

impl Column {
    /// An empty column of a field.
    pub(crate) fn of(field: &Field) -> Self {
        let values = match field.ty {
            Type::Time | Type::I64 => Values::I64(Vec::new()),
            Type::I32 => Values::I32(Vec::new()),
            Type::F64 => Values::F64(Vec::new()),
            Type::Bool => Values::Bool(Vec::new()),
            Type::Text | Type::Word => Values::Text(Texts::default()),
        };
        Column { values, present: field.nullable.then(Vec::new) }
    }

    /// Whether the row at `index` has a value.
    #[must_use]
    pub fn has(&self, index: usize) -> bool {
        self.present.as_ref().is_none_or(|present| present[index])
    }

    /// Whether row `a` here and row `b` of `other` have the same value; nulls are equal.
    #[must_use]
    pub fn same(&self, a: usize, other: &Column, b: usize) -> bool {
        if self.has(a) != other.has(b) {
            return false;
        }
        match (&self.values, &other.values) {
            (Values::I64(x), Values::I64(y)) => x[a] == y[b],
            (Values::I32(x), Values::I32(y)) => x[a] == y[b],
            (Values::F64(x), Values::F64(y)) => x[a].to_bits() == y[b].to_bits(),
            (Values::Bool(x), Values::Bool(y)) => x[a] == y[b],
            (Values::Text(x), Values::Text(y)) => x.bytes(a) == y.bytes(b),
            _ => false,
        }
    }

    /// The bytes of its values and flags.
    pub(crate) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::I64(own) => size_of_val(&own[..]),
            Values::I32(own) => size_of_val(&own[..]),
            Values::F64(own) => size_of_val(&own[..]),
            Values::Bool(own) => own.len(),
            Values::Text(own) => own.bytes.len() + size_of_val(&own.ends[..]),
        };
        values + self.present.as_ref().map_or(0, Vec::len)
    }

    /// The memory of its values and flags, in bytes.
    pub(super) fn memory(&self) -> usize {
        let values = match &self.values {
            Values::I64(own) => memory(own),
            Values::I32(own) => memory(own),
            Values::F64(own) => memory(own),
            Values::Bool(own) => memory(own),
            Values::Text(own) => memory(&own.bytes) + memory(&own.ends),
        };
        values + self.present.as_ref().map_or(0, memory)
    }

    pub(super) fn reserve(&mut self, rows: usize) {
        match &mut self.values {
            Values::I64(own) => own.reserve(rows),
            Values::I32(own) => own.reserve(rows),
            Values::F64(own) => own.reserve(rows),
            Values::Bool(own) => own.reserve(rows),
            Values::Text(own) => own.reserve(rows),
        }
        if let Some(present) = &mut self.present {
            present.reserve(rows);
        }
    }

    /// Makes room for so many rows, and for a quarter of what it holds at most beside them.
    pub(super) fn reserve_close(&mut self, rows: usize) {
        match &mut self.values {
            Values::I64(own) => reserve_close(own, rows),
            Values::I32(own) => reserve_close(own, rows),
            Values::F64(own) => reserve_close(own, rows),
            Values::Bool(own) => reserve_close(own, rows),
            Values::Text(own) => {
                let bytes = own.bytes.len().checked_div(own.ends.len()).unwrap_or_default();
                reserve_close(&mut own.bytes, rows.saturating_mul(bytes));
                reserve_close(&mut own.ends, rows);
            }
        }
        if let Some(present) = &mut self.present {
            reserve_close(present, rows);
        }
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        match &mut self.values {
            Values::I64(own) => own.truncate(rows),
            Values::I32(own) => own.truncate(rows),
            Values::F64(own) => own.truncate(rows),
            Values::Bool(own) => own.truncate(rows),
            Values::Text(own) => own.truncate(rows),
        }
        if let Some(present) = &mut self.present {
            present.truncate(rows);
        }
    }

    /// Appends a range of the values of another column of the same type.
    pub(crate) fn take(&mut self, from: &Column, rows: Range<usize>) {
        match (&mut self.values, &from.values) {
            (Values::I64(to), Values::I64(own)) => to.extend_from_slice(&own[rows.clone()]),
            (Values::I32(to), Values::I32(own)) => to.extend_from_slice(&own[rows.clone()]),
            (Values::F64(to), Values::F64(own)) => to.extend_from_slice(&own[rows.clone()]),
            (Values::Bool(to), Values::Bool(own)) => to.extend_from_slice(&own[rows.clone()]),
            (Values::Text(to), Values::Text(own)) => to.take(own, rows.clone()),
            _ => unreachable!("columns at one place of one kind have one type"),
        }
        if let (Some(to), Some(own)) = (&mut self.present, &from.present) {
            to.extend_from_slice(&own[rows]);
        }
    }
}
