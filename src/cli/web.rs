//! What guards the listeners, read where it is used: the configuration's own check reads no other file.

use std::net::SocketAddr;

use crate::config::Config;
use crate::http::Auth;
use crate::telemetry::events::Chain;

/// Who may do what at a configuration's listeners.
///
/// # Errors
/// The reason not to open them, with its place in the configuration.
pub(crate) fn auth(config: &Config) -> Result<Auth, String> {
    let http = &config.http;
    let mut auth = Auth::new(http.token_file.as_deref(), http.allow_unauthenticated)
        .map_err(|error| format!("http.token_file: {error}"))?;
    if let Some(path) = &http.web_config {
        auth = auth.with_web_config(path).map_err(|error| format!("http.web_config: {}", Chain(&error)))?;
    }
    let beyond: Vec<&SocketAddr> = http.listen.iter().filter(|address| !address.ip().is_loopback()).collect();
    if auth.is_decided() || beyond.is_empty() {
        return Ok(auth);
    }
    let named = beyond.iter().map(|address| format!("`{address}`")).collect::<Vec<_>>().join(", ");
    Err(format!(
        "http.listen: {named} can be reached from other machines and http.web_config asks for no credentials; add \
         basic_auth_users or client_auth_type: RequireAndVerifyClientCert to it, set http.token_file, or \
         http.allow_unauthenticated: true to let anyone read"
    ))
}
