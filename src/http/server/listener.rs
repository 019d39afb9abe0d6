//! Sources of connections.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::http::auth::Via;

/// Bytes of an answer that the system keeps for a client that does not read them; it takes twice as many.
const SEND_BYTES: usize = 256 << 10;

/// Listens on every address; port 0 picks a free port.
///
/// # Errors
/// If an address cannot be bound; the error names it and keeps its kind.
pub async fn bind(addresses: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let what = format!("cannot listen on {address}: {error}; change `http.listen`");
            io::Error::new(error.kind(), what)
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Accepts connections.
pub(super) trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The transport of its connections.
    fn via(&self) -> Via;

    /// The next connection, and the peer's address if it has one.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, Option<IpAddr>)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn via(&self) -> Via {
        let is_loopback = self.local_addr().is_ok_and(|address| address.ip().is_loopback());
        if is_loopback { Via::Loopback } else { Via::Network }
    }

    async fn next(&self) -> io::Result<(TcpStream, Option<IpAddr>)> {
        let (stream, peer) = self.accept().await?;
        // Send answers at once; otherwise the last part of one may wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        // Without a bound the system keeps megabytes for each client that does not read.
        let _ = set_socket_send_buffer_size(&stream, SEND_BYTES);
        Ok((stream, Some(peer.ip())))
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    fn via(&self) -> Via {
        Via::Socket
    }

    async fn next(&self) -> io::Result<(UnixStream, Option<IpAddr>)> {
        self.accept().await.map(|(stream, _)| (stream, None))
    }
}
