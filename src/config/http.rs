//! The `http` section: listeners, and who may read from them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::find::Surroundings;
use crate::config::key::{Form, Key};
use crate::config::secret::shown;
use crate::config::section::Section;

/// The listeners for metrics, health, API and monitor page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// The addresses to listen on; empty disables the server. Addresses reachable from other machines need a
    /// token, a web configuration or `allow_unauthenticated`.
    pub listen: Vec<SocketAddr>,
    /// TLS, client certificates and basic auth: a file in the Prometheus exporters' format.
    pub web_config: Option<PathBuf>,
    /// The file of the bearer token.
    pub token_file: Option<PathBuf>,
    /// Whether anyone who reaches an address may read.
    pub allow_unauthenticated: bool,
}

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "listen",
        Form::Texts,
        "Addresses with ports of `/metrics`, health and the monitor page; `[]` switches them off. An address beyond this \
         machine needs `token_file`, `web_config` or `allow_unauthenticated`.",
    )
    .otherwise("`[\"127.0.0.1:9430\"]`"),
    Key::new(
        "web_config",
        Form::Text,
        "A file of TLS, client certificates and basic auth in the format that the Prometheus exporters share; reread \
         when it changes.",
    ),
    Key::new(
        "token_file",
        Form::Text,
        "The file of the bearer token: required for every action over TCP, and for reading from other machines; reread \
         when it changes.",
    ),
    Key::new(
        "allow_unauthenticated",
        Form::Flag(false),
        "Lets anyone who reaches an address read there. Actions still take the token.",
    ),
];
const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9_430);

/// Reads the `http` section of the file.
pub(super) fn check(root: &Section<'_>, around: &Surroundings) -> Http {
    let section = root.child("http");
    let path = |key| section.text(key).map(|text| around.expand(Path::new(text)));
    let http = Http {
        listen: listen(&section),
        web_config: path("web_config"),
        token_file: path("token_file"),
        allow_unauthenticated: section.flag("allow_unauthenticated"),
    };
    if !http.allow_unauthenticated {
        guard(&section, &http);
    }
    http
}

fn listen(section: &Section<'_>) -> Vec<SocketAddr> {
    if !section.has("listen") {
        return vec![DEFAULT_LISTEN];
    }
    let mut addresses = Vec::new();
    for (at, node) in section.list("listen") {
        let text = node.text().map(|text| text.replacen("localhost:", "127.0.0.1:", 1));
        match text.and_then(|text| text.parse().ok()) {
            Some(address) if addresses.contains(&address) => {
                section.report().refuse(&at, format!("`{address}` is listed twice; keep one of them"));
            }
            Some(address) => addresses.push(address),
            None => section.report().refuse(
                &at,
                format!("expected an address and a port such as 127.0.0.1:9430, found {}", node.found()),
            ),
        }
    }
    addresses
}

/// Rejects listeners that anyone on the network could read from without credentials. Whether a web configuration
/// requires any is checked when it is loaded.
fn guard(section: &Section<'_>, http: &Http) {
    let beyond = http.listen.iter().filter(|address| !address.ip().is_loopback());
    let named = beyond.map(|address| shown(&address.to_string())).collect::<Vec<_>>().join(", ");
    if named.is_empty() || http.token_file.is_some() || http.web_config.is_some() {
        return;
    }
    section.refuse(
        "listen",
        format!(
            "{named} can be reached from other machines; set http.token_file or http.web_config, or \
             http.allow_unauthenticated: true to let anyone read"
        ),
    );
}
