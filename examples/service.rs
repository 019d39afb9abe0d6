//! dccd as a library: the whole service in a program of your own, with its pages, until Ctrl-C.
//!
//! `cargo run --example service -- examples/config.yml`

use std::error::Error;

use dccd::{Service, config};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let stop = CancellationToken::new();
    let until_interrupted = async { tokio::signal::ctrl_c().await.map(|()| stop.cancel()) };
    let (done, _) = tokio::join!(serve(std::env::args_os().nth(1), stop.clone()), until_interrupted);
    done
}

pub(crate) async fn serve(
    path: Option<impl AsRef<std::path::Path>>,
    stop: CancellationToken,
) -> Result<(), Box<dyn Error>> {
    let config = config::load(path.as_ref().map(AsRef::as_ref))?;
    let service = Service::prepare(config).await?;
    println!("serving {:?}", service.addresses());
    let ended = service.run(stop).await;
    println!("{} run(s) did not end in time", ended.unfinished);
    Ok(())
}
