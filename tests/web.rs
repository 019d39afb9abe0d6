//! The guarded server: TLS, client certificates, basic auth, and what is refused; spoken to over real sockets.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A test may stop at once, and write its own files.

mod needs;

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dccd::daemon::Status;
use dccd::http::{App, Auth, bind, serve};
use dccd::telemetry::{Telemetry, exposition};
use opentelemetry::trace::TracerProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::layer::SubscriberExt;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two looks at something that is awaited.
const PAUSE: Duration = Duration::from_millis(50);

/// `ann:correct horse`, as Base64.
const ANN: &str = "Basic YW5uOmNvcnJlY3QgaG9yc2U=";
/// `ann:wrong`.
const WRONG: &str = "Basic YW5uOndyb25n";

#[test]
fn what_is_accepted_here_promtool_accepts_and_what_promtool_refuses_is_refused_here() {
    if !needs::programs(&["promtool", "openssl"]) {
        return;
    }
    let pki = Pki::new();
    let hash = bcrypt::hash("x", 4).unwrap();
    let tls = "tls_server_config: {cert_file: server.pem, key_file: server.key";
    let ca = "client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert";
    // Refused only here: see the reasons beside them.
    let (both, neither, here_alone) = ((true, true), (false, false), (false, true));
    let cases: Vec<(String, (bool, bool))> = vec![
        (String::new(), both),
        ("# nothing\n".into(), both),
        ("tls_server_config:\nbasic_auth_users:\nhttp_server_config:\n".into(), both),
        ("tls_server_config: {}".into(), both),
        ("tls_server_config: {min_version: TLS12}".into(), both),
        (format!("{tls}}}"), both),
        (format!("{tls}, {ca}}}"), both),
        (format!("{tls}, client_auth_type: RequestClientCert}}"), both),
        (format!("{tls}, client_auth_type: RequireAnyClientCert}}"), both),
        (format!("{tls}, client_auth_type: NoClientCert}}"), both),
        (format!("{tls}, min_version: TLS10, max_version: TLS13}}"), both),
        (format!("{tls}, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}}"), both),
        (format!("{tls}, cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]}}"), both),
        (format!("{tls}, curve_preferences: [CurveP256, X25519, CurveP521]}}"), both),
        (format!("{tls}, prefer_server_cipher_suites: false}}"), both),
        ("http_server_config: {http2: false, headers: {X-Frame-Options: deny}}".into(), both),
        (format!("basic_auth_users: {{ann: '{hash}', 'b:b': '{hash}'}}"), both),
        ("other: 1".into(), neither),
        ("[]".into(), neither),
        ("rate_limit: {burst: 1}".into(), neither),
        (format!("{tls}, other: 1}}"), neither),
        ("tls_server_config: {cert_file: server.pem}".into(), neither),
        ("tls_server_config: {key_file: server.key}".into(), neither),
        ("tls_server_config: {cert_file: server.pem, key_file: client.key}".into(), neither),
        ("tls_server_config: {cert_file: none.pem, key_file: server.key}".into(), neither),
        (format!("{tls}, client_auth_type: Sometimes}}"), neither),
        (format!("{tls}, client_ca_file: ca.pem}}"), neither),
        (format!("{tls}, client_ca_file: none.pem, client_auth_type: RequireAndVerifyClientCert}}"), neither),
        (format!("{tls}, min_version: TLS9}}"), neither),
        (format!("{tls}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}}"), neither),
        (format!("{tls}, curve_preferences: [P256]}}"), neither),
        (format!("{tls}, prefer_server_cipher_suites: 'no'}}"), neither),
        ("http_server_config: {other: 1}".into(), neither),
        ("http_server_config: {headers: {X-Frame-Options: DENY}}".into(), neither),
        ("http_server_config: {headers: {X-Frame-Options: ''}}".into(), neither),
        ("http_server_config: {headers: {x-frame-options: deny}}".into(), neither),
        ("http_server_config: {headers: {X-Other: a}}".into(), neither),
        ("basic_auth_users: {ann: correct}".into(), neither),
        ("basic_auth_users: {ann: }".into(), neither),
        (format!("basic_auth_users:\n  ann: '{hash}'\n  ann: '{hash}'\n"), neither),
        (format!("basic_auth_users: {{ann: '{}'}}", hash.replacen("$04$", "$03$", 1)), neither),
        // The public authorities would let anyone in who has a certificate of theirs.
        (format!("{tls}, client_auth_type: RequireAndVerifyClientCert}}"), here_alone),
        // It would be no authority at all.
        (
            format!("{tls}, client_ca_file: server.key, client_auth_type: RequireAndVerifyClientCert}}"),
            here_alone,
        ),
        // Nothing older than TLS 1.2 is spoken, and nothing can be older and newer.
        (format!("{tls}, max_version: TLS11}}"), here_alone),
        (format!("{tls}, min_version: TLS13, max_version: TLS12}}"), here_alone),
        // The rest behind a mebibyte would not be read.
        ("# words\n".repeat((1 << 17) + 1), here_alone),
        // A line of its own could not be sent.
        ("http_server_config: {headers: {Content-Security-Policy: \"a\\nb\"}}".into(), here_alone),
    ];

    for (text, (ours, theirs)) in cases {
        let path = pki.file("web.yml", &text);

        let opened = Auth::default().with_web_config(&path);
        let checked = Command::new("promtool").args(["check", "web-config"]).arg(&path).output().unwrap();

        assert_eq!(opened.is_ok(), ours, "{text}: {:?}", opened.err().map(|error| error.to_string()));
        assert_eq!(checked.status.success(), theirs, "{text}: {checked:?}");
    }
    // Debian's promtool is older than this key.
    let path = pki.file("web.yml", &format!("{tls}, {ca}, client_allowed_sans: [scraper.example]}}"));
    assert!(Auth::default().with_web_config(&path).is_ok());
}

