"""Writes docs/performance.md from what the parts of `benches/run.sh` printed: every goal with its bound, then each part whole.

Usage: report.py, or report.py --key for the state of the sources that the parts of a run have in common. A part that was not
run on the present state says so; what it printed before is never shown again.
"""

import hashlib
import os
import pathlib
import platform
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRINTED = ROOT / "target/bench"
PAGE = ROOT / "docs/performance.md"
MEASURED = ("src", "benches", "Cargo.toml", "Cargo.lock")
# What is measured, its command being `benches/run.sh PART`.
PARTS = {
    "decode": "pages of candles into rows and files, and the bound of the bare crates",
    "pages": "pages of every exchange and kind beside `serde_json` into typed tuples",
    "encodings": "codecs and encodings of numbers: speed and size",
    "backfill": "`dccd backfill` from a simulated exchange in another process",
    "commands": "short commands at 1 000 series of three yearly files",
    "daemon": "a daemon with 100 and with 1 000 series: idle, start, page, healthcheck",
    "append": "rows appended to large periods",
    "journal": "rows accepted into the journal, and a full one published after a kill",
    "read": "10 million rows read in the order of time",
    "book_at": "`dccd book --at` in a day of 5 million updates",
    "exposition": "`/metrics` of 10 000 samples",
    "tracker": "claims, completions and counts of tasks",
    "queues": "`/health/v2/queues` beside a million finished tasks",
    "history": "the history of metrics",
    "first_view": "the list of 10 000 series, as a page and from the API",
    "live": "trades from a socket to the journal",
    "live_books": "updates of books into checked books and the journal",
    "thousand": "a thousand pairs of all exchanges at once, a rush of trades, and every connection dropped",
    "deltas": "the same with every update of 100 books stored",
    "build": "a cold release build",
    "limits": "ten million rows of one series, twenty series side by side, a year of a thousand pairs",
    "fleet": "three workers behind addresses of their own beside one",
    "compare": "the same work by the Python dccd 3.8.1, a ccxt loop and cryptofeed",
}
# Work; what of it, the part and the figure that say so, how it is compared, the bound and its unit.
GOALS = [
    ("backfill of 1 M one-minute candles, rows a CPU second", [
        ("beside the Python dccd 3.8.1", "compare", "backfill_to_python", ">=", 30, "times"),
        ("beside a plain ccxt loop", "compare", "backfill_to_ccxt", ">=", 8, "times"),
        ("of the bound by the bare crates in the same run", "backfill", "backfill_share", ">=", 60, "%")]),
    ("its memory and the cost of a row", [
        ("peak", "backfill", "backfill_mib", "<=", 75, "MiB"),
        ("a row at 1 M beside one at 100 000", "backfill", "backfill_row_cost", "<=", 1.2, "times"),
        ("peak of 10 M rows beside that of 1 M", "limits", "ten_million", "<=", 1.05, "times")]),
    ("wall time at an exchange's real limit", [
        ("1 M candles, which fit into one window of the limit, beside no limit", "backfill", "backfill_limited", "<=", 1.15, "times")]),
    ("one candle appended to 500 000, folds included", [
        ("processor time", "append", "append_cpu", "<=", 4, "ms"),
        ("written", "append", "append_written", "<=", 500, "kB")]),
    ("trades from an archive to Parquet", [("no archive is read yet", None, None, "", None, "")]),
    ("trades from a socket to the journal", [
        ("of `tokio-tungstenite` + `serde_json`, the lowest", "live", "trades_share", ">=", 40, "%"),
        ("a CPU second, the lowest", "live", "trades_rate", ">=", 0.4, "M"),
        ("beside the Python dccd 3.8.1", "compare", "trades_to_python", ">=", 35, "times")]),
    ("updates of a book into a checked book and the journal", [
        ("a CPU second, the lowest", "live_books", "books_rate", ">=", 0.15, "M"),
        ("beside cryptofeed, which stores nothing", "compare", "books_to_cryptofeed", ">=", 8, "times")]),
    ("receipt to accepted, a thousand pairs, 20 000 messages/s", [
        ("99 in 100", "thousand", "accepted", "<=", 100, "ms"),
        ("99 in 100, every update of 100 books stored", "deltas", "accepted", "<=", 100, "ms"),
        ("the slowest scrape of `/metrics`", "thousand", "thousand_scrape", "<=", 100, "ms"),
        ("all live after a cold start", "thousand", "thousand_live", "<=", 300, "s"),
        ("all live after every connection was dropped", "thousand", "thousand_again", "<=", 300, "s")]),
    ("memory", [
        ("one pair as fast as it is read", "live", "live_mib", "<=", 100, "MiB"),
        ("a thousand pairs", "thousand", "thousand_mib", "<=", 512, "MiB"),
        ("a thousand pairs, every update of 100 books stored", "deltas", "thousand_mib", "<=", 512, "MiB"),
        ("a thousand pairs, the last part beside the one before", "thousand", "thousand_growth", "<=", 1.05, "times"),
        ("a minute after a rush beside before it", "thousand", "rush_left", "<=", 1.1, "times"),
        ("idle with 100 series", "daemon", "idle_mib", "<=", 32, "MiB")]),
    ("`/metrics` of 10 000 samples", [("as text, median", "exposition", "metrics", "<=", 50, "ms")]),
    ("short commands", [
        ("`--help`", "commands", "help", "<=", 20, "ms"),
        ("`validate`", "commands", "validate", "<=", 20, "ms"),
        ("`status`", "commands", "status", "<=", 20, "ms"),
        ("`inventory` of 1 000 series of 3 years", "commands", "inventory", "<=", 200, "ms"),
        ("`healthcheck`", "daemon", "healthcheck", "<=", 20, "ms"),
        ("its memory", "daemon", "healthcheck_mib", "<=", 12, "MiB")]),
    ("start with 1 000 series of 3 years", [("until ready", "daemon", "ready", "<=", 1000, "ms")]),
    ("the page with 1 000 series", [
        ("its first view", "daemon", "page", "<=", 100, "ms"),
        ("the size of that", "daemon", "page_size", "<=", 300, "kB")]),
    ("the list of 10 000 series", [("the slowest view at rest", "first_view", "views", "<=", 200, "ms")]),
    ("10 % faults and an outage; one untrue answer anywhere in a walk",
        [("`make test` holds it: `tests/runs`, `tests/untrue`", None, None, "", None, "")]),
    ("cold release build on two cores", [("wall time", "build", "build", "<=", 7, "min")]),
]


