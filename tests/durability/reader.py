"""Reads every *.parquet of the folder named on each line of its input as a notebook does, with the engine and in the
manner named on the command line, and prints what it found as one line of JSON: the instants in the order they were read,
the last one, how many rows each hour has, and how often the engine failed before. Knows nothing of how dccd keeps its
files.

By their paths, an engine may open one file more than once and meet two under its name; then it fails and is asked
again. The paths of a snapshot are those of files that are open already, and stay what they are."""

import contextlib
import glob
import json
import os
import sys

import duckdb
import pandas
import polars


@contextlib.contextmanager
def snapshot(folder):
    """As docs/data.md has it."""
    names = sorted(glob.glob(f"{folder}/*.parquet"))
    held = [os.open(name, os.O_RDONLY) for name in reversed(names)]
    try:
        yield [f"/proc/self/fd/{file}" for file in reversed(held)]
    finally:
        for file in held:
            os.close(file)


@contextlib.contextmanager
def paths(folder):
    yield sorted(glob.glob(f"{folder}/*.parquet"))


def by_polars(files):
    rows = polars.scan_parquet(files).select("ts").collect()
    last = rows.tail(1)["ts"].to_physical().to_list()
    hours = None
    if rows["ts"].is_sorted():
        grouped = rows.group_by_dynamic("ts", every="1h").agg(polars.len())
        hours = list(zip(grouped["ts"].to_physical().to_list(), grouped["len"].to_list()))
    return rows["ts"].to_physical().to_list(), last, hours


def by_pandas(files):
    rows = pandas.concat([pandas.read_parquet(file) for file in files])
    last = [int(rows.iloc[-1]["ts"].value // 1000)] if len(rows) else []
    hours = rows.groupby(rows["ts"].dt.floor("h")).size()
    return rows["ts"].astype("int64").tolist(), last, [(hour.value // 1000, n) for hour, n in hours.items()]


def by_duckdb(files):
    database = duckdb.connect()
    database.execute("CREATE TABLE found AS SELECT epoch_us(ts) AS us FROM read_parquet(?)", [files])
    ts = [us for us, in database.execute("SELECT us FROM found").fetchall()]
    last = [us for us, in database.execute("SELECT last(us) FROM found").fetchall() if us is not None]
    hours = """SELECT hour, n FROM (SELECT us - us % 3600000000 AS hour, count(*) OVER hours AS n,
                  row_number() OVER hours AS place FROM found WINDOW hours AS (PARTITION BY us - us % 3600000000))
               WHERE place = 1 ORDER BY hour"""
    return ts, last, database.execute(hours).fetchall()


read = {"polars": by_polars, "pandas": by_pandas, "duckdb": by_duckdb}[sys.argv[1]]
open_files = {"paths": paths, "snapshot": snapshot}[sys.argv[2]]
for line in sys.stdin:
    failed = 0
    while True:
        try:
            with open_files(line.strip()) as files:
                ts, last, hours = read(files)
            break
        except Exception as error:
            if open_files is snapshot or failed == 100:
                raise
            failed += 1
    hours = None if hours is None else [(int(hour), int(rows)) for hour, rows in hours]
    print(json.dumps({"ts": ts, "last": last, "hours": hours, "failed": failed}), flush=True)
