//! Short answers: text and JSON, whole in memory.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};
use serde::Serialize;

use crate::api::{Problem, UncoveredWindow};

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => reply(status, JSON, body),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be encoded");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be encoded; see the log\n")
        }
    }
}

/// JSON with an entity tag; 304 without it if the client has just that.
pub(super) fn tagged(request: &HeaderMap, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => tagged_json(request, body.into()),
        Err(_) => json(StatusCode::OK, body),
    }
}

/// The same of JSON that is encoded.
pub(super) fn tagged_json(request: &HeaderMap, body: Bytes) -> Response {
    // Weak: compressed on the way it would still be the same.
    let tag = format!("W/\"{:x}-{:08x}\"", body.len(), crc32fast::hash(&body));
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(str::trim);
    let is_known = known.any(|known| known == "*" || known.trim_start_matches("W/") == &tag[2..]);
    let mut answer = match is_known {
        true => reply(StatusCode::NOT_MODIFIED, JSON, Bytes::new()),
        false => reply(StatusCode::OK, JSON, body),
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

/// Why there is no answer, and which parameter is wrong.
pub(super) fn problem(status: StatusCode, detail: impl Into<String>, parameter: Option<String>) -> Response {
    encoded(status, Problem { parameter, ..plain_problem(status, detail.into()) })
}

/// Why there is no book, and the window in which it is not known.
pub(super) fn uncovered_problem(detail: String, uncovered: UncoveredWindow) -> Response {
    let status = StatusCode::CONFLICT;
    encoded(status, Problem { uncovered: Some(uncovered), ..plain_problem(status, detail) })
}

fn plain_problem(status: StatusCode, detail: String) -> Problem {
    let title = status.canonical_reason().unwrap_or("Error");
    let kind = "about:blank";
    Problem { kind, title, status: status.as_u16(), detail, parameter: None, uncovered: None }
}

fn encoded(status: StatusCode, body: Problem) -> Response {
    match serde_json::to_vec(&body) {
        Ok(text) => {
            let mut problem = reply(status, PROBLEM, text);
            // The name of a series or a task stands in the address, and in the words.
            let parameter = body.parameter.filter(|parameter| parameter != "id");
            problem.extensions_mut().insert(Fault { parameter, why: body.detail });
            problem
        }
        Err(_) => plain(status, body.detail),
    }
}

/// Pages may load files of this server and send forms to it, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                           connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page.
pub(super) fn html(text: String) -> Response {
    let mut page = reply(StatusCode::OK, HTML, text);
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    // Without a referrer a browser would name no origin with the forms of the page, and they would be refused.
    page.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    page
}

/// Sends a browser elsewhere on this site.
pub(super) fn see_other(address: &str) -> Response {
    let Ok(address) = HeaderValue::from_str(address) else {
        return plain(StatusCode::BAD_REQUEST, "this address holds characters that a header cannot\n");
    };
    let mut reply = reply(StatusCode::SEE_OTHER, TEXT, Bytes::new());
    reply.headers_mut().insert(header::LOCATION, address);
    reply
}

/// Why there is no answer.
#[derive(Clone)]
pub(super) struct Fault {
    /// The parameter that is wrong.
    pub(super) parameter: Option<String>,
    pub(super) why: String,
}

/// Why there is no answer, of a refusal in plain text and of a problem.
pub(super) fn fault(answer: &Response) -> Option<Fault> {
    let problem = answer.extensions().get::<Fault>().cloned();
    let text =
        |Plain(text): &Plain| Fault { parameter: None, why: String::from_utf8_lossy(text).trim().to_owned() };
    problem.or_else(|| answer.extensions().get::<Plain>().map(text))
}

/// The same in one text.
pub(super) fn why(answer: &Response) -> Option<String> {
    let Fault { parameter, why } = fault(answer)?;
    Some(parameter.map_or_else(|| why.clone(), |own| format!("{own}: {why}")))
}

pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response {
    let text = text.into();
    let mut plain = reply(status, TEXT, text.clone());
    plain.extensions_mut().insert(Plain(text));
    plain
}

/// The text of an answer.
#[derive(Clone)]
struct Plain(Bytes);

/// A refusal in plain text as a problem, with the headers it has; any other answer as it is.
pub(super) fn as_problem(mut answer: Response) -> Response {
    let status = answer.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return answer;
    }
    let Some(Plain(text)) = answer.extensions_mut().remove::<Plain>() else { return answer };
    let (problem, body) = problem(status, String::from_utf8_lossy(&text).trim(), None).into_parts();
    *answer.body_mut() = body;
    // It is that of the text.
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    if let Some(kind) = problem.headers.get(header::CONTENT_TYPE) {
        answer.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    answer
}

pub(super) fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut reply = Response::new(Body::from(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_the_client_has_is_not_sent_again() {
        let asked = |known: Option<&str>| {
            let mut request = HeaderMap::new();
            known.map(|known| request.insert(header::IF_NONE_MATCH, known.parse().unwrap()));
            tagged(&request, &["a"])
        };
        let first = asked(None);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(first.status(), StatusCode::OK);

        for known in [tag.clone(), tag.replace("W/", ""), format!("\"x\", {tag}"), "*".to_owned()] {
            let again = asked(Some(&known));
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(again.headers()[header::ETAG], tag.as_str());
        }
        assert_eq!(asked(Some("W/\"5-00000000\"")).status(), StatusCode::OK);
    }
}
