//! A distribution in bins of equal relative width, as of DDSketch: any quantile is within 1 % of the true value, and
//! sketches merge without a further error.
//!
//! Source: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
//! guarantees", 2019.

use std::collections::BTreeMap;

/// The relative error of a quantile; a little less than what is promised, which leaves room for rounding.
const ERROR: f64 = 0.0098;
/// The ratio of the bounds of a bin.
const RATIO: f64 = (1.0 + ERROR) / (1.0 - ERROR);
/// The most bins. Beyond it the ones nearest to zero are joined, which falsifies only quantiles that lie there.
const MOST_BINS: usize = 2_048;
/// Values nearer to zero count as zero.
const LEAST: f64 = 1e-12;

/// Values by bin. Bins without values take no room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Positive values by the exponent of their bin.
    above: BTreeMap<i32, u64>,
    /// Negative values by the exponent of their bin.
    below: BTreeMap<i32, u64>,
    zeros: u64,
}

impl Sketch {
    /// A single value.
    #[must_use]
    pub fn of(value: f64) -> Self {
        let mut sketch = Sketch::default();
        sketch.observe(value);
        sketch
    }

    /// Adds a value, which must be finite.
    pub fn observe(&mut self, value: f64) {
        let bins = match value {
            value if value.abs() < LEAST => {
                self.zeros = self.zeros.saturating_add(1);
                return;
            }
            value if value > 0.0 => &mut self.above,
            _ => &mut self.below,
        };
        add(bins, exponent(value.abs()), 1);
        bound(bins);
    }

    /// Adds the values of another sketch.
    pub fn merge(&mut self, other: &Sketch) {
        self.zeros = self.zeros.saturating_add(other.zeros);
        for (bins, others) in [(&mut self.above, &other.above), (&mut self.below, &other.below)] {
            others.iter().for_each(|(exponent, count)| add(bins, *exponent, *count));
            bound(bins);
        }
    }

    /// The number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        let bins = self.above.values().chain(self.below.values());
        bins.fold(self.zeros, |sum, count| sum.saturating_add(*count))
    }

    /// The value of rank `share × (count − 1)`, rounded down, within 1 %; `None` without values. A share beyond 0 or 1
    /// counts as 0 or 1.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let last = self.count().checked_sub(1)?;
        let rank = (share.clamp(0.0, 1.0) * last as f64).floor() as u64;
        let below = self.below.iter().rev().map(|(exponent, count)| (-middle(*exponent), *count));
        let above = self.above.iter().map(|(exponent, count)| (middle(*exponent), *count));
        let mut passed = 0_u64;
        below.chain([(0.0, self.zeros)]).chain(above).find_map(|(value, count)| {
            passed = passed.saturating_add(count);
            (passed > rank).then_some(value)
        })
    }

    /// The sketch as bytes: the zeros, then the bins of either sign, their number first, each as the distance from the
    /// exponent before it and its count, all in variable length.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        push(&mut bytes, self.zeros);
        for bins in [&self.above, &self.below] {
            push(&mut bytes, bins.len() as u64);
            let mut before = 0_i64;
            for (exponent, count) in bins {
                let step = i64::from(*exponent) - before;
                push(&mut bytes, ((step << 1) ^ (step >> 63)) as u64);
                push(&mut bytes, *count);
                before = i64::from(*exponent);
            }
        }
        bytes
    }

    /// Reads what [`Sketch::to_bytes`] wrote; `None` if the bytes are something else.
    #[must_use]
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut sketch = Sketch { zeros: pull(&mut bytes)?, ..Sketch::default() };
        for bins in [&mut sketch.above, &mut sketch.below] {
            let length = pull(&mut bytes)?;
            if length > MOST_BINS as u64 {
                return None;
            }
            let mut before = 0_i64;
            for _ in 0..length {
                let step = pull(&mut bytes)?;
                before = before.checked_add((step >> 1) as i64 ^ -((step & 1) as i64))?;
                add(bins, i32::try_from(before).ok()?, pull(&mut bytes)?);
            }
        }
        bytes.is_empty().then_some(sketch)
    }
}

/// The exponent of the bin of a positive value.
fn exponent(value: f64) -> i32 {
    // Between -2 000 and 37 000 for any finite value that is not zero.
    (value.ln() / RATIO.ln()).ceil() as i32
}

/// The value with the least relative error to both bounds of a bin.
fn middle(exponent: i32) -> f64 {
    let upper = (f64::from(exponent) * RATIO.ln()).exp().min(f64::MAX);
    upper * (2.0 / (RATIO + 1.0))
}

fn add(bins: &mut BTreeMap<i32, u64>, exponent: i32, count: u64) {
    let bin = bins.entry(exponent).or_default();
    *bin = bin.saturating_add(count);
}

/// Joins the bins nearest to zero until there are few enough.
fn bound(bins: &mut BTreeMap<i32, u64>) {
    while bins.len() > MOST_BINS {
        let Some((_, count)) = bins.pop_first() else { return };
        if let Some(mut next) = bins.first_entry() {
            *next.get_mut() = next.get().saturating_add(count);
        }
    }
}

fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn pull(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The true value of the same rank.
    fn exact(sorted: &[f64], share: f64) -> f64 {
        sorted[(share * (sorted.len() - 1) as f64).floor() as usize]
    }

    #[test]
    fn a_minute_with_one_value_takes_a_few_bytes() {
        assert!(Sketch::of(0.25).to_bytes().len() <= 6);
    }

    #[test]
    fn a_sketch_of_every_magnitude_stays_bounded_and_its_upper_quantiles_true() {
        let mut sketch = Sketch::default();
        let values: Vec<f64> = (-3_000..3_000).map(|power| 1.1_f64.powi(power)).collect();
        values.iter().for_each(|value| sketch.observe(*value));

        assert!(sketch.above.len() <= MOST_BINS);
        assert_eq!(sketch.count(), 6_000);
        for share in [0.9, 0.95, 0.99, 1.0] {
            let (found, truth) = (sketch.quantile(share).unwrap(), exact(&values, share));
            assert!((found / truth - 1.0).abs() <= 0.01, "{share}: {found} for {truth}");
        }
    }

    #[test]
    fn bytes_of_something_else_are_no_sketch() {
        let whole = Sketch::of(3.0).to_bytes();
        assert!(Sketch::from_bytes(&whole).is_some());
        for odd in [&[][..], &[0], &[0xff; 20], &whole[..whole.len() - 1], &[&whole[..], &[0]].concat()] {
            assert_eq!(Sketch::from_bytes(odd), None, "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn a_quantile_of_any_values_is_within_one_in_a_hundred(
            mut values in prop::collection::vec(-1e9_f64..1e9, 1..300),
            share in 0.0_f64..=1.0,
        ) {
            let mut sketch = Sketch::default();
            values.iter().for_each(|value| sketch.observe(*value));
            values.sort_by(f64::total_cmp);
            let (found, truth) = (sketch.quantile(share).unwrap(), exact(&values, share));
            prop_assert!((found - truth).abs() <= 0.01 * truth.abs() + LEAST, "{found} for {truth}");
        }

        #[test]
        fn a_sketch_reads_back_as_it_was_written(values in prop::collection::vec(prop::num::f64::NORMAL, 0..100)) {
            let mut sketch = Sketch::default();
            values.iter().for_each(|value| sketch.observe(*value));
            prop_assert_eq!(Sketch::from_bytes(&sketch.to_bytes()), Some(sketch));
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(sketch) = Sketch::from_bytes(&bytes) {
                let _ = (sketch.count(), sketch.quantile(0.5));
            }
        }
    }
}
