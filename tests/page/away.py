"""A page whose daemon died says so by itself, and keeps what it shows."""

from browser import Watched, browser, until, wish

with browser() as chromium:
    own = Watched(chromium)
    page = own.open("/series")
    page.locator("h1").wait_for()
    page.wait_for_timeout(500)
    shown = page.locator("h1").inner_text()
    wish("kill")
    notice = page.get_by_role("alert")
    notice.wait_for(timeout=15000)
    until("the words", lambda: "has not answered since" in notice.inner_text())
    assert page.locator("h1").inner_text() == shown
