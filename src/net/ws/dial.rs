//! One attempt to connect: name, address, proxy, TLS and handshake, within ten seconds.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::exchange::live::Line;
use crate::model::{Micros, foreign};
use crate::net::retry_after;
use crate::net::ws::budget::ConnectBudget;
use crate::net::ws::proxy::{host_of, port_of, tunnel};
use crate::net::ws::tls;

/// How long an attempt may take, from the look-up to the end of the handshake.
const WITHIN: Duration = Duration::from_secs(10);

/// How long the kernel waits for what it sent to be acknowledged before it ends a connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// The most that waits to be written; what a client sends is small.
const UNSENT_BYTES: usize = 1 << 20;

/// The bytes of a connection.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<Box<dyn Wire>>;

/// Makes the WebSocket connections of a process.
pub struct Dialer {
    proxies: Matcher,
    tls: OnceLock<Arc<ClientConfig>>,
    budget: ConnectBudget,
}

impl Default for Dialer {
    fn default() -> Self {
        Dialer::new()
    }
}

impl Dialer {
    /// One that heeds the proxies of the environment, as the HTTP client does.
    #[must_use]
    pub fn new() -> Self {
        Dialer::through(Matcher::from_system())
    }

    pub(super) fn through(proxies: Matcher) -> Self {
        Dialer { proxies, tls: OnceLock::new(), budget: ConnectBudget::default() }
    }

    /// Trusts other certificates than those of the system.
    #[cfg(test)]
    pub(super) fn trusting(self, config: Arc<ClientConfig>) -> Self {
        Dialer { tls: OnceLock::from(config), ..self }
    }

    /// Connects to a line; `host` stands in for the exchange's own. Waits first while the budget of connects is spent: that
    /// of the exchange's own host, since another may stand in for those of several exchanges.
    ///
    /// # Errors
    /// See [`DialError`].
    pub(super) async fn dial(&self, line: &Line, host: Option<&str>) -> Result<Socket, DialError> {
        let url = line.url(host);
        let uri: Uri = url.parse().map_err(|_| DialError::Address { url: url.clone() })?;
        let (Some(name), Some("ws" | "wss")) = (host_of(&uri), uri.scheme_str()) else {
            return Err(DialError::Address { url });
        };
        self.budget.wait(line.host, line.limits.connects).await;
        let attempt = self.attempt(line, &uri, name);
        timeout(WITHIN, attempt).await.unwrap_or_else(|_| Err(DialError::Timeout { host: name.to_owned() }))
    }

    async fn attempt(&self, line: &Line, uri: &Uri, host: &str) -> Result<Socket, DialError> {
        let mut wire = self.wire(uri, host).await?;
        if uri.scheme_str() == Some("wss") {
            wire = self.secured(wire, host).await?;
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(line.limits.message_bytes))
            .max_frame_size(Some(line.limits.frame_bytes))
            .write_buffer_size(0)
            .max_write_buffer_size(UNSENT_BYTES);
        let request = ClientRequestBuilder::new(uri.clone())
            .with_header("User-Agent", concat!("dccd/", env!("CARGO_PKG_VERSION")));
        let shaken = client_async_with_config(request, wire, Some(config)).await;
        shaken.map(|(socket, _)| socket).map_err(|error| refused(host, error))
    }

    /// A connection to the host, through a proxy where the environment says so.
    async fn wire(&self, uri: &Uri, host: &str) -> Result<Box<dyn Wire>, DialError> {
        let Some(proxy) = as_http(uri).and_then(|uri| self.proxies.intercept(&uri)) else {
            return Ok(Box::new(reach(host, port_of(uri)).await?));
        };
        let own = host_of(proxy.uri()).unwrap_or_default();
        let mut wire: Box<dyn Wire> = Box::new(reach(own, port_of(proxy.uri())).await?);
        if proxy.uri().scheme_str() == Some("https") {
            wire = self.secured(wire, own).await?;
        }
        let opened = tunnel(&mut wire, uri.host().unwrap_or(host), port_of(uri), proxy.basic_auth()).await;
        opened.map(|()| wire).map_err(|error| DialError::Proxy {
            proxy: own.to_owned(),
            host: host.to_owned(),
            reason: error.to_string(),
        })
    }

    async fn secured(&self, wire: Box<dyn Wire>, host: &str) -> Result<Box<dyn Wire>, DialError> {
        let refused = |reason: String| DialError::Tls { host: host.to_owned(), reason };
        let config = match self.tls.get() {
            Some(config) => Arc::clone(config),
            None => {
                let config = tls::config().map_err(|error| refused(error.to_string()))?;
                Arc::clone(self.tls.get_or_init(|| config))
            }
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| refused(error.to_string()))?;
        let shaken = TlsConnector::from(config).connect(name, wire).await;
        shaken.map(|wire| Box::new(wire) as Box<dyn Wire>).map_err(|error| refused(error.to_string()))
    }
}

