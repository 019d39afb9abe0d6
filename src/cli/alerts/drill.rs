//! `dccd alerts test`: a fire drill. The running daemon raises an alert that means nothing, and every hop is timed.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::drill_hops::{HopError, Hops, Seen, Sent};
use crate::api::{AlertAsked, AlertTested};
use crate::cli::Exit;
use crate::cli::client::Daemon;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::config::Config;
use crate::store::Layout;

/// Raise a test alert on the running daemon and time its way to the receiver.
///
/// Succeeds only if Alertmanager counted a notification and none failed.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd alerts test", "dccd alerts test --integration webhook --for 60"]))]
pub(super) struct Args {
    /// Seconds the alert lasts at most, and is waited for.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 180,
        value_parser = clap::value_parser!(u64).range(5..=3_600))]
    secs: u64,
    /// Address of Prometheus.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
    prometheus: String,
    /// Address of Alertmanager.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9093")]
    alertmanager: String,
    /// Kind of receiver whose notifications count; `webhook` for a plain webhook.
    #[arg(long, default_value = "slack")]
    integration: String,
    /// Give the alert to Alertmanager itself, past the daemon and Prometheus.
    #[arg(long)]
    direct: bool,
}

const ROUTE: &str = "/api/v1/alerts/test";
/// The pause between two looks at a hop.
const PAUSE: Duration = Duration::from_millis(250);

/// Why a drill ended early.
enum Broken {
    Hop(HopError),
    Other(String),
}

impl From<HopError> for Broken {
    fn from(error: HopError) -> Self {
        Broken::Hop(error)
    }
}

/// Raises the alert, watches it go, and lowers it again whatever came of it.
pub(super) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let ended = match Hops::new(&args.prometheus, &args.alertmanager, &args.integration) {
        Ok(hops) => drill(&args, &config, &hops, out, &stop).await,
        Err(error) => Err(Broken::Hop(error)),
    };
    match ended {
        Ok(()) => {
            out.line("The alert arrived.");
            Exit::Done
        }
        Err(Broken::Hop(error)) => {
            out.cause(&error);
            Exit::Failed
        }
        Err(Broken::Other(what)) => out.fail(Exit::Failed, what),
    }
}

async fn drill(
    args: &Args,
    config: &Config,
    hops: &Hops,
    out: &mut Output,
    stop: &CancellationToken,
) -> Result<(), Broken> {
    let before = hops.sent().await?;
    let is_under_way = hops.in_alertmanager().await? != Seen::Not
        || (!args.direct && hops.in_prometheus().await? != Seen::Not);
    if is_under_way {
        return Err(Broken::Other("the alert of an earlier drill is not over yet; wait a minute".to_owned()));
    }
    let lasting = Duration::from_secs(args.secs);
    let mut watch = Watch { began: Instant::now(), lasting, out, stop };
    if args.direct {
        hops.post(lasting).await?;
        watch.tell("given to Alertmanager");
        return watch.rest(hops, before).await;
    }
    raise(config, args.secs).await?;
    watch.tell("raised by the daemon");
    let arrived = watch.whole(hops, before).await;
    // It would end by itself; sooner is better. That it arrived, or did not, is what counts.
    let lowered = raise(config, 0).await;
    arrived.and(lowered)
}

/// Asks the daemon to raise the alert, or with 0 seconds to lower it.
async fn raise(config: &Config, secs: u64) -> Result<(), Broken> {
    let own = Layout::new(&config.data_path).own();
    let daemon = Daemon::find(&own).await.map_err(|error| Broken::Other(error.to_string()))?;
    let Some(daemon) = daemon else {
        return Err(Broken::Other(
            "no daemon runs on this data path; start it, or use --direct to try the rest of the way"
                .to_owned(),
        ));
    };
    let asked = daemon.ask::<AlertTested>(ROUTE, &AlertAsked { secs }).await;
    asked.map(drop).map_err(|error| Broken::Other(error.to_string()))
}

/// The drill as it goes.
struct Watch<'a> {
    began: Instant,
    lasting: Duration,
    out: &'a mut Output,
    stop: &'a CancellationToken,
}

impl Watch<'_> {
    /// Through Prometheus and the rest.
    async fn whole(&mut self, hops: &Hops, before: Sent) -> Result<(), Broken> {
        let fires = async || Ok(hops.in_prometheus().await? == Seen::Firing);
        self.until("firing in Prometheus", "does it scrape this daemon, with the shipped rules?", fires)
            .await?;
        self.rest(hops, before).await
    }

    /// Through Alertmanager to the receiver.
    async fn rest(&mut self, hops: &Hops, before: Sent) -> Result<(), Broken> {
        let active = async || Ok(hops.in_alertmanager().await? == Seen::Firing);
        self.until(
            "active in Alertmanager",
            "does Prometheus send to it, and does no silence mute it?",
            active,
        )
        .await?;
        let delivered = async || {
            let now = hops.sent().await?;
            if now.failed > before.failed {
                let what = "Alertmanager tried to notify and failed; its log says what the receiver answered";
                return Err(Broken::Other(what.to_owned()));
            }
            Ok(now.all > before.all)
        };
        self.until(
            "sent to the receiver",
            "does its route lead to a receiver of this --integration?",
            delivered,
        )
        .await
    }

    async fn until(
        &mut self,
        what: &str,
        hint: &str,
        mut look: impl AsyncFnMut() -> Result<bool, Broken>,
    ) -> Result<(), Broken> {
        while !look().await? {
            if self.began.elapsed() > self.lasting {
                return Err(Broken::Other(format!("not {what} within {} s: {hint}", self.lasting.as_secs())));
            }
            tokio::select! {
                () = self.stop.cancelled() => return Err(Broken::Other("stopped".to_owned())),
                () = sleep(PAUSE) => {}
            }
        }
        self.tell(what);
        Ok(())
    }

    fn tell(&mut self, what: &str) {
        self.out.line(format!("{:7.2} s  {what}", self.began.elapsed().as_secs_f64()));
    }
}
