"""Writes the trees Python dccd 2.4.0 and 3.8.1 would have written, and which of their rows are true.

Called by import.rs with a version (2 or 3), a folder for the tree and a file for what must be imported:
JSON, one entry a series, with its rows as the store holds them and the windows they prove. The shapes are
those of the two packages: columns, types, units, periods, compression, and what they invent.
"""

import json
import sys
from pathlib import Path

import polars

YEAR_2024 = 1_704_067_200
HOUR, DAY, MINUTE = 3_600, 86_400, 60
NS, US = 10**9, 10**6
LABELS = {60: "1m", 300: "5m", 3_600: "1h", 14_400: "4h", 86_400: "1d"}


def main() -> None:
    version, root, expected = sys.argv[1:]
    tree = {"2": two, "3": three}[version](Path(root))
    Path(expected).write_text(json.dumps(tree), encoding="utf-8")


# What an exchange sent.


def candle(ts: int, seed: int, volume: float | None = None) -> dict:
    """A candle of its own for each seed; instants in seconds."""
    seed += 100
    open_ = round(42_000.0 + seed / 7, 4)
    volume = 1.5 + seed if volume is None else volume
    return {
        "ts": ts,
        "open": open_,
        "high": round(open_ + 3.25, 4),
        "low": round(open_ - 2.5, 4),
        "close": round(open_ + 0.125, 4),
        "volume": volume,
        "quote": round(volume * (open_ + 0.1), 4),
        "trades": 10 + seed,
    }


def candles(span: int, indexes, first: int = YEAR_2024) -> list[dict]:
    return [candle(first + index * span, index) for index in indexes]


def trade(ts: float, number: int, side: str, price: float | None = None) -> dict:
    price = round(42_000.0 + number / 3, 4) if price is None else price
    return {"ts": ts, "id": number, "price": price, "amount": 0.25, "side": side}


# What 2.4.0 made of it.


