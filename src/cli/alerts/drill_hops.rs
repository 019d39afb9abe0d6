//! The hops an alert takes, as Prometheus and Alertmanager themselves tell of them.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Client, Method, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The alert of a drill.
pub(super) const TEST_ALERT: &str = "DccdTestAlert";
/// How long one question may take.
const WITHIN: Duration = Duration::from_secs(10);
/// The most bytes of an answer.
const MOST_BYTES: usize = 32 << 20;

/// Why a hop cannot be asked.
#[derive(Debug, Error)]
pub(super) enum HopError {
    /// The address is none.
    #[error("`{0}` is no address; write one such as http://127.0.0.1:9090")]
    Address(String),
    /// It does not answer.
    #[error("{url} does not answer; is it running there?")]
    Silent {
        /// The requested URL.
        url: Url,
        /// Why.
        source: reqwest::Error,
    },
    /// It answers something else.
    #[error("{url} answered {status}; is it what it should be?")]
    Refused {
        /// The requested URL.
        url: Url,
        /// Its answer.
        status: u16,
    },
    /// Its answer cannot be read.
    #[error("the answer of {url} is not one of Prometheus or Alertmanager")]
    Strange {
        /// The requested URL.
        url: Url,
    },
}

/// Requests to the hops.
pub(super) struct Hops {
    client: Client,
    prometheus: Url,
    alertmanager: Url,
    integration: String,
}

/// Requests to receivers of one integration, since Alertmanager started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sent {
    pub(super) all: f64,
    pub(super) failed: f64,
}

/// How far an alert is at one hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing of it.
    Not,
    /// It is there and does not go on: pending, or muted.
    Held,
    /// It goes on.
    Firing,
}

#[derive(Deserialize)]
struct Rules {
    data: Alerts,
}

#[derive(Deserialize)]
struct Alerts {
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    labels: BTreeMap<String, String>,
    state: String,
}

#[derive(Deserialize)]
struct Received {
    labels: BTreeMap<String, String>,
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    state: String,
}

impl Hops {
    pub(super) fn new(prometheus: &str, alertmanager: &str, integration: &str) -> Result<Self, HopError> {
        let parsed = |text: &str| {
            let with_slash = format!("{}/", text.trim_end_matches('/'));
            Url::parse(&with_slash)
                .ok()
                .filter(Url::has_host)
                .ok_or_else(|| HopError::Address(text.to_owned()))
        };
        let (prometheus, alertmanager) = (parsed(prometheus)?, parsed(alertmanager)?);
        // An error means that it was chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(WITHIN)
            .build()
            .map_err(|source| HopError::Silent { url: prometheus.clone(), source })?;
        Ok(Hops { client, prometheus, alertmanager, integration: integration.to_owned() })
    }

    /// The test alert in Prometheus.
    pub(super) async fn in_prometheus(&self) -> Result<Seen, HopError> {
        let rules: Rules = self.read(&self.prometheus, "api/v1/alerts").await?;
        let alerts = rules.data.alerts;
        Ok(furthest(alerts.iter().map(|alert| (&alert.labels, alert.state == "firing"))))
    }

    /// The test alert in Alertmanager.
    pub(super) async fn in_alertmanager(&self) -> Result<Seen, HopError> {
        let received: Vec<Received> = self.read(&self.alertmanager, "api/v2/alerts").await?;
        Ok(furthest(received.iter().map(|alert| (&alert.labels, alert.status.state == "active"))))
    }

