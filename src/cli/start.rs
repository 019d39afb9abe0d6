//! `dccd start`: the daemon.

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::config::Config;
use crate::engine::{Broken, LiveJob};
use crate::service::{Log, Service, ServiceError};
use crate::telemetry::events::Chain;

/// Run every job on its schedule and serve /metrics, until stopped.
///
/// SIGINT and SIGTERM stop it; SIGHUP reloads the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd start", "dccd start --config /etc/dccd/config.yml"]))]
pub struct Args {
    /// The address is part of the configuration.
    #[arg(long, hide = true, value_name = "HOST")]
    pub(super) host: Option<String>,
    /// The port is part of the configuration.
    #[arg(long, hide = true, value_name = "PORT")]
    pub(super) port: Option<u16>,
}

/// Listen to the streams alone and serve /metrics, until stopped.
///
/// No job runs by itself. SIGINT and SIGTERM stop it; SIGHUP reloads the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd stream", "dccd stream --config /etc/dccd/config.yml"]))]
pub struct StreamArgs {}

/// Runs the daemon to its end.
pub(crate) async fn run(_: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    serve("start", config, out, stop).await
}

/// Runs the streams alone to their end.
pub(crate) async fn run_streams(
    _: StreamArgs,
    config: Config,
    out: &mut Output,
    stop: CancellationToken,
) -> Exit {
    if LiveJob::all(&config).is_empty() {
        return out.fail(
            Exit::Failed,
            format!(
                "{} configures no stream that this version runs; see `dccd validate`",
                config.path.display()
            ),
        );
    }
    serve("stream", config, out, stop).await
}

async fn serve(command: &str, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let notes = config.notes.clone();
    let service = match Service::prepare_as(config, command, Log::FileAndStderr).await {
        Ok(service) => service,
        Err(error) => return refused(&error, out),
    };
    notes.iter().for_each(|note| out.note(note));
    let scheme = service.scheme();
    for address in service.addresses() {
        out.line(format!("Serving {scheme}://{address}/ and {scheme}://{address}/metrics"));
    }
    out.remark("Starting daemon. Press Ctrl-C to stop.");
    let stopping = stop.clone();
    let (ended, ()) = tokio::join!(service.run(stop), async {
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

/// Prints why the service does not start.
pub(crate) fn refused(error: &ServiceError, out: &mut Output) -> Exit {
    match error {
        ServiceError::Auth(line) => out.fail(Exit::Config, line),
        ServiceError::Bind(error) => out.fail(Exit::of_bind(error), error),
        ServiceError::Engine(error) => out.fail(Exit::of_engine(error), Chain(error)),
        ServiceError::Log(error) => out.fail(Exit::Storage, Chain(error)),
    }
}
