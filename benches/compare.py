"""dccd beside the Python dccd 3.8.1, a plain ccxt loop and cryptofeed, from PyPI: the same backfill, the same commands on the same
tree, trades of one pair from a socket, and updates of a book.

They are installed into a virtual environment of their own under target/. Not for CI: it takes minutes.
"""

import argparse
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from backfill import BEGIN, backfill
from commands import COMMANDS, SERIES, tree, wall_ms
from common import DCCD, ROOT, figure, middle, run, simulated_exchange

HERE = pathlib.Path(__file__).resolve().parent
VENV = ROOT / "target/bench-venv"


PACKAGES = ["dccd[daemon]==3.8.1", "ccxt==4.5.90", "cryptofeed==2.4.1", "polars"]
# Their names, the program that does the same work, and the figure that says how they compare.
PEERS = [("Python dccd 3.8.1", "reference.py", "backfill_to_python"), ("ccxt loop", "reference_ccxt.py", "backfill_to_ccxt")]


def install():
    wanted, held = "\n".join(PACKAGES), VENV / "packages.txt"
    if not held.exists() or held.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        subprocess.run([VENV / "bin/pip", "install", "-q", *PACKAGES], check=True)
        held.write_text(wanted)


def peer(program, url, begin, rows):
    """What the same work costs by another program."""
    with tempfile.TemporaryDirectory() as folder:
        words = [rows] if url is None else [url, folder, *([] if begin is None else [begin]), rows]
        done = run([VENV / "bin/python", HERE / program, *words], timeout=600)
    line = json.loads(done.output.strip().splitlines()[-1])
    if line["rows"] != rows:
        raise SystemExit(f"{program} stored {line['rows']} of {rows} rows: {line['error']}")
    return line


def compare_backfill(rows, runs):
    ours, theirs = [], {program: [] for _, program, _ in PEERS}
    with simulated_exchange() as url:
        for _ in range(runs):
            ours.append(backfill(url, rows))
            for program, lines in theirs.items():
                lines.append(peer(program, url, BEGIN, rows))
    own = middle([cost.cpu for cost in ours])
    print(f"backfill of {rows:,} candles, median of {runs}: CPU seconds, rows a CPU second, peak MiB")
    print(f"  {'dccd':20} {own:8.2f} {rows / own:12,.0f} {max(cost.peak_mib for cost in ours):6.0f}")
    for name, program, compared in PEERS:
        cpu, peak = middle([line["cpu"] for line in theirs[program]]), max(line["peak_mib"] for line in theirs[program])
        print(f"  {name:20} {cpu:8.2f} {rows / cpu:12,.0f} {peak:6.0f}   {cpu / own:.1f} times the CPU seconds of dccd")
        figure(compared, cpu / own, "times")
        figure(f"cpu_of_{program.removesuffix('.py')}", cpu, "s")
        figure(f"mib_of_{program.removesuffix('.py')}", peak, "MiB")
    figure("cpu", own, "s")
    figure("mib", max(cost.peak_mib for cost in ours), "MiB")


@contextlib.contextmanager
def served(count):
    """A server of so many trades to each client, in a process of its own; gives its address."""
    command = [sys.executable, str(HERE / "frames.py"), str(count)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield f"ws://127.0.0.1:{child.stdout.readline().strip()}/"
    finally:
        child.kill()
        child.wait()


def compare_trades(count, runs):
    """Trades of one pair from a socket into the store, beside our own from a socket to the journal."""
    theirs = []
    with served(count) as url:
        for _ in range(runs):
            theirs.append(peer("reference_trades.py", url, None, count))
    own = 1e6 * float(own_row("live", ["journal"], "binance spot")[0])
    other = count / middle([line["cpu"] for line in theirs])
    peak = max(line["peak_mib"] for line in theirs)
    print(f"{count:,} trades from a socket, a CPU second (median of {runs}): dccd into the journal {own:,.0f}, "
          f"Python dccd 3.8.1 into files {other:,.0f} (peak {peak:.0f} MiB), {own / other:.0f} times")
    figure("trades_to_python", own / other, "times")


def own_row(bench, words, row):
    """The figures of a row that a benchmark of ours prints."""
    printed = run(["cargo", "bench", "-q", "--manifest-path", ROOT / "Cargo.toml", "--bench", bench, "--", *words]).output
    return re.search(rf"^{row} +(.*)$", printed, re.M).group(1).split()


def compare_books(count, runs):
    """Updates of ten levels of a book, neither side from a socket: ours checked and journalled, theirs in memory alone."""
    theirs = [peer("reference_books.py", None, None, count) for _ in range(runs)]
    own = 1e6 * float(own_row("live_books", [], "binance/BTC-USDT/orderbook")[-1])
    other = count / middle([line["cpu"] for line in theirs])
    print(f"{count:,} updates of a book, a CPU second (median of {runs}): dccd checked and into the journal {own:,.0f}, "
          f"cryptofeed in memory {other:,.0f}, {own / other:.1f} times")
    figure("books_to_cryptofeed", own / other, "times")


def compare_commands():
    with tree() as own, tempfile.TemporaryDirectory() as other:
        run([VENV / "bin/python", HERE / "reference_tree.py", other, SERIES])
        print(f"commands at {SERIES:,} series of 3 files, wall ms:  dccd   Python dccd 3.8.1")
        for name in COMMANDS:
            ours, _ = wall_ms(DCCD, name, own, 20)
            theirs, _ = wall_ms(VENV / "bin/dccd", name, other, 5)
            print(f"  {name:10} {ours:41.1f} {theirs:10.0f}   {theirs / ours:.0f} times")
            figure(name.strip("-"), ours, "ms")
            figure(f"{name.strip('-')}_of_reference", theirs, "ms")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--trades", type=int, default=200_000)
    options.add_argument("--updates", type=int, default=100_000)
    options.add_argument("--only", choices=["backfill", "commands", "trades", "books"])
    chosen = options.parse_args()
    install()
    if chosen.only in (None, "backfill"):
        compare_backfill(chosen.rows, chosen.runs)
    if chosen.only in (None, "commands"):
        compare_commands()
    if chosen.only in (None, "trades"):
        compare_trades(chosen.trades, chosen.runs)
    if chosen.only in (None, "books"):
        compare_books(chosen.updates, chosen.runs)


if __name__ == "__main__":
    main()
