"""dccd beside the Python dccd 3.8.1 from PyPI: the same backfill, and the same commands on the same tree.

The Python dccd is installed into a virtual environment of its own under target/. Not for CI: it takes minutes.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from backfill import BEGIN, backfill
from commands import COMMANDS, SERIES, tree, wall_ms
from common import DCCD, ROOT, middle, run, simulated_exchange

HERE = pathlib.Path(__file__).resolve().parent
VENV = ROOT / "target/bench-venv"


def install():
    if not (VENV / "bin/dccd").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin/pip", "install", "-q", "dccd[daemon]==3.8.1"], check=True)


def compare_backfill(rows, runs):
    ours, theirs = [], []
    with simulated_exchange() as url:
        for _ in range(runs):
            ours.append(backfill(url, rows))
            with tempfile.TemporaryDirectory() as folder:
                done = run([VENV / "bin/python", HERE / "reference.py", url, folder, BEGIN, rows], timeout=600)
            line = json.loads(done.output.strip().splitlines()[-1])
            if line["rows"] != rows:
                raise SystemExit(f"the Python dccd stored {line['rows']} of {rows} rows: {line['error']}")
            theirs.append(line)
    cpu = middle([cost.cpu for cost in ours]), middle([line["cpu"] for line in theirs])
    peak = max(cost.peak_mib for cost in ours), max(line["peak_mib"] for line in theirs)
    print(f"backfill of {rows:,} candles, median of {runs}:        dccd     Python dccd 3.8.1")
    print(f"  CPU seconds                     {cpu[0]:12.2f} {cpu[1]:12.2f}")
    print(f"  rows per CPU second             {rows / cpu[0]:12,.0f} {rows / cpu[1]:12,.0f}   {cpu[1] / cpu[0]:.0f} times (goal: 30)")
    print(f"  peak memory, MiB                {peak[0]:12.0f} {peak[1]:12.0f}")


def compare_commands():
    with tree() as own, tempfile.TemporaryDirectory() as other:
        run([VENV / "bin/python", HERE / "reference_tree.py", other, SERIES])
        print(f"commands at {SERIES:,} series of 3 files, wall ms:  dccd   Python dccd 3.8.1")
        for name in COMMANDS:
            ours, _ = wall_ms(DCCD, name, own, 20)
            theirs, _ = wall_ms(VENV / "bin/dccd", name, other, 5)
            print(f"  {name:10} {ours:41.1f} {theirs:10.0f}   {theirs / ours:.0f} times")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--only", choices=["backfill", "commands"])
    chosen = options.parse_args()
    install()
    if chosen.only != "commands":
        compare_backfill(chosen.rows, chosen.runs)
    if chosen.only != "backfill":
        compare_commands()


if __name__ == "__main__":
    main()
