//! The walks of a run: all windows side by side, then the beginnings still unknown, then what first pages left
//! out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::exchange::{Edge, ParseError, Walk};
use crate::jobs::failures::Failures;
use crate::jobs::fetch::Failed;
use crate::jobs::handle::Handle;
use crate::jobs::run::Run;
use crate::jobs::scope::RunScope;
use crate::jobs::turn::Turn;
use crate::jobs::{FetchError, RunError, RunErrorKind};
use crate::model::{Micros, Window, Windows};
use crate::net::NetError;
use crate::telemetry::events::{Chain, WindowFailed};
use crate::telemetry::trace;

/// Pages that may wait between the fetchers and the store.
const PAGES_WAITING: usize = 8;

/// How long a full row group is held back for the pages in flight: those of their rows that fall before its last one
/// would cost it to be encoded again.
const LATE_WITHIN: Duration = Duration::from_secs(3);

/// How often windows are walked again because their first pages left rows out.
const MOST_ROUNDS: usize = 8;

/// Work left by the walks of a run.
#[derive(Default)]
struct Leftovers {
    /// Walks that do not know whether they saw their first row.
    open: Vec<Walk>,
    /// Windows that first pages left out.
    rest: Windows,
    /// The ends of windows, in walking order, with the last row seen past each.
    borders: HashMap<Micros, Edge>,
}

/// The next walk.
enum Next {
    Window(Window),
    Walk(Box<Walk>),
}

