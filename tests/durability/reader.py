"""Reads every *.parquet of the folder named on each line of its input, in the order of names, and prints the
instants found, in microseconds. Knows nothing of how dccd keeps its files.

Each file is opened once: given a name, polars opens it several times, and may find two files under it."""

import glob
import os
import sys

import polars
import pyarrow.parquet

READERS = {
    "polars": lambda file: polars.read_parquet(open(file, "rb"))["ts"].to_physical().to_list(),
    "pyarrow": lambda file: pyarrow.parquet.ParquetFile(file).read()["ts"].cast("int64").to_pylist(),
}

read = READERS[sys.argv[1]]
for line in sys.stdin:
    found = []
    for file in sorted(glob.glob(os.path.join(line.strip(), "*.parquet"))):
        found.extend(read(file))
    print(*found, flush=True)