BEYOND_THE_BOUND = (
    "beyond the bound come the kernel (answers received, files written and synced), the digest of each file, the journal, and the file of a year, "
    "which is written again as it grows."
)
# What is known of why a goal is missed, shown where it is.
WHY = {
    ("compare", "backfill_to_python"): BEYOND_THE_BOUND,
    ("compare", "backfill_to_ccxt"): BEYOND_THE_BOUND,
    ("backfill", "backfill_share"): BEYOND_THE_BOUND,
    ("limits", "ten_million"): "the peak is the highest of ten times as many publishes; what is resident between them is the same.",
    ("compare", "books_to_cryptofeed"): "the checks and the journal have no counterpart there; the part `live_books` says what the journal takes.",
    ("daemon", "idle_mib"): "the part `daemon` says how much of it are pages of the program file, of which the system maps those around each page in "
                            "use; they are shared, and given back where memory is short.",
    ("daemon", "healthcheck_mib"): "most of it is pages of the program file and of the C library, and the tables of addresses that the "
                                   "loader fills in before the program begins.",
}


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def key():
    """The last commit that changed what is measured, and a digest of what is not committed of that."""
    commit = output("git", "log", "-1", "--abbrev=12", "--format=%h", "--", *MEASURED)
    changed = output("git", "diff", "HEAD", "--", *MEASURED)
    return f"{commit} and changes {hashlib.sha256(changed.encode()).hexdigest()[:8]}" if changed else commit


