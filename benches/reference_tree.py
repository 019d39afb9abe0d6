"""Writes the tree `inventory_tree` writes, as the Python dccd lays it out. Usage: reference_tree.py FOLDER SERIES."""

import pathlib
import shutil
import sys

from dccd.domain.dataset import DatasetId
from dccd.domain.records import OHLCBar
from dccd.domain.symbol import Symbol
from dccd.domain.types import DataType
from dccd.storage.parquet import ParquetStore

DAY_NS = 86_400 * 1_000_000_000
BEGIN_NS = 1_609_459_200 * 1_000_000_000


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    store = ParquetStore(folder / "data")
    names = [f"C{number:04}/USDT" for number in range(count)]
    first = DatasetId(exchange="binance", symbol=Symbol.parse(names[0]), data_type=DataType.OHLC, span=86_400)
    days = range(1_095)
    rows = []
    for day in days:
        price = 100.0 + day % 89 / 4
        ts = BEGIN_NS + day * DAY_NS
        rows.append(OHLCBar(ts=ts, open=price, high=price + 2, low=price - 2, close=price + 1, volume=float(day)))
    store.save(first, rows)
    made = store.directory(first)
    for name in names[1:]:
        own = DatasetId(exchange="binance", symbol=Symbol.parse(name), data_type=DataType.OHLC, span=86_400)
        shutil.copytree(made, store.directory(own), dirs_exist_ok=True)
    pairs = ", ".join(names)
    job = f"  - {{exchange: binance, pairs: [{pairs}], span: 86400}}\n"
    (folder / "config.yml").write_text(f"settings: {{data_path: {folder}/data}}\nhisto_jobs:\n{job}")


if __name__ == "__main__":
    main()
