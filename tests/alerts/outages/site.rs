//! Everything one outage needs, beside that of others: simulated exchanges, a daemon, Prometheus, Alertmanager and a
//! place for messages.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use dccd::sim::{Fault, Knobs, Rule, Sim};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::daemon::Daemon;
use crate::overlay::{self, Timing};
use crate::post::PostBox;
use crate::process::{Server, ask, wait_for};

/// The pause between two looks at the daemon; many sites share a machine.
const PAUSE: Duration = Duration::from_millis(500);

/// A third failure is a message within this time, and a recovery within the other.
const TOLD_WITHIN: Duration = Duration::from_secs(45);
const RESOLVED_WITHIN: Duration = Duration::from_secs(90);

pub(crate) struct TestSetup {
    pub(crate) name: &'static str,
    pub(crate) timing: Timing,
    pub(crate) binance: Sim,
    pub(crate) kraken: Sim,
    pub(crate) daemon: Daemon,
    slack: PostBox,
    _servers: [Server; 2],
    _folder: TempDir,
    began: Instant,
}

/// The parts of a site.
pub(crate) struct Plan {
    /// The folder of the daemon, whose `data` may be there already.
    pub(crate) home: TempDir,
    pub(crate) sections: String,
    /// The keys of `storage`.
    pub(crate) storage: String,
}

/// How jobs run: at each close, as by default; in the quick form every few seconds and without a second attempt.
pub(crate) fn jobs(timing: Timing, jobs: &[(&str, &str)]) -> String {
    let pace = match timing {
        Timing::Shipped => "span: 60",
        Timing::Quick => "span: 60, every: 3, max_retries: 1",
    };
    let line = |(exchange, pairs): &(&str, &str)| {
        format!("  - {{exchange: {exchange}, pairs: [{pairs}], {pace}}}\n")
    };
    let lines: String = jobs.iter().map(line).collect();
    format!(
        "exchanges: {{binance: {{rest_url: BINANCE}}, kraken: {{rest_url: KRAKEN}}}}\nhisto_jobs:\n{lines}"
    )
}

impl Plan {
    pub(crate) fn of(sections: String) -> Plan {
        Plan { home: TempDir::new().unwrap(), sections, storage: String::new() }
    }
}

