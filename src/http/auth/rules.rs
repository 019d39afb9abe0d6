//! Decides who may do what, by the route's access level, the request's transport and its credentials.
//!
//! The table of routes holds the levels. The socket lies in the data path's own folder and belongs to the user who
//! runs the daemon, so anyone who can open it may do everything. Changes over TCP always require the token.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::Instant;

use super::access::{Access, Caller, Refused, Via};
use super::basic;
use super::browser::{check_host, check_origin};
use super::guesses::Guesses;
use super::passwords::{Passwords, Verdict};
use super::sessions::Sessions;
use super::token::TokenFile;
use super::web::Web;
use super::web_config::{WebConfig, WebConfigError};
use crate::http::reply::{plain, see_other};
use crate::telemetry::events::RequestRefused;
use crate::telemetry::{Refusal, Telemetry};

/// The access rules of a server.
#[derive(Default)]
pub struct Auth {
    pub(super) token: Option<TokenFile>,
    web: Option<(Arc<Web>, Passwords)>,
    allow_unauthenticated: bool,
    pub(super) guesses: Guesses,
    pub(super) sessions: Sessions,
}

impl Auth {
    /// Rules with a token; without one nothing can be changed over TCP.
    ///
    /// # Errors
    /// If the token's file cannot be read or is empty.
    pub fn new(token_file: Option<&Path>, allow_unauthenticated: bool) -> io::Result<Self> {
        let token = token_file.map(TokenFile::open).transpose()?;
        Ok(Auth { token, allow_unauthenticated, ..Auth::default() })
    }

