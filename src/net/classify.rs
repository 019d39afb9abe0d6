//! The meaning of an answer without success, or of the lack of an answer, for the caller.

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

/// The length of a ban that names no end; the shortest any exchange documents.
const BAN: Duration = Duration::from_secs(120);
/// The least that is waited when an exchange asks for a wait.
const LEAST_WAIT: Duration = Duration::from_secs(1);
/// No error body is longer; larger ones are not searched for a refusal.
const REFUSAL_BYTES: usize = 4 << 10;

impl Client {
    /// Whether the exchange serves us, by what came of the last request; not before the first.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    pub(super) fn reached(&self, up: bool) {
        let is_new = self.is_up.swap(up, Ordering::Relaxed) != up;
        self.watch.exchange_up(self.name(), up, is_new);
    }

    /// Notes the limits and the clock in the headers of an answer, whatever its status.
    pub(super) fn note(&self, budget: Budget, headers: &HeaderMap) {
        let header = |name: &str| text(headers, name).map(str::to_owned);
        if let Some(quota) = self.exchange.announced_quota(budget, &header) {
            self.limiter(budget).set_quota(quota);
        }
        if let Some(used) = self.exchange.used_weight(budget, &header) {
            self.limiter(budget).observe_used(used);
        }
        if let Some(date) = text(headers, DATE.as_str()).and_then(http_date) {
            self.clock.check(date);
        }
    }

    /// Whether the body of a successful answer says that we ask too often. Other errors in such a body are
    /// the parser's; this one concerns every request to come.
    pub(super) fn is_limit(&self, body: &[u8]) -> bool {
        let refusal = || self.exchange.refusal(200, body);
        body.len() <= REFUSAL_BYTES && refusal().is_some_and(|refusal| is_of_a_limit(&refusal))
    }

    /// The error an answer without success stands for; the wait it means for all requests begins here.
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
        // The address is shut out for a while, rather than asked to send less.
        let is_ban = matches!(status, 403 | 418) || refusal.as_ref().is_some_and(is_of_a_ban);
        let until = wait.map(|wait| self.hold(wait, is_ban));
        match (wait, refusal) {
            (Some(wait), _) if is_ban && (limited || status == 418) => {
                NetError::Banned { exchange, wait, until: whole(until.unwrap_or_default()) }
            }
            (Some(wait), _) if limited || matches!(status, 403 | 418 | 429) => {
                NetError::RateLimited { exchange, wait }
            }
            // The body of a 451 says so too, but not the way round.
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

    /// How long the answer asks us to wait, if it does.
    fn asked_wait(&self, headers: &HeaderMap) -> Option<Duration> {
        let (date, now) = (text(headers, DATE.as_str()), self.clock.now());
        let values = headers.get_all(RETRY_AFTER).iter().filter_map(|value| value.to_str().ok());
        let longest = values.filter_map(|value| retry_after::parse(value, date, now)).max()?;
        Some(longest.max(LEAST_WAIT))
    }

    /// How long an answer that tells of a limit means us to wait, besides `Retry-After`: to the end its words or a header
    /// name, or as long as the exchange documents.
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

    /// Sends nothing for so long, whatever budget pays: few exchanges say which of them is spent. Gives when it is
    /// over.
    pub(super) fn hold(&self, wait: Duration, is_ban: bool) -> Micros {
        self.limiters().iter().for_each(|limiter| limiter.ban_until(Instant::now() + wait));
        let (now, until) = (self.clock.now(), self.clock.now() + wait);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let in_force = held.filter(|hold| hold.until > now);
        // A hold in force is never shortened, and a ban stays one.
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

    /// Why no head of an answer arrived.
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

    /// Why a body did not arrive whole.
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

/// Whether it tells of a limit or a ban, by its code or by its words alone.
fn is_of_a_limit(refusal: &Refusal) -> bool {
    let says = |words| refusal.message.to_ascii_lowercase().contains(words);
    refusal.kind == RefusalKind::RateLimit || says("banned until") || says("too many requests")
}

/// Whether it says that the address is shut out, rather than that requests come too fast.
fn is_of_a_ban(refusal: &Refusal) -> bool {
    let words = refusal.message.to_ascii_lowercase();
    words.contains("banned") || words.contains("lockout")
}

/// The end of the second an instant lies in.
fn whole(at: Micros) -> Micros {
    Micros(at.0.div_euclid(1_000_000).saturating_add(1).saturating_mul(1_000_000))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The host a redirect names.
fn target(headers: &HeaderMap) -> String {
    let location = text(headers, LOCATION.as_str()).unwrap_or("nowhere");
    let host = Url::parse(location).ok().and_then(|url| url.host_str().map(str::to_owned));
    foreign(&host.unwrap_or_else(|| location.chars().take(80).collect()))
}
