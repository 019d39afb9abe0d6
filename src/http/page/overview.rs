//! The overview: the overall state, current work, then every job.

use super::text::{Html, ago, escaped};
use super::view::View;
use super::{cards, jobs, streams};
use crate::daemon::Snapshot;

/// Seconds between refreshes.
const REFRESH_SECS: u32 = 10;

/// The page as HTML. Times are UTC.
pub(in crate::http) fn landing(view: &View<'_>) -> String {
    let mut html = Html::with_capacity(6_144 + 500 * view.jobs.len().min(jobs::MOST));
    html.line("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">");
    html.line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.add(format_args!(
        "<meta http-equiv=\"refresh\" content=\"{REFRESH_SECS}\">\n<title>{}</title>\n",
        title(view)
    ));
    html.add(format_args!("<style>{}</style>\n</head>\n<body>\n", include_str!("style.css")));
    head(&mut html, view);
    cards::add(&mut html, view);
    cards::exchanges(&mut html, view.snapshot);
    streams::add(&mut html, view.snapshot);
    cards::workers(&mut html, view.snapshot);
    jobs::add(&mut html, view);
    foot(&mut html, view.snapshot);
    html.line("</body>\n</html>");
    html.into()
}

/// The title, which shows the state while the tab is in the background.
fn title(view: &View<'_>) -> String {
    match (view.unready.is_empty(), jobs::failing(view.jobs)) {
        (false, _) => "dccd: not ready".to_owned(),
        (true, 0) => "dccd".to_owned(),
        (true, failing) => format!("dccd: {failing} failing"),
    }
}

fn head(html: &mut Html, view: &View<'_>) {
    let environment = &view.snapshot.environment;
    html.add(format_args!("<header><h1>dccd {}</h1>", env!("CARGO_PKG_VERSION")));
    match view.unready.is_empty() {
        true => html.add(format_args!("<span class=\"chip good\">ready</span>")),
        false => html.add(format_args!("<span class=\"chip bad\">not ready</span>")),
    }
    if !environment.is_empty() {
        html.add(format_args!("<span class=\"quiet\">{}</span>", escaped(environment)));
    }
    html.line(
        "<nav><a href=\"/metrics\">Metrics</a><a href=\"/health\">Health</a>\
         <a href=\"/health/v2/queues\">Queues</a><a href=\"/-/ready\">Ready</a></nav></header>",
    );
    if !view.unready.is_empty() {
        html.line("<ul class=\"bad\">");
        view.unready.iter().for_each(|why| html.add(format_args!("<li>{}</li>\n", escaped(why))));
        html.line("</ul>");
    }
}

fn foot(html: &mut Html, snapshot: &Snapshot) {
    html.add(format_args!(
        "<footer>Updated at {} UTC; refreshes every {REFRESH_SECS} s. Times are UTC.</footer>\n",
        ago::exactly(snapshot.at)
    ));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::daemon::{DiskView, ExchangeView, JobRow, QueueView, StoreView, WorkerView};
    use crate::model::Micros;

    const NOW: Micros = Micros(1_747_440_090_000_000);

    fn page(snapshot: &Snapshot, jobs: &[JobRow], unready: &[String]) -> String {
        landing(&View { snapshot, jobs, unready })
    }

    fn snapshot() -> Snapshot {
        Snapshot { at: NOW, ..Snapshot::default() }
    }

    fn job(consecutive_errors: u32, last_error: Option<&str>) -> JobRow {
        JobRow {
            series: "binance/BTC-USDT/ohlc/1h".parse().unwrap(),
            last_run_at: Some(NOW - Duration::from_secs(90)),
            last_success_at: None,
            rows: 1_234_567,
            consecutive_errors,
            last_error: last_error.map(str::to_owned),
            newest_row: Some(NOW - Duration::from_secs(7_290)),
            next_run_at: Some(NOW + Duration::from_secs(45)),
            is_running: false,
            is_paused: false,
        }
    }

    fn rows(html: &str) -> Vec<&str> {
        html.lines().filter(|line| line.starts_with("<tr") && line.contains("binance/BTC")).collect()
    }

    #[test]
    fn a_job_shows_what_it_does_when_it_ran_what_it_holds_and_what_went_wrong() {
        let html = page(&snapshot(), &[job(2, Some("429 <script>alert('x')</script> & more"))], &[]);

        assert_eq!(
            rows(&html),
            ["<tr class=\"failed\"><th scope=\"row\">binance/BTC-USDT/ohlc/1h</th>\
              <td><span class=\"chip bad\">failed 2 times</span></td>\
              <td title=\"2025-05-17 00:00:00\">1 min ago</td><td>\u{2013}</td>\
              <td class=\"number\">1,234,567</td><td title=\"2025-05-16 22:00:00\">2 h ago</td>\
              <td title=\"2025-05-17 00:02:15\">in 45 s</td></tr>"]
        );
        assert!(html.contains(
            "<tr class=\"error\"><td colspan=\"7\">429 &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; more</td>"
        ));
        assert!(html.contains("<title>dccd: 1 failing</title>"), "{html}");
    }

    #[test]
    fn what_fails_stands_before_what_runs_and_what_waits() {
        let running = JobRow { is_running: true, ..job(0, None) };
        let paused = JobRow { is_paused: true, ..job(0, None) };
        let new = JobRow { last_run_at: None, ..job(0, None) };
        let html = page(&snapshot(), &[job(0, None), new, paused, running, job(1, None)], &[]);

        let chips = rows(&html).into_iter().map(|row| {
            let (_, chip) = row.split_once("class=\"chip ").unwrap();
            chip.split_once("</span>").unwrap().0
        });
        assert_eq!(
            chips.collect::<Vec<_>>(),
            ["bad\">failed once", "busy\">running", "good\">ok", "quiet\">not run yet", "quiet\">paused"]
        );
    }

    #[test]
    fn reasons_against_readiness_are_shown_as_text() {
        let html = page(&snapshot(), &[], &["store: <b>full</b>\u{1b}".to_owned()]);

        assert!(html.contains("<li>store: &lt;b&gt;full&lt;/b&gt;\\u{1b}</li>"), "{html}");
        assert!(html.contains("<title>dccd: not ready</title>") && html.contains("No jobs"));
    }

    #[test]
    fn a_table_beyond_its_bound_says_how_many_are_left_out() {
        let html = page(&snapshot(), &vec![job(0, None); jobs::MOST + 3], &[]);

        assert_eq!(rows(&html).len(), jobs::MOST);
        assert!(html.contains("And 3 more."));
    }

    #[test]
    fn the_cards_say_what_waits_how_full_the_disk_is_and_what_cannot_be_used() {
        let queue = |name: &str, depth: u64, failed: u64| QueueView {
            name: name.to_owned(),
            depth,
            failed,
            in_progress: 1,
            oldest_due: Some(NOW - Duration::from_secs(30)),
            ..QueueView::default()
        };
        let snapshot = Snapshot {
            queues: vec![queue("binance", 3, 0), queue("okx", 2, 4)],
            disk: DiskView { free_bytes: 5 << 30, size_bytes: 20 << 30, error: None },
            store: StoreView {
                kind: "postgres",
                error: Some("<refused>".to_owned()),
                ..StoreView::default()
            },
            exchanges: vec![ExchangeView {
                name: "okx",
                banned_until: Some(NOW + Duration::from_secs(600)),
                ..ExchangeView::default()
            }],
            workers: vec![WorkerView { id: "a<b".to_owned(), state: "stuck", ..WorkerView::default() }],
            ..snapshot()
        };
        let html = page(&snapshot, &[], &[]);

        for part in [
            "<b>5</b><p>due, the oldest for 30 s</p>",
            "<b>2</b><p>runs under way</p>",
            "<b class=\"bad\">4</b>",
            "<b>5.0 GiB</b><p>free of 20.0 GiB</p><meter min=\"0\" max=\"1\" low=\"0.05\" optimum=\"1\" value=\"0.250\">",
            "<p class=\"bad\">&lt;refused&gt;</p>",
            "<span class=\"chip bad\">banned until 2025-05-17 00:11:30</span>",
            "<th scope=\"row\">a&lt;b</th><td><span class=\"chip bad\">stuck</span></td>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}
