//! The metrics and labels that a query selects.

use std::collections::BTreeSet;
use std::convert::Infallible;

use promql_parser::parser::{Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};

/// The selectors of a query.
pub(crate) fn selectors(query: &str) -> Vec<VectorSelector> {
    let tree = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let mut found = Selectors(Vec::new());
    let Ok(_) = walk_expr(&mut found, &tree);
    found.0
}

/// The names of the metrics a query asks for.
pub(crate) fn names(query: &str) -> BTreeSet<String> {
    selectors(query).into_iter().map(|selector| name(&selector)).collect()
}

fn name(selector: &VectorSelector) -> String {
    let by_matcher = || selector.matchers.matchers.iter().find(|matcher| matcher.name == "__name__");
    let name = selector.name.clone().or_else(|| Some(by_matcher()?.value.clone()));
    name.unwrap_or_else(|| panic!("{selector} names no metric"))
}

/// A family's name: that of a histogram without the ending of its series.
pub(crate) fn family(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

struct Selectors(Vec<VectorSelector>);

impl ExprVisitor for Selectors {
    type Error = Infallible;

    fn pre_visit(&mut self, tree: &Expr) -> Result<bool, Infallible> {
        match tree {
            Expr::VectorSelector(selector) => self.0.push(selector.clone()),
            Expr::MatrixSelector(matrix) => self.0.push(matrix.vs.clone()),
            _ => {}
        }
        Ok(true)
    }
}
