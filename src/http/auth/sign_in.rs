//! Signing in with the token, for browsers: the cookie of a session stands for the token, on pages and in the API.
//!
//! Guesses are limited together with those of the bearer token. The cookie is sent by pages of this site alone, and
//! no script can read it.

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::access::{Caller, Refused, Via, Visitor};
use super::rules::{Auth, bearer, guessing};
use super::sessions::LASTS;
use crate::telemetry::Refusal;

/// The cookie's name.
const COOKIE: &str = "dccd_session";

impl Auth {
    /// The rights of the sender of a request on the pages.
    pub(in crate::http) fn visitor(&self, caller: Caller, headers: &HeaderMap) -> Visitor {
        let Some(token) = &self.token else {
            return if caller.via == Via::Socket { Visitor::Admitted } else { Visitor::ReadOnly };
        };
        match () {
            () if self.is_signed_in(headers) => Visitor::SignedIn,
            () if caller.via == Via::Socket => Visitor::Admitted,
            () if bearer(headers).is_some_and(|shown| token.is(shown)) => Visitor::Admitted,
            () if session_ids(headers).next().is_some() => Visitor::Expired,
            () => Visitor::SignedOut,
        }
    }

    /// Whether a request has the cookie of an open session.
    pub(super) fn is_signed_in(&self, headers: &HeaderMap) -> bool {
        let token = self.token.as_ref().and_then(super::token::TokenFile::digest);
        token.is_some_and(|token| session_ids(headers).any(|id| self.sessions.holds(id, token)))
    }

    /// Opens a session for a visitor who shows the token. Returns the cookie.
    ///
    /// # Errors
    /// If it is not the token, or there is none. Wrong ones wait after too many from there.
    pub(in crate::http) fn sign_in(&self, caller: Caller, shown: &str) -> Result<HeaderValue, Refused> {
        let Some(token) = &self.token else { return Err(self.forbidden()) };
        let right = token.digest().filter(|_| token.is(shown.trim().as_bytes()));
        let Some(right) = right else {
            let now = Instant::now();
            if let Some(wait) = caller.peer.and_then(|peer| self.guesses.wait(peer, now)) {
                return Err(guessing(wait));
            }
            if let Some(peer) = caller.peer {
                self.guesses.wrong(peer, now);
            }
            return Err(Refused {
                reason: Refusal::Credentials,
                status: StatusCode::UNAUTHORIZED,
                what: "that is not the token of http.token_file\n",
                wait: None,
            });
        };
        if let Some(peer) = caller.peer {
            self.guesses.right(peer);
        }
        let opened = self.sessions.open(right);
        let cookie = opened.and_then(|id| self.cookie(caller, &id, LASTS.as_secs()));
        cookie.ok_or(Refused {
            reason: Refusal::Forbidden,
            status: StatusCode::SERVICE_UNAVAILABLE,
            what: "no session can be opened: the system gives no random bytes\n",
            wait: None,
        })
    }

    /// Ends the sessions of a request. Returns the cookie that replaces theirs.
    pub(in crate::http) fn sign_out(&self, caller: Caller, headers: &HeaderMap) -> Option<HeaderValue> {
        session_ids(headers).for_each(|id| self.sessions.end(id));
        self.cookie(caller, "", 0)
    }

    fn cookie(&self, caller: Caller, id: &str, secs: u64) -> Option<HeaderValue> {
        let is_tls = caller.via != Via::Socket && self.scheme() == "https";
        let secure = if is_tls { "; Secure" } else { "" };
        let text = format!("{COOKIE}={id}; Path=/; Max-Age={secs}; HttpOnly; SameSite=Strict{secure}");
        HeaderValue::from_str(&text).ok()
    }
}

