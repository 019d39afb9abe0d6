//! `dccd start`: the daemon.

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::cli::running::Running;
use crate::config::Config;
use crate::engine::Broken;

/// Run every job on its schedule and serve /metrics, until SIGINT or SIGTERM.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address is part of the configuration.
    #[arg(long, hide = true, value_name = "HOST")]
    pub(super) host: Option<String>,
    /// The port is part of the configuration.
    #[arg(long, hide = true, value_name = "PORT")]
    pub(super) port: Option<u16>,
}

/// Runs the daemon to its end.
pub(crate) async fn run(_: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let running = match Running::prepare(&config, "start", true, out).await {
        Ok(running) => running,
        Err(exit) => return exit,
    };
    config.notes.iter().for_each(|note| out.note(note));
    let scheme = running.scheme();
    for address in running.addresses() {
        out.line(format!("Serving {scheme}://{address}/ and {scheme}://{address}/metrics"));
    }
    out.remark("Starting daemon. Press Ctrl-C to stop.");
    let stopping = stop.clone();
    let (ended, ()) = tokio::join!(running.run(stop), async {
        stopping.cancelled().await;
        out.remark("Stopping daemon…");
    });
    if ended.unfinished > 0 {
        out.note(format!(
            "{} run(s) did not end in time; what they had not stored is fetched again at the next start",
            ended.unfinished
        ));
    }
    out.remark("Daemon stopped.");
    match ended.broken {
        Some(Broken::NotOwner(why)) => out.fail(Exit::DataPathInUse, why),
        Some(Broken::Journal) => Exit::Storage,
        None if ended.is_durable => Exit::Done,
        None => Exit::Storage,
    }
}
