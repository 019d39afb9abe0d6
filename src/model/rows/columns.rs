//! Access to values of a column by its type in the schema.

use crate::model::{Column, Values};

pub(super) fn i64s(column: &Column) -> &[i64] {
    let Values::I64(values) = &column.values else { unreachable!("the schema says whole numbers here") };
    values
}

pub(super) fn f64s(column: &Column) -> &[f64] {
    let Values::F64(values) = &column.values else { unreachable!("the schema says prices here") };
    values
}

pub(super) fn push_i64(column: &mut Column, value: i64) {
    let Values::I64(values) = &mut column.values else { unreachable!("the schema says whole numbers here") };
    values.push(value);
}

pub(super) fn push_f64(column: &mut Column, value: f64) {
    let Values::F64(values) = &mut column.values else { unreachable!("the schema says prices here") };
    values.push(value);
}

pub(super) fn push_text(column: &mut Column, value: &str) {
    let Values::Text(values) = &mut column.values else { unreachable!("the schema says text here") };
    values.push(value);
}

pub(super) fn maybe<T>(column: &mut Column, value: Option<T>, push: impl FnOnce(&mut Column, T), absent: T) {
    let present = value.is_some();
    push(column, value.unwrap_or(absent));
    if let Some(flags) = &mut column.present {
        flags.push(present);
    }
}