def printed(part):
    """The first line and the rest of what a part printed on the present state; `None` if it was not run on it."""
    path = PRINTED / f"{part}.txt"
    head, _, rest = path.read_text().partition("\n") if path.exists() else ("", "", "")
    return (head, rest) if head.startswith(f"{key()}; ") else None


def figures(parts):
    found = {}
    for part, own in parts.items():
        for name, value in re.findall(r"^figure (\S+) (\S+)", own[1] if own else "", re.M):
            found[part, name] = float(value)
    return found


def goal(work, row, parts, found):
    """A line of the table of goals."""
    what, part, name, sign, bound, unit = row
    if part is None:
        return f"| {work} | {what} | | | |"
    bound_words = f"{'at least' if sign == '>=' else 'at most'} {bound:g} {unit}"
    value = found.get((part, name))
    if value is None:
        why = "not run" if parts[part] is None else "not measured"
        return f"| {work} | {what} | {bound_words} | {why} (`{part}`) | |"
    is_held = value >= bound if sign == ">=" else value <= bound
    off = abs(value - bound) / bound * 100
    return f"| {work} | {what} | {bound_words} | {value:g} {unit} | {'yes' if is_held else f'**no**, {off:.0f} % off'} |"


def misses(found):
    """For each goal that is missed what is known of why."""
    lines = []
    for work, rows in GOALS:
        for what, part, name, sign, bound, _ in rows:
            value = found.get((part, name))
            if value is not None and not (value >= bound if sign == ">=" else value <= bound):
                lines.append(f"* {work}, {what}: {WHY.get((part, name), 'why is not known.')}")
    return ["", "Missed:", "", *lines] if lines else []


def machine():
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = int(re.search(r"^MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M).group(1)) / 2**20
    return f"{os.cpu_count()} cores of {model.group(1) if model else platform.machine()}, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def section(part, own):
    title = f"### {part}\n\n{PARTS[part][0].upper()}{PARTS[part][1:]}: `benches/run.sh {part}`. "
    if own is None:
        return title + "Not run on this commit.\n"
    head, rest = own
    lines = [line.rstrip() for line in rest.splitlines() if not line.startswith("figure ")]
    return title + head.split("; ", 1)[1] + ".\n\n```text\n" + "\n".join(lines).strip("\n") + "\n```\n"


def page():
    parts = {part: printed(part) for part in PARTS}
    found, ran = figures(parts), any(parts.values())
    lines = ["# Performance", "",
             "Written by `make bench`; nobody edits it. [benches/README.md](../benches/README.md) says what each part measures and how. The",
             "same figure moves by 10 to 40 % from one quarter of an hour to the next on a shared machine: only ratios of one run say something.", ""]
    lines.append(f"Commit {key()}, {machine()}, {output('rustc', '--version')}." if ran else "No part was run on this commit yet.")
    lines += ["", "## Goals", "", "| work | figure | goal | measured | held |", "|---|---|---|---|---|"]
    for work, rows in GOALS:
        lines += [goal(work if not at else "", row, parts, found) for at, row in enumerate(rows)]
    lines += [*misses(found), "", *figure_table(parts), "## Parts", ""]
    return "\n".join(lines) + "\n" + "\n".join(section(part, own) for part, own in parts.items())


def figure_table(parts):
    """Every figure, which README takes its own from."""
    rows = [f"| {part} | {name} | {value} {unit} |" for part, own in parts.items() if own
            for name, value, unit in re.findall(r"^figure (\S+) (\S+) (.*)$", own[1], re.M)]
    return ["## Figures", "", "| part | figure | value |", "|---|---|---|", *rows, ""] if rows else []


def main():
    if sys.argv[1:] == ["--key"]:
        return print(key())
    PAGE.write_text(page())
    print(f"{PAGE.relative_to(ROOT)} is written")


if __name__ == "__main__":
    main()
