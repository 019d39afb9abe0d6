//! A rate limit on wrong credentials per address, against guessing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Wrong credentials that an address may send without waiting.
const FREE: f64 = 10.0;
/// How long until one of them is forgiven.
const FORGIVEN: Duration = Duration::from_secs(6);
/// Addresses tracked; beyond that the one nearest to being forgiven is dropped.
const ADDRESSES: usize = 4_096;

/// Wrong credentials by address.
#[derive(Default)]
pub(super) struct Guesses(Mutex<HashMap<IpAddr, Guessed>>);

#[derive(Clone, Copy)]
struct Guessed {
    /// As of `at`.
    count: f64,
    at: Instant,
}

impl Guessed {
    fn now(self, now: Instant) -> f64 {
        let forgiven = now.saturating_duration_since(self.at).as_secs_f64() / FORGIVEN.as_secs_f64();
        (self.count - forgiven).max(0.0)
    }
}

impl Guesses {
    /// How long an address must wait before its credentials are checked again. `None` if it need not.
    pub(super) fn wait(&self, peer: IpAddr, now: Instant) -> Option<Duration> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let beyond = table.get(&network(peer))?.now(now) - (FREE - 1.0);
        (beyond > 0.0).then(|| FORGIVEN.mul_f64(beyond))
    }

    /// Clears an address that sent right credentials.
    pub(super) fn right(&self, peer: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&network(peer));
    }

    /// Counts wrong credentials. Returns whether the address must wait from now on.
    pub(super) fn wrong(&self, peer: IpAddr, now: Instant) -> bool {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = network(peer);
        if !table.contains_key(&peer) && table.len() >= ADDRESSES {
            table.retain(|_, guessed| guessed.now(now) > 0.0);
            let least = table.iter().min_by(|one, other| one.1.now(now).total_cmp(&other.1.now(now)));
            if let Some(least) = least.map(|(peer, _)| *peer).filter(|_| table.len() >= ADDRESSES) {
                table.remove(&least);
            }
        }
        let count = table.get(&peer).map_or(0.0, |guessed| guessed.now(now)) + 1.0;
        table.insert(peer, Guessed { count, at: now });
        count > FREE - 1.0
    }
}

/// The unit that is limited: an address, or in IPv6 its /64 network.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(peer) => Ipv6Addr::from_bits(peer.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_eleventh_guess_waits_and_others_do_not() {
        let guesses = Guesses::default();
        let (guesser, other): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let told: Vec<bool> = (0..10).map(|_| guesses.wrong(guesser, Instant::now())).collect();

        assert_eq!(told.iter().position(|must_wait| *must_wait), Some(9));
        assert_eq!(guesses.wait(guesser, Instant::now()), Some(FORGIVEN));
        assert_eq!(guesses.wait("::ffff:10.0.0.1".parse().unwrap(), Instant::now()), Some(FORGIVEN));
        assert_eq!(guesses.wait(other, Instant::now()), None);
        tokio::time::advance(FORGIVEN).await;
        assert_eq!(guesses.wait(guesser, Instant::now()), None);
        assert!(guesses.wrong(guesser, Instant::now()));
        guesses.right(guesser);
        assert_eq!(guesses.wait(guesser, Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_network_of_ipv6_counts_as_one_and_the_table_stays_bounded() {
        let guesses = Guesses::default();
        for host in 0..10 {
            guesses.wrong(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host).into(), Instant::now());
        }
        let neighbour = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9).into();

        for number in 0..2 * ADDRESSES as u32 {
            guesses.wrong(IpAddr::from(number.to_be_bytes()), Instant::now());
        }

        assert!(
            guesses.wait(neighbour, Instant::now()).is_some(),
            "the worst is not the one that is dropped"
        );
        assert_eq!(guesses.0.lock().unwrap().len(), ADDRESSES);
    }
}
