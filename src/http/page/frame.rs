//! Everything around a view: head, navigation, messages and foot.

use super::assets::address;
use super::html::{Html, chip, escaped, segment};
use super::refused_form::RefusedForm;
use super::times::instant;
use crate::http::auth::Visitor;
use crate::model::Micros;

/// A view, as the navigation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum View {
    Overview,
    Series,
    Jobs,
    Streams,
    Storage,
    Workers,
    History,
    Logs,
    Configuration,
}

impl View {
    const ALL: [(View, &'static str, &'static str); 9] = [
        (View::Overview, "/", "Overview"),
        (View::Series, "/series", "Series"),
        (View::Jobs, "/jobs", "Jobs"),
        (View::Streams, "/streams", "Streams"),
        (View::Storage, "/storage", "Storage"),
        (View::Workers, "/workers", "Workers"),
        (View::History, "/history", "History"),
        (View::Logs, "/logs", "Logs"),
        (View::Configuration, "/configuration", "Configuration"),
    ];
}

/// Everything around a view.
pub(in crate::http) struct Frame {
    /// Marked in the navigation.
    pub(in crate::http) view: Option<View>,
    pub(in crate::http) title: String,
    /// The path and query that is shown.
    pub(in crate::http) address: String,
    pub(in crate::http) environment: String,
    /// `healthy`, `degraded` or `unhealthy`.
    pub(in crate::http) condition: &'static str,
    /// The instant of what is shown.
    pub(in crate::http) at: Micros,
    pub(in crate::http) message: Option<&'static str>,
    pub(in crate::http) visitor: Visitor,
    /// The form of the page that was sent and refused.
    pub(in crate::http) refused: Option<RefusedForm>,
}

impl Frame {
    /// The whole page. `files` are scripts and styles that it loads beside those of every page.
    pub(super) fn around(&self, files: &[&str], body: impl FnOnce(&mut Html)) -> String {
        let mut html = Html::with_capacity(32 << 10);
        self.head(&mut html, files);
        self.top(&mut html);
        html.line("<main id=\"main\" tabindex=\"-1\">");
        let message = self.message.map(|words| format!("<p>{}</p>", escaped(words))).unwrap_or_default();
        html.add(format_args!("<div id=\"message\" role=\"status\" aria-live=\"polite\">{message}</div>\n"));
        body(&mut html);
        html.line("</main>");
        self.foot(&mut html);
        html.line("</body>\n</html>");
        html.into()
    }

