"""Reads stored series with polars, pandas and DuckDB and compares them with what was written.

Called by readers.rs with one argument: a JSON file that lists series with their files and their rows.
Prints one line a series, and ends with an error at the first difference.

With a folder and a page of the documentation behind it, the file lists books that `dccd book` printed, which the lines
on the page rebuild from the folder.
"""

import glob
import json
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pandas
import polars

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

POLARS = {
    "time": polars.Datetime("us", "UTC"),
    "int64": polars.Int64,
    "int32": polars.Int32,
    "float64": polars.Float64,
    "bool": polars.Boolean,
    "text": polars.String,
}
DUCKDB = {
    "time": "TIMESTAMP WITH TIME ZONE",
    "int64": "BIGINT",
    "int32": "INTEGER",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "text": "VARCHAR",
}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        written = json.load(file)
    if len(sys.argv) > 2:
        check_books(written, sys.argv[2], Path(sys.argv[3]).read_text(encoding="utf-8"))
        return
    database = duckdb.connect()
    database.execute("SET TimeZone = 'Asia/Tokyo'")  # an instant is the same wherever it is read
    for series in written:
        check(series, database)
        rows = len(series["columns"][0]["values"])
        print(f"{series['series']} {rows} rows in {len(series['files'])} files")


def check_books(books: list, folder: str, page: str) -> None:
    """The lines on the page rebuild each book as it was printed."""
    lines = [block for block in re.findall(r"```python\n(.*?)```", page, re.S) if "def book(" in block]
    equal(len(lines), 1, "blocks that rebuild a book")
    names: dict = {}
    exec(lines[0], names)  # the documentation's own words are what is tested
    for book in books:
        bids, asks = names["book"](folder, datetime.fromisoformat(book["at"].replace("Z", "+00:00")))
        for side, frame in (("bids", bids), ("asks", asks)):
            expected = [(level["price"], level["amount"], level["count"]) for level in book[side]]
            assert expected, f"{side} at {book['at']} prove nothing"
            equal(frame.select("price", "amount", "count").rows(), expected, f"{side} at {book['at']}")
    print(f"{len(books)} books")


def check(series: dict, database: duckdb.DuckDBPyConnection) -> None:
    pattern = str(Path(series["folder"]) / "*.parquet")
    names = [Path(path).name for path in sorted(glob.glob(pattern))]
    equal(names, series["files"], f"the files of {series['series']} in name order")

    columns = {column["name"]: column["type"] for column in series["columns"]}
    rows = list(zip(*(values(column) for column in series["columns"]), strict=True))

    check_whole(series, pattern, columns, rows, database)
    check_time(series, pattern, columns, rows, database)
    check_each_file(series, columns, rows, database)
    check_filter(series, pattern, columns, rows, database)


def check_whole(series: dict, pattern: str, columns: dict, rows: list, database) -> None:
    """All files at once come in name order, with the types and the rows that were written."""
    what = series["series"]
    frame = polars.read_parquet(pattern)
    equal(dict(frame.schema), {name: POLARS[kind] for name, kind in columns.items()}, f"{what}: polars types")
    equal(frame.rows(), rows, f"{what}: polars rows")

    relation = database.sql(f"SELECT * FROM read_parquet('{pattern}')")
    types = [str(kind) for kind in relation.types]
    equal(relation.columns, list(columns), f"{what}: DuckDB columns")
    equal(types, [DUCKDB[kind] for kind in columns.values()], f"{what}: DuckDB types")
    equal(utc(relation.fetchall()), rows, f"{what}: DuckDB rows")

    # The folder with its ledger in it, as pandas' users name it.
    check_pandas(series["folder"], columns, rows, f"{what}: pandas")


def check_time(series: dict, pattern: str, columns: dict, rows: list, database) -> None:
    """Files in the order of names are in time order: what assumes that needs no sort."""
    what, ts = series["series"], list(columns).index("ts")
    assert [row[ts] for row in rows] == sorted(row[ts] for row in rows), f"{what}: the test's own rows"
    hours: dict = {}
    for row in rows:
        hour = row[ts].replace(minute=0, second=0, microsecond=0)
        hours[hour] = hours.get(hour, 0) + 1

    lazy = polars.scan_parquet(pattern)
    equal(lazy.tail(3).collect().rows(), rows[-3:], f"{what}: polars tail")
    grouped = lazy.collect().group_by_dynamic("ts", every="1h").agg(polars.len())
    equal(grouped.rows(), list(hours.items()), f"{what}: polars group_by_dynamic")

    newest = pandas.read_parquet(series["folder"], engine="pyarrow").iloc[-1]["ts"]
    equal(newest.to_pydatetime(), rows[-1][ts], f"{what}: pandas iloc[-1]")

    query = f"SELECT last(ts ORDER BY ts), max(ts) FROM '{pattern}'"
    equal(utc(database.execute(query).fetchall()), [(rows[-1][ts], rows[-1][ts])], f"{what}: DuckDB last")
    query = f"""SELECT count(*), count(*) FILTER (before > ts), count(*) FILTER (before IS NULL)
                FROM (SELECT ts, lag(ts) OVER () AS before FROM '{pattern}')"""
    equal(database.execute(query).fetchall(), [(len(rows), 0, 1)], f"{what}: DuckDB lag in the order of rows")


