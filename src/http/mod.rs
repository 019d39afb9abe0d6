//! The HTTP server: metrics, health, a page of the jobs, and what may be asked of the daemon. The same routes are
//! served on its unix socket.
//!
//! Decisions:
//!
//! * **One place decides who may do what** (`http/auth/rules.rs`): the level stands with the route, the token may
//!   everything, a user or a client certificate of the web configuration may read, and acting over TCP takes
//!   the token. Reading is free at loopback only for requests that name this machine, so that no page elsewhere
//!   can read it through a browser. A password that was right is known by its keyed digest; one that was wrong
//!   is counted by address.
//! * **A web configuration in force stays in force until a better one can be read**, certificates and keys
//!   included.
//! * **axum routes, hyper serves, and what bounds a client is ours** (`http/server/`): `axum::serve` bounds neither
//!   connections nor heads, tower-http's time-outs see requests and not what a client takes of an answer, and its body
//!   limit answers in words that do not say the limit.

mod app;
mod auth;
mod page;
mod reply;
mod routes;
#[cfg(test)]
mod routes_tests;
mod server;

pub use app::{App, Limits};
pub use auth::{Access, Auth, WebConfigError};
pub use routes::routes;
pub use server::{SocketFile, bind, bind_socket, connect, serve, serve_socket};
