//! What guards the listeners, checked where it is used: the configuration's own check reads no other file.

use std::net::SocketAddr;

use crate::config::Config;
use crate::http::Guard;
use crate::telemetry::events::Chain;

/// The guard of a configuration's listeners.
///
/// # Errors
/// Every reason not to open them, each with its place in the configuration.
pub(crate) fn guard(config: &Config) -> Result<Guard, Vec<String>> {
    let http = &config.http;
    let guard = Guard::open(http.web_config.as_deref(), http.allow_unauthenticated)
        .map_err(|error| vec![format!("http.web_config: {}", Chain(&error))])?;
    let beyond: Vec<&SocketAddr> = http.listen.iter().filter(|address| !address.ip().is_loopback()).collect();
    if guard.is_decided() || beyond.is_empty() {
        return Ok(guard);
    }
    let named = beyond.iter().map(|address| format!("`{address}`")).collect::<Vec<_>>().join(", ");
    Err(vec![format!(
        "http.listen: {named} can be reached from other machines and http.web_config asks for no credentials; add \
         basic_auth_users or client_auth_type: RequireAndVerifyClientCert to it, or set \
         http.allow_unauthenticated: true to let anyone read"
    )])
}
