//! Forms: filters that stay in the address, and actions.

use super::frame::Frame;
use super::html::{Html, escaped, segment};
use crate::http::auth::Visitor;

/// A choice of one word.
pub(super) fn select(
    html: &mut Html,
    name: &str,
    label: &str,
    options: &[(&str, &str)],
    chosen: Option<&str>,
) {
    html.add(format_args!("<label>{label} <select name=\"{name}\">"));
    for (value, word) in options {
        let selected = if chosen.unwrap_or_default() == *value { " selected" } else { "" };
        html.add(format_args!("<option value=\"{}\"{selected}>{}</option>", escaped(value), escaped(word)));
    }
    html.line("</select></label>");
}

/// A field of text; `rest` holds further attributes.
pub(super) fn input(html: &mut Html, name: &str, label: &str, value: Option<&str>, rest: &str) {
    let value = escaped(value.unwrap_or_default());
    html.add(format_args!("<label>{label} <input name=\"{name}\" value=\"{value}\" {rest}></label>\n"));
}

/// An address with these parameters; those without a value are left out.
pub(super) fn address(path: &str, pairs: &[(&str, Option<&str>)]) -> String {
    let filled =
        pairs.iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    let query: Vec<String> = filled.map(|(name, value)| format!("{name}={}", segment(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// A button that sends an action of its own.
pub(super) fn button(html: &mut Html, action: &str, label: &str, class: &str) {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    html.add(format_args!(
        "<form method=\"post\" action=\"{}\"><button{class}>{}</button></form>\n",
        escaped(action),
        escaped(label)
    ));
}

/// Actions, or how to be allowed to act.
pub(super) fn acting(html: &mut Html, frame: &Frame, actions: impl FnOnce(&mut Html)) {
    match frame.visitor {
        Visitor::Admitted | Visitor::SignedIn => actions(html),
        Visitor::Expired => html.add(format_args!(
            "<p class=\"refusal\" id=\"signed-out\">You are signed out: dccd was started again, its token was changed, or \
             twelve hours have passed. <a class=\"button\" href=\"/sign-in?to={}\">Sign in again to act</a></p>\n",
            segment(&frame.address)
        )),
        Visitor::SignedOut => html.add(format_args!(
            "<p><a class=\"button\" href=\"/sign-in?to={}\">Sign in to act</a></p>\n",
            segment(&frame.address)
        )),
        Visitor::ReadOnly => html.line(
            "<p class=\"quiet\">To act here, set <code>http.token_file</code> and start dccd again, or use the command \
             line.</p>",
        ),
    }
}

/// The link to the next page of a list.
pub(super) fn next_page(html: &mut Html, path: &str, pairs: &[(&str, Option<&str>)], next: Option<&str>) {
    if next.is_some() {
        let pairs = [pairs, &[("cursor", next)]].concat();
        let next = escaped(&address(path, &pairs));
        html.add(format_args!(
            "<nav class=\"pages\" aria-label=\"Pages\"><a href=\"{next}\">Next page</a></nav>\n"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_only_what_is_chosen_and_nothing_breaks_out_of_it() {
        let pairs = [("series", Some("a/b&c=\"<")), ("kind", Some("")), ("status", None)];
        assert_eq!(address("/jobs", &pairs), "/jobs?series=a%2Fb%26c%3D%22%3C");
        assert_eq!(address("/jobs", &[]), "/jobs");
    }
}
