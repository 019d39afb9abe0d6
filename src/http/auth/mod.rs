//! Authentication and authorization: access levels, credentials, and the web configuration with its TLS.

mod access;
mod basic;
mod browser;
mod certificate;
mod client_policy;
mod guesses;
mod passwords;
mod rules;
mod sessions;
mod sign_in;
mod tls;
mod token;
mod web;
mod web_config;

pub use access::Access;
pub(super) use access::{Caller, Via, Visitor};
pub use rules::Auth;
pub use web_config::WebConfigError;
