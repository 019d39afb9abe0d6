//! The exchanges a configuration may name, and the `exchanges` section.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Url;

use crate::config::key::{Form, Key};
use crate::config::node::Node;
use crate::config::problem::{Report, advice};
use crate::config::secret::shown;
use crate::config::section::Section;
use crate::exchange;

/// The settings of one exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct ExchangeSettings {
    /// Replaces the address of its REST interface, without a trailing slash.
    pub rest_url: Option<String>,
    /// Replaces the address of its WebSocket interface, without a trailing slash.
    pub ws_url: Option<String>,
    /// A stricter limit than the exchange's own.
    pub requests_per_second: Option<f64>,
    /// The time limit of a request.
    pub timeout: Duration,
}

impl Default for ExchangeSettings {
    fn default() -> Self {
        ExchangeSettings {
            rest_url: None,
            ws_url: None,
            requests_per_second: None,
            timeout: Duration::from_secs(30),
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key::new("rest_url", Form::Text, "Another address of its REST interface, without credentials."),
    Key::new(
        "ws_url",
        Form::Text,
        "Another address of its WebSocket interface: the host of every line; their paths stay.",
    ),
    Key::new(
        "requests_per_second",
        Form::Real(0.001, 10_000.0, None),
        "A limit in addition to the exchange's own, which is always kept.",
    ),
    Key::new("timeout", Form::Real(1.0, 600.0, Some(30.0)), "Seconds an answer may take."),
];

/// Reads the `exchanges` section of the file.
pub(super) fn check(root: &Section<'_>) -> BTreeMap<String, ExchangeSettings> {
    let known = exchange::names();
    let mut settings = BTreeMap::new();
    for (name, node) in root.names("exchanges") {
        let at = format!("exchanges.{name}");
        if !known.contains(&name) {
            root.report()
                .refuse("exchanges", format!("{} is not supported{}", shown(name), advice(name, &known)));
        } else if settings.insert(name.to_owned(), one(name, node, &at, root.report())).is_some() {
            root.report().refuse(&at, "this key appears twice; keep one of them");
        }
    }
    settings
}

fn one(name: &str, node: &Node, at: &str, report: &Report) -> ExchangeSettings {
    let section = Section::open(node, at, KEYS, report);
    if section.text("ws_url").is_some() && exchange::find(name).is_some_and(|own| own.live().is_none()) {
        report.note(format!("{at}.ws_url: not used: this version does not stream {name}"));
    }
    ExchangeSettings {
        rest_url: url(&section, "rest_url", &["https", "http"]),
        ws_url: url(&section, "ws_url", &["wss", "ws"]),
        requests_per_second: section.maybe_real("requests_per_second"),
        timeout: section.seconds("timeout"),
    }
}

/// An address without credentials, and without its trailing slash.
pub(super) fn url(section: &Section<'_>, key: &str, schemes: &[&str]) -> Option<String> {
    let text = section.text(key)?;
    let refuse = |message: String| {
        section.refuse(key, message);
        None
    };
    let parsed = Url::parse(text).ok().filter(|url| url.has_host());
    let Some(parsed) = parsed.filter(|url| schemes.contains(&url.scheme())) else {
        let forms = schemes.iter().map(|scheme| format!("{scheme}://host")).collect::<Vec<_>>();
        return refuse(format!("{} is no address; write {}", shown(text), forms.join(" or ")));
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return refuse("the address holds a user or a password; remove them".to_owned());
    }
    Some(text.trim_end_matches('/').to_owned())
}
