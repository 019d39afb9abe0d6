//! GET requests to one exchange: limited, bounded in time and size, classified.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Response, StatusCode, Url};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::exchange::{Answer, AssetNames, Budget, Exchange, HttpRequest, Quota};
use crate::model::Micros;
use crate::net::error::cause;
use crate::net::{Clock, Limiter, NetError, Silent, Watch};
use crate::telemetry::trace;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const IDLE_AT_MOST: Duration = Duration::from_secs(15);
/// How long a request on its way may still take once we are stopping.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// Bounds on decoded bodies: a listing of everything, any other answer, and the body of an error.
const LISTING_BYTES: usize = 64 << 20;
const ANSWER_BYTES: usize = 16 << 20;
const ERROR_BYTES: usize = 64 << 10;
const REDIRECTS: usize = 5;
/// How long an exchange's own names of assets stand.
const NAMES_STAND_FOR: Duration = Duration::from_secs(3_600);

/// The part of a budget that repairs may spend, so that what is new never waits for what is old.
const REPAIR_SHARE: f64 = 0.3;

/// How one exchange is reached.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Another address than the exchange's own, such as a mirror.
    pub rest_url: Option<String>,
    /// A limit besides the exchange's quota.
    pub requests_per_second: Option<f64>,
    /// How long a request may take, from connecting to the last byte.
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
    pub body: Vec<u8>,
    /// Its headers.
    pub headers: HeaderMap,
    /// When the answer began to arrive, by the exchange's clock.
    pub at: Micros,
}

impl Received {
    /// Calls a parser of the exchange with it.
    #[must_use]
    pub fn with_answer<T>(&self, read: impl FnOnce(&Answer<'_>) -> T) -> T {
        let header = |name: &str| self.headers.get(name)?.to_str().ok();
        read(&Answer { body: &self.body, received: self.at, header: &header })
    }
}

/// That nothing is sent to an exchange before an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// When it is over, by the exchange's clock.
    pub until: Micros,
    /// How long that is from now.
    pub left: Duration,
    /// Whether the exchange has shut this address out, rather than asked for fewer requests.
    pub is_ban: bool,
}

/// The one client of an exchange; everything that asks it shares this.
pub struct Client {
    pub(super) exchange: &'static dyn Exchange,
    /// The address from the configuration, which stands in for every host of the exchange.
    redirected: Option<String>,
    http: reqwest::Client,
    /// One for each of the exchange's budgets.
    limiters: Vec<Limiter>,
    /// The share of each that repairs may spend, beside passing the limit itself.
    spare: Vec<Limiter>,
    pub(super) clock: Clock,
    /// The meaning of the exchange's own names of assets, and when that was learnt.
    names: Mutex<Option<(Instant, Arc<AssetNames>)>>,
    /// The last wait that the exchange asked for.
    pub(super) held: Mutex<Option<Hold>>,
    /// Whether it serves us, by what came of the last request.
    pub(super) is_up: AtomicBool,
    pub(super) watch: Arc<dyn Watch>,
}

impl Client {
    /// A client that has not connected yet.
    ///
    /// # Errors
    /// [`NetError::Unusable`] when the address is no URL or the system offers no TLS.
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
        let limiter = |(budget, quota): &(Budget, Quota)| {
            let (heaviest, rate) = (heaviest(exchange, *budget), settings.requests_per_second);
            Limiter::new(exchange.name(), *quota, heaviest, rate, Arc::clone(&watch))
        };
        let limiters = exchange.quotas().iter().map(limiter).collect();
        let spare = |(budget, quota): &(Budget, Quota)| {
            let rate = settings.requests_per_second.map(|rate| rate * REPAIR_SHARE);
            Limiter::new(
                exchange.name(),
                part_of(*quota),
                heaviest(exchange, *budget),
                rate,
                Arc::new(Silent),
            )
        };
        let spare = exchange.quotas().iter().map(spare).collect();
        let (clock, names, held) = (Clock::default(), Mutex::new(None), Mutex::new(None));
        let is_up = AtomicBool::new(false);
        Ok(Client { exchange, redirected, http, limiters, spare, clock, names, held, is_up, watch })
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

    /// The meaning of the exchange's own names of assets, where it was learnt within the hour.
    #[must_use]
    pub fn known_names(&self) -> Option<Arc<AssetNames>> {
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.filter(|(learnt, _)| learnt.elapsed() < NAMES_STAND_FOR).map(|(_, names)| names)
    }

    /// Remembers what the exchange's own names of assets mean.
    pub fn learn_names(&self, names: AssetNames) -> Arc<AssetNames> {
        let names = Arc::new(names);
        let known = (Instant::now(), Arc::clone(&names));
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        names
    }

    /// The wait that the exchange asked for, while it lasts.
    #[must_use]
    pub fn held(&self) -> Option<Hold> {
        let held = *self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        held.filter(|hold| hold.until > now).map(|hold| Hold { left: hold.until.since(now), ..hold })
    }

