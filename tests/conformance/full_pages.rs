//! Full pages of every kind of rows of every exchange, with one row changed.

use dccd::exchange::{Answer, ParseError, Parsed};
use dccd::model::{Batch, Market, Micros, OddFault, Span};
use serde_json::json;

use crate::KNOWN;
use crate::columns::{Columns, Json, rows_at};
use crate::read::{RECEIVED, What, page, page_of, payloads};

/// How many rows a page has here.
pub(crate) const ROWS: usize = 1_000;

/// The row that is changed.
pub(crate) const CHANGED: usize = 617;

/// A full page of a payload.
pub(crate) struct Full {
    pub(crate) columns: &'static Columns,
    pub(crate) who: String,
    pub(crate) market: Market,
    pub(crate) span: Option<Span>,
    pub(crate) tree: Json,
    pub(crate) whole: Batch,
}

impl Full {
    pub(crate) fn rows(&mut self) -> &mut Vec<Json> {
        let at = rows_at(&self.tree);
        self.tree.pointer_mut(&at).and_then(Json::as_array_mut).unwrap()
    }

    pub(crate) fn changed(&self, change: impl FnOnce(&mut Vec<Json>)) -> String {
        let mut tree = self.tree.clone();
        let at = rows_at(&tree);
        change(tree.pointer_mut(&at).and_then(Json::as_array_mut).unwrap());
        tree.to_string()
    }

    /// The page with one row changed.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Json)) -> String {
        self.changed(|rows| change(&mut rows[CHANGED]))
    }

    pub(crate) fn read(&self, body: &str) -> Result<(Batch, Parsed), ParseError> {
        let exchange = dccd::exchange::find(self.columns.exchange).unwrap();
        let mut batch = Batch::of(self.columns.kind);
        let page = page(exchange, self.columns.kind, self.market, self.span);
        let page = page_of(self.tree.to_string().as_bytes(), page);
        let parsed = exchange.parse(&page, &Answer::of(body.as_bytes(), RECEIVED), &mut batch)?;
        Ok((batch, parsed))
    }

    /// Where a row of the answer is in the batch.
    pub(crate) fn place(&self, row: usize) -> usize {
        if self.columns.newest_first { ROWS - 1 - row } else { row }
    }

    pub(crate) fn at(&self, row: usize) -> Micros {
        Micros(self.whole.ts()[self.place(row)])
    }

    /// The changed row alone is set aside for a fault.
    pub(crate) fn assert_odd(&self, what: &str, body: &str, fault: OddFault, at: Option<Micros>) {
        let who = format!("{}: {what}", self.who);
        let (batch, parsed) = self.read(body).unwrap_or_else(|error| panic!("{who}: {error}"));
        let odd = match &parsed.odd[..] {
            [odd] => odd,
            odd => panic!("{who}: {} odd rows: {:?}", odd.len(), odd.first()),
        };
        assert_eq!((odd.fault, odd.at), (fault, at), "{who}: {}", odd.detail);
        assert!(odd.detail.starts_with(&format!("row {CHANGED}: ")), "{who}: {}", odd.detail);
        assert!(body.contains(&odd.text) && !odd.text.is_empty(), "{who}: {}", odd.text);
        assert!(!parsed.is_reversed && parsed.unfinished.is_none(), "{who}");
        self.assert_without(&batch, &[CHANGED], &who);
    }

    /// All rows are there but some of the answer.
    pub(crate) fn assert_without(&self, batch: &Batch, left_out: &[usize], who: &str) {
        let left_out: Vec<_> = left_out.iter().map(|row| self.place(*row)).collect();
        let others: Vec<_> = (0..ROWS).filter(|row| !left_out.contains(row)).collect();
        assert!(*batch == self.whole.gather(&others), "{who}: the other rows are not what they were");
    }

    /// All rows are there, and nothing is odd.
    pub(crate) fn assert_whole(&self, what: &str, body: &str) {
        let who = format!("{}: {what}", self.who);
        let (batch, parsed) = self.read(body).unwrap_or_else(|error| panic!("{who}: {error}"));
        assert!(parsed.odd.is_empty() && !parsed.is_reversed, "{who}: {:?}", parsed.odd.first());
        assert!(batch == self.whole, "{who}: the rows are not what they were");
    }
}

/// A full page of each payload that has rows.
pub(crate) fn pages() -> impl Iterator<Item = Full> {
    KNOWN.iter().flat_map(|known| {
        payloads(known.exchange).into_iter().filter_map(|sample| {
            let What::Page(kind, market) = sample.what else { return None };
            let columns = Columns::of(known.exchange, kind)?;
            let who = format!("{}/{}", known.exchange, sample.name);
            let step = sample.span.map_or(1_000_000, |span| i64::from(span.secs()) * 1_000_000);
            let tree = columns.fill(&sample.body, ROWS, step);
            let mut full = Full { columns, who, market, span: sample.span, tree, whole: Batch::of(kind) };
            let (whole, parsed) = full.read(&full.tree.to_string()).unwrap();
            assert_eq!(parsed, Parsed::from(parsed.next), "{}", full.who);
            assert_eq!((whole.len(), full.rows().len()), (ROWS, ROWS), "{}", full.who);
            full.whole = whole;
            Some(full)
        })
    })
}

/// A number in the forms it is not written in.
pub(crate) fn other_forms(value: &Json, is_id: bool) -> Vec<Json> {
    let number = match value {
        Json::String(text) => text.parse::<f64>().ok().filter(|number| number.is_finite()),
        other => other.as_f64(),
    };
    let Some(number) = number else { return Vec::new() };
    let whole = (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
    let texts = [json!(format!("{number}")), json!(number), json!(format!("{number:e}"))];
    // A word that is an id is that word, whatever number it may be.
    texts
        .into_iter()
        .take(if is_id { 2 } else { 3 })
        .chain(whole.map(|whole| json!(whole)))
        .filter(|form| form != value)
        .collect()
}
