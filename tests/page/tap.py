"""The tap of the streams' view shows rows of the series that was asked for, and says when there is none."""

from browser import Watched, browser, get, until

SERIES = "binance/BTC-USDT/trades"

with browser() as chromium:
    until("a live series", lambda: any(one["series"] == SERIES and one["state"] == "live" for one in get("/api/v1/streams")["streams"]))
    own = Watched(chromium)
    page = own.open("/streams")
    tap, button = page.locator("#tap"), page.locator("#tap-switch")
    page.get_by_label("Series", exact=True).last.fill("binance/NONE-USDT/trades")
    button.click()
    page.get_by_text("No live series is of that name").wait_for()
    assert button.inner_text() == "Listen"

    page.get_by_label("Series", exact=True).last.fill(SERIES)
    button.click()
    tap.locator("div").nth(5).wait_for(timeout=20000)
    lines = tap.locator("div").all_inner_texts()
    assert all(SERIES in line and "price " in line and "id " in line for line in lines), lines
    assert not any("ETH" in line for line in lines), lines
    button.click()
    until("the end of the tap", lambda: button.inner_text() == "Listen")
    stored = {str(row["id"]) for row in get(f"/api/v1/read?series={SERIES}&columns=ts,id")}
    shown = {line.split("id ")[1].split()[0] for line in lines}
    assert shown <= stored, shown - stored
    own.wrong = [wrong for wrong in own.wrong if "404" not in wrong]
    own.blameless("the tap")
    print(f"{len(lines)} rows are stored ones")
