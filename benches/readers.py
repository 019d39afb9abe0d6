"""Tries readers on the files `encodings` left in a folder: all must give the same sum of every number.

Needs polars, pyarrow, pandas and duckdb. Usage: readers.py FOLDER.
"""

import math
import pathlib
import sys
import time

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet

READERS = {
    f"polars {polars.__version__}": lambda path, name: polars.read_parquet(path)[name].to_list(),
    f"pyarrow {pyarrow.__version__}": lambda path, name: pyarrow.parquet.read_table(path)[name].to_pylist(),
    f"pandas {pandas.__version__}": lambda path, name: pandas.read_parquet(path)[name].tolist(),
    f"duckdb {duckdb.__version__}": lambda path, name: [
        value for (value,) in duckdb.sql(f"select {name} from read_parquet('{path}')").fetchall()
    ],
}


def main():
    sums = {}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.parquet")):
        kind = " ".join(path.stem.split("_")[:2])
        name = "close" if kind.startswith("candles") else "price"
        told = []
        for reader, read in READERS.items():
            began = time.process_time()
            try:
                total = math.fsum(read(path, name))
            except Exception as error:  # a reader that cannot is a finding, not an end
                told.append(f"{reader} cannot: {error}")
                continue
            took = time.process_time() - began
            same = sums.setdefault(kind, total) == total
            told.append(f"{reader} {'ok' if same else 'WRONG'} {took:.2f} s")
        print(f"{path.stem}: " + "; ".join(told))


if __name__ == "__main__":
    main()