    /// Gives Alertmanager the test alert itself.
    pub(super) async fn post(&self, lasting: Duration) -> Result<(), HopError> {
        let until = jiff::Timestamp::now() + lasting;
        let body = format!(
            r#"[{{"labels": {{"alertname": "{TEST_ALERT}", "severity": "warning", "instance": "alerts test --direct"}},
                "annotations": {{"summary": "fire drill, given to Alertmanager directly", "description": "Nothing is wrong.",
                "runbook_url": "", "dashboard_url": ""}}, "endsAt": "{until}"}}]"#
        );
        self.ask(Method::POST, &self.alertmanager, "api/v2/alerts", body).await.map(drop)
    }

    /// Notifications sent so far.
    pub(super) async fn sent(&self) -> Result<Sent, HopError> {
        let bytes = self.ask(Method::GET, &self.alertmanager, "metrics", String::new()).await?;
        Ok(counted(&String::from_utf8_lossy(&bytes), &self.integration))
    }

    async fn read<T: DeserializeOwned>(&self, base: &Url, path: &str) -> Result<T, HopError> {
        let bytes = self.ask(Method::GET, base, path, String::new()).await?;
        serde_json::from_slice(&bytes).map_err(|_| HopError::Strange { url: base.clone() })
    }

    async fn ask(&self, method: Method, base: &Url, path: &str, body: String) -> Result<Vec<u8>, HopError> {
        let url = base.join(path).map_err(|_| HopError::Address(base.to_string()))?;
        let silent = |source| HopError::Silent { url: url.clone(), source };
        let request = self.client.request(method, url.clone()).header("content-type", "application/json");
        let mut answer = request.body(body).send().await.map_err(silent)?;
        if !answer.status().is_success() {
            return Err(HopError::Refused { url, status: answer.status().as_u16() });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(silent)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST_BYTES {
                return Err(HopError::Strange { url });
            }
        }
        Ok(bytes)
    }
}

fn furthest<'a>(alerts: impl Iterator<Item = (&'a BTreeMap<String, String>, bool)>) -> Seen {
    let ours = alerts.filter(|(labels, _)| labels.get("alertname").is_some_and(|name| name == TEST_ALERT));
    ours.fold(
        Seen::Not,
        |seen, (_, is_firing)| if is_firing || seen == Seen::Firing { Seen::Firing } else { Seen::Held },
    )
}

/// The requests of an integration in Alertmanager's metrics, whatever other labels they have.
fn counted(metrics: &str, integration: &str) -> Sent {
    let label = format!("integration=\"{integration}\"");
    let sum = |name: &str| -> f64 {
        let samples =
            metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.split_once("} "));
        samples
            .filter(|(labels, _)| labels.contains(&label))
            .filter_map(|(_, value)| value.parse::<f64>().ok())
            .sum()
    };
    Sent {
        all: sum("alertmanager_notification_requests_total"),
        failed: sum("alertmanager_notification_requests_failed_total"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_one_integration_are_added_up_over_its_receivers() {
        let metrics = "# HELP alertmanager_notification_requests_total x\n\
            alertmanager_notification_requests_total{integration=\"slack\",receiver_name=\"a\"} 3\n\
            alertmanager_notification_requests_total{integration=\"slack\",receiver_name=\"b\"} 2\n\
            alertmanager_notification_requests_total{integration=\"email\"} 9\n\
            alertmanager_notification_requests_failed_total{integration=\"slack\"} 1\n";

        assert_eq!(counted(metrics, "slack"), Sent { all: 5.0, failed: 1.0 });
        assert_eq!(counted(metrics, "webhook"), Sent::default());
    }

    #[test]
    fn an_alert_counts_as_far_as_its_furthest_instance() {
        let of = |name: &str| BTreeMap::from([("alertname".to_owned(), name.to_owned())]);
        let (ours, other) = (of(TEST_ALERT), of("DccdDown"));

        assert_eq!(furthest([(&other, true)].into_iter()), Seen::Not);
        assert_eq!(furthest([(&ours, false)].into_iter()), Seen::Held);
        assert_eq!(furthest([(&ours, true), (&ours, false)].into_iter()), Seen::Firing);
    }

    #[test]
    fn an_address_without_a_host_is_refused_with_the_way_to_write_it() {
        let error = Hops::new("localhost:9090", "http://localhost:9093", "slack").map(drop).unwrap_err();
        assert!(error.to_string().contains("http://127.0.0.1:9090"), "{error}");
    }
}