def check_each_file(series: dict, columns: dict, rows: list, database) -> None:
    """Each file alone holds the rows of its period, and together they hold all."""
    ts = list(columns).index("ts")
    left = rows
    for name in series["files"]:
        period = name.removesuffix(".parquet").removesuffix("_open")
        path = str(Path(series["folder"]) / name)
        own = left[: polars.read_parquet(path).height]
        left = left[len(own) :]
        is_open = name.endswith("_open.parquet")
        assert own or is_open, f"{path}: a fold leaves an open file empty, and no other"
        assert all(row[ts].isoformat().startswith(period) for row in own), f"{path}: rows of its period"
        equal(polars.read_parquet(path).rows(), own, f"{path}: polars")
        equal(utc(database.sql(f"SELECT * FROM '{path}'").fetchall()), own, f"{path}: DuckDB")
        check_pandas(path, columns, own, f"{path}: pandas")
    equal(left, [], f"{series['series']}: rows in no file")
    heights = [polars.read_parquet(path).height for path in Path(series["folder"]).glob("*_open.parquet")]
    assert not heights or any(heights), f"{series['series']}: no open file has rows"


def check_filter(series: dict, pattern: str, columns: dict, rows: list, database) -> None:
    """A stretch of time over the border of two files is found, no row more and no row less."""
    ts = list(columns).index("ts")
    since, until = rows[len(rows) // 5][ts], rows[len(rows) * 4 // 5][ts]
    expected = [row for row in rows if since <= row[ts] < until]
    assert 0 < len(expected) < len(rows), f"{series['series']}: the filter proves nothing"

    lazy = polars.scan_parquet(pattern).filter((polars.col("ts") >= since) & (polars.col("ts") < until))
    equal(lazy.collect().rows(), expected, f"{series['series']}: polars with a filter")
    query = f"SELECT * FROM read_parquet('{pattern}') WHERE ts >= ? AND ts < ?"
    found = database.execute(query, [since, until]).fetchall()
    equal(utc(found), expected, f"{series['series']}: DuckDB with a filter")
    written_out = f"SELECT count(*) FROM '{pattern}' WHERE ts < TIMESTAMPTZ '{until.isoformat()}'"
    before = sum(row[ts] < until for row in rows)
    equal(database.execute(written_out).fetchall(), [(before,)], f"{series['series']}: DuckDB count")


def check_pandas(path: str, columns: dict, rows: list, what: str) -> None:
    """Instants and nulls as everyone reads them; values with Arrow's types, as pandas' own turn whole
    numbers with nulls into floats."""
    usual = pandas.read_parquet(path, engine="pyarrow")
    exact = pandas.read_parquet(path, engine="pyarrow", dtype_backend="pyarrow")
    equal(list(usual.columns), list(columns), f"{what}: columns")
    for index, (name, kind) in enumerate(columns.items()):
        expected = [row[index] for row in rows]
        if kind == "time":
            equal(str(usual[name].dtype), "datetime64[us, UTC]", f"{what}: type of {name}")
        is_null = [value is None for value in expected]
        equal(usual[name].isna().tolist(), is_null, f"{what}: nulls of {name}")
        found = [None if null else plain(value) for value, null in zip(exact[name], is_null, strict=True)]
        equal(found, expected, f"{what}: {name}")


def plain(value):
    """A value of pandas as Python's own."""
    if isinstance(value, pandas.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def values(column: dict) -> list:
    if column["type"] != "time":
        return column["values"]
    return [None if micros is None else EPOCH + timedelta(microseconds=micros) for micros in column["values"]]


def utc(rows: list) -> list:
    """DuckDB gives instants in the zone of the session; they must have a zone to be instants."""
    return [tuple(in_utc(value) for value in row) for row in rows]


def in_utc(value):
    if isinstance(value, datetime):
        assert value.tzinfo is not None, f"{value} has no time zone"
        return value.astimezone(timezone.utc)
    return value


def equal(found, expected, what: str) -> None:
    if found == expected:
        return
    if isinstance(found, list) and isinstance(expected, list):
        for index, (one, other) in enumerate(zip(found, expected)):
            if one != other:
                raise SystemExit(f"{what}: item {index} is {one!r} instead of {other!r}")
        raise SystemExit(f"{what}: {len(found)} items instead of {len(expected)}")
    raise SystemExit(f"{what}: {found!r} instead of {expected!r}")


if __name__ == "__main__":
    main()
