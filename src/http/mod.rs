//! The HTTP server: metrics, health, the monitor page, and actions on the daemon. Its unix socket serves the same
//! routes.
//!
//! Decisions:
//!
//! * **One place decides who may do what** (`http/auth/rules.rs`): each route has an access level; the token
//!   allows everything, a user or client certificate of the web configuration may read, and changes over TCP
//!   require the token. Reading over loopback is free only for requests that name this machine, so that no other
//!   site can read it through a browser. A password that was right is remembered by its keyed digest; wrong ones
//!   are counted by address.
//! * **A web configuration stays in force until a valid one replaces it**, certificates and keys included.
//! * **axum routes, hyper serves, and this room bounds clients** (`http/server/`): `axum::serve` bounds neither
//!   connections nor heads, tower-http's time-outs cover requests but not how fast a client reads the answer, and
//!   its body limit answers without stating the limit.

mod app;
mod auth;
#[cfg(test)]
mod events_tests;
mod kept_answers;
mod page;
pub mod reference;
mod reply;
mod routes;
#[cfg(test)]
mod routes_tests;
mod server;

pub use app::{App, Limits};
pub use auth::{Access, Auth, WebConfigError};
pub use routes::{openapi, routes};
pub(crate) use server::bind_socket;
pub(crate) use server::serve_socket;
pub use server::{SocketFile, bind, connect, serve};
