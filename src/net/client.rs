//! GET requests to one exchange: rate-limited, bounded in time and size, and classified.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Response, StatusCode, Url};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::exchange::{Answer, AssetNames, Budget, Exchange, HttpRequest, Quota};
use crate::model::Micros;
use crate::net::error::cause;
use crate::net::limit::Passed;
use crate::net::{Clock, Lane, Limiter, NetError, Watch};
use crate::telemetry::trace;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const IDLE_AT_MOST: Duration = Duration::from_secs(15);
/// How long a request in flight may still take after a stop.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// Limits on decoded bodies: a full listing, any other answer, and the body of an error.
const LISTING_BYTES: usize = 64 << 20;
const ANSWER_BYTES: usize = 16 << 20;
const ERROR_BYTES: usize = 64 << 10;
const REDIRECTS: usize = 5;
/// How long an exchange's own names of assets stay valid.
const NAMES_STAND_FOR: Duration = Duration::from_secs(3_600);

/// How to reach an exchange.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Replaces the exchange's own address, for example with a mirror.
    pub rest_url: Option<String>,
    /// A limit in addition to the exchange's quota.
    pub requests_per_second: Option<f64>,
    /// The time limit of a request, from connecting to the last byte.
    pub timeout: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        ClientSettings { rest_url: None, requests_per_second: None, timeout: Duration::from_secs(30) }
    }
}

/// A body with status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The decoded bytes.
    pub body: Bytes,
    /// Its headers.
    pub headers: HeaderMap,
    /// When the answer began to arrive, by the exchange's clock.
    pub at: Micros,
}

impl Received {
    /// Passes it to a parser of the exchange.
    #[must_use]
    pub fn with_answer<T>(&self, read: impl FnOnce(&Answer<'_>) -> T) -> T {
        let header = |name: &str| self.headers.get(name)?.to_str().ok();
        read(&Answer { body: &self.body, received: self.at, header: &header })
    }
}

/// A period in which nothing is sent to an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its end, by the exchange's clock.
    pub until: Micros,
    /// The time left.
    pub left: Duration,
    /// Whether the exchange has banned this address, rather than asked for fewer requests.
    pub is_ban: bool,
}

/// The single client of an exchange, shared by everything that sends it requests.
pub struct Client {
    pub(super) exchange: &'static dyn Exchange,
    /// The configured address, which replaces every host of the exchange.
    redirected: Option<String>,
    http: reqwest::Client,
    /// One per budget of the exchange.
    limiters: Vec<Limiter>,
    pub(super) clock: Clock,
    /// The meaning of the exchange's own names of assets, and when it was fetched.
    names: Mutex<Option<(Instant, Arc<AssetNames>)>>,
    /// The last wait the exchange asked for.
    pub(super) held: Mutex<Option<Hold>>,
    /// Whether it serves this address, by the result of the last request.
    pub(super) is_up: AtomicBool,
    /// Whether the result of any request is known.
    pub(super) was_asked: AtomicBool,
    pub(super) watch: Arc<dyn Watch>,
}

impl Client {
    /// A client without a connection yet.
    ///
    /// # Errors
    /// [`NetError::Unusable`] if the address is not a URL or the system offers no TLS.
    pub fn new(
        exchange: &'static dyn Exchange,
        settings: ClientSettings,
        watch: Arc<dyn Watch>,
    ) -> Result<Client, NetError> {
        let unusable = |reason: String| NetError::Unusable { exchange: exchange.name(), reason };
        let redirected = settings.rest_url.map(|url| url.trim_end_matches('/').to_owned());
        let base = redirected.as_deref().unwrap_or(exchange.rest_url());
        let url = Url::parse(base).map_err(|error| unusable(format!("`{base}` is no address ({error})")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unusable(format!("`{base}` is neither http nor https")));
        }
        install_tls();
        let http = reqwest::Client::builder()
            .user_agent(concat!("dccd/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(IDLE_AT_MOST)
            .timeout(settings.timeout)
            .redirect(Policy::custom(follow_same_host))
            .referer(false)
            .build()
            .map_err(|error| unusable(cause(&error)))?;
        let limiter = |(_, quota): &(Budget, Quota)| {
            Limiter::new(exchange.name(), *quota, settings.requests_per_second, Arc::clone(&watch))
        };
        let limiters = exchange.quotas().iter().map(limiter).collect();
        let (clock, names, held) = (Clock::default(), Mutex::new(None), Mutex::new(None));
        let (is_up, was_asked) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Client { exchange, redirected, http, limiters, clock, names, held, is_up, was_asked, watch })
    }

    /// The exchange of this client.
    #[must_use]
    pub fn exchange(&self) -> &'static dyn Exchange {
        self.exchange
    }

