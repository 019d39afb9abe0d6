"""Signing in: asked for where something is changed and nowhere else, and of no use to another site."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from browser import TOKEN, URL, Watched, browser, get, segment, states, until, wish

SERIES = "binance/BTC-USDT/ohlc/1h"
JOB = f"/jobs/{segment(SERIES)}"


class Other(BaseHTTPRequestHandler):
    """Another site, with a form that pauses a job here."""

    def do_GET(self):
        page = f"<form method=post action='{URL}{JOB}/pause'><button>Win a prize</button></form>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_):
        pass


def is_paused():
    return get(f"/api/v1/jobs/{segment(SERIES)}")["paused"]


with browser() as chromium:
    until("a good run", lambda: states().get(SERIES) == "ok")
    own = Watched(chromium)
    page = own.open(JOB)
    # Nothing can be done before signing in, with the button neither nor without it.
    assert page.get_by_role("button", name="Pause").count() == 0
    answer = own.context.request.post(f"{URL}{JOB}/pause", headers={"Accept": "text/html"}, max_redirects=0)
    assert answer.status == 303 and answer.headers["location"].startswith("/sign-in?to=%2Fjobs%2F"), answer.headers
    assert own.context.request.post(f"{URL}/api/v1{JOB}/pause").status == 401
    assert not is_paused()

    page.get_by_role("link", name="Sign in to act").click()
    page.get_by_label("Token").fill("not the token")
    page.get_by_role("button", name="Sign in").click()
    assert "that is not the token" in page.get_by_role("alert").inner_text()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(URL + JOB)
    [cookie] = own.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and not cookie["secure"], cookie
    assert page.evaluate("document.cookie") == "", "no script can read it"
    assert TOKEN not in page.content()

    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused.").wait_for()
    assert is_paused()
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("Resumed.").wait_for()
    assert not is_paused()
    # The cookie is worth what the token is worth, in the API too.
    assert own.context.request.post(f"{URL}/api/v1{JOB}/pause").status == 200
    assert own.context.request.post(f"{URL}/api/v1{JOB}/resume").status == 200

    site = HTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    other = own.context.new_page()
    other.goto(f"http://localhost:{site.server_port}/")
    other.get_by_role("button", name="Win a prize").click()
    other.wait_for_url(URL + "/**")
    assert "another site may not act here" in other.locator("body").inner_text()
    assert not is_paused()
    other.close()
    site.shutdown()

    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(URL + "/")
    assert own.context.cookies() == []
    page = own.open(JOB)
    assert page.get_by_role("button", name="Pause").count() == 0
    own.blameless("signing in")

    # Without a token nobody signs in, and the page says how to act.
    bare = wish("bare")
    page = own.context.new_page()
    page.goto(bare + JOB)
    assert "http.token_file" in page.locator("main").inner_text()
    assert page.get_by_role("button").count() == 0
    page.goto(bare + "/sign-in")
    assert "There is no token" in page.locator("main").inner_text()
    print("the token is asked for where it must be")
