//! The way through a proxy: asked for by the environment as the HTTP client's is, opened with CONNECT.

use std::io;

use hyper::Uri;
use hyper::header::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest head of a proxy's answer.
const HEAD_BYTES: usize = 8 << 10;

/// Opens a tunnel to `host:port` over a connection to a proxy.
pub(super) async fn tunnel(
    wire: &mut (impl AsyncRead + AsyncWrite + Unpin),
    host: &str,
    port: u16,
    credentials: Option<&HeaderValue>,
) -> io::Result<()> {
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(credentials) = credentials {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(credentials.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    wire.write_all(&request).await?;
    wire.flush().await?;
    let head = head(wire).await?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    match status {
        "200" => Ok(()),
        "407" => Err(io::Error::other("it wants credentials, HTTP 407")),
        status => Err(io::Error::other(format!("it answered HTTP {status}"))),
    }
}

/// The head of the answer, byte by byte: what follows belongs to the tunnel.
async fn head(wire: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES {
            return Err(io::Error::other("its answer has no end"));
        }
        head.push(wire.read_u8().await?);
    }
    String::from_utf8(head).map_err(|_| io::Error::other("its answer is no HTTP"))
}

/// The port an address means.
pub(super) fn port_of(uri: &Uri) -> u16 {
    let is_secure = matches!(uri.scheme_str(), Some("wss" | "https"));
    uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 })
}

/// The host of an address, an IPv6 literal without its brackets.
pub(super) fn host_of(uri: &Uri) -> Option<&str> {
    uri.host().map(|host| host.trim_start_matches('[').trim_end_matches(']'))
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    async fn opened(answer: &str) -> (io::Result<()>, String) {
        let (mut ours, mut theirs) = duplex(16 << 10);
        theirs.write_all(answer.as_bytes()).await.unwrap();
        theirs.shutdown().await.unwrap();
        let credentials = HeaderValue::from_static("Basic bWU6aGlkZGVu");
        let outcome = tunnel(&mut ours, "x.example", 443, Some(&credentials)).await;
        let mut rest = Vec::new();
        let mut asked = vec![0; 512];
        let count = theirs.read(&mut asked).await.unwrap();
        ours.read_to_end(&mut rest).await.unwrap();
        assert!(outcome.is_err() || rest == b"first bytes");
        (outcome, String::from_utf8(asked[..count].to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_tunnel_is_asked_for_with_credentials_and_none_of_what_follows_is_lost() {
        let (outcome, asked) =
            opened("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nfirst bytes").await;
        outcome.unwrap();
        let expected = "CONNECT x.example:443 HTTP/1.1\r\nHost: x.example:443\r\n\
                        Proxy-Authorization: Basic bWU6aGlkZGVu\r\n\r\n";
        assert_eq!(asked, expected);
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_an_error_with_its_status() {
        for (answer, words) in [
            ("HTTP/1.1 407 No\r\n\r\n", "credentials"),
            ("HTTP/1.1 502 Bad gateway\r\n\r\n", "502"),
            ("HTTP/1.1 200 OK\r\n", "end of file"),
        ] {
            let error = opened(answer).await.0.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let endless = "x".repeat(HEAD_BYTES);
        assert!(opened(&endless).await.0.unwrap_err().to_string().contains("no end"));
    }

    #[test]
    fn an_address_names_its_host_and_port() {
        for (uri, host, port) in [
            ("wss://stream.binance.com:9443/stream", "stream.binance.com", 9443),
            ("wss://ws.kraken.com/v2", "ws.kraken.com", 443),
            ("ws://[::1]/", "::1", 80),
        ] {
            let uri: Uri = uri.parse().unwrap();
            assert_eq!((host_of(&uri), port_of(&uri)), (Some(host), port));
        }
    }
}
