//! Charts of one line for a terminal.

/// The heights of a column.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Values over time as at most `width` characters; neighbours that share a character are added, or averaged. A counter's
/// columns stand on zero, others on the least value. A time without values is blank.
pub(crate) fn sparkline(values: &[Option<f64>], is_counter: bool, width: usize) -> String {
    let together = values.len().div_ceil(width.max(1)).max(1);
    let columns: Vec<Option<f64>> = values
        .chunks(together)
        .map(|chunk| {
            let known: Vec<f64> = chunk.iter().copied().flatten().collect();
            let sum: f64 = known.iter().sum();
            let share = if is_counter { 1.0 } else { known.len() as f64 };
            (!known.is_empty()).then_some(sum / share)
        })
        .collect();
    let known = || columns.iter().copied().flatten();
    let least = if is_counter { known().fold(0.0, f64::min) } else { known().fold(f64::INFINITY, f64::min) };
    let most = known().fold(least, f64::max);
    let column = |value: f64| {
        // Halved, so that the range of two large numbers is not infinite.
        let (height, range) = (value / 2.0 - least / 2.0, most / 2.0 - least / 2.0);
        let share = if range > 0.0 { height / range } else { 0.0 };
        HEIGHTS[(share * (HEIGHTS.len() - 1) as f64).round() as usize]
    };
    columns.iter().map(|value| value.map_or(' ', column)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_value_is_lowest_the_greatest_highest_and_a_gap_blank() {
        assert_eq!(sparkline(&[Some(3.0), None, Some(10.0), Some(6.5)], false, 10), "▁ █▅");
        assert_eq!(sparkline(&[Some(5.0), Some(10.0)], true, 10), "▅█");
        assert_eq!(sparkline(&[Some(7.0), Some(7.0)], false, 10), "▁▁");
    }

    #[test]
    fn neighbours_share_a_column_where_there_are_too_many() {
        let minutes: Vec<_> = (0..60).map(|minute| Some(f64::from(u8::from(minute >= 30)))).collect();

        assert_eq!(sparkline(&minutes, true, 10), "▁▁▁▁▁█████");
        assert_eq!(sparkline(&minutes, false, 10), "▁▁▁▁▁█████");
    }

    #[test]
    fn no_values_and_values_of_any_size_are_drawn() {
        assert_eq!(sparkline(&[], true, 10), "");
        assert_eq!(sparkline(&[None, None], false, 10), "  ");
        assert_eq!(sparkline(&[Some(-1e308), Some(1e308), Some(0.0)], false, 10), "▁█▅");
    }
}
