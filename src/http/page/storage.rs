//! Storage and remotes: disk, state store, what each remote lacks, and what can be done about it.

use super::fields::{acting, button};
use super::form::Form;
use super::frame::Frame;
use super::html::{Html, chip, count, escaped, or_dash, size};
use super::table::{Align, Table};
use super::times::ago;
use crate::api::{DiskView, DroppedFile, RemoteView, StoreView, Verified};
use crate::model::{Micros, bytes, thousands};

/// The content of the page.
pub(in crate::http) struct StorageShown<'a> {
    pub(in crate::http) at: Micros,
    pub(in crate::http) disk: &'a DiskView,
    pub(in crate::http) store: &'a StoreView,
    pub(in crate::http) remotes: &'a [RemoteView],
    /// The answer to a question of the form, if there was one.
    pub(in crate::http) result: Option<StorageResult<'a>>,
}

/// The answer to a question of a form.
pub(in crate::http) enum StorageResult<'a> {
    /// The files that a purge would drop, and the free space by then.
    Purge { wanted: &'a str, dropped: &'a [DroppedFile], free_bytes: Option<u64> },
    /// The check of a series.
    Verified(&'a Verified),
}

/// The page.
pub(in crate::http) fn storage(frame: &Frame, shown: &StorageShown<'_>) -> String {
    frame.around(&[], |html| {
        html.line("<h1>Storage and remotes</h1>");
        match &shown.result {
            Some(StorageResult::Purge { wanted, dropped, free_bytes }) => {
                purge(html, wanted, dropped, *free_bytes)
            }
            Some(StorageResult::Verified(verified)) => check(html, verified),
            None => {}
        }
        html.line("<div id=\"parts\" data-live>");
        cards(html, shown);
        remotes(html, shown);
        html.line("</div>\n<h2>Actions</h2>");
        acting(html, frame, |html| actions(html, frame, shown));
    })
}

fn cards(html: &mut Html, shown: &StorageShown<'_>) {
    let StorageShown { disk, store, remotes, .. } = shown;
    html.line("<div class=\"cards\">");
    html.add(format_args!(
        "<div class=\"card\"><h2>Disk</h2><b>{}</b><p>free of {}</p>",
        size(disk.free_bytes),
        size(disk.size_bytes)
    ));
    if disk.size_bytes > 0 {
        let free = disk.free_bytes as f64 / disk.size_bytes as f64;
        html.add(format_args!(
            "<meter min=\"0\" max=\"1\" low=\"0.05\" optimum=\"1\" value=\"{free:.3}\" aria-label=\"Free space\">{:.0} %</meter>",
            free * 100.0
        ));
    }
    fault(html, disk.error.as_deref());
    html.line("</div>");
    let took = or_dash(store.latency_ms, |took| format!("<data value=\"{took}\">{took:.1}</data> ms"));
    html.add(format_args!(
        "<div class=\"card\"><h2>State store</h2><b>{took}</b><p>{} {}, {} on disk, {} in its log, {}</p>",
        escaped(store.kind),
        escaped(&store.version),
        or_dash(store.size_bytes, size),
        or_dash(store.wal_bytes, size),
        super::html::plural(u64::from(store.connections), "connection", "connections"),
    ));
    fault(html, store.error.as_deref());
    html.line("</div>");
    let pending: u64 = remotes.iter().map(|remote| remote.pending_files).sum();
    html.add(format_args!(
        "<div class=\"card\"><h2>Remotes</h2><b>{}</b><p>{} files pending</p></div>\n</div>\n",
        count(remotes.len() as u64),
        count(pending)
    ));
}

fn fault(html: &mut Html, why: Option<&str>) {
    why.into_iter().for_each(|why| html.add(format_args!("<p class=\"bad\">{}</p>", escaped(why))));
}

