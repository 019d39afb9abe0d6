//! Around a command: its configuration, its runtime, and the signals that stop it.

use std::future::Future;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::config::{self, Config, ConfigError};

/// Loads the configuration, or ends with every problem it has.
pub(super) fn with_config<'o>(
    path: Option<&Path>,
    out: &'o mut Output,
    run: impl FnOnce(Config, &'o mut Output) -> Exit,
) -> Exit {
    match loaded(path, out) {
        Ok(config) => run(config, out),
        Err(exit) => exit,
    }
}

/// The same for a command that needs no file: without one, defaults.
pub(super) fn with_config_or_defaults<'o>(
    path: Option<&Path>,
    out: &'o mut Output,
    run: impl FnOnce(Config, &'o mut Output) -> Exit,
) -> Exit {
    match config::load_or_defaults(path) {
        Ok(config) => run(config, out),
        Err(error) => refused(&error, out),
    }
}

/// Loads the configuration, or prints every problem it has.
pub(super) fn loaded(path: Option<&Path>, out: &mut Output) -> Result<Config, Exit> {
    config::load(path).map_err(|error| refused(&error, out))
}

fn refused(error: &ConfigError, out: &mut Output) -> Exit {
    error.located_lines().iter().for_each(|line| out.error(line));
    Exit::Config
}

/// Runs an asynchronous command with a token that SIGINT and SIGTERM cancel. It exits with 130 if Ctrl-C came before
/// everything was done.
pub(super) fn on_runtime<'o, F: Future<Output = Exit> + 'o>(
    out: &'o mut Output,
    run: impl FnOnce(&'o mut Output, CancellationToken) -> F,
) -> Exit {
    match ended(out, run) {
        (Exit::Failed, true) => Exit::Interrupted,
        (exit, _) => exit,
    }
}

/// The same for commands that run until stopped: there Ctrl-C is success.
pub(super) fn until_stopped<'o, F: Future<Output = Exit> + 'o>(
    out: &'o mut Output,
    run: impl FnOnce(&'o mut Output, CancellationToken) -> F,
) -> Exit {
    ended(out, run).0
}

/// How a command ended, and whether SIGINT came before.
fn ended<'o, F: Future<Output = Exit> + 'o>(
    out: &'o mut Output,
    run: impl FnOnce(&'o mut Output, CancellationToken) -> F,
) -> (Exit, bool) {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return (out.fail(Exit::Storage, format!("the runtime could not start: {error}")), false);
        }
    };
    let stop = CancellationToken::new();
    let signalled = runtime.spawn(cancel_on_signal(stop.clone()));
    let exit = runtime.block_on(run(out, stop));
    signalled.abort();
    let is_interrupted = runtime.block_on(signalled).unwrap_or(false);
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    (exit, is_interrupted)
}

/// Waits for the first signal; returns whether it was SIGINT.
async fn cancel_on_signal(stop: CancellationToken) -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return false;
    };
    let is_interrupt = tokio::select! {
        _ = interrupt.recv() => true,
        _ = terminate.recv() => false,
    };
    stop.cancel();
    is_interrupt
}
