//! Formats instants quickly: each day's date is computed once.

use crate::model::Micros;

const DAY: i64 = 86_400_000_000;

/// Formats instants as `2024-01-31T23:59:59.123456Z`, always with six digits, since readers derive the format of a
/// column from its first value.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    day: Option<i64>,
    date: String,
}

impl Stamps {
    /// Appends an instant to `out`.
    pub(crate) fn write(&mut self, at: Micros, out: &mut Vec<u8>) {
        let (day, rest) = (at.0.div_euclid(DAY), at.0.rem_euclid(DAY));
        if self.day != Some(day) {
            self.date = at.utc().date().to_string();
            self.day = Some(day);
        }
        out.extend_from_slice(self.date.as_bytes());
        let (secs, micros) = (rest / 1_000_000, rest % 1_000_000);
        out.push(b'T');
        digits(secs / 3_600, 2, out);
        out.push(b':');
        digits(secs / 60 % 60, 2, out);
        out.push(b':');
        digits(secs % 60, 2, out);
        out.push(b'.');
        digits(micros, 6, out);
        out.push(b'Z');
    }
}

fn digits(value: i64, width: u32, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        out.push(b'0' + u8::try_from(value / 10_i64.pow(place) % 10).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stamp_reads_back_as_its_instant(micros in -2_000_000_000_000_000_i64..4_000_000_000_000_000) {
            let mut text = Vec::new();
            Stamps::default().write(Micros(micros), &mut text);
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(text.len(), 27);
            prop_assert_eq!(Micros::parse(&text, &crate::model::Zone::UTC).unwrap(), Micros(micros));
        }
    }
}
