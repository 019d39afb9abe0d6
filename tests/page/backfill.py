"""A backfill from the page of a series: it starts, its progress is seen to grow, and it ends."""

from browser import Watched, browser, get, segment, states, until, wish

SERIES = "binance/BTC-USDT/ohlc/1h"

with browser() as chromium:
    until("a good run", lambda: states().get(SERIES) == "ok")
    rows = get(f"/api/v1/series/{segment(SERIES)}")["held"]["rows"]
    wish("slow")
    own = Watched(chromium)
    own.sign_in()
    page = own.open(f"/series/{segment(SERIES)}")
    page.get_by_label("From (UTC)").fill("2026-05-01")
    page.get_by_label("Until, or now").fill("2026-06-01")
    page.get_by_role("button", name="Backfill").click()
    page.get_by_text("The backfill was started").wait_for()
    bar = page.locator("progress").first
    bar.wait_for(timeout=20000)
    seen = set()

    def has_ended():
        # In one step: the bar may be gone after it.
        seen.update(page.locator("progress").evaluate_all("all => all.map(own => own.getAttribute('value'))"))
        return "succeeded" in page.locator("#account").inner_text() and not page.locator("progress").count()

    until("the end of the backfill", has_ended, 90)
    assert seen, "its progress was never seen"
    # What is held was looked at up to some seconds ago.
    def all_held():
        held = get(f"/api/v1/series/{segment(SERIES)}")["held"]["rows"]
        return held if held >= rows + 31 * 24 else None

    held = until(f"a month more than {rows} rows", all_held)
    shown = page.locator(f"#state data[value='{held}']")
    until("the rows on the page", lambda: shown.count() == 1)
    # A range that ends before it begins is refused in the words of the API.
    page.get_by_label("From (UTC)").fill("2026-06-01")
    page.get_by_label("Until, or now").fill("2026-05-01")
    page.get_by_role("button", name="Backfill").click()
    assert page.locator("#backfill .fault").count() == 1, page.locator("main").inner_text()
    assert page.get_by_label("From (UTC)").input_value() == "2026-06-01", "what was typed is still there"
    assert page.get_by_label("Until, or now").input_value() == "2026-05-01"
    own.blameless("a backfill")
    print(f"{len(seen)} steps of progress seen")