    fn head(&self, html: &mut Html, files: &[&str]) {
        html.line("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">");
        html.line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        html.add(format_args!("<title>{} \u{b7} dccd</title>\n", escaped(&self.title)));
        html.add(format_args!("<link rel=\"icon\" href=\"{}\">\n", address("icon.svg")));
        html.add(format_args!("<link rel=\"stylesheet\" href=\"{}\">\n", address("style.css")));
        for file in ["live.js", "times.js"].iter().chain(files) {
            let address = address(file);
            // Modules wait for those that are none.
            match file.rsplit_once('.') {
                Some((_, "css")) => html.add(format_args!("<link rel=\"stylesheet\" href=\"{address}\">\n")),
                _ if file.ends_with(".min.js") => {
                    html.add(format_args!("<script defer src=\"{address}\"></script>\n"));
                }
                _ => html.add(format_args!("<script type=\"module\" src=\"{address}\"></script>\n")),
            }
        }
        // A view without a form loses nothing by it.
        if self.view == Some(View::Overview) {
            html.line("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>");
        }
        html.line("</head>");
    }

    fn top(&self, html: &mut Html) {
        html.line("<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header class=\"top\">");
        let tone = match self.condition {
            "healthy" => "good",
            "degraded" => "warn",
            _ => "bad",
        };
        html.add(format_args!(
            "<a class=\"brand\" href=\"/\">dccd</a><span id=\"condition\" data-live>{}</span>",
            chip(tone, self.condition)
        ));
        if !self.environment.is_empty() {
            html.add(format_args!("<span class=\"quiet\">{}</span>", escaped(&self.environment)));
        }
        html.line("<nav aria-label=\"Views\">");
        for (view, path, label) in View::ALL {
            let current = if self.view == Some(view) { " aria-current=\"page\"" } else { "" };
            html.add(format_args!("<a href=\"{path}\"{current}>{label}</a>\n"));
        }
        html.line("</nav>");
        match self.visitor {
            Visitor::Admitted | Visitor::ReadOnly => {}
            Visitor::SignedIn => html.line(
                "<form class=\"session\" method=\"post\" action=\"/sign-out\"><button>Sign out</button></form>",
            ),
            Visitor::SignedOut | Visitor::Expired => html.add(format_args!(
                "<a class=\"session\" href=\"/sign-in?to={}\">Sign in{}</a>",
                segment(&self.address),
                if self.visitor == Visitor::Expired { " again" } else { "" }
            )),
        }
        html.line("</header>");
    }

    fn foot(&self, html: &mut Html) {
        html.add(format_args!(
            "<footer><span id=\"updated\" data-live>As of {}.</span> <a href=\"{}\">Refresh</a>\n\
             <span class=\"links\">dccd {} <a href=\"/health\">Health</a> <a href=\"/metrics\">Metrics</a> \
             <a href=\"/api/openapi.json\">API</a></span></footer>\n",
            instant(Some(self.at)),
            escaped(&self.address),
            env!("CARGO_PKG_VERSION")
        ));
    }
}

/// A page that says why there is no other.
pub(in crate::http) fn refusal(frame: &Frame, why: &str, may_sign_in: bool) -> String {
    frame.around(&[], |html| {
        html.add(format_args!(
            "<h1>{}</h1>\n<p class=\"refusal\">{}</p>\n",
            escaped(&frame.title),
            why.lines().map(escaped).collect::<Vec<_>>().join("\n")
        ));
        if may_sign_in && matches!(frame.visitor, Visitor::SignedOut | Visitor::Expired) {
            let next = segment(&frame.address);
            html.add(format_args!("<p><a class=\"button\" href=\"/sign-in?to={next}\">Sign in</a></p>\n"));
        }
        html.line("<p><a href=\"/\">Overview</a></p>");
    })
}

/// A frame for tests, as of 2025-05-17 00:01:30.
#[cfg(test)]
pub(super) fn frame(view: View, title: &str) -> Frame {
    Frame {
        view: Some(view),
        title: title.to_owned(),
        address: "/series?text=a&sort=-rows".to_owned(),
        environment: "<lab>".to_owned(),
        condition: "healthy",
        at: Micros(1_747_440_090_000_000),
        message: None,
        visitor: Visitor::SignedOut,
        refused: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_links_every_view_and_marks_its_own() {
        let html = frame(View::Series, "Series").around(&[], |html| html.line("<h1>Series</h1>"));

        for (view, path, label) in View::ALL {
            let current = if view == View::Series { " aria-current=\"page\"" } else { "" };
            assert!(html.contains(&format!("<a href=\"{path}\"{current}>{label}</a>")), "{label}");
        }
        assert!(html.contains("href=\"/sign-in?to=%2Fseries%3Ftext%3Da%26sort%3D-rows\""), "{html}");
        assert!(html.contains("<a href=\"/series?text=a&amp;sort=-rows\">Refresh</a>"), "{html}");
        assert!(html.contains("&lt;lab&gt;") && !html.contains("<lab>"));
    }

    #[test]
    fn no_page_has_a_script_or_a_style_of_its_own() {
        let html = frame(View::Overview, "Overview").around(&["history.js"], |_| {});

        assert!(!html.contains("<style") && !html.contains(" style="), "{html}");
        assert_eq!(html.matches("<script").count(), html.matches("src=\"/assets/").count());
    }

    #[test]
    fn a_refusal_says_why_and_where_to_sign_in() {
        let words =
            |visitor| refusal(&Frame { visitor, ..frame(View::Series, "Unauthorized") }, "<no>", true);

        assert!(words(Visitor::SignedOut).contains("<p class=\"refusal\">&lt;no&gt;</p>"));
        assert!(words(Visitor::SignedOut).contains("class=\"button\" href=\"/sign-in?to="));
        assert!(!words(Visitor::ReadOnly).contains("/sign-in"));
        assert!(words(Visitor::Expired).contains("\">Sign in again</a>"));
    }
}
