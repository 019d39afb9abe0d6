"""Every view that the navigation names, and a few pages below them."""

import os

from browser import PHONE, PICTURES, URL, WIDE, Watched, browser, everyone_can_read, fits, get, segment, states, until


def settled():
    known = states()
    return (
        known.get("binance/BTC-USDT/ohlc/1h") == "ok"
        and known.get("binance/BTC-USDT/ohlc/1d") == "ok"
        and known.get("binance/NONE-USDT/ohlc/1h") == "failing"
        and get("/api/v1/streams")["states"]["live"] == 3
        and any(one["key"].endswith(":rows") for one in get("/api/v1/metrics?prefix=job")["metrics"])
    )


def names(page):
    """The addresses of all views, and of pages below them."""
    links = page.locator("header nav a").evaluate_all("all => all.map(own => own.getAttribute('href'))")
    assert len(links) == 9, links
    series, failing = segment("binance/BTC-USDT/ohlc/1h"), segment("binance/NONE-USDT/ohlc/1h")
    below = [
        f"/series/{series}",
        f"/jobs/{failing}",
        "/runs",
        "/history?prefix=rows%3Awritten&resolution=1m",
        "/logs?level=warn",
        "/sign-in",
    ]
    return links + below


def picture(page, path, scheme, viewport):
    if not PICTURES:
        return
    name = path.split("?")[0].strip("/").replace("%2F", "-") or "overview"
    name = {"series-binance-BTC-USDT-ohlc-1h": "one-series", "jobs-binance-NONE-USDT-ohlc-1h": "one-job"}.get(
        name.replace("/", "-"), name.replace("/", "-")
    )
    if name == "history" and "?" in path:
        name = "one-metric"
    size = "wide" if viewport == WIDE else "phone"
    page.wait_for_timeout(400)
    page.screenshot(path=os.path.join(PICTURES, f"page-{name}-{size}-{scheme}.png"), full_page=False)


def heard(page):
    """What can be read of a page."""
    return " ".join(page.locator("main").inner_text().split())


with browser() as chromium:
    until("rows, a failure and live series", settled, 90)
    first = Watched(chromium)
    views = names(first.open("/"))
    first.sign_in()
    signed_in = first.context.storage_state()
    first.close()
    for path in views:
        for viewport in (WIDE, PHONE):
            for scheme in ("light", "dark"):
                about = f"{path} at {viewport['width']} px, {scheme}"
                # Whoever has signed in sees the actions too.
                own = Watched(chromium, viewport=viewport, scheme=scheme, state=signed_in)
                page = own.open(path)
                page.wait_for_timeout(150)
                assert page.locator("h1").count() == 1, about
                fits(page, about)
                everyone_can_read(page, about)
                picture(page, path, scheme, viewport)
                own.blameless(about)
                own.close()
        bare = Watched(chromium, scripts=False, viewport=PHONE)
        page = bare.open(path)
        text = heard(page)
        # A chart or a tap may say that it needs scripts; what it shows stands there as text, or is named.
        assert len(text) > 60, f"{path} without scripts: {text}"
        assert page.locator("main [hidden]:visible").count() == 0, path
        fits(page, f"{path} without scripts")
        bare.blameless(f"{path} without scripts")
        bare.close()
    print(f"{len(views)} pages of {URL}")