    /// The exchange's clock; the system's until [`Client::measure_clock`].
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The meaning of the exchange's own names of assets, if fetched within the hour.
    #[must_use]
    pub fn known_names(&self) -> Option<Arc<AssetNames>> {
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.filter(|(learnt, _)| learnt.elapsed() < NAMES_STAND_FOR).map(|(_, names)| names)
    }

    /// Stores the meaning of the exchange's own names of assets.
    pub fn learn_names(&self, names: AssetNames) -> Arc<AssetNames> {
        let names = Arc::new(names);
        let known = (Instant::now(), Arc::clone(&names));
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        names
    }

    /// The wait the exchange asked for, while it lasts.
    #[must_use]
    pub fn held(&self) -> Option<Hold> {
        let held = *self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        held.filter(|hold| hold.until > now).map(|hold| Hold { left: hold.until.since(now), ..hold })
    }

    /// Uses one of this many equal parts of every budget, since as many processes share the address.
    pub fn share_among(&self, sharers: u32) {
        self.limiters.iter().for_each(|limiter| limiter.share_among(sharers));
    }

    /// Adopts the quota that the exchange announced for a budget.
    pub fn set_quota(&self, budget: Budget, quota: Quota) {
        self.limiter(budget).set_quota(quota);
    }

    /// The quota of a budget that this process may use.
    pub(crate) fn quota(&self, budget: Budget) -> Quota {
        self.limiter(budget).quota()
    }

    /// The limiter of a budget.
    pub(super) fn limiter(&self, budget: Budget) -> &Limiter {
        &self.limiters[self.exchange.place_of(budget)]
    }

    pub(super) fn limiters(&self) -> &[Limiter] {
        &self.limiters
    }

    /// Sends a request when the limiter allows it and reads the whole answer. Never retries, except once if
    /// the connection broke before an answer. After `stop`, a request waiting for the limiter ends at once and
    /// one in flight within 3 s.
    ///
    /// # Errors
    /// See [`NetError`]; later requests already obey a limit that the exchange reported.
    pub async fn get(&self, request: &HttpRequest, stop: &CancellationToken) -> Result<Received, NetError> {
        self.get_again(request, Lane::New, &mut 0, stop).await
    }

    /// The same in a lane, for a request that may have been sent before, `sent` times.
    ///
    /// # Errors
    /// Like [`Client::get`].
    pub async fn get_again(
        &self,
        request: &HttpRequest,
        lane: Lane,
        sent: &mut u32,
        stop: &CancellationToken,
    ) -> Result<Received, NetError> {
        match self.attempt(request, lane, sent, stop).await {
            Err(NetError::Broken { answered: false, .. }) => self.attempt(request, lane, sent, stop).await,
            outcome => outcome,
        }
    }

    /// Measures the exchange's clock with one request.
    ///
    /// # Errors
    /// Like [`Client::get`], and [`NetError::Unreadable`]; the clock is unchanged then.
    pub async fn measure_clock(&self, stop: &CancellationToken) -> Result<(), NetError> {
        let request = self.exchange.clock_request();
        let passed = self.limiter(request.budget).wait(request.weight, Lane::Live, stop).await?;
        let sent = Instant::now();
        let (received, heard) = self.watched(&request, passed, sent, 0, stop).await?;
        let theirs = received
            .with_answer(|answer| self.exchange.parse_clock(answer))
            .map_err(|error| self.unreadable(&request, error))?;
        let offset = self.clock.set(theirs, sent, heard);
        self.watch.clock_measured(self.name(), offset);
        Ok(())
    }

