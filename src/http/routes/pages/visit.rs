//! A visit of a page: who looks at what, the question in its address, and what the page says after an action.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use axum::response::Response;
use hyper::header::{self, HeaderMap};
use hyper::http::request::Parts;
use hyper::{StatusCode, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::daemon::Condition;
use crate::http::app::App;
use crate::http::auth::{Caller, Visitor};
use crate::http::page::{Frame, PARAMETER, RefusedForm, View, message, refusal};
use crate::http::reply::{fault, html, see_other, why};
use crate::http::routes::parameters::Parameters;

/// A visit of a page.
#[derive(Clone)]
pub(in crate::http) struct Visit {
    app: App,
    visitor: Visitor,
    address: String,
    message: Option<&'static str>,
    refused: Option<RefusedForm>,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        // The server attaches the caller; without one a request counts as coming from anywhere.
        let caller = parts.extensions.get::<Caller>().copied().unwrap_or_default();
        Ok(Visit::of(app, caller, &parts.uri, &parts.headers))
    }
}

impl Visit {
    pub(in crate::http) fn of(app: &App, caller: Caller, uri: &Uri, headers: &HeaderMap) -> Self {
        let visitor = app.auth.visitor(caller, headers);
        let pairs = pairs(uri);
        let code = pairs.iter().find(|(name, _)| name == PARAMETER).map(|(_, code)| code.as_str());
        let query = query(pairs.iter().filter(|(name, _)| name != PARAMETER));
        let address = format!("{}{query}", uri.path());
        Visit { app: app.clone(), visitor, address, message: code.and_then(message), refused: None }
    }

    /// The frame around a page.
    pub(super) fn frame(&self, view: impl Into<Option<View>>, title: impl Into<String>) -> Frame {
        let snapshot = self.app.status.snapshot();
        Frame {
            view: view.into(),
            title: title.into(),
            address: self.address.clone(),
            environment: snapshot.environment.clone(),
            condition: Condition::of(&snapshot, &self.app.status.troubles()).name(),
            at: snapshot.at,
            message: self.message,
            visitor: self.visitor,
            refused: self.refused.clone(),
        }
    }

    /// The page with a form that was sent and refused with `answer`: what was typed is in it, and why it is refused.
    /// The path `at` is that of the page.
    pub(super) async fn again(
        &self,
        at: &str,
        form: RefusedForm,
        answer: Response,
        page: impl AsyncFnOnce(&Visit) -> Response,
    ) -> Response {
        let Some(fault) = fault(&answer) else { return answer };
        let field = fault.parameter.or_else(|| form.only_field().map(str::to_owned));
        let form = form.because(field.as_deref(), &fault.why);
        self.shown_again(at, form, answer, page).await
    }

    /// The same of a form that says by itself why it is refused.
    pub(super) async fn shown_again(
        &self,
        at: &str,
        form: RefusedForm,
        answer: Response,
        page: impl AsyncFnOnce(&Visit) -> Response,
    ) -> Response {
        let visit = Visit { address: at.to_owned(), refused: Some(form), message: None, ..self.clone() };
        let mut page = page(&visit).await;
        if page.status() != StatusCode::OK {
            return answer;
        }
        *page.status_mut() = answer.status();
        if let Some(wait) = answer.headers().get(header::RETRY_AFTER) {
            page.headers_mut().insert(header::RETRY_AFTER, wait.clone());
        }
        page
    }

    /// The page with a filter that was refused with `answer`, which is in the address; `path` is its action.
    pub(super) async fn unanswered(
        &self,
        path: &str,
        answer: Response,
        page: impl AsyncFnOnce(&Visit) -> Response,
    ) -> Response {
        self.again(&self.address, RefusedForm::new(path, Vec::new()), answer, page).await
    }

    /// A refusal as a page, with its status and its headers; any other answer as it is.
    pub(in crate::http) fn refusal_as_page(&self, answer: Response) -> Response {
        let status = answer.status();
        if !(status.is_client_error() || status.is_server_error()) {
            return answer;
        }
        let Some(why) = why(&answer) else { return answer };
        let may_sign_in = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let title = status.canonical_reason().unwrap_or("Error");
        let mut page = html(refusal(&self.frame(None, title), &why, may_sign_in));
        *page.status_mut() = status;
        for (name, value) in answer.headers() {
            if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
                page.headers_mut().entry(name).or_insert(value.clone());
            }
        }
        page
    }
}

/// The way back to a page after an action, which says what was done by its code.
pub(super) fn back(path: &str, code: &str) -> Response {
    let joined = if path.contains('?') { '&' } else { '?' };
    see_other(&format!("{path}{joined}{PARAMETER}={code}"))
}

/// The question in the address of a page. Fields of a form that were left empty are not asked for.
pub(super) struct Asked<Q>(pub(super) Q);

impl<Q: DeserializeOwned + JsonSchema> FromRequestParts<App> for Asked<Q> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Response> {
        let pairs = pairs(&parts.uri);
        let filled = pairs.iter().filter(|(name, value)| name != PARAMETER && !value.trim().is_empty());
        let uri: Uri = format!("/{}", query(filled)).parse().unwrap_or_default();
        Parameters::of(&uri).map(|Parameters(asked)| Asked(asked)).map_err(|refused| *refused)
    }
}

fn pairs(uri: &Uri) -> Vec<(String, String)> {
    Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default()
}

fn query<'p>(pairs: impl Iterator<Item = &'p (String, String)>) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}