/// The values of our cookie; a browser sends more than one only for a page that set another.
fn session_ids(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies = texts.flat_map(|text| text.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.filter(|(name, id)| *name == COOKIE && !id.is_empty()).map(|(_, id)| id).take(4)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use hyper::{Method, Request};

    use super::*;
    use crate::http::auth::Access;
    use crate::telemetry::Telemetry;

    fn guarded() -> (tempfile::TempDir, Auth) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        crate::disk::atomic::replace(&path, b"s3cret\n").unwrap();
        let auth = Auth::new(Some(&path), false).unwrap();
        (folder, auth)
    }

    fn from(peer: [u8; 4]) -> Caller {
        Caller { peer: Some(IpAddr::from(peer)), via: Via::Network }
    }

    fn id_of(cookie: &HeaderValue) -> String {
        cookie.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    /// The status of the refusal of a request with these headers.
    async fn refused(auth: &Auth, method: Method, access: Access, headers: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder().method(method).uri("/api/v1/x").header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let admitted = auth.admit(&Telemetry::new(), from([10, 0, 0, 9]), access, &parts).await;
        admitted.err().map(|refused| refused.status().as_u16())
    }

    #[tokio::test(start_paused = true)]
    async fn the_cookie_is_worth_what_the_token_is_worth_until_it_is_ended() {
        let (_folder, auth) = guarded();
        let cookie = auth.sign_in(from([10, 0, 0, 1]), " s3cret\n").unwrap();
        let text = cookie.to_str().unwrap();
        for flag in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
            assert!(text.contains(flag), "{text}");
        }
        assert!(!text.contains("Secure") && !text.contains("s3cret") && !text.contains("Domain"), "{text}");
        let own = id_of(&cookie);
        let others = format!("a=b; {own}; c=d");

        for access in [Access::Reader, Access::Admin] {
            assert_eq!(refused(&auth, Method::POST, access, &[("cookie", &own)]).await, None);
            assert_eq!(refused(&auth, Method::GET, access, &[("cookie", &others)]).await, None);
        }
        for wrong in ["dccd_session=", "dccd_session=x", "other=1", &own.to_ascii_uppercase()] {
            let status = refused(&auth, Method::POST, Access::Admin, &[("cookie", wrong)]).await;
            assert_eq!(status, Some(401), "{wrong}");
        }
        let headers = HeaderMap::from_iter([(header::COOKIE, own.parse().unwrap())]);
        assert_eq!(auth.visitor(from([1; 4]), &headers), Visitor::SignedIn);
        let ended = auth.sign_out(from([10, 0, 0, 1]), &headers).unwrap();

        assert!(ended.to_str().unwrap().starts_with("dccd_session=; Path=/; Max-Age=0;"));
        assert_eq!(refused(&auth, Method::POST, Access::Admin, &[("cookie", &own)]).await, Some(401));
        assert_eq!(auth.visitor(from([1; 4]), &headers), Visitor::Expired, "the cookie of no session");
        assert_eq!(auth.visitor(from([1; 4]), &HeaderMap::new()), Visitor::SignedOut);
        let again = id_of(&auth.sign_in(from([10, 0, 0, 1]), "s3cret").unwrap());
        tokio::time::advance(LASTS).await;
        assert_eq!(refused(&auth, Method::POST, Access::Admin, &[("cookie", &again)]).await, Some(401));
    }

    #[tokio::test]
    async fn a_page_of_another_site_cannot_use_the_cookie() {
        let (_folder, auth) = guarded();
        let own = id_of(&auth.sign_in(from([10, 0, 0, 1]), "s3cret").unwrap());
        for (name, value) in
            [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
        {
            for access in [Access::Admin, Access::Open] {
                let headers = [("cookie", own.as_str()), (name, value)];
                assert_eq!(refused(&auth, Method::POST, access, &headers).await, Some(403), "{name} {value}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_wrong_tokens_are_refused_and_lock_out_no_session() {
        let (_folder, auth) = guarded();
        let guesser = from([10, 0, 0, 9]);
        let own = id_of(&auth.sign_in(guesser, "s3cret").unwrap());
        let statuses: Vec<u16> = (0..1_000)
            .map(|number| auth.sign_in(guesser, &format!("guess {number}")).unwrap_err().status.as_u16())
            .collect();

        assert!(statuses[..10].iter().all(|status| *status == 401), "{statuses:?}");
        assert!(statuses[10..].iter().all(|status| *status == 429), "{statuses:?}");
        let waits = auth.sign_in(guesser, "another guess").unwrap_err();
        assert!(waits.wait.is_some_and(|wait| wait > Duration::ZERO));
        assert_eq!(refused(&auth, Method::POST, Access::Admin, &[("cookie", &own)]).await, None);
        let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
        for (token, status) in [("guess", Some(429)), ("s3cret", None)] {
            let (name, value) = bearer(token);
            let headers = [(name, value.as_str())];
            assert_eq!(refused(&auth, Method::POST, Access::Admin, &headers).await, status, "{token}");
        }
        (0..10).for_each(|_| drop(auth.sign_in(guesser, "guess")));
        assert_eq!(auth.sign_in(guesser, "guess").unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
        assert!(auth.sign_in(guesser, "s3cret").is_ok(), "who has the token is let in");
    }

    #[tokio::test]
    async fn without_a_token_nobody_signs_in() {
        let auth = Auth::default();
        assert_eq!(auth.sign_in(from([1; 4]), "").unwrap_err().status, StatusCode::FORBIDDEN);
        assert_eq!(auth.visitor(from([1; 4]), &HeaderMap::new()), Visitor::ReadOnly);
        let socket = Caller { peer: None, via: Via::Socket };
        assert_eq!(auth.visitor(socket, &HeaderMap::new()), Visitor::Admitted);
    }
}
