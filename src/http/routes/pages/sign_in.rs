//! `/sign-in` and `/sign-out`: the token for a cookie, and its end.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use hyper::header::{self, HeaderMap};
use schemars::JsonSchema;
use serde::Deserialize;

use super::form::Form;
use super::visit::{Asked, Visit};
use crate::http::app::App;
use crate::http::auth::{Access, Caller};
use crate::http::page;
use crate::http::reply::{html, see_other};
use crate::http::routes::operation::Operation;
use crate::http::routes::route::Route;
use crate::telemetry::events::{RequestRefused, SignedIn};
use crate::telemetry::{Refusal, SignInOutcome};

pub(super) fn routes() -> [Route; 3] {
    let page = Operation::about("Asks for the token").asking::<Return>().sending(200, "text/html");
    let token = Operation::about("Signs in with the token: a cookie stands for it for twelve hours")
        .taking_form::<TokenShown>()
        .sending(303, "text/plain")
        .sending(401, "text/html");
    let end = Operation::about("Ends the session of the cookie").sending(303, "text/plain");
    [
        Route::read("/sign-in", Access::Open, shown).that(page),
        Route::act("/sign-in", sign_in).open().that(token),
        Route::act("/sign-out", sign_out).open().that(end),
    ]
}

/// The page to return to.
#[derive(Default, Deserialize, JsonSchema)]
pub(super) struct Return {
    /// A path of this site.
    to: Option<String>,
}

/// The token, as it was typed.
#[derive(Default, Deserialize, JsonSchema)]
pub(super) struct TokenShown {
    /// The token of `http.token_file`.
    token: Option<String>,
    /// A path of this site to return to.
    to: Option<String>,
}

async fn shown(visit: Visit, Asked(Return { to }): Asked<Return>) -> Response {
    html(page::sign_in(&visit.frame(None, "Sign in"), path(to.as_deref()), None))
}

async fn sign_in(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    visit: Visit,
    Form(TokenShown { token, to }): Form<TokenShown>,
) -> Response {
    let to = path(to.as_deref());
    match app.auth.sign_in(caller, token.as_deref().unwrap_or_default()) {
        Ok(cookie) => {
            app.telemetry.emit(SignedIn { outcome: SignInOutcome::Ok, peer: caller.peer });
            let mut reply = see_other(to);
            reply.headers_mut().insert(header::SET_COOKIE, cookie);
            reply
        }
        Err(refused) => {
            let peer = caller.peer;
            app.telemetry.emit(RequestRefused { reason: refused.reason, peer });
            let outcome = match refused.reason {
                Refusal::Guessing => Some(SignInOutcome::TooMany),
                Refusal::Credentials => Some(SignInOutcome::Wrong),
                // Where there is no token nothing was typed that could be it.
                _ => None,
            };
            outcome.into_iter().for_each(|outcome| app.telemetry.emit(SignedIn { outcome, peer }));
            let mut reply = html(page::sign_in(&visit.frame(None, "Sign in"), to, Some(refused.what)));
            *reply.status_mut() = refused.status;
            if let Some(wait) = app.auth.answer(&refused).headers_mut().remove(header::RETRY_AFTER) {
                reply.headers_mut().insert(header::RETRY_AFTER, wait);
            }
            reply
        }
    }
}

async fn sign_out(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Response {
    let mut reply = see_other("/");
    if let Some(cookie) = app.auth.sign_out(caller, &headers) {
        reply.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    reply
}

/// A path of this site; the overview for anything else, such as an address of another.
fn path(to: Option<&str>) -> &str {
    let is_path = |to: &&str| to.starts_with('/') && !to.starts_with("//") && !to.contains('\\');
    let is_sent = |to: &&str| to.len() <= 2_048 && to.bytes().all(|byte| byte.is_ascii_graphic());
    to.filter(is_path).filter(is_sent).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_nowhere_but_to_this_site() {
        assert_eq!(path(Some("/series/a%2Fb?state=gap")), "/series/a%2Fb?state=gap");
        for other in
            ["", "https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/a\r\nb: c", "/é"]
        {
            assert_eq!(path(Some(other)), "/", "{other:?}");
        }
        assert_eq!(path(None), "/");
    }
}
