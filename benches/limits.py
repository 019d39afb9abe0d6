"""What many rows and many series cost one machine: memory of ten million rows beside one million, twenty series with more and more
of them side by side, and a year of one-minute candles of a thousand pairs.

The exchange is another process on the same cores, and is not counted but in wall time.
"""

import argparse
import pathlib
import tempfile

from common import DCCD, MINUTE, date, figure, middle, run, simulated_exchange, write_config

BEGIN = 1_233_446_400  # 2009-02-01: nothing before 2009 is believed.
# Ten million minutes later is 2028, so the exchange's clock is ahead.
LISTED = ("--listed-from", "2009-02-01T00:00:00Z", "--now", "2029-01-01T00:00:00Z")
MILLION = 1_000_000
# Series side by side; each has so many rows, and the exchange takes so long to answer.
SIDE_BY_SIDE, SERIES, ROWS, LATENCY_MS = (1, 2, 4, 8), 20, 100_000, 50
YEAR = 365 * 24 * 60
# What a page of 1 000 candles weighs, and what Binance allows in a minute.
WEIGHT, ALLOWED = 2, 6_000


def backfill(url, pairs, rows, *words):
    """Fetches so many rows of each pair into an empty folder; gives the cost and the bytes of the files."""
    with tempfile.TemporaryDirectory() as folder:
        config = write_config(folder, url, pairs=pairs)
        until = date(BEGIN + rows * MINUTE)
        cost = run([DCCD, "backfill", "-c", config, "--start", date(BEGIN), "--end", until, *words], timeout=3_000)
        whole = cost.output.count(f"{rows:,} candles")
        if whole < len(pairs):
            raise SystemExit(f"{whole} of {len(pairs)} series have {rows:,} candles:\n{cost.output[-2000:]}")
        return cost, sum(file.stat().st_size for file in pathlib.Path(folder, "data").rglob("*.parquet"))


def ten_million():
    peaks = {}
    with simulated_exchange(options=LISTED) as url:
        for rows in (MILLION, 10 * MILLION):
            costs = [backfill(url, ["BTC/USDT"], rows)[0] for _ in range(3)]
            peaks[rows] = middle([cost.peak_mib for cost in costs])
            cpu = middle([cost.cpu for cost in costs])
            print(f"{rows:>11,} rows of one series: {cpu:.2f} s CPU, {rows / cpu / 1e6:.2f} M rows/CPU s, peak {peaks[rows]:.1f} MiB (median of 3)")
    figure("ten_million", peaks[10 * MILLION] / peaks[MILLION], "times")


def side_by_side():
    pairs = [f"P{number:02}/USDT" for number in range(SERIES)]
    symbols = [pair.replace("/", "") for pair in pairs]
    alone = None
    for count in SIDE_BY_SIDE:
        # An exchange of its own: what was asked of one in the same minute would be counted.
        with simulated_exchange(symbols=symbols, options=(*LISTED, "--latency-ms", str(LATENCY_MS))) as url:
            cost, _ = backfill(url, pairs, ROWS, "--parallel", str(count))
        alone = alone or cost.wall
        print(f"{SERIES} series of {ROWS:,} rows, {count} side by side, {LATENCY_MS} ms an answer: {cost.wall:.2f} s wall, "
              f"{alone / cost.wall:.2f} times as fast as one, {cost.cpu / cost.wall:.2f} cores, peak {cost.peak_mib:.0f} MiB")
        figure(f"side_by_side_{count}", alone / cost.wall, "times")


def year(count):
    pairs = [f"P{number:04}/USDT" for number in range(count)]
    symbols = [pair.replace("/", "") for pair in pairs]
    with simulated_exchange(symbols=symbols, options=LISTED) as url:
        cost, size = backfill(url, pairs, YEAR, "--parallel", "8")
    rows = count * YEAR
    minutes = count * -(-YEAR // 1_000) * WEIGHT / ALLOWED
    print(f"a year of {count:,} pairs: {rows:,} rows in {cost.wall:.0f} s wall, {cost.cpu:.0f} s CPU, {rows / cost.cpu / 1e6:.2f} M rows/CPU s, "
          f"peak {cost.peak_mib:.0f} MiB, {size / 1e9:.1f} GB of files, {size / rows:.1f} bytes a row")
    print(f"  what one address may ask Binance takes {minutes:.0f} minutes for it: the limit breaks first")
    figure("year_secs", cost.wall, "s")
    figure("year_mib", cost.peak_mib, "MiB")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=1_000, help="pairs of the year")
    asked = options.parse_args()
    ten_million()
    side_by_side()
    year(asked.pairs)


if __name__ == "__main__":
    main()
