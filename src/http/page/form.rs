//! A form of a page: its fields, with what was typed in them and beside each why it was refused.

use super::frame::Frame;
use super::html::{Html, escaped};
use super::refused_form::{Fault, RefusedForm};

/// A form under construction.
pub(super) struct Form<'f> {
    refused: Option<&'f RefusedForm>,
    /// Those that are not shown yet.
    faults: Vec<&'f Fault>,
}

impl<'f> Form<'f> {
    /// The form with this action on the page within `frame`.
    pub(super) fn new(frame: &'f Frame, action: &str) -> Self {
        let refused = frame.refused.as_ref().filter(|refused| refused.action == action);
        Form { refused, faults: refused.map(|refused| refused.faults.iter().collect()).unwrap_or_default() }
    }

    /// The text that was typed into a field and refused.
    pub(super) fn typed(&self, name: &str) -> Option<&'f str> {
        let typed = self.refused?.typed.iter().find(|(own, _)| *own == name);
        typed.map(|(_, text)| text.as_str())
    }

    /// A field of text; `value` is in it unless something else was typed, `rest` holds further attributes.
    pub(super) fn input(
        &mut self,
        html: &mut Html,
        name: &str,
        label: &str,
        value: Option<&str>,
        rest: &str,
    ) {
        let value = escaped(self.typed(name).or(value).unwrap_or_default());
        let (marks, faults) = self.take(name);
        beside(html, &faults, |html| {
            html.add(format_args!(
                "<label>{label} <input name=\"{name}\" value=\"{value}\" {rest}{marks}></label>\n"
            ));
        });
    }

    /// A field for a day. A browser shows nothing else in one, so that anything else that was typed is shown as text.
    pub(super) fn day(&mut self, html: &mut Html, name: &str, label: &str, rest: &str) {
        let is_day =
            self.typed(name).is_none_or(|typed| typed.is_empty() || typed.len() == "2026-01-31".len());
        let kind = if is_day { "type=\"date\"" } else { "type=\"text\"" };
        self.input(html, name, label, None, &format!("{kind} {rest}"));
    }

    /// A choice of one word. One that was sent and is not among them is kept, so that nothing is lost.
    pub(super) fn select(
        &mut self,
        html: &mut Html,
        name: &str,
        label: &str,
        options: &[(&str, &str)],
        chosen: Option<&str>,
    ) {
        let chosen = self.typed(name).or(chosen).unwrap_or_default();
        let (marks, faults) = self.take(name);
        let is_known = chosen.is_empty() || options.iter().any(|(value, _)| *value == chosen);
        let other = (!is_known).then_some((chosen, chosen));
        beside(html, &faults, |html| {
            html.add(format_args!("<label>{label} <select name=\"{name}\"{marks}>"));
            for (value, word) in options.iter().copied().chain(other) {
                let selected = if chosen == value { " selected" } else { "" };
                let (value, word) = (escaped(value), escaped(word));
                html.add(format_args!("<option value=\"{value}\"{selected}>{word}</option>"));
            }
            html.line("</select></label>");
        });
    }

    /// The faults of a group of fields.
    pub(super) fn faults_of(&mut self, html: &mut Html, name: &str) {
        let (_, faults) = self.take(name);
        html.line(&faults);
    }

    /// The faults of the form as a whole, and of what it has no field for.
    pub(super) fn other_faults(&mut self, html: &mut Html) {
        for fault in self.faults.drain(..) {
            let field = fault.field.iter().map(|field| format!("{}: ", escaped(field))).collect::<String>();
            html.add(format_args!("<p class=\"fault\" role=\"alert\">{field}{}</p>\n", escaped(&fault.why)));
        }
    }

    /// The marks of a field that is at fault, and its faults.
    fn take(&mut self, name: &str) -> (String, String) {
        let is_own = |fault: &&Fault| fault.field.as_deref() == Some(name);
        let own: Vec<&Fault> = self.faults.extract_if(.., |fault| is_own(&&**fault)).collect();
        if own.is_empty() {
            return (String::new(), String::new());
        }
        let lines: Vec<String> = own.iter().map(|fault| escaped(&fault.why)).collect();
        let marks = format!(" aria-invalid=\"true\" aria-describedby=\"fault-{name}\"");
        let faults = lines.join("\n");
        (marks, format!("<span class=\"fault\" role=\"alert\" id=\"fault-{name}\">{faults}</span>"))
    }
}

/// A field with its faults beside it, and not in its label.
fn beside(html: &mut Html, faults: &str, field: impl FnOnce(&mut Html)) {
    if faults.is_empty() {
        return field(html);
    }
    html.line("<div class=\"field\">");
    field(html);
    html.add(format_args!("{faults}</div>\n"));
}

#[cfg(test)]
mod tests {
    use super::super::frame::{View, frame};
    use super::*;

    fn shown(refused: RefusedForm, action: &str) -> String {
        let frame = Frame { refused: Some(refused), ..frame(View::Series, "Series") };
        let mut html = Html::with_capacity(1_024);
        let mut form = Form::new(&frame, action);
        form.input(&mut html, "pairs", "Pairs", None, "required");
        form.day(&mut html, "from", "From", "");
        form.select(&mut html, "kind", "Data", &[("ohlc", "ohlc")], None);
        form.other_faults(&mut html);
        html.into()
    }

    fn refused() -> RefusedForm {
        let typed = [("pairs", "<b>"), ("from", "yesterday"), ("kind", "\"rows\"")];
        let typed = typed.map(|(name, text)| (name, text.to_owned())).to_vec();
        RefusedForm::new("/add", typed)
            .because(Some("pairs"), "<b> is no pair\n")
            .because(Some("start"), "too early")
            .because(None, "the queue is full")
    }

    #[test]
    fn a_refused_form_has_what_was_typed_and_each_fault_beside_its_field() {
        let html = shown(refused(), "/add");

        for part in [
            "<input name=\"pairs\" value=\"&lt;b&gt;\" required aria-invalid=\"true\" aria-describedby=\"fault-pairs\"></label>\n\
             <span class=\"fault\" role=\"alert\" id=\"fault-pairs\">&lt;b&gt; is no pair</span></div>",
            "<input name=\"from\" value=\"yesterday\" type=\"text\" >",
            "<option value=\"&quot;rows&quot;\" selected>&quot;rows&quot;</option>",
            "<p class=\"fault\" role=\"alert\">start: too early</p>",
            "<p class=\"fault\" role=\"alert\">the queue is full</p>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn another_form_of_the_page_stays_as_it_is() {
        let html = shown(refused(), "/remove");

        assert!(!html.contains("fault") && !html.contains("&lt;b&gt;"), "{html}");
        assert!(html.contains("<input name=\"from\" value=\"\" type=\"date\" >"), "{html}");
    }
}
