//! The price of a symbol as a pure function of time, in whole hundredths of the quote asset.

use super::hash::{below, draw, seed_of};

/// The waves that make up a price: length as a power of two of milliseconds (from a year down to a quarter of a
/// minute), and height in 65536ths of the base price. They add up to less than half of it.
const WAVES: [(u32, i64); 6] = [(35, 16_000), (30, 5_000), (26, 2_500), (22, 1_000), (18, 400), (14, 120)];

/// A price that fluctuates around a base.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    seed: u64,
    base_cents: i64,
}

impl Path {
    /// The path of a symbol; well-known assets have realistic prices.
    pub(super) fn of(symbol: &str) -> Self {
        let seed = seed_of(symbol);
        let base_cents = match symbol {
            _ if symbol.starts_with("BTC") => 6_000_000,
            _ if symbol.starts_with("ETH") => 300_000,
            _ => 10_000 + below(seed, 90_000),
        };
        Path { seed, base_cents }
    }

    /// The seed for all other values of the symbol.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// The price that the path fluctuates around.
    pub(super) fn base_cents(&self) -> i64 {
        self.base_cents
    }

    /// The price at an instant: the sum of waves, each linear between two random heights.
    pub(super) fn cents(&self, at_ms: i64) -> i64 {
        let sum: i64 = WAVES
            .iter()
            .map(|&(bits, share)| {
                let (step, inside) = (at_ms >> bits, at_ms & ((1 << bits) - 1));
                let (here, there) = (self.height(bits, step), self.height(bits, step + 1));
                (here + (((there - here) * inside) >> bits)) * share
            })
            .sum();
        // Heights have 15 bits and shares 16: the sum is in 2^31sts of the base price.
        self.base_cents + ((self.base_cents * sum) >> 31)
    }

    /// A height in `-32768..32768`.
    fn height(&self, bits: u32, step: i64) -> i64 {
        below(draw(self.seed ^ u64::from(bits), step.cast_unsigned()), 65_536) - 32_768
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_stays_positive_and_moves_little_in_a_second() {
        for symbol in ["BTCUSDT", "ETHUSDT", "XRPUSDT"] {
            let path = Path::of(symbol);
            for second in (1_500_000_000..1_900_000_000).step_by(999_983) {
                let (now, next) = (path.cents(second * 1_000), path.cents(second * 1_000 + 1_000));
                assert!(
                    now > path.base_cents / 2 && now < path.base_cents * 3 / 2,
                    "{symbol} {second}: {now}"
                );
                assert!((next - now).abs() <= path.base_cents / 500, "{symbol} {second}: {now} {next}");
            }
        }
    }

    #[test]
    fn a_price_is_not_the_same_all_day() {
        let path = Path::of("BTCUSDT");
        let hours: std::collections::HashSet<i64> =
            (0..24).map(|hour| path.cents(1_700_000_000_000 + hour * 3_600_000)).collect();
        assert!(hours.len() > 20);
    }
}
