//! The overview: a verdict in a sentence, what needs attention, then the parts of the daemon.

use super::attention;
use super::frame::Frame;
use super::html::Html;
use super::overview_parts as parts;
use super::times::parsed;
use crate::api::Overview;

/// The page.
pub(in crate::http) fn overview(frame: &Frame, shown: &Overview) -> String {
    let now = parsed(&shown.generated_at).unwrap_or(frame.at);
    frame.around(&["uplot.min.css", "uplot.min.js", "history.js"], |html| {
        html.line("<div id=\"verdict\" data-live>\n<h1>Overview</h1>");
        html.add(format_args!("<p class=\"verdict\">{}</p>\n", attention::verdict(shown)));
        attention::list(html, shown, now);
        parts::cards(html, shown);
        html.line("</div>");
        charts(html);
        html.line("<div id=\"parts\" data-live>");
        html.line("<div class=\"two\">");
        parts::exchanges(html, shown);
        parts::remotes(html, shown, now);
        html.line("</div>");
        parts::workers(html, shown);
        html.line("</div>");
    })
}

/// Drawn by a script; the history view has the figures.
fn charts(html: &mut Html) {
    html.line("<div class=\"two\">");
    let chart = |html: &mut Html, id: &str, title: &str, query: &str, rest: &str| {
        html.add(format_args!(
            "<section class=\"panel\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{title}, last day</h2>\n\
             <div class=\"history\" id=\"{id}\" data-from=\"/api/v1/metrics?resolution=5m&amp;prefix={query}\" {rest}></div>\n\
             <p class=\"quiet note\" hidden>Nothing in the last day.</p>\n\
             <noscript><p class=\"quiet\"><a href=\"/history?prefix={query}\">The figures</a></p></noscript></section>\n"
        ));
    };
    let rows = "data-pattern=\"^rows:written$\" data-label=\"Rows a minute\" data-per=\"60\"";
    chart(html, "rows", "Rows a minute", "rows", rows);
    let failures =
        "data-pattern=\"^queue:.+:failed$\" data-label=\"Failed runs\" data-tone=\"bad\" data-bars=\"true\"";
    chart(html, "failures", "Failed runs", "queue", failures);
    html.line("</div>");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::assets::asset;
    use super::super::frame::{View, frame};
    use super::*;
    use crate::api::{
        AlertView, Freshness, JobSums, OverviewExchange, OverviewFailing, OverviewJob, OverviewReason,
        OverviewRemote, OverviewWorker,
    };

    fn shown(shown: &Overview) -> String {
        overview(&frame(View::Overview, "Overview"), shown)
    }

    fn calm() -> Overview {
        Overview {
            generated_at: "2025-05-17T00:01:30Z".to_owned(),
            jobs: JobSums { total: 15, running: 1, ..JobSums::default() },
            freshness: Freshness { expected: 15, fresh: 15, ..Freshness::default() },
            ..Overview::default()
        }
    }

    #[test]
    fn the_verdict_is_a_sentence_of_the_figures_of_the_api() {
        let html = shown(&calm());
        assert!(
            html.contains(
                "<span class=\"good\"><data value=\"15\">15</data> of <data value=\"15\">15</data> series fresh</span>, no \
                 gaps, none failing.</p>"
            ),
            "{html}"
        );
        assert!(html.contains("Nothing needs attention."));

        let worse = Overview {
            jobs: JobSums { failing: 1, paused: 2, ..calm().jobs },
            freshness: Freshness { expected: 15, fresh: 14, with_gaps: 3, gap_seconds: 60.0 },
            ..calm()
        };
        let html = shown(&worse);
        for part in [
            "<span class=\"warn\"><data value=\"14\">14</data> of <data value=\"15\">15</data> series fresh</span>, ",
            "<a class=\"warn\" href=\"/series?sort=-gap_seconds\"><data value=\"3\">3</data> with gaps</a>, ",
            "<a class=\"bad\" href=\"/series?state=failing\"><data value=\"1\">1</data> failing</a>, ",
            "<a href=\"/series?state=paused\"><data value=\"2\">2</data> paused</a>.",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(shown(&Overview::default()).contains("Nothing is collected yet"));

        let streams = ["live", "connecting", "off"].map(|state| (state.to_owned(), 2)).into();
        let html = shown(&Overview { streams, ..calm() });
        let unknown =
            "no gaps known yet: <a class=\"warn\" href=\"/streams\">2 streams are not live</a>, none failing";
        assert!(html.contains(unknown), "{html}");
    }

    #[test]
    fn what_needs_attention_leads_to_where_it_is_mended_and_shows_markup_as_text() {
        let failing = OverviewJob {
            series: "okx/BTC-USDT/ohlc/1h".to_owned(),
            state: "failed".to_owned(),
            consecutive_errors: 2,
            last_error: Some("<img src=x onerror=alert(1)>".to_owned()),
            ..OverviewJob::default()
        };
        let reason = |about: &str| OverviewReason {
            about: about.to_owned(),
            why: "full".to_owned(),
            since: "2025-05-17T00:00:30Z".to_owned(),
        };
        let alert = AlertView {
            name: "DccdSeriesStale".to_owned(),
            severity: "warning".to_owned(),
            about: "okx/ETH-USDT/ohlc/1h".to_owned(),
            series: Some("okx/ETH-USDT/ohlc/1h".to_owned()),
            summary: "its newest row is 7 h old".to_owned(),
        };
        let html = shown(&Overview {
            reasons: vec![reason("disk"), reason("jobs of okx"), reason("something else")],
            series: vec![failing],
            alerts: vec![alert],
            ..calm()
        });

        for part in [
            "<a href=\"/storage\">disk</a><span class=\"why\">full</span><span class=\"quiet\">since <time class=\"ago\"",
            "<a href=\"/series?state=failing&amp;exchange=okx\">jobs of okx</a>",
            "<a href=\"/logs\">something else</a>",
            "<a href=\"/series/okx%2FBTC-USDT%2Fohlc%2F1h\">okx/BTC-USDT/ohlc/1h</a>\
             <span class=\"why\">&lt;img src=x onerror=alert(1)&gt;</span><span class=\"quiet\">2 times in a row</span>",
            "<span class=\"chip warn\">alert</span><a href=\"/series/okx%2FETH-USDT%2Fohlc%2F1h\">",
            "<span class=\"quiet\">DccdSeriesStale would fire</span>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("<img"));
    }

    #[test]
    fn many_failing_series_of_an_exchange_are_one_line_with_their_number_and_the_first() {
        let series = |number: u64| format!("kraken/A{number}-USD/trades");
        let failing = |number: u64| OverviewJob {
            series: series(number),
            consecutive_errors: 1,
            unlisted: true,
            ..OverviewJob::default()
        };
        let html = shown(&Overview {
            jobs: JobSums { total: 500, failing: 500, ..JobSums::default() },
            failing: vec![OverviewFailing {
                exchange: "kraken".to_owned(),
                unlisted: true,
                series: 500,
                first: (0..3).map(series).collect(),
                last_error: None,
            }],
            series: (0..300).map(failing).collect(),
            ..calm()
        });

        assert!(
            html.contains(
                "<a href=\"/series?state=failing&amp;exchange=kraken\">kraken</a><span class=\"why\">500 series whose \
                 pairs it does not list: kraken/A0-USD/trades, kraken/A1-USD/trades, kraken/A2-USD/trades and 497 more</span>"
            ),
            "{html}"
        );
        assert!(!html.contains("kraken/A3-USD") && !html.contains("more failing series"), "{html}");
    }

    #[test]
    fn the_parts_show_each_state_by_color_and_word() {
        let exchange = |name: &str, state: &str| OverviewExchange {
            name: name.to_owned(),
            state: state.to_owned(),
            until: (state == "banned").then(|| "2025-05-17T00:11:30Z".to_owned()),
        };
        let html = shown(&Overview {
            disk_free_bytes: 5 << 30,
            disk_size_bytes: 20 << 30,
            store: "postgres".to_owned(),
            store_latency_ms: Some(0.42),
            streams: BTreeMap::from([("live".to_owned(), 3), ("stale".to_owned(), 1)]),
            exchanges: vec![exchange("binance", "up"), exchange("okx", "banned")],
            workers: vec![OverviewWorker {
                id: "a<b".to_owned(),
                state: "dead".to_owned(),
                last_seen_s: 90.0,
                ..OverviewWorker::default()
            }],
            remotes: vec![OverviewRemote {
                name: "nas".to_owned(),
                pending_files: 7,
                last_error: Some("<refused>".to_owned()),
                ..OverviewRemote::default()
            }],
            ..calm()
        });

        for part in [
            "<b><data value=\"5368709120\">5.0 GiB</data></b><p>of <data value=\"21474836480\">20.0 GiB</data></p>",
            "value=\"0.250\"",
            "<b><data value=\"0.42\">0.4</data> ms</b><p>postgres answers</p>",
            "<b><data value=\"3\">3</data> of <data value=\"4\">4</data></b><p><data value=\"1\">1</data> stale</p>",
            "<span class=\"chip good\">up</span>",
            "<span class=\"chip bad\">banned</span></td><td data-label=\"Until\"><time datetime=\"2025-05-17T00:11:30Z\"",
            "<th scope=\"row\">a&lt;b</th><td data-label=\"State\"><span class=\"chip bad\">dead</span></td>",
            "<span class=\"chip bad\">failing</span>",
            "&lt;refused&gt;",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn the_first_view_of_a_thousand_failing_series_is_small_and_counts_them_all() {
        let failing = |number: u64| OverviewJob {
            series: format!("binance/A{number}-USDT/ohlc/1h"),
            consecutive_errors: 3,
            last_error: Some("the exchange refuses this for a reason that takes a line to tell".repeat(3)),
            ..OverviewJob::default()
        };
        let html = shown(&Overview {
            jobs: JobSums { total: 1_000, failing: 1_000, ..JobSums::default() },
            series: (0..300).map(failing).collect(),
            ..calm()
        });

        assert!(html.contains(">990 more failing series</a>"), "{html}");
        let loaded = html.split("/assets/").skip(1).map(|rest| rest.split('?').next().unwrap());
        let bytes: usize = loaded.map(|name| asset(name).unwrap().0.body.len()).sum();
        assert!(html.len() + bytes < 300_000, "{} and {bytes} bytes", html.len());
    }
}
