//! The answers of actions that were sent with an `Idempotency-Key`: the same request again gets the same answer, and
//! nothing is done twice.
//!
//! A request whose answer is not known, because it lasts or its client went away, keeps its key: to do it again could be
//! to do it twice.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use tokio::time::Instant;

/// The most keys; the oldest give way.
const MOST_KEYS: usize = 1_024;
/// How long a key is remembered.
const KEPT_FOR: Duration = Duration::from_secs(3_600);
/// The largest answer that is kept.
const MOST_BYTES: usize = 64 << 10;

#[derive(Default)]
pub(super) struct KeptAnswers(Mutex<VecDeque<Kept>>);

struct Kept {
    key: String,
    since: Instant,
    /// The digest of the request.
    request: [u8; 32],
    answer: Option<KeptAnswer>,
}

/// An answer as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptAnswer {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
}

/// The state of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: it is taken now, and the request is to be carried out.
    New,
    /// The answer of the same request.
    Answered(KeptAnswer),
    /// The same request was begun and has no answer.
    Begun,
    /// It is the key of another request.
    OfAnother,
}

impl KeptAnswers {
    /// Takes a key for a request, unless it is taken.
    pub(super) fn begin(&self, key: &str, request: [u8; 32]) -> Known {
        let mut kept = self.kept();
        while kept.front().is_some_and(|oldest| oldest.since.elapsed() >= KEPT_FOR) {
            kept.pop_front();
        }
        if let Some(known) = kept.iter().find(|own| own.key == key) {
            return match &known.answer {
                _ if known.request != request => Known::OfAnother,
                Some(answer) => Known::Answered(answer.clone()),
                None => Known::Begun,
            };
        }
        if kept.len() >= MOST_KEYS {
            kept.pop_front();
        }
        kept.push_back(Kept { key: key.to_owned(), since: Instant::now(), request, answer: None });
        Known::New
    }

    /// Keeps the answer of a request. A failure of the server frees the key, so that the request may be tried again.
    pub(super) fn end(&self, key: &str, answer: KeptAnswer) {
        let mut kept = self.kept();
        let Some(place) = kept.iter().position(|own| own.key == key) else { return };
        if answer.status.is_server_error() {
            kept.remove(place);
        } else if answer.body.len() <= MOST_BYTES {
            kept[place].answer = Some(answer);
        }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: StatusCode) -> KeptAnswer {
        KeptAnswer { status, content_type: "application/json", body: Bytes::from_static(b"{}") }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_carried_out_once_for_its_key_within_an_hour() {
        let kept = KeptAnswers::default();
        assert_eq!(kept.begin("a", [1; 32]), Known::New);
        assert_eq!(kept.begin("a", [1; 32]), Known::Begun);
        kept.end("a", answer(StatusCode::ACCEPTED));

        assert_eq!(kept.begin("a", [1; 32]), Known::Answered(answer(StatusCode::ACCEPTED)));
        assert_eq!(kept.begin("a", [2; 32]), Known::OfAnother);
        assert_eq!(kept.begin("b", [1; 32]), Known::New);
        tokio::time::advance(KEPT_FOR).await;
        assert_eq!(kept.begin("a", [2; 32]), Known::New);
    }

    #[test]
    fn a_failure_of_the_server_may_be_tried_again_and_a_refusal_may_not() {
        let kept = KeptAnswers::default();
        kept.begin("a", [1; 32]);
        kept.end("a", answer(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(kept.begin("a", [1; 32]), Known::New);

        kept.end("a", answer(StatusCode::CONFLICT));

        assert_eq!(kept.begin("a", [1; 32]), Known::Answered(answer(StatusCode::CONFLICT)));
    }

    #[test]
    fn the_oldest_keys_give_way() {
        let kept = KeptAnswers::default();
        for number in 0..=MOST_KEYS {
            kept.begin(&number.to_string(), [0; 32]);
        }

        assert_eq!(kept.kept().len(), MOST_KEYS);
        assert_eq!(kept.begin("1", [0; 32]), Known::Begun);
        assert_eq!(kept.begin("0", [0; 32]), Known::New);
    }
}
