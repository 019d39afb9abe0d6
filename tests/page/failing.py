"""A series begins to fail: its row turns red by itself, and the button on its job's page has it tried again."""

import time

from browser import Watched, browser, get, segment, states, until, wish

SERIES = "binance/BTC-USDT/ohlc/1h"

with browser() as chromium:
    until("a good run", lambda: states().get(SERIES) == "ok")
    own = Watched(chromium)
    own.sign_in()
    page = own.open("/series")
    row = page.locator("#series tbody tr", has=page.get_by_role("link", name=SERIES, exact=True))
    assert "ok" in row.inner_text(), row.inner_text()
    page.evaluate("window.isTheSame = true")

    wish("fail")
    until("a failure", lambda: states().get(SERIES) == "failing")
    began = time.monotonic()
    row.locator(".chip.bad").wait_for(timeout=10000)
    took = time.monotonic() - began
    assert took <= 5, f"it turned red after {took:.1f} s"
    assert "failing" in row.inner_text(), row.inner_text()
    assert page.evaluate("window.isTheSame"), "the page was not loaded again"

    row.get_by_role("link", name=SERIES, exact=True).click()
    page.locator(".refusal").first.wait_for()
    page = own.open(f"/jobs/{segment(SERIES)}")
    page.locator("#attempts .chip.bad").first.wait_for()
    assert "500" in page.locator("#attempts").inner_text(), "the error has its causes"
    wish("heal")
    before = len(get(f"/api/v1/runs?series={SERIES}")["runs"])
    page.get_by_role("button", name="Retry now").click()
    page.get_by_text("It is tried again now").wait_for()
    until("a run", lambda: len(get(f"/api/v1/runs?series={SERIES}")["runs"]) > before)
    until("a good run", lambda: states().get(SERIES) == "ok")
    page = own.open("/series")
    page.locator("#series tbody .chip.good").first.wait_for()
    own.blameless("a failing series")
    print(f"red after {took:.1f} s")
