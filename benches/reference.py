"""Runs the Python dccd's own backfill, as its command does, against the simulated exchange. Usage: reference.py URL FOLDER FROM ROWS.

Its address of Binance is replaced, its rate limiter switched off, and its present set to the end of the
wanted rows. Processor time is counted after the imports, which favours it. Prints one line of JSON.
"""

import asyncio
import json
import resource
import sys
import time

from dccd.application import operations
from dccd.application.jobs import JobParams, JobSpec, JobTarget, Trigger
from dccd.application.service_factory import build_coverage_store, build_registry, build_runs_store, build_store
from dccd.domain.symbol import Symbol
from dccd.domain.types import DataType
from dccd.sources import binance
from dccd.transport.ratelimit import RateLimiter

NS = 1_000_000_000


async def unlimited(self, exchange):
    return None


def main():
    url, folder, begin, rows = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    binance._BASE_REST = f"{url}/api/v3"
    RateLimiter.acquire = unlimited
    operations.ns_now = lambda: (begin + rows * 60) * NS - 1
    target = JobTarget(exchange="binance", symbol=Symbol.parse("BTC/USDT"), data_type=DataType.OHLC, span=60)
    spec = JobSpec(
        id=JobSpec.make_id("backfill", target),
        operation="backfill",
        target=target,
        trigger=Trigger(kind="once"),
        params=JobParams(start=str(begin * NS)),
        origin="runtime",
    )
    before = time.process_time()
    result = asyncio.run(
        operations.backfill(
            spec,
            registry=build_registry(),
            store=build_store(folder),
            runs_store=build_runs_store(folder),
            coverage_store=build_coverage_store(folder),
        )
    )
    used = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": result.get("rows_written"), "error": result.get("error"), "cpu": used, "peak_mib": peak}))


if __name__ == "__main__":
    main()
