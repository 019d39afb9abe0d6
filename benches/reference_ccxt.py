"""A plain ccxt loop that fetches candles page by page and writes one Parquet file. Usage: reference_ccxt.py URL FOLDER FROM ROWS.

No resume, no retry, no merge, everything in memory; its rate limiter is off. Processor time is counted after the imports,
which favours it. Prints one line of JSON.
"""

import json
import resource
import sys
import time

import ccxt
import polars

COLUMNS = ["ts", "open", "high", "low", "close", "volume"]


def main():
    url, folder, begin, rows = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    exchange = ccxt.binance({"enableRateLimit": False})
    exchange.urls["api"]["public"] = f"{url}/api/v3"
    market = {"id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "baseId": "BTC", "quoteId": "USDT",
              "type": "spot", "spot": True, "swap": False, "future": False, "option": False, "contract": False, "active": True}
    exchange.set_markets([market])
    before = time.process_time()
    candles, since, until = [], begin * 1_000, (begin + rows * 60) * 1_000
    while since < until:
        page = exchange.fetch_ohlcv("BTC/USDT", "1m", since=since, limit=1_000)
        if not page:
            break
        candles += [candle for candle in page if candle[0] < until]
        since = page[-1][0] + 60_000
    polars.DataFrame(candles, schema=COLUMNS, orient="row").write_parquet(f"{folder}/candles.parquet")
    used = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": len(candles), "error": None, "cpu": used, "peak_mib": peak}))


if __name__ == "__main__":
    main()
