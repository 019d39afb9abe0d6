"""The forms of the configuration: what is wrong is said as `dccd validate` says it, and what is right is in force."""

import json
import os
import subprocess
from pathlib import Path

from browser import Watched, browser, get, states, until

FOLDER = Path(os.environ["PAGE_FOLDER"])
FILE = FOLDER / "config.yml"


def problems(item, key="histo_jobs"):
    """What `dccd validate` says of the file with one more job."""
    text = FILE.read_text()
    text += f"  - {item}\n" if key == "histo_jobs" else f"{key}:\n  - {item}\n"
    (FOLDER / "other.yml").write_text(text)
    command = [os.environ["PAGE_DCCD"], "-c", "other.yml", "validate", "--json"]
    ended = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    return json.loads(ended.stdout)["problems"]


with browser() as chromium:
    until("a good run", lambda: states().get("binance/BTC-USDT/ohlc/1h") == "ok")
    own = Watched(chromium)
    own.sign_in()
    page = own.open("/configuration")
    before = FILE.read_text()

    def faults(form):
        """The lines that a form says beside its fields, wherever they are."""
        texts = page.locator(f"{form} .fault").all_inner_texts()
        return sorted(line for text in texts for line in text.split("\n"))

    def add(exchange, pairs, span):
        form = page.locator("#add-job")
        form.get_by_label("Exchange").select_option(exchange)
        form.get_by_label("Pairs").fill(pairs)
        form.get_by_label("Candle length").fill(span)
        form.get_by_role("button", name="Add the job").click()
        return form

    for exchange, pairs, span, item in [
        ("binance", "nonsense", "3600", "{exchange: binance, pairs: [nonsense], span: 3600}"),
        ("binance", "ETH/USDT", "30", "{exchange: binance, pairs: [ETH/USDT], span: 30}"),
        ("binance", "ETH/USDT <b>", "soon", "{exchange: binance, pairs: [ETH/USDT, '<b>'], span: soon}"),
        ("kraken", "BTC/USD:perp", "3600", "{exchange: kraken, pairs: ['BTC/USD:perp'], span: 3600}"),
    ]:
        form = add(exchange, pairs, span)
        said, true = faults("#add-job"), problems(item)
        assert true and said == sorted(true), (said, true)
        assert form.get_by_label("Pairs").input_value() == pairs, "what was typed is still there"
        assert FILE.read_text() == before, "the file is as it was"

    # What the exchange has not is refused as `dccd add` refuses it, and what is there already too.
    add("kraken", "BTC/EUR", "61")
    assert "kraken" in "".join(faults("#add-job"))
    add("binance", "BTC/USDT", "1h")
    assert "already at histo_jobs[0].pairs[0]" in page.locator("#fault-pairs").inner_text()
    assert FILE.read_text() == before

    add("binance", "eth/usdt", "1d")
    page.get_by_text("Added to the file, and in force.").wait_for()
    assert "ETH/USDT" in page.locator("#jobs").inner_text() and "ohlc/1d" in page.locator("#jobs").inner_text()
    assert FILE.read_text().startswith(before.rstrip("\n")), "nothing else of the file has changed"
    until("the new job", lambda: states().get("binance/ETH-USDT/ohlc/1d") == "ok")

    stream = page.locator("#add-stream")
    stream.get_by_label("Exchange").select_option("binance")
    stream.get_by_label("Pairs").fill("BTC/USDT")
    stream.get_by_role("button", name="Add the stream").click()
    said = faults("#add-stream")
    true = problems("{exchange: binance, pairs: [BTC/USDT], channels: []}", "stream_jobs")
    assert true and said == sorted(true), (said, true)
    assert stream.get_by_label("Pairs").input_value() == "BTC/USDT"
    stream.get_by_label("Trades").check()
    stream.get_by_role("button", name="Add the stream").click()
    page.get_by_text("Added to the file, and in force.").wait_for()
    until("a live series", lambda: get("/api/v1/streams")["states"]["live"] == 1)

    page.get_by_role("button", name="Remove binance ETH/USDT ohlc/1d").click()
    page.get_by_text("Removed from the file").wait_for()
    assert "ETH/USDT" not in page.locator("#jobs").inner_text()
    page.get_by_role("button", name="Remove binance BTC/USDT trades").click()
    page.get_by_text("Removed from the file").wait_for()
    until("no live series", lambda: not get("/api/v1/streams")["streams"])

    # A file that was changed elsewhere is not changed from a page that shows it as it was, and its problems are told.
    FILE.write_text(before + "  - {exchange: krakn, pairs: [BTC/EUR], span: 60}\n")
    page.get_by_role("button", name="Remove binance BTC/USDT ohlc/1h").click()
    assert "changed meanwhile" in page.locator(".refusal").inner_text()
    page = own.open("/configuration")
    said = page.locator("#problems").inner_text()
    assert "krakn" in said and said.strip().startswith("Line "), said
    page.get_by_role("button", name="Reload the file").click()
    assert "krakn" in page.locator(".refusal").inner_text()
    FILE.write_text(before)
    page = own.open("/configuration")
    page.get_by_role("button", name="Reload the file").click()
    page.get_by_text("The file was read again and is in force.").wait_for()
    assert "a-token" not in page.content()
    own.blameless("forms")
    print("every form says what `dccd validate` says")
