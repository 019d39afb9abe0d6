"""Copies are sent from the page, a purge is tried without dropping anything, and damage is found."""

import os
from pathlib import Path

from browser import Watched, browser, dccd, get, states, until, wish

SERIES = "binance/BTC-USDT/ohlc/1h"
FOLDER = Path(os.environ["PAGE_FOLDER"])


def held(place):
    return sorted(path.name for path in (FOLDER / place).rglob("*.parquet"))


with browser() as chromium:
    until("a good run", lambda: states().get(SERIES) == "ok")
    until("published files", lambda: held("data"))
    own = Watched(chromium)
    own.sign_in()
    page = own.open("/storage")
    assert "synced" not in page.locator("#parts .chip.good").all_inner_texts(), "nothing was copied yet"
    page.get_by_role("button", name="Sync now").click()
    page.get_by_text("The sync was started").wait_for()
    until("a sync", lambda: get("/health")["remotes"][0]["last_success"])
    page.locator("#parts .chip.good", has_text="synced").wait_for(timeout=20000)
    assert held("copies") == held("data")

    page.get_by_label("Free GiB wanted").fill("a lot")
    page.get_by_role("button", name="Show what a purge would drop").click()
    assert "a number of GiB" in page.locator("#fault-gib").inner_text()
    assert page.get_by_label("Free GiB wanted").input_value() == "a lot", "what was typed is still there"
    page = own.open("/storage")
    page.get_by_label("Free GiB wanted").fill("900000")
    page.get_by_role("button", name="Show what a purge would drop").click()
    page.locator("#result").wait_for(timeout=60000)
    shown = page.locator("#result tbody tr").count()
    files = dccd("purge", "--dry-run", "--min-free-gb", "900000", "--json")
    assert shown == len(files) > 0, (shown, files)
    assert held("copies") == held("data"), "nothing was dropped"

    def verify():
        page.get_by_label("Series", exact=True).fill(SERIES)
        page.get_by_role("button", name="Verify its files").click()
        page.locator("#result").wait_for(timeout=60000)
        return page.locator("#result").inner_text()

    assert "Verified: 0 fault(s)" in verify()
    wish("damage")
    said = verify()
    faults = dccd("verify", SERIES, "--json")
    assert f"Verified: {len(faults)} fault(s)" in said and len(faults) == 1, (said, faults)
    assert faults[0]["fault"] in said, (said, faults)
    page.get_by_label("Series", exact=True).fill("no/such/series")
    page.get_by_role("button", name="Verify its files").click()
    assert "no/such/series" in page.locator("#fault-series").inner_text()
    assert page.get_by_label("Series", exact=True).input_value() == "no/such/series"
    own.blameless("storage")
    print(f"{shown} files are copied and would be dropped")
