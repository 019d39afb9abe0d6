//! Trades from a socket to the journal: the whole way of a connection, with its threads. The server is a process of its
//! own, and not counted.

use tokio::runtime::Builder;

use crate::cases::CASES;
use crate::server::Server;
use crate::whole;

pub(crate) fn socket(times: usize) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = Server::start(0, Some(times as u64));
    runtime.block_on(async { whole::read(&CASES[0], server.port, times as u64).await.end().await });
}