fn remotes(html: &mut Html, shown: &StorageShown<'_>) {
    html.line("<h2>Remotes</h2>");
    if shown.remotes.is_empty() {
        return html.line(
            "<p class=\"quiet\">No copies are kept elsewhere. <code>storage.remotes</code> names places for them.</p>",
        );
    }
    let columns = [
        ("Remote", Align::Text),
        ("State", Align::Text),
        ("Pending files", Align::Number),
        ("Pending", Align::Number),
        ("Last synced", Align::Text),
    ];
    let table = Table { caption: "Files and ledgers that are not verified on a remote", columns: &columns };
    table.open(html);
    for remote in shown.remotes {
        let state = match (remote.consecutive_errors, remote.pending_files) {
            (0, 0) if remote.last_success.is_some() => chip("good", "synced"),
            (0, 0) => chip("quiet", "not synced yet"),
            (0, _) => chip("busy", "pending"),
            (1, _) => chip("bad", "failed once"),
            (times, _) => chip("bad", &format!("failed {} times", thousands(u64::from(times)))),
        };
        let cells = [
            escaped(&remote.name),
            state,
            count(remote.pending_files),
            size(remote.pending_bytes),
            ago(remote.last_success, shown.at),
        ];
        table.row(html, if remote.consecutive_errors > 0 { "failed" } else { "" }, &cells);
        remote.last_error.iter().for_each(|error| table.note(html, error));
    }
    table.close(html);
}

fn actions(html: &mut Html, frame: &Frame, shown: &StorageShown<'_>) {
    html.line("<div class=\"actions\">");
    if !shown.remotes.is_empty() {
        button(html, "/storage/sync", "Sync now", "main");
        html.line("<form class=\"actions\" method=\"post\" action=\"/storage/purge\">");
        let mut form = Form::new(frame, "/storage/purge");
        let rest = "inputmode=\"decimal\" required size=\"8\" placeholder=\"20\"";
        form.input(html, "gib", "Free GiB wanted", None, rest);
        html.line("<button>Show what a purge would drop</button>");
        form.other_faults(html);
        html.line("</form>");
    }
    html.line("<form class=\"actions\" method=\"post\" action=\"/storage/verify\">");
    let mut form = Form::new(frame, "/storage/verify");
    form.input(
        html,
        "series",
        "Series",
        None,
        "required placeholder=\"kraken/BTC-USDT/ohlc/1h\" size=\"28\"",
    );
    html.line("<button>Verify its files</button>");
    form.other_faults(html);
    html.line("</form>\n</div>");
}

fn purge(html: &mut Html, wanted: &str, dropped: &[DroppedFile], free_bytes: Option<u64>) {
    let freed = dropped.iter().map(|file| file.bytes).sum();
    html.add(format_args!(
        "<section class=\"panel\" id=\"result\" aria-labelledby=\"result-title\"><h2 id=\"result-title\">A purge to {} GiB of \
         free space</h2>\n<p>Would drop {} file(s), {}{}. Nothing was dropped; <code>dccd purge</code> does it.</p>\n",
        escaped(wanted),
        count(dropped.len() as u64),
        size(freed),
        free_bytes.map_or_else(String::new, |free| format!("; {} are free", bytes(free))),
    ));
    if !dropped.is_empty() {
        let columns = [
            ("Series", Align::Text),
            ("Period", Align::Text),
            ("Size", Align::Number),
            ("Remote", Align::Text),
        ];
        let table = Table { caption: "Files that a remote holds, the oldest first", columns: &columns };
        table.open(html);
        for file in dropped.iter().take(500) {
            let cells =
                [escaped(&file.series), escaped(&file.period), size(file.bytes), escaped(&file.remote)];
            table.row(html, "", &cells);
        }
        table.close(html);
    }
    html.line("</section>");
}

fn check(html: &mut Html, verified: &Verified) {
    let away = match verified.remote_only {
        0 => String::new(),
        away => format!("; {} file(s) are on remotes only and were not read", thousands(away)),
    };
    html.add(format_args!(
        "<section class=\"panel\" id=\"result\" aria-labelledby=\"result-title\"><h2 id=\"result-title\">{}</h2>\n\
         <p>Verified: {} fault(s){away}.</p>\n",
        escaped(&verified.series),
        count(verified.faults.len() as u64)
    ));
    if !verified.faults.is_empty() {
        html.line("<ul>");
        for fault in verified.faults.iter().take(500) {
            let path = fault.path.iter().map(|path| format!("{}: ", escaped(path))).collect::<String>();
            html.add(format_args!("<li>{path}{}</li>\n", escaped(&fault.fault)));
        }
        html.line("</ul>");
    }
    html.line("</section>");
}
