"""What the page shows, the API answers and the command line prints: the same, for the same state."""

import re

import meaning
from browser import URL, Watched, browser, dccd, get, segment, states, until
from meaning import PLACES, same

DAILY = "binance/BTC-USDT/ohlc/1d"
FAILING = "binance/NONE-USDT/ohlc/1d"


def grouped(value):
    return f"{int(value):,}"


def check(page, path, questions, meaning):
    """Every figure of a page is the field of the API that its place is for, at the moment that is shown."""

    def is_same():
        before = meaning(*[get(question) for question in questions])
        page.goto(URL + path, wait_until="load")
        shown = page.evaluate(PLACES)
        after = meaning(*[get(question) for question in questions])
        # Between two of its rounds the daemon may have measured anew.
        wrong = [
            (place, value, before.get(place), after.get(place))
            for place, value, _ in shown
            if not same(value, before.get(place)) and not same(value, after.get(place))
        ]
        is_same.wrong, is_same.shown = wrong, shown
        return not wrong

    try:
        until(path, is_same, 15)
    except AssertionError as error:
        raise AssertionError(f"{path}: another figure than the API's: {is_same.wrong}") from error
    for place, value, text in is_same.shown:
        if "T" not in value and re.fullmatch(r"[\d,]+", text):
            assert text == grouped(float(value)), (path, place, value, text)
    assert is_same.shown, f"{path} shows nothing"
    assert len({place for place, *_ in is_same.shown}) == len(is_same.shown), f"{path}: two figures in one place"
    print(f"{path}: {len(is_same.shown)} figures")


def cells(page, region):
    """The rows of a table, each a mapping from the names of its columns to the text of its cells."""
    return page.locator(f"{region} table").first.evaluate(
        """table => {
        return [...table.querySelectorAll('tbody tr:not(.note)')].map(row =>
            Object.fromEntries([...row.children].map(cell => [cell.dataset.label ?? 'name',
                cell.querySelector('data')?.value ?? cell.querySelector('time')?.dateTime ?? cell.textContent.trim()])));
        }"""
    )


def settled():
    known = states()
    live = get("/api/v1/streams")["states"]["live"] == 1
    return known.get(DAILY) == "ok" and known.get(FAILING) == "failing" and live


with browser() as chromium:
    until("a good run and a failure", settled)
    own = Watched(chromium, scripts=False)
    page = own.open("/")
    one = f"/api/v1/series/{segment(DAILY)}"
    check(page, "/", ["/api/v1/overview"], meaning.overview)
    check(page, "/series", ["/api/v1/series"], meaning.series)
    own.open(f"/series/{segment(DAILY)}")
    rows = page.locator("#candles").get_attribute("data-from")
    check(
        page,
        f"/series/{segment(DAILY)}",
        [
            one,
            rows,
            f"{one}/gaps?limit=25",
            f"{one}/coverage?windows=600",
            f"{one}/files?limit=25",
            f"/api/v1/runs?limit=10&series={segment(DAILY)}",
        ],
        meaning.one_series,
    )
    check(page, "/jobs", ["/api/v1/jobs"], meaning.jobs)
    check(page, f"/jobs/{segment(FAILING)}", [f"/api/v1/jobs/{segment(FAILING)}"], meaning.job)
    check(page, "/runs", ["/api/v1/runs"], meaning.runs)
    check(page, "/streams", ["/api/v1/streams"], meaning.streams)
    check(page, "/storage", ["/health"], meaning.storage)
    check(page, "/workers", ["/health/v2/queues"], meaning.workers)
    check(page, "/history?prefix=rows", ["/api/v1/metrics?prefix=rows"], meaning.history)
    check(page, "/history?prefix=exchange", ["/api/v1/metrics?prefix=exchange"], meaning.history)

    # The command line, for what rests: the same fields in the same cells.
    page = own.open("/series")
    shown = {row["name"]: row for row in cells(page, "#series")}
    status = {line["series"]: line for line in dccd("status", "--wide", "--json")}
    compared = 0
    for line in dccd("inventory", "--json"):
        if line["series"].endswith("/trades"):
            continue
        compared += 1
        row, ran = shown[line["series"]], status[line["series"]]
        for label, field in {"Rows": "rows", "Size": "bytes", "Gaps": "gaps"}.items():
            assert int(row[label]) == line[field], (label, row, line)
        assert same(row["Newest row"], line["to"]), (row, line)
        assert same(row["Last run"], ran["last_run_at"]), (row, ran)
    assert compared == 2, shown
    page = own.open("/jobs?kind=job")
    listed = {line["id"]: line for line in dccd("jobs", "ls", "--json")}
    rows = cells(page, "#jobs")
    assert len(rows) == 3, rows
    for row in rows:
        line = listed[row["name"]]
        assert row["State"] == line["status"].replace("_", " "), (row, line)
        assert int(row["Attempts"]) == line["attempts"], (row, line)
    page = own.open(f"/jobs/{segment(FAILING)}")
    attempts = dccd("jobs", "show", FAILING, "--json")
    assert attempts["attempts_kept"][-1]["error"] in page.locator("#attempts").inner_text()
    page = own.open("/history?prefix=rows%3Awritten&resolution=1d")
    points = dccd("history", "rows:written", "--resolution", "1d", "--json")["metrics"][0]["points"]
    figures = cells(page, "#figures")
    assert len(figures) == len(points) >= 1

    def has_the_points():
        own.open("/history?prefix=rows%3Awritten&resolution=1d")
        points = dccd("history", "rows:written", "--resolution", "1d", "--json")["metrics"][0]["points"]
        return [float(row["Value"]) for row in cells(page, "#figures")] == [one["value"] for one in points[::-1]]

    until("the points of the command line", has_the_points)
    page = own.open("/configuration")
    verdict = dccd("validate", "--json")
    assert verdict["valid"] and verdict["config"] in page.locator("#file").inner_text()
    for note in verdict["notes"]:
        assert note in page.locator("#file").inner_text()
    page = own.open("/logs?limit=50")
    lines = [line["text"] for line in get("/api/v1/logs?limit=50")["lines"]]
    told = page.locator("#lines li").all_inner_texts()
    assert sum(line in told for line in lines) >= len(lines) - 10, "the log is that of the API"
    own.blameless("numbers")
