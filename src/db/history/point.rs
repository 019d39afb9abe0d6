//! A point as a row of either store.

use crate::model::Micros;
use crate::telemetry::rollup::{Key, Point, Sketch};

/// Key, bucket, count, sum, min, max, last, sampled_at and sketch.
pub(super) type PointRow = (String, i64, i64, f64, f64, f64, f64, i64, Option<Vec<u8>>);

/// The point of a row.
///
/// # Errors
/// If the store holds something that this program did not write.
pub(super) fn of_row(row: PointRow) -> sqlx::Result<(Key, Micros, Point)> {
    let (key, bucket, count, sum, min, max, last, sampled_at, sketch) = row;
    let sketch = sketch.map(|bytes| Sketch::from_bytes(&bytes).ok_or_else(|| odd("a distribution")));
    let point = Point {
        count: u64::try_from(count).map_err(|_| odd("a count"))?,
        sum,
        min,
        max,
        last,
        sampled_at: Micros(sampled_at),
        sketch: sketch.transpose()?,
    };
    Ok((Key::new(&key).map_err(|_| odd("a key"))?, Micros(bucket), point))
}

pub(super) fn odd(what: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what} of the metric history is not as this program writes it").into())
}
