//! Threads that work is done on beside the runtime's own. The one that was idle last is used again first: the allocator
//! keeps for a thread what it once needed, so that few threads in use mean little memory.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// How much less of a busy processor the threads are given than others.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Threads, begun as they are needed. They end with the last clone of this.
#[derive(Clone, Default)]
pub(super) struct Threads(Arc<Mutex<Vec<mpsc::Sender<Work>>>>);

impl Threads {
    /// Does some work on a thread. Returns `None` if it panicked.
    ///
    /// # Errors
    /// If no thread can be begun.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Option<T>> {
        let (done, result) = oneshot::channel();
        let idle = self.idle().pop();
        let thread = idle.map_or_else(begin, Ok)?;
        let (all, own) = (Arc::downgrade(&self.0), thread.clone());
        let whole: Work = Box::new(move || {
            let worked = catch_unwind(AssertUnwindSafe(work));
            // It is idle before anybody hears of the result, and so is used for what follows.
            if let Some(idle) = all.upgrade() {
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(own);
            }
            // Who waits for it may have ended.
            let _ = done.send(worked.ok());
        });
        // It waits for work as long as anybody can reach it.
        let _ = thread.send(whole);
        Ok(result.await.ok().flatten())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<mpsc::Sender<Work>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn begin() -> io::Result<mpsc::Sender<Work>> {
    let (sender, works) = mpsc::channel::<Work>();
    let working = move || {
        stand_back();
        works.iter().for_each(|work| work());
    };
    thread::Builder::new().name("publish".to_owned()).spawn(working)?;
    Ok(sender)
}

/// Lets those go first that receive rows and answer requests. On other systems this would be meant for the whole process.
fn stand_back() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_thread_does_what_comes_one_after_another_and_outlives_a_panic() {
        let threads = Threads::default();
        let first = threads.run(|| thread::current().id()).await.unwrap().unwrap();

        assert!(threads.run(|| panic!("broken")).await.unwrap().is_none_or(|()| false));
        let again = threads.run(|| thread::current().id()).await.unwrap();

        assert_eq!(again, Some(first));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_are_given_less_of_a_busy_processor_than_others() {
        let priority = || rustix::process::getpriority_process(None).unwrap();

        let own = Threads::default().run(priority).await.unwrap();

        assert_eq!(own, Some((priority() + NICENESS).min(19)));
    }

    #[tokio::test]
    async fn what_comes_at_once_is_done_side_by_side() {
        let threads = Threads::default();
        let (sender, receiver) = mpsc::channel();

        let waiting = threads.run(move || receiver.recv().unwrap());
        let telling = threads.run(move || sender.send(7).unwrap());

        assert_eq!(tokio::join!(waiting, telling).0.unwrap(), Some(7));
    }
}
