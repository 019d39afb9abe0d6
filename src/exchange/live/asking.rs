//! Requests for topics: several in a message where the exchange takes them, at the pace of the line, each answered within
//! a time or asked again.

use std::collections::VecDeque;
use std::time::Duration;

use crate::exchange::live::LineLimits;
use crate::exchange::live::address::Address;
use crate::exchange::live::topics::Place;

/// How long an exchange may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How often a topic is asked for over one connection.
const MOST_TRIES: u32 = 3;

/// Topics that wait for their turn, and those that are asked for.
#[derive(Debug)]
pub(crate) struct Asking {
    topics_per_message: usize,
    waiting: VecDeque<Waiting>,
    leaving: VecDeque<Address>,
    pending: VecDeque<Pending>,
    last_request: u64,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    place: Place,
    /// How many may stand in a message with it: of a message that was refused, half as many.
    most: usize,
    tries: u32,
}

#[derive(Debug)]
struct Pending {
    request: u64,
    asked: Vec<Waiting>,
    /// How many stood in it.
    size: usize,
    sent: Duration,
}

/// The content of the next message.
#[derive(Debug, PartialEq)]
pub(crate) enum Turn {
    Leave(Vec<Address>),
    Want(Vec<Place>),
}

/// The topics a refusal concerns.
#[derive(Debug, PartialEq)]
pub(crate) enum Refused {
    /// This topic.
    Topic(Place),
    /// One or several of a message; they are asked for again in smaller ones.
    Several,
    /// Nothing that was asked for.
    Nothing,
}

/// Requests that were not answered in time.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Overdue {
    pub(crate) topics: Vec<Place>,
    /// They were asked for as often as it makes sense.
    pub(crate) is_hopeless: bool,
}

impl Asking {
    pub(crate) fn new(limits: &LineLimits) -> Self {
        Asking {
            topics_per_message: limits.topics_per_message.max(1),
            waiting: VecDeque::new(),
            leaving: VecDeque::new(),
            pending: VecDeque::new(),
            last_request: 0,
        }
    }

    pub(crate) fn want(&mut self, place: Place) {
        self.waiting.push_back(Waiting { place, most: self.topics_per_message, tries: 0 });
    }

    /// Asks for a topic no more; where it was asked for, the exchange is told.
    pub(crate) fn leave(&mut self, place: Place, address: Address) {
        let is_unasked = self.waiting.iter().any(|other| other.place == place && other.tries == 0);
        self.waiting.retain(|other| other.place != place);
        self.answered(place);
        if !is_unasked {
            self.leaving.push_back(address);
        }
    }

    pub(crate) fn has_turn(&self) -> bool {
        !self.waiting.is_empty() || !self.leaving.is_empty()
    }

    /// A number for a message that asks for something else.
    pub(crate) fn number(&mut self) -> u64 {
        self.last_request += 1;
        self.last_request
    }

    /// The next message, with its number; `fits` says whether two topics may stand in one.
    pub(crate) fn turn(
        &mut self,
        now: Duration,
        address: impl Fn(Place) -> Option<Address>,
        fits: impl Fn(&Address, &Address) -> bool,
    ) -> Option<(u64, Turn)> {
        if let Some(first) = self.leaving.pop_front() {
            let mut all = vec![first];
            while all.len() < self.topics_per_message
                && let Some(next) = self.leaving.pop_front_if(|next| fits(&all[0], next))
            {
                all.push(next);
            }
            return Some((self.number(), Turn::Leave(all)));
        }
        let first = self.waiting.pop_front()?;
        let own = address(first.place)?;
        let (mut asked, mut most, mut rest) = (vec![first], first.most, VecDeque::new());
        for next in self.waiting.drain(..) {
            let is_fit = asked.len() < most.min(next.most)
                && address(next.place).is_some_and(|other| fits(&own, &other));
            if is_fit {
                most = most.min(next.most);
                asked.push(next);
            } else {
                rest.push_back(next);
            }
        }
        self.waiting = rest;
        let (request, places) = (self.number(), asked.iter().map(|asked| asked.place).collect());
        let size = asked.len();
        self.pending.push_back(Pending { request, asked, size, sent: now });
        Some((request, Turn::Want(places)))
    }

    /// The topics of a request that was answered as a whole.
    pub(crate) fn answered_all(&mut self, request: u64) -> Vec<Place> {
        let place = self.pending.iter().position(|pending| pending.request == request);
        let pending = place.and_then(|place| self.pending.remove(place));
        pending.map_or_else(Vec::new, |pending| pending.asked.iter().map(|asked| asked.place).collect())
    }

    /// The topics of the oldest request, where answers do not name theirs.
    pub(crate) fn answered_oldest(&mut self) -> Vec<Place> {
        self.pending.front().map(|oldest| oldest.request).map_or_else(Vec::new, |own| self.answered_all(own))
    }

    /// A topic was answered.
    pub(crate) fn answered(&mut self, place: Place) {
        for pending in &mut self.pending {
            pending.asked.retain(|asked| asked.place != place);
        }
        self.pending.retain(|pending| !pending.asked.is_empty());
    }

    /// A request was refused: the one of a number, else the oldest. `is_named` says whether the refusal names a topic;
    /// `is_whole` that the others of its message were refused with it, which are asked for again.
    pub(crate) fn refused(
        &mut self,
        request: Option<u64>,
        is_named: impl Fn(Place) -> bool,
        is_whole: bool,
    ) -> Refused {
        let mut all = self.pending.iter().enumerate();
        let found = match request {
            Some(request) => all.find(|(_, pending)| pending.request == request),
            None => all
                .find(|(_, pending)| pending.asked.iter().any(|asked| is_named(asked.place)))
                .or_else(|| self.pending.iter().enumerate().next()),
        };
        let Some(index) = found.map(|(index, _)| index) else { return Refused::Nothing };
        let pending = &self.pending[index];
        let named =
            pending.asked.iter().find(|asked| is_named(asked.place)).or_else(|| match &pending.asked[..] {
                [only] => Some(only),
                _ => None,
            });
        let named = named.map(|named| named.place);
        if let Some(place) = named.filter(|_| !is_whole) {
            self.answered(place);
            return Refused::Topic(place);
        }
        let Some(pending) = self.pending.remove(index) else { return Refused::Nothing };
        let most = if named.is_some() { pending.size } else { (pending.size / 2).max(1) };
        let others = pending.asked.into_iter().filter(|asked| Some(asked.place) != named);
        self.waiting.extend(others.map(|asked| Waiting { most, ..asked }));
        named.map_or(Refused::Several, Refused::Topic)
    }

    /// Asks again for topics that were not answered in time.
    pub(crate) fn overdue(&mut self, now: Duration) -> Overdue {
        let mut overdue = Overdue::default();
        while let Some(pending) = self.pending.pop_front_if(|oldest| oldest.sent + ANSWER_WITHIN <= now) {
            for mut asked in pending.asked {
                asked.tries += 1;
                overdue.is_hopeless |= asked.tries >= MOST_TRIES;
                overdue.topics.push(asked.place);
                self.waiting.push_back(asked);
            }
        }
        overdue
    }

    /// When the oldest request has waited long enough.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.pending.front().map(|oldest| oldest.sent + ANSWER_WITHIN)
    }
}

#[cfg(test)]
#[path = "asking_tests.rs"]
mod tests;
