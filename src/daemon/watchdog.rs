//! A thread that ends the process when its runtime is stuck, which only a restart can cure.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// The exit code of a stuck process.
const STUCK: i32 = 70;
/// The number of checks without progress that end the process.
const LOOKS: u32 = 60;
/// The time between two checks.
const LOOK: Duration = Duration::from_secs(1);

/// The watchdog thread; it ends when this is dropped.
pub struct Watchdog {
    release: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Watches the loop that counts its `rounds`, and ends the process with code `STUCK` after a minute
    /// without progress.
    ///
    /// Counts checks rather than time, so that a suspended process gets its full minute after it resumes.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn over(rounds: Arc<AtomicU64>) -> std::io::Result<Watchdog> {
        Watchdog::looking(rounds, LOOKS, LOOK, end_process)
    }

    fn looking(
        rounds: Arc<AtomicU64>,
        looks: u32,
        look: Duration,
        bark: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Watchdog> {
        let (release, released) = channel::<()>();
        let watch = move || {
            let (mut seen, mut still) = (rounds.load(Ordering::Relaxed), 0);
            while let Err(RecvTimeoutError::Timeout) = released.recv_timeout(look) {
                let now = rounds.load(Ordering::Relaxed);
                still = if now == seen { still + 1 } else { 0 };
                seen = now;
                if still >= looks {
                    return bark();
                }
            }
        };
        let thread = std::thread::Builder::new().name("watchdog".to_owned()).spawn(watch)?;
        Ok(Watchdog { release: Some(release), thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.release.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the watchdog broke off; please report this");
        }
    }
}

/// Accepted rows are in the journal; the next start replays it.
#[allow(clippy::disallowed_methods, reason = "the runtime is stuck, so nothing can return from main")]
fn end_process() {
    eprintln!("dccd: the main loop has stood still for {LOOKS} s; the process ends with code {STUCK}");
    std::process::exit(STUCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(5);

    #[test]
    fn a_loop_that_stands_still_is_noticed() {
        let (told, heard) = channel();
        let watchdog =
            Watchdog::looking(Arc::<AtomicU64>::default(), 3, SHORT, move || told.send(()).unwrap()).unwrap();
        heard.recv_timeout(Duration::from_secs(30)).unwrap();
        drop(watchdog);
    }

    #[test]
    fn a_loop_that_goes_on_is_left_alone_and_the_thread_ends_with_its_owner() {
        let (rounds, (told, heard)) = (Arc::<AtomicU64>::default(), channel());
        let watchdog = Watchdog::looking(Arc::clone(&rounds), 1_000, SHORT, move || told.send(()).unwrap());
        let watchdog = watchdog.unwrap();
        for _ in 0..10 {
            rounds.fetch_add(1, Ordering::Relaxed);
            assert_eq!(heard.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        }
        drop(watchdog);
        assert_eq!(heard.recv(), Err(std::sync::mpsc::RecvError), "its end of the channel is gone");
    }
}
