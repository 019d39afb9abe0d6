//! Actions as plain forms. Whoever may not act yet is asked to sign in; where there is no token, nobody may.

use super::html::{Html, escaped};
use crate::http::auth::Visitor;

/// A form of one button.
pub(super) fn button(html: &mut Html, address: &str, label: &str) {
    html.add(format_args!(
        "<form method=\"post\" action=\"{}\"><button>{}</button></form>\n",
        escaped(address),
        escaped(label)
    ));
}

/// Why there are no actions, where there are none; returns whether there are.
pub(super) fn are_open(html: &mut Html, visitor: Visitor) -> bool {
    if visitor == Visitor::ReadOnly {
        html.line(
            "<p class=\"quiet\">Read only: actions need a token. Set <code>http.token_file</code>, or use the \
             command line.</p>",
        );
    }
    visitor != Visitor::ReadOnly
}
