//! GET requests to one exchange: limited, bounded in time and size, classified.

use std::sync::{Arc, Once};
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Response, Url};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::exchange::{Exchange, HttpRequest, ParseError, Quota, RefusalKind};
use crate::model::Micros;
use crate::net::retry_after::{self, http_date};
use crate::net::{Clock, Limiter, NetError, Watch};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const IDLE_AT_MOST: Duration = Duration::from_secs(15);
/// How long a request on its way may still take once we are stopping.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// Bounds on decoded bodies: a listing of everything, any other answer, and the body of an error.
const LISTING_BYTES: usize = 64 << 20;
const ANSWER_BYTES: usize = 16 << 20;
const ERROR_BYTES: usize = 64 << 10;
const REDIRECTS: usize = 5;
/// What a ban lasts that names no end; the shortest any exchange documents.
const BAN: Duration = Duration::from_secs(120);
/// The least that is waited when an exchange asks for a wait.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// How one exchange is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Another address than the exchange's own, such as a mirror.
    pub rest_url: Option<String>,
    /// A limit besides the exchange's quota.
    pub requests_per_second: Option<f64>,
    /// How long a request may take, from connecting to the last byte.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { rest_url: None, requests_per_second: None, timeout: Duration::from_secs(30) }
    }
}

/// A body with a success status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The decoded bytes.
    pub body: Vec<u8>,
    /// When the answer began to arrive, by the exchange's clock.
    pub at: Micros,
}

/// The one client of an exchange; everything that asks it shares this.
pub struct Client {
    exchange: &'static dyn Exchange,
    base: String,
    http: reqwest::Client,
    limiter: Limiter,
    clock: Clock,
    watch: Arc<dyn Watch>,
}

impl Client {
    /// A client that has not connected yet.
    ///
    /// # Errors
    /// [`NetError::Unusable`] when the address is no URL or the system offers no TLS.
    pub fn new(
        exchange: &'static dyn Exchange,
        settings: Settings,
        watch: Arc<dyn Watch>,
    ) -> Result<Client, NetError> {
        let unusable = |reason: String| NetError::Unusable { exchange: exchange.name(), reason };
        let base = settings.rest_url.as_deref().unwrap_or(exchange.rest_url()).trim_end_matches('/');
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
        let limiter = Limiter::new(
            exchange.name(),
            exchange.quota(),
            heaviest(exchange),
            settings.requests_per_second,
            Arc::clone(&watch),
        );
        Ok(Client { exchange, base: base.to_owned(), http, limiter, clock: Clock::default(), watch })
    }

