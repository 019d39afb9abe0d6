"""The chart of candles holds what the exchange has, to the last digit."""

import json
from datetime import datetime

from browser import Watched, browser, segment, states, until, wish

SERIES = "binance/BTC-USDT/ohlc/1h"


def micros(text):
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e6)


with browser() as chromium:
    until("a good run", lambda: states().get(SERIES) == "ok")
    own = Watched(chromium)
    page = own.open(f"/series/{segment(SERIES)}")
    chart = page.locator("#candles")
    until("candles", lambda: chart.evaluate("own => own.candles?.length ?? 0") > 20)
    held = chart.evaluate("own => own.candles")
    rows = [[micros(own["ts"]), *(own[name] for name in ("open", "high", "low", "close", "volume"))] for own in held]
    true = json.loads(wish(f"{rows[0][0]} {rows[-1][0] + 1}"))
    assert rows == true, next(pair for pair in zip(rows, true) if pair[0] != pair[1])
    assert chart.locator("canvas").count() > 0 and int(chart.get_attribute("data-rows")) == len(rows)
    own.blameless("candles")
    print(f"{len(rows)} candles are those of the exchange")
