//! Who may ask what: the credentials of the web configuration, and the limit against guessing them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, StatusCode};
use tokio::time::Instant;

use super::basic;
use super::browser::{check_host, check_origin};
use super::guesses::Guesses;
use super::passwords::{Passwords, Verdict};
use super::routes::{Reply, plain};
use super::web::Web;
use super::web_config::WebConfigError;
use crate::telemetry::events::RequestRefused;
use crate::telemetry::{Refusal, Telemetry};

/// What a route asks of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: probes have no credentials.
    Open,
    /// To be allowed to read.
    Reader,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// The address of the other end.
    pub(super) peer: IpAddr,
    /// Whether it came in at an address that only this machine has.
    pub(super) at_loopback: bool,
}

/// What guards the listeners.
pub struct Guard {
    pub(super) web: Arc<Web>,
    allow_unauthenticated: bool,
    passwords: Passwords,
    guesses: Guesses,
}

/// Why a request is not answered.
pub(super) struct Refused {
    pub(super) reason: Refusal,
    pub(super) status: StatusCode,
    pub(super) what: &'static str,
    /// When it may be tried again.
    pub(super) wait: Option<Duration>,
}

impl Guard {
    /// A guard with the credentials of a web configuration, if one is named; `allow_unauthenticated` lets anyone
    /// read where it asks for none.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(web_config: Option<&Path>, allow_unauthenticated: bool) -> Result<Self, WebConfigError> {
        let web = Arc::new(Web::open(web_config)?);
        let passwords = Passwords::new().map_err(|_| WebConfigError::Refused {
            path: web_config.map(Path::to_owned).unwrap_or_default(),
            what: "the system gives no random bytes".to_owned(),
        })?;
        Ok(Guard { web, allow_unauthenticated, passwords, guesses: Guesses::default() })
    }

    /// Whether nobody reads without credentials, or anyone may.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.allow_unauthenticated || self.web.config().guards()
    }

    /// Lets a request through, or gives the answer it gets instead.
    ///
    /// # Errors
    /// The answer.
    pub(super) async fn admit<B>(
        &self,
        telemetry: &Telemetry,
        caller: Caller,
        needed: Access,
        request: &Request<B>,
    ) -> Result<(), Reply> {
        match self.judge(caller, needed, request).await {
            Ok(()) => Ok(()),
            Err(refused) => {
                telemetry.emit(RequestRefused { reason: refused.reason, peer: Some(caller.peer) });
                Err(self.answer(&refused))
            }
        }
    }

    async fn judge<B>(&self, caller: Caller, needed: Access, request: &Request<B>) -> Result<(), Refused> {
        if needed == Access::Open {
            return Ok(());
        }
        self.check_reader(caller, request).await?;
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            check_origin(request.headers())?;
        }
        Ok(())
    }

    /// Whether the one who asks may read.
    async fn check_reader<B>(&self, caller: Caller, request: &Request<B>) -> Result<(), Refused> {
        let config = self.web.config();
        if !config.users.is_empty() {
            let Some((user, password)) = basic::credentials(request.headers()) else {
                return Err(no_credentials());
            };
            return self.password(caller, &config.users, &user, &password).await;
        }
        // Without its certificate a client does not get this far.
        if config.guards() || self.allow_unauthenticated {
            return Ok(());
        }
        // Only reached where the file lost its credentials while the server ran.
        if !caller.at_loopback {
            return Err(no_credentials());
        }
        check_host(request)
    }

    async fn password(
        &self,
        caller: Caller,
        users: &BTreeMap<String, String>,
        user: &str,
        password: &str,
    ) -> Result<(), Refused> {
        let guessing = |wait| Refused {
            reason: Refusal::Guessing,
            status: StatusCode::TOO_MANY_REQUESTS,
            what: "too many wrong credentials from there; wait\n",
            wait: Some(wait),
        };
        if let Some(wait) = self.guesses.wait(caller.peer, Instant::now()) {
            return Err(guessing(wait));
        }
        match self.passwords.verify(users, user, password).await {
            Verdict::Right => Ok(()),
            Verdict::Wrong => {
                self.guesses.wrong(caller.peer, Instant::now());
                Err(no_credentials())
            }
            Verdict::Busy => Err(guessing(Duration::from_secs(1))),
        }
    }

    fn answer(&self, refused: &Refused) -> Reply {
        let mut reply = plain(refused.status, refused.what);
        let headers = reply.headers_mut();
        if refused.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"dccd\", charset=\"UTF-8\""),
            );
        }
        if let Some(wait) = refused.wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil() as u64));
        }
        reply
    }
}

fn no_credentials() -> Refused {
    Refused {
        reason: Refusal::Credentials,
        status: StatusCode::UNAUTHORIZED,
        what: "credentials are needed, and right ones\n",
        wait: None,
    }
}