    /// Spends one of so many equal parts of every budget: as many processes ask from the same address.
    pub fn share_among(&self, sharers: u32) {
        self.limiters.iter().chain(&self.spare).for_each(|limiter| limiter.share_among(sharers));
    }

    /// Follows the quota the exchange announced for one of its budgets.
    pub fn set_quota(&self, budget: Budget, quota: Quota) {
        self.limiter(budget).set_quota(quota);
        self.spare[self.exchange.place_of(budget)].set_quota(part_of(quota));
    }

    /// Waits until a repair may spend what a request costs; the request then passes the limit like any other.
    ///
    /// # Errors
    /// [`NetError::Stopped`] when `stop` comes first.
    pub async fn wait_for_spare(
        &self,
        request: &HttpRequest,
        stop: &CancellationToken,
    ) -> Result<(), NetError> {
        self.spare[self.exchange.place_of(request.budget)].wait(request.weight, stop).await
    }

    /// The limit of a budget.
    pub(super) fn limiter(&self, budget: Budget) -> &Limiter {
        &self.limiters[self.exchange.place_of(budget)]
    }

    pub(super) fn limiters(&self) -> &[Limiter] {
        &self.limiters
    }

    /// Sends a request when the limit lets it and reads the whole answer. Nothing is asked twice, but once
    /// where the connection broke before an answer. When `stop` comes, a request still waiting for the limit
    /// ends at once and one on its way within 3 s.
    ///
    /// # Errors
    /// See [`NetError`]; a limit the exchange reports is already obeyed by the requests after it.
    pub async fn get(&self, request: &HttpRequest, stop: &CancellationToken) -> Result<Received, NetError> {
        self.get_again(request, &mut 0, stop).await
    }

    /// The same for a request that may have been sent before; `sent` counts how often it was.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn get_again(
        &self,
        request: &HttpRequest,
        sent: &mut u32,
        stop: &CancellationToken,
    ) -> Result<Received, NetError> {
        match self.attempt(request, sent, stop).await {
            Err(NetError::Broken { answered: false, .. }) => self.attempt(request, sent, stop).await,
            outcome => outcome,
        }
    }

    /// Measures the exchange's clock with one request.
    ///
    /// # Errors
    /// As [`Client::get`], and [`NetError::Unreadable`]; the clock then stays as it was.
    pub async fn measure_clock(&self, stop: &CancellationToken) -> Result<(), NetError> {
        let request = self.exchange.clock_request();
        self.limiter(request.budget).wait(request.weight, stop).await?;
        let sent = Instant::now();
        let (received, heard) = self.watched(&request, sent, 0, stop).await?;
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
        sent: &mut u32,
        stop: &CancellationToken,
    ) -> Result<Received, NetError> {
        self.limiter(request.budget).wait(request.weight, stop).await?;
        *sent += 1;
        let (received, _) = self.watched(request, Instant::now(), *sent - 1, stop).await?;
        Ok(received)
    }

    /// One request and its answer, reported; with the instant the answer began to arrive.
    async fn watched(
        &self,
        request: &HttpRequest,
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
                outcome = self.exchange_bytes(request, url, sent) => outcome,
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
        sent: Instant,
    ) -> Result<(Received, Instant), NetError> {
        let response = self.http.get(url).send().await.map_err(|error| failed(None, self.unsent(&error)))?;
        let (heard, at) = (Instant::now(), self.clock.now());
        let (status, headers) = (response.status(), response.headers().clone());
        trace::answered(status.as_u16());
        self.note(request.budget, &headers);
        // Any other success, such as 206, has a part of an answer or none.
        let is_whole = status == StatusCode::OK;
        let most = match (is_whole, request.endpoint) {
            (false, _) => ERROR_BYTES,
            (true, "instruments") => LISTING_BYTES,
            (true, _) => ANSWER_BYTES,
        };
        let body = self.read(response, most).await;
        // The status of an error says more than a body that could not be read.
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

    pub(super) fn name(&self) -> &'static str {
        self.exchange.name()
    }
}

/// Notes in the trace why an attempt failed.
fn failed(status: Option<StatusCode>, error: NetError) -> NetError {
    trace::failed(status.as_ref().map_or(error.reason().name(), StatusCode::as_str), &error);
    error
}

/// The share of a budget that repairs may spend.
fn part_of(quota: Quota) -> Quota {
    let weight = (f64::from(quota.weight) * REPAIR_SHARE) as u32;
    Quota { weight: weight.max(1), ..quota }
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

/// The heaviest request an exchange knows that a budget pays for.
fn heaviest(exchange: &dyn Exchange, budget: Budget) -> u32 {
    let offers = exchange.offers().iter().filter(|offer| offer.budget == budget);
    let pages = offers.flat_map(|offer| {
        offer.depths.iter().map(|(_, weight)| *weight).chain(std::iter::once(offer.weight))
    });
    let others = [exchange.clock_request(), exchange.listing_request(None)];
    let others = others.iter().filter(|request| request.budget == budget).map(|request| request.weight);
    pages.chain(others).max().unwrap_or(1)
}

/// Ends some time after `stop`, never without it.
async fn grace_over(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_GRACE).await;
}
