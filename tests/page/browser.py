"""What the scripts of this folder share: the browser, pages that are watched, and questions to the API."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

URL = os.environ["PAGE_URL"]
TOKEN = os.environ["PAGE_TOKEN"]
PICTURES = os.environ.get("PAGE_PICTURES", "")
AXE = open(os.environ["PAGE_AXE"], encoding="utf-8").read()
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@contextmanager
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()


class Watched:
    """A page, and everything that went wrong on it."""

    def __init__(self, chromium, scripts=True, viewport=None, scheme="light", state=None):
        self.context = chromium.new_context(
            storage_state=state,
            java_script_enabled=scripts,
            viewport=viewport or WIDE,
            color_scheme=scheme,
            locale="en-GB",
            timezone_id="Europe/Paris",
            device_scale_factor=1,
        )
        self.page = self.context.new_page()
        self.wrong = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._asked)

    def _said(self, message):
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.wrong.append(f"{message.type}: {message.text}")

    def _dialog(self, dialog):
        self.wrong.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request):
        if not request.url.startswith((URL + "/", "data:", "blob:" + URL)):
            self.wrong.append(f"a request elsewhere: {request.url}")

    def open(self, path, status=200):
        answer = self.page.goto(URL + path, wait_until="load")
        assert answer.status == status, f"{path}: {answer.status}"
        return self.page

    def sign_in(self):
        self.open("/sign-in")
        self.page.get_by_label("Token").fill(TOKEN)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(URL + "/")

    def blameless(self, about):
        assert not self.wrong, f"{about}: {self.wrong}"

    def close(self):
        self.context.close()


def everyone_can_read(page, about):
    """No issue of level serious or critical, by axe-core."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [
        f"{one['id']}: {one['help']}: " + "; ".join(node["html"][:200] for node in one["nodes"][:3])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert not serious, f"{about}: {serious}"


def fits(page, about):
    """Nothing scrolls sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    room = page.evaluate("document.documentElement.clientWidth")
    if wide > room:
        beyond = page.evaluate(
            """room => [...document.querySelectorAll('main *, header *, footer *')]
            .filter(own => own.getBoundingClientRect().right > room + 1)
            .slice(0, 5).map(own => own.outerHTML.slice(0, 160))""",
            room,
        )
        raise AssertionError(f"{about}: {wide} px of {room}: {beyond}")


def get(path):
    """An answer of the API."""
    request = urllib.request.Request(URL + path, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read()
        is_lines = answer.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in text.splitlines()] if is_lines else json.loads(text)


def segment(text):
    return urllib.parse.quote(text, safe="")


def dccd(*args):
    """The output of a command as JSON."""
    folder = os.environ["PAGE_FOLDER"]
    ended = subprocess.run(
        [os.environ["PAGE_DCCD"], *args], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return json.loads(ended.stdout)


def until(what, is_so, within=40.0):
    """Waits until something is so, and gives it."""
    deadline = time.monotonic() + within
    while True:
        found = is_so()
        if found:
            return found
        assert time.monotonic() < deadline, f"it never came about: {what}"
        time.sleep(0.1)


def wish(text):
    """Asks the test for something, and waits until it is done."""
    print(f"@{text}", flush=True)
    return sys.stdin.readline().rstrip("\n")


def states():
    return {one["series"]: one["state"] for one in get("/api/v1/series")["series"]}
