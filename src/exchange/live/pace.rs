//! The pace of a client's messages: never more in a time than a line bears.

use std::collections::VecDeque;
use std::time::Duration;

use crate::exchange::live::{LineLimits, Rate};

/// How much longer one message may be on its way than the next: they are counted where they arrive.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// Which messages were sent, as far back as the limit looks.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Rate,
    /// The share of the rate that texts may use: where pongs are counted one is always left for them.
    texts: usize,
    sent: VecDeque<Duration>,
    held_until: Duration,
}

impl Pace {
    pub(crate) fn new(limits: &LineLimits) -> Self {
        let count = limits.messages.count as usize;
        let texts = if limits.counts_control_frames { count.saturating_sub(1) } else { count }.max(1);
        Pace::of(limits.messages, texts)
    }

    /// Of the messages that ask for topics, where they have a limit of their own.
    pub(crate) fn of_asking(limits: &LineLimits) -> Option<Self> {
        limits.asks.map(|rate| Pace::of(rate, rate.count as usize))
    }

    fn of(rate: Rate, texts: usize) -> Self {
        Pace { rate, texts, sent: VecDeque::new(), held_until: Duration::ZERO }
    }

    /// When the next text may be sent; it may be past.
    pub(crate) fn next(&self) -> Duration {
        let newest_that_counts =
            self.sent.len().checked_sub(self.texts).and_then(|place| self.sent.get(place));
        let free = newest_that_counts.map(|sent| *sent + self.rate.per + ON_ITS_WAY);
        free.unwrap_or_default().max(self.held_until)
    }

    /// A message was sent.
    pub(crate) fn spend(&mut self, now: Duration) {
        while self.sent.len() >= self.rate.count.max(1) as usize {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    /// Nothing is sent for a while.
    pub(crate) fn hold(&mut self, until: Duration) {
        self.held_until = self.held_until.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// The texts sent within each second that follows one of them.
    fn most_a_second(sent: &[Duration]) -> usize {
        let within =
            |from: Duration| sent.iter().filter(|at| (from..from + millis(1_000)).contains(*at)).count();
        sent.iter().map(|from| within(*from)).max().unwrap_or_default()
    }

    #[test]
    fn no_second_has_more_messages_than_the_line_bears_and_one_is_left_for_a_pong() {
        let limits = LineLimits { counts_control_frames: true, ..LineLimits::USUAL };
        let (mut pace, mut sent) = (Pace::new(&limits), Vec::new());
        for now in (0..5_000).map(millis) {
            if pace.next() <= now {
                pace.spend(now);
                sent.push(now);
            }
        }
        assert_eq!((sent.len(), most_a_second(&sent)), (12, 4));
        let mut pace = Pace::new(&limits);
        (0..3).for_each(|_| pace.spend(millis(100)));
        assert!(pace.next() <= millis(100), "a pong leaves room for one text more");
        pace.spend(millis(200));
        pace.spend(millis(300));
        assert_eq!(pace.next(), millis(2_100));
    }

    #[test]
    fn messages_that_arrive_late_are_not_too_many_together_with_those_that_do_not() {
        let limits = LineLimits { counts_control_frames: true, ..LineLimits::USUAL };
        for late in 0..4 {
            let (mut pace, mut arrived) = (Pace::new(&limits), Vec::new());
            for now in (0..20_000).map(millis) {
                if pace.next() <= now {
                    pace.spend(now);
                    let burst = arrived.len() / 4;
                    arrived.push(now + if burst % 4 == late { millis(999) } else { Duration::ZERO });
                }
            }
            assert_eq!(most_a_second(&arrived), 4, "{late}");
        }
    }

    #[test]
    fn messages_that_ask_for_topics_have_a_limit_of_their_own_where_the_line_says_it() {
        assert!(Pace::of_asking(&LineLimits::USUAL).is_none());
        let limits = LineLimits { asks: Some(Rate::new(3, 3_600)), ..LineLimits::USUAL };
        let mut pace = Pace::of_asking(&limits).unwrap();
        for _ in 0..3 {
            assert!(pace.next() <= millis(500));
            pace.spend(millis(500));
        }
        assert_eq!(pace.next(), millis(3_601_500));
    }

    #[test]
    fn a_client_that_is_told_to_slow_down_sends_nothing_for_a_while() {
        let mut pace = Pace::new(&LineLimits::USUAL);
        pace.hold(millis(9_000));
        assert_eq!(pace.next(), millis(9_000));
    }
}
