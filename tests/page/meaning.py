"""What each figure of a page is: its place there, and the field of the API that it shows."""

from datetime import datetime

# The place of a figure: its table, row, column and number in the cell; its card; its fact; its item of a list; or of a
# sentence the part of the page.
PLACES = """() => {
    const among = (own, whole) => [...whole.querySelectorAll('data[value], time[datetime]')].indexOf(own);
    const place = own => {
        const cell = own.closest('td, th');
        if (cell) {
            const row = own.closest('tr');
            const rows = [...row.parentElement.querySelectorAll('tr:not(.note)')];
            const about = own.closest('table').caption.textContent.replace(/^[\\d,]+ (of [\\d,]+ )?/, '');
            return ['table', about, rows.indexOf(row), cell.dataset.label ?? 'name', among(own, cell)];
        }
        const card = own.closest('.card');
        if (card) {
            const part = own.closest('b') ?? own.closest('p');
            const name = card.querySelector('h2, h3').textContent;
            return ['card', name, part.tagName === 'B' ? 'value' : 'words', among(own, part)];
        }
        const fact = own.closest('dd');
        if (fact) return ['fact', fact.previousElementSibling.textContent, among(own, fact)];
        const item = own.closest('li');
        if (item) {
            const list = [...item.parentElement.children];
            const about = item.querySelector('i')?.className ?? item.parentElement.className;
            return ['item', about, list.indexOf(item), among(own, item)];
        }
        const part = own.closest('p');
        return ['part', part.className || part.id, among(own, part)];
    };
    return [...document.querySelectorAll('main data[value], main time[datetime]')].map(own =>
        [place(own).join('|'), own.tagName === 'DATA' ? own.value : own.dateTime, own.textContent.trim()]);
}"""


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def same(shown, known):
    """Whether a figure of the page is that of the API: a number, or an instant as text or in seconds since 1970."""
    if known is None:
        return False
    if "T" in shown:
        return abs(seconds(shown) - (seconds(known) if isinstance(known, str) else known)) < 1e-5
    return not isinstance(known, str) and float(shown) == float(known)


def several(place, figures):
    return {f"{place}|{at}": figure for at, figure in enumerate(figures)}


def table(about, rows):
    """The figures of a table: each row a mapping from columns to a figure, or several in one cell."""
    found = {}
    for at, row in enumerate(rows):
        for label, figures in row.items():
            figures = figures if isinstance(figures, list) else [figures]
            found |= several(f"table|{about}|{at}|{label}", [own for own in figures if own is not None])
    return found


def card(name, value=(), words=()):
    return several(f"card|{name}|value", value) | several(f"card|{name}|words", words)


def overview(answer):
    jobs, fresh, streams = answer["jobs"], answer["freshness"], answer["streams"]
    others = [number for state, number in sorted(streams.items()) if state != "live"]
    sums = (fresh["with_gaps"], jobs["failing"], jobs["paused"])
    workers = [
        {"Running": own["in_progress"], "Last seen": own["last_seen_s"], "Memory": own["rss_bytes"]}
        for own in answer["workers"]
    ]
    remotes = [
        {
            "Not verified yet": own["pending_files"],
            "Their size": own["pending_bytes"],
            "Last complete": own["last_success"],
        }
        for own in answer["remotes"]
    ]
    return (
        several("part|verdict", [fresh["fresh"], fresh["expected"]] + [own for own in sums if own])
        | {f"item|attention|{at}|0": own["since"] for at, own in enumerate(answer["reasons"])}
        | card("Jobs", [jobs["total"]], [jobs["rows"]])
        | card("Running", [jobs["running"]], [jobs["waiting"]])
        | card("Streams live", [streams.get("live", 0), sum(streams.values())], others)
        | card("Disk free", [answer["disk_free_bytes"]], [answer["disk_size_bytes"]])
        | card("State store", [answer["store_latency_ms"]])
        | table("Every worker of the state store", workers)
        | table("Copies of published files elsewhere", remotes)
        | table("Exchanges in use, and whether they answer", [{"Until": own["until"]} for own in answer["exchanges"]])
    )


def series(answer):
    def row(own):
        held, runs = own["held"] or {}, own["runs"] or {}
        figures = {"Newest row": "to", "Gaps": "gaps", "Rows": "rows", "Size": "bytes"}
        return {label: held.get(field) for label, field in figures.items()} | {"Last run": runs.get("last_run_at")}

    states = [number for number in answer["states"].values() if number]
    tabs = [sum(states)] + [answer["states"][state] for state in STATES if answer["states"][state]]
    found = {f"item|tabs|{at}|0": number for at, number in enumerate(tabs)}
    return found | table("series", [row(own) for own in answer["series"]])


# The order in which a series is in one of them.
STATES = ["unaccounted", "unconfigured", "paused", "failing", "not_live", "waiting", "incomplete", "ok"]