    /// The exchange this asks.
    #[must_use]
    pub fn exchange(&self) -> &'static dyn Exchange {
        self.exchange
    }

    /// The exchange's clock, the system's until [`Client::measure_clock`].
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Follows a quota the exchange announced.
    pub fn set_quota(&self, quota: Quota) {
        self.limiter.set_quota(quota);
    }

    /// Sends a request when the limit lets it and reads the whole answer. Nothing is asked twice, but once
    /// where the connection broke before an answer. When `stop` comes, a request still waiting for the limit
    /// ends at once and one on its way within 3 s.
    ///
    /// # Errors
    /// See [`NetError`]; a limit the exchange reports is already obeyed by the requests after it.
    pub async fn get(&self, request: &HttpRequest, stop: &CancellationToken) -> Result<Received, NetError> {
        match self.attempt(request, stop).await {
            Err(NetError::Broken { answered: false, .. }) => self.attempt(request, stop).await,
            outcome => outcome,
        }
    }

    /// Measures the exchange's clock with one request.
    ///
    /// # Errors
    /// As [`Client::get`], and [`NetError::Unreadable`]; the clock then stays as it was.
    pub async fn measure_clock(&self, stop: &CancellationToken) -> Result<(), NetError> {
        let request = self.exchange.clock_request();
        self.limiter.wait(request.weight, stop).await?;
        let sent = Instant::now();
        let (received, heard) = self.watched(&request, sent, stop).await?;
        let theirs =
            self.exchange.parse_clock(&received.body).map_err(|error| self.unreadable(&request, error))?;
        let offset = self.clock.set(theirs, sent, heard);
        self.watch.clock_measured(self.name(), offset);
        Ok(())
    }

    /// Obeys a limit that an exchange reported in the body of a successful answer, and gives the error for it.
    #[must_use]
    pub fn limited_in_body(&self) -> NetError {
        let wait = self.limiter.back_off(Instant::now());
        self.hold(wait);
        NetError::RateLimited { exchange: self.name(), wait }
    }

    async fn attempt(&self, request: &HttpRequest, stop: &CancellationToken) -> Result<Received, NetError> {
        self.limiter.wait(request.weight, stop).await?;
        let (received, _) = self.watched(request, Instant::now(), stop).await?;
        Ok(received)
    }

    /// One request and its answer, reported; with the instant the answer began to arrive.
    async fn watched(
        &self,
        request: &HttpRequest,
        sent: Instant,
        stop: &CancellationToken,
    ) -> Result<(Received, Instant), NetError> {
        let outcome = tokio::select! {
            biased;
            outcome = self.exchange_bytes(request, sent) => outcome,
            () = grace_over(stop) => Err(NetError::Stopped),
        };
        if let Err(error) = &outcome {
            self.watch.request_failed(self.name(), request.endpoint, error.reason(), sent.elapsed());
        }
        outcome
    }

    async fn exchange_bytes(
        &self,
        request: &HttpRequest,
        sent: Instant,
    ) -> Result<(Received, Instant), NetError> {
        let url = format!("{}{}", self.base, request.path);
        let response = self.http.get(url).send().await.map_err(|error| self.unsent(&error))?;
        let (heard, at) = (Instant::now(), self.clock.now());
        let (status, headers) = (response.status(), response.headers().clone());
        self.note(&headers);
        let most = match (status.is_success(), request.endpoint) {
            (false, _) => ERROR_BYTES,
            (true, "instruments") => LISTING_BYTES,
            (true, _) => ANSWER_BYTES,
        };
        let body = self.read(response, most).await;
        // The status of an error says more than a body that could not be read.
        let body = if status.is_success() { body? } else { body.unwrap_or_default() };
        self.watch.request_done(self.name(), request.endpoint, status.as_u16(), sent.elapsed(), body.len());
        if !status.is_success() {
            return Err(self.classify(status.as_u16(), &headers, &body, sent));
        }
        self.limiter.answered(sent);
        Ok((Received { body, at }, heard))
    }

    /// Reads a body, counting decoded bytes, and stops at `most`.
    async fn read(&self, mut response: Response, most: usize) -> Result<Vec<u8>, NetError> {
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = Vec::with_capacity(announced.unwrap_or(0).min(most));
        while let Some(chunk) = response.chunk().await.map_err(|error| self.cut(&error))? {
            if body.len() + chunk.len() > most {
                return Err(NetError::TooLarge { exchange: self.name(), limit: most });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What every answer says of limits and clocks, whatever its status.
    fn note(&self, headers: &HeaderMap) {
        if let Some(used) = self.exchange.used_weight(&|name| text(headers, name).map(str::to_owned)) {
            self.limiter.observe_used(used);
        }
        if let Some(date) = text(headers, DATE.as_str()).and_then(http_date) {
            self.clock.check(date);
        }
    }

    /// The error an answer without success stands for; the wait it means for all requests begins here.
    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8], sent: Instant) -> NetError {
        let exchange = self.name();
        let refusal = self.exchange.refusal(status, body);
        let limited = refusal.as_ref().is_some_and(|refusal| refusal.kind == RefusalKind::RateLimit);
        let wait = self.asked_wait(headers).or_else(|| match status {
            418 => Some(BAN),
            403 if limited => Some(BAN),
            429 => Some(self.limiter.back_off(sent)),
            _ => limited.then(|| self.limiter.back_off(sent)),
        });
        if let Some(wait) = wait {
            self.hold(wait);
        }
        match (wait, refusal) {
            (Some(wait), _) if limited || matches!(status, 403 | 418 | 429) => {
                NetError::RateLimited { exchange, wait }
            }
            (_, Some(refusal)) => NetError::Refused { exchange, refusal, status },
            (wait, None) => match status {
                300..400 => NetError::Redirected { exchange, to: target(headers) },
                403 | 451 => NetError::GeoBlocked { exchange, status, advice: self.way_round() },
                500.. => NetError::Server { exchange, status, wait },
                _ => NetError::Status { exchange, status },
            },
        }
    }

    /// How long the answer asks us to wait, if it does.
    fn asked_wait(&self, headers: &HeaderMap) -> Option<Duration> {
        let value = text(headers, RETRY_AFTER.as_str())?;
        let wait = retry_after::parse(value, text(headers, DATE.as_str()), self.clock.now())?;
        Some(wait.max(LEAST_WAIT))
    }

    /// Sends nothing for so long.
    fn hold(&self, wait: Duration) {
        self.limiter.ban_until(Instant::now() + wait);
        self.watch.banned(self.name(), self.clock.now() + wait);
    }

    fn way_round(&self) -> &'static str {
        self.exchange
            .geo_block_advice()
            .unwrap_or("it documents no other way; collect it from a place it serves")
    }

    /// Why no head of an answer arrived.
    fn unsent(&self, error: &reqwest::Error) -> NetError {
        let (exchange, reason) = (self.name(), cause(error));
        if error.is_builder() {
            NetError::Unusable { exchange, reason }
        } else if error.is_connect() {
            NetError::Connect { exchange, reason }
        } else if error.is_timeout() {
            NetError::Timeout { exchange }
        } else {
            NetError::Broken { exchange, reason, answered: false }
        }
    }

    /// Why a body did not arrive whole.
    fn cut(&self, error: &reqwest::Error) -> NetError {
        let exchange = self.name();
        if error.is_timeout() {
            return NetError::Timeout { exchange };
        }
        NetError::Broken { exchange, reason: cause(error), answered: true }
    }

    fn unreadable(&self, request: &HttpRequest, error: ParseError) -> NetError {
        let exchange = self.name();
        match error {
            ParseError::Refused(refusal) => NetError::Refused { exchange, refusal, status: 200 },
            source => NetError::Unreadable { exchange, endpoint: request.endpoint, source },
        }
    }

    fn name(&self) -> &'static str {
        self.exchange.name()
    }
}

/// Makes ring the process's cryptography, unless it has one.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that a provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Follows a redirect that stays with the host, the scheme and the port; any other comes back as the answer.
fn follow_same_host(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let stays = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if stays && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
}

/// The heaviest request an exchange knows.
fn heaviest(exchange: &dyn Exchange) -> u32 {
    let pages = exchange.offers().iter().flat_map(|offer| {
        offer.depths.iter().map(|(_, weight)| *weight).chain(std::iter::once(offer.weight))
    });
    let others = [exchange.clock_request().weight, exchange.listing_request(None).weight];
    pages.chain(others).max().unwrap_or(1)
}

/// Ends some time after `stop`, never without it.
async fn grace_over(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_GRACE).await;
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The host a redirect names.
fn target(headers: &HeaderMap) -> String {
    let location = text(headers, LOCATION.as_str()).unwrap_or("nowhere");
    let host = Url::parse(location).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| location.chars().filter(|c| !c.is_control()).take(80).collect())
}

/// The innermost cause of an error, which says most.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
