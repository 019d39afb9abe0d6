//! Numbers drawn from a seed that is printed, and how much is drawn.

use std::time::SystemTime;

/// A generator of whole numbers.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The generator of a test; its seed stands in the test's output.
    pub(crate) fn drawn() -> Self {
        let seed = std::env::var("DCCD_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 >> 10
        });
        println!("DCCD_SEED={seed}");
        Dice::new(seed)
    }

    pub(crate) fn new(seed: u64) -> Self {
        // Seeds that lie side by side must not give sequences that do.
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Whether one time in so many comes up.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// How often something is done: the long form is run by `make siege`.
pub(crate) fn times(short: u64, long: u64) -> u64 {
    if std::env::var("DCCD_SIEGE").is_ok_and(|value| value == "1") { long } else { short }
}
