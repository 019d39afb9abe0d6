//! Basic auth against bcrypt hashes. A password that was right is remembered by its keyed digest, so that frequent
//! scrapes do not cost a tenth of a second each.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ring::hmac;
use ring::rand::SystemRandom;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Digests kept; beyond that all are dropped, which costs each user one slow request.
const KNOWN: usize = 256;
/// Hashes computed at a time, so that guessing cannot take up the machine.
const AT_ONCE: usize = 2;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Compared with the passwords of unknown users, so that they take as long to reject.
const NOBODY: &str = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

/// The result of checking a user's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// Too many are being checked.
    Busy,
}

pub(super) struct Passwords {
    key: hmac::Key,
    known: Mutex<HashSet<[u8; 32]>>,
    turns: Arc<Semaphore>,
}

impl Passwords {
    /// # Errors
    /// If the system provides no random bytes.
    pub(super) fn new() -> Result<Self, ring::error::Unspecified> {
        Ok(Passwords {
            key: hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())?,
            known: Mutex::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// Compares a password with its user's hash.
    pub(super) async fn verify(
        &self,
        users: &BTreeMap<String, String>,
        user: &str,
        password: &str,
    ) -> Verdict {
        let hash = users.get(user);
        // The digest includes the hash, so that changing a password forgets the old one.
        let digest = self.digest(user, hash.map_or(NOBODY, String::as_str), password);
        if hash.is_some() && self.known().contains(&digest) {
            return Verdict::Right;
        }
        let is_someone = hash.is_some();
        let (hash, password) = (hash.map_or(NOBODY, String::as_str).to_owned(), password.to_owned());
        let Ok(Ok(turn)) = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await else {
            return Verdict::Busy;
        };
        let compared = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            bcrypt::verify(password, &hash).unwrap_or(false)
        });
        if !compared.await.unwrap_or(false) || !is_someone {
            return Verdict::Wrong;
        }
        let mut known = self.known();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(digest);
        Verdict::Right
    }

    fn digest(&self, user: &str, hash: &str, password: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [user, hash, password] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }

    fn known(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_right_password_is_remembered_until_its_hash_changes_and_a_wrong_one_never() {
        let passwords = Passwords::new().unwrap();
        let users = |password: &str| BTreeMap::from([("ann".to_owned(), bcrypt::hash(password, 4).unwrap())]);
        let before = users("sesame");

        assert_eq!(passwords.verify(&before, "ann", "open").await, Verdict::Wrong);
        assert!(passwords.known().is_empty());
        assert_eq!(passwords.verify(&before, "ann", "sesame").await, Verdict::Right);
        passwords.turns.close();
        assert_eq!(passwords.verify(&before, "ann", "sesame").await, Verdict::Right);
        assert_eq!(passwords.verify(&users("other"), "ann", "sesame").await, Verdict::Busy);
    }

    #[tokio::test]
    async fn somebody_unknown_is_wrong_with_any_password() {
        let passwords = Passwords::new().unwrap();
        for (user, password) in [("", ""), ("bob", "sesame"), ("ann", "")] {
            assert_eq!(passwords.verify(&BTreeMap::new(), user, password).await, Verdict::Wrong);
        }
    }
}
