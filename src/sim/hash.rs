//! Numbers that look random but are a pure function of their key: every simulated value and every fault comes from
//! here, so that runs can be repeated and rows checked individually.

/// A step of splitmix64: a bijection that scatters adjacent inputs.
#[must_use]
pub(super) fn scatter(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The number for a key, with a seed.
#[must_use]
pub(super) fn draw(seed: u64, key: u64) -> u64 {
    scatter(scatter(seed) ^ key)
}

/// The seed of a text.
#[must_use]
pub(super) fn seed_of(text: &str) -> u64 {
    text.bytes().fold(text.len() as u64, |seed, byte| draw(seed, u64::from(byte)))
}

/// `drawn` mapped into `0..bound`.
#[must_use]
pub(super) fn below(drawn: u64, bound: i64) -> i64 {
    i64::try_from(drawn % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
}