    /// Adds TLS and the users of a web configuration.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn with_web_config(self, path: &Path) -> Result<Self, WebConfigError> {
        let web = Arc::new(Web::open(path)?);
        let passwords = Passwords::new().map_err(|_| WebConfigError::Refused {
            path: path.to_owned(),
            what: "the system gives no random bytes".to_owned(),
        })?;
        Ok(Auth { web: Some((web, passwords)), ..self })
    }

    /// Whether reading from other machines requires credentials, or was expressly opened to all.
    #[must_use]
    pub(crate) fn is_decided(&self) -> bool {
        self.allow_unauthenticated
            || self.token.is_some()
            || self.web_config().is_some_and(|config| config.guards())
    }

    /// The URL scheme of the listeners.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        let speaks_tls = self.web_config().is_some_and(|config| config.tls.is_some());
        if speaks_tls { "https" } else { "http" }
    }

    /// The web configuration and its reloading.
    pub(in crate::http) fn web(&self) -> Option<&Arc<Web>> {
        self.web.as_ref().map(|(web, _)| web)
    }

    /// The web configuration in force.
    pub(in crate::http) fn web_config(&self) -> Option<Arc<WebConfig>> {
        self.web().map(|web| web.config())
    }

    /// Admits a request, or returns the reason for refusing it.
    pub(in crate::http) async fn admit(
        &self,
        telemetry: &Telemetry,
        caller: Caller,
        access: Access,
        request: &Parts,
    ) -> Result<(), Box<Response>> {
        let Err(refused) = self.judge(caller, access, request).await else { return Ok(()) };
        telemetry.emit(RequestRefused { reason: refused.reason, peer: caller.peer });
        let is_asked_to_sign_in = refused.status == StatusCode::UNAUTHORIZED && self.signs_in(access);
        match sign_in_address(request).filter(|_| is_asked_to_sign_in) {
            Some(address) => Err(Box::new(see_other(&address))),
            None => Err(Box::new(self.answer(&refused))),
        }
    }

    async fn judge(&self, caller: Caller, access: Access, request: &Parts) -> Result<(), Refused> {
        if caller.via == Via::Socket {
            return Ok(());
        }
        if request.method != Method::GET && request.method != Method::HEAD {
            check_origin(&request.headers)?;
        }
        if access == Access::Open || self.is_signed_in(&request.headers) {
            return Ok(());
        }
        let config = self.web_config().unwrap_or_default();
        let is_free = access == Access::Reader && config.users.is_empty();
        // With client certificates, only clients that have one get this far.
        if is_free && (self.allow_unauthenticated || config.guards()) {
            return Ok(());
        }
        let shows_credentials = request.headers.contains_key(header::AUTHORIZATION);
        if is_free && caller.via == Via::Loopback {
            match check_host(&request.uri, &request.headers) {
                Err(refused) if !shows_credentials => return Err(refused),
                Err(_) => {}
                Ok(()) => return Ok(()),
            }
        }
        if !shows_credentials {
            return Err(self.without_credentials(access, &config));
        }
        self.check_credentials(caller, access, &config, &request.headers).await
    }

    async fn check_credentials(
        &self,
        caller: Caller,
        access: Access,
        config: &WebConfig,
        headers: &HeaderMap,
    ) -> Result<(), Refused> {
        // If no credentials are configured, none can be guessed.
        if self.token.is_none() && config.users.is_empty() {
            return Err(self.forbidden());
        }
        let now = Instant::now();
        let is_token = bearer(headers).zip(self.token.as_ref()).is_some_and(|(shown, token)| token.is(shown));
        // The right token never waits for guesses made from the same address. A password can be guessed: the right
        // one waits too, and none is checked meanwhile.
        let waiting = caller.peer.filter(|_| !is_token).and_then(|peer| self.guesses.wait(peer, now));
        if let Some(wait) = waiting {
            return Err(guessing(wait));
        }
        let verdict = if is_token { Verdict::Right } else { self.password(config, headers).await };
        match (verdict, caller.peer) {
            (Verdict::Right, Some(peer)) => self.guesses.right(peer),
            (Verdict::Wrong, Some(peer)) => {
                self.guesses.wrong(peer, now);
            }
            _ => {}
        }
        match verdict {
            Verdict::Right if is_token || access == Access::Reader => Ok(()),
            Verdict::Right => Err(self.forbidden()),
            Verdict::Busy => Err(guessing(Duration::from_secs(1))),
            Verdict::Wrong => Err(self.without_credentials(access, config)),
        }
    }

    /// Checks the user and password that a request carries.
    async fn password(&self, config: &WebConfig, headers: &HeaderMap) -> Verdict {
        match (basic::credentials(headers), &self.web) {
            (Some((user, password)), Some((_, passwords))) if !config.users.is_empty() => {
                passwords.verify(&config.users, &user, &password).await
            }
            _ => Verdict::Wrong,
        }
    }

    /// The refusal of a request without right credentials: asks for some only if any are configured.
    fn without_credentials(&self, access: Access, config: &WebConfig) -> Refused {
        if self.token.is_none() && (access == Access::Admin || config.users.is_empty()) {
            return self.forbidden();
        }
        Refused {
            reason: Refusal::Credentials,
            status: StatusCode::UNAUTHORIZED,
            what: "send the token of http.token_file as a bearer token, or a user of http.web_config to read\n",
            wait: None,
        }
    }

    /// Whether a page that refuses asks for the token: for actions, and for reading where there are no users.
    fn signs_in(&self, access: Access) -> bool {
        let has_users = || self.web_config().is_some_and(|config| !config.users.is_empty());
        self.token.is_some() && (access == Access::Admin || !has_users())
    }

    pub(super) fn forbidden(&self) -> Refused {
        let what = match self.token {
            Some(_) => "this needs the token of http.token_file\n",
            None => "this needs a token; set http.token_file, or use the command line\n",
        };
        Refused { reason: Refusal::Forbidden, status: StatusCode::FORBIDDEN, what, wait: None }
    }

    pub(in crate::http) fn answer(&self, refused: &Refused) -> Response {
        let mut reply = plain(refused.status, refused.what);
        let headers = reply.headers_mut();
        if refused.status == StatusCode::UNAUTHORIZED {
            if self.web_config().is_some_and(|config| !config.users.is_empty()) {
                let basic = HeaderValue::from_static("Basic realm=\"dccd\", charset=\"UTF-8\"");
                headers.append(header::WWW_AUTHENTICATE, basic);
            }
            if self.token.is_some() {
                headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"dccd\""));
            }
        }
        if let Some(wait) = refused.wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil() as u64));
        }
        reply
    }
}

