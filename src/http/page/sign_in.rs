//! Asks for the token.

use super::frame::Frame;
use super::html::escaped;
use crate::http::auth::Visitor;

/// The page: a form that returns to a path of this site, and why the last token was refused.
pub(in crate::http) fn sign_in(frame: &Frame, to: &str, refused: Option<&str>) -> String {
    frame.around(&[], |html| {
        html.line("<div class=\"narrow\"><h1>Sign in</h1>");
        refused.into_iter().for_each(|why| {
            html.add(format_args!("<p class=\"refusal\" role=\"alert\">{}</p>\n", escaped(why.trim())));
        });
        if frame.visitor == Visitor::Expired && refused.is_none() {
            html.line(
                "<p>You are signed out: dccd was started again, its token was changed, or twelve hours have passed.</p>",
            );
        }
        match frame.visitor {
            Visitor::ReadOnly => html.line(
                "<p>There is no token to sign in with. Set <code>http.token_file</code> and start dccd again, or use \
                 the command line.</p>",
            ),
            _ => html.add(format_args!(
                "<p class=\"quiet\">To act here, show the token: the content of the file that \
                 <code>http.token_file</code> names. Signing in lasts twelve hours.</p>\n\
                 <form class=\"stack\" method=\"post\" action=\"/sign-in\">\n\
                 <input type=\"hidden\" name=\"to\" value=\"{}\">\n\
                 <label>Token <input type=\"password\" name=\"token\" autocomplete=\"current-password\" required \
                 autofocus></label>\n<button class=\"main\">Sign in</button>\n</form>\n",
                escaped(to)
            )),
        }
        html.line("</div>");
    })
}
