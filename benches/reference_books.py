"""cryptofeed's handler of Binance's updates of a book, with a callback that does nothing. Usage: reference_books.py UPDATES.

An update changes ten levels of a book of a hundred a side, as in the part `live_books`. It is handed over without a socket, and the
symbol and the whole book are given, so that nothing is asked over the network; frames are made before. Prints one line of JSON.
"""

import asyncio
import json
import resource
import sys
import time
from decimal import Decimal

from cryptofeed.defines import BINANCE, L2_BOOK
from cryptofeed.exchanges import Binance
from cryptofeed.symbols import Symbols
from cryptofeed.types import OrderBook

LEVELS, BEGIN_MS = 100, 1_750_000_020_000


def amount(number):
    return f"{number % 7}.{1 + number * 2_654_435_761 % 99_999_999:08}"


def price(cents):
    return f"{cents // 100}.{cents % 100:02}"


def frame(number):
    places = {(number * 7 + level * level) % 40 for level in range(5)}
    places = sorted(places | set(range(50, 55 - len(places))))
    bids = ",".join(f'["{price(6_000_000 - place)}","{amount(number + place)}"]' for place in places)
    asks = ",".join(f'["{price(6_000_001 + place)}","{amount(number + place + 99)}"]' for place in places)
    last = 3 * number
    return (f'{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{BEGIN_MS + 10 * number},"s":"BTCUSDT",'
            f'"U":{last - 2},"u":{last},"b":[{bids}],"a":[{asks}]}}}}')


async def main():
    count, came = int(sys.argv[1]), 0
    Symbols.set(BINANCE, {"BTC-USDT": "BTCUSDT"}, {"instrument_type": {"BTC-USDT": "spot"}})

    async def callback(book, received):
        nonlocal came
        came += 1

    feed = Binance(symbols=["BTC-USDT"], channels=[L2_BOOK], callbacks={L2_BOOK: callback})
    side = lambda first, step: {Decimal(price(first + step * level)): Decimal(amount(level)) for level in range(LEVELS)}
    feed._l2_book["BTC-USDT"] = OrderBook(feed.id, "BTC-USDT", bids=side(6_000_000, -1), asks=side(6_000_001, 1))
    feed.last_update_id["BTC-USDT"] = 0
    frames = [frame(number) for number in range(1, count + 1)]
    before = time.process_time()
    for text in frames:
        await feed.message_handler(text, None, 0.0)
    used = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": came, "error": None, "cpu": used, "peak_mib": peak}))


if __name__ == "__main__":
    asyncio.run(main())
