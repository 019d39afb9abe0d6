"""An exchange whose errors are markup: all of it is text on every page."""

from browser import Watched, browser, segment, states, until

SERIES = "okx/BTC-USDT/ohlc/1h"
MARKUP = "<img src=x onerror=alert(1)>"

with browser() as chromium:
    until("a failure", lambda: states().get(SERIES) == "failing")
    own = Watched(chromium)
    own.sign_in()
    seen = 0
    for path in [
        "/",
        "/series",
        f"/series/{segment(SERIES)}",
        "/jobs",
        f"/jobs/{segment(SERIES)}",
        "/runs",
        "/logs",
        "/streams",
        "/storage",
        "/workers",
        "/history",
        "/configuration",
        "/series?text=%3Cscript%3Ealert(3)%3C%2Fscript%3E",
        "/jobs?series=%3Cscript%3Ealert(3)%3C%2Fscript%3E",
        "/logs?text=%22%3E%3Cscript%3Ealert(3)%3C%2Fscript%3E",
        "/history?prefix=%22%3E%3Cscript%3Ealert(3)%3C%2Fscript%3E",
        "/streams?text=%22%3E%3Cscript%3Ealert(3)%3C%2Fscript%3E",
        "/sign-in?to=javascript%3Aalert(3)",
    ]:
        # A name of a series that is none is refused, and shown as text in the refusal.
        page = own.open(path, 400 if path.startswith("/jobs?") else 200)
        page.wait_for_timeout(100)
        assert page.locator("main img, main script, main b[onclick]").count() == 0, path
        seen += MARKUP in page.locator("main").inner_text()
        assert "lab <1>" in page.locator("header").inner_text(), path
    assert seen >= 4, f"the error stands on {seen} pages only"
    page = own.open("/jobs/%3Cscript%3Ealert(3)%3C%2Fscript%3E", 404)
    assert "<script>alert(3)</script>" in page.locator("main").inner_text()
    own.blameless("hostile texts")
    print(f"markup is text on {seen} pages")
