//! PgBouncer in transaction mode before the server of the tests: each transaction may be given another connection of
//! the server, and two of ours may be given one.
//!
//! A shell that waits for the end of its input stops it and removes its folder. Without the program the tests are
//! listed as skipped; where it is installed it must start.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a helper of a test fails its test")]

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::{needs, postgres};

const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// Fewer connections of the server than clients have.
const SERVERS: u32 = 2;
/// `$1` the folder, `$2` how a command runs as another user.
const SUPERVISE: &str = r#"
trap '' INT HUP TERM
PATH=$PATH:/usr/sbin
$2 pgbouncer "$1/pgbouncer.ini" >>"$1/log" 2>&1 </dev/null &
pooler=$!
read -r _
kill -INT "$pooler" 2>/dev/null && wait "$pooler"
rm -rf "$1"
"#;

/// A running pooler.
struct Pooler {
    port: u16,
    /// Its input keeps the pooler running.
    _supervisor: Child,
}

/// One for each way of being set up.
static STRICT: OnceLock<Pooler> = OnceLock::new();
static LENIENT: OnceLock<Pooler> = OnceLock::new();

/// The address of a new, empty database behind a pooler that refuses settings it does not know, as it is shipped, or
/// else passes over them; none where PostgreSQL or PgBouncer cannot run.
pub(crate) async fn database(is_strict: bool) -> Option<String> {
    let url = postgres::database().await?;
    if !needs::programs(&["pgbouncer"]) {
        return None;
    }
    let server: u16 = url.split([':', '/']).nth(4).unwrap().parse().unwrap();
    let pooler = if is_strict { &STRICT } else { &LENIENT };
    let pooler = pooler.get_or_init(|| Pooler::before(server, is_strict));
    Some(url.replace(&format!(":{server}/"), &format!(":{}/", pooler.port)))
}

impl Pooler {
    fn before(server: u16, is_strict: bool) -> Pooler {
        let folder = std::env::temp_dir().join(format!("dccd-pgbouncer-{}-{is_strict}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let runs_as = postgres::other_user(&folder).expect("a user other than root");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let passed_over =
            if is_strict { "" } else { "ignore_startup_parameters = options, extra_float_digits\n" };
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=dccd\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nauth_type = any\npool_mode = transaction\nunix_socket_dir =\n\
             default_pool_size = {SERVERS}\nserver_idle_timeout = 5\nmax_client_conn = 500\n{passed_over}"
        );
        std::fs::write(folder.join("pgbouncer.ini"), settings).unwrap();
        let mut supervisor = Command::new("sh")
            .args(["-c", SUPERVISE, "sh"])
            .arg(&folder)
            .arg(&runs_as)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = supervisor.try_wait().unwrap();
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(ended.is_none() && started.elapsed() < STARTS_WITHIN, "PgBouncer does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Pooler { port, _supervisor: supervisor }
    }
}
