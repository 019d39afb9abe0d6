"""Writes the dashboards anew: `python3 dashboards/generate.py`. A test compares what it writes with what is shipped.

Each panel is one line here: a title, what it shows, a unit, and its queries. Every query asks for job and instance.
"""

import json
import pathlib
import sys
import tomllib

FOLDER = pathlib.Path(__file__).resolve().parent
REPOSITORY = tomllib.loads((FOLDER.parent / "Cargo.toml").read_text())["package"]["repository"]
RUNBOOKS = REPOSITORY + "/blob/main/docs/runbooks/"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
I = 'job=~"$job", instance=~"$instance"'
E = I + ', exchange=~"$exchange"'
P = E + ', pair=~"$pair", kind=~"$kind"'
K = I + ', kind=~"$kind"'
# Runs from cron are seen through node_exporter, whose job and instance they have.
C = 'exchange=~"$exchange", pair=~"$pair", kind=~"$kind"'
RATE = "[$__rate_interval]"
SERIES = "{{exchange}} {{pair}} {{kind}} {{span}}"

GREEN, YELLOW, RED, BLUE, GREY = "green", "yellow", "red", "blue", "#808080"


def steps(*pairs):
    """Colours from values on: steps(GREEN, (1, RED)) is red from 1 on."""
    first, rest = pairs[0], pairs[1:]
    return {"mode": "absolute", "steps": [{"color": first, "value": None}] + [{"color": c, "value": v} for v, c in rest]}


def query(expr, legend="", **more):
    return {"datasource": SOURCE, "expr": expr, "legendFormat": legend or "__auto", **more}


def panel(kind, title, about, unit, queries, width=12, height=8, options=None, defaults=None, overrides=None, **more):
    targets = []
    for number, one in enumerate(queries):
        targets.append({"refId": chr(65 + number), **one})
    fields = {"unit": unit, **(defaults or {})}
    return {
        "type": kind, "title": title, "description": about, "datasource": SOURCE,
        "gridPos": {"w": width, "h": height},
        "fieldConfig": {"defaults": fields, "overrides": overrides or []},
        "options": options or {}, "targets": targets, **more,
    }


def stat(title, about, unit, expr, thresholds=None, width=4, mappings=None):
    defaults = {"thresholds": thresholds or steps(BLUE), "color": {"mode": "thresholds"}, "noValue": "0"}
    if mappings:
        defaults["mappings"] = mappings
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background", "graphMode": "area", "justifyMode": "auto", "textMode": "auto",
        "orientation": "auto", "wideLayout": True, "showPercentChange": False, "percentChangeColorMode": "standard",
    }
    return panel("stat", title, about, unit, [query(expr)], width, 4, options, defaults)


def graph(title, about, unit, *queries, width=12, stack=False, exemplars=False, floor=True, log=False):
    custom = {
        "lineWidth": 1, "fillOpacity": 60 if stack else 10, "showPoints": "never", "spanNulls": False,
        "stacking": {"mode": "normal" if stack else "none", "group": "A"}, "drawStyle": "line",
        "scaleDistribution": {"type": "log", "log": 10} if log else {"type": "linear"},
    }
    defaults = {"custom": custom, "color": {"mode": "palette-classic"}}
    if floor and not log:
        defaults["min"] = 0
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    targets = [query(expr, legend, **({"exemplar": True} if exemplars else {})) for expr, legend in queries]
    return panel("timeseries", title, about, unit, targets, width, 8, options, defaults)


def heatmap(title, about, unit, metric, labels, width=12):
    expr = f"sum by (le) (increase({metric}_bucket{{{labels}}}{RATE}))"
    options = {
        "calculate": False, "cellGap": 1, "showValue": "never",
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "fill": "dark-orange",
                  "reverse": False, "scale": "exponential"},
        "yAxis": {"axisPlacement": "left", "unit": unit, "reverse": False},
        "rowsFrame": {"layout": "auto"}, "filterValues": {"le": 1e-9},
        "legend": {"show": True}, "exemplars": {"color": "rgba(80,160,255,0.8)"},
        "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": False},
    }
    return panel("heatmap", title, about, unit, [query(expr, "{{le}}", format="heatmap", exemplar=True)], width, 8, options)


def states(title, about, expr, legend, mappings, thresholds, width=24, height=9):
    defaults = {
        "custom": {"fillOpacity": 80, "lineWidth": 0}, "mappings": mappings, "thresholds": thresholds,
        "color": {"mode": "thresholds"},
    }
    options = {
        "mergeValues": True, "showValue": "never", "alignValue": "center", "rowHeight": 0.85,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("state-timeline", title, about, "short", [query(expr, legend)], width, height, options, defaults)


def table(title, about, unit, columns, hidden=(), overrides=(), width=24, height=9, renamed=None):
    """One row for each label set; each column is a query of the present."""
    targets = [query(expr, instant=True, range=False, format="table") for _, expr in columns]
    names = {f"Value #{chr(65 + at)}": name for at, (name, _) in enumerate(columns)}
    if len(columns) == 1:
        names = {"Value": columns[0][0]}
    hide = {name: True for name in ("Time", "__name__", "job", *hidden)}
    organize = {"id": "organize", "options": {"excludeByName": hide, "renameByName": {**names, **(renamed or {})}}}
    transformations = [{"id": "merge", "options": {}}, organize]
    options = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "countRows": False}}
    return panel("table", title, about, unit, targets, width, height, options, {"custom": {"filterable": True, "align": "auto"}},
                 list(overrides), transformations=transformations)


