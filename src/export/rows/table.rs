//! The columns of a result, and what names the series of a row.

use crate::model::{Field, Series, Type, fields};

/// The columns of a result.
#[derive(Debug)]
pub struct RowTable {
    /// The columns that name a row's series, then those of the rows.
    pub(super) fields: Vec<Field>,
    /// The values of the first columns for each series.
    pub(super) labels: Vec<Vec<String>>,
}

impl RowTable {
    /// The columns of some series of one kind, which are in this order; of the kind's those at `columns`.
    #[must_use]
    pub fn of(series: &[Series], columns: &[usize]) -> Self {
        let Some(first) = series.first() else { return RowTable { fields: Vec::new(), labels: Vec::new() } };
        let has_spans = series.iter().any(|own| own.span() != first.span());
        let names: &[&'static str] = match (series.len(), has_spans) {
            (1, _) => &[],
            (_, false) => &["exchange", "pair"],
            (_, true) => &["exchange", "pair", "span"],
        };
        let label = |name: &'static str| Field { name, ty: Type::Word, nullable: false };
        let own = columns.iter().map(|index| fields(first.kind())[*index]);
        let labels = |series: &Series| {
            let all = [series.exchange().to_owned(), series.pair().to_string(), series.span_label()];
            all.into_iter().take(names.len()).collect()
        };
        RowTable {
            fields: names.iter().map(|name| label(name)).chain(own).collect(),
            labels: series.iter().map(labels).collect(),
        }
    }
}
