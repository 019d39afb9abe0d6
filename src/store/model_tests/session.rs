//! A live session of a series: rows heard one after the other, none of which proves anything, then a word for all of
//! them.

use super::Dice;
use super::guard::Guard;
use super::track::{Rows, Track};
use crate::model::Window;
use crate::store::{Mark, Writer};

/// The rows and quiet times that a session heard since it last gave its word.
#[derive(Default)]
pub(super) struct Session {
    since: Option<Mark>,
    /// The first key of its next word, and the one behind the last.
    keys: Option<(i64, i64)>,
    rows: Rows,
}

/// A word that a session may give.
pub(super) struct Word {
    since: Option<Mark>,
    pub(super) rows: Rows,
    pub(super) window: Window,
}

impl Session {
    /// Draws what it hears next. Where others went on meanwhile, it begins anew behind them.
    pub(super) fn hear(&mut self, track: &mut Track, dice: &mut Dice) -> Rows {
        if self.keys.is_none_or(|(_, until)| until != track.next()) {
            *self = Session { keys: Some((track.next(), track.next())), ..Session::default() };
        }
        let rows = track.hear(dice);
        if let Some((_, until)) = &mut self.keys {
            *until = track.next();
        }
        rows
    }

    /// The rows reported as accepted to it, in frames from a mark on, or refused: then it has nothing to vouch for.
    pub(super) fn took(&mut self, rows: &Rows, accepted: Result<Option<Mark>, &()>) {
        match accepted {
            Ok(mark) => {
                self.since = self.since.or(mark);
                self.rows.extend(rows);
            }
            Err(()) => *self = Session::default(),
        }
    }

    /// The word for everything heard since the last one.
    pub(super) fn word(&mut self, track: &Track) -> Option<Word> {
        let (from, until) = self.keys?;
        let window = track.window(from, until)?;
        let heard = std::mem::take(self);
        self.keys = Some((until, until));
        Some(Word { since: heard.since, rows: heard.rows, window })
    }
}

impl Word {
    /// Gives it; left out what is to be left out, it names no frame that recovery would have to find.
    pub(super) fn give(&self, writer: &Writer, without: Option<Guard>) -> bool {
        let since = self.since.filter(|_| without != Some(Guard::NamedFrames));
        writer.vouch(since, self.window).is_ok()
    }
}
