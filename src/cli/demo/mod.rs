//! `dccd demo`: the whole program against the simulated exchange, in one process and without a network.
//! At its end every stored row is compared with what the simulator holds.

mod difference;
mod live;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::demo::difference::Difference;
use crate::cli::help::examples;
use crate::cli::length::length;
use crate::cli::output::Output;
use crate::cli::start::refused;
use crate::clock::now;
use crate::config::{self, Config, Surroundings};
use crate::model::{Batch, Micros, Pair, Series, Span, Window, thousands};
use crate::service::{Log, Service};
use crate::sim::{Knobs, Market, Sim};
use crate::store::{Layout, Ledger, period_files};

/// The pairs of the demo; the simulator lists them under their joined names.
const PAIRS: [&str; 2] = ["BTC/USDT", "ETH/USDT"];
/// How far back its history goes.
const YEAR: Duration = Duration::from_secs(365 * 86_400);
/// How often it prints its progress.
const SAY: Duration = Duration::from_secs(2);
/// The error of a pair that the simulator does not know.
const UNLISTED: &str = "the simulator does not list it";
/// The simulator's request weight a minute: enough that the program is the limit, not the exchange.
const WEIGHT: u32 = 600_000;

/// Try everything offline against a simulated exchange.
///
/// Fetches a year of 1-minute candles of two pairs and listens to their trades, as the daemon does.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd demo", "dccd demo --for 30s"]))]
pub struct Args {
    /// End by itself after so long, such as 30s or 5m; otherwise Ctrl-C ends it.
    #[arg(long = "for", value_name = "TIME", value_parser = length)]
    length: Option<Duration>,
    /// Keep the data here; otherwise in a temporary folder that is removed at the end.
    #[arg(long, value_name = "FOLDER")]
    data_path: Option<PathBuf>,
    /// Where /metrics and the page are served.
    #[arg(long, default_value = "127.0.0.1:9430")]
    listen: SocketAddr,
}

/// Runs the demo to its end and checks what it stored.
pub(crate) async fn run(args: Args, out: &mut Output, stop: CancellationToken) -> Exit {
    let folder = match Folder::of(args.data_path.as_deref()) {
        Ok(folder) => folder,
        Err(error) => return out.fail(Exit::Storage, format!("the demo's folder cannot be made: {error}")),
    };
    let sim =
        match Sim::start((Ipv4Addr::LOCALHOST, 0).into(), Knobs { weight_limit: WEIGHT, ..Knobs::default() })
            .await
        {
            Ok(sim) => sim,
            Err(error) => {
                return out
                    .fail(Exit::of_bind(&error), format!("the simulated exchange cannot listen: {error}"));
            }
        };
    let exit = match demo(&args, &folder, &sim, out, &stop).await {
        Ok(exit) | Err(exit) => exit,
    };
    sim.stop().await;
    exit
}

async fn demo(
    args: &Args,
    folder: &Folder,
    sim: &Sim,
    out: &mut Output,
    stop: &CancellationToken,
) -> Result<Exit, Exit> {
    let since = Span::MINUTE.grid().floor(now() - YEAR);
    let config = configuration(folder.path(), sim, args.listen, since, out)?;
    let prepared = Service::prepare_as(config, "demo", Log::File).await;
    let service = match prepared.map_err(|error| refused(&error, out)) {
        // A real daemon may have the usual address; the demo runs all the same.
        Err(Exit::AddressInUse) => {
            let free = SocketAddr::new(args.listen.ip(), 0);
            let config = configuration(folder.path(), sim, free, since, out)?;
            let prepared = Service::prepare_as(config, "demo", Log::File).await;
            prepared.map_err(|error| refused(&error, out))?
        }
        prepared => prepared?,
    };
    out.line(format!("Simulated exchange  {}", sim.url()));
    for address in service.addresses() {
        out.line(format!("Monitor page        http://{address}/"));
        out.line(format!("Metrics             http://{address}/metrics"));
    }
    out.line(format!("Data                {}", folder.path().display()));
    out.line(format!(
        "Backfilling 1-minute candles of {pairs} since {since}, and listening to their trades; Ctrl-C ends it.",
        pairs = PAIRS.join(" and ")
    ));

    let series: Vec<Series> = service.jobs().iter().map(|job| (**job.series()).clone()).collect();
    let live: Vec<Series> = service.live().iter().map(|job| (*job.series).clone()).collect();
    let layout = service.engine().layout().clone();
    let ending = stop.child_token();
    let ended = {
        let narrating = narrate(args.length, &layout, (&series, &live), out, &ending);
        tokio::join!(service.run(ending.clone()), narrating).0
    };
    if ended.unfinished > 0 {
        return Err(out.fail(Exit::Failed, format!("{} run(s) did not end in time", ended.unfinished)));
    }
    Ok(check(&layout, (&series, &live), sim, since, out))
}

