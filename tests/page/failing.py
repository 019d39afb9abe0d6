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
    job = f"/jobs/{segment(SERIES)}"
    page = own.open(job)
    page.locator("#attempts .chip.bad").first.wait_for()
    assert "500" in page.locator("#attempts").inner_text(), "the error has its causes"
    wish("heal")
    before = len(get(f"/api/v1/runs?series={SERIES}")["runs"])

    def is_retried():
        # It runs each second, and what is being worked on is not retried.
        page = own.open(job)
        button = page.get_by_role("button", name="Retry now")
        if not button.is_visible():
            return False
        with page.expect_navigation():
            button.click()
        return page.get_by_text("It is tried again now").is_visible()

    until("a retry", is_retried)
    until("a run", lambda: len(get(f"/api/v1/runs?series={SERIES}")["runs"]) > before)
    until("a good run", lambda: states().get(SERIES) == "ok")

    # A button that is shown for another action is another button, so that no click is taken for that one.
    page = own.open(job)
    forms = page.locator("#actions form")
    mark = "all => all.map(own => own.began ??= own.action)"
    until("a retry to choose", lambda: any(action.endswith("/retry") for action in forms.evaluate_all(mark)))
    wish("slow")
    page.get_by_role("button", name="Cancel").wait_for()
    kept = forms.evaluate_all("all => all.filter(own => own.began).map(own => [own.began, own.action])")
    assert kept and all(began == action for began, action in kept), kept
    wish("fast")

    page = own.open("/series")
    page.locator("#series tbody .chip.good").first.wait_for()
    own.blameless("a failing series")
    print(f"red after {took:.1f} s")