impl Run<'_> {
    /// Walks all windows, several side by side, and stores what arrives.
    pub(super) async fn walk_all(
        &mut self,
        writer: &Handle,
        scope: &RunScope,
        missing: &Windows,
        turn: Turn,
    ) -> Result<(), RunError> {
        let mut failures = Failures::default();
        let mut leftovers = Leftovers::default();
        let mut next: Vec<Next> = turn.windows(missing, scope).into_iter().map(Next::Window).collect();
        let mut rounds = 0;
        while !next.is_empty() {
            let are_beside = next.len() > 1 && rounds == 0;
            self.walk_round(writer, scope, next, (turn, are_beside), (&mut failures, &mut leftovers)).await?;
            rounds += 1;
            next = self.what_is_left(writer, scope, &mut leftovers).await?;
            if failures.enough() || self.fetcher.stop.is_cancelled() {
                break;
            }
            if rounds > MOST_ROUNDS {
                self.give_up(writer, &mut failures, &next);
                break;
            }
        }
        let planned = self.at.planned;
        match failures.into_error(&self.order.series, planned) {
            Some(error) => Err(error),
            None if self.at.done < planned => Err(RunErrorKind::Stopped.of(&self.order.series)),
            None => Ok(()),
        }
    }

    async fn walk_round(
        &mut self,
        writer: &Handle,
        scope: &RunScope,
        next: Vec<Next>,
        (turn, are_beside): (Turn, bool),
        (failures, leftovers): (&mut Failures, &mut Leftovers),
    ) -> Result<(), RunError> {
        let mut next = next.into_iter();
        let (sender, mut pages) = mpsc::channel(PAGES_WAITING);
        let mut walking: JoinSet<Result<Box<Walk>, Failed>> = JoinSet::new();
        loop {
            let is_clear = walking.is_empty();
            if is_clear {
                while let Ok(step) = pages.try_recv() {
                    self.accept(writer, step).await?;
                }
            }
            let mut is_awaited = writer.is_just_full();
            while (is_clear || !is_awaited)
                && walking.len() < self.context.walks_at_once
                && !failures.enough()
                && !self.fetcher.stop.is_cancelled()
            {
                let walk = match next.next() {
                    None => break,
                    Some(Next::Walk(walk)) => *walk,
                    Some(Next::Window(window)) => self.walk_over(writer, scope, window, turn, are_beside),
                };
                let (fetcher, sender) = (self.fetcher.clone(), sender.clone());
                let walked = async move { fetcher.walk(walk, sender).await };
                walking.spawn(walked.instrument(trace::here()));
            }
            if is_clear && std::mem::take(&mut is_awaited) {
                self.flush(writer).await?;
            }
            if walking.is_empty() {
                break;
            }
            tokio::select! {
                Some(step) = pages.recv() => self.accept(writer, step).await?,
                Some(ended) = walking.join_next() => {
                    let ended = ended.map_err(|error| self.broken(&error))?;
                    self.ended(writer, failures, leftovers, ended);
                }
                () = tokio::time::sleep(LATE_WITHIN), if is_awaited => self.flush(writer).await?,
            }
        }
        drop(sender);
        while let Some(step) = pages.recv().await {
            self.accept(writer, step).await?;
        }
        Ok(())
    }

    /// The walk over a window, starting from the known row beside it.
    fn walk_over(
        &self,
        writer: &Handle,
        scope: &RunScope,
        window: Window,
        turn: Turn,
        are_beside: bool,
    ) -> Walk {
        let (series, instrument) = (Arc::clone(&self.order.series), Arc::clone(&scope.instrument));
        let settled = scope.unsettled_since();
        let beside = scope.beside(window, self.fetcher.ends.known(), &writer.settled());
        let walk = Walk::new(series, instrument, scope.offer, window, scope.horizon, settled).beside(beside);
        let walk = if are_beside { walk.beside_others() } else { walk };
        match turn {
            Turn::First => walk,
            Turn::Last => walk.last(),
        }
    }

    /// Questions that the walks left open: where they begin, unless their neighbours show it, and what their
    /// first pages left out.
    async fn what_is_left(
        &mut self,
        writer: &Handle,
        scope: &RunScope,
        leftovers: &mut Leftovers,
    ) -> Result<Vec<Next>, RunError> {
        let mut next = Vec::new();
        for mut walk in std::mem::take(&mut leftovers.open) {
            let met = leftovers.borders.get(&walk.begins_at()).and_then(|border| walk.meets(border));
            if let Some(step) = met {
                self.accept(writer, step).await?;
            } else {
                walk.ask_beginning();
                next.push(Next::Walk(Box::new(walk)));
            }
        }
        let rest = std::mem::take(&mut leftovers.rest);
        next.extend(Turn::First.windows(&rest, scope).into_iter().map(Next::Window));
        self.at.planned += next.len();
        Ok(next)
    }

    /// Gives up on an exchange that leaves rows out of one first page after another.
    fn give_up(&mut self, writer: &Handle, failures: &mut Failures, next: &[Next]) {
        for left in next {
            let window = match left {
                Next::Window(window) => Some(*window),
                Next::Walk(walk) => walk.left(),
            };
            let Some(window) = window else { continue };
            let exchange = self.context.client.exchange().name();
            let reason = "each of its answers begins later than the one after it shows".to_owned();
            let source = ParseError::Disobeyed { reason };
            let error = FetchError::Parse { exchange, source };
            let attempts = u32::try_from(MOST_ROUNDS).unwrap_or(u32::MAX);
            self.failed(writer, failures, Failed { window, attempts, error });
            self.at.done += 1;
        }
    }

    fn ended(
        &mut self,
        writer: &Handle,
        failures: &mut Failures,
        leftovers: &mut Leftovers,
        ended: Result<Box<Walk>, Failed>,
    ) {
        match ended {
            Err(Failed { error: FetchError::Net(NetError::Stopped), .. }) => return,
            Ok(walk) => {
                failures.in_a_row = 0;
                walk.lost().into_iter().for_each(|window| self.lost(writer, window));
                walk.unsure().into_iter().for_each(|window| self.unsure.add(window));
                walk.rest().into_iter().for_each(|window| leftovers.rest.add(window));
                if let Some((end, row)) = walk.border() {
                    leftovers.borders.insert(end, row.clone());
                }
                if walk.open_beginning().is_some() {
                    leftovers.open.push(*walk);
                }
            }
            Err(failed) => self.failed(writer, failures, failed),
        }
        self.at.done += 1;
        (self.progress)(self.at);
    }

    pub(super) fn failed(&self, writer: &Handle, failures: &mut Failures, failed: Failed) {
        let (series, window, attempts) = (&self.order.series, failed.window, failed.attempts);
        self.context.telemetry.emit(WindowFailed { series, window, attempts, error: &failed.error });
        let reason = format!("{attempts} attempts failed: {}", Chain(&failed.error));
        writer.account(|ledger| ledger.note(window, &reason));
        failures.add(failed);
    }
}