impl TestSetup {
    /// Begins with everything in order, scraped and stored.
    pub(crate) async fn start(name: &'static str, timing: Timing, plan: Plan) -> TestSetup {
        let (folder, slack) = (TempDir::new().unwrap(), PostBox::open().await);
        fs::create_dir(folder.path().join("secrets")).unwrap();
        for name in ["slack_url", "second_url"] {
            fs::write(folder.path().join("secrets").join(name), slack.url(name)).unwrap();
        }
        let symbols = ["BTCUSDT", "ETHUSDT", "ETHUSD"].map(str::to_owned).into();
        let knobs = Knobs { symbols, ..Knobs::default() };
        let binance = Sim::start("127.0.0.1:0".parse().unwrap(), knobs.clone()).await.unwrap();
        let kraken = Sim::start("127.0.0.1:0".parse().unwrap(), knobs).await.unwrap();
        let sections = plan
            .sections
            .replace("BINANCE", &format!("{}/binance", binance.url()))
            .replace("KRAKEN", &format!("{}/kraken", kraken.url()));
        let began = Instant::now();
        let daemon = Daemon::within(plan.home, &sections, &plan.storage).await;
        let alertmanager = overlay::alertmanager(folder.path(), timing).await;
        let prometheus =
            overlay::prometheus(folder.path(), timing, alertmanager.address, &[daemon.address]).await;
        wait_for("the first scrapes", async || {
            let scraped = prometheus.get("/api/v1/query?query=count(up==1)").await;
            scraped.contains(r#""3"]"#).then_some(())
        })
        .await;
        let _servers = [prometheus, alertmanager];
        let site =
            TestSetup { name, timing, binance, kraken, daemon, slack, _servers, _folder: folder, began };
        site.wait_for("every series succeeded", |metrics| {
            metrics.all("dccd_job_last_success_timestamp_seconds", |at| at > 0.0)
        })
        .await;
        site
    }

    /// Lets time go by: so many seconds, or a few where everything is quick.
    pub(crate) async fn pass(&self, secs: u64) {
        let secs = if self.timing == Timing::Quick { secs.min(10) } else { secs };
        sleep(Duration::from_secs(secs)).await;
    }

    /// Waits until the daemon's metrics are as wanted; the moment of it.
    pub(crate) async fn wait_for(&self, what: &str, is_so: impl Fn(&Samples) -> bool) -> Instant {
        let most = Duration::from_secs(if self.timing == Timing::Quick { 60 } else { 1_800 });
        let deadline = Instant::now() + most;
        loop {
            // While it does not answer nothing is known.
            let answer = ask(self.daemon.address, "GET", "/metrics", "").await;
            if answer.is_ok_and(|text| is_so(&Samples::of(&text))) {
                return Instant::now();
            }
            assert!(Instant::now() < deadline, "{}: waited in vain for: {what}", self.name);
            sleep(PAUSE).await;
        }
    }

    /// The titles so far, icons left out, with `DCCD` for the daemon's address and `N` for numbers.
    pub(crate) fn events(&self) -> Vec<String> {
        let address = self.daemon.address.to_string();
        let home = self.daemon.path("").display().to_string();
        let title = |posted: crate::post::Posted| {
            let title = posted.attachment().title;
            let (_, words) = title.split_once(" dccd: ").unwrap_or_else(|| panic!("{title}"));
            numbers_left_out(&words.replace(&address, "DCCD").replace(&home, "HOME/"))
        };
        self.slack.messages().into_iter().map(title).collect()
    }

    /// Waits for a message; how long after a moment it came.
    pub(crate) async fn message(&self, number: usize, since: Instant) -> Duration {
        let deadline = since + Duration::from_secs(if self.timing == Timing::Quick { 60 } else { 1_800 });
        loop {
            if let Some(posted) = self.slack.messages().get(number) {
                return posted.at.saturating_duration_since(since);
            }
            assert!(Instant::now() < deadline, "{}: no message {number} in {:#?}", self.name, self.events());
            sleep(PAUSE).await;
        }
    }

    /// Waits for the message about something that came to be at a moment, and says how long it took.
    pub(crate) async fn is_told(&self, number: usize, since: Instant) {
        let took = self.message(number, since).await;
        println!("{}: {took:.1?} from the failure that makes an alert to the message", self.name);
        assert!(took <= TOLD_WITHIN, "{}: {took:?}", self.name);
    }

    /// The same for the message that it is over.
    pub(crate) async fn is_resolved(&self, number: usize, since: Instant) {
        let took = self.message(number, since).await;
        println!("{}: {took:.1?} from recovery to \"resolved\"", self.name);
        assert!(took <= RESOLVED_WITHIN, "{}: {took:?}", self.name);
    }

    /// Waits as long as anything has ever been told of too late, and gives every title that was told.
    pub(crate) async fn rest(&self) -> Vec<String> {
        self.pass(1_200).await;
        let at = |posted: crate::post::Posted| (posted.at - self.began).as_secs();
        let told: Vec<_> = self.slack.messages().into_iter().map(at).zip(self.events()).collect();
        println!("{}: told {told:#?}", self.name);
        self.events()
    }
}

fn numbers_left_out(text: &str) -> String {
    let mut short = String::new();
    for letter in text.chars() {
        match letter {
            '0'..='9' | '.' if short.ends_with('N') => {}
            '0'..='9' => short.push('N'),
            _ => short.push(letter),
        }
    }
    short
}

/// The samples of a scrape, by family.
pub(crate) struct Samples(BTreeMap<String, Vec<f64>>);

impl Samples {
    fn of(text: &str) -> Samples {
        let mut samples: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            let value: Option<f64> = line.rsplit(' ').next().and_then(|value| value.parse().ok());
            samples.entry(name.to_owned()).or_default().extend(value);
        }
        Samples(samples)
    }

    /// Whether a family has samples and all of them are as wanted.
    pub(crate) fn all(&self, family: &str, is_so: impl Fn(f64) -> bool) -> bool {
        self.0.get(family).is_some_and(|values| values.iter().all(|value| is_so(*value)))
    }

    /// Whether a sample of a family is as wanted.
    pub(crate) fn any(&self, family: &str, is_so: impl Fn(f64) -> bool) -> bool {
        self.0.get(family).is_some_and(|values| values.iter().any(|value| is_so(*value)))
    }
}

/// Has every request to an exchange fail.
pub(crate) fn fails(sim: &Sim) {
    sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Status500)]);
}

pub(crate) fn recovers(sim: &Sim) {
    sim.set(|knobs| knobs.faults.clear());
}
