"""What the page shows, the API answers and the command line prints: the same, for the same state."""

import re
from datetime import datetime

from browser import Watched, browser, dccd, get, segment, states, until

DAILY = "binance/BTC-USDT/ohlc/1d"
FAILING = "binance/NONE-USDT/ohlc/1d"


def leaves(tree):
    """Every value of an answer."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree


def lists(tree):
    """Every list and mapping of an answer."""
    if isinstance(tree, (dict, list)):
        yield tree
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from lists(value)


def numbers(answers):
    """The numbers of answers, how many things each list has, and the sums of mappings of counts."""
    known = {float(leaf) for leaf in leaves(answers) if isinstance(leaf, (int, float)) and not isinstance(leaf, bool)}
    for own in lists(answers):
        known.add(float(len(own)))
        if isinstance(own, dict) and own and all(type(value) is int for value in own.values()):
            known.add(float(sum(own.values())))
    for own in lists(answers):
        if isinstance(own, list) and own and all(isinstance(value, dict) for value in own):
            for key in own[0]:
                values = [value.get(key) for value in own]
                if all(type(value) is int for value in values):
                    known.add(float(sum(values)))
    return known


def instants(answers):
    """The instants of answers."""
    return {leaf for leaf in leaves(answers) if isinstance(leaf, str) and re.match(r"\d{4}-\d\d-\d\dT", leaf)}


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def grouped(value):
    return f"{int(value):,}"


def check(page, path, questions):
    """Every number and instant of a page is one of the answers to these questions, taken at the same moment."""

    def is_same():
        before = [get(question) for question in questions]
        page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + path, wait_until="load")
        shown = page.locator("main data[value]").evaluate_all("all => all.map(own => [own.value, own.textContent])")
        times = page.locator("main time[datetime]").evaluate_all("all => all.map(own => own.dateTime)")
        after = [get(question) for question in questions]
        answers = before + after
        known, whens = numbers(answers), instants(answers)
        # Some instants are seconds since 1970 in the API.
        whens.update(own for own in times if any(abs(seconds(own) - one) < 1e-5 for one in known))
        # Between two of its rounds the daemon may have measured anew.
        foreign = [own for own in shown if float(own[0]) not in known] + [own for own in times if own not in whens]
        is_same.foreign, is_same.count = foreign, (len(shown), len(times))
        return not foreign

    try:
        until(path, is_same, 15)
    except AssertionError as error:
        raise AssertionError(f"{path}: not of the API: {is_same.foreign}") from error
    shown = page.locator("main data[value]").evaluate_all("all => all.map(own => [own.value, own.textContent])")
    for value, text in shown:
        if re.fullmatch(r"[\d,]+", text):
            assert text == grouped(float(value)), (path, value, text)
    assert sum(is_same.count) > 0, f"{path} shows nothing"
    print(f"{path}: {is_same.count[0]} numbers, {is_same.count[1]} instants")


def cells(page, region):
    """The rows of a table, each a mapping from the names of its columns to the text of its cells."""
    return page.locator(f"{region} table").first.evaluate(
        """table => {
        return [...table.querySelectorAll('tbody tr:not(.note)')].map(row =>
            Object.fromEntries([...row.children].map(cell => [cell.dataset.label ?? 'name',
                cell.querySelector('data')?.value ?? cell.textContent.trim()])));
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
    check(page, "/", ["/api/v1/overview"])
    check(page, "/series", ["/api/v1/series"])
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
    )
    check(page, "/jobs", ["/api/v1/jobs"])
    check(page, f"/jobs/{segment(FAILING)}", [f"/api/v1/jobs/{segment(FAILING)}"])
    check(page, "/runs", ["/api/v1/runs"])
    check(page, "/streams", ["/api/v1/streams"])
    check(page, "/storage", ["/health"])
    check(page, "/workers", ["/health/v2/queues"])
    check(page, "/history?prefix=rows", ["/api/v1/metrics?prefix=rows"])
    check(page, "/history?prefix=exchange", ["/api/v1/metrics?prefix=exchange"])

    # The command line, for what rests.
    page = own.open("/series")
    shown = {row["name"]: row for row in cells(page, "#series")}
    for line in dccd("inventory", "--json"):
        row = shown.get(line["series"])
        if line["series"].endswith("/trades"):
            continue
        assert int(row["Rows"]) == line["rows"] and int(row["Size"]) == line["bytes"], (row, line)
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
