//! Live sessions of a case.

use std::borrow::Cow;

use super::super::oracle::GivenPage;
use super::super::session::Word;
use super::super::track::Rows;
use super::Case;
use crate::model::{Kind, Window};
use crate::store::{LiveRows, Writer};

impl Case {
    /// A live session hears something, several of them at once, or one vouches for what it heard.
    pub(super) fn listen(&mut self, at: usize) {
        if self.dice.below(3) == 0
            && let Some(word) = self.sessions[at].word(&self.tracks[at])
        {
            return self.vouch(at, &word);
        }
        let Some(store) = self.store.clone() else { return };
        let all = if self.dice.below(3) == 0 { vec![0, 1, 2] } else { vec![at] };
        let writer = |at: &usize| Some((*at, store.writer(&self.tracks[*at].series).ok()?.0));
        let writers: Vec<(usize, Writer)> = all.iter().filter_map(writer).collect();
        let (mut heard, mut pages) = (Vec::new(), Vec::new());
        for (at, writer) in &writers {
            let (track, session) = (&mut self.tracks[*at], &mut self.sessions[*at]);
            let rows = match track.series.kind() {
                Kind::OrderBook => track.page(&mut self.dice, writer.next_ord()).0,
                _ => session.hear(track, &mut self.dice),
            };
            pages.push(LiveRows { writer, rows: Cow::Owned(track.batch(&rows)), covered: None });
            heard.push((*at, rows));
        }
        let marks = store.accept_live(pages).map_err(drop);
        for (number, (at, rows)) in heard.into_iter().enumerate() {
            self.sessions[at].took(&rows, marks.as_ref().map(|marks| marks[number]));
            self.give(at, rows, None, marks.is_ok());
        }
    }

    fn vouch(&mut self, at: usize, word: &Word) {
        match self.store.as_ref().map(|store| store.writer(&self.tracks[at].series)) {
            Some(Ok((writer, _))) => {
                let accepted = word.give(&writer, self.without);
                self.give(at, word.rows.clone(), Some(word.window), accepted);
            }
            _ => self.tell(format!("no writer of {}", self.tracks[at].series)),
        }
    }

    /// Lets the model know of rows of a session, or of its word for them.
    fn give(&mut self, at: usize, rows: Rows, covered: Option<Window>, accepted: bool) {
        let durable = accepted && self.sync_each;
        self.tell(format!("live {} {rows:?} {covered:?}: {accepted}", self.tracks[at].series));
        self.tracks[at].oracle.give(GivenPage { rows, covered, durable, accepted });
    }
}
