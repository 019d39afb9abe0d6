//! A length of time as an option takes it.

use std::time::Duration;

/// Reads `30s`, `5m`, `1h` or a number of seconds.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err("write 30s, 5m or 1h".to_owned()),
    };
    let secs = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(factor));
    secs.map(Duration::from_secs).ok_or_else(|| "write 30s, 5m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_with_its_unit() {
        assert_eq!(
            ["30s", "5m", "1h", "7"].map(length),
            [30, 300, 3_600, 7].map(|secs| Ok(Duration::from_secs(secs)))
        );
        assert!(length("1d").is_err() && length("s").is_err());
    }
}
