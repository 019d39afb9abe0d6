"""A file is deleted: the gap appears on the page of its series, and its button has it fetched again."""

from browser import Watched, browser, dccd, get, segment, states, until, wish

SERIES = "binance/BTC-USDT/ohlc/1h"

with browser() as chromium:
    until("a good run", lambda: states().get(SERIES) == "ok")
    rows = get(f"/api/v1/series/{segment(SERIES)}")["held"]["rows"]
    own = Watched(chromium)
    own.sign_in()
    page = own.open(f"/series/{segment(SERIES)}")
    assert page.locator("#account").get_by_text("None.").count() == 1, "there is no gap yet"
    deleted = wish("delete")
    page.reload()
    gap = page.locator("#account tr", has=page.locator(".chip.bad"))
    until("the gap", lambda: page.reload() and gap.count() > 0)
    assert "deleted" in gap.first.inner_text(), gap.first.inner_text()
    told = get(f"/api/v1/series/{segment(SERIES)}/gaps")["gaps"]
    assert told == dccd("gaps", SERIES, "--json"), "the API and the command line say the same of it"
    shown = [own.get_attribute("datetime") for own in gap.first.locator("time").all()]
    assert shown == [told[0]["from"], told[0]["until"]], (shown, told)
    page.locator(".actions").get_by_role("button", name="Repair", exact=True).first.click()
    page.get_by_text("The repair was started").wait_for()
    until("no gap any more", lambda: page.locator("#account").get_by_text("None.").count() == 1, 60)
    until("its rows", lambda: get(f"/api/v1/series/{segment(SERIES)}")["held"]["rows"] >= rows)
    assert get(f"/api/v1/series/{segment(SERIES)}/gaps?state=gap")["total"] == 0
    own.blameless("a gap")
    print(f"{deleted} was fetched again")
