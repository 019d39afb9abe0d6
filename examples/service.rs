//! dccd as a library: the whole service in a program of your own, with its pages, until Ctrl-C.
//!
//! `cargo run --example service -- examples/config.yml`

use std::{error::Error, ffi::OsString};

use dccd::{Ended, Service, config};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let stop = CancellationToken::new();
    let until_interrupted = async { tokio::signal::ctrl_c().await.map(|()| stop.cancel()) };
    tokio::join!(serve(std::env::args_os().nth(1), stop.clone()), until_interrupted).0.map(drop)
}

pub(crate) async fn serve(path: Option<OsString>, stop: CancellationToken) -> Result<Ended, Box<dyn Error>> {
    let config = config::load(path.as_deref().map(AsRef::as_ref))?;
    Ok(Service::prepare(config).await?.run(stop).await)
}
