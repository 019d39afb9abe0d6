"""Cost of `dccd backfill` from the simulated exchange: rows per CPU second, memory, cost per row.

The exchange is another process and is not counted. Median of three runs, each into an empty folder.
"""

import argparse
import tempfile

from common import DCCD, MINUTE, date, figure, middle, run, simulated_exchange, write_config

BEGIN = 1_577_836_800  # 2020-01-01


def backfill(url, rows):
    with tempfile.TemporaryDirectory() as folder:
        config = write_config(folder, url)
        until = date(BEGIN + rows * MINUTE)
        cost = run([DCCD, "backfill", "-c", config, "--start", date(BEGIN), "--end", until])
        if f"{rows:,} candles" not in cost.output:
            raise SystemExit(f"not {rows:,} candles were stored:\n{cost.output}")
        return cost


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bound", type=float, help="the bare crates' rows per CPU second, from decode_publish")
    bound = options.parse_args().bound
    each = {}
    print("backfill of one-minute candles, median of 3")
    with simulated_exchange() as url:
        for rows in (100_000, 1_000_000):
            costs = [backfill(url, rows) for _ in range(3)]
            cpu, wall = middle([cost.cpu for cost in costs]), middle([cost.wall for cost in costs])
            peak = max(cost.peak_mib for cost in costs)
            each[rows] = cpu / rows
            print(f"  {rows:>9,} rows: {cpu:.3f} s CPU, {wall:.2f} s wall, {rows / cpu / 1e6:.2f} M rows/CPU s, peak {peak:.0f} MiB")
    print(f"  cost of a row at 1 M / at 100 k: {each[1_000_000] / each[100_000]:.2f}")
    figure("backfill_row_cost", each[1_000_000] / each[100_000], "times")
    figure("backfill_cpu", 1_000_000 * each[1_000_000], "s")
    figure("backfill_mib", peak, "MiB")
    if bound:
        share = 100 / each[1_000_000] / bound
        print(f"  share of the bare crates' bound: {share:.0f} %")
        figure("backfill_share", share, "%")
    # A million candles are 2 000 of the 6 000 that Binance allows in a minute.
    with simulated_exchange(weight_limit=6_000) as url:
        limited = middle([backfill(url, 1_000_000).wall for _ in range(3)])
    print(f"  with the exchange's own limit: {limited:.2f} s wall, {limited / wall:.2f} of that without")
    figure("backfill_limited", limited / wall, "times")


if __name__ == "__main__":
    main()