/// The address as the rules of proxies know it.
fn as_http(uri: &Uri) -> Option<Uri> {
    let scheme = if uri.scheme_str() == Some("wss") { "https" } else { "http" };
    Uri::builder().scheme(scheme).authority(uri.authority()?.clone()).path_and_query("/").build().ok()
}

/// Connects to the first address of a host that accepts; the name is looked up each time.
async fn reach(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let looked_up = lookup_host((host, port)).await;
    let addresses: Vec<SocketAddr> = match looked_up {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            return Err(DialError::Name { host: host.to_owned(), reason: error.to_string() });
        }
    };
    let stream = first_of(&addresses, WITHIN, TcpStream::connect).await;
    let stream =
        stream.map_err(|error| DialError::Connect { host: host.to_owned(), reason: error.to_string() })?;
    // Messages are small and must not be delayed. If the kernel refuses either option, pings still find a dead peer.
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    {
        let millis = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, millis);
    }
    Ok(stream)
}

/// The first connection that comes about; each address gets an equal part of the time that is left.
pub(super) async fn first_of<T, F: Future<Output = io::Result<T>>>(
    addresses: &[SocketAddr],
    within: Duration,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<T> {
    let began = tokio::time::Instant::now();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    for (place, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - place).unwrap_or(u32::MAX);
        let share = within.saturating_sub(began.elapsed()) / left;
        match timeout(share, connect(*address)).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// The reason of a handshake that failed.
fn refused(host: &str, error: Error) -> DialError {
    let host = host.to_owned();
    let answer = match error {
        Error::Http(answer) => answer,
        other => return DialError::Protocol { host, reason: foreign(&other.to_string()) },
    };
    let header = |name: &str| answer.headers().get(name)?.to_str().ok();
    let now = Micros::from_secs_f64(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64()),
    );
    let wait = header("retry-after").and_then(|value| retry_after::parse(value, header("date"), now));
    DialError::Refused { host, status: answer.status().as_u16(), wait }
}

/// Why no connection came about.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DialError {
    /// The address is none.
    #[error("`{url}` is no WebSocket address; it begins with ws:// or wss://")]
    Address {
        /// The address.
        url: String,
    },
    /// The name has no address.
    #[error("cannot look up {host} ({reason}); check the network and the name server")]
    Name {
        /// The host.
        host: String,
        /// The cause.
        reason: String,
    },
    /// None of its addresses accepts a connection.
    #[error("cannot connect to {host} ({reason}); check the network and HTTPS_PROXY")]
    Connect {
        /// The host.
        host: String,
        /// The cause of the last one tried.
        reason: String,
    },
    /// The proxy does not connect.
    #[error("the proxy {proxy} does not connect to {host}: {reason}")]
    Proxy {
        /// The proxy.
        proxy: String,
        /// The host.
        host: String,
        /// The cause.
        reason: String,
    },
    /// TLS failed.
    #[error("no TLS with {host} ({reason})")]
    Tls {
        /// The host.
        host: String,
        /// The cause.
        reason: String,
    },
    /// The exchange answered the request for a WebSocket with another status.
    #[error("{host} refuses a WebSocket (HTTP {status})")]
    Refused {
        /// The host.
        host: String,
        /// The status.
        status: u16,
        /// How long it asks us to wait.
        wait: Option<Duration>,
    },
    /// It does not speak WebSocket.
    #[error("{host} does not open a WebSocket ({reason})")]
    Protocol {
        /// The host.
        host: String,
        /// The cause.
        reason: String,
    },
    /// It took too long.
    #[error("{host} opened no WebSocket within {}s", WITHIN.as_secs())]
    Timeout {
        /// The host.
        host: String,
    },
}

impl DialError {
    /// Its word in labels.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            DialError::Address { .. } => "address",
            DialError::Name { .. } => "dns",
            DialError::Connect { .. } => "connect",
            DialError::Proxy { .. } => "proxy",
            DialError::Tls { .. } => "tls",
            DialError::Refused { .. } => "refused",
            DialError::Protocol { .. } => "protocol",
            DialError::Timeout { .. } => "timeout",
        }
    }

    /// How long the exchange asks us to wait.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self {
            DialError::Refused { wait, .. } => *wait,
            _ => None,
        }
    }
}
