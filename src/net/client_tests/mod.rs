//! The client against a scripted server on loopback.

mod answers;
mod connections;
mod limits;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::exchange::{self, Budget, HttpRequest};
use crate::model::Micros;
use crate::net::script::{Reply, Script, answer};
use crate::net::{Client, ClientSettings, NetError, Received, Silent, Watch};

/// A watch that records its notices, in order.
#[derive(Default)]
pub(super) struct Heard(Mutex<Vec<String>>);

impl Heard {
    pub(super) fn push(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Watch for Heard {
    fn request_done(&self, who: &'static str, what: &'static str, code: u16, _: Duration, bytes: usize) {
        self.push(format!("done {who} {what} {code} {bytes}"));
    }
    fn request_failed(&self, who: &'static str, what: &'static str, error: &NetError, _: Duration) {
        self.push(format!("failed {who} {what} {}", error.reason().name()));
    }
    fn limit_waited(&self, _: &'static str, _: Duration) {}
    fn limit_level(&self, who: &'static str, level: f64, capacity: f64) {
        self.push(format!("level {who} {level:.0} {capacity:.0}"));
    }
    fn limited(&self, who: &'static str, _: Micros) {
        self.push(format!("limited {who}"));
    }
    fn banned(&self, who: &'static str, _: Micros) {
        self.push(format!("banned {who}"));
    }
    fn exchange_up(&self, _: &'static str, _: bool, _: bool) {}

    fn clock_measured(&self, who: &'static str, _: SignedDuration) {
        self.push(format!("clock {who}"));
    }
}

pub(super) fn client_of(url: &str, timeout: Duration, watch: Arc<dyn Watch>) -> Client {
    let exchange = exchange::find("binance").unwrap();
    let settings = ClientSettings { rest_url: Some(url.to_owned()), requests_per_second: None, timeout };
    Client::new(exchange, settings, watch).unwrap()
}

pub(super) fn client(script: &Script) -> Client {
    client_of(&script.url, Duration::from_secs(10), Arc::new(Silent))
}

pub(super) fn request(endpoint: &'static str) -> HttpRequest {
    HttpRequest::new(endpoint, "/api?a=1".to_owned(), 2).paid_from(Budget::named("spot"))
}

pub(super) async fn get_once(reply: Reply) -> Result<Received, NetError> {
    let script = Script::serve(vec![reply]).await;
    client(&script).get(&request("ohlc"), &CancellationToken::new()).await
}

pub(super) async fn error_of(status: &str, headers: &str, body: &[u8]) -> NetError {
    get_once(Reply::Bytes(answer(status, headers, body))).await.unwrap_err()
}
