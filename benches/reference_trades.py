"""Runs the Python dccd's own stream of trades, which stores them, against frames.py. Usage: reference_trades.py URL FOLDER COUNT.

Its address of Binance is replaced, and it ends after so many trades. Processor time is counted after the imports, which
favours it. Prints one line of JSON.
"""

import asyncio
import json
import pathlib
import resource
import sys
import time

import polars
from dccd.application import operations
from dccd.application.jobs import JobParams, JobSpec, JobTarget, Trigger
from dccd.application.service_factory import build_registry, build_store
from dccd.domain.symbol import Symbol
from dccd.domain.types import DataType
from dccd.sources import binance
from dccd.transport.ws import WebSocketBase


def main():
    url, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    binance._BinanceTradeWS.__init__ = lambda self, pair: WebSocketBase.__init__(self, url)
    registry, stop = build_registry(), asyncio.Event()
    adapter = type(registry.get("binance"))
    endless = adapter.stream_trades

    async def as_many(self, symbol):
        left, trades = count, endless(self, symbol)
        async for trade in trades:
            yield trade
            left -= 1
            if left == 0:
                stop.set()
                await trades.aclose()
                return

    adapter.stream_trades = as_many
    target = JobTarget(exchange="binance", symbol=Symbol.parse("BTC/USDT"), data_type=DataType.TRADES)
    spec = JobSpec(
        id=JobSpec.make_id("stream", target),
        operation="stream",
        target=target,
        trigger=Trigger(kind="once"),
        params=JobParams(),
        origin="runtime",
    )
    before = time.process_time()
    asyncio.run(operations.stream(spec, registry=registry, store=build_store(folder), stop_event=stop))
    used = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = sum(polars.read_parquet(path).height for path in pathlib.Path(folder).rglob("*.parquet"))
    print(json.dumps({"rows": rows, "error": None, "cpu": used, "peak_mib": peak}))


if __name__ == "__main__":
    main()
