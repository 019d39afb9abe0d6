//! Classifies unsuccessful and missing answers for the caller.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use tokio::time::Instant;

use crate::exchange::{Budget, HttpRequest, ParseError, Refusal, RefusalKind};
use crate::model::{Micros, foreign};
use crate::net::client::Hold;
use crate::net::error::cause;
use crate::net::retry_after::{self, LONGEST, http_date};
use crate::net::wait_words;
use crate::net::{Client, NetError};

/// The length of a ban that states no end: the shortest any exchange documents.
const BAN: Duration = Duration::from_secs(120);
/// The shortest wait if an exchange asks for one.
const LEAST_WAIT: Duration = Duration::from_secs(1);
/// Error bodies longer than this are not searched for a refusal.
const REFUSAL_BYTES: usize = 4 << 10;

impl Client {
    /// Whether the exchange serves this address, by the result of the last request; false before the first.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// Whether the last request failed in a way that means it is not up.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.was_asked.load(Ordering::Relaxed) && !self.is_up()
    }

    pub(super) fn reached(&self, up: bool) {
        self.was_asked.store(true, Ordering::Relaxed);
        let is_new = self.is_up.swap(up, Ordering::Relaxed) != up;
        self.watch.exchange_up(self.name(), up, is_new);
    }

    /// Processes the limits and the clock in an answer's headers, whatever its status.
    pub(super) fn note(&self, budget: Budget, headers: &HeaderMap) {
        let header = |name: &str| text(headers, name).map(str::to_owned);
        if let Some(quota) = self.exchange.announced_quota(budget, &header) {
            self.limiter(budget).set_quota(quota);
        }
        if let Some(used) = self.exchange.used_weight(budget, &header) {
            self.limiter(budget).observe_used(used, self.clock.now());
        }
        if let Some(date) = text(headers, DATE.as_str()).and_then(http_date) {
            self.clock.check(date);
        }
    }

    /// Whether the body of a successful answer is a rate-limit error. Other errors in such a body are left to
    /// the parser; this one concerns all requests.
    pub(super) fn is_limit(&self, body: &[u8]) -> bool {
        let refusal = || self.exchange.refusal(200, body);
        body.len() <= REFUSAL_BYTES && refusal().is_some_and(|refusal| is_of_a_limit(&refusal))
    }

    /// The error for an unsuccessful answer; starts the wait it imposes on all requests.
    pub(super) fn classify(
        &self,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        budget: Budget,
        sent: Instant,
    ) -> NetError {
        let exchange = self.name();
        let refusal = self.exchange.refusal(status, body);
        let limited = refusal.as_ref().is_some_and(is_of_a_limit);
        let is_over = limited || matches!(status, 418 | 429);
        let told = if is_over { self.told_wait(headers, refusal.as_ref(), body) } else { None };
        let wait = self.asked_wait(headers).max(told).or_else(|| match status {
            418 => Some(BAN),
            403 if limited => Some(BAN),
            429 => Some(self.limiter(budget).back_off(sent)),
            _ => limited.then(|| self.limiter(budget).back_off(sent)),
        });
        // The address is banned for a while, rather than asked to slow down.
        let is_ban = matches!(status, 403 | 418) || refusal.as_ref().is_some_and(is_of_a_ban);
        let until = wait.map(|wait| self.hold(wait, is_ban));
        match (wait, refusal) {
            (Some(wait), _) if is_ban && (limited || status == 418) => {
                NetError::Banned { exchange, wait, until: whole(until.unwrap_or_default()) }
            }
            (Some(wait), _) if limited || matches!(status, 403 | 418 | 429) => {
                NetError::RateLimited { exchange, wait }
            }
            // The body of a 451 says the same, but without the advice.
            (_, Some(refusal)) if status != 451 => NetError::Refused { exchange, refusal, status },
            (wait, _) => match status {
                200..300 => NetError::NotWhole { exchange, status },
                300..400 => NetError::Redirected { exchange, to: target(headers) },
                403 | 451 => NetError::GeoBlocked { exchange, status, advice: self.way_round() },
                500.. => NetError::Server { exchange, status, wait },
                _ => NetError::Status { exchange, status },
            },
        }
    }

    /// How long the answer asks to wait, if it does.
    fn asked_wait(&self, headers: &HeaderMap) -> Option<Duration> {
        let (date, now) = (text(headers, DATE.as_str()), self.clock.now());
        let values = headers.get_all(RETRY_AFTER).iter().filter_map(|value| value.to_str().ok());
        let longest = values.filter_map(|value| retry_after::parse(value, date, now)).max()?;
        Some(longest.max(LEAST_WAIT))
    }

    /// How long a rate-limit answer asks to wait besides `Retry-After`: until the end stated in its text or a
    /// header, or as long as the exchange documents.
    fn told_wait(&self, headers: &HeaderMap, refusal: Option<&Refusal>, body: &[u8]) -> Option<Duration> {
        let now = self.clock.now();
        let body = String::from_utf8_lossy(&body[..body.len().min(REFUSAL_BYTES)]);
        let words = refusal.map_or(&*body, |refusal| &refusal.message);
        let header = |name: &str| text(headers, name).map(str::to_owned);
        let ends = self.exchange.limit_ends(&header).map(|ends| ends.since(now).min(LONGEST));
        let documented = refusal.and_then(|refusal| self.exchange.lockout(refusal));
        let waits = [wait_words::wait(words, now), ends, documented];
        waits.into_iter().flatten().filter(|wait| !wait.is_zero()).max().map(|wait| wait.max(LEAST_WAIT))
    }

    /// Sends nothing for this long on any budget, since few exchanges state which one is spent. Returns when
    /// it ends.
    pub(super) fn hold(&self, wait: Duration, is_ban: bool) -> Micros {
        self.limiters().iter().for_each(|limiter| limiter.ban_until(Instant::now() + wait));
        let (now, until) = (self.clock.now(), self.clock.now() + wait);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let in_force = held.filter(|hold| hold.until > now);
        // A hold in force is never shortened, and a ban stays a ban.
        *held = Some(Hold {
            until: in_force.map_or(until, |hold| hold.until.max(until)),
            left: wait,
            is_ban: is_ban || in_force.is_some_and(|hold| hold.is_ban),
        });
        drop(held);
        match is_ban {
            true => self.watch.banned(self.name(), until),
            false => self.watch.limited(self.name(), until),
        }
        until
    }

    fn way_round(&self) -> &'static str {
        self.exchange
            .geo_block_advice()
            .unwrap_or("it documents no other way; collect it from a place it serves")
    }

    /// Why no answer began to arrive.
    pub(super) fn unsent(&self, error: &reqwest::Error) -> NetError {
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

    /// Why a body did not arrive completely.
    pub(super) fn cut(&self, error: &reqwest::Error) -> NetError {
        let exchange = self.name();
        if error.is_timeout() {
            return NetError::Timeout { exchange };
        }
        NetError::Broken { exchange, reason: cause(error), answered: true }
    }

    pub(super) fn unreadable(&self, request: &HttpRequest, error: ParseError) -> NetError {
        let exchange = self.name();
        match error {
            ParseError::Refused(refusal) => NetError::Refused { exchange, refusal, status: 200 },
            source => NetError::Unreadable { exchange, endpoint: request.endpoint, source },
        }
    }
}

/// Whether it reports a rate limit or a ban, by its code or its text.
fn is_of_a_limit(refusal: &Refusal) -> bool {
    let says = |words| refusal.message.to_ascii_lowercase().contains(words);
    refusal.kind == RefusalKind::RateLimit || says("banned until") || says("too many requests")
}

/// Whether it reports a ban of the address, rather than too fast requests.
fn is_of_a_ban(refusal: &Refusal) -> bool {
    let words = refusal.message.to_ascii_lowercase();
    words.contains("banned") || words.contains("lockout")
}

/// Rounded up to the next full second.
fn whole(at: Micros) -> Micros {
    Micros(at.0.div_euclid(1_000_000).saturating_add(1).saturating_mul(1_000_000))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The host that a redirect leads to.
fn target(headers: &HeaderMap) -> String {
    let location = text(headers, LOCATION.as_str()).unwrap_or("nowhere");
    let host = Url::parse(location).ok().and_then(|url| url.host_str().map(str::to_owned));
    foreign(&host.unwrap_or_else(|| location.chars().take(80).collect()))
}