pub(super) fn guessing(wait: Duration) -> Refused {
    Refused {
        reason: Refusal::Guessing,
        status: StatusCode::TOO_MANY_REQUESTS,
        what: "too many wrong credentials from there; only the right token of http.token_file need not wait\n",
        wait: Some(wait),
    }
}

/// The address at which a browser signs in to see a page, or to return to the page whose action it asked for.
fn sign_in_address(request: &Parts) -> Option<String> {
    let accepts = request.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let is_page = accepts.is_some_and(|kinds| kinds.contains("text/html"));
    let path = request.uri.path();
    if !is_page || path.starts_with("/api/") {
        return None;
    }
    let back = match request.method {
        Method::GET | Method::HEAD => request.uri.path_and_query().map_or(path, |whole| whole.as_str()),
        // The path of an action is that of its page and one word more.
        _ => path.rsplit_once('/').map(|(page, _)| page).filter(|page| !page.is_empty()).unwrap_or("/"),
    };
    Some(format!("/sign-in?to={}", utf8_percent_encode(back, NON_ALPHANUMERIC)))
}

/// The token of an `Authorization: Bearer` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use hyper::Request;

    use super::*;

    #[tokio::test]
    async fn every_level_asks_for_the_token_where_it_must_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        crate::disk::atomic::replace(&path, b"s3cret\n").unwrap();
        let guarded = Auth::new(Some(&path), false).unwrap();
        let (bare, open) = (Auth::default(), Auth::new(None, true).unwrap());
        let mut peer = 0;
        let mut status = async |auth: &Auth, access, via, shown: &str| {
            // Use a different peer each time, so that none is limited for guessing.
            peer += 1;
            let caller = Caller { peer: Some(IpAddr::from(u32::to_be_bytes(peer))), via };
            let mut request = Request::builder().uri("/").header("host", "localhost");
            if !shown.is_empty() {
                request = request.header(header::AUTHORIZATION, shown);
            }
            let judged = auth.judge(caller, access, &request.body(()).unwrap().into_parts().0).await;
            judged.err().map(|refused| refused.status.as_u16())
        };
        use {Access::*, Via::*};
        for via in [Socket, Loopback, Network] {
            for auth in [&guarded, &bare, &open] {
                assert_eq!(status(auth, Open, via, "").await, None);
                assert_eq!(status(auth, Admin, Socket, "").await, None);
            }
            for access in [Open, Reader, Admin] {
                assert_eq!(status(&guarded, access, via, "bEARER  s3cret").await, None);
            }
        }
        for wrong in ["", "Bearer s3cre", "Bearer s3cret7", "Basic s3cret", "Bearer", "s3cret"] {
            assert_eq!(status(&guarded, Reader, Loopback, wrong).await, None);
            assert_eq!(status(&guarded, Reader, Network, wrong).await, Some(401), "{wrong}");
            assert_eq!(status(&guarded, Admin, Loopback, wrong).await, Some(401), "{wrong}");
            assert_eq!(status(&open, Reader, Network, wrong).await, None);
            assert_eq!(status(&open, Admin, Network, wrong).await, Some(403));
            assert_eq!(status(&bare, Admin, Loopback, wrong).await, Some(403));
            assert_eq!(status(&bare, Reader, Network, wrong).await, Some(403));
        }
        let refused = guarded.answer(&guarded.without_credentials(Admin, &WebConfig::default()));
        assert_eq!(refused.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"dccd\"");
    }
}