#[tokio::test]
async fn tls_is_spoken_in_the_versions_that_are_allowed() {
    let Some(pki) = pki() else { return };
    let web = pki.file(
        "web.yml",
        "tls_server_config: {cert_file: server.pem, key_file: server.key, min_version: TLS13}\n",
    );
    let server = Server::start(Some(&web)).await;

    let new = server.ask(&pki.client(&[&version::TLS13], None), "/metrics", "").await;
    let old = server.ask(&pki.client(&[&version::TLS12], None), "/metrics", "").await;
    let plain = ask(TcpStream::connect(server.address).await.unwrap(), "/metrics", "").await;

    assert_eq!(new.map(|answer| answer.status), Some(200));
    assert!(old.is_none() && plain.is_none());
    let refused = r#"dccd_server_requests_refused_total{reason="handshake"}"#;
    server.wait_for("both are counted", |samples| samples[refused] >= 2.0).await;
    let expiry = server.samples()["dccd_server_certificate_expiry_timestamp_seconds"];
    assert!((expiry - pki.expiry("server.pem")).abs() < 1.0, "{expiry}");
}

#[tokio::test]
async fn a_client_needs_a_certificate_of_the_authority_with_an_allowed_name() {
    let Some(pki) = pki() else { return };
    let web = pki.file(
        "web.yml",
        "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  client_ca_file: ca.pem\n  \
         client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [scraper.example, 10.0.0.7]\n",
    );
    let server = Server::start(Some(&web)).await;

    for (name, expected) in [
        (None, None),
        (Some("client"), Some(200)),
        // Its name is an address.
        (Some("address"), Some(200)),
        // Of the authority, with another name.
        (Some("server"), None),
        // With the right name, of another authority.
        (Some("stranger"), None),
    ] {
        for versions in [&[&version::TLS13], &[&version::TLS12]] {
            let client = pki.client(versions, name);
            let answer = server.ask(&client, "/metrics", "").await;
            assert_eq!(answer.map(|answer| answer.status), expected, "{name:?}");
        }
    }
}

