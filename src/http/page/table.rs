//! Tables that become cards on a narrow screen: each cell carries the name of its column.

use super::html::{Html, escaped};

/// The place of a column's content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Text,
    Number,
}

/// A table. The first column names the row.
pub(super) struct Table<'a> {
    pub(super) caption: &'a str,
    pub(super) columns: &'a [(&'a str, Align)],
}

impl Table<'_> {
    pub(super) fn open(&self, html: &mut Html) {
        self.open_with(html, |at| (String::new(), escaped(self.columns[at].0)));
    }

    /// The same with headings of HTML, each with its attributes.
    pub(super) fn open_with(&self, html: &mut Html, heading: impl Fn(usize) -> (String, String)) {
        let caption = escaped(self.caption);
        html.add(format_args!("<table class=\"data\">\n<caption>{caption}</caption>\n<thead><tr>"));
        for (at, (_, align)) in self.columns.iter().enumerate() {
            let (class, (attributes, label)) = (number(*align), heading(at));
            html.add(format_args!("<th scope=\"col\"{class}{attributes}>{label}</th>"));
        }
        html.line("</tr></thead>\n<tbody>");
    }

    /// A row of cells that are HTML.
    pub(super) fn row(&self, html: &mut Html, class: &str, cells: &[String]) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        html.add(format_args!("<tr{class}>"));
        for (at, (cell, (label, align))) in cells.iter().zip(self.columns).enumerate() {
            let class = number(*align);
            match at {
                0 => html.add(format_args!("<th scope=\"row\"{class}>{cell}</th>")),
                _ => html.add(format_args!("<td data-label=\"{}\"{class}>{cell}</td>", escaped(label))),
            }
        }
        html.line("</tr>");
    }

    /// A row of one text below another row.
    pub(super) fn note(&self, html: &mut Html, text: &str) {
        let (columns, text) = (self.columns.len(), escaped(text));
        html.add(format_args!("<tr class=\"note\"><td colspan=\"{columns}\">{text}</td></tr>\n"));
    }

    pub(super) fn close(&self, html: &mut Html) {
        html.line("</tbody>\n</table>");
    }
}

fn number(align: Align) -> &'static str {
    if align == Align::Number { " class=\"number\"" } else { "" }
}
