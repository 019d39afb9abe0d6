//! Many connections that are lost at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::world::{Exchange, LINE, Log, topic};
use crate::exchange::live::{Line, LineLimits, Rate};
use crate::model::Micros;
use crate::net::ws::{Connection, Dialer, Update};

static NARROW: Line = Line { limits: LineLimits { connects: Rate::new(10, 60), ..LINE.limits }, ..LINE };

#[tokio::test(start_paused = true)]
async fn connections_come_back_at_the_pace_of_their_host_and_none_waits_for_ever() {
    const COUNT: usize = 40;
    // No one listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let exchange: &'static Exchange = Box::leak(Box::new(Exchange(Arc::<Mutex<Log>>::default())));
    let dialer = Arc::new(Dialer::through(Matcher::builder().build()));
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let (tell, mut told) = mpsc::channel(COUNT);
    let mut commands = Vec::new();
    for number in 0..COUNT {
        let connection = Connection {
            live: exchange,
            line: &NARROW,
            host: Some(format!("ws://{gone}")),
            topics: vec![topic(0)],
            clock: Arc::new(|| Micros(7)),
            dialer: Arc::clone(&dialer),
        };
        let (command, obeyed) = mpsc::channel(1);
        let (task, mut inlet) = connection.keep(obeyed, stop.clone());
        commands.push(command);
        tasks.spawn(task);
        let tell = tell.clone();
        tasks.spawn(async move {
            while let Some(update) = inlet.next().await {
                if matches!(update, Update::Failed { .. }) {
                    let _ = tell.send((number, Instant::now())).await;
                }
            }
        });
    }
    let began = Instant::now();
    let (mut attempts, mut by_number) = (Vec::new(), BTreeMap::<usize, usize>::new());
    while began.elapsed() < Duration::from_secs(900) {
        let (number, at) = told.recv().await.unwrap();
        attempts.push(at);
        *by_number.entry(number).or_default() += 1;
    }
    stop.cancel();
    drop(told);
    while tasks.join_next().await.is_some() {}

    for from in &attempts {
        let within =
            attempts.iter().filter(|at| (*from..*from + Duration::from_secs(60)).contains(at)).count();
        assert!(within <= 10, "{within} attempts within a minute");
    }
    assert!(attempts.len() >= 140, "only {} attempts: the budget is used", attempts.len());
    assert_eq!(by_number.len(), COUNT, "each has its turn");
    assert!(by_number.values().all(|count| (2..=6).contains(count)), "{by_number:?}");
}