/// Prints progress now and then until the time is over.
async fn narrate(
    length: Option<Duration>,
    layout: &Layout,
    (series, live): (&[Series], &[Series]),
    out: &mut Output,
    ending: &CancellationToken,
) {
    let started = Instant::now();
    let mut said = (0, 0);
    loop {
        let left = length.map(|length| length.saturating_sub(started.elapsed()));
        tokio::select! {
            () = ending.cancelled() => return,
            () = tokio::time::sleep(left.map_or(SAY, |left| left.min(SAY))) => {}
        }
        let rows = |all: &[Series]| all.iter().map(|series| stored_rows(layout, series)).sum::<u64>();
        let (candles, trades) = (rows(series), rows(live));
        if (candles, trades) != said {
            said = (candles, trades);
            out.line(format!(
                "{:>4.0} s  {} candles and {} live trades stored",
                started.elapsed().as_secs_f64(),
                thousands(candles),
                thousands(trades)
            ));
        }
        if left.is_some_and(|left| left.is_zero()) || length.is_some_and(|length| started.elapsed() >= length)
        {
            ending.cancel();
        }
    }
}

fn stored_rows(layout: &Layout, series: &Series) -> u64 {
    Ledger::read(&layout.ledger(series), series).ok().flatten().map_or(0, |ledger| ledger.rows())
}

fn configuration(
    folder: &Path,
    sim: &Sim,
    listen: SocketAddr,
    since: Micros,
    out: &mut Output,
) -> Result<Config, Exit> {
    let text = format!(
        "settings: {{data_path: '{}', timezone: UTC}}\nhttp: {{listen: ['{listen}'], allow_unauthenticated: true}}\n\
         exchanges: {{binance: {{rest_url: '{rest}', ws_url: '{ws}'}}}}\nstorage: {{flush_interval: 2}}\n\
         histo_jobs:\n  - {{exchange: binance, pairs: [{pairs}], span: 60, start: '{since}', retry_delay: 0.5}}\n\
         stream_jobs:\n  - {{exchange: binance, pairs: [{pairs}], channels: [trades]}}\n",
        folder.display().to_string().replace('\'', "''"),
        rest = sim.url(),
        ws = sim.ws_url(),
        pairs = PAIRS.join(", "),
    );
    config::check(&text, Path::new("the demo's configuration"), &Surroundings::of_process()).map_err(
        |error| {
            error.lines().iter().for_each(|line| out.error(line));
            Exit::Config
        },
    )
}

