//! Forms of the page that are refused: they come back with what was typed, and why beside the field.

use super::{Answer, HOURLY, Running, segment};

async fn send(running: &Running, path: &str, fields: &[(&str, &str)]) -> Answer {
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", segment(value))).collect();
    let headers = "Accept: text/html\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    running.ask("POST", path, headers, &fields.join("&")).await
}

async fn look(running: &Running, path: &str) -> Answer {
    running.ask("GET", path, "Accept: text/html\r\n", "").await
}

/// The form with this action, as it is in a page.
fn form<'p>(page: &'p Answer, action: &str) -> &'p str {
    let begin = format!("action=\"{action}\"");
    let rest = page.body.split_once(&begin).unwrap_or_else(|| panic!("no form {action} in {}", page.body)).1;
    rest.split_once("</form>").unwrap().0
}

/// The path of a form, its fields, the status of the answer and parts of it.
type Case<'a> = (String, &'a [(&'a str, &'a str)], u16, &'a [&'a str]);

#[tokio::test]
async fn a_refused_form_comes_back_with_what_was_typed_and_why_beside_the_field() {
    let running = Running::start().await;
    running.settled().await;
    let series = format!("/series/{}", segment(HOURLY));

    let cases: [Case<'_>; 5] = [
        (
            format!("{series}/backfill"),
            &[("from", "yes<b>"), ("until", "2024-01-31")],
            400,
            &[
                "name=\"from\" value=\"yes&lt;b&gt;\" type=\"text\"",
                "id=\"fault-from\">`yes&lt;b&gt;` cannot be read",
                "value=\"2024-01-31\" type=\"date\"",
            ],
        ),
        (
            format!("{series}/backfill"),
            &[("from", "2024-01-31"), ("until", "2024-01-30")],
            400,
            &["value=\"2024-01-31\" type=\"date\"", "value=\"2024-01-30\" type=\"date\"", "class=\"fault\""],
        ),
        (
            "/storage/verify".to_owned(),
            &[("series", "no/such/series")],
            404,
            &["value=\"no/such/series\"", "id=\"fault-series\""],
        ),
        (
            "/configuration/histo_jobs".to_owned(),
            &[("exchange", "kraken"), ("pairs", "*/USD nonsense"), ("kind", "ohlc"), ("span", "1h")],
            400,
            &[
                "<option value=\"kraken\" selected>",
                "value=\"*/USD nonsense\"",
                "id=\"fault-pairs\">",
                "wildcard",
                "value=\"1h\"",
            ],
        ),
        (
            "/configuration/stream_jobs".to_owned(),
            &[
                ("exchange", "binance"),
                ("pairs", "BTC/USDT"),
                ("book", "on"),
                ("ohlc", "on"),
                ("span", "61s"),
            ],
            400,
            &["name=\"book\" value=\"on\" checked", "value=\"61s\"", "id=\"fault-span\">"],
        ),
    ];
    for (path, fields, status, parts) in cases {
        let page = send(&running, &path, fields).await;

        assert_eq!(page.status, status, "{path}: {page:?}");
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
        let form = form(&page, &path);
        for part in parts {
            assert!(form.contains(part), "{path}: {part} in {form}");
        }
        // Where it leads back to is the page, and not the address of the form, which shows nothing.
        assert!(!page.body.contains(&format!("href=\"{path}\"")), "{path}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_refused_filter_comes_back_with_what_was_typed_and_shows_nothing() {
    let running = Running::start().await;
    running.settled().await;
    let long = "x".repeat(201);

    let long = format!("/series?text={long}");
    let cases: [(&str, &str, &[&str]); 7] = [
        ("/jobs?status=odd", "/jobs", &["<option value=\"odd\" selected>", "id=\"fault-status\""]),
        ("/jobs?series=a%3Cb", "/jobs", &["value=\"a&lt;b\"", "id=\"fault-series\""]),
        ("/runs?outcome=odd", "/runs", &["<option value=\"odd\" selected>", "id=\"fault-outcome\""]),
        ("/logs?limit=0&text=timed", "/logs", &["value=\"timed\"", "id=\"fault-limit\""]),
        ("/history?prefix=rows&resolution=2m", "/history", &["value=\"rows\"", "id=\"fault-resolution\""]),
        (&long, "/series", &["id=\"fault-text\""]),
        (
            "/series?exchange=nowhere",
            "/series",
            &["<option value=\"nowhere\" selected>", "id=\"fault-exchange\""],
        ),
    ];
    for (path, action, parts) in cases {
        let page = look(&running, path).await;

        assert_eq!(page.status, 400, "{path}: {page:?}");
        let form = form(&page, action);
        for part in parts {
            assert!(form.contains(part), "{path}: {part} in {form}");
        }
        assert!(!page.body.contains("<table"), "{path}: nothing was found, and nothing was looked for");
    }
    assert_eq!(look(&running, "/jobs?status=failed").await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn a_reason_that_is_refused_is_still_in_its_field() {
    let running = Running::start().await;
    running.settled().await;
    let task = format!("/jobs/{}", segment("binance/NONE-USDT/ohlc/1h"));
    let long = "because ".repeat(200);

    let page = send(&running, &format!("{task}/ignore"), &[("reason", &long)]).await;

    assert_eq!(page.status, 400, "{page:?}");
    let form = form(&page, &format!("{task}/ignore"));
    assert!(form.contains(&format!("value=\"{long}\"")) && form.contains("id=\"fault-reason\""), "{form}");
    running.stop().await;
}
