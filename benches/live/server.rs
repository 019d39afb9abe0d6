//! A server in a process of its own, which sends frames as fast as they are read and does nothing else.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tokio_tungstenite::tungstenite::{WebSocket, accept};

use crate::cases::{CASES, Case};

/// The word on the command line that makes this program the server of a case.
pub(crate) const SERVE: &str = "--serve";
/// Trades that are made at a time, where there is no end of them.
const CHUNK: u64 = 20_000;

/// A server of a case while it runs.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts a server that sends each client so many trades, or trades without an end.
    pub(crate) fn start(case: usize, trades: Option<u64>) -> Self {
        let own = std::env::current_exe().expect("this program has a path");
        let trades = trades.unwrap_or(0).to_string();
        let mut child = Command::new(own)
            .args([SERVE, &case.to_string(), &trades])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it says its port");
        Server { child, port: line.trim().parse().expect("a port") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves one client after the other until the process is ended.
pub(crate) fn serve(case: usize, trades: u64) {
    let case = &CASES[case];
    let frames = encoded(&case.frames(trades));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("it has an address").port());
    for stream in listener.incoming().flatten() {
        let Ok(mut socket) = accept(stream) else { continue };
        let sent = match trades {
            0 => send_on(case, &mut socket),
            _ => socket.get_mut().write_all(&frames),
        };
        // The client closes, and is answered.
        while sent.is_ok() && socket.read().is_ok() {}
    }
}

fn send_on(case: &Case, socket: &mut WebSocket<TcpStream>) -> std::io::Result<()> {
    for chunk in 0.. {
        socket.get_mut().write_all(&encoded(&case.busy_frames(chunk * CHUNK, CHUNK)))?;
    }
    Ok(())
}

/// Frames as a server sends them.
fn encoded<T>(frames: &[(T, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (_, text) in frames {
        out.push(0x81);
        match u16::try_from(text.len()).expect("a short frame") {
            length @ 0..126 => out.push(length as u8),
            length => {
                out.push(126);
                out.extend(length.to_be_bytes());
            }
        }
        out.extend(text.as_bytes());
    }
    out
}