#[tokio::test]
async fn with_users_everything_but_the_probes_needs_a_right_password() {
    let folder = tempfile::tempdir().unwrap();
    let web = users(folder.path(), "ann", "correct horse");
    let server = Server::start(Some(&web)).await;

    for path in ["/", "/metrics", "/nothing", "/-/healthy", "/-/ready"] {
        let is_probe = path.starts_with("/-/");
        for (credentials, right) in
            [("", false), (WRONG, false), ("Bearer x", false), ("Basic %", false), (ANN, true)]
        {
            let header = if credentials.is_empty() {
                String::new()
            } else {
                format!("Authorization: {credentials}\r\n")
            };
            let answer = server.get(path, &header).await;

            let is_refused = answer.status == 401;
            assert_eq!(is_refused, !is_probe && !right, "{path} {credentials}: {}", answer.head);
            assert_eq!(answer.header("www-authenticate").is_some(), is_refused);
            assert!(answer.header("content-security-policy").is_some());
        }
    }
    // The name a page of another site would come with matters where nothing else is asked.
    assert_eq!(
        server.get("/metrics", &format!("Host: evil.example\r\nAuthorization: {ANN}\r\n")).await.status,
        200
    );
}

#[tokio::test]
async fn who_guesses_is_refused_for_a_while_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let web = users(folder.path(), "ann", "correct horse");
    let server = Server::start(Some(&web)).await;
    let other: IpAddr = Ipv4Addr::new(127, 0, 0, 2).into();
    let mut guesses = Vec::new();
    for _ in 0..10 {
        guesses.push(server.get("/metrics", &format!("Authorization: {WRONG}\r\n")).await.status);
    }

    let guesser = server.get("/metrics", &format!("Authorization: {ANN}\r\n")).await;
    let other = server.get_from(other, "/metrics", &format!("Authorization: {ANN}\r\n")).await;
    let probe = server.get("/-/healthy", "").await;

    assert_eq!(guesses, [401; 10]);
    assert_eq!(guesser.status, 429);
    let wait: u64 = guesser.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=6).contains(&wait), "{wait}");
    assert_eq!((other.status, probe.status), (200, 200));
    assert_eq!(server.samples()[r#"dccd_server_requests_refused_total{reason="guessing"}"#], 1.0);
    assert_eq!(server.samples()[r#"dccd_server_requests_refused_total{reason="credentials"}"#], 10.0);
}

#[tokio::test]
async fn a_page_of_another_name_cannot_read_what_only_this_machine_may() {
    let server = Server::start(None).await;
    let status = async |host: &str| server.get("/metrics", &format!("Host: {host}\r\n")).await.status;

    assert_eq!(status("localhost:9430").await, 200);
    assert_eq!(status("127.0.0.1").await, 200);
    assert_eq!(status("evil.example").await, 421);
    assert_eq!(server.get("/-/healthy", "Host: evil.example\r\n").await.status, 200);
    assert_eq!(server.samples()[r#"dccd_server_requests_refused_total{reason="host"}"#], 1.0);
}

#[tokio::test]
async fn a_changed_file_counts_without_a_restart_and_a_broken_one_never() {
    let Some(pki) = pki() else { return };
    let users = |password: &str| {
        let hash = bcrypt::hash(password, 4).unwrap();
        format!(
            "tls_server_config: {{cert_file: server.pem, key_file: server.key}}\nbasic_auth_users: {{ann: '{hash}'}}\n\
             http_server_config: {{headers: {{Content-Security-Policy: \"default-src 'self'\"}}}}\n"
        )
    };
    let web = pki.file("web.yml", &users("before"));
    let server = Server::start(Some(&web)).await;
    let client = pki.client(&[&version::TLS13], None);
    let status = async || {
        let answer = server.ask(&client, "/metrics", &format!("Authorization: {ANN}\r\n")).await;
        answer.map(|answer| answer.status)
    };
    assert_eq!(status().await, Some(401));

    pki.file("web.yml", "basic_auth_users: {ann: nonsense}\n");
    server
        .wait_for("the broken file is told", |samples| {
            samples["dccd_web_config_last_reload_successful"] == 0.0
        })
        .await;
    assert_eq!(status().await, Some(401), "the one before is in force");
    pki.file("web.yml", &users("correct horse"));
    server
        .wait_for("the good file is told", |samples| samples["dccd_web_config_last_reload_successful"] == 1.0)
        .await;

    assert_eq!(status().await, Some(200));
    let before = pki.expiry("server.pem");
    pki.issue("server", "ca", "DNS:localhost,IP:127.0.0.1", 200);
    let expiry = "dccd_server_certificate_expiry_timestamp_seconds";
    server.wait_for("the new certificate is told", |samples| samples[expiry] > before + 86_400.0).await;
    let answer = server.ask(&client, "/-/ready", "").await.unwrap();
    assert_eq!(answer.header("content-security-policy"), Some("default-src 'self'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_it_over_tls_with_a_password_and_keeps_its_exemplars() {
    if !needs::programs(&["prometheus"]) {
        return;
    }
    let Some(pki) = pki() else { return };
    let hash = bcrypt::hash("correct horse", 4).unwrap();
    let web = pki.file(
        "web.yml",
        &format!("tls_server_config: {{cert_file: server.pem, key_file: server.key}}\nbasic_auth_users: {{ann: '{hash}'}}\n"),
    );
    let server = Server::start(Some(&web)).await;
    let trace = traced_request(&server.telemetry);
    let prometheus = Prometheus::start(&pki, server.address).await;

    let samples = prometheus
        .wait_for("/api/v1/query?query=scrape_samples_scraped", |said| said.contains("\"result\":[{"))
        .await;
    let exemplars = prometheus
        .wait_for(
            "/api/v1/query_exemplars?query=dccd_http_request_duration_seconds_bucket&start=0&end=9999999999",
            |said| said.contains("trace_id"),
        )
        .await;
    let up = prometheus.wait_for("/api/v1/query?query=up", |said| said.contains("\"result\":[{")).await;

    assert!(up.contains("\"1\"]"), "{up}");
    assert!(exemplars.contains(&trace), "{exemplars}");
    let text = exposition::text(server.telemetry.metrics()).unwrap();
    let ours = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(samples.contains(&format!("\"{ours}\"]")), "{samples}, but we have {ours}");
}

#[test]
fn nothing_that_is_printed_logged_or_served_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let hash = bcrypt::hash("correct horse", 4).unwrap();
    for text in [
        "basic_auth_users: correct horse\n".to_owned(),
        "basic_auth_users: {ann: correct horse}\n".to_owned(),
        format!("basic_auth_users: ['{hash}']\n"),
        format!("basic_auth_users: {{ann: '{hash}x'}}\n"),
        format!("basic_auth_users: {{ann: ['{hash}', correct horse]}}\n"),
        "http_server_config: correct horse\n".to_owned(),
        format!("tls_server_config: '{hash}'\n"),
    ] {
        fs::write(folder.path().join("web.yml"), &text).unwrap();
        for command in [&["validate"][..], &["validate", "--json"], &["start"]] {
            let ended = dccd(folder.path(), "127.0.0.1:0", command);

            let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
            let code = if command[0] == "start" { 78 } else { 1 };
            assert_eq!(ended.status.code(), Some(code), "{text}: {said}");
            assert!(said.contains("http.web_config: "), "{said}");
            assert!(!said.contains("horse") && !said.contains(&hash[7..]), "{text}: {said}");
        }
    }
}

#[tokio::test]
async fn what_a_running_daemon_prints_logs_writes_and_serves_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let web = users(folder.path(), "ann", "correct horse");
    let hash = fs::read_to_string(web).unwrap().split('$').next_back().unwrap()[..40].to_owned();
    fs::write(folder.path().join("token"), "t0ken-of-ours\n").unwrap();
    let mut text =
        config(folder.path(), "127.0.0.1:0").replace("web_config:", "token_file: TOKEN, web_config:");
    text = text.replace("TOKEN", folder.path().join("token").to_str().unwrap());
    fs::write(folder.path().join("config.yml"), text + "telemetry: {log_level: trace}\n").unwrap();
    let stderr = folder.path().join("stderr");
    let mut daemon = tokio::process::Command::new(env!("CARGO_BIN_EXE_dccd"))
        .arg("--config")
        .arg(folder.path().join("config.yml"))
        .arg("start")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&stderr).unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(daemon.stdout.take().unwrap());
    let mut said = String::new();
    let address: SocketAddr = timeout(PATIENCE, async {
        loop {
            let mut line = String::new();
            assert!(
                stdout.read_line(&mut line).await.unwrap() > 0,
                "{}",
                fs::read_to_string(&stderr).unwrap()
            );
            said.push_str(&line);
            if let Some(rest) = line.strip_prefix("Serving http://") {
                return rest.split('/').next().unwrap().parse().unwrap();
            }
        }
    })
    .await
    .unwrap();

    let mut statuses = Vec::new();
    for credentials in [ANN, WRONG, "Bearer t0ken-of-ours", "Bearer t0ken-of-others"] {
        for path in ["/", "/metrics", "/health", "/nothing"] {
            let stream = TcpStream::connect(address).await.unwrap();
            let answer = ask(stream, path, &format!("Authorization: {credentials}\r\n")).await.unwrap();
            statuses.push(answer.status);
            said.push_str(&answer.head);
            said.push_str(&answer.body);
        }
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(daemon.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    timeout(PATIENCE, daemon.wait()).await.unwrap().unwrap();
    timeout(PATIENCE, stdout.read_to_string(&mut said)).await.unwrap().unwrap();
    let files = [stderr].into_iter().chain(files(&folder.path().join("data")));
    let written = files.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
    said.extend(written);

    assert_eq!(statuses, [200, 200, 200, 404, 401, 401, 401, 401, 200, 200, 200, 404, 401, 401, 401, 401]);
    assert!(said.contains("web configuration in force"), "the log is not among what was looked at");
    for secret in ["horse", "t0ken-of", "YW5uOmNvcnJlY3Q", hash.as_str()] {
        assert!(!said.contains(secret), "{secret} stands in what was said");
    }
}

/// Every file under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, mut all): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    all.retain(|path| path.is_file());
    all.extend(folders.iter().flat_map(|folder| files(folder)));
    all
}

#[test]
fn an_address_beyond_this_machine_is_refused_where_nothing_asks_for_credentials() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.yml"), "http_server_config: {http2: false}\n").unwrap();
    for (command, code) in [("validate", 1), ("start", 78)] {
        let ended = dccd(folder.path(), "0.0.0.0:0", &[command]);

        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(code), "{said}");
        assert!(said.contains("`0.0.0.0:0` can be reached from other machines"), "{said}");
    }
    users(folder.path(), "ann", "correct horse");
    assert_eq!(dccd(folder.path(), "0.0.0.0:0", &["validate"]).status.code(), Some(0));
}

/// Runs a command that ends by itself.
fn dccd(folder: &Path, listen: &str, arguments: &[&str]) -> Output {
    let path = folder.join("config.yml");
    fs::write(&path, config(folder, listen)).unwrap();
    Command::new(env!("CARGO_BIN_EXE_dccd")).arg("--config").arg(path).args(arguments).output().unwrap()
}

fn config(folder: &Path, listen: &str) -> String {
    format!(
        "settings: {{data_path: {:?}}}\nhttp: {{listen: ['{listen}'], web_config: {:?}}}\n\
         exchanges: {{binance: {{rest_url: 'http://127.0.0.1:9'}}}}\n\
         histo_jobs:\n- {{exchange: binance, pairs: [BTC/USDT], span: 3600}}\n",
        folder.join("data"),
        folder.join("web.yml"),
    )
}

/// A web configuration of one user.
fn users(folder: &Path, user: &str, password: &str) -> PathBuf {
    let path = folder.join("web.yml");
    let hash = bcrypt::hash(password, 4).unwrap();
    fs::write(&path, format!("basic_auth_users: {{{user}: '{hash}'}}\n")).unwrap();
    path
}

/// A request measured inside a trace; gives the trace.
fn traced_request(telemetry: &Telemetry) -> String {
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let _span = tracing::info_span!("request").entered();
        telemetry.emit(dccd::telemetry::events::RequestDone {
            exchange: "binance",
            endpoint: "ohlc",
            code: 200,
            took: Duration::from_millis(30),
            bytes: 20,
        });
        dccd::telemetry::trace::current().unwrap().0.to_string()
    })
}

fn pki() -> Option<Pki> {
    needs::programs(&["openssl"]).then(Pki::new)
}

/// An authority with certificates of a server and of clients, and another authority.
struct Pki(TempDir);

impl Pki {
    fn new() -> Self {
        let pki = Pki(tempfile::tempdir().unwrap());
        for authority in ["ca", "others"] {
            pki.openssl(authority, "basicConstraints=critical,CA:TRUE\n", &[], 30);
        }
        pki.issue("server", "ca", "DNS:localhost,IP:127.0.0.1", 30);
        pki.issue("client", "ca", "DNS:other.example,DNS:scraper.example", 30);
        pki.issue("address", "ca", "email:ann@example.com,IP:10.0.0.7", 30);
        pki.issue("stranger", "others", "DNS:scraper.example", 30);
        pki
    }

    fn issue(&self, name: &str, authority: &str, names: &str, days: u32) {
        let extensions = format!("basicConstraints=critical,CA:FALSE\nsubjectAltName={names}\n");
        let (certificate, key) =
            (self.path(&format!("{authority}.pem")), self.path(&format!("{authority}.key")));
        self.openssl(
            name,
            &extensions,
            &["-CA", certificate.to_str().unwrap(), "-CAkey", key.to_str().unwrap()],
            days,
        );
    }

    fn openssl(&self, name: &str, extensions: &str, signer: &[&str], days: u32) {
        let config = self.file(
            &format!("{name}.cnf"),
            &format!("[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN={name}\n[ext]\n{extensions}"),
        );
        // Written aside: a server that looks meanwhile sees the old pair.
        let (key, certificate) = (self.path("new.key"), self.path("new.pem"));
        let ended = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-config",
            ])
            .arg(config)
            .args(["-days", &days.to_string(), "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .args(signer)
            .output()
            .unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        fs::rename(key, self.path(&format!("{name}.key"))).unwrap();
        fs::rename(certificate, self.path(&format!("{name}.pem"))).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let aside = self.path("aside");
        fs::write(&aside, text).unwrap();
        fs::rename(aside, self.path(name)).unwrap();
        self.path(name)
    }

    /// When a certificate ends, by openssl's word.
    fn expiry(&self, name: &str) -> f64 {
        let ended = Command::new("openssl")
            .args(["x509", "-enddate", "-noout", "-dateopt", "iso_8601", "-in"])
            .arg(self.path(name))
            .output()
            .unwrap();
        let text = String::from_utf8(ended.stdout).unwrap();
        let text = text.trim().strip_prefix("notAfter=").unwrap().replace(' ', "T");
        text.parse::<jiff::Timestamp>().unwrap().as_second() as f64
    }

    fn client(&self, versions: &[&'static SupportedProtocolVersion], name: Option<&str>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match name {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let chain = vec![CertificateDer::from_pem_file(self.path(&format!("{name}.pem"))).unwrap()];
                let key = PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key"))).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        TlsConnector::from(Arc::new(config))
    }
}

struct Server {
    address: SocketAddr,
    telemetry: Telemetry,
    _running: JoinSet<()>,
}

impl Server {
    async fn start(web: Option<&Path>) -> Self {
        let listeners = bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        let address = listeners[0].local_addr().unwrap();
        let telemetry = Telemetry::new();
        let auth = web.map_or_else(Auth::default, |web| Auth::default().with_web_config(web).unwrap());
        let app = App::new(telemetry.clone(), Arc::new(Status::new())).with_auth(auth);
        let mut running = JoinSet::new();
        running.spawn(serve(listeners, app, CancellationToken::new()));
        Server { address, telemetry, _running: running }
    }

    /// The answer over TLS; none where there is no conversation.
    async fn ask(&self, client: &TlsConnector, path: &str, headers: &str) -> Option<Answer> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = timeout(PATIENCE, client.connect(name, stream)).await.unwrap().ok()?;
        ask(stream, path, headers).await
    }

    async fn get(&self, path: &str, headers: &str) -> Answer {
        self.get_from(Ipv4Addr::LOCALHOST.into(), path, headers).await
    }

    async fn get_from(&self, from: IpAddr, path: &str, headers: &str) -> Answer {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        ask(socket.connect(self.address).await.unwrap(), path, headers).await.unwrap()
    }

    fn samples(&self) -> BTreeMap<String, f64> {
        let text = exposition::text(self.telemetry.metrics()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(name, value)| (name.into(), value.parse().unwrap()))
            .collect()
    }

    async fn wait_for(&self, what: &str, is_so: impl Fn(&BTreeMap<String, f64>) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&self.samples()) {
            assert!(Instant::now() < deadline, "in vain: {what}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Asks and reads until the other end closes; none where it does so without an answer.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str, headers: &str) -> Option<Answer> {
    let host = if headers.contains("Host: ") { "" } else { "Host: localhost\r\n" };
    let request = format!("GET {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
    let mut said = Vec::new();
    let conversation = async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        stream.read_to_end(&mut said).await
    };
    // A connection that is cut after the answer is none that lacks one.
    let _ = timeout(PATIENCE, conversation).await.expect("no end");
    let said = String::from_utf8_lossy(&said);
    let (head, body) = said.split_once("\r\n\r\n").filter(|(head, _)| head.starts_with("HTTP/1.1 "))?;
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// A Prometheus of its own, killed when it is dropped.
struct Prometheus {
    address: SocketAddr,
    _process: tokio::process::Child,
}

impl Prometheus {
    async fn start(pki: &Pki, target: SocketAddr) -> Self {
        let config = pki.file(
            "prometheus.yml",
            &format!(
                "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: dccd\n  scheme: https\n  \
                 tls_config: {{ca_file: ca.pem, server_name: localhost}}\n  \
                 basic_auth: {{username: ann, password: correct horse}}\n  static_configs: [{{targets: ['{target}']}}]\n"
            ),
        );
        let address = free_address();
        let process = tokio::process::Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", pki.path("tsdb").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--enable-feature=exemplar-storage")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Prometheus { address, _process: process }
    }

    /// Its answer, once that is as wanted.
    async fn wait_for(&self, path: &str, is_so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = match TcpStream::connect(self.address).await {
                Ok(stream) => ask(stream, path, "").await.map(|answer| answer.body),
                Err(_) => None,
            };
            if let Some(said) = answer.as_ref().filter(|said| is_so(said)) {
                return said.clone();
            }
            assert!(Instant::now() < deadline, "in vain: {path}: {answer:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// An address that was free a moment ago.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
