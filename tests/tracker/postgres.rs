//! A PostgreSQL server for the tests of one binary: on a free port, in a folder of its own, as a user who is
//! not root. A shell that waits for the end of its input stops it and removes the folder, so that nothing is
//! left when the tests end, whatever way they end.
//!
//! Without the programs the tests are listed as skipped; where they are installed the server must start.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a helper of a test fails its test")]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};

use crate::needs;

/// Where Debian puts the programs that are in no search path.
const DEBIAN: &str = "/usr/lib/postgresql";
/// How long the server may take to answer.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// `$1` the programs, `$2` the folder, `$3` the port, `$4` how a command runs as another user, `$5` settings. It is told
/// `start` and `stop` line by line.
const SUPERVISE: &str = r#"
trap '' INT HUP TERM
start() {
    $4 "$1/postgres" -D "$2/data" -p "$3" -k "$2" -c listen_addresses=127.0.0.1 -c max_connections=200 $5 >>"$2/log" 2>&1 </dev/null &
    server=$!
}
stop() { [ -n "$server" ] && kill -INT "$server" 2>/dev/null && wait "$server"; server=; }
$4 "$1/initdb" -D "$2/data" -U dccd --auth=trust -E UTF8 --locale=C --no-sync >"$2/log" 2>&1 </dev/null || { cat "$2/log" >&2; rm -rf "$2"; exit 1; }
start "$@"
while read -r order; do "$order" "$@"; done
stop
rm -rf "$2"
"#;

/// A running server.
pub(crate) struct Server {
    port: u16,
    /// Its input keeps the server running.
    supervisor: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);
static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// The address of a new, empty database; none where PostgreSQL cannot run.
pub(crate) async fn database() -> Option<String> {
    let programs = installed()?;
    let server = SERVER.get_or_init(|| Server::on(&programs, "-c fsync=off -c synchronous_commit=off"));
    Some(server.database().await)
}

impl Server {
    /// Starts one with settings of its own; none where the programs are not installed.
    pub(crate) fn start(settings: &str) -> Option<Server> {
        installed().map(|programs| Server::on(&programs, settings))
    }

    fn on(programs: &Path, settings: &str) -> Server {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("dccd-postgres-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let runs_as = other_user(&folder).expect("a user other than root");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let supervisor = Command::new("sh")
            .args(["-c", SUPERVISE, "sh"])
            .arg(programs)
            .arg(&folder)
            .args([&port.to_string(), &runs_as, settings])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Server { port, supervisor };
        server.listens(true);
        server
    }

    /// Has it stop, or start again where it was.
    pub(crate) fn order(&mut self, order: &str) {
        let mut input = self.supervisor.stdin.as_ref().unwrap();
        writeln!(input, "{order}").unwrap();
        self.listens(order == "start");
    }

    /// Waits until it does, or does not.
    fn listens(&mut self, wanted: bool) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() != wanted {
            let ended = self.supervisor.try_wait().unwrap();
            assert!(ended.is_none(), "PostgreSQL is installed and does not start: {ended:?}");
            assert!(started.elapsed() < STARTS_WITHIN, "PostgreSQL does not come up, or does not stop");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The address of a new, empty database.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let address = |name: &str| format!("postgres://dccd@127.0.0.1:{}/{name}", self.port);
        let mut connection = loop {
            // The port answers a little before the server does.
            match PgConnection::connect(&address("postgres")).await {
                Ok(connection) => break connection,
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("57P03") => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("the server does not answer: {error}"),
            }
        };
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(create).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        address(&name)
    }
}

/// The programs of the server; none where they are not installed.
fn installed() -> Option<PathBuf> {
    let programs = programs();
    if programs.is_none() {
        needs::lacks("PostgreSQL (Debian package `postgresql`)");
    }
    programs
}

/// The folder of the newest server installed.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).ok().into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    found.sort();
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    found.extend(std::env::split_paths(&in_path));
    found.into_iter().rev().find(|folder| folder.join("postgres").exists() && folder.join("initdb").exists())
}

/// How to run a command as a user other than root who owns the folder; nothing if we are not root.
pub(crate) fn other_user(folder: &Path) -> Option<String> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !is_root {
        return Some(String::new());
    }
    let is_known = |name: &&str| Command::new("id").arg(name).output().is_ok_and(|id| id.status.success());
    let user = ["postgres", "nobody"].into_iter().find(is_known)?;
    let owned = Command::new("chown").arg(user).arg(folder).status().ok()?;
    let group = String::from_utf8(Command::new("id").args(["-g", user]).output().ok()?.stdout).ok()?;
    owned.success().then(|| format!("setpriv --reuid={user} --regid={} --clear-groups", group.trim()))
}