def two(root: Path) -> dict:
    expected = {}

    # An answer that begins five hours late, has a hole over new year and ends early.
    sent = candles(HOUR, [*range(-20, -2), *range(2, 12)])
    save_two(root, "binance", "BTC-USDT", HOUR, window_two(sent, -25 * HOUR, 15 * HOUR, HOUR))
    expected["binance/BTC-USDT/ohlc/1h"] = of_candles(sent, HOUR, trades=False)

    # Coinbase sends no quote volume; 2.x makes one up.
    sent = candles(MINUTE, range(0, 90))
    invented = [{**row, "quote": row["close"] * row["volume"]} for row in sent]
    save_two(root, "coinbase", "BTC-USD", MINUTE, window_two(invented, 0, 90 * MINUTE, MINUTE))
    expected["coinbase/BTC-USD/ohlc/1m"] = of_candles(sent, MINUTE, trades=False, quote=False)

    # Kraken: true at an hour, wrong at a day; the pair as it was configured.
    sent = candles(HOUR, range(0, 30))
    weighted = [{**row, "weighted": row["open"] + 0.1} for row in sent]
    save_two(root, "kraken", "XBT-EUR", HOUR, window_two(weighted, 0, 30 * HOUR, HOUR))
    expected["kraken/BTC-EUR/ohlc/1h"] = of_candles(sent, HOUR, trades=False)
    weighted = [{**row, "weighted": 1.0} for row in candles(DAY, range(0, 9))]
    save_two(root, "kraken", "BTC-USD", DAY, window_two(weighted, 0, 9 * DAY, DAY))
    expected["kraken/BTC-USD/ohlc/1d"] = nothing()

    # Months: the exchange's stand on the first day, 2.x's grid on every 30th of the epoch.
    months = [YEAR_2024, YEAR_2024 + 31 * DAY, YEAR_2024 + 60 * DAY]
    sent = [candle(ts, seed) for seed, ts in enumerate(months)]
    start = (YEAR_2024 // (30 * DAY)) * 30 * DAY
    save_two(root, "binance", "BTC-USDT", 30 * DAY, window_two(sent, start - YEAR_2024, 95 * DAY, 30 * DAY))
    expected["binance/BTC-USDT/ohlc/1mo"] = of_candles(sent, 31 * DAY, trades=False)
    expected["binance/BTC-USDT/ohlc/1mo"]["covered"] = [[months[0] * US, (YEAR_2024 + 91 * DAY) * US]]

    # One trade an instant: the one of the same millisecond is lost, and with it the run of ids.
    sent = [trade(YEAR_2024 + at / 1000, 500 + number, "buy" if number % 2 else "sell") for number, at in
            enumerate([100, 250, 251, 251, 900, 1_300, 1_301])]
    save_trades_two(root, "binance", "BTC-USDT", sent)
    expected["binance/BTC-USDT/trades"] = of_trades(
        [row for row in sent if row["id"] != 502], [[0.100001, 0.25], [0.251001, 1.301]]
    )

    # One level of a book is no book.
    write(
        polars.DataFrame(
            {"side": ["ask"], "price": [42_000.5], "amount": [1.0], "count": [None], "TS": [YEAR_2024]},
            schema_overrides={"TS": polars.Int32},
        ),
        root / "binance/orderbook/BTC-USDT/2024-01-01.parquet",
    )
    expected["binance/BTC-USDT/orderbook"] = nothing()

    # A file that went through pandas: dictionaries, snappy, an index of its own, instants as such.
    sent = candles(HOUR, range(0, 24))
    through_pandas(sent, root / "bybit/ohlc/ETH-USDT/1h/2024.parquet")
    expected["bybit/ETH-USDT/ohlc/1h"] = of_candles(sent, HOUR, trades=False)
    # Another exchange is nobody's business.
    through_pandas(sent, root / "poloniex/ohlc/ETH-USDT/1h/2024.parquet")
    return expected


def window_two(sent: list[dict], start: int, end: int, span: int) -> polars.DataFrame:
    """One window of a back-fill: laid on the complete grid, every hole filled with the row before."""
    start, end = (YEAR_2024 + start) // span * span, (YEAR_2024 + end) // span * span
    frame = polars.DataFrame(
        [
            {
                "TS": row["ts"],
                **{name: row[name] for name in ("open", "high", "low", "close", "volume")},
                "quoteVolume": row["quote"],
                "weightedAverage": row.get("weighted"),
            }
            for row in sent
        ]
    )
    frame = frame.filter(polars.col("TS") < end)
    grid = polars.DataFrame({"TS": list(range(start, end, span))}, schema={"TS": polars.Int64})
    values = [name for name in frame.columns if name != "TS"]
    frame = frame.join(grid, on="TS", how="full", coalesce=True).sort("TS")
    return frame.with_columns([polars.col(name).forward_fill() for name in values])


def save_two(root: Path, exchange: str, pair: str, span: int, frame: polars.DataFrame) -> None:
    folder = root / exchange / "ohlc" / pair / LABELS.get(span, f"{span}s")
    year = polars.from_epoch("TS", time_unit="s").dt.year()
    for label in frame.select(year.unique().sort()).to_series():
        write(frame.filter(year == label), folder / f"{label}.parquet")


def save_trades_two(root: Path, exchange: str, pair: str, sent: list[dict]) -> None:
    frame = polars.DataFrame(
        [
            {"tid": row["id"], "TS": row["ts"], "price": row["price"], "amount": row["amount"], "type": row["side"]}
            for row in sent
        ]
    )
    frame = frame.unique(subset=["TS"], keep="last").sort("TS")
    write(frame, root / exchange / "trades" / pair / "2024-01-01.parquet")


def through_pandas(sent: list[dict], path: Path) -> None:
    import pandas

    frame = pandas.DataFrame(
        {
            "TS": pandas.to_datetime([row["ts"] for row in sent], unit="s", utc=True),
            **{name: [row[name] for row in sent] for name in ("open", "high", "low", "close", "volume")},
            "quoteVolume": [row["quote"] for row in sent],
        },
        index=range(7, 7 + len(sent)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.reset_index().rename(columns={"index": "__index_level_0__"}).to_parquet(path, index=False)


# What 3.8.1 made of it.


def three(root: Path) -> dict:
    expected = {}

    # A job that stopped once, and a last candle that is still running.
    sent = candles(HOUR, [*range(-5, 6), *range(9, 20)])
    save_three(root, "binance", "ohlc", "BTC-USDT/1h", ohlc_three(sent), "%Y")
    expected["binance/BTC-USDT/ohlc/1h"] = of_candles(sent[:-1], HOUR)
    windows = [[-5, 5], [9, 19]]
    expected["binance/BTC-USDT/ohlc/1h"]["covered"] = [
        [(YEAR_2024 + bound * HOUR) * US for bound in window] for window in windows
    ]

    # A file of 2.x that 3.x went on with: its seconds stay seconds, its columns get the new names.
    old, new = candles(HOUR, [0, 1, 2, 5]), candles(HOUR, range(6, 10))
    filled = window_two(old, 0, 6 * HOUR, HOUR).rename({"quoteVolume": "quote_volume"})
    filled = filled.drop("weightedAverage").with_columns(polars.lit(None, polars.Int64).alias("trades"))
    write(
        polars.concat([filled, ohlc_three(new)]).sort("TS"),
        root / "okx/ohlc/BTC-USDT/1h/2024.parquet",
        "snappy",
        provenance("okx"),
    )
    expected["okx/BTC-USDT/ohlc/1h"] = of_candles(
        [*({**row, "trades": None} for row in old), *new[:-1]], HOUR
    )
    expected["okx/BTC-USDT/ohlc/1h"]["covered"] = [
        [YEAR_2024 * US, (YEAR_2024 + 3 * HOUR) * US],
        [(YEAR_2024 + 5 * HOUR) * US, (YEAR_2024 + 9 * HOUR) * US],
    ]

    # Rows that cannot be: off the grid, and a high below the low.
    sent = candles(MINUTE, range(0, 10))
    wrong = [{**row, "ts": row["ts"] + 7} if n == 3 else {**row, "high": 1.0} if n == 6 else row
             for n, row in enumerate(sent)]
    save_three(root, "bybit", "ohlc", "BTC-USDT/1m", ohlc_three(wrong), "%Y")
    kept = [row for n, row in enumerate(sent[:-1]) if n not in (3, 6)]
    expected["bybit/BTC-USDT/ohlc/1m"] = of_candles(kept, MINUTE)
    # The third candle is followed by a row off the grid, the sixth by one that stands on it but cannot be.
    windows = [[0, 2], [4, 6], [7, 9]]
    expected["bybit/BTC-USDT/ohlc/1m"]["covered"] = [
        [(YEAR_2024 + bound * MINUTE) * US for bound in window] for window in windows
    ]

    # BitMEX stamps a candle with its end: the first of the year belongs to the year before.
    sent = candles(MINUTE, range(-3, 6))
    save_three(root, "bitmex", "ohlc", "BTC-USD/1m",
               ohlc_three([{**row, "ts": row["ts"] + MINUTE, "quote": None, "trades": None} for row in sent]), "%Y")
    expected["bitmex/BTC-USD/ohlc/1m"] = of_candles(sent[:-1], MINUTE, trades=False, quote=False)

    # Kraken candles of four hours are left out.
    save_three(root, "kraken", "ohlc", "BTC-USD/4h", ohlc_three(candles(4 * HOUR, range(0, 9))), "%Y")
    expected["kraken/BTC-USD/ohlc/4h"] = nothing()

    # Ids that follow one another over midnight, and one that is missing.
    sent = [trade(YEAR_2024 - 0.5 + 0.25 * number, number, "buy" if number % 2 else "sell")
            for number in range(0, 12) if number != 7]
    save_three(root, "binance", "trades", "BTC-USDT", trades_three(sent), "%Y-%m-%d")
    expected["binance/BTC-USDT/trades"] = of_trades(sent, [[-0.499999, 1.0], [1.500001, 2.25]])

    # Coinbase names the maker's side.
    sent = [trade(YEAR_2024 + number, 70 + number, "buy" if number % 2 else "sell") for number in range(0, 4)]
    save_three(root, "coinbase", "trades", "BTC-USD", trades_three(sent), "%Y-%m-%d")
    turned = [{**row, "side": "sell" if row["side"] == "buy" else "buy"} for row in sent]
    expected["coinbase/BTC-USD/trades"] = of_trades(turned, [[0.000001, 3.0]])

    # Kraken's ids are dropped; nothing is proven.
    sent = [{**trade(YEAR_2024 + number + 0.123456, number, "buy"), "id": None} for number in range(0, 5)]
    save_three(root, "kraken", "trades", "BTC-USD", trades_three(sent), "%Y-%m-%d")
    expected["kraken/BTC-USD/trades"] = of_trades(sent, [])

    books(root, expected)
    samples(root, expected)
    return expected


def books(root: Path, expected: dict) -> None:
    rows = []
    for minute in (-2, -1, 0, 1):
        for side in ("bid", "ask"):
            for level in range(3):
                price = 42_000.0 - level if side == "bid" else 42_001.0 + level
                rows.append({
                    "TS": (YEAR_2024 + minute * 60) * NS + 123_456_000,
                    "side": side, "price": price, "amount": 1.0 + level + minute,
                    "count": level + 1 if side == "bid" else None, "is_snapshot": True,
                })
    rows = [{**row, "amount": 4.0 + abs(row["amount"])} for row in rows]
    schema = {"TS": polars.Int64, "side": polars.String, "price": polars.Float64, "amount": polars.Float64,
              "count": polars.Int64, "is_snapshot": polars.Boolean}
    # Dropping doubles leaves the levels of a book in no order.
    frame = polars.DataFrame(rows, schema=schema).sample(fraction=1.0, shuffle=True, seed=7)
    save_three(root, "okx", "orderbook", "BTC-USDT", frame, "%Y-%m-%d")
    expected["okx/BTC-USDT/orderbook"] = {
        "rows": [[row["TS"] // 1_000, row["side"], row["price"], row["amount"], row["count"]] for row in rows],
        "covered": [],
    }


def samples(root: Path, expected: dict) -> None:
    rows = [{"TS": (YEAR_2024 + index * 8 * HOUR) * NS, "rate": round(index * 1e-5, 5),
             "mark_price": 42_000.5 if index % 2 else None} for index in range(-2, 4)]
    schema = {"TS": polars.Int64, "rate": polars.Float64, "mark_price": polars.Float64}
    save_three(root, "binance", "funding", "BTC-USDT_PERP", polars.DataFrame(rows, schema=schema), "%Y")
    expected["binance/BTC-USDT_PERP/funding"] = {
        "rows": [[row["TS"] // 1_000, row["rate"], row["mark_price"]] for row in rows], "covered": [],
    }
    rows = [{"TS": (YEAR_2024 + index * 300) * NS, "open_interest": 80_000.0 + index,
             "open_interest_value": None} for index in (0, 1, 2, 5)]
    schema = {"TS": polars.Int64, "open_interest": polars.Float64, "open_interest_value": polars.Float64}
    save_three(root, "binance", "open_interest", "BTC-USDT_PERP/5m", polars.DataFrame(rows, schema=schema), "%Y")
    expected["binance/BTC-USDT_PERP/open_interest/5m"] = {
        "rows": [[row["TS"] // 1_000, row["open_interest"], None] for row in rows],
        "covered": [[(YEAR_2024 + bound * 300) * US for bound in window] for window in ([0, 3], [5, 6])],
    }


def ohlc_three(sent: list[dict]) -> polars.DataFrame:
    names = ("open", "high", "low", "close", "volume")
    schema = {"TS": polars.Int64, **dict.fromkeys((*names, "quote_volume"), polars.Float64), "trades": polars.Int64}
    return polars.DataFrame(
        [
            {"TS": row["ts"] * NS, **{name: row[name] for name in names},
             "quote_volume": row["quote"], "trades": row["trades"]}
            for row in sent
        ],
        schema=schema,
    )


def trades_three(sent: list[dict]) -> polars.DataFrame:
    schema = {"TS": polars.Int64, "price": polars.Float64, "amount": polars.Float64,
              "side": polars.String, "tid": polars.String}
    return polars.DataFrame(
        [
            {"TS": int(row["ts"] * NS), "price": row["price"], "amount": row["amount"], "side": row["side"],
             "tid": None if row["id"] is None else str(row["id"])}
            for row in sent
        ],
        schema=schema,
    )


def save_three(root: Path, exchange: str, kind: str, inside: str, frame: polars.DataFrame, period: str) -> None:
    label = polars.from_epoch("TS", time_unit="ns").dt.strftime(period)
    for name in frame.select(label.unique().sort()).to_series():
        path = root / exchange / kind / inside / f"{name}.parquet"
        write(frame.filter(label == name).sort("TS", maintain_order=True), path, "snappy", provenance(exchange))


def provenance(exchange: str) -> dict:
    return {"dccd.provenance": json.dumps({"source": f"{exchange}:rest", "derived_from": None})}


def write(frame: polars.DataFrame, path: Path, compression: str = "zstd", metadata: dict | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path, compression=compression, metadata=metadata)


# What the store must hold afterwards.


def of_candles(rows: list[dict], span: int, trades: bool = True, quote: bool = True) -> dict:
    covered: list[list[int]] = []
    for row in rows:
        opens, closes = row["ts"] * US, (row["ts"] + span) * US
        if covered and covered[-1][1] == opens:
            covered[-1][1] = closes
        else:
            covered.append([opens, closes])
    values = [
        [row["ts"] * US, *(row[name] for name in ("open", "high", "low", "close", "volume")),
         row["quote"] if quote else None, row["trades"] if trades else None]
        for row in rows
    ]
    return {"rows": values, "covered": covered}


def of_trades(rows: list[dict], covered: list[list[float]]) -> dict:
    return {
        "rows": [
            [round(row["ts"] * US), None if row["id"] is None else str(row["id"]), row["price"], row["amount"],
             row["side"]]
            for row in rows
        ],
        "covered": [[round((YEAR_2024 + bound) * US) for bound in window] for window in covered],
    }


def nothing() -> dict:
    return {"rows": [], "covered": []}


if __name__ == "__main__":
    main()
