//! `validate --online`: checks the exchanges, the store and the remotes.
//!
//! Nothing is fetched, and nothing is created where no data is yet. Everything is asked side by side and
//! within [`exchanges::WITHIN`].

mod exchanges;
mod remotes;
mod store;

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::OnlineCheck;
use crate::config::Config;

/// Asks everything: exchanges in the order of their names, then the store, then the remotes of the file.
/// A `stop` ends it at once.
pub(crate) async fn ask(config: &Config, stop: &CancellationToken) -> Vec<OnlineCheck> {
    let (late, own) = (CancellationToken::new(), Arc::new(config.clone()));
    let mut questions = Questions::default();
    for (name, pairs) in exchanges::configured(config) {
        questions.put(exchanges::ask(Arc::clone(&own), name, pairs, late.clone()));
    }
    questions.put(store::ask(Arc::clone(&own)));
    for (place, remote) in config.storage.remotes.iter().enumerate() {
        questions.put(remotes::ask(place, remote.clone()));
    }
    let alarm = async {
        tokio::time::sleep(exchanges::WITHIN).await;
        late.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        checks = questions.answers() => checks,
        () = stop.cancelled() => vec![OnlineCheck::failed("online", "stopped before everything was answered")],
        () = alarm => Vec::new(),
    }
}

/// Questions asked side by side, answered in their order.
#[derive(Default)]
struct Questions {
    asked: usize,
    asking: JoinSet<(usize, Vec<OnlineCheck>)>,
}

impl Questions {
    fn put(&mut self, question: impl Future<Output = Vec<OnlineCheck>> + Send + 'static) {
        let place = self.asked;
        self.asked += 1;
        self.asking.spawn(async move { (place, question.await) });
    }

    async fn answers(self) -> Vec<OnlineCheck> {
        let mut answers = self.asking.join_all().await;
        answers.sort_unstable_by_key(|(place, _)| *place);
        answers.into_iter().flat_map(|(_, checks)| checks).collect()
    }
}