def one_series(one, rows, gaps, coverage, files, runs):
    held = one["held"]
    unfillable = [held["unfillable_seconds"]] if held["unfillable_seconds"] else []
    windows = [{"From": own["from"], "Until": own["until"]} for own in coverage["windows"]]
    missing = [
        {"From": own.get("from") or own.get("at"), "Until": own.get("until") or own.get("last_at")}
        for own in gaps["gaps"]
    ]
    listed = [
        {"First row": own["from"], "Last row": own["to"], "Rows": own["rows"], "Size": own["bytes"]}
        for own in files["files"]
    ]
    begun = [
        {"name": own["started_at"], "Window or progress": [own["from"], own["until"]]} for own in runs["runs"]
    ]
    found = (
        card("Newest row", [held["to"]], [held["to"]])
        | card("Rows", [held["rows"]], [held["from"]])
        | card("Gaps", [held["gaps"]], unfillable)
        | card("Size", [held["bytes"]])
        | {f"item|{state}|{at}|0": coverage["total"][state] for at, state in enumerate(KEY)}
        | table("The last begun first", begun)
        | table("The newest rows, the newest first", [{"name": own["ts"]} for own in reversed(rows)])
    )
    for word in ("window", "windows"):
        found |= table(f"{word}, the oldest first", windows)
        found |= table(f"{word}, the oldest first; neighbours are merged", windows) | table(word, missing)
    for word in ("file", "files"):
        found |= table(f"{word}, the newest first", listed)
    return found


KEY = ["covered", "gap", "empty", "unfillable"]


def jobs(answer):
    rows = [
        {
            "name": [own.get("from"), own.get("until")],
            "Attempts": own["attempts"],
            "Due": own["run_at"],
            "Changed": own["updated_at"],
        }
        for own in answer["jobs"]
    ]
    return table("Jobs, the last changed first", rows)


def job(own):
    tried = sorted(own["attempts_kept"], key=lambda one: -one["number"])
    return (
        several("fact|Window", [one for one in (own.get("from"), own.get("until")) if one])
        | several("fact|Due", [own["run_at"]])
        | several("fact|Attempts", [own["attempts"], own["attempts_total"]])
        | several("fact|Worker", [own.get("lease_until")])
        | several("fact|Changed", [own["updated_at"]])
        | table(
            "The attempts that are kept, the last first",
            [{"name": one["number"], "Began": one["started_at"]} for one in tried],
        )
    )


def runs(answer):
    def row(own):
        at = own.get("progress")
        return {"Began": own["started_at"], "Progress": [at["done"], at["planned"], at["rows"]] if at else None}

    return table("Runs, the last begun first", [row(own) for own in answer["runs"]])


def streams(answer):
    others = [number for state, number in sorted(answer["states"].items()) if state != "live" and number]
    found = card("Live", [answer["states"].get("live", 0)], others)
    found |= card("Books in step", [answer["books"]["in_step"]], [len(answer["books"]["out_of_step"])])
    for own in answer["exchanges"]:
        rate = own["messages_per_second"]
        found |= card(own["exchange"], [] if rate is None else [rate], [own["minute"]] if own["minute"] else [])
    rows = [
        {
            "Since": own["since"],
            "Last message": own["last_message"],
            "Lag": own["lag_s"],
            "Reconnects": own["reconnects"],
        }
        for own in answer["streams"]
    ]
    return found | table("Live series, those that are not live first", rows)


def storage(health):
    disk, store, remotes = health["disk"], health["store"], health["remotes"]
    sizes = [own for own in (store["size_bytes"], store["wal_bytes"]) if own is not None]
    return (
        card("Disk", [disk["free_bytes"]], [disk["size_bytes"]])
        | card("State store", [store["latency_ms"]], sizes)
        | card("Remotes", [len(remotes)], [sum(own["pending_files"] for own in remotes)])
        | table(
            "Files and ledgers that are not verified on a remote",
            [
                {
                    "Pending files": own["pending_files"],
                    "Pending": own["pending_bytes"],
                    "Last complete": own["last_success"],
                }
                for own in remotes
            ],
        )
    )


def workers(answer):
    rows = [
        {
            "Running": own["in_progress"],
            "Last seen": own["last_seen_s"],
            "Loop lag": own["loop_lag_s"],
            "Memory": own["rss_bytes"],
        }
        for own in answer["workers"]
    ]
    queues = [
        {
            "State": own["paused_until"],
            "Due": own["depth"],
            "Oldest": own["oldest_waiting_s"],
            "Scheduled": own["scheduled"],
            "Running": own["in_progress"],
            "Failing": own["failed"],
            "Given up": own["exhausted"],
            "Paused": own["paused"],
            "Limit": own["rate_limit"]["limit"] if own["rate_limit"] else None,
        }
        for own in answer["queues"].values()
    ]
    return table("Workers of this state store, this process first", rows) | table("The work of each exchange", queues)


# The columns of one metric, by its kind.
FIGURES = {
    "counter": {"Value": "value"},
    "gauge": {"Level": "value", "Least": "min", "Most": "max"},
    "histogram": {
        "Mean": "value",
        "Count": "count",
        "Least": "min",
        "Median": "p50",
        "95 %": "p95",
        "99 %": "p99",
        "Most": "max",
    },
}


def history(answer):
    found = several("part|quiet", [answer["from"], answer["until"]])
    if len(answer["metrics"]) != 1:
        rows = []
        for own in answer["metrics"]:
            summary = own["summary"] or {}
            row = {"Sum or level": summary.get("value"), "Least": summary.get("min"), "Most": summary.get("max")}
            rows.append(row | {"Newest": own["points"][-1]["value"] if own["points"] else None})
        return found | table("Metrics by name", rows)
    [one] = answer["metrics"]
    unit = f" in {one['unit']}" if one["unit"] else ""
    rows = [
        {label: own.get(field) for label, field in FIGURES[one["kind"]].items()} | {"name": own["at"]}
        for own in reversed(one["points"])
    ]
    return found | table(f"{one['key']}, a {one['kind']}{unit}, the newest first", rows)