fn check(
    layout: &Layout,
    (series, live): (&[Series], &[Series]),
    sim: &Sim,
    since: Micros,
    out: &mut Output,
) -> Exit {
    let mut all_right = true;
    out.line("Checking every stored row against the simulator…");
    for series in series {
        match compare(layout, series, sim, since) {
            Ok((difference, until)) => {
                all_right &= difference.rows > 0 && difference.is_none();
                out.line(format!(
                    "{series}: {} candles until {until}: {difference}",
                    thousands(difference.rows)
                ));
            }
            Err(error) => {
                all_right = false;
                out.error(format!("{series}: {error}"));
            }
        }
    }
    for series in live {
        let market = sim.market(&joined(series.pair()));
        let compared = market.ok_or_else(|| UNLISTED.to_owned());
        match compared.and_then(|market| live::compare(layout, series, &market)) {
            Ok((difference, until)) => {
                all_right &= difference.is_none();
                let until =
                    until.map_or_else(|| ", none covered yet".to_owned(), |until| format!(" until {until}"));
                out.line(format!("{series}: {} trades{until}: {difference}", thousands(difference.rows)));
            }
            Err(error) => {
                all_right = false;
                out.error(format!("{series}: {error}"));
            }
        }
    }
    out.line(if all_right {
        "Everything stored is true and complete."
    } else {
        "The store differs from the simulator."
    });
    Exit::of(all_right)
}

/// Compares a series row by row with the simulator, up to the newest covered candle, which must be recent.
fn compare(
    layout: &Layout,
    series: &Series,
    sim: &Sim,
    since: Micros,
) -> Result<(Difference, Micros), String> {
    let market = sim.market(&joined(series.pair())).ok_or(UNLISTED)?;
    let ledger =
        Ledger::read(&layout.ledger(series), series).map_err(|error| error.to_string())?.unwrap_or_default();
    let until = ledger.covered.last().map_or(since, |window| window.until);
    let mut difference = Difference::default();
    let mut last = None;
    for name in ledger.periods() {
        let files = period_files(layout, series, name).map_err(|error| error.to_string())?;
        for file in files {
            for index in 0..file.groups() {
                let rows = file.group(index).map_err(|error| error.to_string())?;
                count(&rows, &market, since, &mut last, &mut difference);
            }
        }
    }
    let wanted = Window::new(since, until)
        .map_or(0, |window| market.candles(Span::MINUTE.grid(), window).len() as u64);
    difference.missing = wanted.saturating_sub(difference.rows - difference.doubled - difference.invented);
    // Quiet at the end would hide behind `until`: the newest minute must be among the last few.
    let expected = Span::MINUTE.grid().step(now(), -3);
    difference.missing += Window::new(until, expected).map_or(0, |late| Span::MINUTE.grid().count(late));
    Ok((difference, until))
}

fn count(
    rows: &Batch,
    market: &Market,
    since: Micros,
    last: &mut Option<Micros>,
    difference: &mut Difference,
) {
    let Some((first, end)) = rows.ends() else { return };
    let grid = Span::MINUTE.grid();
    let true_rows = Window::new(first, grid.next(end))
        .map(|window| market.candles(grid, window))
        .unwrap_or_else(|| Batch::of(rows.kind()));
    for (index, candle) in rows.candles().iter().enumerate() {
        difference.rows += 1;
        difference.doubled += u64::from(last.is_some_and(|last| candle.ts <= last));
        *last = Some(candle.ts);
        match true_rows.ts().binary_search(&candle.ts.0) {
            Ok(own) => difference.wrong += u64::from(!rows.same_row(index, &true_rows, own)),
            Err(_) => difference.invented += 1,
        }
        difference.invented += u64::from(candle.ts < since);
    }
}

fn joined(pair: &Pair) -> String {
    format!("{}{}", pair.base(), pair.quote())
}

/// Where the demo's data lies; a temporary folder goes with it.
struct Folder {
    path: PathBuf,
    is_temporary: bool,
}

impl Folder {
    fn of(given: Option<&Path>) -> io::Result<Self> {
        if let Some(path) = given {
            std::fs::create_dir_all(path)?;
            return Ok(Folder { path: path.to_owned(), is_temporary: false });
        }
        let path = std::env::temp_dir().join(format!("dccd-demo-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Folder { path, is_temporary: true })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_temporary {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