def column(name, unit, thresholds=None, link=None):
    properties = [{"id": "unit", "value": unit}]
    if thresholds:
        properties += [{"id": "thresholds", "value": thresholds},
                       {"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "gradient"}}]
    if link:
        properties.append({"id": "links", "value": [{"title": "Runbook", "url": link, "targetBlank": True}]})
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def words(*pairs):
    """Words in the place of values: words((0, "no", RED))."""
    options = {str(value): {"text": text, "color": color, "index": at} for at, (value, text, color) in enumerate(pairs)}
    return [{"type": "value", "options": options}]


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": []}


def placed(rows):
    """Panels beside one another until a line of 24 is full; rows begin a line."""
    panels, x, y, tall = [], 0, 0, 0
    for number, one in enumerate(rows, 1):
        one = dict(one, id=number)
        if one["type"] == "row":
            y, x, tall = y + tall, 0, 0
            one["gridPos"] = {"x": 0, "y": y, "w": 24, "h": 1}
            y += 1
        else:
            size = one["gridPos"]
            if x + size["w"] > 24:
                y, x, tall = y + tall, 0, 0
            one["gridPos"] = {"x": x, "y": y, **size}
            x, tall = x + size["w"], max(tall, size["h"])
        panels.append(one)
    return panels


def variable(name, label, expr):
    return {
        "name": name, "label": label, "type": "query", "datasource": SOURCE,
        "query": {"query": expr, "refId": "StandardVariableQuery"}, "definition": expr,
        "multi": True, "includeAll": True, "allValue": ".+", "refresh": 2, "sort": 1, "hide": 0, "regex": "",
        "skipUrlSync": False, "current": {"selected": True, "text": ["All"], "value": ["$__all"]}, "options": [],
    }


VARIABLES = [
    {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0, "regex": "",
     "multi": False, "includeAll": False, "refresh": 1, "skipUrlSync": False, "options": [],
     "current": {"selected": False, "text": "Prometheus", "value": "dccd-prometheus"}},
    variable("job", "Job", "label_values(dccd_build_info, job)"),
    variable("instance", "Instance", 'label_values(dccd_build_info{job=~"$job"}, instance)'),
    variable("exchange", "Exchange", f"label_values(dccd_job_info{{{I}}}, exchange)"),
    variable("pair", "Pair", f"label_values(dccd_job_info{{{E}}}, pair)"),
    variable("kind", "Kind", f"label_values(dccd_job_info{{{E}}}, kind)"),
]


def annotation(name, color, expr, title, text=""):
    return {"name": name, "datasource": SOURCE, "enable": True, "hide": False, "iconColor": color, "expr": expr,
            "titleFormat": title, "textFormat": text, "step": "60s", "useValueForTime": False}


ANNOTATIONS = [
    annotation("Restarts", "orange", f"changes(process_start_time_seconds{{{I}}}[2m]) > 0", "dccd restarted", "{{instance}}"),
    annotation("Reloads", "blue", f"changes(dccd_config_last_reload_success_timestamp_seconds{{{I}}}[2m]) > 0",
               "configuration reloaded", "{{instance}}"),
    annotation("Alerts", "red", f'ALERTS{{{I}, alertname=~"Dccd.+", alertname!="DccdWatchdog", alertstate="firing"}}',
               "{{alertname}}", "{{exchange}} {{pair}} {{kind}} {{span}}"),
]

NAMES = {"overview": "Overview", "rest-backfill": "REST and backfill", "streams": "Streams", "storage-sync": "Storage and sync",
         "workers-tasks": "Workers and tasks", "process": "Process"}


def dashboard(name, about, rows):
    links = [{"title": other, "type": "link", "url": f"/d/dccd-{uid}", "icon": "dashboard", "tags": [], "asDropdown": False,
              "targetBlank": False, "includeVars": True, "keepTime": True, "tooltip": ""}
             for uid, other in NAMES.items() if uid != name]
    links.append({"title": "Runbooks", "type": "link", "url": RUNBOOKS, "icon": "doc", "tags": [], "asDropdown": False,
                  "targetBlank": True, "includeVars": False, "keepTime": False, "tooltip": "What each alert means"})
    return {
        "uid": f"dccd-{name}", "title": f"dccd / {NAMES[name]}", "description": about, "tags": ["dccd"],
        "editable": False, "graphTooltip": 1, "refresh": "30s", "schemaVersion": 39, "version": 1, "timezone": "utc",
        "time": {"from": "now-6h", "to": "now"}, "fiscalYearStartMonth": 0, "links": links,
        "templating": {"list": VARIABLES}, "annotations": {"list": ANNOTATIONS}, "panels": placed(rows),
    }


YES_NO = words((0, "no", RED), (1, "yes", GREEN))

OVERVIEW = [
    row("Now"),
    stat("Instances up", "Instances that answer the scrapes of Prometheus.", "short", f"sum(up{{{I}}})", steps(RED, (1, GREEN))),
    stat("Series", "Series that are collected.", "short", f"count(dccd_job_info{{{P}}})"),
    stat("Failing series", "Series whose runs failed as often in a row as the configuration allows. Runbook: DccdConsecutiveErrors.",
         "short", f"sum(dccd_job_consecutive_errors{{{P}}} >= bool on (job, instance) group_left () dccd_config_max_consecutive_errors{{{I}}})",
         steps(GREEN, (1, RED))),
    stat("Stale series", "Series without a new row for more than three expected intervals. Runbook: DccdSeriesStale.", "short",
         f"sum(series:dccd_row_age:seconds{{{P}}} > bool on (job, instance, exchange, pair, kind, span) series:dccd_stale_after:seconds{{{P}}})",
         steps(GREEN, (1, YELLOW))),
    stat("Missing time", "Time known to be missing and to be repaired, over all series. Runbook: DccdGapsOpen.", "s",
         f"sum(dccd_series_gap_seconds{{{P}}})", steps(GREEN, (1, YELLOW))),
    stat("New rows", "New rows accepted a second.", "cps", f"sum(rate(dccd_rows_written_total{{{P}}}{RATE}))"),
    row("Alerts"),
    table("Firing alerts", "What fires now; the name leads to its runbook.", "short",
          [("State", f'ALERTS{{{I}, alertname=~"Dccd.+", alertname!="DccdWatchdog", alertstate="firing"}}')],
          hidden=("alertstate", "State", "Value"), overrides=[column("alertname", "short", link=RUNBOOKS + "${__value.raw}.md")],
          height=7),
    row("Series"),
    states("Runs of each series", "Failed runs in a row: green is none, yellow some, red as many as raise an alert by default. Runbook: DccdConsecutiveErrors.",
           f"max by (exchange, pair, kind, span) (dccd_job_consecutive_errors{{{P}}})", SERIES,
           [{"type": "range", "options": {"from": 1, "to": 2, "result": {"text": "failing", "color": YELLOW, "index": 0}}},
            {"type": "range", "options": {"from": 3, "to": 1e9, "result": {"text": "alert", "color": RED, "index": 1}}},
            *words((0, "good", GREEN))], steps(GREEN, (1, YELLOW), (3, RED))),
    table("Freshness and completeness", "Each series: how old its newest row is against what is expected, failed runs, what is missing, what came in during a day.",
          "short",
          [("Newest row", f"series:dccd_row_age:seconds{{{P}}}"),
           ("Stale after", f"series:dccd_stale_after:seconds{{{P}}}"),
           ("Errors in a row", f"dccd_job_consecutive_errors{{{P}}}"),
           ("Missing", f"dccd_series_gap_seconds{{{P}}}"),
           ("Holes", f"dccd_series_gaps{{{P}}}"),
           ("Oldest row", f"time() - (dccd_series_oldest_row_timestamp_seconds{{{P}}} > 0)"),
           ("Last success", f"time() - (dccd_job_last_success_timestamp_seconds{{{P}}} > 0)"),
           ("Rows in a day", f"increase(dccd_rows_written_total{{{P}}}[1d])")],
          overrides=[column("Newest row", "s"), column("Stale after", "s"), column("Missing", "s", steps("transparent", (1, YELLOW))),
                     column("Errors in a row", "short", steps("transparent", (1, YELLOW), (3, RED))), column("Oldest row", "s"),
                     column("Last success", "s")], height=12),
    graph("Age of the newest row", "How old the newest row of each series is. It rises to the span and falls at each close.", "s",
          (f"series:dccd_row_age:seconds{{{P}}}", SERIES), log=True),
    graph("New rows", "New rows accepted a second, by exchange and kind.", "cps",
          (f"sum by (exchange, kind) (rate(dccd_rows_written_total{{{P}}}{RATE}))", "{{exchange}} {{kind}}"), stack=True),
    row("Data quality"),
    graph("Time by state", "Time since each series was first wanted: covered, gap, confirmed empty, unfillable.", "s",
          (f"sum by (state) (dccd_series_coverage_seconds{{{P}}})", "{{state}}"), stack=True),
    graph("Open gaps", "Time known to be missing, by series. A backfill that gets on makes it fall. Runbook: DccdGapsOpen.", "s",
          (f"dccd_series_gap_seconds{{{P}}} > 0", SERIES)),
    graph("Holes repaired", "Holes between held rows that were asked for again, by outcome.", "cps",
          (f'sum by (outcome) (rate(dccd_holes_repaired_total{{{E}, kind=~"$kind"}}{RATE}))', "{{outcome}}")),
    graph("Rows not kept", "Rows received and not kept, by reason. Duplicates are usual, invalid rows are not. Runbook: DccdRowsInvalid.", "cps",
          (f'sum by (exchange, reason) (rate(dccd_rows_discarded_total{{{E}, kind=~"$kind"}}{RATE}))', "{{exchange}} {{reason}}")),
    graph("Candles revised and computed", "Stored candles that the exchange answered differently when asked again, and candles computed from trades.", "cps",
          (f"sum by (exchange) (rate(dccd_candle_revisions_total{{{P}}}{RATE}))", "{{exchange}} revised"),
          (f"sum by (exchange) (rate(dccd_candles_derived_total{{{P}}}{RATE}))", "{{exchange}} computed")),
    graph("Files set aside and missing", "Damaged files set aside and published files found gone. Runbooks: DccdFileQuarantined, DccdFileMissing.", "short",
          (f"increase(dccd_storage_quarantined_files_total{{{I}}}{RATE})", "{{instance}} set aside"),
          (f"increase(dccd_storage_missing_files_total{{{I}}}{RATE})", "{{instance}} missing"),
          (f"increase(dccd_storage_adopted_files_total{{{I}}}{RATE})", "{{instance}} adopted")),
    graph("Rows set aside", "Rows that cannot be true, in the range so far, by what is wrong with them; `dccd gaps` names them. Runbook: DccdRowsSetAside.", "short",
          (f'sum by (exchange, kind, fault) (increase(dccd_rows_set_aside_total{{{E}, kind=~"$kind"}}[$__range])) > 0', "{{exchange}} {{kind}} {{fault}}")),
    graph("Listing entries passed over", "Entries of listings of which something is not understood, in the range so far; `dccd logs` names them.", "short",
          (f"sum by (exchange) (increase(dccd_listing_entries_odd_total{{{E}}}[$__range]))", "{{exchange}}")),
]

REST = [
    row("Exchanges: rate, errors, duration"),
    graph("Requests", "Requests sent a second, by exchange.", "reqps",
          (f"sum by (exchange) (rate(dccd_http_requests_total{{{E}}}{RATE}))", "{{exchange}}"), width=8),
    graph("Failed share", "Share of requests that brought nothing of use. Runbooks: DccdHttpErrorBudgetBurnFast and Slow.", "percentunit",
          (f"exchange:dccd_http_request_failures:ratio_rate5m{{{E}}}", "{{exchange}}"), width=8),
    graph("Duration", "Half of all requests, and all but one in twenty, are at least as fast. Points are traced requests.", "s",
          (f"histogram_quantile(0.5, sum by (exchange, le) (rate(dccd_http_request_duration_seconds_bucket{{{E}}}{RATE})))", "{{exchange}} p50"),
          (f"histogram_quantile(0.95, sum by (exchange, le) (rate(dccd_http_request_duration_seconds_bucket{{{E}}}{RATE})))", "{{exchange}} p95"),
          width=8, exemplars=True),
    graph("Answers by status", "Requests by HTTP status; none is a request without an answer. Runbooks: DccdExchangeThrottling, DccdExchangeBanned.", "reqps",
          (f"sum by (exchange, code) (rate(dccd_http_requests_total{{{E}}}{RATE})) > 0", "{{exchange}} {{code}}"), stack=True),
    graph("Failures by reason", "Failed requests by reason.", "reqps",
          (f"sum by (exchange, reason) (rate(dccd_http_request_failures_total{{{E}}}{RATE})) > 0", "{{exchange}} {{reason}}"), stack=True),
    heatmap("Latency", "How long requests took, body included. Points are traced requests. Runbook: DccdHttpLatencyHigh.", "s",
            "dccd_http_request_duration_seconds", E),
    graph("Traffic and retries", "Decoded bytes of answers a second.", "Bps",
          (f"sum by (exchange) (rate(dccd_http_response_bytes_total{{{E}}}{RATE}))", "{{exchange}}")),
    states("Exchange answers", "Whether the exchange answered when it was last asked.", f"max by (exchange) (dccd_exchange_up{{{E}}})",
           "{{exchange}}", words((0, "no", RED), (1, "yes", GREEN)), steps(RED, (1, GREEN)), width=8, height=8),
    states("Exchange fails", "Whether most series of the exchange fail, or those of all. Runbooks: DccdExchangeFailing, DccdAllExchangesFailing.",
           f"max by (exchange) (dccd_exchange_failing{{{E}}}) or max by (instance) (dccd_exchanges_all_failing{{{I}}})",
           "{{exchange}} {{instance}}", words((0, "no", GREEN), (1, "yes", RED)), steps(GREEN, (1, RED)), width=8, height=8),
    graph("Requests sent again", "Requests sent again after a failure.", "reqps",
          (f"sum by (exchange) (rate(dccd_http_retries_total{{{E}}}{RATE}))", "{{exchange}}"), width=8),
    row("Our own limits"),
    graph("Weight left", "Share of the request weight that is left to spend; at 0 requests wait.", "percentunit",
          (f"dccd_ratelimit_tokens{{{E}}} / (dccd_ratelimit_capacity_tokens{{{E}}} > 0)", "{{exchange}}"), width=8),
    heatmap("Waits for the limit", "How long requests waited for our own limit. Runbook: DccdRateLimitSaturated.", "s",
            "dccd_ratelimit_wait_seconds", E, width=8),
    graph("Requests that had to wait", "Requests a second that had to wait for our own limit.", "reqps",
          (f"sum by (exchange) (rate(dccd_ratelimit_throttled_total{{{E}}}{RATE}))", "{{exchange}}"), width=8),
    stat("Limit left", "How long an exchange still wants no request because we sent too many. Runbook: DccdExchangeThrottling.", "s",
         f"clamp_min(max(dccd_exchange_limited_until_timestamp_seconds{{{E}}}) - time(), 0)", steps(GREEN, (1, YELLOW)), width=5),
    stat("Ban left", "How long the longest announced ban still lasts. Runbook: DccdExchangeBanned.", "s",
         f"clamp_min(max(dccd_exchange_banned_until_timestamp_seconds{{{E}}}) - time(), 0)", steps(GREEN, (1, RED)), width=5),
    stat("Largest clock offset", "The exchange's clock minus ours, whichever way it is off. Runbook: DccdClockSkew.", "s",
         f"max(abs(dccd_clock_offset_seconds{{{E}}}))", steps(GREEN, (1, YELLOW)), width=5),
    stat("Share of series failing", "Share of the series with at least one failed run since the last good one. Runbook: DccdExchangeFailing.", "percentunit",
         f"avg(dccd_job_consecutive_errors{{{P}}} > bool 0)", steps(GREEN, (0.1, YELLOW), (0.5, RED)), width=5),
    stat("Series failing by themselves", "Series that fail as often in a row as makes an alert while no outage is why. Runbook: DccdConsecutiveErrors.", "short",
         f"sum(dccd_job_failing{{{P}}})", steps(GREEN, (1, RED)), width=4),
    row("Runs"),
    graph("Runs", "Runs ended a second, failed ones included.", "cps",
          (f"sum by (exchange, kind) (rate(dccd_job_runs_total{{{P}}}{RATE}))", "{{exchange}} {{kind}}"), width=8),
    graph("Failed runs", "Failed runs by reason.", "cps",
          (f"sum by (exchange, reason) (rate(dccd_job_failures_total{{{P}}}{RATE})) > 0", "{{exchange}} {{reason}}"), width=8, stack=True),
    graph("Duration of runs", "All but one run in twenty are at least as fast. Points are traced runs.", "s",
          (f'histogram_quantile(0.95, sum by (exchange, le) (rate(dccd_job_run_duration_seconds_bucket{{{E}, kind=~"$kind"}}{RATE})))', "{{exchange}} p95"),
          width=8, exemplars=True),
    heatmap("Start after due", "How long after it was due a run began. Runbook: DccdScheduleDelay.", "s", "dccd_job_schedule_delay_seconds", K),
    graph("Since the last run", "Time since the last run of each series ended, in its own intervals; 3 and more is missed. Runbook: DccdJobMissed.", "none",
          (f"(time() - (dccd_job_last_run_timestamp_seconds{{{P}}} > 0)) / (dccd_job_interval_seconds{{{P}}} > 0)", SERIES)),
    row("Backfill"),
    graph("Rows received and new", "Rows received a second, and those of them that were new.", "cps",
          (f"sum by (exchange) (rate(dccd_rows_fetched_total{{{P}}}{RATE}))", "{{exchange}} received"),
          (f"sum by (exchange) (rate(dccd_rows_written_total{{{P}}}{RATE}))", "{{exchange}} new")),
    graph("Depth of history", "Age of the oldest stored row.", "s",
          (f"time() - (dccd_series_oldest_row_timestamp_seconds{{{P}}} > 0)", SERIES), log=True),
    graph("Asked twice before it was believed", "In the range so far: windows that came empty and were asked for once more, holes in trade ids that a second answer had too, and contracts that rolled over.", "short",
          (f'sum by (exchange, kind) (increase(dccd_empty_windows_doubted_total{{{E}, kind=~"$kind"}}[$__range]))', "{{exchange}} {{kind}} empty windows"),
          (f'sum by (exchange, kind) (increase(dccd_trade_id_holes_total{{{E}, kind=~"$kind"}}[$__range]))', "{{exchange}} {{kind}} id holes"),
          (f'sum by (exchange, kind) (increase(dccd_contract_rollovers_total{{{E}, kind=~"$kind"}}[$__range]))', "{{exchange}} {{kind}} rollovers"), width=24),
    row("Runs from cron"),
    table("Last `dccd collect`", "From node_exporter's textfile: exit code, last success and rows. Runbook: DccdCollectStale.", "short",
          [("Exit code", "dccd_collect_exit_code"),
           ("Last success", f"time() - (dccd_collect_last_success_timestamp_seconds{{{C}}} > 0)"),
           ("Last run", f"time() - (dccd_collect_last_run_timestamp_seconds{{{C}}} > 0)"),
           ("Duration", f"dccd_collect_duration_seconds{{{C}}}"),
           ("Rows", f"dccd_collect_rows{{{C}}}")],
          overrides=[column("Last success", "s"), column("Last run", "s"), column("Duration", "s"),
                     column("Exit code", "short", steps("transparent", (1, RED)))]),
]

STREAMS = [
    row("Now"),
    stat("Live", "Live series that the exchange sends. Runbook: DccdStreamsDown.", "short",
         f'sum(dccd_websocket_state{{{P}, state="live"}})', steps(RED, (1, GREEN))),
    stat("Connecting", "Live series that the exchange has not acknowledged yet.", "short",
         f'sum(dccd_websocket_state{{{P}, state="connecting"}})', steps(GREEN, (1, YELLOW))),
    stat("Stale", "Live series of which the exchange has newer rows than it sends. Runbook: DccdStreamStale.", "short",
         f'sum(dccd_websocket_state{{{P}, state="stale"}})', steps(GREEN, (1, RED))),
    stat("Refused", "Live series that the exchange refuses to send. Runbook: DccdStreamRefused.", "short",
         f'sum(dccd_websocket_state{{{P}, state="refused"}})', steps(GREEN, (1, RED))),
    stat("Lost connections", "Connections that ended within the last quarter of an hour, neither by us nor announced. Runbook: DccdStreamReconnectStorm.",
         "short", f'sum(increase(dccd_websocket_disconnects_total{{{E}, reason!~"stopped|given_up|lifetime|notice"}}[15m]))',
         steps(GREEN, (1, YELLOW), (10, RED))),
    stat("Missing time", "Time known to be missing and to be repaired, over all live series. Runbook: DccdStreamHolesStay.", "s",
         f"sum(dccd_series_gap_seconds{{{P}}} and on (job, instance, exchange, pair, kind, span) dccd_websocket_last_message_timestamp_seconds{{{P}}})",
         steps(GREEN, (1, YELLOW))),
    row("Series"),
    graph("Series by state", "Live series by state. Where a fleet shares series, each is counted where it is listened to.", "short",
          (f"sum by (state) (dccd_websocket_state{{{P}}})", "{{state}}"), stack=True),
    table("Stale and refused", "Live series that do not come in. Runbooks: DccdStreamStale, DccdStreamRefused.", "short",
          [("State", f'dccd_websocket_state{{{P}, state=~"stale|refused"}} == 1')], hidden=("State", "Value"), width=12, height=8),
    graph("Rows", "Live rows accepted a second, by exchange and kind.", "cps",
          (f'sum by (exchange, kind) (rate(dccd_websocket_rows_total{{{E}, kind=~"$kind"}}{RATE}))', "{{exchange}} {{kind}}"), width=8, stack=True),
    graph("Since the last message", "How long ago each series' last message came. Quiet markets are quiet.", "s",
          (f"time() - (dccd_websocket_last_message_timestamp_seconds{{{P}}} > 0)", SERIES), width=8, log=True),
    graph("Covered time", "Share of the time that live rows cover completely, by series; 1 is all of it.", "percentunit",
          (f"rate(dccd_websocket_covered_seconds_total{{{P}}}{RATE})", SERIES), width=8),
    row("Books"),
    stat("In step", "Live books that are known to be their exchange's. Runbook: DccdBookOutOfStep.", "short",
         f"sum(dccd_book_in_step{{{P}}})", steps(RED, (1, GREEN))),
    stat("Wanted", "Live books that are followed.", "short", f"count(dccd_book_in_step{{{P}}})", steps(BLUE)),
    graph("Out of step", "Share of the time in which each book was not known to be its exchange's: it is lost. Runbook: DccdBookOutOfStep.", "percentunit",
          (f"rate(dccd_book_out_of_step_seconds_total{{{P}}}{RATE}) > 0", SERIES), width=8),
    graph("Begun anew", "Books that were begun anew, by reason: missing updates, wrong checksums, crossed sides, lost connections. Runbook: DccdBookBreaksOften.", "short",
          (f"sum by (exchange, reason) (increase(dccd_book_resyncs_total{{{E}}}{RATE})) > 0", "{{exchange}} {{reason}}"),
          (f"sum by (exchange) (increase(dccd_book_failed_resyncs_total{{{E}}}{RATE})) > 0", "{{exchange}} in vain"), width=8, stack=True),
    table("Books that broke", "Times each book fell out of step within an hour. Runbook: DccdBookBreaksOften.", "short",
          [("Breaks", f"increase(dccd_book_breaks_total{{{P}}}[1h]) > 0")], width=8, height=8),
    graph("Compared over REST", "Live books that were compared with the same over REST, by outcome: same, differs, behind (its updates do not come), undecided. Runbook: DccdBookWrong.", "short",
          (f"sum by (exchange, outcome) (increase(dccd_book_audits_total{{{E}}}{RATE})) > 0", "{{exchange}} {{outcome}}"), width=8, stack=True),
    graph("Updates that wait for a whole book", "Memory of the updates of live books that wait for a whole book over REST. It rises while books begin, and where the exchange does not answer.", "bytes",
          (f"sum by (exchange) (dccd_book_waiting_bytes{{{E}}})", "{{exchange}}"), width=8, stack=True),
    row("Lag"),
    graph("Exchange to receipt", "From the exchange's time of a message to its receipt: half, and all but one in a hundred, are at least as fast. Runbook: DccdStreamLag.", "s",
          (f'histogram_quantile(0.5, sum by (exchange, kind, le) (rate(dccd_websocket_event_lag_seconds_bucket{{{E}, kind=~"$kind"}}{RATE})))', "{{exchange}} {{kind}} p50"),
          (f'histogram_quantile(0.99, sum by (exchange, kind, le) (rate(dccd_websocket_event_lag_seconds_bucket{{{E}, kind=~"$kind"}}{RATE})))', "{{exchange}} {{kind}} p99"),
          width=8, log=True),
    graph("Receipt to accepted", "From the receipt of rows until they survive the end of the process: half, and all but one in a hundred, are at least as fast.", "s",
          (f"histogram_quantile(0.5, sum by (exchange, le) (rate(dccd_websocket_accept_seconds_bucket{{{E}}}{RATE})))", "{{exchange}} p50"),
          (f"histogram_quantile(0.99, sum by (exchange, le) (rate(dccd_websocket_accept_seconds_bucket{{{E}}}{RATE})))", "{{exchange}} p99"), width=8, log=True),
    graph("Waiting to be published", "Memory of live rows that are accepted and not yet in a file. At the limit sockets are left unread, and after seconds of that rows are left out and fetched later. Runbook: DccdPublishFailing.", "bytes",
          (f"sum by (instance) (dccd_websocket_waiting_bytes{{{I}}})", "{{instance}}"),
          (f"max(dccd_websocket_waiting_limit_bytes{{{I}}})", "limit"), width=8),
    row("Connections"),
    graph("Messages", "Messages received a second, by line.", "cps",
          (f"sum by (exchange, line) (rate(dccd_websocket_messages_total{{{E}}}{RATE}))", "{{exchange}} {{line}}"), width=8, stack=True),
    graph("Connections made and lost", "Connections that ended, by reason, and those that were made. Runbook: DccdStreamReconnectStorm.", "short",
          (f"sum by (exchange, reason) (increase(dccd_websocket_disconnects_total{{{E}}}{RATE})) > 0", "{{exchange}} {{reason}}"),
          (f"sum by (exchange) (increase(dccd_websocket_connects_total{{{E}}}{RATE}))", "{{exchange}} made"), width=8),
    graph("Cannot connect", "Attempts to connect that failed, by reason. Runbook: DccdStreamsDown.", "short",
          (f"sum by (exchange, reason) (increase(dccd_websocket_connect_failures_total{{{E}}}{RATE})) > 0", "{{exchange}} {{reason}}"), width=8, stack=True),
    row("Data quality"),
    graph("Holes by reason", "Holes in live series, by how they show. Each is filled from history.", "short",
          (f'sum by (exchange, reason) (increase(dccd_websocket_holes_total{{{E}, kind=~"$kind"}}{RATE})) > 0', "{{exchange}} {{reason}}"), width=8, stack=True),
    graph("Holes filled", "Holes filled from history, the rows that came, and holes that rows closed which came late. Runbook: DccdStreamHolesStay.", "short",
          (f'sum by (exchange) (increase(dccd_websocket_holes_refilled_total{{{E}, kind=~"$kind"}}{RATE}))', "{{exchange}} holes"),
          (f'sum by (exchange) (increase(dccd_websocket_refilled_rows_total{{{E}, kind=~"$kind"}}{RATE}))', "{{exchange}} rows"),
          (f'sum by (exchange) (increase(dccd_websocket_holes_closed_total{{{E}, kind=~"$kind"}}{RATE}))', "{{exchange}} closed late"), width=8),
    graph("Open gaps of live series", "Time known to be missing and to be repaired, by live series. Runbook: DccdStreamHolesStay.", "s",
          (f"(dccd_series_gap_seconds{{{P}}} > 0) and on (job, instance, exchange, pair, kind, span) dccd_websocket_last_message_timestamp_seconds{{{P}}}", SERIES), width=8),
    graph("Messages left out and unreadable", "Messages that were not asked for, of an unknown kind, or that could not be read.", "cps",
          (f"sum by (exchange, reason) (rate(dccd_websocket_messages_ignored_total{{{E}}}{RATE})) > 0", "{{exchange}} {{reason}}"),
          (f"sum by (exchange) (rate(dccd_websocket_parse_errors_total{{{E}}}{RATE})) > 0", "{{exchange}} unreadable"), width=8),
    graph("Rows repeated and differing", "Rows that one connection sent twice, and rows whose values differ from the exchange's history.", "cps",
          (f"sum by (exchange) (rate(dccd_websocket_rows_repeated_total{{{E}}}{RATE}))", "{{exchange}} repeated"),
          (f'sum by (exchange) (rate(dccd_stream_mismatches_total{{{E}, kind=~"$kind"}}{RATE}))', "{{exchange}} differing"), width=8),
    graph("Found stale", "Times the exchange had newer rows of a series than it sent; each is subscribed anew. Runbook: DccdStreamStale.", "short",
          (f"sum by (exchange, kind) (increase(dccd_websocket_stale_total{{{P}}}{RATE}))", "{{exchange}} {{kind}}"), width=8),
    graph("Checks of quiet series", "Series that were quiet for long and that the exchange was asked about over REST; put off where a twentieth of its limit is spent, spared where a neighbour was found stale.", "short",
          (f'sum by (exchange, outcome) (increase(dccd_websocket_checks_total{{{E}, kind=~"$kind"}}{RATE})) > 0', "{{exchange}} {{outcome}}"), width=8),
    graph("Refusals", "Series that the exchange refused to send. Runbook: DccdStreamRefused.", "short",
          (f'sum by (exchange, kind) (increase(dccd_websocket_refusals_total{{{E}, kind=~"$kind"}}{RATE}))', "{{exchange}} {{kind}}"), width=8),
]

STORAGE = [
    row("Disk"),
    stat("Free", "Share of the disk of the data path that is free for us. Runbooks: DccdDiskLow, DccdDiskFillingUp.", "percentunit",
         f"min(dccd_storage_free_bytes{{{I}}} / dccd_storage_size_bytes{{{I}}})", steps(RED, (0.05, YELLOW), (0.25, GREEN)), width=6),
    stat("Full in", "Time until the disk is full at the rate of the last six hours; empty where it does not fill.", "s",
         f"min(dccd_storage_free_bytes{{{I}}} / (-deriv(dccd_storage_free_bytes{{{I}}}[6h]) > 0))", steps(RED, (86400, YELLOW), (604800, GREEN)), width=6),
    stat("Rows not yet published", "Rows accepted into the journal and not yet in a file.", "short", f"sum(dccd_storage_buffered_rows{{{K}}})", width=6),
    stat("Accepting rows", "Whether the journal takes rows. Runbook: DccdJournalRefusing.", "short",
         f"1 - max(dccd_journal_refusing{{{I}}})", steps(RED, (1, GREEN)), width=3, mappings=YES_NO),
    stat("Publishing", "Whether files can be published. Runbooks: DccdPublishFailing, DccdDiskFull.", "short",
         f"1 - max(dccd_storage_publish_refused{{{I}}})", steps(RED, (1, GREEN)), width=3, mappings=YES_NO),
    graph("Disk", "Free bytes and size of the disk of the data path, and what is to be kept free. Runbook: DccdRoomNotMade.", "bytes",
          (f"dccd_storage_free_bytes{{{I}}}", "{{instance}} free"), (f"dccd_storage_size_bytes{{{I}}}", "{{instance}} size"),
          (f"dccd_storage_wanted_free_bytes{{{I}}}", "{{instance}} to be kept free")),
    graph("Written and copied", "Bytes encoded and written to files a second, and those copied unchanged.", "Bps",
          (f"sum by (kind) (rate(dccd_storage_written_bytes_total{{{K}}}{RATE}))", "{{kind}} written"),
          (f"sum by (kind) (rate(dccd_storage_copied_bytes_total{{{K}}}{RATE}))", "{{kind}} copied")),
    row("Files"),
    heatmap("Publishing", "How long it took to publish a file, fsync included.", "s", "dccd_storage_publish_duration_seconds", K),
    heatmap("File sizes", "Size of published files. Many small ones cost readers time.", "bytes", "dccd_storage_file_size_bytes", K),
    graph("Failed publishes", "Files that could not be read or published, by reason. Runbook: DccdPublishFailing.", "short",
          (f"sum by (kind, reason) (increase(dccd_storage_publish_failures_total{{{K}}}{RATE}))", "{{kind}} {{reason}}"), width=8),
    graph("Folds", "Files of large periods that were written anew, with rows of the open file beside them or late ones.", "cps",
          (f"sum by (kind) (rate(dccd_storage_folds_total{{{K}}}{RATE}))", "{{kind}}"), width=8),
    graph("Rows waiting", "Rows accepted and not yet in a file, by kind.", "short",
          (f"sum by (kind) (dccd_storage_buffered_rows{{{K}}})", "{{kind}}"), width=8, stack=True),
    row("Journal"),
    graph("Not durable yet", "Bytes accepted that would not survive a power cut yet. Runbook: DccdJournalNotDurable.", "bytes",
          (f"dccd_journal_unsynced_bytes{{{I}}}", "{{instance}}"), width=8),
    graph("Since the last sync", "Time since the journal was last durable up to its end; usually below a second. Runbook: DccdJournalNotDurable.", "s",
          (f"time() - (dccd_journal_last_sync_timestamp_seconds{{{I}}} > 0)", "{{instance}}"), width=8),
    heatmap("Syncs", "How long it took to make the journal durable.", "s", "dccd_journal_sync_duration_seconds", I, width=8),
    graph("Frames", "Frames accepted a second, and frames made durable.", "cps",
          (f"rate(dccd_journal_accepted_frames_total{{{I}}}{RATE})", "{{instance}} accepted"),
          (f"rate(dccd_journal_durable_frames_total{{{I}}}{RATE})", "{{instance}} durable"), width=8),
    graph("Size", "Bytes in the segments of the journal.", "bytes", (f"dccd_journal_size_bytes{{{I}}}", "{{instance}}"), width=8),
    graph("Segments", "Segments of the journal on disk.", "short", (f"dccd_journal_segments{{{I}}}", "{{instance}}"), width=8),
    stat("Frames replayed", "Frames read back from an earlier process's journal at the last start.", "short",
         f"sum(increase(dccd_journal_replayed_frames_total{{{I}}}[$__range]))", width=6),
    stat("Rows replayed", "Rows of such frames that no file held yet.", "short",
         f"sum(increase(dccd_journal_replayed_rows_total{{{I}}}[$__range]))", width=6),
    stat("Torn stretches", "Stretches of the journal that could not be read and were set aside. Runbook: DccdJournalTorn.", "short",
         f"sum(increase(dccd_journal_torn_stretches_total{{{I}}}[$__range]))", steps(GREEN, (1, YELLOW)), width=6),
    stat("Rewrites", "Failed syncs that were made good by writing the frames anew.", "short",
         f"sum(increase(dccd_journal_rewrites_total{{{I}}}[$__range]))", steps(GREEN, (1, YELLOW)), width=6),
    row("Remotes"),
    table("Remotes", "Each remote: when it was last complete, failed syncs in a row, what waits. Runbooks: DccdSyncFailing, DccdSyncStale.", "short",
          [("Last success", f"time() - (dccd_sync_last_success_timestamp_seconds{{{I}}} > 0)"),
           ("Interval", f"dccd_sync_interval_seconds{{{I}}}"),
           ("Errors in a row", f"dccd_sync_consecutive_errors{{{I}}}"),
           ("Waiting bytes", f"dccd_sync_pending_bytes{{{I}}}"),
           ("Waiting files", f"dccd_sync_pending_files{{{I}}}")],
          overrides=[column("Last success", "s"), column("Interval", "s"), column("Waiting bytes", "bytes"),
                     column("Errors in a row", "short", steps("transparent", (1, YELLOW), (3, RED)))], height=6),
    graph("Syncs", "Syncs ended a second, and failed ones by reason.", "cps",
          (f"sum by (remote) (rate(dccd_sync_runs_total{{{I}}}{RATE}))", "{{remote}}"),
          (f"sum by (remote, reason) (rate(dccd_sync_failures_total{{{I}}}{RATE})) > 0", "{{remote}} {{reason}}"), width=8),
    graph("Waiting to be sent", "Bytes published and not yet verified on a remote.", "bytes",
          (f"dccd_sync_pending_bytes{{{I}}}", "{{remote}}"), width=8),
    heatmap("Duration of syncs", "How long syncs took.", "s", "dccd_sync_duration_seconds", I, width=8),
    graph("Sent and verified", "Bytes sent to a remote and verified there, a second.", "Bps",
          (f"sum by (remote) (rate(dccd_sync_copied_bytes_total{{{I}}}{RATE}))", "{{remote}}"), width=8),
    graph("Files sent, brought back and dropped", "Files a second: sent, restored, not restored, dropped here to make room.", "cps",
          (f"sum by (remote) (rate(dccd_sync_copied_files_total{{{I}}}{RATE}))", "{{remote}} sent"),
          (f"sum by (remote) (rate(dccd_restore_files_total{{{I}}}{RATE}))", "{{remote}} restored"),
          (f"sum by (remote, reason) (rate(dccd_restore_failures_total{{{I}}}{RATE}))", "{{remote}} {{reason}}"),
          (f"rate(dccd_purge_files_total{{{I}}}{RATE})", "{{instance}} dropped"), width=8),
    graph("On remotes only", "Bytes of files that were dropped here and are on remotes, and bytes dropped meanwhile.", "bytes",
          (f"dccd_remote_only_bytes{{{I}}}", "{{instance}}"),
          (f"increase(dccd_purge_bytes_total{{{I}}}{RATE})", "{{instance}} dropped"), width=8),
    stat("Files on remotes only", "Files that are on remotes only, as last counted.", "short", f"sum(dccd_remote_only_files{{{I}}})", width=8),
]

WORKERS = [
    row("Jobs"),
    graph("Jobs by what they do", "All jobs: waiting, running, retrying, paused, failed.", "short",
          (f"sum by (status) (dccd_jobs{{{I}}})", "{{status}}"), stack=True),
    graph("Longest runs", "How long runs have been under way. Runbook: DccdLeaseStuck.", "s",
          (f"topk(10, time() - (dccd_job_lease_timestamp_seconds{{{P}}} > 0))", SERIES)),
    graph("Paused", "Series whose job is paused.", "short",
          (f"sum by (exchange) (dccd_job_paused{{{P}}})", "{{exchange}}"), stack=True),
    row("Tasks"),
    graph("Tasks by state", "Tasks of the queue that are not done: pending, in progress, failed, exhausted, ignored. Runbook: DccdTasksExhausted.", "short",
          (f'sum by (status) (dccd_tasks{{{E}, status!="succeeded"}})', "{{status}}"), width=8, stack=True),
    graph("Depth of the queue", "Tasks that wait although their time has come.", "short",
          (f"sum by (exchange) (dccd_tasks_due{{{E}}})", "{{exchange}}"), width=8, stack=True),
    graph("Oldest due task", "How long the task that waits longest has been due. Runbook: DccdQueueBacklog.", "s",
          (f"time() - (dccd_task_oldest_due_timestamp_seconds{{{E}}} > 0)", "{{exchange}}"), width=8),
    graph("Planned and begun", "Tasks planned and attempts begun a second.", "cps",
          (f"sum by (exchange) (rate(dccd_tasks_planned_total{{{E}}}{RATE}))", "{{exchange}} planned"),
          (f"sum by (exchange) (rate(dccd_task_claims_total{{{E}}}{RATE}))", "{{exchange}} begun"), width=8),
    graph("Attempts by outcome", "Attempts that ended a second, by outcome.", "cps",
          (f"sum by (outcome) (rate(dccd_task_attempts_total{{{E}}}{RATE}))", "{{outcome}}"), width=8, stack=True),
    graph("Given up and taken away", "Tasks that failed as often as they may, and leases taken from workers. Runbooks: DccdTasksExhausted, DccdLeasesLost.", "short",
          (f"sum by (exchange) (increase(dccd_task_exhaustions_total{{{E}}}{RATE}))", "{{exchange}} exhausted"),
          (f"sum by (exchange) (increase(dccd_task_leases_lost_total{{{E}}}{RATE}))", "{{exchange}} lease lost"), width=8),
    row("Workers"),
    graph("Workers", "Processes that take tasks from the store, by state. Runbook: DccdWorkerDead.", "short",
          (f"max by (state) (dccd_workers{{{I}}})", "{{state}}"), width=8, stack=True),
    graph("Since the last heartbeat", "Each process writes one every ten seconds. Runbook: DccdHeartbeatStale.", "s",
          (f"time() - (dccd_worker_heartbeat_timestamp_seconds{{{I}}} > 0)", "{{instance}}"), width=8),
    graph("Held tasks", "Tasks each process holds under a lease.", "short", (f"dccd_worker_held_tasks{{{I}}}", "{{instance}}"), width=8),
    graph("Lag of the loop", "How late the loop was that renews leases.", "s", (f"dccd_worker_loop_lag_seconds{{{I}}}", "{{instance}}"), width=8),
    graph("Failures of the store", "Operations of the tracker that its store failed.", "cps",
          (f"sum by (operation) (rate(dccd_tracker_failures_total{{{I}}}{RATE}))", "{{operation}}"), width=8),
    graph("Tidying", "Tasks forgotten long after they ended, and counts that had to be made true.", "short",
          (f"increase(dccd_tasks_pruned_total{{{I}}}{RATE})", "{{instance}} forgotten"),
          (f"increase(dccd_task_counts_corrected_total{{{I}}}{RATE})", "{{instance}} corrected"), width=8),
    stat("State store made anew", "When a damaged state store was last set aside; in 1970 where none ever was. Runbook: DccdStateStoreRebuilt.", "dateTimeFromNow",
         f"max(dccd_state_store_set_aside_timestamp_seconds{{{I}}}) * 1000", width=8),
    row("Fleet"),
    graph("Series by owner", "Series each process writes, and configured ones without a writer. Runbook: DccdSeriesUnowned.", "short",
          (f"dccd_owned_series{{{I}}}", "{{instance}}"),
          (f"max(dccd_unowned_series{{{I}}})", "no owner"), width=8, stack=True),
    graph("Changes of ownership", "Series taken, given up and lost.", "short",
          (f"sum by (instance, change) (increase(dccd_ownership_changes_total{{{I}}}{RATE}))", "{{instance}} {{change}}"), width=8),
    graph("Takeovers", "Series taken over from the bucket, by what was found there. Runbook: DccdOwnershipFlapping.", "short",
          (f"sum by (outcome) (increase(dccd_takeovers_total{{{I}}}{RATE}))", "{{outcome}}"), width=8),
    graph("Not in the bucket yet", "Series of each process whose last publish is not in the bucket. Runbook: DccdBucketBehind.", "short",
          (f"dccd_bucket_series_waiting{{{I}}}", "{{instance}}"), width=8),
    graph("Writes refused by the bucket", "By fence: another owns the series. Changed: another's write came before and is merged.", "short",
          (f"sum by (reason) (increase(dccd_bucket_writes_refused_total{{{I}}}{RATE}))", "{{reason}}"), width=8),
    graph("Late rows", "Rows merged from an earlier ownership that were missing elsewhere.", "short",
          (f"sum by (instance) (increase(dccd_late_rows_total{{{I}}}{RATE}))", "{{instance}}"), width=8),
]

PROCESS = [
    row("Now"),
    stat("Up", "Whether Prometheus can scrape every instance. Runbook: DccdDown.", "short", f"min(up{{{I}}})", steps(RED, (1, GREEN)), mappings=YES_NO),
    stat("Uptime", "Time since the start of the instance that started last.", "s", f"time() - max(process_start_time_seconds{{{I}}})"),
    stat("Scheduler", "Time since a scheduler last went round. Runbook: DccdSchedulerStalled.", "s",
         f"max(time() - dccd_scheduler_last_tick_timestamp_seconds{{{I}}})", steps(GREEN, (30, YELLOW), (120, RED))),
    stat("Configuration in force", "Whether the last reload was good. Runbook: DccdConfigReloadFailed.", "short",
         f"min(dccd_config_last_reload_successful{{{I}}})", steps(RED, (1, GREEN)), mappings=YES_NO),
    stat("Alert at errors", "Failed runs in a row that raise an alert, from the configuration.", "short", f"min(dccd_config_max_consecutive_errors{{{I}}})"),
    stat("Fire drill", "Whether `dccd alerts test` is under way. Runbook: DccdTestAlert.", "short", f"max(dccd_test_alert_active{{{I}}})",
         steps(BLUE, (1, YELLOW)), mappings=words((0, "no", BLUE), (1, "yes", YELLOW))),
    table("Versions", "What each instance was built from and the hash of its configuration.", "short",
          [("Built", f"dccd_build_info{{{I}}}"), ("Configuration", f"dccd_config_info{{{I}}}")], hidden=("Built", "Configuration"), height=5),
    row("Use of the machine"),
    graph("CPU", "Cores in use.", "short", (f"rate(process_cpu_seconds_total{{{I}}}{RATE})", "{{instance}}"), width=8),
    graph("Memory", "Resident memory, and virtual memory of which only a part is real.", "bytes",
          (f"process_resident_memory_bytes{{{I}}}", "{{instance}} resident"), (f"process_virtual_memory_bytes{{{I}}}", "{{instance}} virtual"), width=8, log=True),
    graph("File descriptors", "Share of the allowed file descriptors in use. Runbook: DccdFdExhaustion.", "percentunit",
          (f"process_open_fds{{{I}}} / process_max_fds{{{I}}}", "{{instance}}"), width=8),
    graph("Threads", "Threads of the process.", "short", (f"process_threads{{{I}}}", "{{instance}}"), width=8),
    graph("Clock offsets", "Each exchange's clock minus ours. Runbook: DccdClockSkew.", "s", (f"dccd_clock_offset_seconds{{{E}}}", "{{exchange}}"), width=8, floor=False),
    graph("Restarts", "Starts within a quarter of an hour. Runbook: DccdRestartLoop.", "short",
          (f"changes(process_start_time_seconds{{{I}}}[15m])", "{{instance}}"), width=8),
    row("What it tells"),
    graph("Log lines", "Lines logged a second, by level. Runbook: DccdLogErrors.", "cps",
          (f"sum by (level) (rate(dccd_log_messages_total{{{I}}}{RATE}))", "{{level}}"),
          (f"sum(rate(dccd_log_lines_left_out_total{{{I}}}{RATE}))", "left out"), width=8, stack=True),
    graph("Queues", "How full queues between parts of the program are. Runbook: DccdQueueNearlyFull.", "percentunit",
          (f"dccd_queue_items{{{I}}} / (dccd_queue_capacity_items{{{I}}} > 0)", "{{queue}} {{instance}}"), width=8),
    graph("Entries dropped", "Entries a full queue had to drop. Runbook: DccdQueueDropping.", "short",
          (f"sum by (queue) (increase(dccd_queue_dropped_total{{{I}}}{RATE}))", "{{queue}}"), width=8),
    graph("Series with metrics", "Series that have metrics of their own, and those refused. Runbook: DccdSeriesLimitHit.", "short",
          (f"dccd_metrics_series{{{I}}}", "{{instance}}"),
          (f"sum by (family) (increase(dccd_metrics_series_dropped_total{{{I}}}{RATE}))", "{{family}} refused"), width=8),
    graph("metrics.json not written", "Attempts to write metrics.json that failed. Runbook: DccdStatusFileNotWritten.", "short",
          (f"increase(dccd_status_file_write_failures_total{{{I}}}{RATE})", "{{instance}}"), width=8),
    graph("health.json not written", "Attempts to write health.json that failed; `dccd healthcheck` then fails too.", "short",
          (f"increase(dccd_health_file_write_failures_total{{{I}}}{RATE})", "{{instance}}"), width=8),
    graph("Traces lost", "Spans that never reached the collector, and batches it did not take. Runbook: DccdTraceExportFailing.", "cps",
          (f"rate(dccd_trace_spans_dropped_total{{{I}}}{RATE})", "{{instance}} spans"),
          (f"rate(dccd_trace_export_failures_total{{{I}}}{RATE})", "{{instance}} batches"), width=8),
    row("Configuration"),
    stat("Last reload", "When the configuration in force was read.", "dateTimeFromNow",
         f"max(dccd_config_last_reload_success_timestamp_seconds{{{I}}}) * 1000", width=6),
    stat("Waiting for a restart", "Changed settings that apply at the next start only.", "short",
         f"max(dccd_config_settings_awaiting_restart{{{I}}})", steps(GREEN, (1, YELLOW)), width=6),
    graph("Loads", "Configurations read, by outcome. Runbook: DccdConfigReloadFailed.", "short",
          (f"sum by (outcome) (increase(dccd_config_loads_total{{{I}}}{RATE}))", "{{outcome}}")),
    row("Metric history"),
    graph("Points written", "Points written to the state store a second, and those deleted because of their age.", "cps",
          (f"sum(rate(dccd_history_written_points_total{{{I}}}{RATE}))", "written"),
          (f"sum(rate(dccd_history_pruned_points_total{{{I}}}{RATE}))", "deleted"), width=8),
    graph("Not written", "Writes that failed, whose points wait in the queue `history`, and observations that are not kept.", "short",
          (f"sum by (instance) (increase(dccd_history_write_failures_total{{{I}}}{RATE}))", "{{instance}} writes"),
          (f"sum by (reason) (increase(dccd_history_lost_observations_total{{{I}}}{RATE}))", "{{reason}}"), width=8),
    stat("Last written", "When the history was last written; in 1970 before the first time.", "dateTimeFromNow",
         f"min(dccd_history_last_write_timestamp_seconds{{{I}}}) * 1000", width=8),
    heatmap("Writes", "How long it took to write the history of all metrics.", "s", "dccd_history_write_duration_seconds", I),
    row("Its own HTTP server"),
    graph("Connections", "Open connections.", "short", (f"dccd_server_connections{{{I}}}", "{{instance}}"), width=8),
    graph("Refused", "Requests and scrapes refused a second, by reason.", "reqps",
          (f"sum by (reason) (rate(dccd_server_requests_refused_total{{{I}}}{RATE}))", "{{reason}}"),
          (f"sum by (reason) (rate(dccd_server_scrapes_refused_total{{{I}}}{RATE}))", "scrape {{reason}}"),
          (f"sum(rate(dccd_server_stalled_connections_total{{{I}}}{RATE}))", "cut off, took nothing"), width=8),
    graph("Sign-ins", "Tokens typed on the page to sign in, by outcome. Runbook: DccdSignInsRefused.", "short",
          (f"sum by (outcome) (increase(dccd_server_sign_ins_total{{{I}}}{RATE}))", "{{outcome}}"), width=8),
    heatmap("Scrapes", "How long it took to gather, write and compress the metrics.", "s", "dccd_server_scrape_duration_seconds", I, width=8),
    stat("Certificate ends", "When the certificate ends; in 1970 where there is none. Runbook: DccdCertificateExpiring.", "dateTimeFromNow",
         f"min(dccd_server_certificate_expiry_timestamp_seconds{{{I}}}) * 1000", width=8),
    stat("Web configuration", "Whether it was usable when last read. Runbook: DccdWebConfigReloadFailed.", "short",
         f"min(dccd_web_config_last_reload_successful{{{I}}})", steps(RED, (1, GREEN)), width=8, mappings=YES_NO),
    stat("Web configuration read", "When the one in force was read; in 1970 where there is none.", "dateTimeFromNow",
         f"max(dccd_web_config_last_reload_success_timestamp_seconds{{{I}}}) * 1000", width=8),
    row("Readers of rows and events"),
    graph("Readers", "Answers with rows that are being sent, and open readers of the feed of events.", "short",
          (f"dccd_server_reads_in_progress{{{I}}}", "{{instance}} rows"),
          (f"dccd_server_event_readers{{{I}}}", "{{instance}} events"), width=8),
    graph("Rows read", "Rows of answers that were sent to their end, a second.", "cps",
          (f"rate(dccd_server_rows_read_total{{{I}}}{RATE})", "{{instance}}"), width=8),
    graph("Answers with rows", "Answers with rows, by outcome: the client took no more of one that was cut off.", "short",
          (f"sum by (outcome) (increase(dccd_server_reads_total{{{I}}}{RATE}))", "{{outcome}}"), width=8),
    graph("Events", "Events put on the feed a second, by kind.", "cps",
          (f"sum by (kind) (rate(dccd_server_events_total{{{I}}}{RATE}))", "{{kind}}"), width=8),
    graph("Readers of events that ended", "Readers that did not keep up, and that were refused because there were as many as may be.", "short",
          (f"increase(dccd_server_event_readers_cut_off_total{{{I}}}{RATE})", "{{instance}} cut off"),
          (f"increase(dccd_server_event_readers_refused_total{{{I}}}{RATE})", "{{instance}} refused"), width=8),
    graph("Events missed", "Events that were gone when a reader came back for them.", "short",
          (f"increase(dccd_server_events_missed_total{{{I}}}{RATE})", "{{instance}}"), width=8),
    row("The way of an alert"),
    graph("Notifications", "Notifications of Alertmanager, sent and failed. Runbook: DccdNotificationsFailing.", "cps",
          (f"sum by (integration) (rate(alertmanager_notifications_total{RATE})) > 0", "{{integration}}"),
          (f"sum by (integration) (rate(alertmanager_notifications_failed_total{RATE})) > 0", "{{integration}} failed")),
]

DASHBOARDS = {
    "overview": ("Whether everything that is wanted comes in, is fresh and is complete.", OVERVIEW),
    "rest-backfill": ("Requests, limits and runs, exchange by exchange.", REST),
    "streams": ("Live series, their connections, their lag and their holes.", STREAMS),
    "storage-sync": ("The disk, the journal, files and remotes.", STORAGE),
    "workers-tasks": ("Jobs, tasks, leases and workers.", WORKERS),
    "process": ("The process itself: use of the machine, configuration, logs.", PROCESS),
}

if __name__ == "__main__":
    into = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, (about, rows) in DASHBOARDS.items():
        text = json.dumps(dashboard(name, about, rows), indent=2, ensure_ascii=False) + "\n"
        (into / f"{name}.json").write_text(text, encoding="utf-8")
