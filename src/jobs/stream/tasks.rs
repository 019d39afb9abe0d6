//! Tasks that are each known by a key: of one that panics it is known whose it was, and it is logged.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};

/// Tasks of one kind. They end when this is dropped.
pub(crate) struct Tasks<K, T> {
    /// Their work, for the log.
    what: &'static str,
    running: JoinSet<T>,
    keys: HashMap<Id, K>,
}

impl<K, T: Send + 'static> Tasks<K, T> {
    pub(crate) fn new(what: &'static str) -> Self {
        Tasks { what, running: JoinSet::new(), keys: HashMap::new() }
    }

    pub(crate) fn spawn(&mut self, key: K, task: impl Future<Output = T> + Send + 'static) {
        let id = self.running.spawn(task).id();
        self.keys.insert(id, key);
    }

    /// The same on a thread where it may block.
    pub(crate) fn spawn_blocking(&mut self, key: K, work: impl FnOnce() -> T + Send + 'static) {
        let id = self.running.spawn_blocking(work).id();
        self.keys.insert(id, key);
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether any of them has a key like this.
    pub(crate) fn has(&self, is_it: impl FnMut(&K) -> bool) -> bool {
        self.keys.values().any(is_it)
    }

    /// The keys of all of them.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.keys.values()
    }

    /// How many have a key like this.
    pub(crate) fn count(&self, is_it: impl Fn(&K) -> bool) -> usize {
        self.keys.values().filter(|key| is_it(key)).count()
    }

    /// Waits for the next one to end; `None` if there is none. Nothing is lost if the wait is given up.
    pub(crate) async fn next(&mut self) -> Option<(K, Result<T, JoinError>)> {
        loop {
            let ended = self.running.join_next_with_id().await?;
            let (id, result) = match ended {
                Ok((id, value)) => (id, Ok(value)),
                Err(error) => (error.id(), Err(error)),
            };
            if let Err(error) = &result
                && error.is_panic()
            {
                tracing::error!(%error, "{} broke off; please report this", self.what);
            }
            // Every task was given a key when it was spawned.
            if let Some(key) = self.keys.remove(&id) {
                return Some((key, result));
            }
        }
    }

    /// Waits until all have ended.
    pub(crate) async fn end(&mut self) {
        while self.next().await.is_some() {}
    }

    /// Ends all of them where they are.
    pub(crate) async fn abort(&mut self) {
        self.running.abort_all();
        self.end().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_told_by_its_key_like_any_other_that_ends() {
        let mut tasks = Tasks::new("counting");
        tasks.spawn("one", async { 1 });
        tasks.spawn("two", async { panic!("a fault") });
        tasks.spawn_blocking("three", || 3);
        assert!(tasks.has(|key| *key == "two"));

        let mut ended = Vec::new();
        while let Some((key, result)) = tasks.next().await {
            ended.push((key, result.ok()));
        }

        ended.sort_unstable();
        assert_eq!(ended, [("one", Some(1)), ("three", Some(3)), ("two", None)]);
        assert_eq!((tasks.len(), tasks.has(|_| true)), (0, false));
    }

    #[tokio::test]
    async fn tasks_that_would_never_end_are_ended() {
        let mut tasks = Tasks::new("waiting");
        tasks.spawn((), std::future::pending::<()>());
        tasks.abort().await;
        assert_eq!(tasks.len(), 0);
    }
}