    async fn attempt(
        &self,
        request: &HttpRequest,
        lane: Lane,
        sent: &mut u32,
        stop: &CancellationToken,
    ) -> Result<Received, NetError> {
        let passed = self.limiter(request.budget).wait(request.weight, lane, stop).await?;
        *sent += 1;
        let (received, _) = self.watched(request, passed, Instant::now(), *sent - 1, stop).await?;
        Ok(received)
    }

    /// Sends one request and reports its answer; returns when the answer began to arrive.
    async fn watched(
        &self,
        request: &HttpRequest,
        passed: Passed<'_>,
        sent: Instant,
        resent: u32,
        stop: &CancellationToken,
    ) -> Result<(Received, Instant), NetError> {
        let own = request.host.unwrap_or(self.exchange.rest_url());
        let url = format!("{}{}", self.redirected.as_deref().unwrap_or(own), request.path);
        let span = trace::http_get(trace::Get { url: &url, template: request.template(), resent });
        let watched = async {
            let outcome = tokio::select! {
                biased;
                outcome = self.exchange_bytes(request, url, passed, sent) => outcome,
                () = grace_over(stop) => Err(failed(None, NetError::Stopped)),
            };
            if let Err(error) = &outcome {
                self.watch.request_failed(self.name(), request.endpoint, error, sent.elapsed());
                if error.speaks_of_the_exchange() {
                    self.reached(false);
                }
            }
            outcome
        };
        watched.instrument(span).await
    }

    async fn exchange_bytes(
        &self,
        request: &HttpRequest,
        url: String,
        passed: Passed<'_>,
        sent: Instant,
    ) -> Result<(Received, Instant), NetError> {
        let response = self.http.get(url).send().await;
        drop(passed);
        let response = response.map_err(|error| failed(None, self.unsent(&error)))?;
        let (heard, at) = (Instant::now(), self.clock.now());
        let (status, headers) = (response.status(), response.headers().clone());
        trace::answered(status.as_u16());
        self.note(request.budget, &headers);
        // Any other success, such as 206, has part of an answer or none.
        let is_whole = status == StatusCode::OK;
        let most = match (is_whole, request.endpoint) {
            (false, _) => ERROR_BYTES,
            (true, "instruments") => LISTING_BYTES,
            (true, _) => ANSWER_BYTES,
        };
        let body = self.read(response, most).await;
        // An error status matters more than a body that could not be read.
        let body = match body {
            Err(error) if is_whole => return Err(failed(None, error)),
            body => body.unwrap_or_default(),
        };
        self.watch.request_done(self.name(), request.endpoint, status.as_u16(), sent.elapsed(), body.len());
        if status.as_u16() < 400 {
            self.reached(true);
        }
        if !is_whole || self.is_limit(&body) {
            let error = self.classify(status.as_u16(), &headers, &body, request.budget, sent);
            return Err(failed(Some(status).filter(|_| !is_whole), error));
        }
        self.limiter(request.budget).answered(sent);
        Ok((Received { body, headers, at }, heard))
    }

    /// Reads a body of at most `most` decoded bytes. One that came in one piece is not copied.
    async fn read(&self, mut response: Response, most: usize) -> Result<Bytes, NetError> {
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        let (mut first, mut all) = (Bytes::new(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| self.cut(&error))? {
            if first.len() + all.len() + chunk.len() > most {
                return Err(NetError::TooLarge { exchange: self.name(), limit: most });
            }
            if first.is_empty() && all.is_empty() {
                first = chunk;
                continue;
            }
            if all.is_empty() {
                all.reserve(announced.unwrap_or(0).min(most));
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(if all.is_empty() { first } else { all.into() })
    }

    pub(super) fn name(&self) -> &'static str {
        self.exchange.name()
    }
}

/// Records in the trace why an attempt failed.
fn failed(status: Option<StatusCode>, error: NetError) -> NetError {
    trace::failed(status.as_ref().map_or(error.reason().name(), StatusCode::as_str), &error);
    error
}

/// Installs ring as the process's cryptography provider, unless there is one.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that another provider is installed, which will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Follows redirects to the same host, scheme and port; others are returned as the answer.
fn follow_same_host(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let stays = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if stays && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
}

/// Completes some time after `stop`, never without it.
async fn grace_over(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_GRACE).await;
}
