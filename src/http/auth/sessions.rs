//! Sessions of browsers that signed in with the token: kept in memory, so that a restart ends them all, which the pages
//! say to a browser that comes with the cookie of one. On disk they would outlive the process that vouched for them, in a
//! store that other workers and its backups read.
//!
//! A session is worth what its token is worth: it remembers the digest of the token it was opened with, and holds
//! only while that is the token. Only digests of the ids are kept.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Digest, SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::Instant;

use super::token::same;

/// How long a session lasts.
pub(super) const LASTS: Duration = Duration::from_secs(12 * 3_600);
/// The most sessions; the oldest give way.
const SESSIONS: usize = 256;
const ID_BYTES: usize = 32;

/// Every open session, the oldest first.
#[derive(Default)]
pub(super) struct Sessions(Mutex<VecDeque<Session>>);

struct Session {
    /// The digest of its id.
    id: Digest,
    /// The digest of the token that it was opened with.
    token: Digest,
    until: Instant,
}

impl Sessions {
    /// Opens a session for this token and returns its id. `None` if the system gives no random bytes.
    pub(super) fn open(&self, token: Digest) -> Option<String> {
        let mut bytes = [0; ID_BYTES];
        SystemRandom::new().fill(&mut bytes).ok()?;
        let id = URL_SAFE_NO_PAD.encode(bytes);
        let mut sessions = self.sessions();
        if sessions.len() >= SESSIONS {
            sessions.pop_front();
        }
        let until = Instant::now() + LASTS;
        sessions.push_back(Session { id: digest(&SHA256, id.as_bytes()), token, until });
        Some(id)
    }

    /// Whether there is a session of this id that was opened with this token.
    pub(super) fn holds(&self, id: &str, token: Digest) -> bool {
        let id = digest(&SHA256, id.as_bytes());
        let own = |session: &Session| same(session.id.as_ref(), id.as_ref());
        let is_of_token = |session: &Session| same(session.token.as_ref(), token.as_ref());
        self.sessions().iter().any(|session| own(session) && is_of_token(session))
    }

    /// Ends the session of this id.
    pub(super) fn end(&self, id: &str) {
        let id = digest(&SHA256, id.as_bytes());
        self.sessions().retain(|session| !same(session.id.as_ref(), id.as_ref()));
    }

    /// Those that have not expired.
    fn sessions(&self) -> MutexGuard<'_, VecDeque<Session>> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while sessions.front().is_some_and(|oldest| oldest.until <= now) {
            sessions.pop_front();
        }
        sessions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Digest {
        digest(&SHA256, text.as_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_lasts_twelve_hours_and_no_longer_than_its_token() {
        let sessions = Sessions::default();
        let id = sessions.open(token("first")).unwrap();
        assert!(id.len() >= 43 && id != sessions.open(token("first")).unwrap());

        assert!(sessions.holds(&id, token("first")));
        assert!(!sessions.holds(&id, token("second")), "the token was replaced");
        assert!(!sessions.holds("", token("first")) && !sessions.holds(&id[1..], token("first")));
        tokio::time::advance(LASTS - Duration::from_secs(1)).await;
        assert!(sessions.holds(&id, token("first")));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!sessions.holds(&id, token("first")));
    }

    #[tokio::test(start_paused = true)]
    async fn an_ended_session_is_gone_and_others_stay() {
        let sessions = Sessions::default();
        let [one, other] = [(); 2].map(|()| sessions.open(token("t")).unwrap());

        sessions.end(&one);
        sessions.end("no such id");

        assert!(!sessions.holds(&one, token("t")) && sessions.holds(&other, token("t")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_session_gives_way_to_one_too_many() {
        let sessions = Sessions::default();
        let ids: Vec<String> = (0..=SESSIONS).map(|_| sessions.open(token("t")).unwrap()).collect();

        assert_eq!(sessions.sessions().len(), SESSIONS);
        assert!(!sessions.holds(&ids[0], token("t")) && sessions.holds(&ids[1], token("t")));
    }
}
