//! Attempts to connect: addresses, proxies, TLS, and how failures are reported.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_async;

use super::world::LINE;
use crate::exchange::live::{Line, LineLimits, Rate};
use crate::net::ws::dial::first_of;
use crate::net::ws::{DialError, Dialer};

fn direct() -> Dialer {
    Dialer::through(Matcher::builder().build())
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    (listener, host)
}

/// Reads the head of a request.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_address_is_tried_and_one_that_hangs_leaves_time_for_the_others() {
    let addresses: Vec<SocketAddr> =
        ["127.0.0.1:1", "127.0.0.2:1", "127.0.0.3:1"].map(|text| text.parse().unwrap()).to_vec();
    let connect = |address: SocketAddr| async move {
        match address.ip().to_string().as_str() {
            "127.0.0.1" => std::future::pending::<io::Result<SocketAddr>>().await,
            "127.0.0.2" => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
            _ => Ok(address),
        }
    };
    let began = Instant::now();
    let reached = first_of(&addresses, Duration::from_secs(9), connect).await.unwrap();
    assert_eq!((reached, began.elapsed().as_secs()), (addresses[2], 3));
    let error = first_of(&addresses[..2], Duration::from_secs(9), connect).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn an_attempt_that_fails_says_how() {
    let (gone, host) = listener().await;
    drop(gone);
    for (url, name) in [
        (format!("ws://{host}"), "connect"),
        ("http://x.example".to_owned(), "address"),
        ("wss://".to_owned(), "address"),
    ] {
        let error = direct().dial(&LINE, Some(&url)).await.err().unwrap();
        assert_eq!(error.name(), name, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn exchanges_behind_one_address_do_not_wait_for_the_limits_of_each_other() {
    let (gone, host) = listener().await;
    drop(gone);
    let limits = LineLimits { connects: Rate::new(1, 60), ..LINE.limits };
    let slow = Line { host: "wss://slow.example", limits, ..LINE };
    let (dialer, url) = (direct(), format!("ws://{host}"));
    let mut waited = Vec::new();
    for line in [&slow, &LINE, &slow] {
        let began = Instant::now();
        assert_eq!(dialer.dial(line, Some(&url)).await.err().unwrap().name(), "connect");
        waited.push(began.elapsed().as_secs());
    }
    assert_eq!(waited, [0, 0, 60]);
}

#[tokio::test]
async fn an_exchange_that_refuses_says_how_long_to_wait() {
    let (listener, host) = listener().await;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = head(&mut stream).await;
        assert!(asked.starts_with("GET /stream HTTP/1.1\r\n"), "{asked}");
        assert!(asked.to_lowercase().contains("user-agent: dccd/"), "{asked}");
        stream.write_all(b"HTTP/1.1 429 No\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    });
    let error = direct().dial(&LINE, Some(&format!("ws://{host}"))).await.err().unwrap();
    let wait = Some(Duration::from_secs(17));
    assert_eq!(error, DialError::Refused { host: "127.0.0.1".to_owned(), status: 429, wait });
    assert_eq!(error.wait(), wait);
    tasks.join_next().await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_host_that_accepts_and_says_nothing_is_given_up_after_ten_seconds() {
    let (_listener, host) = listener().await;
    let began = Instant::now();
    let error = direct().dial(&LINE, Some(&format!("ws://{host}"))).await.err().unwrap();
    assert_eq!((error.name(), began.elapsed().as_secs()), ("timeout", 10));
}

#[tokio::test]
async fn the_way_leads_through_the_proxy_unless_the_host_is_excepted() {
    let (listener, host) = listener().await;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = head(&mut stream).await;
        assert!(asked.starts_with("CONNECT exchange.invalid:80 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("Proxy-Authorization: Basic bWU6aGlkZGVu\r\n"), "{asked}");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        accept_async(stream).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 502 No\r\n\r\n").await.unwrap();
    });
    let proxy = format!("http://me:hidden@{host}");
    let through = Dialer::through(Matcher::builder().http(proxy.clone()).build());
    assert!(through.dial(&LINE, None).await.is_ok());
    let error = through.dial(&LINE, None).await.err().unwrap();
    assert!(error.name() == "proxy" && error.to_string().contains("502"), "{error}");
    assert!(!error.to_string().contains("hidden"), "{error}");
    tasks.join_next().await.unwrap().unwrap();

    let (listener, own) = listener_of_websockets().await;
    let excepted = Dialer::through(Matcher::builder().http(proxy).no("127.0.0.1").build());
    assert!(excepted.dial(&LINE, Some(&format!("ws://{own}"))).await.is_ok());
    drop(listener);
}

async fn listener_of_websockets() -> (JoinSet<()>, String) {
    let (listener, host) = listener().await;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        accept_async(stream).await.unwrap();
    });
    (tasks, host)
}

#[tokio::test]
async fn tls_is_spoken_with_a_certificate_that_is_trusted_and_with_no_other() {
    let certificate = CertificateDer::from(include_bytes!("tls/certificate.der").as_slice());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(include_bytes!("tls/key.der").as_slice()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (listener, host) = listener().await;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(server));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                accept_async(stream).await.unwrap();
            }
        }
    });
    let url = format!("wss://{host}");
    let error = direct().dial(&LINE, Some(&url)).await.err().unwrap();
    assert_eq!(error.name(), "tls", "{error}");

    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let trusting = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let dialer = direct().trusting(Arc::new(trusting));
    assert!(dialer.dial(&LINE, Some(&url)).await.is_ok());
}
